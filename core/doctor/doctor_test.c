/* amoctl doctor, the looks: a test webhook on both its ways, and what ends the wait for it. */

#include <stdio.h>

#include "base/clock.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/deliver/calls.h"
#include "core/deliver/deliver.h"
#include "core/deliver/settle.h"
#include "core/intake/intake.h"
#include "core/testing/amoctl.h"

#define DOOR_ARGS "{\"what\":\"front_door\",\"subject\":\"ch\"}"

static char key_buf[128];

/* The look is asked for; the call as it leaves. */
static struct command begun(struct rig *r, const char *args)
{
    struct command c;
    struct reply reply;

    r->more_config = "public_url = \"https://door.example/\"\n";
    rig_restart(r);
    ctl_ingress_holds_registry(r);
    ctl_call(r, "doctor.check", args);
    /* core's socket is a new one: the call comes when it is found again */
    for (int i = 0; i < 500 && list_is_empty(&r->core.deliver->calls); i++)
        assert_false(ctl_wait(r, 10, 0, &reply));
    assert_int_equal(rig_calls(r, clock_mono_ms(), &c, 1), 1);
    assert_int_equal(view_copy(c.key, key_buf, sizeof(key_buf)), 0);
    c.key = view_of(key_buf);
    return c;
}

static void answered(struct rig *r, const struct command *c, struct result result)
{
    result.id = c->id;
    result.attempt = c->attempt;
    rig_result_raw(r, r->worker, &result);
}

/* A test webhook with that nonce comes out of a spool. */
static void comes(struct rig *r, struct view nonce)
{
    const struct event e = {
        .kind = EVENT_DOOR_TEST, .taken_ms = clock_unix_ms(), .message_id = nonce};

    rig_take(r, &e);
}

static void ended(struct rig *r, const char *check, const char *state, const char *words)
{
    struct reply reply = {0};
    const struct json_node *checks = NULL;
    const struct json_node *last = NULL;
    struct view text = VIEW_NONE;

    assert_true(ctl_wait(r, 20000, 0, &reply));
    assert_int_equal(reply.code, EXIT_FINE);
    checks = json_get(json_root(reply.doc), "checks");
    assert_true(json_array_len(checks) > 0);
    last = json_array_at(checks, json_array_len(checks) - 1);
    ctl_text(&reply, last, "check", check);
    ctl_text(&reply, last, "state", state);
    assert_true(json_strict_text(json_get(last, "words"), &text));
    assert_non_null(view_find(text, words));
    json_free(reply.doc);
    assert_true(list_is_empty(&r->core.deliver->calls));
    assert_true(list_is_empty(&r->core.control->waits));
    assert_true(list_is_empty(&r->core.intake->door_tests));
    rig_assert_counts(r, 0, 0, 0);
}

static const struct result fine = {.outcome = OUTCOME_DONE, .status = 200};

static void a_webhook_that_comes_before_its_answer_is_heard(void **state)
{
    struct rig *r = *state;
    struct command c = begun(r, DOOR_ARGS);

    assert_int_equal(c.kind, COMMAND_AMO_HOOK);
    assert_true(view_is(c.url, "https://door.example/messages/ch_doctor"));
    comes(r, c.key);
    answered(r, &c, fine);
    ended(r, "front_door", "green", "came through");
}

static void a_webhook_that_comes_after_its_answer_is_heard(void **state)
{
    struct rig *r = *state;
    struct command c = begun(r, DOOR_ARGS);
    struct reply reply;

    answered(r, &c, fine);
    assert_false(ctl_wait(r, 50, 0, &reply));
    comes(r, c.key);
    ended(r, "front_door", "green", "came through");
}

