#include "core/deliver/deliver.h"
#include "core/deliver/settle.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/process.h"
#include "core/deliver/calls.h"
#include "core/deliver/dispatch.h"
#include "core/deliver/resolve.h"
#include "core/store/db.h"
#include "core/store/private.h"
#include "core/testing/rig.h"
#include "core/watch.h"
#include "proto/session.h"

#define HOUR_MS 3600000LL

/* --- the table of outcomes ------------------------------------------------------------------ */

struct outcome_case {
    enum command_kind kind;
    enum outcome outcome;
    enum cause cause;
    bool tried;              /* may have reached the remote side before */
    enum command_state want; /* DONE and DEAD: it is gone from the queue */
    uint32_t attempts;
    bool held;
};

static const struct outcome_case outcome_cases[] = {
    {COMMAND_AMO_MESSAGE,     OUTCOME_DONE,      CAUSE_NONE,       false, COMMAND_DONE,     0, false},
    {COMMAND_SERVICE_MESSAGE, OUTCOME_DONE,      CAUSE_NONE,       false, COMMAND_DONE,     0, false},
    {COMMAND_AMO_STATUS,      OUTCOME_DONE,      CAUSE_NONE,       false, COMMAND_DONE,     0, false},

    {COMMAND_AMO_MESSAGE,     OUTCOME_RETRY,     CAUSE_SERVER,     false, COMMAND_WAITING,  1, false},
    {COMMAND_SERVICE_MESSAGE, OUTCOME_RETRY,     CAUSE_SERVER,     false, COMMAND_WAITING,  1, false},
    {COMMAND_AMO_STATUS,      OUTCOME_RETRY,     CAUSE_NOT_FOUND,  false, COMMAND_WAITING,  1, false},

    {COMMAND_AMO_MESSAGE,     OUTCOME_HOLD,      CAUSE_CONNECT,    false, COMMAND_READY,    0, true },
    {COMMAND_SERVICE_MESSAGE, OUTCOME_HOLD,      CAUSE_CONNECT,    false, COMMAND_READY,    0, true },
    {COMMAND_AMO_STATUS,      OUTCOME_HOLD,      CAUSE_THROTTLED,  false, COMMAND_READY,    0, true },
    {COMMAND_AMO_MESSAGE,     OUTCOME_HOLD,      CAUSE_FORBIDDEN,  false, COMMAND_WAITING,  0, false},
    {COMMAND_SERVICE_MESSAGE, OUTCOME_HOLD,      CAUSE_GONE,       false, COMMAND_READY,    0, true },

    {COMMAND_AMO_MESSAGE,     OUTCOME_UNKNOWN,   CAUSE_TIMEOUT,    false, COMMAND_WAITING,  1, false},
    {COMMAND_SERVICE_MESSAGE, OUTCOME_UNKNOWN,   CAUSE_CUT,        false, COMMAND_WAITING,  1, false},
    {COMMAND_AMO_MESSAGE,     OUTCOME_UNKNOWN,   CAUSE_UNREADABLE, false, COMMAND_CHECKING, 0, false},
    {COMMAND_AMO_MESSAGE,     OUTCOME_UNKNOWN,   CAUSE_NOT_HTTP,   false, COMMAND_WAITING,  1, false},
    {COMMAND_AMO_MESSAGE,     OUTCOME_UNKNOWN,   CAUSE_REDIRECT,   false, COMMAND_WAITING,  1, false},
    {COMMAND_AMO_MESSAGE,     OUTCOME_DONE,      CAUSE_NONE,       false, COMMAND_CHECKING, 0, false},
    {COMMAND_AMO_STATUS,      OUTCOME_UNKNOWN,   CAUSE_UNREADABLE, false, COMMAND_WAITING,  1, false},

    {COMMAND_AMO_MESSAGE,     OUTCOME_DEAD,      CAUSE_REFUSED,    false, COMMAND_DEAD,     0, false},
    {COMMAND_AMO_MESSAGE,     OUTCOME_DEAD,      CAUSE_REFUSED,    true,  COMMAND_CHECKING, 0, false},
    {COMMAND_SERVICE_MESSAGE, OUTCOME_DEAD,      CAUSE_REFUSED,    false, COMMAND_DEAD,     0, false},
    {COMMAND_SERVICE_MESSAGE, OUTCOME_DEAD,      CAUSE_REFUSED,    true,  COMMAND_DEAD,     0, false},
    {COMMAND_AMO_STATUS,      OUTCOME_DEAD,      CAUSE_REFUSED,    true,  COMMAND_DEAD,     0, false},

    {COMMAND_AMO_MESSAGE,     OUTCOME_UNSTARTED, CAUSE_NONE,       false, COMMAND_READY,    0, false},
    {COMMAND_SERVICE_MESSAGE, OUTCOME_UNSTARTED, CAUSE_NONE,       false, COMMAND_READY,    0, false},
};

static struct result done_at_amo(void)
{
    return (struct result){.outcome = OUTCOME_DONE, .amo_message_id = VIEW_LIT("amo-1")};
}

static void check_outcome(struct rig *r, const struct outcome_case *k, size_t i)
{
    struct core_command *c = NULL;
    struct dest *d = NULL;
    int64_t id = 0;
    char name[32];

    (void)snprintf(name, sizeof(name), "m-%zu", i);
    c = rig_in_flight(r, k->kind, name);
    id = c->id;
    d = c->lane->dest;
    c->tried = k->tried;
    rig_result(r, r->worker, c,
               (struct result){.outcome = k->outcome,
                               .cause = k->cause,
                               .amo_message_id =
                                   k->want == COMMAND_DONE ? VIEW_LIT("amo-1") : VIEW_NONE});
    rig_assert_accounts(r);
    c = queue_find(r->core.queue, id);
    if (k->want == COMMAND_DONE || k->want == COMMAND_DEAD) {
        assert_null(c);
    } else {
        assert_non_null(c);
        assert_int_equal(c->state, k->want);
        assert_int_equal(c->attempts, k->attempts);
        assert_int_equal(c->tried, k->tried || (k->outcome != OUTCOME_UNSTARTED &&
                                                k->cause != CAUSE_CONNECT));
    }
    assert_int_equal(dest_is_held(d), k->held);
    assert_int_equal(pairs_count(buf_view(&r->worker->acks)), 1); /* in any case */
    rig_commit(r);
    assert_int_equal(r->core.turn->exit_code, 0);
    rig_assert_counts(r, k->want == COMMAND_DEAD, 0, 0);
}

static void every_outcome_means_what_the_table_says(void **state)
{
    for (size_t i = 0; i < AMO_COUNT(outcome_cases); i++) {
        print_message("case %zu\n", i);
        check_outcome(*state, &outcome_cases[i], i);
        assert_int_equal(rig_teardown(state), 0);
        assert_int_equal(rig_setup(state), 0);
    }
}

/* --- done ----------------------------------------------------------------------------------- */

static void done_teaches_the_ids_of_amo(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct conversation conv;
    struct message m;

    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DONE,
                               .amo_message_id = VIEW_LIT("amo-1"),
                               .amo_chat_id = VIEW_LIT("chat-9")});
    rig_turn(r);
    m = rig_message(r, "aamo-1");
    assert_int_equal(m.state, MESSAGE_DELIVERED_TO_AMO);
    assert_true(m.settled_ms > 0);
    message_fini(&m);
    assert_int_equal(store_conversation_by_chat(r->core.store, VIEW_LIT("ch_acc"),
                                                VIEW_LIT("chat-9"), &conv),
                     0);
    assert_string_equal(conv.chat_id, "chat-9");
    assert_true(conv.linked);
    conversation_fini(&conv);
    assert_int_equal(rig_stored_commands(r), 0);
}

