/* What a service does with the calls of the bridge. */
#include "tools/sandbox/service/api.h"

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

#define AT "'timestamp':'2026-03-02T09:15:00.000Z'"
#define HELLO                                                                                  \
    "{'type':'message.created'," AT ",'data':{'id':'mid-1','direction':'out',"                 \
    "'write_first':false,'conversation':{'id':'79'},'type':'text','text':'hello'}}"
#define FIRST                                                                                  \
    "{'type':'message.created'," AT ",'data':{'id':'mid-2','direction':'out',"                 \
    "'write_first':true,'conversation':{'id':null},'receiver':{'phone':'+7 (900) 5'},"         \
    "'type':'text','text':'hello'}}"
#define PING "{'type':'connector.test'," AT ",'data':{'nonce':'n-1'}}"

static void a_message_is_kept_and_answered_with_ids(void **state)
{
    struct rig *r = *state;

    rig_service(r, 200, "mid-1", HELLO);
    rig_expect(r, "conversation.id", "'79'");
    assert_int_equal(strncmp(testing_text_at(r->answer, "id"), "svc-", 4), 0);
    rig_ask(r, 200, "GET /service/messages?conversation=79", NULL);
    rig_expect(r, "items.0.text", "'hello'");
    rig_expect(r, "items.0.connector", "'wa'");
    rig_expect(r, "items.0.conversation", "'79'");
    rig_expect(r, "items.0.id", "'mid-1'");
    rig_expect(r, "items.0.data.id", "'mid-1'");
    assert_int_equal(strncmp(testing_text_at(r->answer, "items.0.service_id"), "svc-", 4), 0);
    rig_expect(r, "items.0.webhook_ids", "1");
    rig_expect(r, "items.1", "null");
    rig_ask(r, 200, "POST /connectors", "{'name':'wa','answer_ids':false}");
    rig_service(r, 200, "mid-1", HELLO);
    rig_expect(r, "", "{}");
}

static void a_repeat_is_recognised_by_its_webhook_id(void **state)
{
    struct rig *r = *state;
    char *id = NULL;

    rig_service(r, 200, "mid-1-a", HELLO);
    id = mem_strdup(testing_text_at(r->answer, "id"));
    rig_service(r, 200, "mid-1-a", HELLO);
    assert_string_equal(testing_text_at(r->answer, "id"), id);
    rig_service(r, 200, "mid-1-b", HELLO); /* the same message under a new one: a double */
    assert_int_equal(rig_count(r, "service.messages"), 1);
    assert_int_equal(rig_count(r, "service.repeats"), 1);
    assert_int_equal(rig_count(r, "service.doubles"), 1);
    rig_ask(r, 200, "GET /service/messages", NULL);
    rig_expect(r, "items.0.calls", "3");
    rig_expect(r, "items.0.repeats", "1");
    rig_expect(r, "items.0.webhook_ids", "2");
    rig_expect(r, "items.0.body_changed", "0");
    mem_free(id);
}

static void a_repeat_that_says_something_else_is_counted(void **state)
{
    struct rig *r = *state;

    rig_service(r, 200, "mid-1", HELLO);
    rig_service(r, 200, "mid-1",
                "{'type':'message.created'," AT ",'data':{'id':'mid-1','direction':'out',"
                "'write_first':false,'conversation':{'id':'79'},'type':'text',"
                "'text':'changed'}}");
    rig_ask(r, 200, "GET /service/messages", NULL);
    rig_expect(r, "items.0.body_changed", "1");
    rig_expect(r, "items.0.text", "'hello'");
}

static void a_conversation_that_is_written_to_first_is_named_by_its_phone(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "POST /connectors", "{'name':'wa','conversation_prefix':'wa-'}");
    rig_service(r, 200, "mid-2", FIRST);
    rig_expect(r, "conversation.id", "'wa-79005'");
    rig_ask(r, 200, "GET /service/messages", NULL);
    rig_expect(r, "items.0.write_first", "true");
}