static void another_webhook_is_not_the_one(void **state)
{
    struct rig *r = *state;
    struct command c = begun(r, DOOR_ARGS);
    struct reply reply;

    comes(r, VIEW_LIT("door-of-another"));
    answered(r, &c, fine);
    assert_false(ctl_wait(r, 50, 0, &reply));
    comes(r, VIEW_LIT("door-of-another"));
    assert_false(ctl_wait(r, 50, 0, &reply));
    comes(r, c.key);
    ended(r, "front_door", "green", "came through");
}

static void a_test_that_nobody_waits_for_is_nothing(void **state)
{
    struct rig *r = *state;

    comes(r, VIEW_LIT("door-of-yesterday"));
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_stored_commands(r), 0);
}

static void a_door_that_does_not_open_is_not_waited_at(void **state)
{
    struct rig *r = *state;
    struct command c = begun(r, DOOR_ARGS);

    answered(r, &c,
             (struct result){.outcome = OUTCOME_HOLD,
                             .cause = CAUSE_CONNECT,
                             .stage = VIEW_LIT("dns"),
                             .evidence = VIEW_LIT("no such name")});
    ended(r, "front_door", "red", "DNS");
}

static void amojos_clock_is_told(void **state)
{
    struct rig *r = *state;
    struct command c = begun(r, "{\"what\":\"amojo\",\"subject\":\"ch\"}");

    assert_int_equal(c.kind, COMMAND_AMO_REACH);
    answered(
        r, &c,
        (struct result){
            .outcome = OUTCOME_HOLD, .status = 404, .skew_known = true, .skew_ms = -61000});
    ended(r, "clock", "red", "61 s ahead of amojo's");
}

/* Core stood still: the wait for the webhook ends with the call. */
static void a_long_stop_of_core_ends_the_wait(void **state)
{
    struct rig *r = *state;
    struct command c = begun(r, DOOR_ARGS);
    struct reply reply;

    answered(r, &c, fine);
    ctl_tick(r, clock_mono_ms() + 60000);
    assert_true(ctl_wait(r, 20000, 0, &reply));
    assert_int_equal(reply.code, EXIT_FAILED);
    json_free(reply.doc);
    assert_true(list_is_empty(&r->core.intake->door_tests));
    comes(r, c.key); /* too late: nobody listens */
    assert_int_equal(r->core.turn->exit_code, 0);
}

static void a_restart_of_core_leaves_nobody_waiting(void **state)
{
    struct rig *r = *state;

    (void)begun(r, DOOR_ARGS);
    rig_restart(r);
    assert_true(list_is_empty(&r->core.intake->door_tests));
}

static void a_worker_that_makes_no_call_is_told_in_words(void **state)
{
    struct rig *r = *state;

    (void)begun(r, DOOR_ARGS);
    call_tick(&r->core, clock_mono_ms() + 20000);
    ended(r, "egress", "red", "every worker is busy");
}

/* --- what core sees by itself --------------------------------------------------------------- */

/* Of all the lines about @check there must be one in @state with @words; @state NULL: none. */
static void seen(struct rig *r, const char *check, const char *state, const char *words)
{
    struct reply reply = ctl_ask(r, "doctor", "{}");
    const struct json_node *checks = json_get(json_root(reply.doc), "checks");
    bool found = false;

    assert_int_equal(reply.code, EXIT_FINE);
    for (size_t i = 0; i < json_array_len(checks); i++) {
        const struct json_node *n = json_array_at(checks, i);
        struct view name = VIEW_NONE;
        struct view severity = VIEW_NONE;
        struct view text = VIEW_NONE;
        struct view subject = VIEW_NONE;

        if (json_strict_text(json_get(n, "subject"), &subject))
            assert_null(view_find(subject, "user:word"));
        assert_true(json_strict_text(json_get(n, "check"), &name));
        assert_true(json_strict_text(json_get(n, "state"), &severity));
        assert_true(json_strict_text(json_get(n, "words"), &text));
        assert_null(view_find(text, "user:word"));
        found = found || (view_is(name, check) && view_find(text, words) &&
                          (!state || view_is(severity, state)));
    }
    if (found != (state != NULL))
        fail_msg("%s, %s: %s", check, state ? state : "never", words);
    json_free(reply.doc);
}