static void done_teaches_the_ids_of_the_service(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    struct conversation conv;
    struct message m;

    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DONE,
                               .service_message_id = VIEW_LIT("s-1"),
                               .service_conversation = VIEW_LIT("thread")});
    rig_turn(r);
    m = rig_message(r, "ssvc/s-1");
    assert_int_equal(m.state, MESSAGE_DELIVERED_TO_SERVICE);
    message_fini(&m);
    assert_int_equal(store_conversation_by_service(r->core.store, VIEW_LIT("svc"), VIEW_LIT(""),
                                                   VIEW_LIT("thread"), &conv),
                     0);
    conversation_fini(&conv);
}

static void the_next_of_the_lane_goes_when_the_first_is_settled(void **state)
{
    struct rig *r = *state;
    struct core_command *first = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct event e = rig_client_text("m2");
    struct core_command *second = NULL;

    (void)rig_push(r, &e);
    rig_turn(r);
    second = queue_find(r->core.queue, first->id + 1);
    assert_int_equal(second->state, COMMAND_QUEUED);
    rig_result(r, r->worker, first, done_at_amo());
    rig_turn(r);
    assert_int_equal(second->state, COMMAND_IN_FLIGHT);
    rig_assert_accounts(r);
}

static void a_result_told_twice_is_acknowledged_and_settled_once(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct core_command copy = *c;

    rig_result(r, r->worker, c, done_at_amo());
    rig_result(r, r->worker, &copy, done_at_amo());
    assert_int_equal(pairs_count(buf_view(&r->worker->acks)), 2);
    rig_turn(r);
    assert_int_equal(r->worker->acks.len, 0);
    rig_assert_accounts(r);
}

/* --- late answers --------------------------------------------------------------------------- */

static void a_late_done_of_an_old_attempt_settles(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct peer *second = NULL;
    struct core_command old = *c;

    dispatch_due(&r->core, c->due.mono_ms); /* its lease is over */
    assert_int_equal(c->state, COMMAND_READY);
    assert_true(c->tried);
    rig_assert_accounts(r);
    r->worker->credit = 0;
    second = rig_worker(r, "egress-2", 3);
    rig_turn(r);
    assert_ptr_equal(c->worker, second);
    assert_true(c->attempt != old.attempt);
    rig_result(r, r->worker, &old,
               (struct result){.outcome = OUTCOME_DONE, .amo_message_id = VIEW_LIT("amo-1")});
    assert_null(queue_find(r->core.queue, old.id));
    rig_assert_accounts(r); /* the second worker has room again */
    rig_commit(r);
    assert_true(rig_has_message(r, "aamo-1"));
}

static void a_late_failure_of_an_old_attempt_changes_nothing(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct core_command old = *c;

    dispatch_due(&r->core, c->due.mono_ms);
    rig_turn(r);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    rig_result(r, r->worker, &old,
               (struct result){.outcome = OUTCOME_DEAD, .cause = CAUSE_REFUSED});
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    rig_assert_accounts(r);
}

static void a_late_done_ends_a_back_off_and_a_question(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct core_command old = *c;

    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_UNKNOWN, .cause = CAUSE_TIMEOUT});
    assert_int_equal(c->state, COMMAND_WAITING);
    rig_result(r, r->worker, &old, done_at_amo());
    assert_null(queue_find(r->core.queue, old.id));
    c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m2");
    old = *c;
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_UNKNOWN, .cause = CAUSE_UNREADABLE});
    assert_int_equal(c->state, COMMAND_CHECKING);
    rig_result(r, r->worker, &old, done_at_amo()); /* that is m1's id */
    assert_int_equal(c->state, COMMAND_CHECKING);
    rig_result(r, r->worker, &old,
               (struct result){.outcome = OUTCOME_DONE, .amo_message_id = VIEW_LIT("amo-2")});
    assert_null(queue_find(r->core.queue, old.id));
    assert_true(list_is_empty(&r->core.deliver->calls));
    rig_turn(r);
    rig_assert_accounts(r);
}

static void given_up_and_done_late(struct rig *r, enum command_kind kind, const char *id,
                                   struct result said, enum message_state ret)
{
    struct core_command *c = rig_in_flight(r, kind, id);
    struct core_command old = *c;
    struct core_command other = *c;
    struct message m = {0};
    bool arrived = false;

    settle_dead(&r->core, c, "unclear", VIEW_NONE);
    rig_commit(r);
    other.trace.bytes[0] ^= 1;
    rig_result(r, r->worker, &other, said); /* of what had this id in another store */
    assert_int_equal(store_message(r->core.store, old.message, &m), 0);
    assert_int_equal(m.state, MESSAGE_FAILED);
    message_fini(&m);
    rig_result(r, r->worker, &old, said);
    rig_result(r, r->worker, &old, said); /* its acknowledgement was lost */
    rig_commit(r);
    assert_int_equal(store_message(r->core.store, old.message, &m), 0);
    assert_int_equal(m.state, ret);
    message_fini(&m);
    assert_int_equal(store_dead_has_arrived(r->core.store, old.id, &arrived), 0);
    assert_true(arrived);
    rig_assert_accounts(r);
}

static void a_late_answer_of_amo_to_what_was_given_up_says_that_it_arrived(void **state)
{
    struct rig *r = *state;

    given_up_and_done_late(r, COMMAND_AMO_MESSAGE, "m1", done_at_amo(),
                           MESSAGE_DELIVERED_TO_AMO);
    assert_true(rig_has_message(r, "aamo-1"));
}

/* When it was given up, what belongs to it could not be written. */
static void
a_letter_beside_a_message_that_stands_as_accepted_learns_of_its_arrival(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-7");
    struct core_command old = *c;
    struct message m = {0};

    settle_dead(&r->core, c, "unclear", VIEW_NONE);
    assert_int_equal(store_message_state(r->core.store, old.message, MESSAGE_ACCEPTED, 0), 0);
    rig_commit(r);
    rig_result(
        r, r->worker, &old,
        (struct result){.outcome = OUTCOME_DONE, .service_message_id = VIEW_LIT("own-7")});
    rig_commit(r);
    assert_int_equal(store_message(r->core.store, old.message, &m), 0);
    assert_int_equal(m.state, MESSAGE_DELIVERED_TO_SERVICE);
    message_fini(&m);
}

/* Before the service was told that it failed. */
static void of_what_arrived_late_no_service_is_told_that_it_failed(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct core_command old = *c;
    struct resolved body;

    settle_dead(&r->core, c, "unclear", VIEW_NONE);
    rig_commit(r);
    c = rig_command(r, COMMAND_SERVICE_FAILED);
    assert_int_equal(resolve_command(&r->core, c, &body), 0);
    resolved_fini(&body);
    rig_result(r, r->worker, &old, done_at_amo());
    rig_commit(r);
    assert_int_equal(resolve_command(&r->core, c, &body), RESOLVE_E_STALE);
    resolved_fini(&body);
}

static void that_an_edit_failed_is_told_of_what_arrived(void **state)
{
    struct rig *r = *state;
    struct event edit = rig_edit("m0", "other words");
    struct resolved body;

    rig_client_message_done(r, "m0", "amo-0");
    rig_take(r, &edit);
    assert_int_equal(core_turn(&r->core), 0);
    settle_dead(&r->core, rig_command(r, COMMAND_AMO_EDIT), "refused", VIEW_NONE);
    rig_commit(r);
    assert_int_equal(resolve_command(&r->core, rig_command(r, COMMAND_SERVICE_FAILED), &body),
                     0);
    resolved_fini(&body);
}

