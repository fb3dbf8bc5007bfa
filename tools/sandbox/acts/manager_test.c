/* Acts of managers, checked by the webhooks they lead to. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tools/sandbox/testing/json.h"
#include "tools/sandbox/testing/rig.h"

static void a_client_wrote(struct rig *r, const char *msgid, const char *conversation)
{
    char payload[256];

    (void)snprintf(payload, sizeof(payload),
                   "'msgid':'%s','conversation_id':'%s','sender':{'id':'u-%s','name':'Ann'},"
                   "'message':{'type':'text','text':'hello'}",
                   msgid, conversation, conversation);
    rig_message(r, 200, "new_message", payload);
}

static void what_a_manager_writes_goes_to_the_bridge(void **state)
{
    struct rig *r = *state;

    a_client_wrote(r, "m1", "c1");
    rig_ask(r, 200, "POST /manager/writes",
            "{'conversation_id':'c1','id':'out-1','text':'yes','source':'line'}");
    rig_expect(r, "items.0.id", "'out-1'");
    rig_await_idle(r);
    rig_expect_seen(r, "message.message.id", "'out-1'");
    rig_expect_seen(r, "message.message.text", "'yes'");
    rig_expect_seen(r, "message.source.external_id", "'line'");
    rig_expect_seen(r, "message.conversation.client_id", "'c1'");
    rig_ask(r, 200, "GET /amojo/messages?from=manager", NULL);
    rig_expect(r, "items.0.text", "'yes'");
    rig_ask(r, 409, "POST /manager/writes", "{'conversation_id':'c1','id':'out-1','text':'x'}");
    rig_expect(r, "error.message", "'id: is taken'");
}

static void unknown_chats_and_scopes_are_refused(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 400, "POST /manager/writes", "{'text':'x'}");
    rig_expect(r, "error.message", "'chat or conversation_id: is required'");
    rig_expect(r, "error.field", "'chat'");
    rig_ask(r, 404, "POST /manager/writes", "{'conversation_id':'none','text':'x'}");
    rig_expect(r, "error.message", "'chat: is not known'");
    rig_ask(r, 404, "POST /manager/writes", "{'scope_id':'none','text':'x'}");
    rig_expect(r, "error.message", "'scope_id: is not known'");
    rig_expect(r, "error.field", "'scope_id'");
    rig_ask(r, 200, "POST /scopes", "{'channel_id':'ch','account_id':'b'}");
    rig_ask(r, 400, "POST /manager/writes", "{'text':'x'}");
    rig_expect(r, "error.message", "'scope_id: is required'");
    rig_expect(r, "error.code", "'bad_value'");
    rig_expect(r, "error.field", "'scope_id'");
}

static void nothing_is_sent_for_an_account_that_is_not_connected(void **state)
{
    struct rig *r = *state;

    a_client_wrote(r, "m1", "c1");
    rig_amojo(r, 200, "DELETE ch/disconnect", "{'account_id':'acc'}");
    rig_ask(r, 409, "POST /manager/writes", "{'conversation_id':'c1','text':'x'}");
    rig_expect(r, "error.message", "'scope_id: is not connected'");
    rig_ask(r, 409, "POST /manager/types", "{'conversation_id':'c1'}");
}

static void shorthand_becomes_quotes_forwards_buttons_and_lists(void **state)
{
    struct rig *r = *state;

    a_client_wrote(r, "m1", "c1");
    rig_ask(r, 200, "POST /manager/writes",
            "{'conversation_id':'c1','text':'q','reply_to':{'msgid':'m1'},"
            "'buttons':['yes',['no',{'text':'see','url':'https://e.com'}]]}");
    rig_await_idle(r);
    rig_expect_seen(r, "message.message.reply_to.message.msgid", "'m1'");
    rig_expect_seen(r, "message.message.reply_to.message.text", "'hello'");
    rig_expect_seen(r, "message.message.markup",
                    "{'mode':'inline','buttons':[[{'text':'yes'}],[{'text':'no'},"
                    "{'text':'see','url':'https://e.com'}]]}");
    rig_ask(r, 200, "POST /manager/writes",
            "{'conversation_id':'c1','text':'f','forwards':['m1'],'list':{'header':'h'}}");
    rig_await_idle(r);
    rig_expect_seen(r, "message.message.forwards.messages.0.msgid", "'m1'");
    rig_expect_seen(r, "message.message.markup", "{'list_message':{'header':'h'}}");
    rig_ask(r, 404, "POST /manager/writes",
            "{'conversation_id':'c1','text':'q','reply_to':'none'}");
    rig_expect(r, "error.message", "'reply_to: no such message'");
}

static void complete_objects_are_passed_on_unchanged(void **state)
{
    struct rig *r = *state;

    a_client_wrote(r, "m1", "c1");
    rig_ask(r, 200, "POST /manager/writes",
            "{'conversation_id':'c1','type':'file','media':'https://e.com/f','file_size':5,"
            "'reply_to':{'message':{'id':'any'}},'forwards':{'messages':[{'id':'odd'}]},"
            "'message':{'type':'video','odd':[1]}}");
    rig_await_idle(r);
    rig_expect_seen(r, "message.message.type", "'video'");
    rig_expect_seen(r, "message.message.media", "'https://e.com/f'");
    rig_expect_seen(r, "message.message.odd", "[1]");
    rig_expect_seen(r, "message.message.reply_to.message.id", "'any'");
    rig_expect_seen(r, "message.message.forwards.messages.0.id", "'odd'");
}

static void a_manager_writes_first_to_a_phone(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 400, "POST /manager/writes-first", "{'text':'x'}");
    rig_ask(r, 200, "POST /manager/writes-first",
            "{'phone':'79001','chat':'new','text':'good day','source':'line'}");
    rig_expect(r, "items.0.chat", "'new'");
    rig_await_idle(r);
    rig_expect_seen(r, "message.receiver.phone", "'79001'");
    rig_expect_seen(r, "message.conversation", "{'id':'new'}");
    rig_ask(r, 200, "GET /amojo/chats", NULL);
    rig_expect(r, "items.0.write_first", "true");
    rig_expect(r, "items.0.linked", "false");
    rig_expect(r, "items.0.phone", "'79001'");
}

static void acts_take_turns_between_chats(void **state)
{
    struct rig *r = *state;

    a_client_wrote(r, "m1", "c1");
    a_client_wrote(r, "m2", "c2");
    a_client_wrote(r, "m3", "c3");
    rig_ask(r, 200, "POST /manager/writes", "{'count':4,'all_chats':true,'text':'{n}'}");
    assert_string_equal(testing_text_at(r->answer, "items.0.chat"),
                        testing_text_at(r->answer, "items.3.chat"));
    assert_string_not_equal(testing_text_at(r->answer, "items.0.chat"),
                            testing_text_at(r->answer, "items.1.chat"));
    rig_await_idle(r);
    for (int i = 1; i <= 3; i++) {
        char line[64];

        (void)snprintf(line, sizeof(line), "GET /amojo/messages?from=manager&conversation=c%d",
                       i);
        rig_ask(r, 200, line, NULL);
        rig_expect(r, "items.1.text", i == 1 ? "'4'" : "null");
    }
}

static void managers_react_and_type(void **state)
{
    struct rig *r = *state;

    a_client_wrote(r, "m1", "c1");
    rig_ask(r, 200, "POST /manager/reacts", "{'msgid':'m1','emoji':'x','manager':'m'}");
    rig_await_idle(r);
    rig_expect_seen(r, "action.reaction.emoji", "'x'");
    rig_expect_seen(r, "action.reaction.message.client_id", "'m1'");
    rig_ask(r, 404, "POST /manager/reacts", "{'msgid':'none'}");
    rig_ask(r, 200, "POST /manager/types", "{'conversation_id':'c1'}");
    rig_await_idle(r);
    assert_non_null(testing_at(r->seen.body, "action.typing.expired_at"));
    rig_ask(r, 404, "POST /manager/types", "{'conversation_id':'none'}");
}

static void raw_webhooks_are_sent_unchanged_and_learned(void **state)
{
    struct rig *r = *state;

    rig_ask(
        r, 200, "POST /webhooks",
        "{'body':'{\\'message\\':{\\'receiver\\':{\\'id\\':\\'u\\',\\'phone\\':\\'7900\\'},"
        "\\'sender\\':{\\'id\\':\\'boss\\'},\\'conversation\\':{\\'id\\':\\'chat-1\\'},"
        "\\'message\\':{\\'id\\':\\'raw-1\\',\\'type\\':\\'text\\',\\'text\\':\\'x\\'}}}'}");
    rig_await_idle(r);
    rig_expect_seen(r, "message.message.id", "'raw-1'");
    rig_ask(r, 200, "GET /amojo/messages?from=manager", NULL);
    rig_expect(r, "items.0.id", "'raw-1'");
    rig_expect(r, "items.0.chat", "'chat-1'");
    rig_ask(r, 200, "GET /amojo/chats", NULL);
    rig_expect(r, "items.0.write_first", "true");
    rig_expect(r, "items.0.phone", "'7900'");
}

static void raw_webhooks_may_be_any_bytes(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "POST /webhooks", "{'body_base64':'AAEC','signature':'s','newline':false}");
    rig_await_idle(r);
    assert_int_equal(r->seen.last_byte, 2);
    assert_string_equal(r->seen.signature, "s");
    rig_ask(r, 400, "POST /webhooks", "{'body_base64':'AAE'}");
    rig_expect(r, "error.message", "'body_base64: is not base64'");
    rig_ask(r, 400, "POST /webhooks", "{}");
    rig_ask(r, 404, "POST /webhooks", "{'scope_id':'none','body':''}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(what_a_manager_writes_goes_to_the_bridge),
        RIG_TEST(unknown_chats_and_scopes_are_refused),
        RIG_TEST(nothing_is_sent_for_an_account_that_is_not_connected),
        RIG_TEST(shorthand_becomes_quotes_forwards_buttons_and_lists),
        RIG_TEST(complete_objects_are_passed_on_unchanged),
        RIG_TEST(a_manager_writes_first_to_a_phone),
        RIG_TEST(acts_take_turns_between_chats),
        RIG_TEST(managers_react_and_type),
        RIG_TEST(raw_webhooks_are_sent_unchanged_and_learned),
        RIG_TEST(raw_webhooks_may_be_any_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
