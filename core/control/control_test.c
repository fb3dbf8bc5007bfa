#include "core/control/control.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/process.h"
#include "core/deliver/calls.h"
#include "core/deliver/deliver.h"
#include "core/store/db.h"
#include "core/testing/amoctl.h"
#include "proto/session.h"

/* --- every verb and every mistake ----------------------------------------------------------- */

static void status_tells_the_figures(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct reply reply;
    const struct json_node *root = NULL;

    (void)rig_push(r, &e);
    reply = ctl_ask(r, "status", "{}");
    root = json_root(reply.doc);
    assert_int_equal(reply.code, EXIT_FINE);
    assert_int_equal(ctl_int(root, "channels"), 1);
    assert_int_equal(ctl_int(root, "accounts"), 1);
    assert_int_equal(ctl_int(root, "connectors"), 1);
    assert_int_equal(ctl_int(root, "commands"), 1);
    assert_int_equal(ctl_int(root, "dead_letters"), 0);
    assert_int_equal(json_array_len(json_get(root, "peers")), 2);
    json_free(reply.doc);
}

struct sad_case {
    const char *verb;
    const char *args;
    int code;
    const char *words;
};

static void wrong_calls_are_answered_in_words(void **state)
{
    static const struct sad_case cases[] = {
        {"fly",             "{}",                                                                   EXIT_USAGE,  "does not know"      },
        {"status",          "[]",                                                                   EXIT_USAGE,  "not a JSON object"  },
        {"status",          "{",                                                                    EXIT_USAGE,  "not a JSON object"  },
        {"channel.show",    "{}",                                                                   EXIT_USAGE,  "id is missing"      },
        {"channel.show",    "{\"id\":\"none\"}",                                                    EXIT_FAILED, "no such channel"    },
        {"channel.add",     "{\"reply\":\"nonsense\"}",                                             EXIT_USAGE,  "not JSON"           },
        {"channel.add",     "{\"reply\":\"{}\"}",                                                   EXIT_USAGE,  "id"                 },
        {"channel.add",     "{\"reply\":\"{\\\"result\\\":{\\\"ru\\\":{\\\"id\\\":\\\"x\\\"}}}\"}",
         EXIT_USAGE,                                                                                             "secret_key"         },
        {"connector.add",   "{\"name\":\"x\"}",                                                     EXIT_USAGE,  "url is missing"     },
        {"connector.add",   "{\"name\":\"Bad Name\",\"kind\":\"http\",\"url\":\"https://a.b\"}",
         EXIT_USAGE,                                                                                             "name"               },
        {"connector.add",   "{\"name\":\"amo\",\"kind\":\"http\",\"url\":\"https://a.b\"}",
         EXIT_USAGE,                                                                                             "name"               },
        {"connector.add",   "{\"name\":\"svc\",\"kind\":\"http\",\"url\":\"https://a.b\"}",
         EXIT_FAILED,                                                                                            "exists"             },
        {"connector.add",   "{\"name\":\"svc-2\",\"kind\":\"http\",\"url\":\"https://a.b\"}",
         EXIT_USAGE,                                                                                             "confused"           },
        {"connector.add",   "{\"name\":\"x\",\"kind\":\"mms3\",\"url\":\"https://a.b\"}",
         EXIT_USAGE,                                                                                             "kind"               },
        {"connector.add",   "{\"name\":\"x\",\"kind\":\"http\",\"url\":\"http://a.b\"}",
         EXIT_USAGE,                                                                                             "allow-private"      },
        {"connector.add",
         "{\"name\":\"x\",\"kind\":\"http\",\"url\":\"https://a.b\",\"token\":\"short\"}",          EXIT_USAGE,  "token"              },
        {"connector.add",
         "{\"name\":\"x\",\"kind\":\"http\",\"url\":\"https://a.b\",\"secret\":\"whsec_%%\"}",      EXIT_USAGE,  "secret"             },
        {"account.connect", "{\"channel\":\"none\",\"account\":\"a\",\"connector\":\"svc\"}",
         EXIT_FAILED,                                                                                            "no such channel"    },
        {"account.connect", "{\"channel\":\"ch\",\"account\":\"a\",\"connector\":\"none\"}",
         EXIT_FAILED,                                                                                            "no such connector"  },
        {"account.connect",
         "{\"channel\":\"ch\",\"account\":\"a\",\"connector\":\"svc\",\"scope_id\":\"x_a\"}",       EXIT_USAGE,  "scope id"           },
        {"account.pause",   "{\"scope_id\":\"none\"}",                                              EXIT_FAILED, "no such account"    },
        {"account.resume",  "{}",                                                                   EXIT_USAGE,  "scope_id is missing"},
        {"source.add",      "{\"connector\":\"svc\",\"source\":\"l\",\"scope_id\":\"none\"}",
         EXIT_FAILED,                                                                                            "no such account"    },
        {"dead.show",       "{\"id\":\"x\"}",                                                       EXIT_USAGE,  "not a number"       },
        {"dead.show",       "{\"id\":7}",                                                           EXIT_FAILED, "no such dead letter"},
        {"dead.retry",      "{}",                                                                   EXIT_USAGE,  "no ids"             },
        {"dead.retry",      "{\"ids\":[7]}",                                                        EXIT_FAILED, "no dead letter 7"   },
        {"dead.drop",       "{\"ids\":[0]}",                                                        EXIT_USAGE,  "not a number"       },
        {"quarantine.show", "{\"id\":7}",                                                           EXIT_FAILED, "no such entry"      },
        {"trace",           "{\"id\":\"nothing\"}",                                                 EXIT_FAILED, "no message"         },
    };
    struct rig *r = *state;
    uint64_t version = r->core.turn->registry->version;

    for (size_t i = 0; i < AMO_COUNT(cases); i++)
        ctl_sad(r, cases[i].verb, cases[i].args, cases[i].code, cases[i].words);
    assert_int_equal(r->core.turn->registry->version, version);
}