static void a_spool_that_fills_is_seen(void **state)
{
    struct rig *r = *state;
    uint64_t max = config_number(r->core.config, "ingress/spool_max_bytes");

    assert_true(max > 1000);
    r->ingress->spool_events = 17;
    seen(r, "spool", "green", "events: 17, 0 KiB; 100 % left");
    r->ingress->spool_bytes = max / 100 * 49;
    seen(r, "spool", "green", "% left");
    r->ingress->spool_bytes = max / 100 * 60;
    seen(r, "spool", "yellow", "% left");
    r->ingress->spool_bytes = max / 100 * 92;
    seen(r, "spool", "red", "% left");
    r->ingress->spool_bytes = max * 2;
    seen(r, "spool", "red", " 0 % left");
}

static void what_was_given_up_or_not_understood_is_counted(void **state)
{
    struct rig *r = *state;
    const struct event strange = {.kind = EVENT_QUARANTINE,
                                  .taken_ms = clock_unix_ms(),
                                  .reason = VIEW_LIT("moon"),
                                  .raw = VIEW_LIT("{}")};
    struct result dead = {.outcome = OUTCOME_DEAD, .cause = CAUSE_REFUSED, .status = 422};
    struct core_command *c = NULL;
    struct core_command old;

    seen(r, "dead_letters", "green", "commands given up: 0");
    seen(r, "quarantine", "green", "events not understood or not applied: 0");
    rig_result(r, r->worker, rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1"), dead);
    rig_commit(r);
    seen(r, "dead_letters", "yellow", "commands given up: 1");
    seen(r, "quarantine", "green", "events not understood or not applied: 0");
    rig_take(r, &strange);
    seen(r, "quarantine", "yellow", "events not understood or not applied: 1");
    c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m2");
    old = *c;
    settle_dead(&r->core, c, "unclear", VIEW_NONE);
    rig_commit(r);
    seen(r, "dead_letters", "yellow", "commands given up: 2");
    rig_result(r, r->worker, &old,
               (struct result){.outcome = OUTCOME_DONE,
                               .amo_message_id = VIEW_LIT("amo-2"),
                               .amo_chat_id = VIEW_LIT("chat-2")});
    rig_commit(r); /* it has arrived; its letter stays, with what was tried */
    seen(r, "dead_letters", "yellow", "commands given up: 1");
}

static void a_mistyped_setting_is_seen(void **state)
{
    struct rig *r = *state;

    seen(r, "setting", "green", "no process");
    (void)snprintf(r->worker->strangers, sizeof(r->worker->strangers),
                   "AMO_LOG_LEVL AMO_LOG_LEVEL\nAMO_CORE_X\n");
    seen(r, "setting", "yellow",
         "AMO_LOG_LEVL is set in its environment, is no setting and is "
         "ignored; did you mean AMO_LOG_LEVEL?");
    seen(r, "setting", "yellow",
         "AMO_CORE_X is set in its environment, is no setting and is ignored");
    seen(r, "setting", NULL, "no process");
    /* of what only a broken process says, whatever stands there */
    (void)snprintf(r->worker->strangers, sizeof(r->worker->strangers), "\n \nA ");
    seen(r, "setting", "yellow", "A is set in its environment");
}

static void who_has_an_older_registry_or_is_silent_is_seen(void **state)
{
    struct rig *r = *state;

    r->worker->registry_version = r->core.turn->registry->version;
    seen(r, "egress", "green", "knows the present registry");
    r->worker->registry_version--;
    seen(r, "egress", "yellow", "older registry");
    r->worker->heard_mono_ms -= 60000;
    seen(r, "egress", "yellow", "silent for 6");
    seen(r, "egress", "red", "no process of this kind");
}

static void held_accounts_and_connectors_are_seen(void **state)
{
    struct rig *r = *state;
    int64_t now = clock_mono_ms();

    seen(r, "account", "green", "1 connected");
    seen(r, "connector", "green", "1 in use");
    dest_hold(r->core.queue, queue_dest(r->core.queue, DEST_SCOPE, VIEW_LIT("ch_acc")),
              HOLD_FORBIDDEN, 0, 0, now);
    seen(r, "account", "red", "calls to amojo are held: ");
    seen(r, "account", NULL, "1 connected");
    dest_hold(r->core.queue, queue_dest(r->core.queue, DEST_CONNECTOR, VIEW_LIT("svc")),
              HOLD_CONNECT, 0, 60000, now);
    seen(r, "connector", "red", "calls to it are held: ");
    seen(r, "connector", NULL, "1 in use");
}

/* "Compare the secret" is a guess; the service may have said what it is. */
static void the_answer_of_whoever_holds_us_is_seen(void **state)
{
    struct rig *r = *state;
    struct core_command *cmd = NULL;
    struct view why = VIEW_NONE;
    struct reply reply;

    rig_client_message_done(r, "m1", "amo-1"); /* its conversation has a number */
    cmd = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "m2");
    cmd->forbidden = true; /* signed again already */
    rig_result(r, r->worker, cmd,
               (struct result){.outcome = OUTCOME_HOLD,
                               .cause = CAUSE_FORBIDDEN,
                               .status = 401,
                               .evidence = VIEW_LIT("HTTP/1.1 401 Unauthorized: {\"text\":"
                                                    "\"scan the QR code again\"}")});
    rig_commit(r);
    seen(r, "connector", "red", "calls to it are held: forbidden since 20");
    seen(r, "connector", "red",
         " because of conversation 1 (number line1): it does not let us in");
    seen(r, "connector", "red", ", last answer 401 Unauthorized: {\"text\":\"scan the QR code");
    reply = ctl_ask(r, "connector.show", "{\"name\":\"svc\"}");
    assert_true(json_strict_text(json_get(json_root(reply.doc), "why"), &why));
    assert_non_null(view_find(why, "scan the QR code again"));
    json_free(reply.doc);
}

