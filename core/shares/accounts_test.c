/* One connector with several accounts: what it has for one of them is not held against the others. */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/stats.h"
#include "core/shares/private.h"
#include "core/store/quarantine.h"
#include "core/testing/amoctl.h"
#include "core/testing/rig.h"
#include "proto/session.h"

/* A connector may have 40 commands: an account alone 20, and each of the two always 5. */
#define FEW                                                                                    \
    "core/commands_max = 400\nshare/commands = 40\nshare/queue_s = 1\nshare/quarantine = 8\n"  \
    "share/bytes = 40000\nshare/percent = 10\n"

static int setup(void **state)
{
    int rc = ctl_setup(state);
    struct rig *r = *state;

    r->more_config = FEW;
    rig_restart(r);
    rig_register_account(r, "ch_b");
    rig_register_source(r, "line1", "ch_acc");
    rig_register_source(r, "line2", "ch_b");
    return rc;
}

static void write_to(struct rig *r, const char *source, int from, int to)
{
    for (int i = from; i <= to; i++) {
        struct event e = {0};
        char id[32];

        (void)snprintf(id, sizeof(id), "%s-%d", source, i); /* fits */
        e = rig_client_text(id);
        e.source = view_of(source);
        rig_take(r, &e);
    }
}

static void look(struct rig *r)
{
    shares_tick(&r->core, clock_mono_ms());
}

static const struct over *over_of(struct rig *r, const char *scope, enum share share)
{
    return over_find(r->core.shares, "svc", scope, share);
}

static void assert_over(struct rig *r, const char *want)
{
    struct buf names;

    look(r);
    buf_init(&names, 1000);
    (void)shares_over(&r->core, &names);
    assert_string_equal(buf_str(&names), want);
    buf_fini(&names);
}

static int64_t part_of(struct rig *r, const char *scope, enum share share)
{
    struct parts p = {0};
    int64_t n = 0;

    assert_int_equal(parts_read(&r->core, "svc", &p), 0);
    for (size_t i = 0; i < p.n; i++)
        n += strcmp(p.rows[i].scope, scope) == 0 ? p.rows[i].used[share] : 0;
    parts_fini(&p);
    return n;
}

static void one_account_that_floods_leaves_the_others_their_part(void **state)
{
    struct rig *r = *state;

    write_to(r, "line1", 1, 19);
    assert_over(r, "");
    write_to(r, "line1", 20, 21);
    assert_over(r, " svc for ch_acc (queue)");
    write_to(r, "line2", 1, 5);
    assert_over(r, " svc for ch_acc (queue)");
    assert_int_equal(part_of(r, "ch_acc", SHARE_QUEUE), 21);
    assert_int_equal(part_of(r, "ch_b", SHARE_QUEUE), 5);
    rig_restart(r); /* the sums are the store's */
    assert_over(r, " svc for ch_acc (queue)");
    write_to(r, "line2", 6, 7);
    assert_over(r, " svc for ch_acc (queue) svc for ch_b (queue)");
}

static void what_came_in_spite_of_it_is_not_held_against_others(void **state)
{
    struct rig *r = *state;

    write_to(r, "line1", 1, 60); /* a spool that was filled without core */
    assert_over(r, " svc for ch_acc (queue)");
    write_to(r, "line2", 1, 4);
    assert_over(r, " svc for ch_acc (queue)");
    write_to(r, "line1", 61, 80); /* twice its share is the end, whomever it is for */
    assert_over(r, " svc (queue) svc for ch_acc (queue)");
}

static void a_queue_that_is_half_full_knows_no_accounts(void **state)
{
    struct rig *r = *state;

    write_to(r, "line1", 1, 45);
    assert_over(r, " svc for ch_acc (queue)");
    r->core.queue->max = 80;
    assert_over(r, " svc (queue) svc for ch_acc (queue)");
}

static void an_account_that_left_is_no_burden(void **state)
{
    struct rig *r = *state;

    write_to(r, "line1", 1, 60);
    look(r);
    ctl_fine(r, "account.disconnect", "{\"scope_id\":\"ch_acc\",\"no_call\":true}");
    assert_over(r, " svc for ch_acc (queue)");
    write_to(r, "line2", 1, 4);
    assert_over(r, " svc for ch_acc (queue)");
    assert_int_equal(over_of(r, "ch_acc", SHARE_QUEUE)->retry_s, 60);
}

static void an_account_alone_has_all_of_it(void **state)
{
    struct rig *r = *state;

    ctl_fine(r, "account.disconnect", "{\"scope_id\":\"ch_b\",\"no_call\":true}");
    write_to(r, "line1", 1, 39);
    assert_over(r, "");
    write_to(r, "line1", 40, 40);
    assert_over(r, " svc (queue)");
}