/* --- registry ------------------------------------------------------------------------------- */

static const char reply_of_support[] =
    "{\"reply\":\"{ // from support\\n\\\"result\\\":{\\\"ru\\\":{\\\"id\\\":\\\"c2\\\","
    "\\\"code\\\":\\\"k\\\",\\\"name\\\":\\\"N\\\",\\\"secret_key\\\":\\\"the-secret\\\","
    "\\\"write_first\\\":true,\\\"bot\\\":{\\\"id\\\":\\\"b\\\"}}},\\\"error\\\":null}\"}";

static void a_channel_is_imported_and_shown_without_its_secret(void **state)
{
    struct rig *r = *state;
    struct reply reply = ctl_ask(r, "channel.add", reply_of_support);
    const struct reg_channel *ch = NULL;
    bool flag = false;

    assert_int_equal(reply.code, EXIT_FINE);
    ctl_text(&reply, json_root(reply.doc), "id", "c2");
    ctl_text(&reply, json_root(reply.doc), "url", "https://amojo.amocrm.ru");
    json_free(reply.doc);
    ch = registry_channel(r->core.turn->registry, VIEW_LIT("c2"));
    assert_non_null(ch);
    assert_true(view_is(secret_view(&ch->secrets[0]), "the-secret"));
    reply = ctl_ask(r, "channel.show", "{\"id\":\"c2\"}");
    for (size_t i = 0; i < json_array_len(json_get(json_root(reply.doc), "flags")); i++) {
        const struct json_node *f = json_array_at(json_get(json_root(reply.doc), "flags"), i);
        struct view v = VIEW_NONE;

        assert_int_equal(json_text(reply.doc, json_get(f, "flag"), &v), 0);
        flag = flag || view_is(v, "write_first");
    }
    assert_true(flag);
    assert_null(json_path(json_root(reply.doc), "secret_key"));
    json_free(reply.doc);
    reply = ctl_ask(r, "channel.list", "{}");
    assert_int_equal(json_array_len(json_root(reply.doc)), 2);
    json_free(reply.doc);
}

