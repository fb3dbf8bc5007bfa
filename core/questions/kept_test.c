/* What is no message is a row among messages: who it is about, what it says of itself, and its place among all. */

#include <stdio.h>

#include "base/process.h"
#include "core/intake/intake.h"
#include "core/store/db.h"
#include "core/store/erase.h"
#include "core/store/private.h"
#include "core/testing/amoctl.h"

#define DAY_MS (24LL * 3600 * 1000)

static const struct json_node *rows_of(const struct reply *reply)
{
    return json_get(json_root(reply->doc), "messages");
}

static struct reply list(struct rig *r, const char *args)
{
    struct reply reply = ctl_ask(r, "message.list", args);

    if (reply.code != EXIT_FINE)
        print_message("%s: %s\n", args, reply.error);
    assert_int_equal(reply.code, EXIT_FINE);
    return reply;
}

/* All pages together: each ends after a while, too. */
static void assert_rows(struct rig *r, const char *args, size_t n)
{
    bool limited = strstr(args, "\"limit\"") != NULL;
    char next[64] = "";
    size_t rows = 0;

    do {
        char more[512];
        struct view v = VIEW_NONE;
        struct reply reply;

        (void)snprintf(more, sizeof(more), "%.*s%s%s%s%s}", (int)strlen(args) - 1, args,
                       *next && strlen(args) > 2 ? "," : "", *next ? "\"page\":\"" : "", next,
                       *next ? "\"" : "");
        reply = list(r, more);
        rows += json_array_len(rows_of(&reply));
        (void)json_strict_text(json_get(json_root(reply.doc), "next"),
                               &v); /* absent: the end */
        (void)snprintf(next, sizeof(next), "%.*s", (int)v.len, v.ptr ? v.ptr : "");
        json_free(reply.doc);
    } while (*next && !(limited && rows >= n));
    if (rows != n)
        print_message("%s\n", args);
    assert_int_equal(rows, n);
}

/* The only row. */
static const struct json_node *only(struct rig *r, const char *args, struct reply *ret)
{
    *ret = list(r, args);
    assert_int_equal(json_array_len(rows_of(ret)), 1);
    return json_array_at(rows_of(ret), 0);
}

/* A manager's message of an account that is not connected here. */
static void take_of_a_stranger(struct rig *r, const char *id)
{
    struct event e = rig_manager_text(id);

    e.scope = VIEW_LIT("ch_stranger");
    rig_take(r, &e);
}

/* One of a known conversation that came too late. */
static void take_too_old(struct rig *r, const char *id)
{
    struct event e = rig_manager_text(id);

    e.chat_id = VIEW_LIT("chat-1");
    e.sent_ms -= 400 * DAY_MS;
    rig_take(r, &e);
}

static void take_status(struct rig *r, const char *id)
{
    struct event e = rig_status(id, "read");

    rig_take(r, &e);
}

static void take_unread(struct rig *r)
{
    rig_push_bytes(r, r->next_number++, VIEW_LIT("no event"), true);
    rig_commit(r);
}

static void set_two_aside(struct rig *r)
{
    r->core.queue->max = 8;
    for (int i = 0; i < 6; i++) {
        char id[32];
        struct event e;

        (void)snprintf(id, sizeof(id), "w-%d", i); /* fits */
        e = rig_manager_text(id);
        e.chat_id = VIEW_LIT("chat-1");
        rig_take(r, &e);
    }
    assert_int_equal(r->core.intake->n_aside, 2);
}

static void a_person_without_a_conversation_is_found_by_phone_and_chat(void **state)
{
    static const char *const names[] = {"79991234567", "8 (999) 123-45-67", "+7 999 1234567",
                                        "9991234567", "chat"};
    struct rig *r = *state;
    const struct json_node *row = NULL;
    struct reply reply;
    char args[128];

    take_of_a_stranger(r, "amo-1");
    for (size_t i = 0; i < AMO_COUNT(names); i++) {
        (void)snprintf(args, sizeof(args), "{\"who\":\"%s\"}", names[i]);
        row = only(r, args, &reply);
        ctl_text(&reply, row, "state", "quarantined");
        ctl_text(&reply, row, "reason", "unknown_scope");
        ctl_text(&reply, row, "direction", "outbound");
        ctl_text(&reply, row, "type", "text");
        ctl_text(&reply, row, "amo_id", "amo-1");
        ctl_text(&reply, row, "phone", "***4567");
        ctl_text(&reply, row, "name", "A.");
        ctl_text(&reply, row, "scope_id", "ch_stranger");
        ctl_text(&reply, row, "why", "in quarantine, entry 1: unknown_scope");
        assert_int_equal(ctl_int(row, "entry"), 1);
        assert_int_equal(ctl_int(row, "text_chars"), 8);
        assert_null(json_get(row, "text"));
        json_free(reply.doc);
    }
    row = only(r, "{\"who\":\"chat\",\"reveal\":true}", &reply);
    ctl_text(&reply, row, "text", "good day");
    ctl_text(&reply, row, "phone", "89991234567");
    json_free(reply.doc);
    ctl_sad(r, "message.list", "{\"who\":\"79990000000\"}", EXIT_FAILED, "no conversation");
}

