/* Messages written on the service's side: in whose name they leave, and what their answer
 * teaches. */

#include <string.h>

#include "base/clock.h"
#include "core/deliver/resolve.h"
#include "core/testing/rig.h"
#include "core/watch.h"

static void take(struct rig *r, struct event e)
{
    rig_take(r, &e);
}

/* --- what leaves ---------------------------------------------------------------------------- */

static void a_bots_message_is_in_the_name_of_the_channels_bot(void **state)
{
    struct rig *r = *state;
    struct conversation conv;
    struct resolved body;
    struct message m;

    rig_client_message_done(r, "m1", "amo-1");
    conv = rig_conversation(r);
    take(r, rig_outgoing_text("o1"));
    rig_resolve(r, COMMAND_AMO_OUTGOING, &body);
    assert_true(view_is(body.body.key, "svc-o1"));
    assert_true(view_is(body.body.sender_ref_id, "bot"));
    assert_true(view_is(body.body.sender_id, "svc-bot"));
    assert_true(view_is(body.body.sender_name, "Channel"));
    assert_true(view_is(body.body.receiver_id, conv.user_id)); /* no new person at amo */
    assert_true(view_is(body.body.receiver_name, "Ann"));
    assert_int_equal(body.body.author.len, 0);
    assert_true(body.body.silent); /* nobody is notified */
    assert_true(view_is(body.body.conversation_id, conv.client_id));
    resolved_fini(&body);
    m = rig_message(r, "msvc-o1");
    assert_int_equal(m.direction, MESSAGE_IMPORTED);
    assert_string_equal(m.service_id, "o1");
    message_fini(&m);
    conversation_fini(&conv);
}

static void a_crm_users_message_is_in_his_name(void **state)
{
    struct rig *r = *state;
    struct event e = rig_outgoing_text("o1");
    struct resolved body;

    e.author = VIEW_LIT("crm-user");
    take(r, e);
    rig_resolve(r, COMMAND_AMO_OUTGOING, &body);
    assert_true(view_is(body.body.sender_ref_id, "crm-user"));
    assert_true(view_is(body.body.sender_id, "svc-crm-user")); /* not the bot's */
    resolved_fini(&body);
    e.message_id = VIEW_LIT("o2");
    e.conversation = VIEW_LIT("thread-2");
    e.receiver_id = VIEW_LIT("client-2");
    e.sender_id = VIEW_LIT("operator-3");
    e.sender_name = VIEW_LIT("Olga");
    take(r, e);
    assert_int_equal(resolve_command(&r->core, queue_find(r->core.queue, 2), &body), 0);
    assert_true(view_is(body.body.sender_id, "svc-operator-3"));
    assert_true(view_is(body.body.sender_name, "Olga"));
    resolved_fini(&body);
}

static void without_an_author_and_a_bot_it_is_kept_for_a_person(void **state)
{
    struct rig *r = *state;
    struct event e = rig_outgoing_text("o1");
    struct reg_channel *ch = &r->core.turn->registry->channels[0];

    mem_free(ch->bot_id);
    ch->bot_id = NULL;
    take(r, e);
    rig_assert_quarantined(r, "no_author");
    assert_int_equal(queue_count(r->core.queue), 0);
    e.author = VIEW_LIT("crm-user"); /* he needs no bot */
    take(r, e);
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 1);
}

static void it_may_begin_a_conversation(void **state)
{
    struct rig *r = *state;
    struct conversation conv;
    struct event e = rig_outgoing_text("o1");

    e.sender_id = VIEW_LIT("operator-3");
    e.sender_name = VIEW_LIT("Olga");
    take(r, e);
    conv = rig_conversation(r);
    assert_string_equal(conv.contact, "client"); /* the conversation is the client's */
    assert_string_equal(conv.user_id, "svc-client");
    assert_string_equal(conv.name, "Ann");
    assert_string_equal(conv.phone, "79991234567");
    conversation_fini(&conv);
    take(r, rig_client_text("m1"));
    assert_int_equal(table_count(r->core.queue->lanes), 1); /* and his answer stands in it */
}

static void of_its_answer_the_receiver_is_the_client(void **state)
{
    struct rig *r = *state;
    struct event e = rig_outgoing_text("o1");
    struct conversation conv;
    struct message m;

    (void)rig_push(r, &e);
    rig_turn(r);
    rig_outgoing_answered(r, "amo-1");
    conv = rig_conversation(r);
    assert_string_equal(conv.user_ref, "client-ref");
    assert_string_equal(conv.chat_id, "chat-1");
    assert_true(conv.linked);
    assert_false(conv.amo_born);
    conversation_fini(&conv);
    m = rig_message(r, "aamo-1");
    assert_string_equal(m.mid, "svc-o1");
    assert_int_equal(m.state, MESSAGE_DELIVERED_TO_AMO);
    message_fini(&m);
}