static void a_connector_gets_a_secret_and_a_token_shown_once(void **state)
{
    struct rig *r = *state;
    struct reply reply = ctl_ask(
        r, "connector.add", "{\"name\":\"two\",\"kind\":\"http\",\"url\":\"https://a.b\"}");
    const struct reg_connector *con =
        registry_connector(r->core.turn->registry, VIEW_LIT("two"));
    struct view v;

    assert_int_equal(reply.code, EXIT_FINE);
    assert_non_null(con);
    assert_int_equal(con->secrets[0].len, 32);
    assert_int_equal(json_text(reply.doc, json_get(json_root(reply.doc), "token"), &v), 0);
    assert_true(view_equal(v, secret_view(&con->tokens[0])));
    assert_int_equal(json_text(reply.doc, json_get(json_root(reply.doc), "secret"), &v), 0);
    assert_true(view_starts(v, "whsec_"));
    json_free(reply.doc);
    reply = ctl_ask(r, "connector.list", "{}");
    assert_int_equal(json_array_len(json_root(reply.doc)), 2);
    assert_null(json_get(json_array_at(json_root(reply.doc), 0), "token"));
    json_free(reply.doc);
    rig_restart(r); /* and they are there again */
    con = registry_connector(r->core.turn->registry, VIEW_LIT("two"));
    assert_int_equal(con->secrets[0].len, 32);
}

static void the_answer_waits_until_every_live_ingress_holds_the_registry(void **state)
{
    struct rig *r = *state;
    struct reply reply;

    r->ingress->registry_version = 0;
    ctl_call(r, "source.add",
             "{\"connector\":\"svc\",\"source\":\"l1\",\"scope_id\":\"ch_acc\"}");
    assert_false(ctl_wait(r, 100, 0, &reply));
    ctl_ingress_holds_registry(r);
    assert_true(ctl_wait(r, 20000, 0, &reply));
    assert_int_equal(reply.code, EXIT_FINE);
    ctl_text(&reply, json_root(reply.doc), "source", "l1");
    json_free(reply.doc);
}

static void what_was_generated_is_not_lost_with_the_warning(void **state)
{
    struct rig *r = *state;
    struct reply reply;

    r->ingress->registry_version = 0;
    ctl_begin(r, "connector.add",
              "{\"name\":\"two\",\"kind\":\"http\",\"url\":\"https://a.b\"}");
    r->ingress->heard_mono_ms = clock_mono_ms() + 60000; /* alive, but it does not take it */
    assert_true(ctl_wait(r, 20000, clock_mono_ms() + 60000, &reply));
    assert_int_equal(reply.code, EXIT_FAILED);
    assert_non_null(strstr(reply.error, "not every ingress"));
    assert_non_null(reply.doc);
    assert_non_null(json_get(json_root(reply.doc), "token"));
    json_free(reply.doc);
}

static void too_many_waiting_calls_change_nothing(void **state)
{
    struct rig *r = *state;
    uint64_t version = r->core.turn->registry->version;
    struct reply reply;

    for (int i = 0; i < 64; i++)
        assert_non_null(control_wait_new(&r->core, NULL, NULL));
    ctl_ingress_holds_registry(r);
    ctl_call(r, "connector.add",
             "{\"name\":\"two\",\"kind\":\"http\",\"url\":\"https://a.b\"}");
    assert_true(ctl_wait(r, 20000, 0, &reply));
    assert_int_equal(reply.code, EXIT_FAILED);
    assert_null(registry_connector(r->core.turn->registry, VIEW_LIT("two")));
    assert_int_equal(r->core.turn->registry->version, version);
    rig_commit(r);
    rig_restart(r); /* nor in the store */
    assert_null(registry_connector(r->core.turn->registry, VIEW_LIT("two")));
}

