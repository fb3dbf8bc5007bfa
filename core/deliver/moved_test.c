/* What goes along to another account is not overtaken by what comes to that one. */

#include "core/deliver/moved.h"

#include "base/clock.h"
#include "core/deliver/dispatch.h"
#include "core/queue/queue.h"
#include "core/testing/rig.h"
#include "proto/command.h"

static struct core_command *of_message(struct rig *r, const char *mid)
{
    struct message m = rig_message(r, mid);
    struct core_command *c = NULL;
    size_t iter = 0;

    while ((c = table_next(r->core.queue->commands, &iter))) {
        if (c->message == m.id && c->kind == COMMAND_AMO_MESSAGE)
            break;
    }
    message_fini(&m);
    return c;
}

/* It stands behind a delivery status of the same chat, which is first. */
static struct core_command *behind_a_status(struct rig *r, const char *id, bool again)
{
    struct event status = rig_status("s-1", "delivered");
    struct event e = rig_client_text(id);
    char mid[64];

    (void)snprintf(mid, sizeof(mid), "msvc-%s", id);
    rig_register_account(r, "ch_two");
    rig_register_source(r, "line1", "ch_acc");
    rig_client_message_done(r, "m0", "amo-0");
    rig_manager_message_done(r, "amo-1", "s-1");
    rig_take(r, &status);
    if (again)
        r->ingress->sent_before = r->next_number + 1;
    r->ingress->forgets = again;
    rig_take(r, &e);
    assert_int_equal(rig_command(r, COMMAND_AMO_STATUS)->state, COMMAND_READY);
    assert_int_equal(of_message(r, mid)->state, COMMAND_QUEUED);
    return rig_command(r, COMMAND_AMO_STATUS);
}

/* The number is the second account's now, and the client writes on. */
static void he_writes_on(struct rig *r, const char *id)
{
    struct event e = rig_client_text(id);

    rig_register_source(r, "line1", "ch_two");
    rig_take(r, &e);
    rig_turn(r);
}

static void done(struct rig *r, const struct core_command *cmd, const char *amo_id)
{
    rig_result(r, r->worker, cmd,
               (struct result){.outcome = OUTCOME_DONE,
                               .amo_message_id = view_of(amo_id),
                               .amo_chat_id = VIEW_LIT("chat-2"),
                               .amo_sender_id = VIEW_LIT("client-ref-2")});
    rig_commit(r);
}

/* A tick, when what waits for others has waited. */
static void later(struct rig *r)
{
    reach_tick(&r->core);
    dispatch_due(&r->core, clock_mono_ms() + 1000);
    rig_turn(r);
    dispatch_run(&r->core);
}

static void assert_in_lane_of(const struct core_command *cmd, const char *scope)
{
    assert_non_null(cmd);
    assert_string_equal(cmd->lane->dest->name, scope);
}

/* The account that a client's word leaves says that it does not have it. */
static void not_there(struct rig *r, const char *mid)
{
    for (int i = 0; i < 10 && of_message(r, mid)->state == COMMAND_CHECKING; i++) {
        struct result result = {.outcome = OUTCOME_DONE, .complete = true};
        struct command calls[2];

        assert_true(reach_must_wait(&r->core, of_message(r, "msvc-m2")));
        assert_int_equal(rig_calls(r, clock_mono_ms() + 100000, calls, 2), 1);
        if (calls[0].kind == COMMAND_AMO_CREATE_CHAT)
            result.amo_chat_id = VIEW_LIT("chat-1");
        result.id = calls[0].id;
        result.attempt = calls[0].attempt;
        rig_result_raw(r, r->worker, &result);
    }
}

static void one_goes_before_two(struct rig *r)
{
    later(r);
    assert_in_lane_of(of_message(r, "msvc-m1"), "ch_two");
    assert_int_equal(of_message(r, "msvc-m1")->state, COMMAND_IN_FLIGHT);
    assert_int_equal(of_message(r, "msvc-m2")->state, COMMAND_QUEUED);
    done(r, of_message(r, "msvc-m1"), "amo-3");
    rig_turn(r);
    assert_int_equal(of_message(r, "msvc-m2")->state, COMMAND_IN_FLIGHT);
}

