/* Connecting, chats, delivery statuses, typing and reactions. */
#include "tools/sandbox/amojo/calls.h"

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

#define CLIENT "'conversation_id':'c1','sender':{'id':'u1','name':'Ann'}"

/* A message m1 of a client; its id in amo is returned, own copy. */
static char *a_message(struct rig *r)
{
    char *id = NULL;

    rig_message(r, 200, "new_message",
                "'msgid':'m1'," CLIENT ",'message':{'type':'text','text':'hello'}");
    id = mem_strdup(testing_text_at(r->answer, "new_message.msgid"));
    assert_non_null(id);
    return id;
}

static void report(struct rig *r, int status, const char *id, const char *body)
{
    char line[128];

    (void)snprintf(line, sizeof(line), "POST ch_acc/%s/delivery_status", id);
    rig_amojo(r, status, line, body);
}

static void connecting_again_keeps_the_scope(void **state)
{
    struct rig *r = *state;

    rig_amojo(r, 200, "POST ch/connect",
              "{'account_id':'new','hook_api_version':'v2','title':'Shop'}");
    rig_expect(r, "scope_id", "'ch_new'");
    rig_expect(r, "title", "'Shop'");
    rig_amojo(r, 200, "POST ch/connect", "{'account_id':'new','hook_api_version':'v2'}");
    rig_expect(r, "title", "'Shop'");
    assert_int_equal(rig_count(r, "amojo.connects"), 2);
    rig_ask(r, 200, "GET /scopes", NULL);
    rig_expect(r, "items.1.scope_id", "'ch_new'");
    rig_expect(r, "items.1.connects", "2");
    rig_expect(r, "items.2", "null");
}

static void a_connect_that_is_wrong_says_why(void **state)
{
    struct rig *r = *state;

    rig_amojo(r, 400, "POST ch/connect", "{'hook_api_version':'v2'}");
    rig_expect(r, "error_description", "'account_id: is required'");
    rig_amojo(r, 400, "POST ch/connect", "{'account_id':'a','hook_api_version':'v1'}");
    rig_expect(r, "error_description", "'hook_api_version: must be v2'");
    rig_ask(r, 200, "POST /channels", "{'id':'ch','allowed_accounts':['b']}");
    rig_amojo(r, 403, "POST ch/connect", "{'account_id':'a','hook_api_version':'v2'}");
    rig_amojo(r, 200, "POST ch/connect", "{'account_id':'b','hook_api_version':'v2'}");
    rig_amojo(r, 404, "DELETE ch/disconnect", "{'account_id':'a'}");
}

static void a_chat_is_made_once_and_keeps_its_client(void **state)
{
    struct rig *r = *state;
    char *id = NULL;

    rig_amojo(r, 200, "POST ch_acc/chats",
              "{'conversation_id':'c1','source':{'external_id':'line'},'user':{'id':'u1',"
              "'name':'Ann','avatar':'https://e.com/a','profile':{'phone':'7900',"
              "'email':'a@e.com'}}}");
    rig_expect(r, "user.client_id", "'u1'");
    rig_expect(r, "user.phone", "'7900'");
    rig_expect(r, "user.email", "'a@e.com'");
    id = mem_strdup(testing_text_at(r->answer, "id"));
    rig_amojo(r, 200, "POST ch_acc/chats",
              "{'conversation_id':'c1','user':{'id':'u2','name':'Bob'}}");
    assert_string_equal(testing_text_at(r->answer, "id"), id);
    rig_expect(r, "user.client_id", "'u1'");
    assert_int_equal(rig_count(r, "amojo.chats"), 1);
    rig_ask(r, 200, "GET /amojo/chats?conversation=c1", NULL);
    rig_expect(r, "items.0.source", "'line'");
    rig_expect(r, "items.0.participants", "1");
    mem_free(id);
}

