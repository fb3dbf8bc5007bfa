/* A manager writes first: which number, which conversation, and how amo's chat becomes one with
 * ours. */

#include "core/deliver/resolve.h"
#include "core/testing/rig.h"

static void take(struct rig *r, struct event e)
{
    rig_take(r, &e);
}

static struct event first_word(const char *amo_id, const char *chat)
{
    struct event e = rig_manager_text(amo_id);

    e.chat_id = view_of(chat);
    e.source = VIEW_LIT("line1");
    return e;
}

static struct conversation by_chat(struct rig *r, const char *chat)
{
    struct conversation c;

    assert_int_equal(
        store_conversation_by_chat(r->core.store, VIEW_LIT("ch_acc"), view_of(chat), &c), 0);
    return c;
}

static void done(struct rig *r, enum command_kind kind, struct result result)
{
    rig_turn(r);
    assert_non_null(rig_command(r, kind));
    result.outcome = OUTCOME_DONE;
    rig_result(r, r->worker, rig_command(r, kind), result);
    rig_commit(r);
}

/* What the client's next message @id would name of amo's; leaves it in the queue. */
static void assert_names(struct rig *r, const char *id, const char *chat, const char *user)
{
    struct resolved body;

    take(r, rig_client_text(id));
    rig_resolve(r, COMMAND_AMO_MESSAGE, &body);
    assert_true(body.body.conversation_id.len > 0);
    assert_true(body.body.sender_id.len > 0);
    if (chat) {
        assert_true(view_is(body.body.conversation_ref_id, chat));
        assert_true(view_is(body.body.sender_ref_id, user));
    } else {
        assert_null(body.body.conversation_ref_id.ptr);
        assert_int_equal(body.body.sender_ref_id.len, 0);
    }
    resolved_fini(&body);
}

/* --- a chat of ours ------------------------------------------------------------------------- */

static void of_a_chat_of_ours_amos_id_is_learnt_but_never_named(void **state)
{
    struct rig *r = *state;
    struct event hook = rig_manager_text("amo-2");
    struct conversation conv;

    rig_client_message_done(r, "m1", "amo-1");
    conv = rig_conversation(r);
    assert_string_equal(conv.chat_id, "chat-1");
    assert_string_equal(conv.user_ref, "client-ref");
    assert_true(conv.linked);
    assert_false(conv.amo_born);
    assert_names(r, "m2", NULL, NULL);
    done(r, COMMAND_AMO_MESSAGE, (struct result){.amo_message_id = VIEW_LIT("amo-3")});
    hook.chat_id = VIEW_LIT("chat-1"); /* and a manager's answer changes nothing */
    hook.chat_client_id = view_of(conv.client_id);
    take(r, hook);
    assert_names(r, "m3", NULL, NULL);
    conversation_fini(&conv);
}

static void the_webhook_before_the_answer_teaches_but_names_nothing(void **state)
{
    struct rig *r = *state;
    struct event hook = rig_manager_text("amo-2");
    struct conversation conv;

    take(r, rig_client_text("m1"));
    conv = rig_conversation(r);
    hook.chat_id = VIEW_LIT("chat-1");
    hook.chat_client_id = view_of(conv.client_id);
    hook.receiver_client_id = view_of(conv.user_id);
    take(r, hook);
    conversation_fini(&conv);
    conv = by_chat(r, "chat-1");
    assert_false(conv.amo_born);
    assert_true(conv.linked);
    conversation_fini(&conv);
    done(r, COMMAND_AMO_MESSAGE,
         (struct result){.amo_message_id = VIEW_LIT("amo-1"),
                         .amo_chat_id = VIEW_LIT("chat-1")});
    assert_names(r, "m2", NULL, NULL);
}

/* --- a chat of amo's ------------------------------------------------------------------------ */

