/* New messages and edits: who may say what in whose name, and what a repeat is. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tools/sandbox/testing/json.h"
#include "tools/sandbox/testing/rig.h"

#define CLIENT     "'conversation_id':'c1','sender':{'id':'u1','name':'Ann'}"
#define TEXT(text) "'message':{'type':'text','text':'" text "'}"
#define HELLO      "'msgid':'m1'," CLIENT "," TEXT("hello")

static char *text_of(struct rig *r, const char *path)
{
    char *copy = mem_strdup(testing_text_at(r->answer, path));

    assert_non_null(copy);
    return copy;
}

/* A message by somebody of the company, by his id in amo. */
static void say_as(struct rig *r, int status, const char *msgid, const char *ref_id)
{
    char payload[512];

    assert_true(snprintf(payload, sizeof(payload),
                         "'msgid':'%s','conversation_id':'c1','sender':{'id':'m','name':'M',"
                         "'ref_id':'%s'},'receiver':{'id':'u1','name':'Ann'}," TEXT("yes"),
                         msgid, ref_id) < (int)sizeof(payload));
    rig_message(r, status, "new_message", payload);
}

static void a_first_message_makes_chat_participant_and_lead(void **state)
{
    struct rig *r = *state;

    rig_message(r, 200, "new_message", HELLO);
    rig_expect(r, "new_message.ref_id", "'m1'");
    assert_non_null(testing_at(r->answer, "new_message.conversation_id"));
    rig_expect(r, "new_message.receiver_id", "null");
    assert_int_equal(rig_count(r, "amojo.chats"), 1);
    assert_int_equal(rig_count(r, "amojo.leads"), 1);
    rig_ask(r, 200, "GET /amojo/messages?conversation=c1", NULL);
    rig_expect(r, "items.0.text", "'hello'");
    rig_expect(r, "items.0.from", "'client'");
    rig_expect(r, "items.0.sender_name", "'Ann'");
    rig_expect(r, "items.0.effects", "1");
    rig_expect(r, "items.0.calls", "1");
    rig_ask(r, 200, "GET /amojo/chats", NULL);
    rig_expect(r, "items.0.lead", "true");
    rig_expect(r, "items.0.messages", "1");
}

static void a_repeat_has_the_answer_of_the_first_time(void **state)
{
    struct rig *r = *state;
    char *id = NULL;

    rig_message(r, 200, "new_message", HELLO);
    id = text_of(r, "new_message.msgid");
    rig_message(r, 200, "new_message", HELLO);
    assert_string_equal(testing_text_at(r->answer, "new_message.msgid"), id);
    rig_ask(r, 200, "PATCH /settings", "{'repeat':400}");
    rig_message(r, 400, "new_message", HELLO);
    rig_expect(r, "error_description", "'message with this msgid already exists'");
    assert_int_equal(rig_count(r, "amojo.messages"), 1);
    assert_int_equal(rig_count(r, "amojo.repeats"), 2);
    rig_ask(r, 200, "GET /amojo/messages", NULL);
    rig_expect(r, "items.0.calls", "3");
    rig_expect(r, "items.0.repeats", "2");
    rig_expect(r, "items.1", "null");
    mem_free(id);
}

static void a_silent_message_makes_no_lead(void **state)
{
    struct rig *r = *state;

    rig_message(r, 200, "new_message", "'silent':true," HELLO);
    assert_int_equal(rig_count(r, "amojo.leads"), 0);
    rig_ask(r, 200, "GET /amojo/messages", NULL);
    rig_expect(r, "items.0.silent", "true");
}

static void only_the_bot_and_known_users_speak_for_the_company(void **state)
{
    struct rig *r = *state;
    char *bot = NULL;

    rig_ask(r, 200, "GET /channels/ch", NULL);
    bot = text_of(r, "bot_id");
    say_as(r, 400, "m1", "stranger");
    rig_expect(r, "error_description", "'sender: user not found'");
    say_as(r, 200, "m2", bot);
    say_as(r, 200, "m3", rig_manager(r));
    assert_non_null(testing_at(r->answer, "new_message.receiver_id"));
    rig_ask(r, 200, "GET /amojo/messages?from=bot", NULL);
    rig_expect(r, "items.0.msgid", "'m2'");
    rig_expect(r, "items.1", "null");
    rig_ask(r, 200, "GET /amojo/messages?from=user", NULL);
    rig_expect(r, "items.0.msgid", "'m3'");
    assert_int_equal(rig_count(r, "amojo.leads"), 0);
    mem_free(bot);
}

static void what_a_user_said_is_echoed_when_that_is_set(void **state)
{
    struct rig *r = *state;

    say_as(r, 200, "m1", rig_manager(r));
    rig_ask(r, 200, "PATCH /settings", "{'echo':true}");
    say_as(r, 200, "m2", rig_manager(r));
    rig_await_calls(r, 1);
    rig_expect_seen(r, "message.message.text", "'yes'");
    assert_string_equal(r->seen.path, "/messages/ch_acc");
    rig_await_idle(r);
    assert_int_equal(r->seen.n, 1);
}

