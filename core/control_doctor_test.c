/* amoctl doctor, the looks: a test webhook on both its ways, and what ends the wait for it. */

#include <string.h>

#include "base/clock.h"
#include "base/process.h"
#include "core/control.h"
#include "core/inquiry.h"
#include "core/testing_control.h"

#define DOOR_ARGS "{\"what\":\"front_door\",\"subject\":\"ch\"}"

static char key_room[128];

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
    for (int i = 0; i < 500 && list_is_empty(&r->core.inquiries); i++)
        assert_false(ctl_wait(r, 10, 0, &reply));
    assert_int_equal(rig_inquiries(r, clock_mono_ms(), &c, 1), 1);
    assert_int_equal(view_copy(c.key, key_room, sizeof(key_room)), 0);
    c.key = view_of(key_room);
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
    assert_true(list_is_empty(&r->core.inquiries));
    assert_true(list_is_empty(&r->core.control_waits));
    assert_true(list_is_empty(&r->core.door_tests));
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
    ended(r, "clock", "red", "61.000 s ahead");
}

/* Core stood still: the wait for the webhook ends with the call. */
static void a_long_stop_of_core_ends_the_wait(void **state)
{
    struct rig *r = *state;
    struct command c = begun(r, DOOR_ARGS);
    struct reply reply;

    answered(r, &c, fine);
    control_tick(&r->core, clock_mono_ms() + 60000);
    assert_true(ctl_wait(r, 20000, 0, &reply));
    assert_int_equal(reply.code, EXIT_FAILED);
    json_free(reply.doc);
    assert_true(list_is_empty(&r->core.door_tests));
    comes(r, c.key); /* too late: nobody listens */
    assert_int_equal(r->core.exit_code, 0);
}

static void a_restart_of_core_leaves_nobody_waiting(void **state)
{
    struct rig *r = *state;

    (void)begun(r, DOOR_ARGS);
    rig_restart(r);
    assert_true(list_is_empty(&r->core.door_tests));
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