static void a_late_answer_of_a_service_to_what_was_given_up_says_that_it_arrived(void **state)
{
    struct rig *r = *state;

    given_up_and_done_late(
        r, COMMAND_SERVICE_MESSAGE, "amo-7",
        (struct result){.outcome = OUTCOME_DONE, .service_message_id = VIEW_LIT("own-7")},
        MESSAGE_DELIVERED_TO_SERVICE);
}

/* The copy of a store that was put back gives the ids of commands again. */
static void an_answer_to_what_had_the_id_in_a_forgotten_store_is_not_believed(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct result forgotten = {.id = (uint64_t)c->id,
                               .attempt = r->core.turn->others_attempts,
                               .kind = COMMAND_AMO_MESSAGE,
                               .trace = {{99}},
                               .outcome = OUTCOME_DONE,
                               .amo_message_id = VIEW_LIT("amo-1"),
                               .began_ms = clock_unix_ms()};
    struct buf held;
    uint64_t mine = c->attempt;

    rig_result_raw(r, r->worker, &forgotten);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    assert_int_equal(c->attempt, mine);
    assert_int_equal(pairs_count(buf_view(&r->worker->acks)), 1); /* it is not told for ever */
    rig_assert_accounts(r);

    /* the worker had it in hand when it joined, and it was taken for an attempt of this command */
    rig_result(r, r->worker, c, (struct result){.outcome = OUTCOME_UNSTARTED});
    buf_init(&held, 64);
    forgotten.attempt = r->core.turn->next_attempt + 1000;
    assert_int_equal(pairs_add(&held, forgotten.id, forgotten.attempt), 0);
    dispatch_worker_joined(&r->core, r->worker, buf_view(&held));
    buf_fini(&held);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    rig_result_raw(r, r->worker, &forgotten);
    assert_int_equal(c->state, COMMAND_READY);
    assert_false(c->tried);
    rig_turn(r);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    assert_true(c->attempt > forgotten.attempt);
    rig_assert_accounts(r);
    assert_false(rig_has_message(r, "aamo-1"));
    rig_result(r, r->worker, c, done_at_amo());
    assert_true(rig_has_message(r, "aamo-1"));
}

/* Core alone died: its store knows the command, and the answer is its own. */
static void an_answer_to_an_earlier_life_of_core_is_believed(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct result own = {.attempt = c->attempt,
                         .kind = COMMAND_AMO_MESSAGE,
                         .outcome = OUTCOME_DONE,
                         .amo_message_id = VIEW_LIT("amo-1"),
                         .began_ms = clock_unix_ms()};
    struct resolved resolved;

    rig_restart(r);
    assert_true(own.attempt <= r->core.turn->others_attempts);
    rig_resolve(r, COMMAND_AMO_MESSAGE, &resolved);
    own.id = resolved.body.id;
    own.trace = resolved.body.trace;
    resolved_fini(&resolved);
    assert_false(id_is_zero(&own.trace)); /* else it would prove nothing */
    rig_result_raw(r, r->worker, &own);
    assert_null(rig_command(r, COMMAND_AMO_MESSAGE));
    assert_true(rig_has_message(r, "aamo-1"));
}

/* --- attempts, holds ------------------------------------------------------------------------ */

static void attempts_used_up_make_a_dead_letter_and_tell_the_manager(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    struct core_command *told = NULL;
    struct resolved body;
    struct message m;

    c->attempts = 9;
    c->first_mono_ms = clock_mono_ms();
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_RETRY, .cause = CAUSE_SERVER});
    rig_commit(r);
    rig_assert_counts(r, 1, 0, 0);
    rig_assert_dead(r, "server");
    m = rig_message(r, "aamo-1");
    assert_int_equal(m.state, MESSAGE_FAILED);
    assert_int_equal(m.reported_status, -1);
    message_fini(&m);
    told = rig_command(r, COMMAND_AMO_STATUS);
    assert_non_null(told);
    assert_int_equal(resolve_command(&r->core, told, &body), 0);
    assert_int_equal(body.body.status_code, -1);
    assert_int_equal(body.body.error_code, 903);
    resolved_fini(&body);
}

/* The manager's message "amo-1" is refused with @code; what amo is told. */
static int64_t told_after_refusal(struct rig *r, const char *code)
{
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    struct resolved body;
    int64_t told = 0;

    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DEAD,
                               .cause = CAUSE_REFUSED,
                               .code = view_of(code),
                               .words = VIEW_LIT("no such number")});
    rig_commit(r);
    assert_int_equal(resolve_command(&r->core, rig_command(r, COMMAND_AMO_STATUS), &body), 0);
    assert_true(view_is(body.body.error_text, "no such number"));
    told = body.body.error_code;
    resolved_fini(&body);
    return told;
}

static void a_refusal_tells_the_manager_in_the_services_words(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1"); /* so the conversation is known to the service */

    (void)rig_push(r, &e);
    assert_int_equal(told_after_refusal(r, NULL), 905);
}

static void a_refused_first_word_means_that_no_chat_came_about(void **state)
{
    assert_int_equal(told_after_refusal(*state, NULL), 904);
}

static void the_services_own_word_decides_the_number(void **state)
{
    assert_int_equal(told_after_refusal(*state, "channel_off"), 902);
}

static void the_service_is_told_which_message_of_a_client_died(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct core_command *told = NULL;
    struct resolved body;

    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DEAD,
                               .cause = CAUSE_REFUSED,
                               .words = VIEW_LIT("text: cannot be blank")});
    rig_commit(r);
    rig_assert_counts(r, 1, 0, 0);
    told = rig_command(r, COMMAND_SERVICE_FAILED);
    assert_non_null(told);
    assert_int_equal(queue_count(r->core.queue), 1);
    assert_int_equal(resolve_command(&r->core, told, &body), 0);
    assert_true(view_is(body.body.message_id, "m1"));
    assert_true(view_is(body.body.reason, "refused"));
    assert_true(view_is(body.body.error_text, "text: cannot be blank"));
    assert_true(view_is(body.body.key, "svc-m1-failed-1")); /* the command that died */
    resolved_fini(&body);
    rig_turn(r);
    rig_result(r, r->worker, told,
               (struct result){.outcome = OUTCOME_DEAD, .cause = CAUSE_REFUSED});
    assert_int_equal(queue_count(r->core.queue), 0); /* nobody is told of that */
}

static void a_retry_obeys_retry_after_and_is_remembered(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    int64_t id = c->id;

    rig_result(r, r->worker, c,
               (struct result){
                   .outcome = OUTCOME_RETRY, .cause = CAUSE_SERVER, .retry_after_ms = 90000});
    assert_true(c->due.mono_ms > clock_mono_ms() + 80000);
    rig_commit(r);
    rig_restart(r);
    c = queue_find(r->core.queue, id);
    assert_int_equal(c->state, COMMAND_WAITING);
    assert_int_equal(c->attempts, 0); /* to obey is no attempt */
    assert_true(c->due.mono_ms > clock_mono_ms() + 80000);
}

static void a_long_retry_after_is_obeyed_over_a_restart(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    int64_t id = c->id;

    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_RETRY,
                               .cause = CAUSE_SERVER,
                               .retry_after_ms = HOUR_MS / 2}); /* longer than any back-off */
    rig_commit(r);
    rig_restart(r);
    c = queue_find(r->core.queue, id);
    assert_int_equal(c->state, COMMAND_WAITING);
    assert_true(c->due.mono_ms > clock_mono_ms() + HOUR_MS / 2 - 20000);
}

