/* What amo or the service send back of messages they were given. */

#include <stdio.h>

#include "base/clock.h"
#include "base/ids.h"
#include "core/deliver/calls.h"
#include "core/deliver/moved.h"
#include "core/deliver/resolve.h"
#include "core/deliver/settle.h"
#include "core/intake/deferred.h"
#include "core/intake/echo.h"
#include "core/model/router.h"
#include "core/peers/peers.h"
#include "core/peers/spools.h"
#include "core/queue/queue.h"
#include "core/store/erase.h"
#include "core/testing/rig.h"
#include "core/watch.h"
#include "proto/limits.h"
#include "proto/session.h"

#define HOUR_MS 3600000LL

static void take(struct rig *r, struct event e)
{
    rig_take(r, &e);
}

/* A manager's words in the chat that amo made of our conversation. */
static struct event in_chat(const char *amo_id)
{
    struct event e = rig_manager_text(amo_id);

    e.chat_id = VIEW_LIT("chat-1");
    return e;
}

/* Time passes in which the outcome could become known. */
static void pass(struct rig *r, int64_t ms)
{
    int64_t now = r->core.intake->echo_mono_ms ? r->core.intake->echo_mono_ms : clock_mono_ms();
    int64_t until = now + ms;

    for (r->core.intake->echo_mono_ms = now; now <= until; now += 500) {
        r->worker->heard_mono_ms = now;
        call_tick(&r->core, now);
        echo_tick(&r->core, now);
    }
    r->worker->heard_mono_ms = clock_mono_ms();
}

/* --- what amo sends back -------------------------------------------------------------------- */

static void a_webhook_meanwhile_waits_and_is_known_by_the_answer(void **state)
{
    struct rig *r = *state;

    (void)rig_outgoing_in_flight(r, "o1");
    take(r, in_chat("amo-1"));
    rig_assert_counts(r, 0, 0, 1);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 0);
    rig_outgoing_answered(r, "amo-1");
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(r->core.intake->n_deferred, 0);
    assert_int_equal(queue_count(r->core.queue), 0); /* our own coming back */
    take(r, in_chat("amo-1"));                       /* and after the answer, at once */
    assert_int_equal(queue_count(r->core.queue), 0);
}

static void a_webhook_with_another_id_is_a_managers_message(void **state)
{
    struct rig *r = *state;
    struct resolved body;

    (void)rig_outgoing_in_flight(r, "o1");
    take(r, in_chat("amo-2"));
    rig_outgoing_answered(r, "amo-1");
    rig_assert_counts(r, 0, 0, 0);
    rig_resolve(r, COMMAND_SERVICE_MESSAGE, &body);
    assert_true(view_is(body.body.content.text, "good day"));
    assert_true(view_is(body.body.conversation, "thread"));
    resolved_fini(&body);
    assert_true(rig_has_message(r, "aamo-2"));
}

static void an_unclear_one_is_settled_by_the_history(void **state)
{
    struct rig *r = *state;
    struct command calls[2];

    (void)rig_outgoing_in_flight(r, "o1");
    rig_result(r, r->worker, rig_command(r, COMMAND_AMO_OUTGOING),
               (struct result){.outcome = OUTCOME_UNKNOWN, .cause = CAUSE_UNREADABLE});
    assert_int_equal(rig_command(r, COMMAND_AMO_OUTGOING)->state, COMMAND_CHECKING);
    take(r, in_chat("amo-5")); /* still unknown: it waits */
    rig_assert_counts(r, 0, 0, 1);
    assert_int_equal(rig_calls(r, clock_mono_ms(), calls, 2), 1);
    assert_int_equal(calls[0].kind, COMMAND_AMO_HISTORY);
    assert_true(view_is(calls[0].chat_id, "chat-1"));
    rig_result_raw(r, r->worker,
                   &(struct result){.id = calls[0].id,
                                    .attempt = calls[0].attempt,
                                    .outcome = OUTCOME_DONE,
                                    .found = true,
                                    .complete = true,
                                    .amo_message_id = VIEW_LIT("amo-5")});
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(queue_count(r->core.queue), 0); /* it was the echo */
}

static void when_the_message_dies_the_webhook_is_a_managers_message(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_outgoing_in_flight(r, "o1");

    take(r, in_chat("amo-2"));
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DEAD, .cause = CAUSE_REFUSED});
    rig_commit(r);
    rig_assert_counts(r, 1, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
}

static void when_its_life_ends_the_webhook_is_a_managers_message(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_outgoing_in_flight(r, "o1");

    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_UNKNOWN, .cause = CAUSE_TIMEOUT});
    assert_int_equal(c->state, COMMAND_WAITING);
    take(r, in_chat("amo-2"));
    rig_assert_counts(r, 0, 0, 1); /* it may have been taken all the same */
    c->taken_ms -= 25 * HOUR_MS;
    for (int i = 0; i < 5; i++)
        watch_tick(&r->core);
    rig_commit(r);
    rig_assert_counts(r, 1, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
}

static void after_a_while_the_webhook_waits_no_more(void **state)
{
    struct rig *r = *state;

    (void)rig_outgoing_in_flight(r, "o1");
    take(r, in_chat("amo-2"));
    pass(r, 15000);
    rig_assert_counts(r, 0, 0, 1);
    pass(r, 6000);
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
    rig_outgoing_answered(r, "amo-1"); /* later nobody waits for it */
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
    assert_int_equal(r->core.turn->exit_code, 0);
}

static void the_wait_is_configured(void **state)
{
    struct rig *r = *state;

    r->more_config = "core\n    echo_ms = 1000\n";
    rig_restart(r);
    (void)rig_outgoing_in_flight(r, "o1");
    take(r, in_chat("amo-2"));
    pass(r, 2000);
    rig_commit(r);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
}

static void several_webhooks_keep_their_order(void **state)
{
    struct rig *r = *state;
    const char *const ids[] = {"amo-2", "amo-1", "amo-3", "amo-4"};
    const char *const want[] = {"aamo-2", "aamo-3", "aamo-4"};
    int64_t before = 0;

    (void)rig_outgoing_in_flight(r, "o1");
    for (size_t i = 0; i < AMO_COUNT(ids); i++)
        take(r, in_chat(ids[i]));
    rig_assert_counts(r, 0, 0, 4);
    rig_outgoing_answered(r, "amo-1");
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 3);
    for (size_t i = 0; i < AMO_COUNT(want); i++) {
        struct message m = rig_message(r, want[i]);

        assert_true(m.id > before);
        before = m.id;
        message_fini(&m);
    }
}

/* Its message was handed back: from now on nothing would have to wait. */
static void a_webhook_does_not_overtake_one_that_waits(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_outgoing_in_flight(r, "o1");

    take(r, in_chat("amo-2"));
    rig_result(r, r->worker, c, (struct result){.outcome = OUTCOME_UNSTARTED});
    c->tried = false;
    take(r, in_chat("amo-3"));
    rig_assert_counts(r, 0, 0, 2);
    pass(r, 1000); /* nothing is unclear any more */
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 2);
    assert_true(queue_find(r->core.queue, 3)->message < queue_find(r->core.queue, 4)->message);
}

static void a_chat_that_is_found_by_our_id_waits_as_well(void **state)
{
    struct rig *r = *state;
    struct event out = rig_outgoing_text("o1");
    struct event hook = rig_manager_text("amo-1");
    struct conversation conv;

    (void)rig_push(r, &out); /* the first of its conversation: amo's chat id is unknown */
    rig_turn(r);
    conv = rig_conversation(r);
    hook.chat_id = VIEW_LIT("chat-1");
    hook.chat_client_id = view_of(conv.client_id);
    take(r, hook);
    rig_assert_counts(r, 0, 0, 1);
    rig_outgoing_answered(r, "amo-1");
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(queue_count(r->core.queue), 0);
    conversation_fini(&conv);
}

