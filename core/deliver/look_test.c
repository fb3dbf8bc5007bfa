/* Looks into amo's history: where, how far, when, and when there is an end of it. */

#include "core/deliver/look.h"

#include "base/clock.h"
#include "core/deliver/calls.h"
#include "core/deliver/settle.h"
#include "core/queue/queue.h"
#include "core/testing/rig.h"

#define HOUR_MS 3600000LL

/* The second message of a chat that is known was refused, and may have been taken before. */
static struct core_command *checking(struct rig *r)
{
    struct event e = rig_client_text("m1");
    struct core_command *c = NULL;

    rig_client_message_done(r, "m0", "amo-0");
    (void)rig_push(r, &e);
    rig_turn(r);
    c = rig_command(r, COMMAND_AMO_MESSAGE);
    assert_non_null(c);
    c->tried = true;
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DEAD,
                               .cause = CAUSE_REFUSED,
                               .sent_scope = VIEW_LIT("ch_acc"),
                               .sent_chat = VIEW_LIT("chat-1")});
    assert_int_equal(c->state, COMMAND_CHECKING);
    return c;
}

/* The one question that may go in @after_ms, of this chat and from this message on. */
static struct command asked(struct rig *r, int64_t after_ms, const char *chat, int64_t offset)
{
    struct command calls[2];

    assert_int_equal(rig_calls(r, clock_mono_ms() + after_ms, calls, 2), 1);
    assert_int_equal(calls[0].kind, COMMAND_AMO_HISTORY);
    assert_true(view_is(calls[0].chat_id, chat));
    assert_int_equal(calls[0].offset, offset);
    return calls[0];
}

static void nothing_asked(struct rig *r, int64_t after_ms)
{
    struct command calls[2];

    assert_int_equal(rig_calls(r, clock_mono_ms() + after_ms, calls, 2), 0);
}

static void answer(struct rig *r, const struct command *call, struct result result)
{
    result.id = call->id;
    result.attempt = call->attempt;
    rig_result_raw(r, r->worker, &result);
}

static const struct result absent = {.outcome = OUTCOME_DONE, .complete = true};
static const struct result full = {
    .outcome = OUTCOME_DONE, .complete = true, .next_offset = 50};
static const struct result refused = {.outcome = OUTCOME_DEAD, .cause = CAUSE_REFUSED};

static void a_full_page_is_followed_by_the_next(void **state)
{
    struct rig *r = *state;
    struct core_command *c = checking(r);
    int64_t id = c->id;
    struct command call = asked(r, 0, "chat-1", 0);

    answer(r, &call, full);
    call = asked(r, 0, "chat-1", 50); /* at once */
    answer(r, &call,
           (struct result){.outcome = OUTCOME_DONE,
                           .found = true,
                           .complete = true,
                           .amo_message_id = VIEW_LIT("amo-1")});
    assert_null(queue_find(r->core.queue, id));
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0);
}

/* Its conversation went to an account where it has no chat yet, and has one where it came from. The question
 * that is asked there, after amo has said which chat it is. */
static struct command asked_where_it_came_from(struct rig *r)
{
    struct event e = rig_client_text("m1");
    struct command calls[2];

    rig_register_account(r, "ch_two");
    rig_register_source(r, "line1", "ch_acc");
    rig_client_message_done(r, "m0", "amo-0");
    rig_register_source(r, "line1", "ch_two");
    (void)rig_push(r, &e);
    rig_turn(r);
    rig_command(r, COMMAND_AMO_MESSAGE)->tried = true;
    rig_result(r, r->worker, rig_command(r, COMMAND_AMO_MESSAGE),
               (struct result){.outcome = OUTCOME_DEAD,
                               .cause = CAUSE_REFUSED,
                               .sent_scope = VIEW_LIT("ch_two")});
    assert_int_equal(rig_calls(r, clock_mono_ms(), calls, 2), 1);
    assert_int_equal(calls[0].kind, COMMAND_AMO_CREATE_CHAT);
    assert_true(view_is(calls[0].scope, "ch_two"));
    answer(r, &calls[0],
           (struct result){.outcome = OUTCOME_DONE, .amo_chat_id = VIEW_LIT("chat-2")});
    calls[0] = asked(r, 0, "chat-1", 0); /* it may have gone along */
    assert_true(view_is(calls[0].scope, "ch_acc"));
    return calls[0];
}

static const struct result found = {
    .outcome = OUTCOME_DONE,
    .found = true,
    .complete = true,
    .amo_message_id = {.ptr = "amo-1", .len = 5}
};

static void what_was_sent_to_another_account_is_looked_for_there(void **state)
{
    struct rig *r = *state;
    struct command call = asked_where_it_came_from(r);
    struct conversation conv = {0};

    answer(r, &call, absent);
    call = asked(r, 0, "chat-2", 0);
    assert_true(view_is(call.scope, "ch_two"));
    answer(r, &call, found);
    assert_null(rig_command(r, COMMAND_AMO_MESSAGE));
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0);
    conv = rig_conversation(r);
    assert_string_equal(conv.chat_id, "chat-2");
    conversation_fini(&conv);
}