static void five_failures_in_a_row_open_the_breaker_and_stop_counting(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    struct dest *d = c->lane->dest;

    (void)dest_failure(r->core.queue, d, 901, 0, clock_mono_ms()); /* another lane's */
    for (int i = 0; i < 4; i++) {
        assert_false(dest_is_held(d));
        rig_result(r, r->worker, c,
                   (struct result){.outcome = OUTCOME_RETRY, .cause = CAUSE_SERVER});
        if (c->state == COMMAND_WAITING)
            dispatch_due(&r->core, c->due.mono_ms);
        rig_turn(r);
    }
    assert_true(dest_is_held(d));
    assert_int_equal(d->hold, HOLD_BREAKER);
    assert_int_equal(c->attempts, 3);
    assert_int_equal(c->state, COMMAND_READY);
}

static void repeated_403_holds_the_scope_after_one_more_try(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct dest *d = c->lane->dest;

    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_HOLD, .cause = CAUSE_FORBIDDEN});
    assert_false(dest_is_held(d));
    dispatch_due(&r->core, c->due.mono_ms);
    rig_turn(r);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_HOLD, .cause = CAUSE_FORBIDDEN});
    assert_int_equal(d->hold, HOLD_FORBIDDEN);
    assert_int_equal(c->attempts, 0);
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0);
}

static void a_scope_that_is_not_found_is_connected_again_once(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct dest *d = c->lane->dest;
    struct command asked[4];
    struct result yes = {.outcome = OUTCOME_DONE};

    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_HOLD, .cause = CAUSE_NOT_FOUND});
    assert_int_equal(d->hold, HOLD_NOT_FOUND);
    assert_int_equal(rig_calls(r, clock_mono_ms(), asked, 4), 1);
    assert_int_equal(asked[0].kind, COMMAND_AMO_CONNECT);
    assert_true(view_is(asked[0].scope, "ch"));
    assert_true(view_is(asked[0].account, "acc"));
    assert_int_equal(r->worker->n_in_flight, 1);
    call_reconnect(&r->core, d); /* not again so soon */
    assert_int_equal(rig_calls(r, clock_mono_ms(), asked + 1, 3), 0);
    yes.id = asked[0].id;
    yes.attempt = asked[0].attempt;
    rig_result_raw(r, r->worker, &yes);
    assert_false(dest_is_held(d));
    rig_assert_accounts(r);
    rig_turn(r);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
}

/* --- the history ---------------------------------------------------------------------------- */

/* One 400 to a message that may have been taken before: it is CHECKING. */
static struct core_command *checking(struct rig *r)
{
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");

    c->tried = true;
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DEAD,
                               .cause = CAUSE_REFUSED,
                               .words = VIEW_LIT("repeat?")});
    assert_int_equal(c->state, COMMAND_CHECKING);
    return c;
}

static void answer(struct rig *r, const struct command *asked, struct result result)
{
    result.id = asked->id;
    result.attempt = asked->attempt;
    rig_result_raw(r, r->worker, &result);
}

/* Asks for the chat's id first, which is not known of a first message. */
static void learn_chat(struct rig *r)
{
    struct command asked[2];

    assert_int_equal(rig_calls(r, clock_mono_ms(), asked, 2), 1);
    assert_int_equal(asked[0].kind, COMMAND_AMO_CREATE_CHAT);
    assert_true(view_is(asked[0].conversation_id, "svc-line1-thread"));
    answer(r, &asked[0],
           (struct result){.outcome = OUTCOME_DONE, .amo_chat_id = VIEW_LIT("chat-1")});
}

static void look(struct rig *r, struct result result)
{
    struct command asked[2];

    assert_int_equal(rig_calls(r, clock_mono_ms() + 100000, asked, 2), 1);
    assert_int_equal(asked[0].kind, COMMAND_AMO_HISTORY);
    assert_true(view_is(asked[0].chat_id, "chat-1"));
    assert_true(view_is(asked[0].key, "svc-m1"));
    answer(r, &asked[0], result);
}

static void a_message_found_in_the_history_is_done(void **state)
{
    struct rig *r = *state;
    int64_t id = checking(r)->id;
    struct message m;

    learn_chat(r);
    look(r, (struct result){.outcome = OUTCOME_DONE,
                            .found = true,
                            .complete = true,
                            .amo_message_id = VIEW_LIT("amo-1")});
    assert_null(queue_find(r->core.queue, id));
    assert_true(list_is_empty(&r->core.deliver->calls));
    rig_turn(r);
    m = rig_message(r, "aamo-1");
    assert_int_equal(m.state, MESSAGE_DELIVERED_TO_AMO);
    message_fini(&m);
    rig_assert_counts(r, 0, 0, 0);
    rig_assert_accounts(r);
}

static void absent_from_the_history_counts_after_three_looks(void **state)
{
    struct rig *r = *state;
    struct core_command *c = checking(r);
    int64_t id = c->id;

    learn_chat(r);
    look(r, (struct result){.outcome = OUTCOME_DONE, .complete = true});
    look(r, (struct result){.outcome = OUTCOME_DONE, .complete = true});
    assert_int_equal(c->state, COMMAND_CHECKING);
    look(r, (struct result){.outcome = OUTCOME_DONE, .complete = true});
    assert_null(queue_find(r->core.queue, id));
    rig_commit(r);
    rig_assert_counts(r, 1, 0, 0);
    rig_assert_dead(r, "refused");
    assert_true(list_is_empty(&r->core.deliver->calls));
    rig_assert_accounts(r);
}

static void the_three_looks_happen_within_a_minute(void **state)
{
    struct rig *r = *state;
    struct command asked[2];
    int64_t began = 0;

    (void)checking(r);
    learn_chat(r);
    began = clock_mono_ms();
    look(r, (struct result){.outcome = OUTCOME_DONE, .complete = true});
    assert_int_equal(rig_calls(r, began, asked, 2), 0); /* not at once */
    look(r, (struct result){.outcome = OUTCOME_DONE, .complete = true});
    assert_true(call_next_due(&r->core, began) - began < 60000);
}

static void a_history_that_cannot_be_read_is_no_proof(void **state)
{
    struct rig *r = *state;
    struct core_command *c = checking(r);

    learn_chat(r);
    for (int i = 0; i < 5; i++)
        look(r, (struct result){.outcome = i % 2 ? OUTCOME_RETRY : OUTCOME_DONE,
                                .cause = i % 2 ? CAUSE_SERVER : CAUSE_NONE,
                                .complete = false});
    assert_int_equal(c->state, COMMAND_CHECKING);
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0);
}

/* Answered 2xx without amo's id, and three looks do not show it. */
static struct core_command *unproven(struct rig *r, uint32_t attempts)
{
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");

    c->attempts = attempts;
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_UNKNOWN, .cause = CAUSE_UNREADABLE});
    learn_chat(r);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(c->state, COMMAND_CHECKING);
        look(r, (struct result){.outcome = OUTCOME_DONE, .complete = true});
    }
    return rig_command(r, COMMAND_AMO_MESSAGE);
}

static void a_message_without_amos_id_goes_again_when_the_history_does_not_show_it(void **state)
{
    struct rig *r = *state;
    struct core_command *c = unproven(r, 0);
    struct resolved again;

    assert_int_equal(c->state, COMMAND_WAITING);
    assert_int_equal(c->attempts, 1);
    assert_true(list_is_empty(&r->core.deliver->calls));
    rig_resolve(r, COMMAND_AMO_MESSAGE, &again);
    assert_true(view_is(again.body.key, "svc-m1")); /* the same msgid */
    resolved_fini(&again);
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0);
    rig_assert_accounts(r);
}

static void without_amos_id_in_the_end_it_is_dead_as_unclear(void **state)
{
    struct rig *r = *state;

    assert_null(unproven(r, 9));
    rig_commit(r);
    rig_assert_counts(r, 1, 0, 0);
    rig_assert_dead(r, "unclear");
}

