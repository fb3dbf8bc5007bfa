/* Every verb that changes something, out of the one table of verbs: its dry run changes nothing and says in words what
 * would be done; without that, the order is written down. */

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/store/db.h"
#include "core/store/peers.h"
#include "core/store/private.h"
#include "core/testing/amoctl.h"
#include "proto/control.h"
#include "proto/limits.h"

#define IDS "{\"ids\":[%d]}"

/* Rows of what there is to change, by number. */
enum {
    NO_ROW,
    A_LETTER,
    AN_ENTRY,
    WHAT_WAITS,
    N_ROWS
};

/* What is asked for with each verb, of what a_world() has made. */
static const struct order {
    const char *verb;
    const char *args; /* with a number of @row, if it is one */
    int row;
} orders[] = {
    {"account.connect",
     "{\"channel\":\"ch\",\"account\":\"new\",\"connector\":\"svc\",\"scope_id\":\"ch_new\","
     "\"yes\":true}",                                                                               NO_ROW    },
    {"account.disconnect",  "{\"scope_id\":\"ch_acc\",\"no_call\":true,\"move\":true}",             NO_ROW    },
    {"account.pause",       "{\"scope_id\":\"ch_acc\"}",                                            NO_ROW    },
    {"account.resume",      "{\"scope_id\":\"ch_far\"}",                                            NO_ROW    },
    {"channel.add",
     "{\"reply\":\"{\\\"id\\\":\\\"new\\\",\\\"secret_key\\\":\\\"abc\\\",\\\"name\\\":"
     "\\\"N\\\"}\"}",                                                                               NO_ROW    },
    {"channel.remove",      "{\"id\":\"spare\"}",                                                   NO_ROW    },
    {"channel.secret",      "{\"id\":\"ch\",\"secret\":\"fresh\"}",                                 NO_ROW    },
    {"clock.agree",         "{}",                                                                   NO_ROW    },
    {"connector.add",       "{\"name\":\"new\",\"kind\":\"http\",\"url\":\"https://new.example\"}",
     NO_ROW                                                                                                   },
    {"connector.remove",    "{\"name\":\"spare\"}",                                                 NO_ROW    },
    {"connector.resume",    "{\"name\":\"svc\"}",                                                   NO_ROW    },
    {"connector.rotate",    "{\"name\":\"svc\"}",                                                   NO_ROW    },
    {"conversation.import",
     "{\"rows\":[{\"line\":1,\"connector\":\"svc\",\"source\":\"wa1\",\"conversation\":\"old\","
     "\"client_id\":\"old-1\","
     "\"user_ref\":\"22222222-bbbb-4bbb-8bbb-000000000001\"}]}",                                    NO_ROW    },
    {"dead.drop",           IDS,                                                                    A_LETTER  },
    {"dead.retry",          IDS,                                                                    A_LETTER  },
    {"erase",               "{\"phone\":\"+7 999 123-45-67\"}",                                     NO_ROW    },
    {"message.retry",       "{\"id\":\"amo-1\"}",                                                   NO_ROW    },
    {"quarantine.drop",     IDS,                                                                    AN_ENTRY  },
    {"quarantine.replay",   IDS,                                                                    AN_ENTRY  },
    {"queue.drop",          "{\"scope_id\":\"ch_acc\"}",                                            NO_ROW    },
    {"queue.move",          "{\"connector\":\"svc\",\"to\":\"spare\",\"yes\":true}",                NO_ROW    },
    {"source.add",          "{\"connector\":\"svc\",\"source\":\"new\",\"scope_id\":\"ch_acc\"}",
     NO_ROW                                                                                                   },
    {"source.default",      "{\"scope_id\":\"ch_acc\",\"source\":\"wa1\"}",                         NO_ROW    },
    {"source.move",         "{\"connector\":\"svc\",\"source\":\"wa1\",\"to\":\"ch_far\"}",         NO_ROW    },
    {"source.remove",       "{\"connector\":\"svc\",\"source\":\"wa1\",\"move\":true}",             NO_ROW    },
    {"waiting.drop",        IDS,                                                                    WHAT_WAITS},
};

static const struct order *order_of(const char *verb)
{
    for (size_t i = 0; i < AMO_COUNT(orders); i++) {
        if (strcmp(orders[i].verb, verb) == 0)
            return &orders[i];
    }
    fail_msg("%s changes something, and is not among the orders of this test", verb);
    return NULL;
}

/* --- what there is to change ------------------------------------------------------------------- */