static void a_chat_of_where_it_came_from_is_not_learnt(void **state)
{
    struct rig *r = *state;
    struct command call = asked_where_it_came_from(r);
    struct conversation conv = {0};

    answer(r, &call, found);
    assert_null(rig_command(r, COMMAND_AMO_MESSAGE));
    rig_commit(r);
    conv = rig_conversation(r);
    assert_string_equal(conv.scope, "ch_two");
    assert_null(conv.chat_id);
    conversation_fini(&conv);
}

static void a_history_without_an_end_is_no_proof(void **state)
{
    struct rig *r = *state;
    int64_t id = checking(r)->id;

    for (int i = 0; i < 3; i++) {
        for (int64_t page = 0; page < 40; page++) {
            struct command call = asked(r, 100000, "chat-1", page * 50);

            assert_non_null(queue_find(r->core.queue, id));
            answer(r, &call,
                   (struct result){.outcome = OUTCOME_DONE,
                                   .complete = true,
                                   .next_offset = (page + 1) * 50});
        }
    }
    rig_commit(r);
    rig_assert_dead(r, "unclear");
}

static void a_page_that_is_given_again_is_no_end(void **state)
{
    struct rig *r = *state;
    struct command call;

    (void)checking(r);
    call = asked(r, 0, "chat-1", 0);
    answer(r, &call, full);
    call = asked(r, 0, "chat-1", 50);
    answer(r, &call, full); /* it leads to itself */
    nothing_asked(r, 0);
    for (int i = 0; i < 2; i++) {
        call = asked(r, 100000, "chat-1", 0);
        answer(r, &call, full);
        call = asked(r, 100000, "chat-1", 50);
        answer(r, &call, full);
    }
    rig_commit(r);
    rig_assert_dead(r, "unclear");
}

static void what_is_looked_for_is_not_older_than_the_message(void **state)
{
    struct rig *r = *state;
    struct core_command *c = checking(r);
    struct command call = asked(r, 0, "chat-1", 0);

    assert_true(call.until_ms > 0 && call.until_ms < c->taken_ms - HOUR_MS + 1);
    answer(r, &call, absent);
    r->core.turn->doubt.on = true; /* whose clock is right? */
    call = asked(r, 100000, "chat-1", 0);
    assert_int_equal(call.until_ms, 0);
    answer(r, &call, absent);
    r->core.turn->doubt.on = false; /* it is now, but was not when the message was taken */
    r->core.turn->doubt.low_ms = c->taken_ms - 1;
    r->core.turn->doubt.high_ms = c->taken_ms + 1;
    call = asked(r, 200000, "chat-1", 0);
    assert_int_equal(call.until_ms, 0);
}

/* Meanwhile a second card was opened for the client. */
static void each_chat_of_the_conversation_is_asked_in_every_look(void **state)
{
    struct rig *r = *state;
    struct core_command *c = checking(r);
    int64_t id = c->id;
    struct event card = rig_manager_text("amo-7");
    struct command call;

    card.chat_id = VIEW_LIT("chat-2");
    rig_take(r, &card);
    for (int i = 0; i < 3; i++) {
        assert_non_null(queue_find(r->core.queue, id));
        call = asked(r, 100000, "chat-1", 0);
        answer(r, &call, absent);
        call = asked(r, 100000, "chat-2", 0);
        answer(r, &call, absent);
    }
    rig_commit(r);
    rig_assert_dead(r, "refused"); /* all of them say so */
}

static void a_refused_chat_does_not_hide_the_others(void **state)
{
    struct rig *r = *state;
    struct event card = rig_manager_text("amo-7");
    struct command call;
    struct message m;

    (void)checking(r);
    card.chat_id = VIEW_LIT("chat-2");
    rig_take(r, &card);
    call = asked(r, 0, "chat-1", 0);
    answer(r, &call, refused);
    call = asked(r, 0, "chat-2", 0);
    answer(r, &call,
           (struct result){.outcome = OUTCOME_DONE,
                           .found = true,
                           .complete = true,
                           .amo_message_id = VIEW_LIT("amo-1")});
    rig_commit(r);
    m = rig_message(r, "aamo-1");
    assert_int_equal(m.state, MESSAGE_DELIVERED_TO_AMO);
    message_fini(&m);
}

/* A forgotten core may have sent it; amo has it in no chat that can be named. */
static void is_found_nowhere(struct rig *r, struct core_command *c, const char *reason)
{
    struct command call;

    c->unsure = true;
    assert_int_equal(rig_calls(r, clock_mono_ms(), &call, 1), 1);
    assert_int_equal(call.kind, COMMAND_AMO_CREATE_CHAT);
    answer(r, &call,
           (struct result){.outcome = OUTCOME_DONE, .amo_chat_id = VIEW_LIT("chat-1")});
    for (int i = 0; i < 3; i++) {
        call = asked(r, 100000, "chat-1", 0);
        answer(r, &call, absent);
    }
    rig_commit(r);
    rig_assert_dead(r, reason);
}