static void a_row_of_the_history_without_an_id_is_no_proof(void **state)
{
    struct rig *r = *state;
    struct core_command *c = checking(r);

    learn_chat(r);
    look(r, (struct result){.outcome = OUTCOME_DONE, .found = true, .complete = true});
    assert_int_equal(c->state, COMMAND_CHECKING);
}

static void attempts_used_up_are_looked_up_before_they_count(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");

    c->attempts = 9;
    c->first_mono_ms = clock_mono_ms();
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_UNKNOWN, .cause = CAUSE_TIMEOUT});
    assert_int_equal(c->state, COMMAND_CHECKING);
    learn_chat(r);
    for (int i = 0; i < 3; i++)
        look(r, (struct result){.outcome = OUTCOME_DONE, .complete = true});
    rig_commit(r);
    rig_assert_dead(r, "attempts");
}

static void a_lost_worker_loses_no_question(void **state)
{
    struct rig *r = *state;
    struct command asked[2];

    (void)checking(r);
    assert_int_equal(rig_calls(r, clock_mono_ms(), asked, 2), 1);
    call_worker_lost(&r->core, r->worker);
    r->worker->n_in_flight = 0; /* as with its new session */
    answer(r, &asked[0],
           (struct result){.outcome = OUTCOME_DONE}); /* too late: not its asker */
    learn_chat(r);
}

static void a_checked_command_whose_message_is_gone_does_not_stop_its_lane(void **state)
{
    struct rig *r = *state;
    struct core_command *c = checking(r);
    int64_t id = c->id;
    struct command asked[2];

    assert_int_equal(store_prune(r->core.store, INT64_MAX, 0, 1000), 0);
    assert_int_equal(rig_calls(r, clock_mono_ms(), asked, 2), 0);
    assert_null(queue_find(r->core.queue, id));
    rig_commit(r);
    rig_assert_dead(r, "parent");
}

static void nothing_is_asked_after_rows_that_are_not_committed(void **state)
{
    struct rig *r = *state;
    struct core_command *c = checking(r);
    const struct command typing = {.kind = COMMAND_AMO_TYPING, .scope = VIEW_LIT("ch_acc")};
    int64_t id = c->id;
    struct command asked[2];

    assert_int_equal(
        call_once(&r->core, c->lane->dest, &typing, clock_mono_ms() + 9000, NULL, NULL), 0);
    assert_int_equal(store_prune(r->core.store, INT64_MAX, 0, 1000), 0);
    assert_int_equal(rig_calls(r, clock_mono_ms(), asked, 2), 0);
    assert_null(queue_find(r->core.queue, id)); /* the look gave it up, which made rows */
    assert_true(r->core.turn->dirty);
    assert_int_equal(rig_calls(r, clock_mono_ms(), asked, 2), 1); /* commits them first */
    assert_int_equal(asked[0].kind, COMMAND_AMO_TYPING);
}

static void nothing_is_sent_by_rows_that_are_not_committed(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct core_command *c = NULL;

    rig_take(r, &e);
    c = rig_command(r, COMMAND_AMO_MESSAGE);
    assert_int_equal(core_turn(&r->core), 0);
    dispatch_run(&r->core);
    assert_int_equal(c->state, COMMAND_READY);
    assert_int_equal(r->worker->n_in_flight, 0);
    rig_turn(r);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    rig_assert_accounts(r);
}

static void after_a_restart_a_refusal_asks_the_history(void **state)
{
    struct rig *r = *state;
    struct core_command *c = NULL;

    (void)rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    rig_restart(r);
    rig_turn(r);
    c = rig_command(r, COMMAND_AMO_MESSAGE);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DEAD, .cause = CAUSE_REFUSED});
    assert_int_equal(c->state, COMMAND_CHECKING);
}

/* --- workers -------------------------------------------------------------------------------- */

static void what_a_dead_worker_held_goes_to_another_at_once(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct peer *second = rig_worker(r, "egress-2", 3);

    dispatch_lost(&r->core, r->worker);
    r->worker->n_in_flight = 0; /* its session ends with it */
    r->worker->bytes_in_flight = 0;
    r->worker->credit = 0;
    assert_int_equal(c->state, COMMAND_READY);
    assert_int_equal(c->lost, 1);
    assert_true(c->tried);
    rig_turn(r);
    assert_ptr_equal(c->worker, second);
    rig_assert_accounts(r);
}

static void what_a_silent_worker_holds_stays_until_the_lease_is_over(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    int64_t lease = c->due.mono_ms;

    dispatch_detach(&r->core, r->worker);
    r->worker->n_in_flight = 0;
    r->worker->bytes_in_flight = 0;
    assert_null(c->worker);
    dispatch_due(&r->core, lease - 1);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    assert_true(lease > clock_mono_ms() + 20000); /* finish_within and slack */
    dispatch_due(&r->core, lease);
    assert_int_equal(c->state, COMMAND_READY);
    assert_int_equal(c->lost, 0); /* silence proves nothing */
}

static void a_worker_that_comes_back_goes_on_with_what_it_holds(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct peer *again = NULL;
    struct buf held;

    buf_init(&held, 1000);
    assert_int_equal(pairs_add(&held, (uint64_t)c->id, c->attempt), 0);
    assert_int_equal(pairs_add(&held, 999999, 5), 0); /* settled long ago */
    dispatch_detach(&r->core, r->worker);
    r->worker->n_in_flight = 0;
    r->worker->bytes_in_flight = 0;
    again = rig_worker(r, "egress", 2);
    dispatch_worker_joined(&r->core, again, buf_view(&held));
    assert_ptr_equal(c->worker, again);
    rig_assert_accounts(r);
    rig_result(r, again, c, done_at_amo());
    rig_assert_accounts(r);
    rig_turn(r);
    assert_int_equal(queue_count(r->core.queue), 0);
    buf_fini(&held);
}

static void after_a_restart_of_core_a_worker_keeps_what_it_works_on(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    uint64_t attempt = c->attempt;
    struct buf held;

    buf_init(&held, 1000);
    assert_int_equal(pairs_add(&held, (uint64_t)c->id, attempt), 0);
    rig_restart(r);
    dispatch_worker_joined(&r->core, r->worker, buf_view(&held));
    rig_turn(r);
    c = rig_command(r, COMMAND_AMO_MESSAGE);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    assert_int_equal(c->attempt, attempt); /* not sent a second time */
    rig_assert_accounts(r);
    rig_result(r, r->worker, c, done_at_amo());
    assert_int_equal(queue_count(r->core.queue), 0);
    buf_fini(&held);
}

static void three_workers_lost_with_a_suspect_in_hand_and_it_is_dead(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    int64_t id = c->id;

    for (int i = 0; i < 2 + 3; i++) { /* two among others, three as the only suspect */
        c = queue_find(r->core.queue, id);
        assert_non_null(c);
        if (c->state == COMMAND_WAITING)
            dispatch_due(&r->core, c->due.mono_ms);
        rig_turn(r);
        assert_int_equal(c->state, COMMAND_IN_FLIGHT);
        dispatch_lost(&r->core, r->worker);
        r->worker->n_in_flight = 0;
        r->worker->bytes_in_flight = 0;
    }
    assert_null(queue_find(r->core.queue, id));
    rig_commit(r);
    rig_assert_dead(r, "workers_lost");
}