static void a_restart_forgets_neither_the_webhook_nor_the_doubt(void **state)
{
    struct rig *r = *state;

    (void)rig_outgoing_in_flight(r, "o1");
    take(r, in_chat("amo-1"));
    rig_restart(r);
    assert_int_equal(r->core.intake->n_deferred, 1);
    assert_true(rig_command(r, COMMAND_AMO_OUTGOING)->tried);
    take(r, in_chat("amo-2"));
    rig_assert_counts(r, 0, 0, 2);
    rig_turn(r);
    rig_outgoing_answered(r, "amo-1");
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
}

static void time_in_which_nobody_could_tell_does_not_count(void **state)
{
    struct rig *r = *state;
    int64_t now = clock_mono_ms();
    struct core_command *c = rig_outgoing_in_flight(r, "o1");

    take(r, in_chat("amo-1"));
    r->core.intake->echo_mono_ms = now;
    for (int i = 0; i < 100; i++)
        echo_tick(&r->core, now += 1000); /* the worker says nothing */
    rig_assert_counts(r, 0, 0, 1);
    r->core.intake->echo_mono_ms = now;
    r->worker->heard_mono_ms = now + 90000;
    echo_tick(&r->core, now + 90000); /* core itself stood still */
    rig_assert_counts(r, 0, 0, 1);
    r->worker->heard_mono_ms = clock_mono_ms();
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_HOLD, .cause = CAUSE_THROTTLED});
    pass(r, 60000); /* amo wants no calls now */
    rig_assert_counts(r, 0, 0, 1);
    pass(r, 600000); /* but nobody waits for ever */
    rig_assert_counts(r, 0, 0, 0);
}

/* Amo wants few calls, and others stand before it. */
static void time_in_which_it_is_not_its_turn_does_not_count(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_outgoing_in_flight(r, "o1");

    take(r, in_chat("amo-1"));
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_HOLD, .cause = CAUSE_THROTTLED});
    dest_release(c->lane->dest, clock_mono_ms());
    assert_int_equal(c->state, COMMAND_READY);
    pass(r, 60000);
    rig_assert_counts(r, 0, 0, 1);
    pass(r, 600000); /* but nobody waits for ever */
    rig_assert_counts(r, 0, 0, 0);
}

static void time_in_which_the_history_cannot_be_asked_does_not_count(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_outgoing_in_flight(r, "o1");
    struct command calls[2];

    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_UNKNOWN, .cause = CAUSE_UNREADABLE});
    take(r, in_chat("amo-1"));
    assert_int_equal(c->state, COMMAND_CHECKING);
    pass(r, 60000); /* there is no room for it */
    rig_assert_counts(r, 0, 0, 1);
    assert_int_equal(rig_calls(r, r->core.intake->echo_mono_ms, calls, 2), 1);
    pass(r, 18000); /* it is asked, and heard of */
    rig_assert_counts(r, 0, 0, 1);
    pass(r, 3000);
    rig_assert_counts(r, 0, 0, 0);
}

static void time_in_which_a_silent_worker_asks_the_history_does_not_count(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_outgoing_in_flight(r, "o1");
    struct command calls[2];
    int64_t now = 0;

    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_UNKNOWN, .cause = CAUSE_UNREADABLE});
    take(r, in_chat("amo-1"));
    now = clock_mono_ms(); /* nothing is due before it came */
    assert_int_equal(rig_calls(r, now, calls, 2), 1);
    r->worker->heard_mono_ms = now;
    for (int i = 0; i < 40; i++) { /* the last sign of it was at the beginning */
        call_tick(&r->core, now += 500);
        echo_tick(&r->core, now);
    }
    rig_assert_counts(r, 0, 0, 1);
    r->core.intake->echo_mono_ms = 0;
    pass(r, 17000);
    rig_assert_counts(r, 0, 0, 1);
    assert_int_equal(c->state, COMMAND_CHECKING);
    pass(r, 4000);
    rig_assert_counts(r, 0, 0, 0);
}

/* Long before it counts as dead: the call that is made when its lease is over needs the rest. */
static void time_with_a_silent_worker_does_not_count(void **state)
{
    struct rig *r = *state;
    int64_t now = clock_mono_ms();
    struct core_command *c = rig_outgoing_in_flight(r, "o1");

    r->worker->heard_mono_ms = now;
    r->core.intake->echo_mono_ms = now;
    take(r, in_chat("amo-1"));
    for (int i = 0; i < 10; i++)
        echo_tick(&r->core, now += 500); /* its last sign was at the beginning */
    r->core.intake->echo_mono_ms = 0;
    pass(r, 17000);
    rig_assert_counts(r, 0, 0, 1);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    pass(r, 3000);
    rig_assert_counts(r, 0, 0, 0);
}

/* The number has gone to another account while its service is called for the one before. */
static void time_with_a_silent_worker_does_not_count_when_the_number_has_moved(void **state)
{
    struct rig *r = *state;
    struct event report = rig_outgoing_text("s-1");
    struct core_command *c = NULL;
    int64_t now = clock_mono_ms();

    rig_register_account(r, "ch_two");
    rig_register_source(r, "line1", "ch_acc");
    rig_client_message_done(r, "m0", "amo-0");
    c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    rig_register_source(r, "line1", "ch_two");
    reach_tick(&r->core);
    take(r, report);
    rig_assert_counts(r, 0, 0, 1);
    r->worker->heard_mono_ms = now;
    r->core.intake->echo_mono_ms = now;
    for (int i = 0; i < 60; i++)
        echo_tick(&r->core, now += 500); /* its last sign was at the beginning */
    rig_assert_counts(r, 0, 0, 1);
    r->core.intake->echo_mono_ms = 0;
    pass(r, 17000);
    rig_assert_counts(r, 0, 0, 1);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    pass(r, 3000);
    rig_assert_counts(r, 0, 0, 0);
}

/* The number has moved: what is settled was the one account's, and what the webhook is of is the other one's. */
static void a_webhook_waits_for_its_own_when_anothers_is_settled(void **state)
{
    struct rig *r = *state;
    struct event webhook = in_chat("amo-2");
    struct conversation conv = {0};
    struct core_command *first = NULL;

    rig_register_account(r, "ch_two");
    rig_register_source(r, "line1", "ch_acc");
    first = rig_outgoing_in_flight(r, "o1");
    rig_register_source(r, "line1", "ch_two");
    reach_tick(&r->core);
    r->ingress->sent_before = r->next_number + 2; /* both come again */
    take(r, rig_outgoing_text("o2"));
    assert_int_equal(store_conversation(r->core.store, 1, &conv), 0);
    webhook.scope = VIEW_LIT("ch_two");
    webhook.chat_id = VIEW_LIT("chat-two");
    webhook.chat_client_id = view_of(conv.client_id);
    take(r, webhook);
    conversation_fini(&conv);
    rig_assert_counts(r, 0, 0, 1);
    settle_dead(&r->core, first, "unclear", VIEW_NONE);
    echo_run(&r->core);
    rig_assert_counts(r, 1, 0, 1);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 0);
}