static void an_account_with_a_given_scope_is_connected_without_a_call(void **state)
{
    struct rig *r = *state;
    struct reply reply = ctl_ask(r, "account.connect",
                                 "{\"channel\":\"ch\",\"account\":\"a2\",\"connector\":\"svc\","
                                 "\"scope_id\":\"ch_a2\"}");

    assert_int_equal(reply.code, EXIT_FINE);
    ctl_text(&reply, json_root(reply.doc), "scope_id", "ch_a2");
    json_free(reply.doc);
    assert_true(list_is_empty(&r->core.deliver->calls));
    assert_string_equal(registry_scope(r->core.turn->registry, VIEW_LIT("ch_a2"))->account,
                        "a2");
}

static void connect_calls_amojo_once_and_answers_with_the_scope(void **state)
{
    struct rig *r = *state;
    struct command asked[2];
    struct result yes = {.outcome = OUTCOME_DONE, .scope_id = VIEW_LIT("ch_a2")};
    struct reply reply;

    ctl_ingress_holds_registry(r);
    ctl_begin(r, "account.connect",
              "{\"channel\":\"ch\",\"account\":\"a2\",\"connector\":\"svc\",\"title\":\"T\"}");
    assert_int_equal(rig_calls(r, clock_mono_ms(), asked, 2), 1);
    assert_int_equal(asked[0].kind, COMMAND_AMO_CONNECT);
    assert_true(view_is(asked[0].account, "a2"));
    assert_true(view_is(asked[0].title, "T"));
    yes.id = asked[0].id;
    yes.attempt = asked[0].attempt;
    rig_result_raw(r, r->worker, &yes);
    assert_true(ctl_wait(r, 20000, 0, &reply));
    assert_int_equal(reply.code, EXIT_FINE);
    ctl_text(&reply, json_root(reply.doc), "scope_id", "ch_a2");
    json_free(reply.doc);
    assert_non_null(registry_scope(r->core.turn->registry, VIEW_LIT("ch_a2")));
    rig_assert_accounts(r);
}

static void a_connect_that_fails_says_why_and_stores_nothing(void **state)
{
    struct rig *r = *state;
    struct command asked[2];
    struct result no = {.outcome = OUTCOME_DEAD, .cause = CAUSE_FORBIDDEN, .status = 403};
    struct reply reply;

    ctl_begin(r, "account.connect",
              "{\"channel\":\"ch\",\"account\":\"a2\",\"connector\":\"svc\"}");
    assert_int_equal(rig_calls(r, clock_mono_ms(), asked, 2), 1);
    no.id = asked[0].id;
    no.attempt = asked[0].attempt;
    rig_result_raw(r, r->worker, &no);
    assert_true(ctl_wait(r, 20000, 0, &reply));
    assert_int_equal(reply.code, EXIT_FAILED);
    assert_non_null(strstr(reply.error, "403"));
    assert_null(registry_scope(r->core.turn->registry, VIEW_LIT("ch_a2")));
    assert_true(list_is_empty(&r->core.control->waits));
}

static void a_connect_nobody_answers_ends_after_its_time_at_any_tick(void **state)
{
    struct rig *r = *state;
    struct reply reply;
    int64_t now = 0;

    ctl_begin(r, "account.connect",
              "{\"channel\":\"ch\",\"account\":\"a2\",\"connector\":\"svc\"}");
    now = clock_mono_ms();
    for (int64_t at = now + 19900; at < now + 20100;
         at++) { /* whichever of the two ends first */
        ctl_tick(r, at);
        call_tick(&r->core, at);
    }
    assert_true(ctl_wait(r, 20000, 0, &reply));
    assert_int_equal(reply.code, EXIT_UNREACHABLE);
    assert_true(list_is_empty(&r->core.deliver->calls));
    assert_true(list_is_empty(&r->core.control->waits));
}