static void of_one_that_is_not_heard_of_again_the_lease_is_a_loss(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    int64_t id = c->id;

    dispatch_detach(&r->core, r->worker); /* it has left in order */
    dispatch_due(&r->core, c->due.mono_ms);
    assert_int_equal(c->lost, 0);
    for (int i = 0; i < 2 + 3; i++) {
        c = queue_find(r->core.queue, id);
        assert_non_null(c);
        assert_int_equal(c->lost, i);
        if (c->state == COMMAND_WAITING)
            dispatch_due(&r->core, c->due.mono_ms);
        rig_turn(r);
        assert_int_equal(c->state, COMMAND_IN_FLIGHT);
        dispatch_silent(&r->core, r->worker);
        rig_assert_accounts(r);
        dispatch_due(&r->core, c->due.mono_ms);
    }
    assert_null(queue_find(r->core.queue, id));
    rig_commit(r);
    rig_assert_dead(r, "workers_lost");
}

static void what_was_only_cut_off_and_says_so_is_no_loss(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct buf held;

    buf_init(&held, 1000);
    assert_int_equal(pairs_add(&held, (uint64_t)c->id, c->attempt), 0);
    dispatch_silent(&r->core, r->worker);
    dispatch_worker_joined(&r->core, r->worker, buf_view(&held));
    dispatch_due(&r->core, c->due.mono_ms);
    assert_int_equal(c->lost, 0);
    buf_fini(&held);
}

/* Two messages to each side, of which workers were lost so often. */
static void four_suspects(struct rig *r, uint32_t lost, struct core_command *ret[4])
{
    static const char *const threads[] = {"t1", "t2"};

    for (int i = 0; i < 2; i++) {
        struct event in = rig_client_text(i ? "m1" : "m0");
        struct event out = rig_manager_text(i ? "amo-1" : "amo-0");

        in.conversation = view_of(threads[i]);
        in.sender_phone = VIEW_NONE;
        (void)rig_push(r, &in);
        rig_commit(r);
        out.chat_id = view_of(i ? "chat-b" : "chat-a");
        out.sender_phone = VIEW_NONE;
        (void)rig_push(r, &out);
        rig_commit(r);
    }
    for (int i = 0; i < 4; i++) {
        ret[i] = queue_find(r->core.queue, i + 1);
        assert_non_null(ret[i]);
        ret[i]->lost = lost;
    }
}

static size_t in_flight(struct core_command *const c[4])
{
    size_t n = 0;

    for (int i = 0; i < 4; i++)
        n += c[i]->state == COMMAND_IN_FLIGHT;
    return n;
}

static void suspects_of_two_destinations_do_not_wait_for_each_other(void **state)
{
    struct rig *r = *state;
    struct core_command *c[4];

    four_suspects(r, 2, c);
    rig_turn(r);
    assert_int_equal(in_flight(c), 2);
    assert_true(c[0]->lane->dest->n_in_flight == 1 && c[1]->lane->dest->n_in_flight == 1);
    /* one that is slow has had its turn after a while */
    c[0]->lane->dest->suspect_mono_ms -= 5000;
    for (int i = 0; i < 4; i++) {
        if (c[i]->state == COMMAND_WAITING)
            queue_move(r->core.queue, c[i], COMMAND_READY, 0, clock_mono_ms());
    }
    rig_turn(r);
    assert_int_equal(in_flight(c), 3);
}

static void a_loss_ends_nobody_beside_whom_another_suspect_was(void **state)
{
    struct rig *r = *state;
    struct core_command *c[4];
    int64_t now = 0;

    four_suspects(r, 3, c);
    rig_turn(r);
    assert_int_equal(in_flight(c), 2);
    for (int i = 0; i < 4; i++)
        c[i]->lost = 4;
    dispatch_lost(&r->core, r->worker); /* whose doing was it? */
    r->worker->n_in_flight = 0;
    r->worker->bytes_in_flight = 0;
    assert_int_equal(queue_count(r->core.queue), 4);
    now = clock_mono_ms();
    for (int i = 0; i < 4; i++) {
        if (c[i]->state == COMMAND_WAITING)
            queue_move(r->core.queue, c[i], COMMAND_READY, 0, now);
    }
    rig_turn(r);
    assert_int_equal(in_flight(c), 1); /* now it will be known */
}

static void of_the_suspects_one_goes_at_a_time(void **state)
{
    struct rig *r = *state;
    struct core_command *c[3];
    size_t n = 0;

    for (int i = 0; i < 3; i++) {
        static const char *const threads[] = {"t1", "t2", "t3"};
        char name[8];
        struct event e;

        (void)snprintf(name, sizeof(name), "m%d", i);
        e = rig_client_text(name);
        e.conversation = view_of(threads[i]);
        e.sender_phone = VIEW_NONE;
        (void)rig_push(r, &e);
        rig_commit(r);
        c[i] = queue_find(r->core.queue, i + 1);
        assert_non_null(c[i]);
        c[i]->lost = 4;
    }
    rig_turn(r);
    for (int i = 0; i < 3; i++)
        n += c[i]->state == COMMAND_IN_FLIGHT;
    assert_int_equal(n, 1);
    dispatch_lost(&r->core, r->worker); /* it was that one */
    r->worker->n_in_flight = 0;
    r->worker->bytes_in_flight = 0;
    /* two others, and the call that tells the service */
    assert_int_equal(queue_count(r->core.queue), 3);
    rig_commit(r);
    rig_assert_dead(r, "workers_lost");
}

static void too_little_credit_is_waited_for_without_spinning(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct event e = rig_manager_text("amo-1");

    r->worker->credit_bytes = r->worker->bytes_in_flight + 1; /* room, but not for this one */
    (void)rig_push(r, &e);
    rig_turn(r);
    assert_int_equal(rig_command(r, COMMAND_SERVICE_MESSAGE)->state, COMMAND_READY);
    assert_true(list_is_empty(&r->core.turn->end.link)); /* nobody asked for another turn */
    rig_result(r, r->worker, c, done_at_amo());
    rig_turn(r);
    assert_int_equal(rig_command(r, COMMAND_SERVICE_MESSAGE)->state, COMMAND_IN_FLIGHT);
}

static void what_has_no_room_lets_smaller_ones_of_others_go(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct event large = rig_manager_text("amo-1");
    struct event small = rig_client_text("m2");
    struct core_command *waits = NULL;
    struct buf text;

    buf_init(&text, 8192);
    for (int i = 0; i < 4000; i++)
        assert_int_equal(buf_add_char(&text, 'x'), 0);
    large.content.text = buf_view(&text);
    r->worker->credit_bytes = r->worker->bytes_in_flight + 2000;
    (void)rig_push(r, &large);
    rig_commit(r);
    small.conversation = VIEW_LIT("another thread");
    small.sender_phone = VIEW_NONE;
    (void)rig_push(r, &small);
    rig_turn(r);
    waits = rig_command(r, COMMAND_SERVICE_MESSAGE);
    assert_int_equal(waits->state, COMMAND_READY);
    assert_int_equal(rig_count(r, COMMAND_AMO_MESSAGE), 2);
    assert_int_equal(c->lane->dest->n_in_flight, 2);
    /* after a second of that the others wait, so that room is made for it */
    waits->lane->dest->no_room_since_ms -= 5000;
    small.message_id = VIEW_LIT("m3");
    small.conversation = VIEW_LIT("a third thread");
    (void)rig_push(r, &small);
    rig_turn(r);
    assert_int_equal(c->lane->dest->n_in_flight, 2);
    buf_fini(&text);
}

/* --- what only time brings ------------------------------------------------------------------ */

static void sweep(struct rig *r)
{
    for (int i = 0; i < 5; i++)
        watch_tick(&r->core);
}