/* Another message under an id that is known in another thread. */
static void mistakes(struct rig *r, const char *source, int n)
{
    for (int i = 1; i <= n; i++) {
        struct event e = {0};
        char id[32];
        char thread[64];

        (void)snprintf(id, sizeof(id), "%s-1", source);               /* fits */
        (void)snprintf(thread, sizeof(thread), "%s-other-%d", id, i); /* fits */
        e = rig_client_text(id);
        e.source = view_of(source);
        e.conversation = view_of(thread);
        rig_take(r, &e);
    }
}

static void what_is_in_quarantine_counts_for_the_account_it_was_for(void **state)
{
    struct rig *r = *state;

    write_to(r, "line1", 1, 1);
    write_to(r, "line2", 1, 1);
    mistakes(r, "line1", 5);
    rig_assert_quarantined(r, "id_again");
    assert_over(r, " svc for ch_acc (quarantine)");
    mistakes(r, "line2", 1);
    assert_int_equal(part_of(r, "ch_acc", SHARE_QUARANTINE), 5);
    assert_int_equal(part_of(r, "ch_b", SHARE_QUARANTINE), 1);
    assert_over(r, " svc for ch_acc (quarantine) svc for ch_b (quarantine)");
    assert_int_equal(over_of(r, "ch_acc", SHARE_QUARANTINE)->retry_s, 600);
}

static void mend(struct rig *r, int from, int to)
{
    for (int i = from; i <= to; i++) {
        struct event e = rig_edit("m1", "mended");
        char text[32];

        (void)snprintf(text, sizeof(text), "mended %d", i); /* fits */
        e.content.text = view_of(text);
        rig_take(r, &e);
    }
}

static void reports_of_one_account_close_the_door_later(void **state)
{
    struct rig *r = *state;

    rig_client_message_done(r, "m1", "amo-1");
    ctl_fine(r, "account.disconnect", "{\"scope_id\":\"ch_acc\",\"no_call\":true}");
    mend(r, 1, 15);
    assert_int_equal(part_of(r, "ch_acc", SHARE_REPORTS), 15);
    assert_over(r, ""); /* no more than 4 of them are counted … */
    mend(r, 16, 16);
    assert_over(r, " svc (reports)"); /* … and twice the share is the end */
}

static void large_texts_for_one_account_are_its_own_matter(void **state)
{
    struct rig *r = *state;
    static char text[15000];
    struct event e = rig_client_text("m1");

    memset(text, 'x', sizeof(text) - 1);
    e.content.text = view_of(text);
    rig_take(r, &e);
    assert_over(r, "");
    e.message_id = VIEW_LIT("m2");
    rig_take(r, &e);
    assert_over(r, " svc for ch_acc (bytes)");
    e.message_id = VIEW_LIT("m3");
    rig_take(r, &e);
    assert_over(r, " svc (bytes) svc for ch_acc (bytes)"); /* the disk does not care */
}

/* --- telling and showing -------------------------------------------------------------------- */

struct told {
    size_t n;
    char last[256];
};

static void tell_one(void *arg, const struct share_over *o)
{
    struct told *t = arg;

    t->n++;
    (void)snprintf(t->last, sizeof(t->last), "%.*s/%.*s/%.*s/%llu", (int)o->connector.len,
                   o->connector.ptr, (int)o->scope.len, o->scope.len ? o->scope.ptr : "",
                   (int)o->share.len, o->share.ptr, (unsigned long long)o->retry_s);
}

/* The SHARES that waits for the commit. */
static struct told told_at_welcome(struct rig *r)
{
    struct told t = {0};

    shares_tell(&r->core, r->ingress);
    for (const struct list *i = r->core.turn->parcels.next; i != &r->core.turn->parcels;
         i = i->next) {
        const struct parcel *p = LIST_ENTRY_CONST(i, struct parcel, link);

        if (p->envelope.kind == MSG_SHARES)
            assert_int_equal(shares_decode(buf_view(&p->body), tell_one, &t), 0);
    }
    return t;
}

static void an_ingress_that_comes_is_told_for_which_account(void **state)
{
    struct rig *r = *state;
    struct told t;

    write_to(r, "line1", 1, 21);
    look(r);
    t = told_at_welcome(r);
    assert_int_equal(t.n, 1);
    assert_string_equal(t.last, "svc/ch_acc/queue/1");
    rig_turn(r);
    ctl_fine(r, "account.pause", "{\"scope_id\":\"ch_acc\"}");
    look(r);
    assert_string_equal(told_at_welcome(r).last, "svc/ch_acc/queue/60");
    rig_restart(r); /* before its first tick */
    assert_string_equal(told_at_welcome(r).last, "svc/ch_acc/queue/60");
}