static void the_journal_says_why_a_call_was_refused(void **state)
{
    struct rig *r = *state;

    rig_send(r, "POST /mobilon/wa", "", HELLO);
    assert_int_equal(r->status, 401);
    rig_ask(r, 200, "GET /journal?side=service&verified=false", NULL);
    rig_expect(r, "items.0.verified", "false");
    rig_expect(r, "items.0.reason", "'a header is missing'");
    rig_expect(r, "items.0.connector", "'wa'");
    rig_expect(r, "items.0.status", "401");
    rig_expect(r, "items.0.fault", "null");
    rig_ask(r, 200, "GET /journal?side=service&verified=true", NULL);
    rig_expect(r, "items.0", "null");
}

static void a_test_call_is_answered_with_its_nonce(void **state)
{
    struct rig *r = *state;

    rig_service(r, 200, "t-1", PING);
    rig_expect(r, "", "{'nonce':'n-1'}");
    rig_service(r, 200, "t-1", PING);
    rig_expect(r, "", "{'nonce':'n-1'}");
    rig_ask(r, 200, "GET /service/events?type=connector.test", NULL);
    rig_expect(r, "items.0.repeats", "1");
    rig_expect(r, "items.1", "null");
}

static void a_call_without_a_signature_is_refused(void **state)
{
    struct rig *r = *state;

    rig_send(r, "POST /mobilon/wa", "", "{}");
    assert_int_equal(r->status, 401);
    rig_expect(r, "error", "{'code':'unauthorized','message':'a header is missing'}");
    rig_send(r, "POST /mobilon/other", "", "{}");
    assert_int_equal(r->status, 404);
    rig_expect(r, "error.message", "'unknown connector'");
    rig_send(r, "GET /mobilon/wa", "", "");
    assert_int_equal(r->status, 401);
    rig_expect(r, "error.message", "'wrong method'");
    assert_int_equal(rig_count(r, "service.forbidden"), 3);
}

static void a_secret_that_was_replaced_is_still_taken(void **state)
{
    struct rig *r = *state;
    char body[256];
    char *secret = NULL;

    rig_ask(r, 200, "GET /connectors/wa", NULL);
    secret = mem_strdup(testing_text_at(r->answer, "secret"));
    (void)snprintf(body, sizeof(body),
                   "{'name':'wa','secret':'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz',"
                   "'secret_old':'%s'}",
                   secret);
    rig_ask(r, 200, "POST /connectors", body);
    rig_service(r, 200, "t-1", PING); /* by the new one */
    (void)snprintf(body, sizeof(body),
                   "{'name':'wa','secret':'%s',"
                   "'secret_old':'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz'}",
                   secret);
    rig_ask(r, 200, "POST /connectors", body);
    rig_service(r, 200, "t-2", PING);
    mem_free(secret);
}

static void what_is_wrong_is_refused_in_words(void **state)
{
    struct rig *r = *state;

    rig_service(r, 422, "t-1", "{'type':'message.gone'," AT ",'data':{}}");
    rig_expect(r, "error", "{'code':'bad_request','message':'type: is not known'}");
    rig_service(r, 422, "other", HELLO);
    assert_string_equal(testing_text_at(r->answer, "error.message"),
                        "webhook-id: must begin with the message's id");
    assert_int_equal(rig_count(r, "service.refused"), 2);
    assert_int_equal(rig_count(r, "service.messages"), 0);
}

static void a_full_sandbox_takes_nothing(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "PATCH /settings", "{'max_messages':1}");
    rig_service(r, 200, "mid-1", HELLO);
    rig_service(r, 507, "mid-2", FIRST);
    rig_expect(r, "error.code", "'internal'");
    rig_service(r, 200, "mid-1", HELLO); /* a repeat needs no room */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_message_is_kept_and_answered_with_ids),
        RIG_TEST(a_repeat_is_recognised_by_its_webhook_id),
        RIG_TEST(a_repeat_that_says_something_else_is_counted),
        RIG_TEST(a_conversation_that_is_written_to_first_is_named_by_its_phone),
        RIG_TEST(the_journal_says_why_a_call_was_refused),
        RIG_TEST(a_test_call_is_answered_with_its_nonce),
        RIG_TEST(a_call_without_a_signature_is_refused),
        RIG_TEST(a_secret_that_was_replaced_is_still_taken),
        RIG_TEST(what_is_wrong_is_refused_in_words),
        RIG_TEST(a_full_sandbox_takes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