static void a_managers_message_that_waits_shows_as_delayed_once(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("amo-1");
    struct core_command *c = NULL;
    struct core_command *told = NULL;
    struct resolved body;
    struct message m;

    (void)rig_push(r, &e);
    rig_commit(r);
    c = rig_command(r, COMMAND_SERVICE_MESSAGE);
    sweep(r);
    assert_null(rig_command(r, COMMAND_AMO_STATUS));
    c->taken_ms -= 601000;
    sweep(r);
    sweep(r);
    told = rig_command(r, COMMAND_AMO_STATUS);
    assert_non_null(told);
    assert_int_equal(resolve_command(&r->core, told, &body), 0);
    assert_int_equal(body.body.status_code, -1);
    assert_int_equal(body.body.error_code, 903);
    assert_true(view_is(body.body.error_text, "delayed"));
    resolved_fini(&body);
    assert_int_equal(queue_find(r->core.queue, c->id)->state,
                     COMMAND_READY); /* it still goes */
    rig_commit(r);
    m = rig_message(r, "aamo-1");
    assert_int_equal(m.reported_status, REPORTED_DELAYED);
    message_fini(&m);
}

static void delivered_wins_over_delayed(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    struct event e = rig_status("s-1", "delivered");
    struct message m;

    c->taken_ms -= 601000;
    sweep(r);
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DONE, .service_message_id = VIEW_LIT("s-1")});
    rig_commit(r);
    (void)rig_push(r, &e);
    rig_commit(r);
    m = rig_message(r, "aamo-1");
    assert_int_equal(m.reported_status, 1);
    message_fini(&m);
    assert_int_equal(queue_count(r->core.queue), 2); /* −1, then 1, in one lane */
    assert_int_equal(table_count(r->core.queue->lanes), 1);
}

static void a_thousand_that_are_old_do_not_take_an_hour(void **state)
{
    struct rig *r = *state;
    size_t iter = 0;
    struct core_command *c = NULL;
    struct event e = rig_client_text("m");

    e.sender_phone = VIEW_NONE;
    r->worker->credit = 0;
    for (int i = 0; i < 1000; i++) {
        char id[16];

        (void)snprintf(id, sizeof(id), "m-%d", i);
        e.message_id = view_of(id);
        (void)rig_push(r, &e);
    }
    rig_commit(r);
    while ((c = table_next(r->core.queue->commands, &iter)))
        c->taken_ms -= 25 * HOUR_MS;
    for (int i = 0; i < 30 && rig_count(r, COMMAND_AMO_MESSAGE); i++)
        watch_tick(&r->core);
    assert_int_equal(rig_count(r, COMMAND_AMO_MESSAGE), 0);
}

static void a_life_that_is_over_ends_in_a_dead_letter(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("amo-1");
    struct core_command *c = NULL;

    (void)rig_push(r, &e);
    rig_commit(r);
    c = rig_command(r, COMMAND_SERVICE_MESSAGE);
    c->delayed = true;
    c->taken_ms -= 24 * HOUR_MS - 60000;
    sweep(r);
    assert_non_null(rig_command(r, COMMAND_SERVICE_MESSAGE));
    c->taken_ms -= 120000;
    sweep(r);
    assert_null(rig_command(r, COMMAND_SERVICE_MESSAGE));
    rig_commit(r);
    rig_assert_dead(r, "life_time");
    assert_non_null(rig_command(r, COMMAND_AMO_STATUS)); /* the manager is told */
}

static void what_is_under_way_is_not_given_up_but_what_is_only_asked_about_is(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");

    c->taken_ms -= 25 * HOUR_MS;
    sweep(r);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_UNKNOWN, .cause = CAUSE_UNREADABLE});
    assert_int_equal(c->state, COMMAND_CHECKING);
    sweep(r);
    assert_null(rig_command(r, COMMAND_AMO_MESSAGE));
    assert_true(list_is_empty(&r->core.deliver->calls));
    rig_commit(r);
    rig_assert_dead(r, "unclear"); /* amo may have it */
}

/* A manager's message is given up of age after one attempt that ended so. */
static void too_old_after(struct rig *r, enum outcome outcome, enum cause cause,
                          uint64_t status, const char *reason)
{
    struct core_command *c = NULL;

    rig_client_message_done(r, "m0", "amo-0");
    c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    rig_result(r, r->worker, c,
               (struct result){.outcome = outcome, .cause = cause, .status = status});
    c->taken_ms -= 25 * HOUR_MS;
    sweep(r);
    assert_null(rig_command(r, COMMAND_SERVICE_MESSAGE));
    rig_commit(r);
    rig_assert_dead(r, reason);
}

static void what_is_too_old_and_may_be_at_the_client_is_unclear(void **state)
{
    too_old_after(*state, OUTCOME_UNKNOWN, CAUSE_TIMEOUT, 0, "unclear");
}

static void what_is_too_old_and_was_not_taken_is_not_unclear(void **state)
{
    too_old_after(*state, OUTCOME_RETRY, CAUSE_SERVER, 503, "life_time");
}

static void what_is_too_old_and_may_have_been_under_way_at_a_start_is_unclear(void **state)
{
    struct rig *r = *state;

    rig_client_message_done(r, "m0", "amo-0");
    (void)rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    rig_restart(r);
    rig_command(r, COMMAND_SERVICE_MESSAGE)->taken_ms -= 25 * HOUR_MS;
    sweep(r);
    rig_commit(r);
    rig_assert_dead(r, "unclear");
}

static void nothing_ends_while_the_clock_is_doubtful(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");

    dispatch_due(&r->core, c->due.mono_ms);
    c->taken_ms -= 25 * HOUR_MS;
    r->core.turn->doubt.on = true;
    sweep(r);
    assert_int_equal(c->state, COMMAND_READY);
    r->core.turn->doubt.on = false;
    sweep(r);
    assert_null(rig_command(r, COMMAND_AMO_MESSAGE));
}

static void a_pause_stops_the_clock_of_life(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct dest *d = NULL;
    struct core_command *c = NULL;

    (void)rig_push(r, &e);
    rig_commit(r);
    c = rig_command(r, COMMAND_AMO_MESSAGE);
    d = c->lane->scope;
    dest_pause(r->core.queue, d, true, clock_mono_ms() - 30 * HOUR_MS);
    c->taken_ms -= 31 * HOUR_MS;
    sweep(r);
    assert_non_null(rig_command(r, COMMAND_AMO_MESSAGE)); /* an hour before, 30 in pause */
    dest_pause(r->core.queue, d, false, clock_mono_ms());
    sweep(r);
    assert_non_null(rig_command(r, COMMAND_AMO_MESSAGE));
    c->taken_ms -= 24 * HOUR_MS;
    sweep(r);
    assert_null(rig_command(r, COMMAND_AMO_MESSAGE));
}

static void a_pause_stops_the_clock_through_restarts(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    int64_t now = clock_unix_ms();

    (void)rig_push(r, &e);
    assert_int_equal(db_run(r->core.store->db, "/* test */ UPDATE commands SET taken_ms=?", "i",
                            now - 31 * HOUR_MS),
                     0);
    assert_int_equal(
        store_scope_pause(r->core.store, VIEW_LIT("ch_acc"), VIEW_NONE, now - 30 * HOUR_MS), 0);
    rig_commit(r);
    rig_restart(r);
    assert_true(rig_command(r, COMMAND_AMO_MESSAGE)->lane->scope->paused);
    sweep(r);
    assert_non_null(rig_command(r, COMMAND_AMO_MESSAGE));
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(store_scope_resume(r->core.store, VIEW_LIT("ch_acc"), now), 0);
    assert_int_equal(core_registry_changed(&r->core), 0);
    rig_commit(r);
    sweep(r);
    assert_non_null(rig_command(r, COMMAND_AMO_MESSAGE));
    rig_commit(r);
    rig_restart(r);
    sweep(r);
    assert_non_null(rig_command(r, COMMAND_AMO_MESSAGE));
    assert_false(rig_command(r, COMMAND_AMO_MESSAGE)->lane->scope->paused);
}