static void pause_and_resume_stop_and_start_the_account(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct reply reply;
    bool paused = false;

    ctl_fine(r, "account.pause", "{\"scope_id\":\"ch_acc\"}");
    (void)rig_push(r, &e);
    rig_turn(r);
    assert_int_equal(rig_command(r, COMMAND_AMO_MESSAGE)->state, COMMAND_READY);
    reply = ctl_ask(r, "account.list", "{}");
    assert_true(json_bool(json_get(json_array_at(json_root(reply.doc), 0), "paused"), &paused));
    assert_true(paused);
    json_free(reply.doc);
    ctl_fine(r, "account.resume", "{\"scope_id\":\"ch_acc\"}");
    rig_turn(r);
    assert_int_equal(rig_command(r, COMMAND_AMO_MESSAGE)->state, COMMAND_IN_FLIGHT);
}

static void resume_ends_a_hold_that_waits_for_a_person(void **state)
{
    struct rig *r = *state;
    struct dest *d = queue_dest(r->core.queue, DEST_SCOPE, VIEW_LIT("ch_acc"));
    struct reply reply;

    dest_hold(r->core.queue, d, HOLD_GONE, 0, 0, clock_mono_ms());
    reply = ctl_ask(r, "queue", "{}");
    ctl_text(&reply, json_array_at(json_root(reply.doc), 0), "held", "gone");
    json_free(reply.doc);
    ctl_fine(r, "account.resume", "{\"scope_id\":\"ch_acc\"}");
    assert_false(dest_is_held(d));
}

static void sources_are_listed(void **state)
{
    struct rig *r = *state;
    struct reply reply;

    ctl_fine(r, "source.add",
             "{\"connector\":\"svc\",\"source\":\"l1\",\"scope_id\":\"ch_acc\"}");
    reply = ctl_ask(r, "source.list", "{}");
    assert_int_equal(json_array_len(json_root(reply.doc)), 1);
    ctl_text(&reply, json_array_at(json_root(reply.doc), 0), "scope_id", "ch_acc");
    json_free(reply.doc);
}

/* --- queue, dead letters, quarantine, trace ------------------------------------------------- */

static int64_t one_dead(struct rig *r, const char *id)
{
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, id);
    int64_t command = c->id;

    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DEAD,
                               .cause = CAUSE_REFUSED,
                               .status = 422,
                               .evidence = VIEW_LIT("no")});
    rig_commit(r);
    return command;
}

static void dead_letters_are_shown_retried_and_dropped(void **state)
{
    struct rig *r = *state;
    int64_t first = one_dead(r, "m1");
    int64_t second = one_dead(r, "m2");
    struct reply reply = ctl_ask(r, "dead.list", "{}");
    struct core_command *c = NULL;
    char args[64];

    assert_int_equal(json_array_len(json_root(reply.doc)), 2);
    ctl_text(&reply, json_array_at(json_root(reply.doc), 1), "service_id", "m1");
    ctl_text(&reply, json_array_at(json_root(reply.doc), 1), "reason", "refused");
    json_free(reply.doc);
    (void)snprintf(args, sizeof(args), "{\"id\":%lld}", (long long)first);
    reply = ctl_ask(r, "dead.show", args);
    assert_int_equal(json_array_len(json_get(json_root(reply.doc), "tries")), 1);
    json_free(reply.doc);
    (void)snprintf(args, sizeof(args), "{\"ids\":[%lld]}", (long long)first);
    reply = ctl_ask(r, "dead.retry", args);
    assert_int_equal(reply.code, EXIT_FINE);
    ctl_text(&reply, json_array_at(json_get(json_root(reply.doc), "retried"), 0), "place",
             "tail of its lane");
    json_free(reply.doc);
    c = rig_command(r, COMMAND_AMO_MESSAGE);
    assert_non_null(c);
    assert_true(c->tried); /* a refusal now may mean a repeat */
    (void)snprintf(args, sizeof(args), "{\"ids\":[%lld]}", (long long)second);
    ctl_fine(r, "dead.drop", args);
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_stored_commands(r), 3); /* and two calls that tell the service */
}

