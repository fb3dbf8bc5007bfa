/* Commands leave and come back: nothing is lost or counted wrongly on the way, also when there is no
 * memory for a step of it. */

#include "core/deliver/dispatch.h"

#include <errno.h>

#include "base/clock.h"
#include "core/deliver/settle.h"
#include "core/peers/worker.h"
#include "core/testing/rig.h"
#include "proto/bus/edge.h"
#include "proto/session.h"

/* beyond any lease of the rig's */
#define LEASE_OVER_MS 3600000

static struct core_command *taken(struct rig *r, const char *id)
{
    struct event e = rig_client_text(id);

    rig_take(r, &e);
    return rig_command(r, COMMAND_AMO_MESSAGE);
}

static void assert_in_flight(struct rig *r, const struct core_command *c)
{
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    assert_ptr_equal(c->worker, r->worker);
    rig_assert_accounts(r);
}

/* --- going ---------------------------------------------------------------------------------- */

static void a_command_goes_to_a_worker_with_room(void **state)
{
    struct rig *r = *state;
    struct core_command *c = taken(r, "m1");

    assert_int_equal(c->state, COMMAND_READY);
    r->worker->credit = 0;
    dispatch_run(&r->core);
    assert_int_equal(c->state, COMMAND_READY);
    r->worker->credit = 1;
    dispatch_run(&r->core);
    assert_in_flight(r, c);
    assert_int_equal(r->worker->n_batch, 0); /* it has left */
    assert_int_equal(c->attempt, r->core.turn->next_attempt);
}

static void nothing_goes_once_core_is_stopping(void **state)
{
    struct rig *r = *state;
    struct core_command *c = taken(r, "m1");

    r->core.turn->stopping = true;
    dispatch_run(&r->core);
    assert_int_equal(c->state, COMMAND_READY);
    r->core.turn->stopping = false;
    dispatch_run(&r->core);
    assert_in_flight(r, c);
}

static void what_does_not_fit_leaves_the_batch_as_it_was(void **state)
{
    struct rig *r = *state;
    struct command body = {.kind = COMMAND_AMO_REACH,
                           .id = 1,
                           .url = VIEW_LIT("https://amojo.example/a/longer/way")};
    size_t before = 0;
    size_t bytes = 0;

    assert_false(r->core.turn->dirty);
    assert_int_equal(dispatch_pack(&r->core, r->worker, &body, &bytes), 0);
    before = r->worker->batch.len;
    assert_int_equal(bytes, before);
    r->worker->batch.max = before + 10;
    assert_int_equal(dispatch_pack(&r->core, r->worker, &body, &bytes), -ENOSPC);
    assert_int_equal(r->worker->batch.len, before);
    assert_int_equal(r->worker->n_batch, 1);
    assert_int_equal(buf_error(&r->worker->batch), 0);
    r->worker->batch.max = 1 << 20;
    assert_int_equal(dispatch_pack(&r->core, r->worker, &body, &bytes), 0);
    assert_int_equal(r->worker->n_batch, 2);
    dispatch_flush(&r->core);
    assert_int_equal(r->worker->n_batch, 0);
}

static void nothing_leaves_by_rows_that_are_not_committed(void **state)
{
    struct rig *r = *state;
    struct command body = {.kind = COMMAND_AMO_REACH, .id = 1};
    size_t bytes = 0;

    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(dispatch_pack(&r->core, r->worker, &body, &bytes), -EBUSY);
    rig_commit(r);
    assert_int_equal(dispatch_pack(&r->core, r->worker, &body, &bytes), 0);
    dispatch_flush(&r->core);
}

static void times_of_an_attempt_lie_within_the_lease(void **state)
{
    struct rig *r = *state;
    struct command body = {.kind = COMMAND_AMO_REACH, .id = 1, .finish_within_ms = INT64_MAX};
    size_t bytes = 0;

    assert_int_equal(dispatch_pack(&r->core, r->worker, &body, &bytes), 0);
    assert_true(body.finish_within_ms > 0 && body.finish_within_ms < LEASE_OVER_MS);
    assert_true(body.start_within_ms > 0 && body.start_within_ms < body.finish_within_ms);
    body.finish_within_ms = 1;
    assert_int_equal(dispatch_pack(&r->core, r->worker, &body, &bytes), 0);
    assert_int_equal(body.start_within_ms, 1);
    dispatch_flush(&r->core);
}

/* --- coming back ---------------------------------------------------------------------------- */

