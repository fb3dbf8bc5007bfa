/* Channels, accounts and connectors as a tester sets them up. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/sandbox/testing/json.h"
#include "tools/sandbox/testing/rig.h"

static void what_a_channel_lacks_is_filled_in(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "POST /channels", NULL);
    assert_int_equal(strlen(testing_text_at(r->answer, "id")), 36);
    assert_int_equal(strlen(testing_text_at(r->answer, "secret")), 40);
    rig_expect(r, "webhook_url", "null");
    rig_expect(r, "allowed_accounts", "null");
    rig_expect(r, "users", "[]");
    rig_ask(r, 200, "GET /channels", NULL);
    rig_expect(r, "items.0.id", "'ch'");
    assert_non_null(testing_at(r->answer, "items.1.id"));
}

static void a_channel_is_changed_where_it_is_named_again(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "PUT /channels",
            "{'id':'ch','name':'Shop','allowed_accounts':['a','b'],'users':['u1']}");
    rig_expect(r, "secret", "'secret'");
    rig_expect(r, "name", "'Shop'");
    rig_expect(r, "allowed_accounts", "['a','b']");
    rig_expect(r, "users.1", "'u1'"); /* behind the account's own manager */
    rig_ask(r, 200, "PUT /channels", "{'id':'ch','allowed_accounts':null}");
    rig_expect(r, "allowed_accounts", "null");
    rig_expect(r, "name", "'Shop'");
}

static void a_channel_that_is_wrong_says_why(void **state)
{
    static const struct {
        const char *body;
        const char *words;
    } cases[] = {
        {"{'id':''}",              "'id: may not be blank nor hold _ or /'"},
        {"{'id':'a_b'}",           "'id: may not be blank nor hold _ or /'"},
        {"{'id':7}",               "'id: must be a string'"                },
        {"{'id':'x','secret':7}",  "'secret: must be a string'"            },
        {"{'id':'x','users':[7]}", "'users: must hold strings'"            },
        {"[]",                     "'body: must be an object'"             },
    };
    struct rig *r = *state;

    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        rig_ask(r, 400, "POST /channels", cases[i].body);
        rig_expect(r, "error.message", cases[i].words);
    }
    rig_ask(r, 404, "GET /channels/none", NULL);
    rig_ask(r, 404, "GET /channels/ch/other", NULL);
}

static void support_answers_with_all_that_it_mails(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "POST /channels",
            "{'id':'ch','segment':'com','allowed_accounts':['acc'],"
            "'registration':{'name':'Other','icon':null}}");
    rig_ask(r, 200, "GET /channels/ch/registration", NULL);
    rig_expect(r, "error", "null");
    rig_expect(r, "result.ru", "null");
    rig_expect(r, "result.com.id", "'ch'");
    rig_expect(r, "result.com.secret_key", "'secret'");
    rig_expect(r, "result.com.name", "'Other'");
    rig_expect(r, "result.com.icon", "null");
    rig_expect(r, "result.com.webhook_v2", "true");
    rig_expect(r, "result.com.allowed_acc_list.0.id", "'acc'");
    rig_expect(r, "result.com.webhook_events", "['messages']");
    rig_expect(r, "result.com.time_window.enabled", "false");
    rig_expect(r, "result.com.bot.is_bot", "true");
}

static void a_tester_can_connect_an_account(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "POST /scopes", "{'channel_id':'ch','account_id':'b','title':'B'}");
    rig_expect(r, "scope_id", "'ch_b'");
    rig_expect(r, "title", "'B'");
    rig_expect(r, "connected", "true");
    rig_expect(r, "connects", "0"); /* the bridge did not */
    rig_ask(r, 404, "POST /scopes", "{'channel_id':'none','account_id':'b'}");
    rig_ask(r, 400, "POST /scopes", "{'channel_id':'ch'}");
    rig_ask(r, 200, "GET /scopes", NULL);
    rig_expect(r, "items.0.account_id", "'acc'");
    rig_expect(r, "items.1.account_id", "'b'");
}

static void a_connector_is_changed_where_it_is_named_again(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "PUT /connectors",
            "{'name':'wa','bridge_url':'http://e.com//','token':'t','auth':'both',"
            "'report':'failed','report_error':{'code':'c','text':'w'},'report_id':'service',"
            "'secret':'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz','secret_old':null,"
            "'conversation_prefix':'p-'}");
    rig_expect(r, "bridge_url", "'http://e.com'");
    rig_expect(r, "auth", "'both'");
    rig_expect(r, "report", "'failed'");
    rig_expect(r, "report_error", "{'code':'c','text':'w'}");
    rig_expect(r, "report_id", "'service'");
    rig_expect(r, "conversation_prefix", "'p-'");
    rig_ask(r, 200, "GET /connectors/wa", NULL);
    rig_expect(r, "token", "'t'");
    rig_ask(r, 404, "GET /connectors/none", NULL);
    rig_ask(r, 200, "GET /connectors", NULL);
    rig_expect(r, "items.0.name", "'wa'");
    rig_expect(r, "items.1", "null");
}

static void a_connector_that_is_wrong_says_why(void **state)
{
    static const struct {
        const char *body;
        const char *words;
    } cases[] = {
        {"{}",                             "'name: is required'"                            },
        {"{'name':'Wa'}",                  "'name: must be 1 to 32 of a-z, 0-9 and -'"      },
        {"{'name':'wa','auth':'none'}",    "'auth: is not one of the words'"                },
        {"{'name':'wa','report':'now'}",   "'report: is not one of the words'"              },
        {"{'name':'wa','secret':'s'}",     "'secret: is no whsec_ secret of 24 to 64 bytes'"},
        {"{'name':'wa','secret_old':'s'}",
         "'secret_old: is no whsec_ secret of 24 to 64 bytes'"                              },
        {"{'name':'wa','answer_ids':1}",   "'answer_ids: must be a boolean'"                },
    };
    struct rig *r = *state;

    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        rig_ask(r, 400, "POST /connectors", cases[i].body);
        rig_expect(r, "error.message", cases[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(what_a_channel_lacks_is_filled_in),
        RIG_TEST(a_channel_is_changed_where_it_is_named_again),
        RIG_TEST(a_channel_that_is_wrong_says_why),
        RIG_TEST(support_answers_with_all_that_it_mails),
        RIG_TEST(a_tester_can_connect_an_account),
        RIG_TEST(a_connector_is_changed_where_it_is_named_again),
        RIG_TEST(a_connector_that_is_wrong_says_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