/* It is to be asked whether it has a colleague's words. But nobody waits for ever. */
static void
time_in_which_the_account_that_it_leaves_cannot_be_asked_does_not_count(void **state)
{
    struct rig *r = *state;
    struct core_command *c = NULL;

    rig_register_account(r, "ch_two");
    rig_register_source(r, "line1", "ch_acc");
    c = rig_outgoing_in_flight(r, "o1");
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_UNKNOWN, .cause = CAUSE_UNREADABLE});
    take(r, in_chat("amo-1"));
    rig_register_source(r, "line1", "ch_two");
    reach_tick(&r->core);
    rig_assert_counts(r, 0, 0, 1);
    assert_int_equal(c->state, COMMAND_CHECKING);
    pass(r, 60000); /* there is no room for the question */
    rig_assert_counts(r, 0, 0, 1);
    pass(r, 600000);
    rig_assert_counts(r, 0, 1, 0); /* the chat is not that account's any more */
}

/* Of the step that ends after it came only what it was there for counts. */
static void what_comes_between_two_ticks_waits_its_whole_time(void **state)
{
    struct rig *r = *state;
    int64_t now = clock_mono_ms();

    (void)rig_outgoing_in_flight(r, "o1");
    r->core.intake->echo_mono_ms = now - 1500;
    take(r, in_chat("amo-1"));
    r->worker->heard_mono_ms = now;
    for (int64_t end = now + 19500; now < end; now += 500) {
        r->worker->heard_mono_ms = now;
        echo_tick(&r->core, now);
    }
    rig_assert_counts(r, 0, 0, 1);
    pass(r, 2000);
    rig_assert_counts(r, 0, 0, 0);
}

static void after_a_restart_its_time_begins_anew(void **state)
{
    struct rig *r = *state;

    (void)rig_outgoing_in_flight(r, "o1");
    take(r, in_chat("amo-1"));
    pass(r, 15000);
    rig_restart(r);
    deferred_overdue(&r->core, clock_unix_ms() + HOUR_MS);
    rig_turn(r); /* it is sent once more */
    pass(r, 15000);
    rig_assert_counts(r, 0, 0, 1);
    pass(r, 6000);
    rig_assert_counts(r, 0, 0, 0);
}

static void nothing_overdue_stands_in_front_of_an_echo(void **state)
{
    struct rig *r = *state;

    for (int i = 0; i < 300; i++) {
        char id[16];

        (void)snprintf(id, sizeof(id), "s-%d", i);
        take(r, rig_status(id, "delivered"));
    }
    (void)rig_outgoing_in_flight(r, "o1");
    take(r, in_chat("amo-2"));
    pass(r, 21000);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
    assert_int_equal(r->core.intake->n_deferred, 300);
}

/* --- what does not wait --------------------------------------------------------------------- */

static void nothing_waits_for_a_clients_message(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");

    rig_client_message_done(r, "m0", "amo-0");
    (void)rig_push(r, &e);
    rig_turn(r);
    assert_int_equal(rig_command(r, COMMAND_AMO_MESSAGE)->state, COMMAND_IN_FLIGHT);
    take(r, in_chat("amo-2"));
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
}

static void nothing_waits_for_what_was_not_sent_yet(void **state)
{
    struct rig *r = *state;

    rig_client_message_done(r, "m0", "amo-0");
    take(r, rig_outgoing_text("o1"));
    assert_int_equal(rig_command(r, COMMAND_AMO_OUTGOING)->state, COMMAND_READY);
    take(r, in_chat("amo-2"));
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
}

static void another_conversation_does_not_wait(void **state)
{
    struct rig *r = *state;
    struct event other = rig_client_text("m9");
    struct core_command *c = NULL;

    other.conversation = VIEW_LIT("thread-9");
    other.sender_id = VIEW_LIT("client-9");
    other.sender_phone = VIEW_NONE;
    (void)rig_push(r, &other);
    rig_turn(r);
    c = rig_command(r, COMMAND_AMO_MESSAGE);
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DONE,
                               .amo_message_id = VIEW_LIT("amo-9"),
                               .amo_chat_id = VIEW_LIT("chat-9")});
    rig_commit(r);
    (void)rig_outgoing_in_flight(r, "o1");
    other = rig_manager_text("amo-10");
    other.chat_id = VIEW_LIT("chat-9");
    take(r, other);
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
}

static void when_too_many_wait_a_manager_is_heard_all_the_same(void **state)
{
    struct rig *r = *state;

    (void)rig_outgoing_in_flight(r, "o1");
    r->core.intake->n_deferred =
        LIMIT_WAITING_ALL; /* of others: echoes have room of their own */
    take(r, in_chat("amo-1"));
    rig_assert_counts(r, 0, 0, 1);
    r->core.intake->n_deferred = LIMIT_WAITING_ALL + LIMIT_WAITING_ECHO;
    take(r, in_chat("amo-2"));
    rig_assert_counts(r, 0, 0, 1);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
}

static void whatever_fails_a_waiting_webhook_is_not_lost(void **state)
{
    struct rig *r = *state;
    struct event hook = in_chat("amo-2");

    (void)rig_outgoing_in_flight(r, "o1");
    rig_take_with_faults(r, &hook, 0);
    rig_assert_counts(r, 0, 0, 1);
}

static void whatever_fails_no_half_message_is_left(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");

    rig_take_with_faults(r, &e, 1);
    e = rig_outgoing_text("o1");
    rig_take_with_faults(r, &e, 1);
    e = rig_manager_text("amo-1");
    rig_take_with_faults(r, &e, 1);
    e = rig_manager_text("amo-2");
    e.content.text = VIEW_LIT(""); /* refused: kept, and the manager is told */
    rig_take_with_faults(r, &e, 1);
    rig_assert_counts(r, 0, 1, 0);
}

/* --- what the service sends back ------------------------------------------------------------ */

static void whatever_fails_a_waiting_report_is_not_lost(void **state)
{
    struct rig *r = *state;
    struct event report = rig_outgoing_text("s-1");

    rig_client_message_done(r, "m0", "amo-0");
    (void)rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    rig_take_with_faults(r, &report, 0);
    rig_assert_counts(r, 0, 0, 1);
}

static void begun(struct rig *r, const char *amo_id, const char *chat, const char *phone)
{
    struct event e = rig_manager_text(amo_id);

    e.chat_id = view_of(chat);
    e.receiver_phone = view_of(phone);
    (void)rig_push(r, &e);
    rig_turn(r);
}

/* Two managers begin at once, and a report says neither thread nor phone that anybody knows. */
static void a_report_of_first_words_waits_for_all_that_are_tried(void **state)
{
    struct rig *r = *state;
    struct event report = rig_outgoing_text("s-1");

    begun(r, "amo-1", "chat-a", "+7 900 000-00-01");
    begun(r, "amo-2", "chat-b", "+7 900 000-00-02");
    report.conversation = VIEW_LIT("thread-1");
    report.receiver_id = VIEW_LIT("person-1");
    report.receiver_phone = VIEW_NONE;
    report.taken_ms = clock_unix_ms();
    take(r, report);
    rig_assert_counts(r, 0, 0, 1);
    rig_service_took(r, 2, "thread-2", "s-2"); /* not that one's */
    rig_assert_counts(r, 0, 0, 1);
    rig_service_took(r, 1, "thread-1", "s-1");
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 0);
}

/* A card turns out to be of a client whose conversation is known: what stands in the card's lane goes first, and
 * what was tried in the other one before is unclear all the same. */