static void a_chat_may_be_made_for_a_crm_user(void **state)
{
    struct rig *r = *state;

    rig_amojo(r, 200, "POST ch_acc/chats", "{'conversation_id':'c1','user':{'ref_id':'x'}}");
    assert_non_null(testing_at(r->answer, "user.id"));
    rig_expect(r, "user.client_id", "null");
    rig_amojo(r, 400, "POST ch_acc/chats", "{'conversation_id':'c2','user':{'id':'u'}}");
    rig_expect(r, "error_description", "'user.name: is required'");
    rig_amojo(r, 400, "POST ch_acc/chats", "{'user':{'id':'u','name':'U'}}");
    rig_amojo(r, 400, "POST ch_acc/chats", "{'conversation_id':'c2'}");
}

static void every_status_is_kept(void **state)
{
    struct rig *r = *state;
    char *id = a_message(r);

    report(r, 200, id, "{'status_code':2}");
    report(r, 200, id, "{'delivery_status':1}");
    report(r, 200, id, "{'status_code':-1,'error_code':905,'error':'no'}");
    rig_ask(r, 200, "GET /amojo/statuses", NULL);
    rig_expect(r, "items.0.status", "2");
    rig_expect(r, "items.0.backwards", "false");
    rig_expect(r, "items.1.backwards", "true");
    rig_expect(r, "items.2.error_code", "905");
    rig_expect(r, "items.2.error", "'no'");
    rig_expect(r, "items.3", "null");
    assert_int_equal(rig_count(r, "amojo.backwards"), 2);
    rig_ask(r, 200, "GET /amojo/messages?msgid=m1", NULL);
    rig_expect(r, "items.0.status", "-1");
    mem_free(id);
}

static void a_status_that_is_wrong_says_why(void **state)
{
    static const struct {
        const char *body;
        const char *words;
    } cases[] = {
        {"{}",                                    "'status_code: is required'"             },
        {"{'status_code':3}",                     "'status_code: must be -1, 1 or 2'"      },
        {"{'status_code':1,'delivery_status':2}",
         "'delivery_status: differs from status_code'"                                     },
        {"{'status_code':1,'msgid':'other'}",     "'msgid: differs from the address'"      },
        {"{'status_code':-1}",                    "'error_code: is required'"              },
        {"{'status_code':-1,'error_code':900}",   "'error_code: must be 901 to 905'"       },
        {"{'status_code':-1,'error_code':905}",   "'error: is required with 905'"          },
        {"{'status_code':1,'error_code':901}",    "'error_code: belongs to status -1 only'"},
    };
    struct rig *r = *state;
    char *id = a_message(r);

    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        report(r, 400, id, cases[i].body);
        rig_expect(r, "error_description", cases[i].words);
    }
    report(r, 404, "nobody", "{'status_code':1}");
    mem_free(id);
}

static void each_edition_of_the_reference_wants_its_own_spelling(void **state)
{
    struct rig *r = *state;
    char *id = a_message(r);

    rig_ask(r, 200, "PATCH /settings", "{'status_spelling':'old'}");
    report(r, 400, id, "{'status_code':1}");
    rig_ask(r, 200, "PATCH /settings", "{'status_spelling':'new'}");
    report(r, 400, id, "{'delivery_status':1}");
    report(r, 200, id, "{'status_code':1}");
    mem_free(id);
}

static void unknown_messages_are_adopted_when_that_is_set(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "PATCH /settings", "{'unknown_refs':'adopt'}");
    report(r, 200, "stranger", "{'status_code':1}");
    rig_ask(r, 200, "GET /amojo/statuses?id=stranger", NULL);
    rig_expect(r, "items.0.status", "1");
    rig_ask(r, 200, "GET /amojo/messages?from=all", NULL);
    rig_expect(r, "items.0.id", "'stranger'");
    rig_expect(r, "items.0.chat", "'adopted'");
}

static void typing_is_noted_in_a_chat_that_is_known(void **state)
{
    struct rig *r = *state;

    mem_free(a_message(r));
    rig_amojo(r, 204, "POST ch_acc/typing",
              "{'conversation_id':'c1','sender':{'id':'u1'},'duration_ms':3000}");
    assert_null(r->answer);
    rig_amojo(r, 404, "POST ch_acc/typing", "{'conversation_id':'c9','sender':{'id':'u1'}}");
    rig_amojo(r, 400, "POST ch_acc/typing", "{'conversation_id':'c1'}");
    rig_amojo(r, 400, "POST ch_acc/typing",
              "{'conversation_id':'c1','sender':{'id':'u1'},'duration_ms':-1}");
    rig_ask(r, 200, "GET /amojo/actions?kind=typing", NULL);
    rig_expect(r, "items.0.user", "'u1'");
    rig_expect(r, "items.0.conversation_id", "'c1'");
    rig_expect(r, "items.1", "null");
}