static void what_is_kept_of_a_conversation_stands_among_its_messages(void **state)
{
    struct rig *r = *state;
    struct reply reply;
    const struct json_node *root = NULL;

    rig_client_message_done(r, "m1", "amo-0");
    take_too_old(r, "late");
    reply = list(r, "{\"who\":\"thread\"}");
    root = json_root(reply.doc);
    assert_int_equal(json_array_len(rows_of(&reply)), 2);
    ctl_text(&reply, json_array_at(rows_of(&reply), 0), "amo_id", "late");
    assert_int_equal(ctl_int(json_array_at(rows_of(&reply), 0), "conversation"), 1);
    assert_int_equal(ctl_int(root, "conversation.quarantined"), 1);
    assert_int_equal(ctl_int(root, "conversation.events_waiting"), 0);
    json_free(reply.doc);
    set_two_aside(r);
    assert_rows(r, "{\"who\":\"8 999 123 45 67\"}", 8);
    assert_rows(r, "{\"who\":\"thread\",\"state\":\"set_aside\"}", 2);
    reply = ctl_ask(r, "conversation.show", "{\"id\":\"thread\"}");
    assert_int_equal(ctl_int(json_root(reply.doc), "events_waiting"), 2);
    json_free(reply.doc);
}

/* A phone is an address: what came from another number of it, or to another account, is not of this conversation. */
static void what_only_shares_its_phone_is_of_another_conversation(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("late");

    rig_client_message_done(r, "m1", "amo-0");
    e.chat_id = VIEW_LIT("another-chat");
    e.source = VIEW_LIT("line2");
    e.sent_ms -= 400 * DAY_MS;
    rig_take(r, &e);
    take_of_a_stranger(r, "amo-9");
    assert_rows(r, "{\"who\":\"thread\"}", 1);
    assert_rows(r, "{\"who\":\"another-chat\"}", 1);
}

static void each_filter_finds_what_is_no_message(void **state)
{
    static const struct {
        const char *args;
        size_t n;
    } cases[] = {
        {"{}",                                                           6}, /* and four messages */
        {"{\"state\":\"quarantined\"}",                                  3},
        {"{\"state\":\"waiting\"}",                                      1},
        {"{\"state\":\"set_aside\"}",                                    2},
        {"{\"reason\":\"too_old\"}",                                     1},
        {"{\"reason\":\"unknown_message\"}",                             1},
        {"{\"reason\":\"room\",\"state\":\"set_aside\"}",                2},
        {"{\"reason\":\"suspect\"}",                                     1},
        {"{\"state\":\"quarantined\",\"scope_id\":\"ch_acc\"}",          2}, /* who knows whose it is? */
        {"{\"state\":\"set_aside\",\"scope_id\":\"ch_acc\"}",            2},
        {"{\"state\":\"waiting\",\"scope_id\":\"ch_acc\"}",              1},
        {"{\"state\":\"waiting\",\"connector\":\"svc\"}",                1},
        {"{\"state\":\"set_aside\",\"direction\":\"inbound\"}",          0},
        {"{\"state\":\"set_aside\",\"direction\":\"outbound\"}",         2},
        {"{\"state\":\"quarantined\",\"until\":\"2020-01-01\"}",         0},
        {"{\"state\":\"quarantined\",\"since\":\"1h\"}",                 3},
        {"{\"state\":\"quarantined\",\"since\":\"1h\",\"limit\":\"2\"}", 2},
    };
    struct rig *r = *state;

    rig_client_message_done(r, "m1", "amo-0");
    take_of_a_stranger(r, "amo-1");
    take_too_old(r, "late");
    take_status(r, "nobody's");
    take_unread(r);
    set_two_aside(r);
    assert_rows(r, cases[0].args, cases[0].n + 5);
    for (size_t i = 1; i < AMO_COUNT(cases); i++)
        assert_rows(r, cases[i].args, cases[i].n);
}

static void what_nobody_has_read_says_so(void **state)
{
    struct rig *r = *state;
    struct reply reply;
    const struct json_node *row = NULL;

    rig_client_message_done(r, "m1", "amo-0");
    take_unread(r);
    assert_rows(r, "{\"who\":\"thread\"}", 1);
    row = only(r, "{\"state\":\"quarantined\"}", &reply);
    ctl_text(&reply, row, "why",
             "in quarantine, entry 1: suspect; it is kept unread, so nobody knows whose it is");
    assert_null(json_get(row, "direction"));
    json_free(reply.doc);
}

