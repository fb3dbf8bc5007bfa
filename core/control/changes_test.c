/* Every verb that changes something, out of the one table of verbs: its dry run changes nothing and says in words what
 * would be done. */

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/process.h"
#include "core/control/control.h"
#include "core/store/db.h"
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