static void a_report_waits_on_when_others_come_to_stand_before_its_message(void **state)
{
    struct rig *r = *state;
    struct event card = rig_manager_text("amo-2");
    struct core_command *c = NULL;
    int64_t first = 0;

    rig_client_message_done(r, "m0", "amo-0");
    c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_RETRY, .cause = CAUSE_SERVER, .status = 502});
    assert_int_equal(c->state, COMMAND_WAITING);
    take(r, rig_outgoing_text("s-1"));
    rig_assert_counts(r, 0, 0, 1);
    card.chat_id = VIEW_LIT("chat-b");
    card.source = VIEW_LIT("line1");
    card.receiver_phone = VIEW_LIT("+7 900 000-00-02");
    (void)rig_push(r, &card);
    card.message_id = VIEW_LIT("amo-3");
    (void)rig_push(r, &card);
    first = c->id + 1;
    rig_turn(r);
    assert_int_equal(queue_find(r->core.queue, first)->state, COMMAND_IN_FLIGHT);
    rig_service_took(r, first, "thread", "s-9");
    pass(r, 1000);
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 1);
    rig_service_took(r, c->id, "thread", "s-1");
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 0);
}

/* Hours later: its words may be the service's all the same, and the answer is still to come. */
static void what_dies_behind_the_message_that_is_tried_ends_no_wait(void **state)
{
    struct rig *r = *state;
    struct core_command *head = NULL;
    struct event e = in_chat("amo-2");

    rig_client_message_done(r, "m0", "amo-0");
    head = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    take(r, e);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 2);
    take(r, rig_outgoing_text("s-1")); /* the first one's */
    rig_assert_counts(r, 0, 0, 1);
    queue_find(r->core.queue, head->id + 1)->taken_ms -= 25 * HOUR_MS;
    for (int i = 0; i < 5; i++)
        watch_tick(&r->core);
    rig_commit(r);
    rig_assert_counts(r, 1, 0, 1);
    rig_service_took(r, head->id, "thread", "s-1");
    rig_assert_counts(r, 1, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 0);
}

/* A colleague's word in the thread of rig_client_text, with the number of its client or without. */
static struct event colleagues(const char *id, bool named)
{
    struct event e = rig_outgoing_text(id);

    if (!named)
        e.receiver_phone = VIEW_NONE;
    e.taken_ms = clock_unix_ms();
    return e;
}

/* The first may be somebody's first words, the second says whose it is. */
static void reports_of_a_thread_keep_their_order_whatever_the_first_waits_for(void **state)
{
    struct rig *r = *state;

    rig_client_message_done(r, "m0", "amo-0");
    begun(r, "amo-1", "chat-a", "+7 900 000-00-01");
    take(r, colleagues("s-1", false));
    rig_assert_counts(r, 0, 0, 1);
    take(r, colleagues("s-2", true));
    rig_assert_counts(r, 0, 0, 2);
    rig_restart(r); /* it is not in memory alone */
    take(r, colleagues("s-3", true));
    rig_assert_counts(r, 0, 0, 3);
    rig_turn(r);
    rig_service_took(r, 2, "thread-1", "s-0");
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 3);
    rig_assert_before(r, "msvc-s-1", "msvc-s-2");
    rig_assert_before(r, "msvc-s-2", "msvc-s-3");
}

/* The call of somebody's first words is over, and it is not known yet whether another one may be: the
 * conversation has just gone to another account. */
static void reports_that_go_on_waiting_where_they_waited_keep_their_order(void **state)
{
    static const char *const ids[] = {"s-1", "s-2", "s-3", "s-4", "s-5", "s-6", "s-7"};
    struct rig *r = *state;
    int64_t lane = 0;

    rig_client_message_done(r, "m0", "amo-0");
    begun(r, "amo-1", "chat-a", "+7 900 000-00-01");
    begun(r, "amo-2", "chat-b", "+7 900 000-00-02");
    for (size_t i = 0; i < AMO_COUNT(ids); i++)
        take(r, colleagues(ids[i], false));
    rig_assert_counts(r, 0, 0, AMO_COUNT(ids));
    lane = queue_find(r->core.queue, 3)->lane->id; /* they wait for the newest one */
    assert_int_equal(reach_note_leaving(&r->core, lane, 0), 0);
    rig_service_took(r, 3, NULL, "s-0"); /* the service does not say what it calls the thread */
    rig_assert_counts(r, 0, 0, AMO_COUNT(ids));
    buf_reset(&r->core.intake->leaving);
    pass(r, 1000); /* they wait for the other's now */
    rig_assert_counts(r, 0, 0, AMO_COUNT(ids));
    rig_service_took(r, 2, "thread-2", "s-9");
    rig_assert_counts(r, 0, 0, 0);
    for (size_t i = 1; i < AMO_COUNT(ids); i++) {
        char first[16];
        char second[16];

        (void)snprintf(first, sizeof(first), "msvc-%s", ids[i - 1]);
        (void)snprintf(second, sizeof(second), "msvc-%s", ids[i]);
        rig_assert_before(r, first, second);
    }
}

/* A forgotten core has begun a chat with a colleague's words. They come again, and wait, as they may be somebody's
 * first words; so nobody knows the chat. */
static void webhooks_of_a_chat_wait_for_the_report_that_begins_it(void **state)
{
    struct rig *r = *state;
    struct event report = colleagues("s-1", false);
    struct event hook = rig_manager_text("amo-2");
    char id[ID_DERIVED_MAX + 1];

    assert_int_equal(router_client_id(report.connector, report.source, report.conversation, id),
                     0);
    begun(r, "amo-1", "chat-a", "+7 900 000-00-01");
    take(r, report);
    hook.chat_id = VIEW_LIT("chat-1");
    hook.chat_client_id = view_of(id);
    take(r, hook);
    hook.message_id = VIEW_LIT("amo-3");
    hook.chat_client_id =
        VIEW_NONE; /* as its chat is told, it waits behind the first all the same */
    take(r, hook);
    rig_assert_counts(r, 0, 0, 3);
    rig_restart(r); /* it is not in memory alone */
    hook.message_id = VIEW_LIT("amo-4");
    hook.chat_client_id = view_of(id);
    take(r, hook);
    rig_assert_counts(r, 0, 0, 4);
    rig_turn(r);
    rig_service_took(r, 1, "thread-1", "s-0");
    pass(r, 1000);
    rig_commit(r);
    rig_turn(r);
    rig_assert_counts(r, 0, 0, 3); /* what the report became is tried: they may be its echo */
    rig_outgoing_answered(r, "amo-2");
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 2); /* the first was it */
    rig_assert_before(r, "msvc-s-1", "aamo-3");
    rig_assert_before(r, "aamo-3", "aamo-4");
}

static void a_webhook_of_another_chat_is_refused_at_once(void **state)
{
    struct rig *r = *state;
    struct event hook = rig_manager_text("amo-2");

    begun(r, "amo-1", "chat-a", "+7 900 000-00-01");
    take(r, colleagues("s-1", false));
    hook.chat_id = VIEW_LIT("chat-1");
    hook.chat_client_id = VIEW_LIT("svc-somebody-else");
    take(r, hook);
    rig_assert_counts(r, 0, 1, 1);
    rig_assert_quarantined(r, "unknown_conversation");
}

/* --- what clients write meanwhile ------------------------------------------------------------- */

/* A report waits for the answer to a manager's message, which is in flight: its command. */
static int64_t one_that_waits(struct rig *r)
{
    int64_t command = 0;

    rig_client_message_done(r, "m0", "amo-0");
    command = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1")->id;
    take(r, colleagues("s-1", true));
    rig_assert_counts(r, 0, 0, 1);
    return command;
}