static void what_is_in_none_of_its_chats_is_refused(void **state)
{
    struct rig *r = *state;

    is_found_nowhere(r, checking(r), "refused");
}

static void what_may_have_gone_under_the_name_of_a_merged_conversation_is_unclear(void **state)
{
    struct rig *r = *state;
    struct core_command *c = checking(r);
    char connector[] = "svc";
    char source[] = "";
    char scope[] = "ch_acc";
    char name[] = "svc-other";
    struct conversation merged = {
        .connector = connector, .source = source, .scope = scope, .client_id = name};

    assert_int_equal(store_conversation_add(r->core.store, &merged), 0);
    assert_int_equal(store_conversation_merge(r->core.store, merged.id, c->lane->id / 2), 0);
    is_found_nowhere(r, c, "unclear");
}

static void three_refused_looks_are_the_end(void **state)
{
    struct rig *r = *state;
    int64_t id = checking(r)->id;
    struct command call;

    for (int i = 0; i < 3; i++) {
        assert_non_null(queue_find(r->core.queue, id));
        call = asked(r, 100000, "chat-1", 0);
        answer(r, &call, refused);
    }
    assert_null(queue_find(r->core.queue, id));
    rig_commit(r);
    rig_assert_dead(r, "unclear");
}

/* --- beside commands -------------------------------------------------------------------------- */

static struct dest *dest_of(struct rig *r)
{
    return queue_dest(r->core.queue, DEST_SCOPE, VIEW_LIT("ch_acc"));
}

static void a_look_waits_for_the_end_of_a_hold_and_is_its_probe(void **state)
{
    struct rig *r = *state;
    struct dest *d = dest_of(r);
    struct command call;

    (void)checking(r);
    dest_hold(r->core.queue, d, HOLD_THROTTLED, 0, 20000, clock_mono_ms());
    nothing_asked(r, 0);
    nothing_asked(r, 19000);
    call = asked(r, 21000, "chat-1", 0);
    assert_true(d->probing);
    d->hold_until_ms = clock_mono_ms(); /* the time of the question has come */
    answer(r, &call, absent);
    assert_false(d->probing);
    assert_false(dest_is_held(d));
}

static void a_look_that_is_throttled_holds_its_destination(void **state)
{
    struct rig *r = *state;
    struct command call;

    (void)checking(r);
    call = asked(r, 0, "chat-1", 0);
    answer(r, &call,
           (struct result){
               .outcome = OUTCOME_HOLD, .cause = CAUSE_THROTTLED, .retry_after_ms = 30000});
    assert_int_equal(dest_of(r)->hold, HOLD_THROTTLED);
    nothing_asked(r, 29000);
}

static void a_look_takes_a_place_of_its_destination_and_gives_it_back(void **state)
{
    struct rig *r = *state;
    struct dest *d = dest_of(r);
    struct command call;

    (void)checking(r);
    assert_int_equal(d->n_in_flight, 0);
    call = asked(r, 0, "chat-1", 0);
    assert_int_equal(d->n_in_flight, 1);
    answer(r, &call, absent);
    assert_int_equal(d->n_in_flight, 0);
    r->worker->heard_mono_ms = clock_mono_ms();
    rig_turn(r);                             /* it counts the places */
    d->n_in_flight = (size_t)d->window.size; /* others have all of it */
    nothing_asked(r, 100000);
    d->n_in_flight = 0;
    (void)asked(r, 101000, "chat-1", 0);
}

static void messages_go_before_a_look_but_not_for_ever(void **state)
{
    struct rig *r = *state;
    struct command calls[2];

    (void)checking(r);
    rig_commit(r);
    call_dispatch(&r->core, false, clock_mono_ms()); /* before messages */
    assert_int_equal(r->worker->n_batch, 0);
    r->worker->heard_mono_ms = clock_mono_ms() + 6000;
    call_dispatch(&r->core, false, clock_mono_ms() + 6000);
    assert_int_equal(r->worker->n_batch, 1);
    assert_int_equal(rig_calls(r, clock_mono_ms() + 6000, calls, 2), 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_full_page_is_followed_by_the_next),
        CASE(what_was_sent_to_another_account_is_looked_for_there),
        CASE(a_chat_of_where_it_came_from_is_not_learnt),
        CASE(a_history_without_an_end_is_no_proof),
        CASE(a_page_that_is_given_again_is_no_end),
        CASE(what_is_looked_for_is_not_older_than_the_message),
        CASE(each_chat_of_the_conversation_is_asked_in_every_look),
        CASE(a_refused_chat_does_not_hide_the_others),
        CASE(what_is_in_none_of_its_chats_is_refused),
        CASE(what_may_have_gone_under_the_name_of_a_merged_conversation_is_unclear),
        CASE(three_refused_looks_are_the_end),
        CASE(a_look_waits_for_the_end_of_a_hold_and_is_its_probe),
        CASE(a_look_that_is_throttled_holds_its_destination),
        CASE(a_look_takes_a_place_of_its_destination_and_gives_it_back),
        CASE(messages_go_before_a_look_but_not_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
