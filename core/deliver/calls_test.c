/* Calls outside lanes: made once or asked again, never stored, and told to whoever waits. */

#include "core/deliver/calls.h"

#include <errno.h>

#include "base/clock.h"
#include "core/deliver/calls_private.h"
#include "core/deliver/deliver.h"
#include "core/deliver/dispatch.h"
#include "core/testing/rig.h"

struct told {
    unsigned n;
    bool answered; /* a result, not the end of the patience */
    uint64_t outcome;
};

static void on_done(struct core *c, void *arg, const struct result *r)
{
    struct told *t = arg;

    (void)c;
    t->n++;
    t->answered = r != NULL;
    t->outcome = r ? r->outcome : 0;
}

static size_t n_calls(const struct rig *r)
{
    size_t n = 0;

    for (const struct list *i = r->core.deliver->calls.next; i != &r->core.deliver->calls;
         i = i->next)
        n++;
    return n;
}

static int ask_connect(struct rig *r, struct told *t)
{
    const struct connect_call what = {"ch", "acc", "Title", true};

    return call_connect(&r->core, &what, on_done, t);
}

static const struct command reach = {
    .kind = COMMAND_AMO_REACH, .url = {"https://amojo.example", 21}
};

static int once(struct rig *r, int64_t patience_ms, struct told *t)
{
    return call_once(&r->core, NULL, &reach, clock_mono_ms() + patience_ms, t ? on_done : NULL,
                     t);
}

/* The one call that may go in @after_ms. */
static struct command asked(struct rig *r, int64_t after_ms)
{
    struct command calls[4];

    assert_int_equal(rig_calls(r, clock_mono_ms() + after_ms, calls, 4), 1);
    return calls[0];
}

static void nothing_asked(struct rig *r, int64_t after_ms)
{
    struct command calls[4];

    assert_int_equal(rig_calls(r, clock_mono_ms() + after_ms, calls, 4), 0);
}

static void answer(struct rig *r, const struct command *call, uint64_t outcome)
{
    const struct result result = {
        .id = call->id, .attempt = call->attempt, .outcome = outcome, .kind = call->kind};

    rig_result_raw(r, r->worker, &result);
}

static void an_operator_is_told_how_his_connect_went(void **state)
{
    struct rig *r = *state;
    struct told t = {0};
    struct command call;

    assert_int_equal(ask_connect(r, &t), 0);
    call = asked(r, 0);
    assert_int_equal(call.kind, COMMAND_AMO_CONNECT);
    assert_true(view_is(call.scope, "ch") && view_is(call.account, "acc"));
    assert_true(view_is(call.title, "Title") && call.time_window_off);
    assert_true(call.id & (1ULL << 63));
    assert_int_equal(r->worker->n_in_flight, 1);
    nothing_asked(r, 0); /* it is under way */
    answer(r, &call, OUTCOME_DEAD);
    assert_int_equal(t.n, 1);
    assert_true(t.answered && t.outcome == OUTCOME_DEAD);
    assert_int_equal(n_calls(r), 0);
    assert_int_equal(r->worker->n_in_flight, 0);
    assert_int_equal(rig_stored_commands(r), 0);
}

static void who_waits_in_vain_is_told_so(void **state)
{
    struct rig *r = *state;
    int64_t now = clock_mono_ms();
    struct told t = {0};

    assert_int_equal(ask_connect(r, &t), 0);
    assert_int_equal(once(r, 5000, NULL), 0); /* nobody waits for this one */
    r->worker->heard_mono_ms = now + 60000;
    call_tick(&r->core, now);
    assert_int_equal(n_calls(r), 2);
    call_tick(&r->core, now + 6000);
    assert_int_equal(n_calls(r), 1);
    call_tick(&r->core, now + 60000);
    assert_int_equal(n_calls(r), 0);
    assert_int_equal(t.n, 1);
    assert_false(t.answered);
}

