/* The list of messages: who is meant, what is shown of it, and that no page looks at more than it may. */

#include <stdio.h>

#include "base/process.h"
#include "core/store/db.h"
#include "core/store/private.h"
#include "core/testing/amoctl.h"

#define PAGE_MAX 4000 /* as in messages.c */

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

/* As amoctl does it: @args is an object, and a page may end before its rows are @n, since it also has its time. */
static void assert_rows(struct rig *r, const char *args, size_t n)
{
    bool limited = strstr(args, "\"limit\"") != NULL;
    char next[64] = "";
    size_t rows = 0;

    do {
        char more[256];
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

/* A client's message that amo has, one that waits, and a manager's. */
static void three_messages(struct rig *r)
{
    struct event e = rig_client_text("m2");

    rig_client_message_done(r, "m1", "amo-1");
    rig_manager_message_done(r, "amo-2", "s-2");
    rig_take(r, &e);
}

static void whoever_is_meant_has_many_names(void **state)
{
    static const char *const names[] = {"1",      "thread", "79991234567", "8 (999) 123-45-67",
                                        "client", "chat-1", "client-ref",  "svc-m1",
                                        "amo-2",  "s-2",    "ann",         "AN"};
    struct rig *r = *state;
    char args[128];

    three_messages(r);
    for (size_t i = 0; i < AMO_COUNT(names); i++) {
        (void)snprintf(args, sizeof(args), "{\"who\":\"%s\"}", names[i]);
        assert_rows(r, args, 3);
    }
    ctl_sad(r, "message.list", "{\"who\":\"bob\"}", EXIT_FAILED, "no conversation is known");
    ctl_sad(r, "message.list", "{\"who\":\"79990000000\"}", EXIT_FAILED, "no conversation");
}

static void each_filter_leaves_out_what_is_not_meant(void **state)
{
    static const struct {
        const char *args;
        size_t n;
    } cases[] = {
        {"{}",                                                        3},
        {"{\"direction\":\"inbound\"}",                               2},
        {"{\"direction\":\"outbound\"}",                              1},
        {"{\"state\":\"accepted\"}",                                  1},
        {"{\"state\":\"delivered_to_amo\"}",                          1},
        {"{\"state\":\"failed\"}",                                    0},
        {"{\"reason\":\"refused\"}",                                  0},
        {"{\"source\":\"line1\"}",                                    3},
        {"{\"source\":\"line2\"}",                                    0},
        {"{\"scope_id\":\"ch_acc\",\"connector\":\"svc\"}",           3},
        {"{\"since\":\"1h\"}",                                        3},
        {"{\"since\":\"2020-01-01\",\"until\":\"2020-01-02T10:05\"}", 0},
        {"{\"until\":\"2020-01-01 10:05:30\"}",                       0},
        {"{\"since\":\"2020-01-01T10:05:30+03:00\"}",                 3},
        {"{\"since\":\"2020-01-01T10:05+03:00\"}",                    3},
        {"{\"until\":\"2020-01-01 10:05Z\"}",                         0},
        {"{\"until\":\"2020-01-01\",\"page\":\"9000000000000.9\"}",   0},
        {"{\"limit\":\"2\"}",                                         2},
        {"{\"who\":\"thread\",\"state\":\"accepted\"}",               1},
    };
    struct rig *r = *state;

    three_messages(r);
    rig_register_source(r, "line2", "ch_acc");
    for (size_t i = 0; i < AMO_COUNT(cases); i++)
        assert_rows(r, cases[i].args, cases[i].n);
}

/* It is with the service, and yet it failed. */
static void what_the_service_reported_as_failed_is_listed_as_failed(void **state)
{
    struct rig *r = *state;
    struct event status = rig_status("s-1", "failed");

    rig_client_message_done(r, "m1", "amo-1");
    rig_manager_message_done(r, "amo-2", "s-1");
    assert_rows(r, "{\"state\":\"failed\"}", 0);
    status.error_code = VIEW_LIT("not_on_channel");
    rig_take(r, &status);
    assert_rows(r, "{\"state\":\"failed\"}", 1);
    assert_rows(r, "{\"state\":\"failed\",\"who\":\"thread\"}", 1);
    assert_rows(r, "{\"state\":\"delivered_to_service\"}", 1);
    assert_rows(r, "{\"state\":\"failed\",\"connector\":\"svc\",\"direction\":\"inbound\"}", 0);
}

static void a_slip_of_the_pen_is_no_empty_list(void **state)
{
    static const struct {
        const char *args;
        int code;
        const char *words;
    } cases[] = {
        {"{\"state\":\"acepted\"}",                             EXIT_USAGE,  "accepted, delivered_to_amo"                },
        {"{\"direction\":\"in\"}",                              EXIT_USAGE,  "inbound, outbound"                         },
        {"{\"reason\":\"tired\"}",                              EXIT_USAGE,  "workers_lost"                              },
        {"{\"scope_id\":\"nope\"}",                             EXIT_FAILED, "no such account"                           },
        {"{\"connector\":\"nope\"}",                            EXIT_FAILED, "no such connector"                         },
        {"{\"source\":\"nope\"}",                               EXIT_FAILED, "no such source; see"                       },
        {"{\"source\":\"LINE1\"}",                              EXIT_FAILED, "no such source; did you mean line1 of svc?"},
        {"{\"since\":\"yesterday\"}",                           EXIT_USAGE,  "--since takes a time"                      },
        {"{\"until\":\"2026-13-01\"}",                          EXIT_USAGE,  "--until takes a time"                      },
        {"{\"limit\":\"0\"}",                                   EXIT_USAGE,  "--limit takes a number"                    },
        {"{\"since\":\"2020-01-02\",\"until\":\"2020-01-01\"}", EXIT_USAGE,  "earlier"                                   },
        {"{\"since\":\"2020-01-01T10:05-\"}",                   EXIT_USAGE,  "--since takes a time"                      },
        {"{\"limit\":\"201\"}",                                 EXIT_USAGE,  "--limit takes a number"                    },
        {"{\"page\":\"12\"}",                                   EXIT_USAGE,  "--page takes"                              },
    };
    struct rig *r = *state;

    rig_register_source(r, "line1", "ch_acc");
    for (size_t i = 0; i < AMO_COUNT(cases); i++)
        ctl_sad(r, "message.list", cases[i].args, cases[i].code, cases[i].words);
}

static void texts_phones_and_names_are_masked_until_they_are_asked_for(void **state)
{
    struct rig *r = *state;
    struct reply reply;
    const struct json_node *row = NULL;

    three_messages(r);
    reply = list(r, "{\"who\":\"thread\",\"state\":\"accepted\"}");
    row = json_array_at(rows_of(&reply), 0);
    assert_null(json_get(row, "text"));
    assert_int_equal(ctl_int(row, "text_chars"), 5);
    ctl_text(&reply, json_root(reply.doc), "conversation.phone", "***4567");
    ctl_text(&reply, json_root(reply.doc), "conversation.name", "A.");
    assert_int_equal(ctl_int(json_root(reply.doc), "conversation.waiting"), 1);
    json_free(reply.doc);
    reply = list(r, "{\"who\":\"thread\",\"state\":\"accepted\",\"reveal\":true}");
    ctl_text(&reply, json_array_at(rows_of(&reply), 0), "text", "hello");
    ctl_text(&reply, json_root(reply.doc), "conversation.phone", "79991234567");
    ctl_text(&reply, json_root(reply.doc), "conversation.name", "Ann");
    json_free(reply.doc);
}

/* --- many --------------------------------------------------------------------------------------- */

/* @n messages of a second conversation, a millisecond after one another. */
static void add_many(struct rig *r, int64_t n)
{
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(
        db_run(
            r->core.store->db,
            "/* test */ INSERT INTO conversations(connector,source,service_id,scope,client_id,"
            "user_id,name,linked) VALUES('svc','line2','many','ch_acc','c-many','u-many',"
            "'Many',0)",
            ""),
        0);
    assert_int_equal(
        db_run(
            r->core.store->db,
            "/* test */ WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM k WHERE"
            " i<?) INSERT INTO messages(direction,conversation,mid,scope,connector,state,told,"
            "taken_ms,settled_ms,trace,type) SELECT 1,(SELECT max(id) FROM conversations),"
            "'many-'||i,'ch_acc','svc','delivered_to_amo',0,1700000000000+i,1700000000000+i,"
            "randomblob(16),'text' FROM k",
            "i", n),
        0);
    rig_commit(r);
}

/* Follows the pages of @filter to their end: how many rows there were, and pages. */
static size_t all_pages(struct rig *r, const char *filter, size_t *ret_pages)
{
    char next[64] = "";
    char before[64] = "";
    size_t rows = 0;

    *ret_pages = 0;
    do {
        char args[256];
        struct view v = VIEW_NONE;
        struct reply reply;

        (void)snprintf(args, sizeof(args), "{%s%s%s%s}", filter, *next ? ",\"page\":\"" : "",
                       next, *next ? "\"" : "");
        reply = list(r, args);
        assert_true(ctl_int(json_root(reply.doc), "looked_at") <= PAGE_MAX);
        rows += json_array_len(rows_of(&reply));
        (void)json_strict_text(json_get(json_root(reply.doc), "next"),
                               &v); /* absent: the end */
        (void)snprintf(before, sizeof(before), "%s", next);
        (void)snprintf(next, sizeof(next), "%.*s", (int)v.len, v.ptr ? v.ptr : "");
        assert_true(*next == '\0' || strcmp(next, before) != 0);
        json_free(reply.doc);
        ++*ret_pages;
    } while (*next);
    return rows;
}

static void pages_lead_through_all_messages_and_none_looks_at_too_many(void **state)
{
    struct rig *r = *state;
    size_t pages = 0;

    three_messages(r);
    add_many(r, 3LL * PAGE_MAX);
    assert_int_equal(all_pages(r, "\"limit\":\"200\"", &pages), 3LL * PAGE_MAX + 3);
    assert_true(pages >= (3 * PAGE_MAX + 3) / 200);
    /* nobody fits: page after page without a row */
    assert_int_equal(
        all_pages(r, "\"reason\":\"dropped\",\"state\":\"delivered_to_amo\"", &pages), 0);
    assert_true(pages >= 3);
    /* behind all the others, and found at once by who it is or by what became of it */
    assert_rows(r, "{\"who\":\"thread\",\"limit\":\"3\"}", 3);
    assert_rows(r, "{\"state\":\"accepted\"}", 1);
    assert_int_equal(all_pages(r, "\"source\":\"line1\"", &pages), 3);
}

/* --- conversations ------------------------------------------------------------------------------ */

static void several_of_one_phone_are_rows_to_choose_from(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct reply reply;
    const struct json_node *rows = NULL;

    rig_take(r, &e);
    e.source = VIEW_LIT("line2");
    e.message_id = VIEW_LIT("m2");
    e.conversation = VIEW_LIT("thread-2");
    rig_take(r, &e);
    reply = ctl_ask(r, "message.list", "{\"who\":\"+7 999 123-45-67\"}");
    assert_int_equal(reply.code, EXIT_FAILED);
    assert_non_null(strstr(reply.error, "2 conversations are known by this"));
    rows = json_get(json_root(reply.doc), "conversations");
    assert_int_equal(json_array_len(rows), 2);
    ctl_text(&reply, json_array_at(rows, 1), "source", "line2");
    ctl_text(&reply, json_array_at(rows, 1), "phone", "***4567");
    ctl_text(&reply, json_array_at(rows, 1), "last_direction", "inbound");
    ctl_text(&reply, json_array_at(rows, 1), "last_state", "accepted");
    json_free(reply.doc);
    assert_rows(r, "{\"who\":\"2\"}", 1);
}

static void whose_a_conversation_is_is_masked_unless_revealed(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct reply reply;

    e.sender_name = VIEW_LIT("Anna Petrova");
    e.sender_phone = VIEW_LIT("89991234567");
    rig_take(r, &e);
    reply = ctl_ask(r, "conversation.show", "{\"id\":\"thread\"}");
    ctl_text(&reply, json_root(reply.doc), "phone", "***4567");
    ctl_text(&reply, json_root(reply.doc), "name", "A. P.");
    json_free(reply.doc);
    reply = ctl_ask(r, "conversation.show", "{\"id\":\"thread\",\"reveal\":true}");
    ctl_text(&reply, json_root(reply.doc), "name", "Anna Petrova");
    json_free(reply.doc);
}

static void conversations_are_listed_by_what_waits(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct reply reply;
    const struct json_node *row = NULL;

    rig_client_message_done(r, "m0", "amo-0");
    e.source = VIEW_LIT("line2");
    e.conversation = VIEW_LIT("thread-2");
    rig_take(r, &e);
    e.message_id = VIEW_LIT("m2");
    rig_take(r, &e);
    reply = ctl_ask(r, "conversation.list", "{\"waiting\":true}");
    assert_int_equal(json_array_len(json_root(reply.doc)), 1);
    row = json_array_at(json_root(reply.doc), 0);
    ctl_text(&reply, row, "conversation", "thread-2");
    assert_int_equal(ctl_int(row, "waiting"), 2);
    assert_non_null(json_get(row, "oldest_s"));
    json_free(reply.doc);
    reply = ctl_ask(r, "conversation.list", "{\"client\":\"ANN\"}");
    assert_int_equal(json_array_len(json_root(reply.doc)), 2);
    json_free(reply.doc);
    reply = ctl_ask(r, "conversation.list", "{\"client\":\"bob\"}");
    assert_int_equal(json_array_len(json_root(reply.doc)), 0);
    json_free(reply.doc);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(whoever_is_meant_has_many_names),
        CASE(each_filter_leaves_out_what_is_not_meant),
        CASE(what_the_service_reported_as_failed_is_listed_as_failed),
        CASE(a_slip_of_the_pen_is_no_empty_list),
        CASE(texts_phones_and_names_are_masked_until_they_are_asked_for),
        CASE(pages_lead_through_all_messages_and_none_looks_at_too_many),
        CASE(several_of_one_phone_are_rows_to_choose_from),
        CASE(whose_a_conversation_is_is_masked_unless_revealed),
        CASE(conversations_are_listed_by_what_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