static void a_clients_words_keep_their_place_behind_a_report_that_waits(void **state)
{
    struct rig *r = *state;
    int64_t command = one_that_waits(r);

    take(r, rig_client_text("m1"));
    take(r, colleagues("s-2", true));
    take(r, rig_client_text("m2"));
    rig_assert_counts(r, 0, 0, 4);
    assert_int_equal(r->core.intake->n_deferred, 4);
    rig_service_took(r, command, "thread", "s-1"); /* the first one's echo */
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(r->core.intake->n_deferred, 0);
    rig_assert_before(r, "msvc-m1", "msvc-s-2");
    rig_assert_before(r, "msvc-s-2", "msvc-m2");
    take(r, rig_client_text("m3")); /* nothing waits any more */
    rig_assert_before(r, "msvc-m2", "msvc-m3");
}

static void a_clients_words_keep_their_place_over_a_restart(void **state)
{
    struct rig *r = *state;
    int64_t command = one_that_waits(r);

    take(r, rig_client_text("m1"));
    rig_restart(r);
    take(r, rig_client_text("m2"));
    rig_assert_counts(r, 0, 0, 3);
    rig_turn(r);
    rig_service_took(r, command, "thread", "s-9");
    rig_assert_counts(r, 0, 0, 0);
    rig_assert_before(r, "msvc-s-1", "msvc-m1");
    rig_assert_before(r, "msvc-m1", "msvc-m2");
    assert_true(
        queue_find(r->core.queue, command + 2)->tried); /* perhaps by a forgotten core */
    assert_false(queue_find(r->core.queue, command + 3)->tried);
}

static void a_client_of_another_thread_waits_behind_nobody(void **state)
{
    struct rig *r = *state;
    struct event other = rig_client_text("m1");

    (void)one_that_waits(r);
    other.conversation = VIEW_LIT("thread-9");
    other.sender_id = VIEW_LIT("client-9");
    other.sender_phone = VIEW_NONE;
    take(r, other);
    rig_assert_counts(r, 0, 0, 1);
    assert_true(rig_has_message(r, "msvc-m1"));
}

/* The report waits for as long as nobody can tell whose it is; clients do not. */
static void a_client_waits_behind_a_report_no_longer_than_an_echo(void **state)
{
    struct rig *r = *state;
    int64_t command = one_that_waits(r);

    queue_dest(r->core.queue, DEST_CONNECTOR, VIEW_LIT("svc"))->paused = true;
    pass(r, 10000);
    take(r, rig_client_text("m1"));
    pass(r, 8000);
    take(r, rig_client_text("m2"));
    rig_assert_counts(r, 0, 0, 3);
    pass(r, 4000);
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 1);
    rig_assert_before(r, "msvc-m1", "msvc-m2");
    take(r, rig_client_text("m3"));
    rig_assert_counts(r, 0, 0, 1); /* the report is too old to wait for */
    take(r, colleagues("s-2", true));
    take(r, rig_client_text("m4"));
    rig_assert_counts(r, 0, 0, 3); /* this one is not */
    rig_service_took(r, command, "thread", "s-9");
    rig_assert_counts(r, 0, 0, 0);
    rig_assert_before(r, "msvc-m3", "msvc-s-1");
    rig_assert_before(r, "msvc-s-2", "msvc-m4");
}

/* Another spool has still to send what the report may be of. */
static void a_client_keeps_his_place_behind_a_report_that_waits_for_a_spool(void **state)
{
    const struct hello h = {.role = ROLE_INGRESS,
                            .name = VIEW_LIT("in-2"),
                            .version = VIEW_LIT("1"),
                            .spool = {{200}}};
    struct rig *r = *state;
    struct peer *p =
        peer_new(&r->core, r->core.peers->events, VIEW_LIT("route-2"), &h, &h.spool);

    rig_client_message_done(r, "m0", "amo-0");
    assert_non_null(p);
    p->spool = spools_load(&r->core, &h.spool);
    p->sent_before = 3;
    take(r, colleagues("s-1", true));
    take(r, rig_client_text("m1"));
    rig_assert_counts(r, 0, 0, 2);
    p->sends_from = 3;
    pass(r, 1000);
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0);
    rig_assert_before(r, "msvc-s-1", "msvc-m1");
}

/* A store that was put back has done what is in the spool of an ingress that has not come back, and amo's webhook
 * about it came to one that had no session: nobody has ever sent it. */
static void a_webhook_that_was_never_sent_waits_for_an_ingress_that_is_missed(void **state)
{
    const struct id spool = {{200}};
    struct rig *r = *state;

    rig_client_message_done(r, "m0", "amo-0");
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(
        store_ingress_seen(r->core.store, VIEW_LIT("in-2"), &spool, clock_unix_ms()), 0);
    rig_commit(r);
    rig_restart(r);
    take(r, in_chat("amo-8")); /* it came to its door while there was a session */
    rig_assert_counts(r, 0, 0, 0);
    r->ingress->held_before = r->next_number + 1;
    take(r, in_chat("amo-9"));
    take(r, in_chat("amo-10")); /* behind it */
    rig_assert_counts(r, 0, 0, 2);
    spools_came(&r->core, "in-2");
    pass(r, 1000);
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0);
    rig_assert_before(r, "aamo-9", "aamo-10");
}

/* The report came first and waited for that spool. */
static void a_webhook_that_was_never_sent_waits_for_the_report_it_is_of(void **state)
{
    struct event report = colleagues("s-1", true);
    struct event webhook = in_chat("amo-9");
    const struct id spool = {{200}};
    struct rig *r = *state;

    rig_client_message_done(r, "m0", "amo-0");
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(
        store_ingress_seen(r->core.store, VIEW_LIT("in-2"), &spool, clock_unix_ms()), 0);
    rig_commit(r);
    rig_restart(r);
    r->ingress->sent_before = r->next_number + 1;
    take(r, report);
    rig_assert_counts(r, 0, 0, 1);
    spools_came(&r->core, "in-2");
    r->ingress->sent_before = 0;
    r->ingress->held_before = r->next_number + 1;
    webhook.content.text = report.content.text;
    webhook.taken_ms = clock_unix_ms();
    take(r, webhook);
    rig_assert_counts(r, 0, 0, 2);
    pass(r, 500);
    rig_commit(r);
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 1);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 0);
}

/* Whether its service has them nobody knew; the report that came meanwhile has the words, and no thread that
 * anybody knows. */
static void a_report_of_first_words_that_were_given_up_meanwhile_is_no_message(void **state)
{
    struct rig *r = *state;
    struct event other = colleagues("s-2", false);
    struct message m;

    rig_client_message_done(r, "m0", "amo-0");
    begun(r, "amo-1", "chat-a", "+7 900 000-00-01");
    other.conversation = VIEW_LIT("thread-1");
    other.content.text = VIEW_LIT("good day");
    other.message_id = VIEW_LIT("s-1");
    take(r, other);
    other.message_id = VIEW_LIT("s-2");
    other.content.text = VIEW_LIT("other words");
    take(r, other);
    take(r, rig_status("s-1", "delivered")); /* it waits until somebody knows of what */
    rig_assert_counts(r, 0, 0, 3);
    settle_dead(&r->core, rig_command(r, COMMAND_SERVICE_MESSAGE), "unclear", VIEW_NONE);
    pass(r, 1000);
    deferred_run(&r->core);
    rig_commit(r);
    rig_assert_counts(r, 1, 0, 0);
    m = rig_message(r, "aamo-1");
    assert_string_equal(m.service_id, "s-1");
    message_fini(&m);
    assert_false(rig_has_message(r, "msvc-s-1"));
    assert_true(rig_has_message(r, "msvc-s-2"));
    other.message_id = VIEW_LIT("s-3"); /* of what did not wait the words say nothing */
    other.content.text = VIEW_LIT("good day");
    take(r, other);
    assert_true(rig_has_message(r, "msvc-s-3"));
}