static void without_a_worker_nobody_waits_for_long(void **state)
{
    struct rig *r = *state;
    int64_t now = clock_mono_ms();
    struct told t = {0};

    r->worker->heard_mono_ms = now - 60000;
    assert_int_equal(ask_connect(r, &t), 0);
    call_tick(&r->core, now + 1000); /* one that is restarted is back by then */
    assert_int_equal(t.n, 0);
    assert_non_null(strstr(call_unmade_words(&r->core), "no worker is connected"));
    call_tick(&r->core, now + 6000);
    assert_int_equal(t.n, 1);
    assert_false(t.answered);
    assert_int_equal(n_calls(r), 0);
}

static void what_no_worker_has_begun_is_asked_again(void **state)
{
    struct rig *r = *state;
    struct told t = {0};
    struct command call;
    uint64_t id = 0;

    assert_int_equal(once(r, 60000, &t), 0);
    call = asked(r, 0);
    id = call.id;
    answer(r, &call, OUTCOME_UNSTARTED);
    assert_int_equal(t.n, 0);
    assert_true(call_next_due(&r->core, clock_mono_ms()) < clock_mono_ms() + 1000);
    call = asked(r, 1000);
    assert_int_not_equal(call.id, id); /* an answer to the first one is nobody's */
    answer(r, &call, OUTCOME_DONE);
    assert_int_equal(t.n, 1);
}

static void a_call_of_a_lost_worker_is_asked_again(void **state)
{
    struct rig *r = *state;
    struct told t = {0};
    struct command call;

    assert_int_equal(ask_connect(r, &t), 0);
    call = asked(r, 0);
    call_worker_lost(&r->core, r->worker);
    r->worker->n_in_flight = 0; /* the session goes with its count */
    answer(r, &call, OUTCOME_DONE);
    assert_int_equal(t.n, 0); /* it is not asked now: whose answer that is nobody knows */
    call = asked(r, 0);
    answer(r, &call, OUTCOME_DONE);
    assert_int_equal(t.n, 1);
}

static void an_answer_to_nothing_is_of_no_call(void **state)
{
    struct rig *r = *state;
    struct result result = {.id = (1ULL << 63) | 5, .outcome = OUTCOME_DONE};

    assert_null(call_asked(&r->core, r->worker, &result));
    rig_result_raw(r, r->worker, &result); /* taken, and forgotten */
    result.id = 5;                         /* of a command, not of a call */
    assert_null(call_asked(&r->core, r->worker, &result));
}

static void calls_that_nobody_waits_for_are_bounded(void **state)
{
    struct rig *r = *state;
    struct told t = {0};
    int n = 0;

    while (n < 2000 && once(r, 1000, NULL) == 0)
        n++;
    assert_int_equal(n, 1000);
    assert_int_equal(once(r, 1000, NULL), -EBUSY);
    for (n = 0; n < 16; n++) /* there is room above them for those that are waited for */
        assert_int_equal(once(r, 1000, &t), 0);
    assert_int_equal(once(r, 1000, &t), -EBUSY);
    call_tick(&r->core, clock_mono_ms() + 2000);
    assert_int_equal(n_calls(r), 0);
    assert_int_equal(t.n, 16);
}

static void no_worker_no_greeting(void **state)
{
    struct rig *r = *state;
    struct dest *d = queue_dest(r->core.queue, DEST_SCOPE, VIEW_LIT("ch_acc"));

    d->connected_once = false;
    call_connect_at_start(&r->core, clock_mono_ms() + 3600000); /* it is silent by then */
    assert_int_equal(n_calls(r), 0);
    assert_false(d->connected_once);
    call_connect_at_start(&r->core, clock_mono_ms());
    assert_int_equal(n_calls(r), 1);
    assert_true(d->connected_once);
    rig_commit(r);
}

/* --- without memory ------------------------------------------------------------------------- */