static void of_several_dead_letters_all_are_retried_or_none(void **state)
{
    struct rig *r = *state;
    int64_t id = one_dead(r, "m1");
    char args[64];

    (void)snprintf(args, sizeof(args), "{\"ids\":[%lld,99]}", (long long)id);
    ctl_sad(r, "dead.retry", args, EXIT_FAILED, "99");
    (void)snprintf(args, sizeof(args), "{\"ids\":[%lld,%lld]}", (long long)id, (long long)id);
    ctl_sad(r, "dead.retry", args, EXIT_USAGE, "twice");
    rig_assert_counts(r, 1, 0, 0);
    assert_null(rig_command(r, COMMAND_AMO_MESSAGE)); /* the queue knows of nothing undone */
    assert_int_equal(rig_stored_commands(r), 1);      /* the call that tells the service */
}

static void quarantine_shows_the_event(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct reply reply;

    e.content.type = VIEW_LIT("unknown");
    e.content.text = VIEW_LIT("hello");
    (void)rig_push(r, &e);
    reply = ctl_ask(r, "quarantine.list", "{}");
    assert_int_equal(json_array_len(json_root(reply.doc)), 1);
    json_free(reply.doc);
    reply = ctl_ask(r, "quarantine.show", "{\"id\":1}");
    ctl_text(&reply, json_root(reply.doc), "reason", "unsupported_type");
    ctl_text(&reply, json_root(reply.doc), "message_id", "m1");
    assert_int_equal(ctl_int(json_root(reply.doc), "text_chars"), 5);
    assert_null(json_get(json_root(reply.doc), "text"));
    json_free(reply.doc);
    reply = ctl_ask(r, "quarantine.show", "{\"id\":1,\"reveal\":true}");
    ctl_text(&reply, json_root(reply.doc), "text", "hello");
    json_free(reply.doc);
}

static void trace_tells_the_whole_journey(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct reply reply;
    const struct json_node *root = NULL;

    reply = ctl_ask(r, "trace", "{\"id\":\"svc-m1\"}");
    assert_int_equal(json_array_len(json_get(json_root(reply.doc), "waiting")), 1);
    json_free(reply.doc);
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DONE,
                               .status = 200,
                               .amo_message_id = VIEW_LIT("amo-1")});
    rig_commit(r);
    reply = ctl_ask(r, "trace", "{\"id\":\"amo-1\"}");
    root = json_root(reply.doc);
    ctl_text(&reply, root, "message.mid", "svc-m1");
    ctl_text(&reply, root, "message.state", "delivered_to_amo");
    assert_int_equal(json_array_len(json_get(root, "journey")), 3);
    assert_int_equal(json_array_len(json_get(root, "waiting")), 0);
    json_free(reply.doc);
}