static int64_t newest(struct rig *r, const char *verb, const char *list)
{
    struct reply reply = ctl_ask(r, verb, "{}");
    const struct json_node *rows =
        list ? json_get(json_root(reply.doc), list) : json_root(reply.doc);
    int64_t id = ctl_int(json_array_at(rows, 0), "id");

    json_free(reply.doc);
    return id;
}

/* A service with two accounts and listed numbers; a spare service and channel; a message that was given up and one that
 * waits, an event in quarantine, and one that waits for its message. */
static void a_world(struct rig *r, int64_t rows[N_ROWS])
{
    struct result refused = {.outcome = OUTCOME_DEAD, .cause = CAUSE_REFUSED};
    struct event e = rig_client_text("m1");
    struct core_command *c = NULL;

    c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    rig_result(r, r->worker, c, refused);
    (void)rig_push(r, &e);
    rig_register_source(r, "line1", "ch_acc");
    rig_register_account(r, "ch_far");
    rig_register_source(r, "wa1", "ch_acc");
    ctl_fine(r, "connector.add",
             "{\"name\":\"spare\",\"kind\":\"http\",\"url\":\"https://spare.example\"}");
    ctl_fine(r, "channel.add",
             "{\"reply\":\"{\\\"id\\\":\\\"spare\\\",\\\"secret_key\\\":\\\"a\\\",\\\"name\\\":"
             "\\\"S\\\"}\"}");
    ctl_fine(r, "account.pause", "{\"scope_id\":\"ch_far\"}");
    e = rig_status("nobody", "read");
    (void)rig_push(r, &e);
    e = rig_manager_text("amo-2");
    e.chat_id = VIEW_LIT("nowhere");
    e.source = VIEW_NONE;
    e.receiver_phone = VIEW_NONE;
    (void)rig_push(r, &e);
    rig_commit(r);
    rows[A_LETTER] = newest(r, "dead.list", NULL);
    rows[AN_ENTRY] = newest(r, "quarantine.list", NULL);
    rows[WHAT_WAITS] = newest(r, "waiting.list", "waiting");
}