static void of_a_clients_message_the_sender_is_the_client(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct conversation conv;

    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DONE,
                               .amo_message_id = VIEW_LIT("amo-1"),
                               .amo_chat_id = VIEW_LIT("chat-1"),
                               .amo_sender_id = VIEW_LIT("client-ref"),
                               .amo_receiver_id = VIEW_LIT("nobody")});
    rig_commit(r);
    conv = rig_conversation(r);
    assert_string_equal(conv.user_ref, "client-ref");
    assert_string_equal(conv.chat_id, "chat-1");
    conversation_fini(&conv);
}

static void ids_that_are_too_long_for_a_key_are_not_learnt(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct conversation conv;
    struct message m;
    char id[4000];
    struct view v = view_make(id, sizeof(id));

    memset(id, 'x', sizeof(id));
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DONE,
                               .amo_message_id = v,
                               .amo_chat_id = v,
                               .amo_sender_id = v});
    rig_commit(r);
    assert_int_equal(r->core.turn->exit_code,
                     0); /* what the remote side says does not stop core */
    /* and an id that cannot be kept proves nothing */
    assert_int_equal(rig_command(r, COMMAND_AMO_MESSAGE)->state, COMMAND_CHECKING);
    conv = rig_conversation(r);
    assert_null(conv.chat_id);
    assert_null(conv.user_ref);
    m = rig_message(r, "msvc-m1");
    assert_null(m.amo_id);
    assert_int_equal(m.state, MESSAGE_ACCEPTED);
    message_fini(&m);
    conversation_fini(&conv);
}

/* An answer without an id is cleared up through the chat, which must be the client's. */
static void the_chat_it_is_looked_up_in_is_the_clients(void **state)
{
    struct rig *r = *state;
    struct event e = rig_outgoing_text("o1");
    struct command calls[2];

    e.author = VIEW_LIT("crm-user");
    e.sender_id = VIEW_LIT("operator-3");
    e.sender_name = VIEW_LIT("Olga");
    e.sender_avatar = VIEW_LIT("https://a/olga.jpg");
    e.receiver_email = VIEW_LIT("ann@example.org");
    (void)rig_push(r, &e);
    rig_turn(r);
    rig_result(r, r->worker, rig_command(r, COMMAND_AMO_OUTGOING),
               (struct result){.outcome = OUTCOME_UNKNOWN, .cause = CAUSE_UNREADABLE});
    assert_int_equal(rig_calls(r, clock_mono_ms(), calls, 2), 1);
    assert_int_equal(calls[0].kind, COMMAND_AMO_CREATE_CHAT);
    assert_true(view_is(calls[0].sender_id, "svc-client"));
    assert_true(view_is(calls[0].sender_name, "Ann"));
    assert_true(view_is(calls[0].sender_email, "ann@example.org"));
    assert_int_equal(calls[0].sender_avatar.len, 0);
    assert_int_equal(calls[0].sender_ref_id.len, 0);
}

static void a_dead_one_is_told_to_the_service_once_a_death(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_outgoing_in_flight(r, "o1");
    struct command_row row;
    struct resolved body;
    int64_t dead = c->id;

    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DEAD,
                               .cause = CAUSE_REFUSED,
                               .words = VIEW_LIT("user not found")});
    rig_commit(r);
    rig_resolve(r, COMMAND_SERVICE_FAILED, &body);
    assert_true(view_is(body.body.message_id, "o1"));
    assert_true(view_is(body.body.error_text, "user not found"));
    assert_true(view_starts(body.body.key, "svc-o1-failed-"));
    resolved_fini(&body);
    rig_turn(r);
    rig_result(r, r->worker, rig_command(r, COMMAND_SERVICE_FAILED),
               (struct result){.outcome = OUTCOME_DONE});
    rig_commit(r);
    for (int i = 0; i < 6; i++)
        watch_tick(&r->core);
    rig_commit(r);
    assert_int_equal(queue_count(r->core.queue), 0); /* nothing tells it again */
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(store_dead_retry(r->core.store, dead, clock_unix_ms(), &row), 0);
    assert_int_equal(core_enqueue(&r->core, &row), 0);
    command_row_fini(&row);
    rig_turn(r);
    rig_result(r, r->worker, rig_command(r, COMMAND_AMO_OUTGOING),
               (struct result){.outcome = OUTCOME_DEAD, .cause = CAUSE_REFUSED});
    rig_commit(r);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_FAILED), 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_bots_message_is_in_the_name_of_the_channels_bot),
        CASE(a_crm_users_message_is_in_his_name),
        CASE(without_an_author_and_a_bot_it_is_kept_for_a_person),
        CASE(it_may_begin_a_conversation),
        CASE(of_its_answer_the_receiver_is_the_client),
        CASE(of_a_clients_message_the_sender_is_the_client),
        CASE(ids_that_are_too_long_for_a_key_are_not_learnt),
        CASE(the_chat_it_is_looked_up_in_is_the_clients),
        CASE(a_dead_one_is_told_to_the_service_once_a_death),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
