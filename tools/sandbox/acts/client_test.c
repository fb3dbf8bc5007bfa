/* Acts of clients and services, checked by the calls they lead to. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/sandbox/testing/rig.h"

static void what_a_client_writes_is_a_message_of_the_connector(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "POST /client/writes",
            "{'connector':'wa','conversation':'7900','id':'m1','text':'hello','source':'s',"
            "'idempotency_key':'k'}");
    rig_expect(r, "items.0", "{'call':1,'id':'m1','conversation':'7900'}");
    rig_await_idle(r);
    assert_string_equal(r->seen.path, "/v1/connectors/wa/messages");
    assert_string_equal(r->seen.key, "k");
    rig_expect_seen(r, "",
                    "{'id':'m1','conversation':{'id':'7900'},'sender':{'id':'7900',"
                    "'name':'7900','phone':'7900'},'type':'text','text':'hello','source':'s'}");
}

static void given_values_replace_the_defaults(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "POST /client/writes",
            "{'conversation':'c','sender':{'id':'x'},'type':'picture','media':{'url':'u'}}");
    rig_await_idle(r);
    rig_expect_seen(r, "sender", "{'id':'x'}");
    rig_expect_seen(r, "type", "'picture'");
    rig_expect_seen(r, "media.url", "'u'");
    rig_ask(r, 200, "POST /client/writes", "{'conversation':'7900','direction':'out'}");
    rig_await_idle(r);
    rig_expect_seen(r, "receiver.phone", "'7900'");
    rig_expect_seen(r, "sender", "null");
}

static void an_act_needs_a_connector_with_an_address(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 404, "POST /client/writes", "{'connector':'none','conversation':'c'}");
    rig_expect(r, "error.message", "'connector: is not known'");
    rig_ask(r, 200, "POST /connectors", "{'name':'tg'}");
    rig_ask(r, 400, "POST /client/writes", "{'conversation':'c'}");
    rig_expect(r, "error",
               "{'code':'bad_value','message':'connector: is required','field':'connector'}");
    rig_expect(r, "error.message", "'connector: is required'");
    rig_ask(r, 409, "POST /client/writes", "{'connector':'tg','conversation':'c'}");
    rig_expect(r, "error.message", "'bridge_url: is not set on this connector'");
}

static void statuses_edits_reactions_and_typing_have_their_paths(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "POST /client/statuses",
            "{'id':'mid','status':'failed','error':{'code':'c'},'conversation':'7900'}");
    rig_await_idle(r);
    assert_string_equal(r->seen.path, "/v1/connectors/wa/statuses");
    rig_expect_seen(r, "statuses.0",
                    "{'id':'mid','status':'failed','error':{'code':'c'},"
                    "'conversation':{'id':'7900'}}");
    rig_ask(r, 200, "POST /client/edits", "{'id':'m1','conversation':'7900','text':'b'}");
    rig_await_idle(r);
    assert_string_equal(r->seen.method, "PATCH");
    assert_string_equal(r->seen.path, "/v1/connectors/wa/messages/m1");
    rig_expect_seen(r, "", "{'id':'m1','text':'b'}");
    rig_ask(r, 200, "POST /client/reacts", "{'id':'m1','conversation':'7900','emoji':'x'}");
    rig_await_idle(r);
    assert_string_equal(r->seen.path, "/v1/connectors/wa/reactions");
    rig_expect_seen(r, "",
                    "{'message_id':'m1','conversation':{'id':'7900'},"
                    "'sender':{'id':'7900'},'emoji':'x'}");
    rig_ask(r, 200, "POST /client/types", "{'conversation':'7900','sender':{'id':'u'}}");
    rig_await_idle(r);
    assert_string_equal(r->seen.path, "/v1/connectors/wa/typing");
    rig_expect_seen(r, "", "{'conversation':{'id':'7900'},'sender':{'id':'u'}}");
    assert_int_equal(rig_count(r, "call.accepted"), 3);
    assert_int_equal(rig_count(r, "status.accepted"), 1);
}

static void incomplete_acts_are_refused_with_a_reason(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 400, "POST /client/writes", "{'text':'x'}");
    rig_ask(r, 400, "POST /client/statuses", "{'id':'m'}");
    rig_expect(r, "error.message", "'status: is required'");
    rig_ask(r, 400, "POST /client/edits", "{'text':'x'}");
    rig_ask(r, 400, "POST /client/reacts", "{'emoji':'x'}");
    rig_ask(r, 400, "POST /client/types", "{}");
    rig_ask(r, 400, "POST /client/calls", "{'path':'messages'}");
    rig_expect(r, "error.message", "'path: must begin with /'");
    rig_ask(r, 400, "POST /client/calls", "{'path':'/x','method':'TRACE'}");
    rig_expect(r, "error.message", "'method: is not known'");
    assert_int_equal(r->seen.n, 0);
}

static void any_call_can_be_made_by_hand(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "POST /client/calls",
            "{'path':'/anything?x=1','method':'PUT','body':{'a':[1]},'id':'i'}");
    rig_await_idle(r);
    assert_string_equal(r->seen.method, "PUT");
    assert_string_equal(r->seen.path, "/v1/connectors/wa/anything");
    rig_expect_seen(r, "", "{'a':[1]}");
    rig_ask(r, 200, "POST /client/calls", "{'path':'/x','method':'GET'}");
    rig_await_idle(r);
    assert_null(r->seen.body);
    rig_ask(r, 200, "POST /client/calls", "{'path':'/x','body':'no json'}");
    rig_await_idle(r);
    assert_int_equal(r->seen.last_byte, 'n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(what_a_client_writes_is_a_message_of_the_connector),
        RIG_TEST(given_values_replace_the_defaults),
        RIG_TEST(an_act_needs_a_connector_with_an_address),
        RIG_TEST(statuses_edits_reactions_and_typing_have_their_paths),
        RIG_TEST(incomplete_acts_are_refused_with_a_reason),
        RIG_TEST(any_call_can_be_made_by_hand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