/* It came while they were tried. After a refusal the service has not got them: the words are a colleague's. */
static void given_up_for(struct rig *r, const char *reason, bool known)
{
    struct event report = colleagues("s-1", true);
    struct message m;

    rig_client_message_done(r, "m0", "amo-0");
    (void)rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    report.content.text = VIEW_LIT("good day");
    take(r, report);
    rig_assert_counts(r, 0, 0, 1);
    settle_dead(&r->core, rig_command(r, COMMAND_SERVICE_MESSAGE), reason, VIEW_NONE);
    pass(r, 1000);
    rig_commit(r);
    rig_assert_counts(r, 1, 0, 0);
    m = rig_message(r, "aamo-1");
    assert_true(known == (m.service_id != NULL));
    message_fini(&m);
    assert_true(known != rig_has_message(r, "msvc-s-1"));
    report.message_id = VIEW_LIT("s-2"); /* of what did not wait the words say nothing */
    take(r, report);
    assert_true(rig_has_message(r, "msvc-s-2"));
}

static void a_report_of_words_that_died_of_age_meanwhile_is_no_message(void **state)
{
    given_up_for(*state, "life_time", true);
}

static void a_report_of_words_whose_attempts_are_used_up_meanwhile_is_no_message(void **state)
{
    given_up_for(*state, "attempts", true);
}

static void a_report_of_words_that_were_refused_meanwhile_is_a_message(void **state)
{
    given_up_for(*state, "refused", false);
}

/* The client would get them a second time. */
static void
a_webhook_of_a_colleagues_words_that_died_unclear_meanwhile_is_no_message(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_outgoing_in_flight(r, "o1");
    struct event hook = in_chat("amo-1");
    struct event other = in_chat("amo-2");

    hook.content.text = VIEW_LIT("from the other side");
    take(r, hook);
    take(r, other);
    rig_assert_counts(r, 0, 0, 2);
    settle_dead(&r->core, c, "unclear", VIEW_NONE);
    pass(r, 1000);
    rig_commit(r);
    rig_assert_counts(r, 1, 0, 0);
    assert_true(rig_has_message(r, "aamo-1") && rig_has_message(r, "aamo-2"));
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1); /* the other words */
    hook.message_id = VIEW_LIT("amo-3"); /* of what did not wait the words say nothing */
    take(r, hook);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 2);
}

/* Long before. What waits now waits for other words, and the manager says once more what was said then. */
static void a_webhook_of_words_that_died_before_it_came_is_a_message(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_outgoing_in_flight(r, "o1");
    struct event hook = in_chat("amo-1");
    struct event next = rig_outgoing_text("o2");

    settle_dead(&r->core, c, "unclear", VIEW_NONE);
    rig_commit(r);
    next.content.text = VIEW_LIT("other words");
    (void)rig_push(r, &next);
    rig_turn(r);
    hook.content.text = VIEW_LIT("from the other side");
    hook.taken_ms = clock_unix_ms() + 1;
    take(r, hook);
    rig_assert_counts(r, 1, 0, 1);
    rig_outgoing_answered(r, "amo-2");
    pass(r, 1000);
    rig_commit(r);
    rig_assert_counts(r, 1, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
}

/* Of what a forgotten core may have done that is still known when it comes out. */
static void
what_a_client_wrote_before_the_store_was_put_back_is_unsure_when_it_has_waited(void **state)
{
    struct rig *r = *state;
    int64_t command = one_that_waits(r);

    r->ingress->sent_before = r->next_number + 1;
    r->ingress->forgets = true;
    take(r, rig_client_text("m1"));
    take(r, rig_client_text("m2"));
    rig_assert_counts(r, 0, 0, 3);
    rig_service_took(r, command, "thread", "s-1");
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_MESSAGE), 2);
    assert_true(queue_find(r->core.queue, command + 1)->unsure);
    assert_false(queue_find(r->core.queue, command + 2)->unsure);
    assert_false(queue_find(r->core.queue, command + 2)->tried);
}

/* A manager's words come in when their account has left, and go to quarantine; then it comes back by another channel.
 * @forgotten: a core whose store was put back since may have sent them. */
static void words_for_an_account_that_left(struct rig *r, bool forgotten)
{
    rig_register_account(r, "new_acc");
    rig_register_source(r, "line1", "ch_acc");
    rig_client_message_done(r, "m0", "amo-0");
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(store_scope_leave(r->core.store, VIEW_LIT("ch_acc"), clock_unix_ms()), 0);
    rig_register_source(r, "line1", "ch_acc"); /* core reads all of it again */
    r->ingress->sent_before = forgotten ? r->next_number + 1 : 0;
    r->ingress->forgets = forgotten;
    take(r, in_chat("amo-1"));
    rig_assert_quarantined(r, "unknown_scope");
    rig_register_source(r, "line1", "new_acc");
}

static void
a_report_of_words_that_stand_in_quarantine_and_may_have_been_sent_is_no_message(void **state)
{
    struct rig *r = *state;
    struct event report = rig_outgoing_text("s-1");

    words_for_an_account_that_left(r, true);
    report.content.text = VIEW_LIT("good day");
    take(r, report);
    rig_assert_quarantined(r, "repeats_quarantined");
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 0);
    report.message_id = VIEW_LIT("s-2");
    report.content.text = VIEW_LIT("good evening");
    take(r, report);
    assert_true(rig_has_message(r, "msvc-s-2"));
}

static void a_report_of_words_that_nobody_can_have_sent_is_a_message(void **state)
{
    struct rig *r = *state;
    struct event report = rig_outgoing_text("s-1");

    words_for_an_account_that_left(r, false);
    report.content.text = VIEW_LIT("good day");
    take(r, report);
    assert_true(rig_has_message(r, "msvc-s-1"));
}

static void whatever_fails_a_client_who_waits_is_not_lost(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");

    (void)one_that_waits(r);
    rig_take_with_faults(r, &e, 0);
    rig_assert_counts(r, 0, 0, 2);
}

static void another_thread_does_not_wait_behind_them(void **state)
{
    struct rig *r = *state;
    struct event other = colleagues("s-2", true);

    rig_client_message_done(r, "m0", "amo-0");
    begun(r, "amo-1", "chat-a", "+7 900 000-00-01");
    take(r, colleagues("s-1", false));
    other.conversation = VIEW_LIT("thread-9");
    take(r, other);
    rig_assert_counts(r, 0, 0, 1);
}

/* What waited behind others may still be the echo of its own conversation's. */
static void a_report_behind_others_waits_for_its_own_message_as_well(void **state)
{
    struct rig *r = *state;
    struct event answer = in_chat("amo-2");

    rig_client_message_done(r, "m0", "amo-0");
    begun(r, "amo-1", "chat-a", "+7 900 000-00-01");
    take(r, colleagues("s-1", false));
    (void)rig_push(r, &answer);
    rig_turn(r);
    take(r, colleagues("s-2", true)); /* the answer's */
    rig_assert_counts(r, 0, 0, 2);
    rig_service_took(r, 2, "thread-1", "s-0");
    rig_assert_counts(r, 0, 0, 2);
    rig_service_took(r, 3, "thread", "s-2");
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 1);
    assert_true(rig_has_message(r, "msvc-s-1"));
}