/* A forgotten core may have sent it to the account that it leaves, which is asked when it is the first. */
static void what_is_to_be_asked_about_behind_another_is_not_overtaken(void **state)
{
    struct rig *r = *state;
    struct core_command *status = behind_a_status(r, "m1", true);

    he_writes_on(r, "m2");
    assert_in_lane_of(of_message(r, "msvc-m1"), "ch_acc");
    assert_in_lane_of(of_message(r, "msvc-m2"), "ch_two");
    assert_int_equal(status->state, COMMAND_IN_FLIGHT); /* nobody waits for himself */
    assert_int_equal(of_message(r, "msvc-m2")->state, COMMAND_WAITING);
    done(r, status, "");
    reach_tick(&r->core);
    assert_int_equal(of_message(r, "msvc-m1")->state, COMMAND_CHECKING);
    not_there(r, "msvc-m1");
    one_goes_before_two(r);
}

/* To the next core it is the first of its lane, and might have been sent. */
static void what_waited_for_that_when_core_died_waits_for_the_next_one(void **state)
{
    struct rig *r = *state;
    struct core_command *status = behind_a_status(r, "m1", true);

    he_writes_on(r, "m2");
    done(r, status, "");
    rig_restart(r);
    rig_commit(r);
    assert_int_equal(of_message(r, "msvc-m1")->state, COMMAND_CHECKING);
    assert_true(of_message(r, "msvc-m2")->tried);
    not_there(r, "msvc-m1");
    one_goes_before_two(r);
}

/* What stands behind a status that a worker has goes along when that is over. */
static void what_stands_behind_a_status_in_flight_is_not_overtaken(void **state)
{
    struct rig *r = *state;
    struct core_command *status = behind_a_status(r, "m1", false);

    rig_turn(r);
    assert_int_equal(status->state, COMMAND_IN_FLIGHT);
    he_writes_on(r, "m2");
    assert_int_equal(of_message(r, "msvc-m2")->state, COMMAND_WAITING);
    done(r, status, "");
    later(r);
    assert_in_lane_of(of_message(r, "msvc-m1"), "ch_two");
    assert_int_equal(of_message(r, "msvc-m1")->state, COMMAND_IN_FLIGHT);
    assert_int_equal(of_message(r, "msvc-m2")->state, COMMAND_QUEUED);
}

/* Core died while amo took m1, and sent it once more. Amo refuses what it has already: a sign that is not forgotten
 * when the account that could be asked is paused, or has left, before it answers. */
static void refused_as_known(struct rig *r, bool dies)
{
    struct event e = rig_client_text("m1");
    struct core_command *c = NULL;

    rig_register_account(r, "ch_two");
    rig_register_source(r, "line1", "ch_acc");
    rig_take(r, &e);
    rig_turn(r);
    rig_restart(r);
    rig_turn(r);
    c = of_message(r, "msvc-m1");
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DEAD, .cause = CAUSE_REFUSED, .status = 400});
    rig_commit(r);
    assert_int_equal(of_message(r, "msvc-m1")->state, COMMAND_CHECKING);
    assert_int_equal(store_scope_leave(r->core.store, VIEW_LIT("ch_acc"), clock_unix_ms()), 0);
    rig_register_source(r, "line1", "ch_two");
    if (dies)
        rig_restart(r);
    later(r);
    assert_null(of_message(r, "msvc-m1"));
    rig_assert_dead(r, "unclear");
}

static void what_was_refused_as_known_is_not_sent_to_another_account(void **state)
{
    refused_as_known(*state, false);
}

static void nor_after_another_death_of_core(void **state)
{
    refused_as_known(*state, true);
}

/* A company comes back by another channel. Its service is still the same, and may have what was sent. */
static void what_its_service_may_have_is_unclear_after_the_company_came_back(void **state)
{
    struct rig *r = *state;
    struct event report = rig_outgoing_text("s-1");
    struct core_command *c = NULL;

    rig_register_account(r, "new_acc");
    rig_register_source(r, "line1", "ch_acc");
    rig_client_message_done(r, "m0", "amo-0");
    c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_RETRY, .cause = CAUSE_SERVER, .status = 502});
    rig_register_source(r, "line1", "new_acc");
    c = rig_command(r, COMMAND_SERVICE_MESSAGE);
    assert_string_equal(c->lane->scope->name, "new_acc");
    rig_take(r, &report);
    rig_assert_counts(r, 0, 0, 1);
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DONE, .service_message_id = VIEW_LIT("s-1")});
    rig_commit(r);
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 0);
    rig_assert_counts(r, 0, 0, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_to_be_asked_about_behind_another_is_not_overtaken),
        CASE(what_waited_for_that_when_core_died_waits_for_the_next_one),
        CASE(what_stands_behind_a_status_in_flight_is_not_overtaken),
        CASE(what_was_refused_as_known_is_not_sent_to_another_account),
        CASE(nor_after_another_death_of_core),
        CASE(what_its_service_may_have_is_unclear_after_the_company_came_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