static void an_early_echo_is_answered_before_the_call_is(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "PATCH /settings", "{'echo':'early'}");
    r->bridge_is_slow = true;
    say_as(r, 200, "m1", rig_manager(r));
    assert_int_equal(r->seen.n, 1);
    assert_int_equal(rig_count(r, "webhooks.ok"), 1);
}

static void amojos_chat_id_wins_over_the_bridges(void **state)
{
    struct rig *r = *state;
    char *chat = NULL;
    char payload[512];

    rig_message(r, 200, "new_message", HELLO);
    chat = text_of(r, "new_message.conversation_id");
    (void)snprintf(payload, sizeof(payload),
                   "'msgid':'m2','conversation_id':'c2','conversation_ref_id':'%s',"
                   "'sender':{'id':'u1','name':'Ann'}," TEXT("again"),
                   chat);
    rig_message(r, 200, "new_message", payload);
    assert_string_equal(testing_text_at(r->answer, "new_message.conversation_id"), chat);
    rig_message(
        r, 200, "new_message",
        "'msgid':'m3','conversation_id':'c2','sender':{'id':'u1','name':'Ann'}," TEXT("third"));
    assert_string_equal(testing_text_at(r->answer, "new_message.conversation_id"), chat);
    rig_message(r, 400, "new_message",
                "'conversation_ref_id':'nowhere','msgid':'m4'," CLIENT "," TEXT("x"));
    rig_expect(r, "error_description", "'payload.conversation_ref_id: chat not found'");
    mem_free(chat);
}

static void a_new_id_makes_a_new_participant(void **state)
{
    struct rig *r = *state;

    rig_message(r, 200, "new_message", HELLO);
    rig_message(
        r, 200, "new_message",
        "'msgid':'m2','conversation_id':'c1','sender':{'id':'u2','name':'Bob',"
        "'profile':{'phone':'7900','email':'b@e.com'},'avatar':'https://e.com/b'}," TEXT(
            "me too"));
    rig_ask(r, 200, "GET /amojo/chats", NULL);
    rig_expect(r, "items.0.participants", "2");
    rig_expect(r, "items.0.clients.0.client_id", "'u1'");
    rig_expect(r, "items.0.clients.1.client_id", "'u2'");
    rig_expect(r, "items.0.clients.1.phone", "'7900'");
    rig_message(r, 400, "new_message",
                "'msgid':'m3','conversation_id':'c1','sender':{'id':'u1','name':'Ann',"
                "'ref_id':'nobody'}," TEXT("x"));
    rig_expect(r, "error_description", "'sender: user not found'");
}

static void a_quote_is_of_the_same_chat_and_known_or_described(void **state)
{
    struct rig *r = *state;

    rig_message(r, 200, "new_message", HELLO);
    rig_message(r, 200, "new_message",
                "'msgid':'m2'," CLIENT "," TEXT("a") ",'reply_to':{'message':{'msgid':'m1'}}");
    rig_ask(r, 200, "GET /amojo/messages?msgid=m2", NULL);
    rig_expect(r, "items.0.reply_to.form", "'msgid'");
    rig_expect(r, "items.0.reply_to.text", "'hello'");
    rig_message(r, 400, "new_message",
                "'msgid':'m3'," CLIENT "," TEXT("a") ",'reply_to':{'message':{'msgid':'no'}}");
    rig_expect(r, "error_description", "'payload.reply_to.message: message not found'");
    rig_message(r, 200, "new_message",
                "'msgid':'m4'," CLIENT
                "," TEXT("a") ",'reply_to':{'message':{'msgid':'no',"
                              "'type':'text','text':'old','timestamp':1600000000,"
                              "'msec_timestamp':1600000000000,'sender':{'name':'Eve'}}}");
    rig_ask(r, 200, "GET /amojo/messages?msgid=m4", NULL);
    rig_expect(r, "items.0.reply_to.form", "'descriptive'");
    rig_expect(r, "items.0.reply_to.author", "'Eve'");
    rig_message(r, 400, "new_message",
                "'msgid':'m5','conversation_id':'c2','sender':{'id':'u2','name':'B'}," TEXT(
                    "a") ",'reply_to':{'message':{'msgid':'m1'}}");
    rig_expect(r, "error_description", "'payload.reply_to.message: is of another chat'");
}