static void a_chat_begun_at_amo_is_named_until_it_is_linked_and_after(void **state)
{
    struct rig *r = *state;
    struct conversation conv;

    take(r, first_word("amo-1", "chat-a"));
    conv = by_chat(r, "chat-a");
    assert_true(conv.amo_born);
    assert_false(conv.linked);
    conversation_fini(&conv);
    done(r, COMMAND_SERVICE_MESSAGE,
         (struct result){.service_conversation = VIEW_LIT("thread")});
    assert_names(r, "m1", "chat-a", "client-ref");
    conv = by_chat(r, "chat-a");
    assert_false(conv.linked); /* only an answer links */
    conversation_fini(&conv);
    rig_turn(r);
    rig_result(r, r->worker, rig_command(r, COMMAND_AMO_MESSAGE),
               (struct result){.outcome = OUTCOME_RETRY, .cause = CAUSE_SERVER});
    conv = by_chat(r, "chat-a");
    assert_false(conv.linked);
    conversation_fini(&conv);
    rig_restart(r);
    done(r, COMMAND_AMO_MESSAGE,
         (struct result){.amo_message_id = VIEW_LIT("amo-2"),
                         .amo_chat_id = VIEW_LIT("chat-a"),
                         .amo_sender_id = VIEW_LIT("client-ref")});
    conv = by_chat(r, "chat-a");
    assert_true(conv.linked);
    conversation_fini(&conv);
    assert_names(r, "m2", "chat-a", "client-ref"); /* harmless */
}

static void what_the_service_wrote_links_as_well(void **state)
{
    struct rig *r = *state;
    struct resolved body;

    take(r, first_word("amo-1", "chat-a"));
    done(r, COMMAND_SERVICE_MESSAGE,
         (struct result){.service_conversation = VIEW_LIT("thread")});
    take(r, rig_outgoing_text("o1"));
    rig_resolve(r, COMMAND_AMO_OUTGOING, &body);
    assert_true(view_is(body.body.conversation_ref_id, "chat-a"));
    assert_true(view_is(body.body.receiver_ref_id, "client-ref"));
    assert_true(view_is(body.body.sender_ref_id, "bot"));
    resolved_fini(&body);
}

static void two_first_hooks_in_a_row_are_one_conversation(void **state)
{
    struct rig *r = *state;
    struct conversation conv;
    struct resolved body;

    take(r, first_word("amo-1", "chat-a"));
    take(r, first_word("amo-2", "chat-a"));
    conv = by_chat(r, "chat-a");
    assert_int_equal(table_count(r->core.queue->lanes), 1);
    rig_turn(r);
    rig_result(
        r, r->worker, queue_find(r->core.queue, 1),
        (struct result){.outcome = OUTCOME_DONE, .service_conversation = VIEW_LIT("thread")});
    rig_commit(r);
    rig_resolve(r, COMMAND_SERVICE_MESSAGE, &body);
    assert_false(body.body.write_first); /* the first one has taught us */
    assert_true(view_is(body.body.conversation, "thread"));
    resolved_fini(&body);
    conversation_fini(&conv);
}

static void a_second_card_is_the_one_that_is_answered(void **state)
{
    struct rig *r = *state;
    struct event second = first_word("amo-2", "chat-b");
    struct conversation one;
    struct conversation two;

    second.receiver_id = VIEW_LIT("client-ref-b"); /* amo has him under each card anew */
    take(r, first_word("amo-1", "chat-a"));
    done(r, COMMAND_SERVICE_MESSAGE,
         (struct result){.service_conversation = VIEW_LIT("thread")});
    take(r, second);
    one = by_chat(r, "chat-a");
    two = by_chat(r, "chat-b");
    assert_int_equal(one.id, two.id);
    conversation_fini(&one);
    conversation_fini(&two);
    assert_names(r, "m1", "chat-b", "client-ref-b");
}

static void a_second_card_to_a_client_who_wrote_himself_is_named(void **state)
{
    struct rig *r = *state;
    struct conversation conv;

    rig_client_message_done(r, "m1", "amo-1"); /* a chat of ours, linked */
    take(r, first_word("amo-2", "chat-b"));
    conv = by_chat(r, "chat-b");
    assert_true(conv.amo_born);
    assert_false(conv.linked);
    conversation_fini(&conv);
    assert_names(r, "m2", "chat-b", "client-ref");
    done(r, COMMAND_AMO_MESSAGE, (struct result){.amo_message_id = VIEW_LIT("amo-3")});
    conv = by_chat(r, "chat-b");
    assert_true(conv.linked);
    conversation_fini(&conv);
}

