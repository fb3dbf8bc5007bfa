/* What an operator gives up, sends again or sends elsewhere, while nobody knows whether it has arrived. */

#include <string.h>

#include "base/clock.h"
#include "base/process.h"
#include "core/deliver/dispatch.h"
#include "core/deliver/moved.h"
#include "core/deliver/settle.h"
#include "core/queue/queue.h"
#include "core/testing/amoctl.h"

/* The service got the manager's amo-1, and gave no answer in time. */
static void timed_out(struct rig *r)
{
    rig_client_message_done(r, "m0", "amo-0");
    rig_result(r, r->worker, rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1"),
               (struct result){.outcome = OUTCOME_UNKNOWN, .cause = CAUSE_TIMEOUT});
    rig_commit(r);
}

/* The connector two stands in for svc. */
static void move_to_two(struct rig *r)
{
    struct reply reply;

    ctl_call(r, "queue.move", "{\"connector\":\"svc\",\"to\":\"two\"}");
    assert_false(ctl_wait(r, 200, 0, &reply)); /* until ingress has the registry */
    ctl_ingress_holds_registry(r);
    assert_true(ctl_wait(r, 2000, 0, &reply));
    assert_int_equal(reply.code, EXIT_FINE);
    json_free(reply.doc);
}

static void go_on(struct rig *r)
{
    for (int i = 0; i < 3; i++) {
        reach_tick(&r->core);
        dispatch_due(&r->core, clock_mono_ms() + 100000);
        rig_turn(r);
    }
}

static void assert_reason(struct rig *r, const char *key, const char *reason)
{
    struct message m = rig_message(r, key);

    assert_string_equal(m.reason ? m.reason : "", reason);
    message_fini(&m);
}

static int64_t dropped(struct rig *r, const char *args)
{
    struct reply reply = ctl_ask(r, "queue.drop", args);
    int64_t n = ctl_int(json_root(reply.doc), "dropped");

    json_free(reply.doc);
    return n;
}

static void a_drop_leaves_what_tells_the_managers(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("amo-5");

    rig_client_message_done(r, "m0", "amo-0");
    ctl_fine(r, "account.pause", "{\"scope_id\":\"ch_acc\"}");
    e.chat_id = VIEW_LIT("chat-1");
    rig_take(r, &e);
    assert_int_equal(dropped(r, "{\"scope_id\":\"ch_acc\"}"), 1);
    assert_int_equal(rig_count(r, COMMAND_AMO_STATUS), 1);
    assert_int_equal(dropped(r, "{\"scope_id\":\"ch_acc\"}"), 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_STATUS), 1);
    ctl_fine(r, "account.resume", "{\"scope_id\":\"ch_acc\"}");
}

/* The service reports them as it reports whatever is written on its side: they stand on the card already. */
static void words_that_were_dropped_and_are_reported_are_not_shown_twice(void **state)
{
    struct rig *r = *state;
    struct event report = rig_outgoing_text("s-1");

    timed_out(r);
    assert_int_equal(dropped(r, "{\"connector\":\"svc\"}"), 1);
    assert_reason(r, "aamo-1", "unclear");
    report.content.text = VIEW_LIT("good day");
    report.taken_ms = clock_unix_ms() + 5;
    rig_take(r, &report);
    rig_commit(r);
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 0);
}

static void what_amo_is_asked_about_is_dropped_as_unclear(void **state)
{
    struct rig *r = *state;

    rig_result(r, r->worker, rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1"),
               (struct result){.outcome = OUTCOME_DONE, .status = 200}); /* without amo's id */
    rig_commit(r);
    assert_int_equal(rig_command(r, COMMAND_AMO_MESSAGE)->state, COMMAND_CHECKING);
    assert_int_equal(dropped(r, "{\"scope_id\":\"ch_acc\"}"), 1);
    assert_reason(r, "msvc-m1", "unclear");
}

static void what_was_not_tried_is_dropped_as_that(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");

    ctl_fine(r, "account.pause", "{\"scope_id\":\"ch_acc\"}");
    rig_take(r, &e);
    assert_int_equal(dropped(r, "{\"scope_id\":\"ch_acc\"}"), 1);
    assert_reason(r, "msvc-m1", "dropped");
    ctl_fine(r, "account.resume", "{\"scope_id\":\"ch_acc\"}");
}