static void who_was_erased_is_not_found_any_more(void **state)
{
    const int64_t entry = 1;
    struct rig *r = *state;
    struct reply reply;
    const struct json_node *row = NULL;
    bool erased = false;

    take_of_a_stranger(r, "amo-1");
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(store_erase_begin(r->core.store), 0);
    assert_int_equal(store_erase_events(r->core.store, STORE_EVENT_QUARANTINE, &entry, 1), 0);
    rig_commit(r);
    ctl_sad(r, "message.list", "{\"who\":\"79991234567\"}", EXIT_FAILED, "no conversation");
    assert_rows(r, "{\"scope_id\":\"ch_acc\"}", 0);
    row = only(r, "{}", &reply);
    assert_true(json_bool(json_get(row, "erased"), &erased) && erased);
    json_free(reply.doc);
}

/* --- pages ---------------------------------------------------------------------------------------- */

/* Two of each kind at each of @n times. */
static void add_of_each_kind(struct rig *r, int64_t n)
{
    static const char *const sql[] = {
        "/* test */ WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM k WHERE i<?)"
        " INSERT INTO messages(direction,conversation,mid,scope,connector,state,told,taken_ms,"
        "settled_ms,trace,type) SELECT 1,1,'k-'||i,'ch_acc','svc','delivered_to_amo',0,"
        "1700000000000+i/2,0,randomblob(16),'text' FROM k",
        "/* test */ WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM k WHERE i<?)"
        " INSERT INTO quarantine(kind,reason,scope,event,at_ms) SELECT 0,'suspect',NULL,"
        "x'00',1700000000000+i/2 FROM k",
        "/* test */ WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM k WHERE i<?)"
        " INSERT INTO waiting(key,event,until_ms,taken_ms) SELECT 's-'||i,x'00',"
        "9000000000000,1700000000000+i/2 FROM k",
    };

    assert_int_equal(core_turn(&r->core), 0);
    for (size_t i = 0; i < AMO_COUNT(sql); i++)
        assert_int_equal(db_run(r->core.store->db, sql[i], "i", 2 * n), 0);
    rig_commit(r);
}

/* The next page of @filter; false: it was the last one. */
static bool next_page(struct rig *r, const char *filter, char next[64], size_t *rows,
                      char last_at[32])
{
    char args[256];
    struct view v = VIEW_NONE;
    struct reply reply;

    (void)snprintf(args, sizeof(args), "{%s%s%s%s}", filter, *next ? ",\"page\":\"" : "", next,
                   *next ? "\"" : "");
    reply = list(r, args);
    for (size_t i = 0; i < json_array_len(rows_of(&reply)); i++) {
        const struct json_node *row = json_array_at(rows_of(&reply), i);

        assert_true(json_strict_text(json_get(row, "at"), &v));
        if (*last_at)
            assert_true(strncmp(v.ptr, last_at, v.len) <= 0);
        (void)snprintf(last_at, 32, "%.*s", (int)v.len, v.ptr);
        ++*rows;
    }
    v = VIEW_NONE;
    (void)json_strict_text(json_get(json_root(reply.doc), "next"), &v); /* absent: the end */
    (void)snprintf(next, 64, "%.*s", (int)v.len, v.ptr ? v.ptr : "");
    json_free(reply.doc);
    return *next != '\0';
}

static void pages_lead_through_all_kinds_in_one_order(void **state)
{
    static const char *const filters[] = {"\"limit\":\"7\"", "\"limit\":\"1\"",
                                          "\"limit\":\"200\"",
                                          "\"limit\":\"5\",\"since\":\"2020-01-01\""};
    struct rig *r = *state;

    add_of_each_kind(r, 30);
    for (size_t i = 0; i < AMO_COUNT(filters); i++) {
        char next[64] = "";
        char last_at[32] = "";
        size_t rows = 0;

        while (next_page(r, filters[i], next, &rows, last_at))
            ;
        assert_int_equal(rows, 3 * 2 * 30);
    }
}

static void no_page_looks_at_too_many(void **state)
{
    struct rig *r = *state;
    char next[64] = "";
    char last_at[32] = "";
    size_t rows = 0;
    size_t pages = 1;

    add_of_each_kind(r, 3000);
    while (next_page(r, "\"reason\":\"dropped\"", next, &rows, last_at))
        pages++;
    assert_int_equal(rows, 0);
    assert_true(pages >= 3); /* 12,000 rows, 4,000 a page at most */
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_person_without_a_conversation_is_found_by_phone_and_chat),
        CASE(what_is_kept_of_a_conversation_stands_among_its_messages),
        CASE(what_only_shares_its_phone_is_of_another_conversation),
        CASE(each_filter_finds_what_is_no_message),
        CASE(what_nobody_has_read_says_so),
        CASE(who_was_erased_is_not_found_any_more),
        CASE(pages_lead_through_all_kinds_in_one_order),
        CASE(no_page_looks_at_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