static void a_status_teaches_the_conversation(void **state)
{
    struct rig *r = *state;
    struct event status;
    struct message m;

    take(r, first_word("amo-1", "chat-a"));
    done(r, COMMAND_SERVICE_MESSAGE, (struct result){.status = 202}); /* it said nothing */
    m = rig_message(r, "aamo-1");
    status = rig_status(m.mid, "sent");
    status.conversation = VIEW_LIT("thread");
    take(r, status);
    message_fini(&m);
    assert_names(r, "m1", "chat-a", "client-ref");
    assert_int_equal(table_count(r->core.queue->lanes), 1);
}

static void a_client_who_answers_first_is_the_same(void **state)
{
    struct rig *r = *state;
    struct conversation conv;

    take(r, first_word("amo-1", "chat-a"));
    assert_names(r, "m1", "chat-a", "client-ref"); /* before the service answered our call */
    conv = rig_conversation(r);
    assert_string_equal(conv.chat_id, "chat-a");
    conversation_fini(&conv);
}

/* --- which number --------------------------------------------------------------------------- */

static void of_several_numbers_one_must_be_named(void **state)
{
    struct rig *r = *state;
    struct event e = first_word("amo-1", "chat-a");
    struct resolved body;

    rig_register_source(r, "line1", "ch_acc");
    rig_register_source(r, "line2", "ch_acc");
    e.source = VIEW_NONE;
    take(r, e);
    rig_assert_counts(r, 0, 1, 0);
    rig_assert_quarantined(r, "no_source");
    rig_resolve(r, COMMAND_AMO_STATUS, &body);
    assert_int_equal(body.body.status_code, -1);
    assert_int_equal(body.body.error_code, 904);
    assert_true(view_is(body.body.message_id, "amo-1"));
    assert_true(body.body.error_text.len > 0);
    resolved_fini(&body);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 0);
    take(r, first_word("amo-2", "chat-b"));
    rig_resolve(r, COMMAND_SERVICE_MESSAGE, &body);
    assert_true(view_is(body.body.source, "line1"));
    resolved_fini(&body);
}

static void the_only_number_needs_no_naming(void **state)
{
    struct rig *r = *state;
    struct event e = first_word("amo-1", "chat-a");
    struct resolved body;

    rig_register_source(r, "line1", "ch_acc");
    e.source = VIEW_NONE;
    take(r, e);
    rig_resolve(r, COMMAND_SERVICE_MESSAGE, &body);
    assert_true(view_is(body.body.source, "line1"));
    assert_true(body.body.write_first);
    resolved_fini(&body);
}

static void a_known_chat_needs_no_number(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("amo-2");

    rig_register_source(r, "line1", "ch_acc");
    rig_register_source(r, "line2", "ch_acc");
    rig_client_message_done(r, "m1", "amo-1");
    e.chat_id = VIEW_LIT("chat-1");
    take(r, e);
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
}

static void a_refused_first_word_is_told_with_904(void **state)
{
    struct rig *r = *state;
    struct resolved body;

    take(r, first_word("amo-1", "chat-a"));
    rig_turn(r);
    rig_result(r, r->worker, rig_command(r, COMMAND_SERVICE_MESSAGE),
               (struct result){.outcome = OUTCOME_DEAD,
                               .cause = CAUSE_REFUSED,
                               .words = VIEW_LIT("no such number")});
    rig_commit(r);
    rig_resolve(r, COMMAND_AMO_STATUS, &body);
    assert_int_equal(body.body.error_code, 904);
    assert_true(view_is(body.body.error_text, "no such number"));
    resolved_fini(&body);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(of_a_chat_of_ours_amos_id_is_learnt_but_never_named),
        CASE(the_webhook_before_the_answer_teaches_but_names_nothing),
        CASE(a_chat_begun_at_amo_is_named_until_it_is_linked_and_after),
        CASE(what_the_service_wrote_links_as_well),
        CASE(two_first_hooks_in_a_row_are_one_conversation),
        CASE(a_second_card_is_the_one_that_is_answered),
        CASE(a_second_card_to_a_client_who_wrote_himself_is_named),
        CASE(a_status_teaches_the_conversation),
        CASE(a_client_who_answers_first_is_the_same),
        CASE(of_several_numbers_one_must_be_named),
        CASE(the_only_number_needs_no_naming),
        CASE(a_known_chat_needs_no_number),
        CASE(a_refused_first_word_is_told_with_904),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