static void a_lease_that_is_over_brings_a_command_back(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    int64_t now = clock_mono_ms();
    uint64_t attempt = c->attempt;

    dispatch_due(&r->core, now);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT); /* not yet */
    dispatch_due(&r->core, now + LEASE_OVER_MS);
    assert_int_equal(c->state, COMMAND_READY);
    assert_null(c->worker);
    assert_int_equal(c->lost, 0); /* its worker lives */
    assert_true(c->tried);
    rig_turn(r);
    assert_in_flight(r, c);
    assert_true(c->attempt > attempt);
}

static void a_worker_that_is_lost_gives_all_back(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");

    dispatch_lost(&r->core, r->worker);
    assert_int_equal(c->state, COMMAND_READY);
    assert_int_equal(c->lost, 1);
    assert_int_equal(r->worker->n_in_flight, 0);
    rig_assert_accounts(r);
    rig_turn(r);
    assert_in_flight(r, c);
}

static void a_command_whose_workers_are_lost_time_and_again_is_given_up(void **state)
{
    struct rig *r = *state;
    int64_t id = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1")->id;
    int64_t now = clock_mono_ms();

    for (int i = 1; i <= 5; i++) {
        struct core_command *c = queue_find(r->core.queue, id);

        assert_non_null(c);
        assert_int_equal(c->state, COMMAND_IN_FLIGHT);
        dispatch_lost(&r->core, r->worker);
        rig_commit(r);
        dispatch_due(&r->core, now + (int64_t)i * 2000); /* a suspect waits */
        rig_turn(r);
    }
    assert_null(queue_find(r->core.queue, id));
    rig_assert_dead(r, "workers_lost");
}

/* The process is there, under a new socket: what it does not name it never got. */
static void what_a_worker_never_got_goes_again_at_once(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");

    dispatch_unreceived(&r->core, r->worker, VIEW_LIT(""));
    assert_int_equal(c->state, COMMAND_READY);
    assert_int_equal(c->lost, 0);
    assert_false(c->tried);
    assert_int_equal(r->worker->n_in_flight, 0);
}

static void what_a_worker_holds_is_its_own_again(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct peer *again = NULL;
    struct buf held;

    buf_init(&held, 64);
    assert_int_equal(pairs_add(&held, (uint64_t)c->id, c->attempt), 0);
    assert_int_equal(pairs_add(&held, UINT64_MAX, 1), 0); /* of nobody */
    dispatch_unreceived(&r->core, r->worker, buf_view(&held));
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    assert_null(c->worker);
    again = rig_worker(r, "egress", 3);
    dispatch_worker_joined(&r->core, again, buf_view(&held));
    assert_ptr_equal(c->worker, again);
    dispatch_worker_joined(&r->core, again, buf_view(&held)); /* said twice is held once */
    rig_assert_accounts(r);
    buf_fini(&held);
    rig_commit(r);
}

static void an_attempt_of_before_is_never_given_again(void **state)
{
    struct rig *r = *state;
    struct core_command *c = taken(r, "m1");
    uint64_t far = r->core.turn->next_attempt + 100;
    struct buf held;

    buf_init(&held, 64);
    assert_int_equal(pairs_add(&held, (uint64_t)c->id, far), 0);
    dispatch_worker_joined(&r->core, r->worker, buf_view(&held));
    assert_in_flight(r, c); /* it was ready, and is under way */
    assert_int_equal(c->attempt, far);
    assert_int_equal(r->core.turn->next_attempt, far);
    buf_fini(&held);
    rig_commit(r);
}

/* --- without memory ------------------------------------------------------------------------- */

/* Core goes on, or ends and is started again; the command is there either way and goes in the end, and the
 * book of its worker is right at every moment. */
static void assert_goes_in_the_end(struct rig *r)
{
    struct core_command *c = NULL;

    if (r->core.turn->exit_code)
        rig_restart(r);
    c = rig_command(r, COMMAND_AMO_MESSAGE);
    assert_non_null(c);
    rig_assert_accounts(r);
    assert_int_equal(rig_stored_commands(r), 1);
    rig_turn(r);
    if (c->state != COMMAND_IN_FLIGHT || !c->worker) { /* its lease, or a moment */
        dispatch_due(&r->core, clock_mono_ms() + LEASE_OVER_MS);
        rig_turn(r);
    }
    assert_int_equal(r->core.turn->exit_code, 0);
    assert_in_flight(r, c);
    rig_assert_counts(r, 0, 0, 0);
}

typedef void step_fn(struct rig *r);

static void step_dispatch(struct rig *r)
{
    dispatch_run(&r->core);
}

static void step_lost(struct rig *r)
{
    dispatch_lost(&r->core, r->worker);
}