/* The service writes its number in another way than it is listed. */
static void a_source_of_nobodys_that_is_nearly_somebodys_is_told_as_that(void **state)
{
    struct rig *r = *state;
    static const char told[] = "svc\tLINE1\t3\nsvc\tline2\t1\n";

    ctl_fine(r, "source.add",
             "{\"connector\":\"svc\",\"source\":\"line1\",\"scope_id\":\"ch_acc\"}");
    ctl_fine(r, "account.connect",
             "{\"channel\":\"ch\",\"account\":\"two\",\"connector\":\"svc\",\"title\":\"Two\","
             "\"scope_id\":\"ch_two\",\"yes\":true}");
    ctl_fine(r, "source.add",
             "{\"connector\":\"svc\",\"source\":\"main line\",\"scope_id\":\"ch_two\"}");
    buf_init(&r->ingress->refused, 4096);
    assert_int_equal(buf_add_str(&r->ingress->refused, told), 0);
    seen(r, "source", "yellow", "within the hour: 3; nearly the same is line1, which account ");
    seen(r, "source", "yellow", "within the hour: 1");
    seen(r, "source", NULL, "within the hour: 1; nearly"); /* another number */
    ctl_sad(r, "source.remove", "{\"connector\":\"svc\",\"source\":\"MainLine\"}", EXIT_FAILED,
            "no such source; did you mean main line of connector svc (account ch_two)?");
    ctl_sad(r, "connector.show", "{\"name\":\"SVC\"}", EXIT_FAILED, "did you mean svc?");
    ctl_sad(r, "account.show", "{\"scope_id\":\"TWO\"}", EXIT_FAILED,
            "did you mean ch_two (Two)?");
    ctl_sad(r, "source.add", "{\"connector\":\"sv\",\"source\":\"x\",\"scope_id\":\"ch_two\"}",
            EXIT_FAILED, "no such connector");
}