/* --- the store fails ------------------------------------------------------------------------ */

static void whichever_store_call_fails_the_result_is_not_acknowledged(void **state)
{
    struct rig *r = *state;
    uint64_t n = 0;

    for (n = 1; n < 100; n++) {
        struct core_command *c = NULL;

        if (n == 1) {
            c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
        } else {
            rig_turn(r);
            c = rig_command(r, COMMAND_SERVICE_MESSAGE);
            assert_int_equal(c->state, COMMAND_IN_FLIGHT);
        }
        db_fail_at(n);
        rig_result(r, r->worker, c,
                   (struct result){.outcome = OUTCOME_DONE,
                                   .service_message_id = VIEW_LIT("s-1"),
                                   .service_conversation = VIEW_LIT("t")});
        rig_commit(r);
        db_fail_at(0);
        if (r->core.turn->exit_code == 0)
            break;
        assert_int_equal(r->core.turn->exit_code, EXIT_TEMPORARY);
        rig_restart(r);
        assert_false(rig_has_message(r, "ssvc/s-1")); /* nothing of it stands */
        assert_int_equal(rig_stored_commands(r), 1);
    }
    assert_true(n > 5 && n < 100);
    assert_true(rig_has_message(r, "ssvc/s-1"));
    assert_int_equal(rig_stored_commands(r), 0);
}

static struct core_command *rig_first(struct rig *r)
{
    size_t iter = 0;

    return table_next(r->core.queue->commands, &iter);
}

/* A value that no row can hold, wherever it turns up. */
static void what_belongs_to_one_row_ends_neither_core_nor_a_lane(void **state)
{
    static const enum outcome outcomes[] = {OUTCOME_DONE, OUTCOME_RETRY, OUTCOME_DEAD};
    struct rig *r = *state;
    char id[32];
    uint64_t failed = 0;

    db_fail_as_row(true);
    for (uint64_t n = 1; n < 120; n++) {
        struct core_command *c = NULL;

        (void)snprintf(id, sizeof(id), "amo-%" PRIu64, n);
        c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, id);
        c->attempts = 9; /* the next one is the last */
        db_fail_at(1 + n % 10);
        rig_result(r, r->worker, c,
                   (struct result){.outcome = outcomes[n % 3],
                                   .cause = n % 3 ? CAUSE_SERVER : CAUSE_NONE});
        db_fail_at(0);
        assert_int_equal(r->core.turn->exit_code, 0);
        rig_commit(r);
        assert_null(rig_command(r, COMMAND_SERVICE_MESSAGE)); /* its lane is free */
        rig_assert_accounts(r);
        failed = r->core.turn->n_rows_failed;
        while ((c = rig_first(r)))
            settle_drop(&r->core, c); /* what the manager is told */
        rig_commit(r);
    }
    db_fail_as_row(false);
    assert_true(failed > 20);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

static const struct CMUnitTest tests[] = {
    CASE(every_outcome_means_what_the_table_says),
    CASE(done_teaches_the_ids_of_amo),
    CASE(done_teaches_the_ids_of_the_service),
    CASE(the_next_of_the_lane_goes_when_the_first_is_settled),
    CASE(a_result_told_twice_is_acknowledged_and_settled_once),
    CASE(a_late_done_of_an_old_attempt_settles),
    CASE(a_late_failure_of_an_old_attempt_changes_nothing),
    CASE(a_late_answer_of_amo_to_what_was_given_up_says_that_it_arrived),
    CASE(a_late_answer_of_a_service_to_what_was_given_up_says_that_it_arrived),
    CASE(a_letter_beside_a_message_that_stands_as_accepted_learns_of_its_arrival),
    CASE(of_what_arrived_late_no_service_is_told_that_it_failed),
    CASE(that_an_edit_failed_is_told_of_what_arrived),
    CASE(a_late_done_ends_a_back_off_and_a_question),
    CASE(an_answer_to_what_had_the_id_in_a_forgotten_store_is_not_believed),
    CASE(an_answer_to_an_earlier_life_of_core_is_believed),
    CASE(attempts_used_up_make_a_dead_letter_and_tell_the_manager),
    CASE(a_refusal_tells_the_manager_in_the_services_words),
    CASE(a_refused_first_word_means_that_no_chat_came_about),
    CASE(the_services_own_word_decides_the_number),
    CASE(the_service_is_told_which_message_of_a_client_died),
    CASE(a_retry_obeys_retry_after_and_is_remembered),
    CASE(a_long_retry_after_is_obeyed_over_a_restart),
    CASE(five_failures_in_a_row_open_the_breaker_and_stop_counting),
    CASE(repeated_403_holds_the_scope_after_one_more_try),
    CASE(a_scope_that_is_not_found_is_connected_again_once),
    CASE(a_message_found_in_the_history_is_done),
    CASE(absent_from_the_history_counts_after_three_looks),
    CASE(the_three_looks_happen_within_a_minute),
    CASE(a_history_that_cannot_be_read_is_no_proof),
    CASE(a_message_without_amos_id_goes_again_when_the_history_does_not_show_it),
    CASE(without_amos_id_in_the_end_it_is_dead_as_unclear),
    CASE(a_row_of_the_history_without_an_id_is_no_proof),
    CASE(attempts_used_up_are_looked_up_before_they_count),
    CASE(a_lost_worker_loses_no_question),
    CASE(a_checked_command_whose_message_is_gone_does_not_stop_its_lane),
    CASE(nothing_is_asked_after_rows_that_are_not_committed),
    CASE(nothing_is_sent_by_rows_that_are_not_committed),
    CASE(after_a_restart_a_refusal_asks_the_history),
    CASE(what_a_dead_worker_held_goes_to_another_at_once),
    CASE(what_a_silent_worker_holds_stays_until_the_lease_is_over),
    CASE(a_worker_that_comes_back_goes_on_with_what_it_holds),
    CASE(after_a_restart_of_core_a_worker_keeps_what_it_works_on),
    CASE(three_workers_lost_with_a_suspect_in_hand_and_it_is_dead),
    CASE(of_one_that_is_not_heard_of_again_the_lease_is_a_loss),
    CASE(what_was_only_cut_off_and_says_so_is_no_loss),
    CASE(suspects_of_two_destinations_do_not_wait_for_each_other),
    CASE(a_loss_ends_nobody_beside_whom_another_suspect_was),
    CASE(of_the_suspects_one_goes_at_a_time),
    CASE(too_little_credit_is_waited_for_without_spinning),
    CASE(what_has_no_room_lets_smaller_ones_of_others_go),
    CASE(a_managers_message_that_waits_shows_as_delayed_once),
    CASE(delivered_wins_over_delayed),
    CASE(a_thousand_that_are_old_do_not_take_an_hour),
    CASE(a_life_that_is_over_ends_in_a_dead_letter),
    CASE(what_is_under_way_is_not_given_up_but_what_is_only_asked_about_is),
    CASE(what_is_too_old_and_may_be_at_the_client_is_unclear),
    CASE(what_is_too_old_and_was_not_taken_is_not_unclear),
    CASE(what_is_too_old_and_may_have_been_under_way_at_a_start_is_unclear),
    CASE(nothing_ends_while_the_clock_is_doubtful),
    CASE(a_pause_stops_the_clock_of_life),
    CASE(a_pause_stops_the_clock_through_restarts),
    CASE(whichever_store_call_fails_the_result_is_not_acknowledged),
    CASE(what_belongs_to_one_row_ends_neither_core_nor_a_lane),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