static void a_forward_names_the_chat_it_is_of(void **state)
{
    struct rig *r = *state;

    rig_message(r, 200, "new_message", HELLO);
    rig_message(r, 200, "new_message",
                "'msgid':'m2','conversation_id':'c2','sender':{'id':'u2','name':'B'}," TEXT(
                    "") ",'forwards':{'conversation_id':'c1','messages':[{'msgid':'m1'}]}");
    rig_ask(r, 200, "GET /amojo/messages?msgid=m2", NULL);
    rig_expect(r, "items.0.forwards.0.text", "'hello'");
    rig_expect(r, "items.0.reply_to", "null");
    rig_message(r, 400, "new_message",
                "'msgid':'m3'," CLIENT "," TEXT(
                    "x") ",'forwards':{'conversation_id':'c2','messages':[{'msgid':'m1'}]}");
    rig_expect(r, "error_description",
               "'payload.forwards.messages: is not of the chat that is named'");
}

static void an_edit_changes_what_it_names_and_leaves_the_rest(void **state)
{
    struct rig *r = *state;

    rig_message(r, 200, "new_message",
                "'msgid':'m1'," CLIENT ",'message':{'type':'picture','text':'a','media':"
                "'https://e.com/p','file_name':'p.jpg','file_size':5}");
    rig_message(r, 200, "edit_message",
                "'msgid':'m1','conversation_id':'c1','message':{'type':'picture','text':'b'}");
    rig_ask(r, 200, "GET /amojo/messages", NULL);
    rig_expect(r, "items.0.text", "'b'");
    rig_expect(r, "items.0.media", "'https://e.com/p'");
    rig_expect(r, "items.0.edits", "1");
    rig_ask(r, 200, "GET /amojo/actions?kind=edit", NULL);
    rig_expect(r, "items.0.msgid", "'m1'");
    rig_expect(r, "items.0.text", "'b'");
}

static void an_edit_by_both_ids_gives_the_message_its_name(void **state)
{
    struct rig *r = *state;
    char *id = NULL;
    char payload[512];

    rig_ask(r, 200, "PATCH /settings", "{'unknown_refs':'adopt'}");
    rig_message(r, 200, "edit_message",
                "'id':'amo-1','msgid':'m1','conversation_id':'c1'," TEXT("x"));
    rig_ask(r, 200, "PATCH /settings", "{'unknown_refs':'refuse'}");
    rig_message(r, 200, "edit_message", "'msgid':'m1','conversation_id':'c1'," TEXT("y"));
    rig_expect(r, "new_message.msgid", "'amo-1'");
    rig_message(r, 200, "new_message", "'msgid':'m2'," CLIENT "," TEXT("z"));
    id = text_of(r, "new_message.msgid");
    (void)snprintf(payload, sizeof(payload),
                   "'id':'%s','msgid':'m1','conversation_id':'c1'," TEXT("x"), id);
    rig_message(r, 400, "edit_message", payload);
    rig_expect(r, "error_description", "'message with this msgid already exists'");
    mem_free(id);
}

static void an_edit_may_carry_a_status(void **state)
{
    struct rig *r = *state;

    rig_message(r, 200, "new_message", HELLO);
    rig_message(r, 200, "edit_message",
                "'msgid':'m1','conversation_id':'c1','message':{'type':'text','text':'b',"
                "'delivery_status':{'status_code':2}}");
    rig_ask(r, 200, "GET /amojo/statuses", NULL);
    rig_expect(r, "items.0.status", "2");
    rig_expect(r, "items.0.by_edit", "true");
    rig_message(r, 400, "edit_message", "'msgid':'m9','conversation_id':'c1'," TEXT("x"));
    rig_expect(r, "error_description", "'message not found'");
}

static void a_full_sandbox_takes_no_message(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "PATCH /settings", "{'max_messages':1}");
    rig_message(r, 200, "new_message", HELLO);
    rig_message(r, 507, "new_message", "'msgid':'m2'," CLIENT "," TEXT("x"));
    rig_message(r, 200, "new_message", HELLO); /* a repeat needs no room */
    rig_ask(r, 200, "POST /reset", "{'what':'traffic'}");
    rig_message(r, 200, "new_message", HELLO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_first_message_makes_chat_participant_and_lead),
        RIG_TEST(a_repeat_has_the_answer_of_the_first_time),
        RIG_TEST(a_silent_message_makes_no_lead),
        RIG_TEST(only_the_bot_and_known_users_speak_for_the_company),
        RIG_TEST(what_a_user_said_is_echoed_when_that_is_set),
        RIG_TEST(an_early_echo_is_answered_before_the_call_is),
        RIG_TEST(amojos_chat_id_wins_over_the_bridges),
        RIG_TEST(a_new_id_makes_a_new_participant),
        RIG_TEST(a_quote_is_of_the_same_chat_and_known_or_described),
        RIG_TEST(a_forward_names_the_chat_it_is_of),
        RIG_TEST(an_edit_changes_what_it_names_and_leaves_the_rest),
        RIG_TEST(an_edit_by_both_ids_gives_the_message_its_name),
        RIG_TEST(an_edit_may_carry_a_status),
        RIG_TEST(a_full_sandbox_takes_no_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