static void step_unreceived(struct rig *r)
{
    dispatch_unreceived(&r->core, r->worker, VIEW_LIT(""));
}

static void step_detach(struct rig *r)
{
    dispatch_detach(&r->core, r->worker);
}

static void step_due(struct rig *r)
{
    dispatch_due(&r->core, clock_mono_ms() + LEASE_OVER_MS);
}

static void step_joined(struct rig *r)
{
    struct core_command *c = rig_command(r, COMMAND_AMO_MESSAGE);
    struct peer *p = NULL;
    struct buf held;

    mem_fail_at(0);
    buf_init(&held, 64);
    assert_int_equal(pairs_add(&held, (uint64_t)c->id, r->core.turn->next_attempt + 5), 0);
    p = r->worker;
    mem_fail_at(1);
    dispatch_worker_joined(&r->core, p, buf_view(&held));
    buf_fini(&held);
}

/* One life with the @nth allocation of @step failing; true when there was such a one. */
static bool fails_at(struct rig *r, step_fn *step, bool under_way, uint64_t nth)
{
    struct core_command *c = NULL;
    uint64_t before = 0;
    bool reached = false;

    rig_restart(r);
    c = rig_command(r, COMMAND_AMO_MESSAGE);
    assert_non_null(c);
    if (under_way) {
        rig_turn(r);
        assert_in_flight(r, c);
    }
    before = mem_count();
    mem_fail_at(nth);
    step(r);
    reached = mem_count() - before >= nth;
    mem_fail_at(0);
    assert_goes_in_the_end(r);
    return reached;
}

static unsigned fails_everywhere(struct rig *r, step_fn *step, bool under_way)
{
    unsigned n = 0;

    while (n < 200 && fails_at(r, step, under_way, n + 1))
        n++;
    assert_true(n < 200);
    return n;
}

static void without_memory_a_command_goes_later(void **state)
{
    struct rig *r = *state;

    (void)taken(r, "m1");
    assert_true(fails_everywhere(r, step_dispatch, false) > 5);
}

static void without_memory_what_comes_back_is_not_lost(void **state)
{
    struct rig *r = *state;

    (void)taken(r, "m1");
    assert_true(fails_everywhere(r, step_lost, true) >= 1);
    assert_true(fails_everywhere(r, step_unreceived, true) >= 2);
    assert_true(fails_everywhere(r, step_detach, true) >= 1);
    (void)fails_everywhere(r, step_due, true);
}

static void without_memory_a_worker_that_came_back_keeps_what_it_holds(void **state)
{
    struct rig *r = *state;

    (void)taken(r, "m1");
    (void)fails_at(r, step_joined, false, 1);
}

/* It was packed and there was no memory for the frame: the lease brings it back, and no attempt is
 * counted against it. */
static void a_batch_that_could_not_be_sent_comes_back_by_its_lease(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct command body = {.kind = COMMAND_AMO_REACH, .id = 1};
    size_t bytes = 0;

    assert_int_equal(dispatch_pack(&r->core, r->worker, &body, &bytes), 0);
    mem_fail_at(1);
    dispatch_flush(&r->core);
    mem_fail_at(0);
    assert_int_equal(r->worker->n_batch, 0);
    assert_int_equal(r->worker->batch.len, 0);
    assert_in_flight(r, c);
    dispatch_due(&r->core, clock_mono_ms() + LEASE_OVER_MS);
    assert_int_equal(c->state, COMMAND_READY);
    assert_int_equal(c->attempts, 0);
    rig_commit(r);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(a_command_goes_to_a_worker_with_room),
        WITH_RIG(nothing_goes_once_core_is_stopping),
        WITH_RIG(what_does_not_fit_leaves_the_batch_as_it_was),
        WITH_RIG(nothing_leaves_by_rows_that_are_not_committed),
        WITH_RIG(times_of_an_attempt_lie_within_the_lease),
        WITH_RIG(a_lease_that_is_over_brings_a_command_back),
        WITH_RIG(a_worker_that_is_lost_gives_all_back),
        WITH_RIG(a_command_whose_workers_are_lost_time_and_again_is_given_up),
        WITH_RIG(what_a_worker_never_got_goes_again_at_once),
        WITH_RIG(what_a_worker_holds_is_its_own_again),
        WITH_RIG(an_attempt_of_before_is_never_given_again),
        WITH_RIG(without_memory_a_command_goes_later),
        WITH_RIG(without_memory_what_comes_back_is_not_lost),
        WITH_RIG(without_memory_a_worker_that_came_back_keeps_what_it_holds),
        WITH_RIG(a_batch_that_could_not_be_sent_comes_back_by_its_lease),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