static void of_very_many_those_who_are_over_by_most_are_told(void **state)
{
    struct rig *r = *state;
    struct over_list *l = &r->core.shares->over;
    struct told t;

    look(r);
    l->rows = mem_zalloc_array(2000, sizeof(*l->rows));
    assert_non_null(l->rows);
    l->n = l->cap = 2000;
    for (size_t i = 0; i < l->n; i++) {
        l->rows[i] = (struct over){.used = 100 + (int64_t)((i * 7) % 2000), .limit = 100};
        (void)snprintf(l->rows[i].connector, NAME_ROOM, "svc");                     /* fits */
        (void)snprintf(l->rows[i].scope, PART_SCOPE_MAX, "ch_%04zu", i * 7 % 2000); /* fits */
    }
    assert_false(shares_is_to_tell(r->core.shares, r->core.shares->told_mono_ms + 10));
    r->core.shares->changed = true;
    assert_false(shares_is_to_tell(r->core.shares, r->core.shares->told_mono_ms + 10));
    assert_true(shares_is_to_tell(r->core.shares, r->core.shares->told_mono_ms + 300));
    t = told_at_welcome(r);
    assert_int_equal(t.n, 1024);
    assert_string_equal(t.last, "svc/ch_0976/queue/0");
}

typedef void show_fn(struct rig *r, struct json_writer *w);

static void show_connector(struct rig *r, struct json_writer *w)
{
    shares_json(&r->core, VIEW_LIT("svc"), w);
}

static void show_accounts(struct rig *r, struct json_writer *w)
{
    shares_accounts_json(&r->core, VIEW_LIT("svc"), w);
}

static void show_account(struct rig *r, struct json_writer *w)
{
    shares_account_json(&r->core, registry_scope(r->core.turn->registry, VIEW_LIT("ch_b")), w);
}

static void show_own(struct rig *r, struct json_writer *w)
{
    shares_own_json(&r->core, registry_scope(r->core.turn->registry, VIEW_LIT("ch_acc")), w);
}

static void assert_shown(struct rig *r, show_fn *show, const char *words)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, 4096);
    json_writer_init(&w, &out);
    json_open_array(&w, NULL);
    show(r, &w);
    json_close_array(&w);
    if (!strstr(buf_str(&out), words))
        fail_msg("%s not in %s", words, buf_str(&out));
    buf_fini(&out);
}

static void people_are_told_whose_messages_are_refused(void **state)
{
    struct rig *r = *state;
    struct event mine = rig_manager_text("amo-1");

    write_to(r, "line1", 1, 21);
    write_to(r, "line2", 1, 1);
    rig_take(r, &mine);
    look(r);
    assert_shown(r, show_connector,
                 "{\"share\":\"queue\",\"used\":22,\"limit\":40,\"over_since\":null,"
                 "\"counted\":21}");
    assert_shown(r, show_accounts,
                 "[{\"scope_id\":\"ch_acc\",\"share\":\"queue\",\"used\":21,\"limit\":20,"
                 "\"over_since\":\"");
    assert_shown(
        r, show_accounts,
        "\"refused\":\"its messages hear 429; the connector's other accounts go on\"}]");
    assert_shown(r, show_account,
                 "[{\"share\":\"queue\",\"used\":1,\"limit\":6,\"over_since\":null},");
    assert_shown(r, show_own, "[{\"share\":\"queue\",\"used\":1},");
    ctl_fine(r, "account.show", "{\"scope_id\":\"ch_acc\"}");
    ctl_sad(r, "account.show", "{\"scope_id\":\"ch_none\"}", EXIT_FAILED, "no such account");
    shares_gauges(&r->core);
    assert_int_equal((int)stats_gauge(r->core.stats, "amo_account_shares_over", "", "")->value,
                     1);
    assert_int_equal((int)stats_gauge(r->core.stats, "amo_shares_over", "", "")->value, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, ctl_teardown)
    const struct CMUnitTest tests[] = {
        CASE(one_account_that_floods_leaves_the_others_their_part),
        CASE(what_came_in_spite_of_it_is_not_held_against_others),
        CASE(a_queue_that_is_half_full_knows_no_accounts),
        CASE(an_account_that_left_is_no_burden),
        CASE(an_account_alone_has_all_of_it),
        CASE(what_is_in_quarantine_counts_for_the_account_it_was_for),
        CASE(reports_of_one_account_close_the_door_later),
        CASE(large_texts_for_one_account_are_its_own_matter),
        CASE(an_ingress_that_comes_is_told_for_which_account),
        CASE(of_very_many_those_who_are_over_by_most_are_told),
        CASE(people_are_told_whose_messages_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