/* Every row of every table, as text; but for the time that core writes down. */
static void everything(struct rig *r, struct buf *ret)
{
    sqlite3_stmt *tables = NULL;
    sqlite3 *db = NULL;

    buf_reset(ret);
    assert_int_equal(
        sqlite3_open_v2(db_path(r->core.store->db), &db, SQLITE_OPEN_READONLY, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(
                         db,
                         "SELECT 'SELECT '||group_concat('quote(\"'||c.name||'\")','||')||"
                         "' FROM \"'||t.name||'\"' FROM sqlite_schema t,"
                         " pragma_table_info(t.name) c WHERE t.type='table' AND t.name<>'meta'"
                         " GROUP BY t.name",
                         -1, &tables, NULL),
                     SQLITE_OK);
    while (sqlite3_step(tables) == SQLITE_ROW) {
        const char *sql = (const char *)sqlite3_column_text(tables, 0);
        sqlite3_stmt *rows = NULL;

        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &rows, NULL), SQLITE_OK);
        assert_int_equal(buf_add_str(ret, sql), 0);
        while (sqlite3_step(rows) == SQLITE_ROW)
            assert_int_equal(buf_add_f(ret, "\n%s", sqlite3_column_text(rows, 0)), 0);
        assert_int_equal(sqlite3_finalize(rows), SQLITE_OK);
    }
    assert_int_equal(sqlite3_finalize(tables), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* @order's arguments as JSON, with @more at their end: ",\"dry_run\":true". */
static void arguments_of(const struct order *o, const int64_t rows[N_ROWS], const char *more,
                         char *ret, size_t cap)
{
    size_t n = (size_t)snprintf(ret, cap, "%s", o ? o->args : "{}"); /* none: said before */

    if (o && o->row) /* NOLINTNEXTLINE(clang-diagnostic-format-nonliteral) */
        n = (size_t)snprintf(ret, cap, "{\"ids\":[%lld]}", (long long)rows[o->row]);
    assert_true(n > 1 && n + strlen(more) < cap);
    (void)snprintf(ret + n - 1, cap - n + 1, "%s%s}", n > 2 && more[0] ? "," : "", more);
}

/* --- the tests ----------------------------------------------------------------------------------- */

static void a_dry_run_changes_nothing_and_says_what_would_be_done(void **state)
{
    static const char *const verbs[] = {
#define CHANGES(verb)                          verb,
#define LOOKS(verb)                            NULL,
#define CALLS(verb)                            NULL,
#define VERB(symbol, verb, kind, args, answer) kind(verb)
        CONTROL_VERBS(VERB)
#undef VERB
#undef CALLS
#undef LOOKS
#undef CHANGES
    };
    struct rig *r = *state;
    int64_t rows[N_ROWS] = {0};
    struct buf before;
    struct buf after;

    buf_init(&before, 1 << 24);
    buf_init(&after, 1 << 24);
    a_world(r, rows);
    for (size_t i = 0; i < AMO_COUNT(verbs); i++) {
        uint64_t version = r->core.turn->registry->version;
        size_t n = queue_count(r->core.queue);
        struct reply reply;
        struct view would = VIEW_NONE;
        char args[1024];
        bool flag = false;

        if (!verbs[i])
            continue;
        arguments_of(order_of(verbs[i]), rows, "\"dry_run\":true", args, sizeof(args));
        everything(r, &before);
        reply = ctl_ask(r, verbs[i], args);
        everything(r, &after);
        if (reply.code != EXIT_FINE)
            fail_msg("%s %s: %s", verbs[i], args, reply.error);
        if (strcmp(buf_str(&before), buf_str(&after)) != 0)
            fail_msg("a dry run of %s changes the store", verbs[i]);
        if (!json_bool(json_get(json_root(reply.doc), "dry_run"), &flag) || !flag)
            fail_msg("the answer to %s does not say that it was a dry run", verbs[i]);
        assert_int_equal(json_text(reply.doc, json_get(json_root(reply.doc), "would"), &would),
                         0);
        /* these two answer with a report of their own */
        if (!would.len && strcmp(verbs[i], "erase") != 0 &&
            strcmp(verbs[i], "conversation.import") != 0)
            fail_msg("%s does not say what it would do", verbs[i]);
        assert_int_equal(r->core.turn->registry->version, version);
        assert_int_equal(queue_count(r->core.queue), n);
        json_free(reply.doc);
    }
    buf_fini(&before);
    buf_fini(&after);
}

/* The newest order that was written down, with @verb: its outcome. */
static struct reply newest_order(struct rig *r, const char *args, const char *verb,
                                 const char *outcome)
{
    struct reply reply = ctl_ask(r, "audit", args);
    const struct json_node *first = json_array_at(json_get(json_root(reply.doc), "orders"), 0);

    assert_int_equal(reply.code, EXIT_FINE);
    if (!first)
        fail_msg("%s is not written down", verb);
    ctl_text(&reply, first, "verb", verb);
    if (outcome)
        ctl_text(&reply, first, "outcome", outcome);
    return reply;
}

static int64_t count_orders(struct rig *r, const char *args)
{
    struct reply reply = ctl_ask(r, "audit", args);
    int64_t n = -1;

    assert_int_equal(reply.code, EXIT_FINE);
    n = (int64_t)json_array_len(json_get(json_root(reply.doc), "orders"));
    json_free(reply.doc);
    return n;
}

static void what_is_ordered_is_written_down_whoever_did_it_and_whatever_came_of_it(void **state)
{
    struct rig *r = *state;
    int64_t rows[N_ROWS] = {0};
    char args[1024];

    a_world(r, rows);
    for (size_t i = 0; i < AMO_COUNT(orders); i++) {
        struct reply reply;

        arguments_of(&orders[i], rows, "", args, sizeof(args));
        reply = ctl_ask(r, orders[i].verb, args);
        json_free(reply.doc);
        reply = newest_order(r, "{}", orders[i].verb, reply.code == EXIT_FINE ? "done" : NULL);
        json_free(reply.doc);
    }
    rig_restart(r);
    assert_true(count_orders(r, "{\"limit\":200}") >= (int64_t)AMO_COUNT(orders));
}

static void looks_and_dry_runs_are_not_orders_but_what_is_revealed_is(void **state)
{
    struct rig *r = *state;
    struct reply reply;

    ctl_fine(r, "account.list", "{}");
    ctl_fine(r, "message.list", "{}");
    ctl_fine(r, "account.pause", "{\"scope_id\":\"ch_acc\",\"dry_run\":true}");
    assert_int_equal(count_orders(r, "{}"), 0);
    ctl_fine(r, "message.list", "{\"reveal\":true}");
    json_free(newest_order(r, "{}", "message.list", "done").doc);
    rig_client_message_done(r, "m1", "amo-1");
    ctl_fine(r, "message.list", "{\"who\":\"+79991234567\",\"reveal\":true}");
    reply = newest_order(r, "{}", "message.list", "done");
    ctl_text(&reply, json_array_at(json_get(json_root(reply.doc), "orders"), 0), "words",
             "of conversation 1"); /* whose phone that is */
    json_free(reply.doc);
    ctl_sad(r, "account.pause", "{\"scope_id\":\"nobody\"}", EXIT_FAILED, "no such account");
    reply = newest_order(r, "{}", "account.pause", "refused");
    ctl_text(&reply, json_array_at(json_get(json_root(reply.doc), "orders"), 0), "words",
             "no such account; see amoctl account list");
    ctl_text(&reply, json_array_at(json_get(json_root(reply.doc), "orders"), 0), "arguments",
             "scope_id=nobody");
    json_free(reply.doc);
}

static void orders_are_found_by_verb_group_user_and_time_page_by_page(void **state)
{
    struct rig *r = *state;
    char args[64];
    struct reply reply;

    ctl_fine(r, "account.pause", "{\"scope_id\":\"ch_acc\"}");
    ctl_fine(r, "account.resume", "{\"scope_id\":\"ch_acc\"}");
    ctl_fine(r, "connector.resume", "{\"name\":\"svc\"}");
    assert_int_equal(count_orders(r, "{\"verb\":\"account pause\"}"), 1);
    assert_int_equal(count_orders(r, "{\"verb\":\"account\"}"), 2);
    assert_int_equal(count_orders(r, "{\"since\":\"1h\"}"), 3);
    assert_int_equal(count_orders(r, "{\"user\":\"nobody-of-ours\"}"), 0);
    ctl_sad(r, "audit", "{\"verb\":\"acount\"}", EXIT_USAGE, "no such verb");
    ctl_sad(r, "audit", "{\"since\":\"soon\"}", EXIT_USAGE, "--since");
    reply = newest_order(r, "{\"limit\":2}", "connector.resume", "done");
    (void)snprintf(args, sizeof(args), "{\"page\":%lld}",
                   (long long)ctl_int(json_root(reply.doc), "next"));
    json_free(reply.doc);
    reply = newest_order(r, args, "account.pause", "done");
    assert_null(json_get(json_root(reply.doc), "next"));
    json_free(reply.doc);
}

static void what_a_remote_side_was_asked_for_gets_its_outcome_later(void **state)
{
    static const char connect[] =
        "{\"channel\":\"ch\",\"account\":\"a2\",\"connector\":\"svc\",\"yes\":true}";
    struct rig *r = *state;
    struct result no = {.outcome = OUTCOME_DEAD, .cause = CAUSE_FORBIDDEN, .status = 403};
    struct command asked[2];
    struct reply reply;

    ctl_begin(r, "account.connect", connect);
    assert_int_equal(rig_calls(r, clock_mono_ms(), asked, 2), 1);
    no.id = asked[0].id;
    no.attempt = asked[0].attempt;
    rig_result_raw(r, r->worker, &no);
    assert_true(ctl_wait(r, 20000, 0, &reply));
    json_free(reply.doc);
    json_free(newest_order(r, "{}", "account.connect", "failed").doc);
    ctl_begin(r, "account.connect", connect);
    assert_true(ctl_wait(r, 20000, clock_mono_ms() + 20100, &reply));
    json_free(reply.doc);
    json_free(newest_order(r, "{}", "account.connect", NULL).doc);
}

static void the_oldest_orders_go_and_those_that_changed_nothing_first(void **state)
{
    struct rig *r = *state;
    struct store_order o = {.user = VIEW_LIT("u"),
                            .verb = VIEW_LIT("account.pause"),
                            .args = VIEW_LIT(""),
                            .outcome = VIEW_LIT("done"),
                            .changes = true};
    int64_t id = 0;

    assert_int_equal(core_turn(&r->core), 0);
    for (int i = 0; i < 30; i++) {
        o.changes = i % 3 == 0;
        assert_int_equal(store_order_add(r->core.store, &o, o.changes ? 8 : 4, &id), 0);
    }
    rig_commit(r);
    assert_int_equal(count_orders(r, "{\"limit\":200}"), 12);
}

static void what_changes_nothing_has_no_dry_run(void **state)
{
    struct rig *r = *state;

    ctl_sad(r, "status", "{\"dry_run\":true}", EXIT_USAGE, "changes nothing");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_dry_run_changes_nothing_and_says_what_would_be_done),
        CASE(what_changes_nothing_has_no_dry_run),
        CASE(what_is_ordered_is_written_down_whoever_did_it_and_whatever_came_of_it),
        CASE(looks_and_dry_runs_are_not_orders_but_what_is_revealed_is),
        CASE(orders_are_found_by_verb_group_user_and_time_page_by_page),
        CASE(what_a_remote_side_was_asked_for_gets_its_outcome_later),
        CASE(the_oldest_orders_go_and_those_that_changed_nothing_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
