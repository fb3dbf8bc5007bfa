/* Whose results are believed. */

#include "core/deliver/owed.h"

#include "base/clock.h"
#include "core/deliver/deliver.h"
#include "core/deliver/dispatch.h"
#include "core/peers/peers.h"
#include "core/queue/queue.h"
#include "core/testing/rig.h"
#include "proto/limits.h"
#include "proto/session.h"

static const struct result done = {
    .outcome = OUTCOME_DONE, .amo_message_id = {"amo-1", 5}
};

static void what_another_worker_has_is_not_ones_own_to_report(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct hello h = {.role = ROLE_EGRESS, .name = VIEW_LIT("liar")};
    struct id boot = {{5}};
    struct peer *liar = peer_new(&r->core, r->worker->socket, VIEW_LIT("x"), &h, &boot);
    const enum outcome said[] = {OUTCOME_DONE, OUTCOME_DEAD, OUTCOME_RETRY, OUTCOME_UNSTARTED};

    assert_non_null(liar);
    for (size_t i = 0; i < AMO_COUNT(said); i++) {
        struct result lie = done;

        lie.outcome = said[i];
        rig_result(r, liar, c, lie); /* it even knows the trace */
        assert_int_equal(c->state, COMMAND_IN_FLIGHT);
        assert_ptr_equal(c->worker, r->worker);
    }
    assert_int_equal(pairs_count(buf_view(&liar->acks)), 4); /* it need not tell again */
    rig_result(r, r->worker, c, done);
    assert_true(rig_has_message(r, "aamo-1"));
    peer_free(&r->core, liar);
    rig_assert_accounts(r);
}

static void a_command_that_waits_is_not_done_because_somebody_says_so(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct result lie = done;
    uint64_t made = c->attempt;

    rig_result(r, r->worker, c, (struct result){.outcome = OUTCOME_RETRY});
    assert_int_equal(c->state, COMMAND_WAITING);
    lie.id = (uint64_t)c->id;
    lie.kind = c->kind;
    for (uint64_t attempt = 1; attempt < 3; attempt++) {
        lie.attempt = attempt;
        rig_result_raw(r, r->worker, &lie);
        lie.attempt = made + attempt;
        rig_result_raw(r, r->worker, &lie);
        lie.attempt = made - attempt;
        rig_result_raw(r, r->worker, &lie);
    }
    assert_int_equal(c->state, COMMAND_WAITING);
    lie.attempt = made;
    lie.trace = c->trace; /* which only who was given it knows */
    rig_result_raw(r, r->worker, &lie);
    assert_true(rig_has_message(r, "aamo-1"));
}

static void who_tells_more_than_it_may_hold_is_put_out_and_given_nothing(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct result of_nothing = {.id = 1 << 20, .attempt = 7, .outcome = OUTCOME_DONE};

    for (size_t i = 0; i < LIMIT_UNASKED; i++)
        rig_result_raw(r, r->worker, &of_nothing);
    assert_false(r->worker->ended);
    rig_result_raw(r, r->worker, &of_nothing);
    assert_true(r->worker->ended);
    rig_result(r, r->worker, c, done); /* is not heard any more */
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    assert_null(peers_pick_worker(&r->core, 0, clock_mono_ms()));
}

static void what_was_told_long_ago_does_not_count(void **state)
{
    struct rig *r = *state;

    for (size_t i = 0; i < 3 * LIMIT_UNASKED; i++) {
        if (i % LIMIT_UNASKED == 0)
            r->worker->unasked_mono_ms = clock_mono_ms() - 60000;
        assert_true(owed_allows(&r->core, r->worker));
    }
}

static void a_worker_is_given_no_more_than_core_wants_to_give(void **state)
{
    struct rig *r = *state;

    peer_told_credit(r->worker, UINT64_MAX, UINT64_MAX, UINT64_MAX);
    assert_int_equal(peer_places(r->worker), LIMIT_WORKER_CREDIT);
    assert_int_equal(r->worker->credit_bytes, LIMIT_WORKER_BYTES);
}

static void claim(struct rig *r, const struct core_command *c, uint64_t attempt)
{
    struct buf held;

    buf_init(&held, 64);
    assert_int_equal(pairs_add(&held, (uint64_t)c->id, attempt), 0);
    dispatch_worker_joined(&r->core, r->worker, buf_view(&held));
    buf_fini(&held);
}

static void who_comes_later_holds_what_core_knows_that_it_held(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    uint64_t made = c->attempt;
    uint64_t next = 0;

    rig_result(r, r->worker, c, (struct result){.outcome = OUTCOME_UNSTARTED});
    assert_int_equal(c->state, COMMAND_READY);
    r->core.peers->settling_until_ms = 0;
    next = r->core.turn->next_attempt;
    claim(r, c, 0);
    claim(r, c, made - 1);
    claim(r, c, UINT64_MAX);
    assert_int_equal(c->state, COMMAND_READY);
    assert_int_equal(r->core.turn->next_attempt, next); /* else the numbers would begin again */
    claim(r, c, made);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    rig_assert_accounts(r);
}

/* Behind the last of all numbers there would be none by which a worker could say what it has. */
static void who_tells_of_the_last_number_takes_none_from_others(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    uint64_t next = r->core.turn->next_attempt;

    rig_result(r, r->worker, c, (struct result){.outcome = OUTCOME_UNSTARTED});
    claim(r, c, INT64_MAX);
    assert_int_equal(c->state, COMMAND_READY);
    assert_int_equal(r->core.turn->next_attempt, next);
    claim(r, c, next + (UINT64_C(1) << 55)); /* of a core whose clock was a year ahead */
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    assert_int_equal(r->core.turn->next_attempt, next + (UINT64_C(1) << 55));
    rig_assert_accounts(r);
}

/* It was stopped while core was restarted: what it has must not go a second time. */
static void who_comes_late_after_a_start_still_has_what_core_has_not_sent(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    uint64_t made = c->attempt;

    rig_restart(r);
    c = rig_command(r, COMMAND_AMO_MESSAGE);
    assert_int_equal(c->state, COMMAND_READY);
    r->core.peers->settling_until_ms = 0;
    r->core.deliver->n_claims = LIMIT_WORKER_CREDIT; /* somebody has said so of too much */
    claim(r, c, made);
    assert_int_equal(c->state, COMMAND_READY);
    r->core.deliver->n_claims = 0;
    claim(r, c, made);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    assert_int_equal(c->attempt, made);
    rig_assert_accounts(r);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_another_worker_has_is_not_ones_own_to_report),
        CASE(a_command_that_waits_is_not_done_because_somebody_says_so),
        CASE(who_tells_more_than_it_may_hold_is_put_out_and_given_nothing),
        CASE(what_was_told_long_ago_does_not_count),
        CASE(who_tells_of_the_last_number_takes_none_from_others),
        CASE(a_worker_is_given_no_more_than_core_wants_to_give),
        CASE(who_comes_later_holds_what_core_knows_that_it_held),
        CASE(who_comes_late_after_a_start_still_has_what_core_has_not_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
