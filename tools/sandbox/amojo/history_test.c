/* The history of a chat: newest first, in pages. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tools/sandbox/testing/json.h"
#include "tools/sandbox/testing/rig.h"

/* @n messages m1.. of a client in chat c1; its id in amo, own copy. */
static char *a_chat(struct rig *r, int n)
{
    char *id = NULL;

    for (int i = 1; i <= n; i++) {
        char payload[256];

        (void)snprintf(payload, sizeof(payload),
                       "'msgid':'m%d','conversation_id':'c1','sender':{'id':'u1','name':'Ann'},"
                       "'message':{'type':'text','text':'t%d'}",
                       i, i);
        rig_message(r, 200, "new_message", payload);
    }
    id = mem_strdup(testing_text_at(r->answer, "new_message.conversation_id"));
    assert_non_null(id);
    return id;
}

static void history(struct rig *r, int status, const char *chat, const char *query)
{
    char line[160];

    (void)snprintf(line, sizeof(line), "GET ch_acc/chats/%s/history%s", chat, query);
    rig_amojo(r, status, line, NULL);
}

static void the_newest_message_comes_first(void **state)
{
    struct rig *r = *state;
    char *chat = a_chat(r, 3);

    history(r, 200, chat, "");
    rig_expect(r, "messages.0.message.client_id", "'m3'");
    rig_expect(r, "messages.0.message.text", "'t3'");
    rig_expect(r, "messages.0.timestamp", "1700000000");
    rig_expect(r, "messages.0.sender.client_id", "'u1'");
    rig_expect(r, "messages.0.receiver", "null");
    rig_expect(r, "messages.2.message.client_id", "'m1'");
    rig_expect(r, "messages.3", "null");
    assert_int_equal(rig_count(r, "amojo.histories"), 1);
    mem_free(chat);
}

static void a_page_has_its_offset_and_limit(void **state)
{
    struct rig *r = *state;
    char *chat = a_chat(r, 55);

    history(r, 200, chat, "");
    assert_int_equal(json_object_array_length(testing_at(r->answer, "messages")), 50);
    history(r, 200, chat, "?offset=50&limit=50");
    assert_int_equal(json_object_array_length(testing_at(r->answer, "messages")), 5);
    rig_expect(r, "messages.4.message.text", "'t1'");
    history(r, 200, chat, "?limit=2&offset=1");
    rig_expect(r, "messages.0.message.text", "'t54'");
    rig_expect(r, "messages.2", "null");
    mem_free(chat);
}

static void past_the_end_there_is_no_content(void **state)
{
    struct rig *r = *state;
    char *chat = a_chat(r, 2);

    history(r, 204, chat, "?offset=2");
    history(r, 204, "nowhere", "");
    mem_free(chat);
}

static void malformed_numbers_are_refused(void **state)
{
    static const char *const wrong[] = {"?limit=0",  "?limit=51",  "?limit=x",
                                        "?limit=-1", "?offset=-1", "?offset=1x"};
    struct rig *r = *state;
    char *chat = a_chat(r, 1);

    for (size_t i = 0; i < AMO_COUNT(wrong); i++)
        history(r, 400, chat, wrong[i]);
    mem_free(chat);
}

static void new_messages_are_hidden_for_the_time_that_is_set(void **state)
{
    struct rig *r = *state;
    char *chat = a_chat(r, 1);

    rig_ask(r, 200, "PATCH /settings", "{'history_delay_ms':600000}");
    history(r, 204, chat, "");
    rig_ask(r, 200, "PATCH /settings", "{'history_delay_ms':0}");
    history(r, 200, chat, "");
    mem_free(chat);
}

static void a_manager_speaks_to_the_client(void **state)
{
    struct rig *r = *state;
    char *chat = a_chat(r, 1);

    rig_ask(r, 200, "POST /manager/writes",
            "{'conversation_id':'c1','text':'yes','reply_to':{'msgid':'m1'}}");
    history(r, 200, chat, "?limit=1");
    rig_expect(r, "messages.0.message.text", "'yes'");
    rig_expect(r, "messages.0.sender.name", "'Sandbox manager'");
    rig_expect(r, "messages.0.receiver.client_id", "'u1'");
    rig_expect(r, "messages.0.message.reply_to.message.msgid", "'m1'");
    mem_free(chat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(the_newest_message_comes_first),
        RIG_TEST(a_page_has_its_offset_and_limit),
        RIG_TEST(past_the_end_there_is_no_content),
        RIG_TEST(malformed_numbers_are_refused),
        RIG_TEST(new_messages_are_hidden_for_the_time_that_is_set),
        RIG_TEST(a_manager_speaks_to_the_client),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