static void a_call_that_had_no_memory_is_not_half_asked(void **state)
{
    struct rig *r = *state;
    struct told t = {0};
    uint64_t n = 1;
    int rc = -ENOMEM;

    for (; rc; n++) {
        mem_fail_at(n);
        rc = ask_connect(r, &t);
        mem_fail_at(0);
        assert_true(rc == 0 || rc == -ENOMEM);
        assert_int_equal(n_calls(r), rc == 0);
    }
    assert_true(n > 4);
    for (n = 1, rc = -ENOMEM; rc; n++) {
        mem_fail_at(n);
        rc = once(r, 60000, &t);
        mem_fail_at(0);
        assert_true(rc == 0 || rc == -ENOMEM);
        assert_int_equal(n_calls(r), 1 + (rc == 0));
    }
    assert_true(n > 2);
    assert_int_equal(t.n, 0); /* a refused one is not told: its caller knows */
}

/* The call waits on and goes within its patience; a place at the worker is taken when it goes only. */
static void a_call_that_cannot_be_packed_goes_later(void **state)
{
    struct rig *r = *state;
    struct told t = {0};

    for (uint64_t n = 1; n < 6; n++) {
        struct command call;
        int64_t now = clock_mono_ms();

        t = (struct told){0};
        assert_int_equal(once(r, 600000, &t), 0);
        mem_fail_at(n);
        r->worker->heard_mono_ms = now;
        call_dispatch(&r->core, true, now);
        mem_fail_at(0);
        if (r->worker->n_in_flight == 0) {
            assert_int_equal(r->worker->n_batch, 0);
            assert_int_equal(r->worker->batch.len, 0);
            call = asked(r, 2000);
        } else {
            call_worker_lost(&r->core, r->worker); /* begin again */
            r->worker->n_in_flight = 0;
            dispatch_flush(&r->core);
            call = asked(r, 0);
        }
        assert_int_equal(r->worker->n_in_flight, 1);
        answer(r, &call, OUTCOME_DONE);
        assert_int_equal(t.n, 1);
        assert_true(t.answered);
        assert_int_equal(r->worker->n_in_flight, 0);
        assert_int_equal(n_calls(r), 0);
        buf_fini(&r->worker->batch); /* the next one needs memory for it again */
        buf_init(&r->worker->batch, 1 << 20);
    }
}

/* What is to be connected and had no memory for it is connected at the next tick. */
static void an_account_that_could_not_be_greeted_is_greeted_later(void **state)
{
    struct rig *r = *state;
    struct dest *d = queue_dest(r->core.queue, DEST_SCOPE, VIEW_LIT("ch_acc"));

    for (uint64_t n = 1; n <= 4; n++) {
        d->connected_once = false;
        d->connect_wanted = false;
        mem_fail_at(n);
        call_connect_at_start(&r->core, clock_mono_ms());
        mem_fail_at(0);
        assert_int_equal(n_calls(r), 0);
        assert_true(d->connect_wanted || !d->connected_once);
    }
    call_connect_at_start(&r->core, clock_mono_ms());
    assert_int_equal(n_calls(r), 1);
    assert_int_equal(asked(r, 0).kind, COMMAND_AMO_CONNECT);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(an_operator_is_told_how_his_connect_went),
        WITH_RIG(who_waits_in_vain_is_told_so),
        WITH_RIG(without_a_worker_nobody_waits_for_long),
        WITH_RIG(what_no_worker_has_begun_is_asked_again),
        WITH_RIG(a_call_of_a_lost_worker_is_asked_again),
        WITH_RIG(an_answer_to_nothing_is_of_no_call),
        WITH_RIG(calls_that_nobody_waits_for_are_bounded),
        WITH_RIG(no_worker_no_greeting),
        WITH_RIG(a_call_that_had_no_memory_is_not_half_asked),
        WITH_RIG(a_call_that_cannot_be_packed_goes_later),
        WITH_RIG(an_account_that_could_not_be_greeted_is_greeted_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
