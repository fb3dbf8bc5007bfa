/* Who is over a share is told to the ingresses, keeps no room from others, and has it again later. */

#include "core/shares/shares.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/stats.h"
#include "core/intake/intake.h"
#include "core/peers/peers.h"
#include "core/store/quarantine.h"
#include "core/store/shares.h"
#include "core/testing/rig.h"
#include "core/watch.h"
#include "proto/session.h"

#define FEW                                                                                    \
    "core/commands_max = 80\nshare/commands = 8\nshare/quarantine = 4\nshare/bytes = 2000\n"

static void with_few(struct rig *r)
{
    r->more_config = FEW;
    rig_restart(r);
}

static void take(struct rig *r, struct event e)
{
    rig_take(r, &e);
}

static void look(struct rig *r)
{
    shares_tick(&r->core, 1);
}

/* What amoctl says of "svc": its used and limit of @share; is it over? */
static bool used_of(struct rig *r, const char *connector, const char *share, const char *want)
{
    struct json_writer w;
    char name[40];
    struct buf out;
    const char *at = NULL;
    bool over = false;

    buf_init(&out, 4096);
    json_writer_init(&w, &out);
    json_open_array(&w, NULL);
    shares_json(&r->core, view_of(connector), &w);
    json_close_array(&w);
    (void)snprintf(name, sizeof(name), "\"share\":\"%s\",", share); /* fits */
    at = strstr(buf_str(&out), name);
    assert_non_null(at);
    if (strncmp(at + strlen(name), want, strlen(want)) != 0)
        fail_msg("%s: %s, not %s", share, at, want);
    at = strstr(at, "over_since");
    over = at && at[strlen("over_since\":")] == '"';
    buf_fini(&out);
    return over;
}

static void client_texts(struct rig *r, int from, int to)
{
    for (int i = from; i <= to; i++) {
        char id[16];

        (void)snprintf(id, sizeof(id), "m%d", i); /* fits */
        take(r, rig_client_text(id));
    }
}

static void statuses_of_nobody(struct rig *r, const char *connector, int n)
{
    for (int i = 0; i < n; i++) {
        char id[32];
        struct event e;

        (void)snprintf(id, sizeof(id), "%s-%d", connector, i); /* fits */
        e = rig_status(id, "read");
        e.connector = view_of(connector);
        take(r, e);
    }
}

static void what_waits_counts_for_who_caused_it(void **state)
{
    struct rig *r = *state;
    struct store_share rooms[STORE_ROOMS];

    rig_register_second(r);
    client_texts(r, 1, 3);
    take(r, rig_manager_text("amo-1"));
    statuses_of_nobody(r, "two", 2);
    (void)used_of(r, "svc", "queue", "\"used\":3,");
    (void)used_of(r, "two", "queue", "\"used\":0,");
    (void)used_of(r, "two", "waiting", "\"used\":2,");
    assert_int_equal(store_shares_of(r->core.store, "sch_acc", rooms), 0);
    assert_int_equal(rooms[STORE_ROOM_QUEUE].n, 1);
    assert_true(rooms[STORE_ROOM_QUEUE].bytes > 0);
    rig_restart(r); /* it is the store's, so it is the same */
    (void)used_of(r, "svc", "queue", "\"used\":3,");
    (void)used_of(r, "two", "waiting", "\"used\":2,");
}

static void a_status_counts_for_the_service_that_reports_it(void **state)
{
    struct rig *r = *state;
    struct store_share rooms[STORE_ROOMS];

    rig_manager_message_done(r, "amo-1", "s-1");
    take(r, rig_status("s-1", "read"));
    assert_int_equal(rig_count(r, COMMAND_AMO_STATUS), 1);
    (void)used_of(r, "svc", "queue", "\"used\":1,");
    assert_int_equal(store_shares_of(r->core.store, "sch_acc", rooms), 0);
    assert_int_equal(rooms[STORE_ROOM_QUEUE].n, 0);
}

static size_t n_over(struct rig *r)
{
    struct stat_gauge *g = NULL;
    struct buf names;

    shares_gauges(&r->core);
    g = stats_gauge(r->core.stats, "amo_shares_over", "", "");
    buf_init(&names, 1000);
    assert_int_equal(shares_over(&r->core, &names), (size_t)g->value);
    assert_string_equal(buf_str(&names), g->value > 0 ? " svc (queue)" : "");
    buf_fini(&names);
    return (size_t)g->value;
}

static void over_it_one_stays_until_an_eighth_is_free(void **state)
{
    struct rig *r = *state;
    struct core_command *c = NULL;

    with_few(r);
    client_texts(r, 1, 7);
    look(r);
    assert_false(used_of(r, "svc", "queue", "\"used\":7,\"limit\":8,"));
    client_texts(r, 8, 9); /* what was accepted is taken all the same */
    look(r);
    assert_true(used_of(r, "svc", "queue", "\"used\":9,\"limit\":8,"));
    assert_int_equal(n_over(r), 1);
    for (int i = 0; i < 3; i++) {
        char amo_id[16];
        bool was = i < 2;

        assert_int_equal(used_of(r, "svc", "queue", "\"used\":"), was || i == 2);
        (void)snprintf(amo_id, sizeof(amo_id), "amo-%d", i); /* fits */
        rig_turn(r);
        c = queue_find(r->core.queue, i + 1);
        assert_non_null(c);
        rig_result(r, r->worker, c,
                   (struct result){.outcome = OUTCOME_DONE,
                                   .amo_message_id = view_of(amo_id),
                                   .amo_chat_id = VIEW_LIT("chat")});
        rig_commit(r);
        look(r);
    }
    assert_false(used_of(r, "svc", "queue", "\"used\":6,"));
    assert_int_equal(n_over(r), 0);
}