static void many_that_are_held_have_a_line_for_the_first_ones(void **state)
{
    struct rig *r = *state;
    char args[128];
    char id[32];

    for (int i = 0; i < 25; i++) {
        (void)snprintf(args, sizeof(args),
                       "{\"channel\":\"ch\",\"account\":\"a%d\",\"connector\":\"svc\","
                       "\"scope_id\":\"ch_a%d\",\"yes\":true,\"move\":true}",
                       i, i);
        ctl_fine(r, "account.connect", args);
        (void)snprintf(id, sizeof(id), "ch_a%d", i);
        dest_hold(r->core.queue, queue_dest(r->core.queue, DEST_SCOPE, view_of(id)),
                  HOLD_CONNECT, 0, 0, clock_mono_ms());
        if (i < 20)
            seen(r, "account", NULL, "more are held");
    }
    seen(r, "account", "red", "5 more are held");
}

static void how_many_channels_were_not_looked_at_is_told(void **state)
{
    struct rig *r = *state;
    char args[256];

    for (int i = 2; i <= 35; i++) { /* the rig has one */
        (void)snprintf(args, sizeof(args),
                       "{\"reply\":\"{\\\"result\\\":{\\\"ru\\\":{\\\"id\\\":"
                       "\\\"c%d\\\",\\\"secret_key\\\":\\\"s\\\"}}}\"}",
                       i);
        ctl_fine(r, "channel.add", args);
        if (i == 32)
            seen(r, "amojo", NULL, "not looked at");
    }
    seen(r, "amojo", "yellow", "3 more channels were not looked at");
}

static void a_public_address_is_judged_and_no_password_of_it_shown(void **state)
{
    struct rig *r = *state;
    struct reply reply;

    seen(r, "public_url", "yellow", "not set");
    r->more_config = "public_url = \"http://localhost.evil.example\"\n";
    rig_restart(r);
    seen(r, "public_url", "yellow", "is not https");
    r->more_config = "public_url = \"http:///door\"\n";
    rig_restart(r);
    seen(r, "public_url", "red", "no web address");
    r->more_config = "public_url = \"https://user:word@door.example\"\n";
    rig_restart(r);
    seen(r, "public_url", "red", "has a user or a password in it");
    reply = ctl_ask(r, "doctor", "{}"); /* the door is left alone */
    ctl_text(&reply, json_array_at(json_get(json_root(reply.doc), "ask"), 1), "what", "amojo");
    json_free(reply.doc);
    ctl_sad(r, "doctor.check", DOOR_ARGS, EXIT_FAILED, "has a user or a password in it");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_webhook_that_comes_before_its_answer_is_heard),
        CASE(a_webhook_that_comes_after_its_answer_is_heard),
        CASE(another_webhook_is_not_the_one),
        CASE(a_test_that_nobody_waits_for_is_nothing),
        CASE(a_door_that_does_not_open_is_not_waited_at),
        CASE(amojos_clock_is_told),
        CASE(a_long_stop_of_core_ends_the_wait),
        CASE(a_restart_of_core_leaves_nobody_waiting),
        CASE(a_worker_that_makes_no_call_is_told_in_words),
        CASE(a_spool_that_fills_is_seen),
        CASE(what_was_given_up_or_not_understood_is_counted),
        CASE(a_mistyped_setting_is_seen),
        CASE(who_has_an_older_registry_or_is_silent_is_seen),
        CASE(held_accounts_and_connectors_are_seen),
        CASE(the_answer_of_whoever_holds_us_is_seen),
        CASE(a_source_of_nobodys_that_is_nearly_somebodys_is_told_as_that),
        CASE(many_that_are_held_have_a_line_for_the_first_ones),
        CASE(how_many_channels_were_not_looked_at_is_told),
        CASE(a_public_address_is_judged_and_no_password_of_it_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