#define REACT(type, user, emoji)                                                               \
    "{'type':'" type "','conversation_id':'c1','msgid':'m1','user':{'id':'" user               \
    "'},'emoji':'" emoji "'}"

static void each_user_has_one_reaction_to_a_message(void **state)
{
    struct rig *r = *state;

    mem_free(a_message(r));
    rig_amojo(r, 200, "POST ch_acc/react", REACT("react", "u1", "\xf0\x9f\x91\x8d"));
    rig_amojo(r, 200, "POST ch_acc/react", REACT("react", "u2", "\xf0\x9f\x94\xa5"));
    rig_amojo(r, 200, "POST ch_acc/react", REACT("react", "u1", "\xe2\x9d\xa4"));
    rig_ask(r, 200, "GET /amojo/messages?msgid=m1", NULL);
    rig_expect(r, "items.0.reactions",
               "[{'user':'u2','author':null,'emoji':'\xf0\x9f\x94\xa5'},"
               "{'user':'u1','author':null,'emoji':'\xe2\x9d\xa4'}]");
    rig_amojo(r, 200, "POST ch_acc/react", REACT("unreact", "u2", ""));
    rig_ask(r, 200, "GET /amojo/messages?msgid=m1", NULL);
    rig_expect(r, "items.0.reactions.1", "null");
    assert_int_equal(rig_count(r, "amojo.reactions"), 4);
}

static void a_reaction_that_is_wrong_says_why(void **state)
{
    static const struct {
        int status;
        const char *body;
        const char *words;
    } cases[] = {
        {400,                                 REACT("love",                                                               "u1", "\xe2\x9d\xa4"), "'type: must be react or unreact'"},
        {400, REACT("react",                                                                           "u1",                                                                             "like"), "'emoji: must be an emoji'"},
        {400,                               REACT("react",                        "u1",""), "'emoji: cannot be blank'"},
        {400,                                 REACT("react",                                                                "",                                         "\xe2\x9d\xa4"), "'user.id: cannot be blank'"},
        {400,         "{'type':'unreact','msgid':'m1','user':{'id':'u'}}",
         "'conversation_id: or conversation_ref_id is required'"                                                                                    },
        {400,                                 "{'type':'unreact','conversation_id':'c1','user':{'id':'u'}}",
         "'msgid: or id is required'"},
        {404,                                 "{'type':'unreact','conversation_id':'c9','msgid':'m1','user':{'id':'u'}}",
         "'chat not found'"                                                              },
        {404,                                 "{'type':'unreact','conversation_id':'c1','msgid':'m9','user':{'id':'u'}}",
         "'message not found'"                                                                                         },
        {404,
         "{'type':'unreact','conversation_id':'c1','msgid':'m1','user':{'id':'u','ref_id':'x'}"
         "}", "'user not found'"                                                                                                   },
    };
    struct rig *r = *state;

    mem_free(a_message(r));
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        rig_amojo(r, cases[i].status, "POST ch_acc/react", cases[i].body);
        rig_expect(r, "error_description", cases[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(connecting_again_keeps_the_scope),
        RIG_TEST(a_connect_that_is_wrong_says_why),
        RIG_TEST(a_chat_is_made_once_and_keeps_its_client),
        RIG_TEST(a_chat_may_be_made_for_a_crm_user),
        RIG_TEST(every_status_is_kept),
        RIG_TEST(a_status_that_is_wrong_says_why),
        RIG_TEST(each_edition_of_the_reference_wants_its_own_spelling),
        RIG_TEST(unknown_messages_are_adopted_when_that_is_set),
        RIG_TEST(typing_is_noted_in_a_chat_that_is_known),
        RIG_TEST(each_user_has_one_reaction_to_a_message),
        RIG_TEST(a_reaction_that_is_wrong_says_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