static void a_flood_of_statuses_leaves_others_their_room(void **state)
{
    struct rig *r = *state;

    r->more_config = "share/percent = 1\nshare/quarantine = 4\n"; /* 1,000 of those that wait */
    rig_restart(r);
    rig_register_second(r);
    statuses_of_nobody(r, "svc", 1005);
    rig_assert_counts(r, 0, 5, 1000);
    rig_assert_quarantined(r, "too_many_waiting");
    look(r);
    assert_true(used_of(r, "svc", "waiting", "\"used\":1000,\"limit\":1000,"));
    assert_true(used_of(r, "svc", "reports", "\"used\":5,\"limit\":4,"));
    assert_false(used_of(r, "svc", "quarantine", "\"used\":0,"));
    assert_false(used_of(r, "two", "waiting", "\"used\":0,"));
    statuses_of_nobody(r, "two", 3);
    rig_assert_counts(r, 0, 5, 1003);
    rig_restart(r);
    look(r);
    assert_true(used_of(r, "svc", "waiting", "\"used\":1000,"));
}

static void a_full_room_lets_in_who_has_little_there(void **state)
{
    struct rig *r = *state;

    r->core.intake->n_deferred = LIMIT_WAITING; /* of others */
    statuses_of_nobody(r, "svc", 1);
    rig_assert_counts(r, 0, 0, 1);
    r->core.intake->n_deferred = LIMIT_WAITING_ALL;
    statuses_of_nobody(r, "svc", 1);
    rig_assert_counts(r, 0, 1, 1);
}

static void large_bodies_count_by_their_bytes(void **state)
{
    struct rig *r = *state;
    static char text[1500];
    struct event e = rig_client_text("m1");

    with_few(r);
    memset(text, 'x', sizeof(text) - 1);
    e.content.text = view_of(text);
    take(r, e);
    look(r);
    assert_false(used_of(r, "svc", "bytes", "\"used\":1"));
    e.message_id = VIEW_LIT("m2");
    take(r, e);
    look(r);
    assert_true(used_of(r, "svc", "bytes", "\"used\":3"));
}

static void quarantined_for(struct rig *r, const char *reason)
{
    const struct id trace = {{0}};

    assert_int_equal(store_quarantine_add(r->core.store, reason, VIEW_LIT("x"), VIEW_NONE,
                                          VIEW_LIT("svc"), EVENT_SERVICE_STATUS, &trace,
                                          VIEW_NONE, view_of(reason), clock_unix_ms()),
                     0);
}

static void statuses_of_unknown_messages_go_after_a_day(void **state)
{
    struct rig *r = *state;
    struct event e = rig_edit("m1", "mended");

    r->core.intake->n_deferred = LIMIT_WAITING_ALL;
    statuses_of_nobody(r, "svc", 3);
    take(r, e);
    r->core.intake->n_deferred = 0;
    rig_assert_counts(r, 0, 4, 0);
    (void)used_of(r, "svc", "reports", "\"used\":4,");
    assert_int_equal(core_turn(&r->core), 0);
    quarantined_for(r, "unknown_message");
    quarantined_for(r, "account_left");
    quarantined_for(r, "foreign_message");
    assert_int_equal(store_quarantine_forget_statuses(r->core.store, clock_unix_ms() - 1000),
                     0);
    rig_assert_counts(r, 0, 7, 0);
    assert_int_equal(store_quarantine_forget_statuses(r->core.store, clock_unix_ms() + 1000),
                     0);
    rig_assert_counts(r, 0, 3, 0); /* these a person can put right */
    (void)used_of(r, "svc", "reports", "\"used\":3,");
}

/* --- telling -------------------------------------------------------------------------------- */

struct told {
    char text[256];
};

static void tell_one(void *arg, const struct share_over *o)
{
    struct told *t = arg;
    size_t n = strlen(t->text);

    (void)snprintf(t->text + n, sizeof(t->text) - n, "%.*s/%.*s/%s/%llu ",
                   (int)o->connector.len, o->connector.ptr, (int)o->share.len, o->share.ptr,
                   o->reports ? "reports" : "all", (unsigned long long)o->retry_s);
}

/* The SHARES that wait for the commit. */
static void assert_told(const struct rig *r, const char *want)
{
    struct told t = {""};

    for (const struct list *i = r->core.turn->parcels.next; i != &r->core.turn->parcels;
         i = i->next) {
        const struct parcel *p = LIST_ENTRY_CONST(i, struct parcel, link);

        if (p->envelope.kind == MSG_SHARES)
            assert_int_equal(shares_decode(buf_view(&p->body), tell_one, &t), 0);
    }
    assert_string_equal(t.text, want);
}

static void an_ingress_that_comes_is_told_who_is_over_what(void **state)
{
    struct rig *r = *state;

    with_few(r);
    shares_tell(&r->core, r->ingress);
    assert_told(r, ""); /* nobody: it knows of none */
    client_texts(r, 1, 9);
    statuses_of_nobody(r, "svc", 1);
    look(r);
    shares_tell(&r->core, r->worker);
    assert_told(r, "");
    shares_tell(&r->core, r->ingress);
    assert_told(r, "svc/queue/all/1 ");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        CASE(what_waits_counts_for_who_caused_it),
        CASE(a_status_counts_for_the_service_that_reports_it),
        CASE(over_it_one_stays_until_an_eighth_is_free),
        CASE(a_flood_of_statuses_leaves_others_their_room),
        CASE(a_full_room_lets_in_who_has_little_there),
        CASE(large_bodies_count_by_their_bytes),
        CASE(statuses_of_unknown_messages_go_after_a_day),
        CASE(an_ingress_that_comes_is_told_who_is_over_what),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