static void another_service_does_not_send_what_the_first_one_may_have(void **state)
{
    struct rig *r = *state;

    rig_register_second(r);
    rig_register_source(r, "line1", "ch_acc");
    timed_out(r);
    move_to_two(r);
    go_on(r);
    assert_null(rig_command(r, COMMAND_SERVICE_MESSAGE));
    assert_reason(r, "aamo-1", "unclear");
}

/* It put the call off, or was not reached: that is not having it. */
static void another_service_sends_what_the_first_one_put_off(void **state)
{
    static const struct result answers[] = {
        {.outcome = OUTCOME_RETRY, .cause = CAUSE_SERVER, .status = 503},
        {.outcome = OUTCOME_RETRY,                        .cause = CAUSE_CONNECT                     },
    };
    struct rig *r = *state;
    const struct core_command *cmd = NULL;

    rig_register_second(r);
    rig_register_source(r, "line1", "ch_acc");
    rig_client_message_done(r, "m0", "amo-0");
    (void)rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    for (size_t i = 0; i < AMO_COUNT(answers); i++) {
        rig_result(r, r->worker, rig_command(r, COMMAND_SERVICE_MESSAGE), answers[i]);
        rig_commit(r);
        if (i == 0) {
            dispatch_due(&r->core, clock_mono_ms() + 100000);
            rig_turn(r);
        }
    }
    move_to_two(r);
    go_on(r);
    cmd = rig_command(r, COMMAND_SERVICE_MESSAGE);
    assert_non_null(cmd);
    assert_string_equal(cmd->lane->dest->name, "two");
}

static void it_is_sent_again_by_another_service_when_that_is_wanted(void **state)
{
    struct rig *r = *state;
    const struct core_command *cmd = NULL;
    struct reply reply;

    rig_register_second(r);
    rig_register_source(r, "line1", "ch_acc");
    timed_out(r);
    settle_dead(&r->core, rig_command(r, COMMAND_SERVICE_MESSAGE), "unclear", VIEW_NONE);
    rig_commit(r);
    move_to_two(r);
    reply = ctl_ask(r, "message.retry", "{\"id\":\"amo-1\"}");
    assert_int_equal(reply.code, EXIT_FAILED);
    assert_non_null(strstr(reply.error, "by the service that its conversation had before"));
    json_free(reply.doc);
    ctl_fine(r, "message.retry", "{\"id\":\"amo-1\",\"may_double\":true}");
    go_on(r);
    cmd = rig_command(r, COMMAND_SERVICE_MESSAGE);
    assert_non_null(cmd);
    assert_string_equal(cmd->lane->dest->name, "two");
}

static void a_conversation_that_is_not_there_is_not_an_empty_queue(void **state)
{
    ctl_sad(*state, "queue.drop", "{\"conversation\":999999}", EXIT_FAILED,
            "no conversation 999999");
}

/* Other verbs take it for that account; here it would be a second one. */
static void the_beginning_of_an_accounts_id_is_not_a_new_account(void **state)
{
    struct rig *r = *state;

    rig_register_account(r, "ch_1c884da5-9b92-4a4e-8d7b-000000000001");
    ctl_sad(r, "account.connect",
            "{\"channel\":\"ch\",\"account\":\"1c884da5\",\"connector\":\"svc\"}", EXIT_FAILED,
            "account 1c884da5-9b92-4a4e-8d7b-000000000001 begins with 1c884da5");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_drop_leaves_what_tells_the_managers),
        CASE(words_that_were_dropped_and_are_reported_are_not_shown_twice),
        CASE(what_amo_is_asked_about_is_dropped_as_unclear),
        CASE(what_was_not_tried_is_dropped_as_that),
        CASE(another_service_does_not_send_what_the_first_one_may_have),
        CASE(another_service_sends_what_the_first_one_put_off),
        CASE(a_conversation_that_is_not_there_is_not_an_empty_queue),
        CASE(the_beginning_of_an_accounts_id_is_not_a_new_account),
        CASE(it_is_sent_again_by_another_service_when_that_is_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