/* Two managers write to one client, one of them on a second card, of which nobody has said yet that it is
 * the same thread: its report waited for the words of the first alone. */
static void a_report_that_has_waited_for_one_card_waits_for_the_other(void **state)
{
    struct rig *r = *state;
    int64_t first = 0;

    rig_client_message_done(r, "m0", "amo-0");
    first = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1")->id;
    take(r, in_chat("amo-2")); /* it keeps the first one's lane pending */
    begun(r, "amo-3", "chat-b", "+7 900 000-00-02");
    take(r, colleagues("s-3", false));
    rig_assert_counts(r, 0, 0, 1);
    rig_service_took(r, first, "thread", "s-1");
    rig_assert_counts(r, 0, 0, 1);
    rig_service_took(r, first + 2, "thread", "s-3");
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 0);
}

static void a_managers_message_the_service_reports_as_its_own_is_not_imported(void **state)
{
    struct rig *r = *state;
    struct message m;

    rig_manager_message_done(r, "amo-1", "s-1");
    take(r, rig_outgoing_text("s-1")); /* by its own id of it */
    m = rig_message(r, "aamo-1");
    take(r, rig_outgoing_text(m.mid)); /* or by ours */
    message_fini(&m);
    assert_int_equal(queue_count(r->core.queue), 0);
    rig_assert_counts(r, 0, 0, 0);
    take(r, rig_outgoing_text("s-2"));
    assert_int_equal(queue_count(r->core.queue), 1);
}

static void an_id_that_looks_like_ours_of_a_clients_message_is_a_message(void **state)
{
    struct rig *r = *state;

    rig_client_message_done(r, "m1", "amo-1");
    take(r, rig_outgoing_text("svc-m1"));
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 1);
}

/* --- what is about a message that waits ---------------------------------------------------------- */

/* The machine was off for hours, or the service's account is paused: the message waits on, and so does what
 * is about it. */
static void what_is_about_a_report_that_waits_is_not_overdue(void **state)
{
    struct rig *r = *state;
    int64_t command = one_that_waits(r);

    take(r, rig_edit("s-1", "mended"));
    take(r, rig_edit("svc-s-1", "mended again"));
    rig_assert_counts(r, 0, 0, 3);
    rig_restart(r);
    deferred_overdue(&r->core, clock_unix_ms() + 2 * HOUR_MS);
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 3);
    rig_turn(r);
    rig_service_took(r, command, "thread", "s-9"); /* it was a colleague's */
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 1);
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 2);
}

/* Nor is it of a manager's message that has the same id at the service. */
static void what_is_about_a_clients_words_that_wait_is_not_anothers(void **state)
{
    struct rig *r = *state;

    rig_client_message_done(r, "m0", "amo-0");
    rig_service_took(r, rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-7")->id, "thread", "m1");
    (void)rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    take(r, colleagues("s-1", true));
    take(r, rig_client_text("m1"));
    take(r, rig_edit("m1", "mended"));
    rig_assert_counts(r, 0, 0, 3);
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 0);
    rig_service_took(r, rig_command(r, COMMAND_SERVICE_MESSAGE)->id, "thread", "s-1");
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 1);
    assert_int_equal(rig_command(r, COMMAND_AMO_EDIT)->message,
                     rig_command(r, COMMAND_AMO_MESSAGE)->message);
}

/* … whichever answer has the same id meanwhile. */
static void what_is_about_words_that_wait_is_woken_by_them_alone(void **state)
{
    struct rig *r = *state;
    int64_t command = 0;

    rig_client_message_done(r, "m0", "amo-0");
    command = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1")->id;
    begun(r, "amo-2", "chat-b", "+7 900 000-00-02");
    take(r, colleagues("s-1", true));
    take(r, rig_client_text("m1"));
    take(r, rig_edit("m1", "mended"));
    rig_assert_counts(r, 0, 0, 3);
    rig_service_took(r, command + 1, "thread-2", "m1");
    rig_assert_counts(r, 0, 0, 3);
    rig_service_took(r, command, "thread", "s-1");
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 1);
    assert_int_equal(rig_command(r, COMMAND_AMO_EDIT)->message,
                     rig_command(r, COMMAND_AMO_MESSAGE)->message);
}

/* A second person's words wait behind a report. A manager who writes to the first one's phone means that one. */
static void a_group_is_one_while_the_words_of_its_second_person_wait(void **state)
{
    struct rig *r = *state;
    struct event second = rig_client_text("m1");
    struct event first_words = rig_manager_text("amo-9");
    struct conversation group;
    struct message m;

    (void)one_that_waits(r);
    second.sender_id = VIEW_LIT("another");
    second.sender_phone = VIEW_LIT("+7 900 000-00-09");
    take(r, second);
    rig_assert_counts(r, 0, 0, 2);
    first_words.chat_id = VIEW_LIT("chat-of-a-card");
    first_words.receiver_phone = rig_client_text("m0").sender_phone;
    take(r, first_words);
    group = rig_conversation(r);
    m = rig_message(r, "aamo-9");
    assert_true(m.conversation != group.id);
    message_fini(&m);
    conversation_fini(&group);
}

static void what_is_about_another_message_is_overdue(void **state)
{
    struct rig *r = *state;

    (void)one_that_waits(r);
    take(r, rig_edit("s-2", "mended"));
    deferred_overdue(&r->core, clock_unix_ms() + 2 * HOUR_MS);
    rig_commit(r);
    rig_assert_counts(r, 0, 1, 1);
    rig_assert_quarantined(r, "unknown_message");
}

static void what_is_about_a_clients_words_that_wait_is_not_overdue(void **state)
{
    struct rig *r = *state;
    int64_t command = one_that_waits(r);

    take(r, rig_client_text("m1"));
    take(r, rig_edit("m1", "mended"));
    deferred_overdue(&r->core, clock_unix_ms() + 2 * HOUR_MS);
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 3);
    rig_service_took(r, command, "thread", "s-1");
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 1);
}

/* A manager's words wait, since they may be a colleague's that amo sends back; another manager reacts to them. */
static void a_reaction_to_a_webhook_that_waits_is_not_overdue(void **state)
{
    struct rig *r = *state;

    (void)rig_outgoing_in_flight(r, "o1");
    take(r, in_chat("amo-2"));
    take(r, rig_manager_reaction("amo-2", "x"));
    rig_assert_counts(r, 0, 0, 2);
    deferred_overdue(&r->core, clock_unix_ms() + 2 * HOUR_MS);
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 2);
    rig_outgoing_answered(r, "amo-1");
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
}

/* It is not known whether the service has a manager's message that was given up, until it reports the same words:
 * then its status, which came before, is that message's. */
static void a_status_waits_for_the_report_of_what_was_given_up(void **state)
{
    struct rig *r = *state;
    struct event report = colleagues("s-9", true);
    struct core_command *c = NULL;
    size_t told = 0;

    rig_client_message_done(r, "m0", "amo-0");
    c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    assert_int_equal(core_turn(&r->core), 0);
    settle_dead(&r->core, c, "unclear", VIEW_NONE);
    rig_commit(r);
    take(r, rig_status("s-9", "delivered"));
    rig_assert_counts(r, 1, 0, 1);
    told = rig_count(r, COMMAND_AMO_STATUS);
    report.content.text = VIEW_LIT("good day");
    take(r, report);
    rig_assert_counts(r, 1, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_STATUS), told + 1);
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 0);
}