static void trace_says_which_status_amo_is_told(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    struct reply reply;
    const struct json_node *step = NULL;
    int64_t code = 0;

    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DEAD,
                               .cause = CAUSE_REFUSED,
                               .began_ms = clock_unix_ms(),
                               .code = VIEW_LIT("unreachable")});
    rig_turn(r);
    reply = ctl_ask(r, "trace", "{\"id\":\"amo-1\"}");
    step = json_array_at(json_get(json_root(reply.doc), "waiting"), 0);
    ctl_text(&reply, step, "kind", "amo.status");
    ctl_text(&reply, step, "tells", "failed");
    json_free(reply.doc);
    c = rig_command(r, COMMAND_AMO_STATUS);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    rig_result(
        r, r->worker, c,
        (struct result){.outcome = OUTCOME_DONE,
                        .status = 200,
                        .began_ms = clock_unix_ms() + 1000}); /* behind what came before */
    rig_commit(r);
    assert_null(rig_command(r, COMMAND_AMO_STATUS));
    reply = ctl_ask(r, "trace", "{\"id\":\"amo-1\"}");
    step = json_array_at(json_get(json_root(reply.doc), "journey"), 1);
    ctl_text(&reply, step, "what", "service.message");
    assert_null(json_get(step, "tells"));
    step = json_array_at(json_get(json_root(reply.doc), "journey"), 2);
    ctl_text(&reply, step, "what", "failed");
    step = json_array_at(json_get(json_root(reply.doc), "journey"), 3);
    ctl_text(&reply, step, "what", "amo.status");
    ctl_text(&reply, step, "tells", "failed");
    assert_true(json_int(json_get(step, "code"), &code));
    assert_int_equal(code, 904);
    json_free(reply.doc);
}

static void conversations_are_listed_by_scope(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct reply reply;

    (void)rig_push(r, &e);
    reply = ctl_ask(r, "conversation.list", "{\"scope_id\":\"ch_acc\"}");
    assert_int_equal(json_array_len(json_root(reply.doc)), 1);
    ctl_text(&reply, json_array_at(json_root(reply.doc), 0), "conversation", "thread");
    json_free(reply.doc);
    rig_register_account(r, "ch_other");
    reply = ctl_ask(r, "conversation.list", "{\"scope_id\":\"ch_other\"}");
    assert_int_equal(json_array_len(json_root(reply.doc)), 0);
    json_free(reply.doc);
    ctl_sad(r, "conversation.list", "{\"scope_id\":\"none\"}", EXIT_FAILED, "no such account");
}

/* --- the store fails ------------------------------------------------------------------------ */

static void an_answer_leaves_only_after_its_commit(void **state)
{
    struct rig *r = *state;
    struct reply reply;

    ctl_ingress_holds_registry(r);
    ctl_call(r, "account.pause", "{\"scope_id\":\"ch_acc\"}");
    for (int64_t until = clock_mono_ms() + 5000;
         list_is_empty(&r->core.turn->parcels) && clock_mono_ms() < until;)
        control_readable(&r->core);
    assert_false(list_is_empty(&r->core.turn->parcels));
    db_fail_at(1);
    assert_false(ctl_wait(r, 50, 0, &reply));
    db_fail_at(0);
    assert_int_equal(r->core.turn->exit_code, EXIT_TEMPORARY);
    rig_restart(r);
    assert_false(r->core.turn->registry->scopes[0].paused);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(status_tells_the_figures),
        CASE(wrong_calls_are_answered_in_words),
        CASE(a_channel_is_imported_and_shown_without_its_secret),
        CASE(a_connector_gets_a_secret_and_a_token_shown_once),
        CASE(the_answer_waits_until_every_live_ingress_holds_the_registry),
        CASE(what_was_generated_is_not_lost_with_the_warning),
        CASE(too_many_waiting_calls_change_nothing),
        CASE(an_account_with_a_given_scope_is_connected_without_a_call),
        CASE(connect_calls_amojo_once_and_answers_with_the_scope),
        CASE(a_connect_that_fails_says_why_and_stores_nothing),
        CASE(a_connect_nobody_answers_ends_after_its_time_at_any_tick),
        CASE(pause_and_resume_stop_and_start_the_account),
        CASE(resume_ends_a_hold_that_waits_for_a_person),
        CASE(sources_are_listed),
        CASE(dead_letters_are_shown_retried_and_dropped),
        CASE(of_several_dead_letters_all_are_retried_or_none),
        CASE(quarantine_shows_the_event),
        CASE(trace_tells_the_whole_journey),
        CASE(trace_says_which_status_amo_is_told),
        CASE(conversations_are_listed_by_scope),
        CASE(an_answer_leaves_only_after_its_commit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