/* A colleague's words are tried, and a manager's come again behind them to a store that was put back. */
static void a_webhook_comes_again(struct rig *r, const char *amo_id)
{
    (void)rig_outgoing_in_flight(r, "o1");
    r->ingress->sent_before = r->next_number + 1;
    take(r, in_chat(amo_id));
    rig_assert_counts(r, 0, 0, 1);
}

/* Its service has had it, and reports by its own count, in which a client's message has the same number. */
static void a_status_waits_for_a_webhook_that_comes_again(void **state)
{
    struct rig *r = *state;

    a_webhook_comes_again(r, "amo-2");
    take(r, rig_status("m0", "delivered"));
    rig_assert_counts(r, 0, 0, 2);
    rig_outgoing_answered(r, "amo-1");
    rig_turn(r);
    rig_assert_counts(r, 0, 0, 1);
    rig_service_took(r, rig_command(r, COMMAND_SERVICE_MESSAGE)->id, "thread", "m0");
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_STATUS), 1);
}

/* … or in which a manager's message of another conversation has it; and whether its thread is known, or not yet. */
static void a_status_by_a_webhook_that_comes_again_is_not_anothers(void **state)
{
    static const char *const threads[] = {"thread", "thread-of-later"};
    struct rig *r = *state;

    begun(r, "amo-5", "chat-b", "+7 900 000-00-02");
    rig_service_took(r, 1, "thread-2", "9");
    a_webhook_comes_again(r, "amo-2");
    for (size_t i = 0; i < AMO_COUNT(threads); i++) {
        struct event report = rig_status("9", "delivered");

        report.conversation = view_of(threads[i]);
        take(r, report);
        rig_assert_counts(r, 0, 0, 2 + (int64_t)i);
    }
    assert_int_equal(rig_count(r, COMMAND_AMO_STATUS), 0);
}

/* What is new was never sent: a status cannot be of it. */
static void a_status_waits_for_no_webhook_that_is_new(void **state)
{
    struct rig *r = *state;

    (void)rig_outgoing_in_flight(r, "o1");
    take(r, in_chat("amo-2"));
    rig_assert_counts(r, 0, 0, 1);
    take(r, rig_status("m0", "delivered"));
    rig_assert_counts(r, 0, 1, 1);
    rig_assert_quarantined(r, "foreign_message");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

static const struct CMUnitTest tests[] = {
    CASE(an_unclear_one_is_settled_by_the_history),
    CASE(a_webhook_meanwhile_waits_and_is_known_by_the_answer),
    CASE(a_webhook_with_another_id_is_a_managers_message),
    CASE(when_the_message_dies_the_webhook_is_a_managers_message),
    CASE(when_its_life_ends_the_webhook_is_a_managers_message),
    CASE(after_a_while_the_webhook_waits_no_more),
    CASE(the_wait_is_configured),
    CASE(several_webhooks_keep_their_order),
    CASE(a_webhook_does_not_overtake_one_that_waits),
    CASE(a_chat_that_is_found_by_our_id_waits_as_well),
    CASE(a_restart_forgets_neither_the_webhook_nor_the_doubt),
    CASE(time_in_which_nobody_could_tell_does_not_count),
    CASE(time_in_which_it_is_not_its_turn_does_not_count),
    CASE(time_in_which_the_history_cannot_be_asked_does_not_count),
    CASE(time_in_which_a_silent_worker_asks_the_history_does_not_count),
    CASE(time_with_a_silent_worker_does_not_count),
    CASE(time_with_a_silent_worker_does_not_count_when_the_number_has_moved),
    CASE(a_webhook_waits_for_its_own_when_anothers_is_settled),
    CASE(time_in_which_the_account_that_it_leaves_cannot_be_asked_does_not_count),
    CASE(what_comes_between_two_ticks_waits_its_whole_time),
    CASE(after_a_restart_its_time_begins_anew),
    CASE(nothing_overdue_stands_in_front_of_an_echo),
    CASE(nothing_waits_for_a_clients_message),
    CASE(nothing_waits_for_what_was_not_sent_yet),
    CASE(another_conversation_does_not_wait),
    CASE(when_too_many_wait_a_manager_is_heard_all_the_same),
    CASE(whatever_fails_a_waiting_webhook_is_not_lost),
    CASE(whatever_fails_no_half_message_is_left),
    CASE(whatever_fails_a_waiting_report_is_not_lost),
    CASE(a_report_of_first_words_waits_for_all_that_are_tried),
    CASE(a_report_waits_on_when_others_come_to_stand_before_its_message),
    CASE(what_dies_behind_the_message_that_is_tried_ends_no_wait),
    CASE(reports_of_a_thread_keep_their_order_whatever_the_first_waits_for),
    CASE(reports_that_go_on_waiting_where_they_waited_keep_their_order),
    CASE(webhooks_of_a_chat_wait_for_the_report_that_begins_it),
    CASE(a_webhook_of_another_chat_is_refused_at_once),
    CASE(another_thread_does_not_wait_behind_them),
    CASE(a_clients_words_keep_their_place_behind_a_report_that_waits),
    CASE(a_clients_words_keep_their_place_over_a_restart),
    CASE(a_client_of_another_thread_waits_behind_nobody),
    CASE(a_client_waits_behind_a_report_no_longer_than_an_echo),
    CASE(a_client_keeps_his_place_behind_a_report_that_waits_for_a_spool),
    CASE(a_webhook_that_was_never_sent_waits_for_an_ingress_that_is_missed),
    CASE(a_webhook_that_was_never_sent_waits_for_the_report_it_is_of),
    CASE(a_report_of_first_words_that_were_given_up_meanwhile_is_no_message),
    CASE(a_report_of_words_that_died_of_age_meanwhile_is_no_message),
    CASE(a_report_of_words_whose_attempts_are_used_up_meanwhile_is_no_message),
    CASE(a_report_of_words_that_were_refused_meanwhile_is_a_message),
    CASE(a_webhook_of_a_colleagues_words_that_died_unclear_meanwhile_is_no_message),
    CASE(a_webhook_of_words_that_died_before_it_came_is_a_message),
    CASE(what_a_client_wrote_before_the_store_was_put_back_is_unsure_when_it_has_waited),
    CASE(a_report_of_words_that_stand_in_quarantine_and_may_have_been_sent_is_no_message),
    CASE(a_report_of_words_that_nobody_can_have_sent_is_a_message),
    CASE(whatever_fails_a_client_who_waits_is_not_lost),
    CASE(a_report_behind_others_waits_for_its_own_message_as_well),
    CASE(a_report_that_has_waited_for_one_card_waits_for_the_other),
    CASE(a_managers_message_the_service_reports_as_its_own_is_not_imported),
    CASE(an_id_that_looks_like_ours_of_a_clients_message_is_a_message),
    CASE(what_is_about_a_report_that_waits_is_not_overdue),
    CASE(what_is_about_another_message_is_overdue),
    CASE(what_is_about_words_that_wait_is_woken_by_them_alone),
    CASE(a_group_is_one_while_the_words_of_its_second_person_wait),
    CASE(what_is_about_a_clients_words_that_wait_is_not_anothers),
    CASE(what_is_about_a_clients_words_that_wait_is_not_overdue),
    CASE(a_reaction_to_a_webhook_that_waits_is_not_overdue),
    CASE(a_status_waits_for_the_report_of_what_was_given_up),
    CASE(a_status_waits_for_a_webhook_that_comes_again),
    CASE(a_status_by_a_webhook_that_comes_again_is_not_anothers),
    CASE(a_status_waits_for_no_webhook_that_is_new),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
