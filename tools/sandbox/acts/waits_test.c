/* Waiting: answered at once when it is true already, later when it becomes true, and at the end
 * of its time in any case. */
#include "tools/sandbox/acts/waits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tools/sandbox/testing/rig.h"

static void a_client_writes(struct rig *r, const char *id)
{
    char act[256];

    assert_true(snprintf(act, sizeof(act),
                         "{'connector':'wa','conversation':'79','id':'%s','text':'hello'}",
                         id) < (int)sizeof(act));
    rig_ask(r, 200, "POST /client/writes", act);
}

static void what_is_true_already_is_answered_at_once(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "GET /wait?what=idle", NULL);
    rig_expect(r, "done", "true");
    rig_expect(r, "what", "'idle'");
    rig_expect(r, "value", "0");
}

static void a_counter_is_waited_for(void **state)
{
    struct rig *r = *state;
    struct rig_client c;

    rig_begin(r, &c, "GET /_sandbox/wait?what=client.accepted&count=2", "", "");
    a_client_writes(r, "m1");
    rig_await_idle(r);
    a_client_writes(r, "m2");
    rig_end(r, &c);
    assert_int_equal(r->status, 200);
    rig_expect(r, "done", "true");
    rig_expect(r, "value", "2");
}

static void the_wait_for_a_call_shows_it_when_it_is_over(void **state)
{
    struct rig *r = *state;

    a_client_writes(r, "m1");
    rig_expect(r, "items.0.call", "1");
    rig_ask(r, 200, "GET /wait?what=call&call=1", NULL);
    rig_expect(r, "done", "true");
    rig_expect(r, "item.state", "'accepted'");
    rig_expect(r, "item.status", "200");
}

static void a_wait_ends_at_its_timeout(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "GET /wait?what=amojo.message&text=never&timeout_ms=20", NULL);
    rig_expect(r, "done", "false");
    rig_expect(r, "item", "null");
    assert_true(json_object_get_int(json_object_object_get(r->answer, "waited_ms")) >= 20);
}

static void an_unknown_wait_is_refused(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 400, "GET /wait?what=godot", NULL);
    rig_expect(r, "error.field", "'what'");
    rig_ask(r, 400, "GET /wait?what=idle&timeout_ms=600001", NULL);
    rig_expect(r, "error.field", "'timeout_ms'");
    rig_ask(r, 400, "GET /wait?what=idle&timeout_ms=-1", NULL);
}

static void each_kind_of_thing_can_be_waited_for(void **state)
{
    struct rig *r = *state;

    rig_message(r, 200, "new_message",
                "'msgid':'m1','conversation_id':'c1','sender':{'id':'u1','name':'Ann'},"
                "'message':{'type':'text','text':'hello'}");
    rig_ask(r, 200, "GET /wait?what=amojo.message&conversation=c1&msgid=m1&text=ell", NULL);
    rig_expect(r, "item.text", "'hello'");
    rig_message(r, 200, "edit_message",
                "'msgid':'m1','conversation_id':'c1','message':{'type':'text','text':'bye'}");
    rig_ask(r, 200, "GET /wait?what=amojo.edit&id=m1&text=bye&type=text", NULL);
    rig_expect(r, "item.kind", "'edit'");
    rig_amojo(r, 204, "POST ch_acc/typing", "{'conversation_id':'c1','sender':{'id':'u1'}}");
    rig_ask(r, 200, "GET /wait?what=amojo.typing&conversation=c1", NULL);
    rig_expect(r, "item.user", "'u1'");
    rig_amojo(r, 200, "POST ch_acc/react",
              "{'type':'react','conversation_id':'c1','msgid':'m1','user':{'id':'u1'},"
              "'emoji':'\xe2\x9d\xa4'}");
    rig_ask(r, 200, "GET /wait?what=amojo.reaction&type=react&id=m1", NULL);
    rig_expect(r, "item.msgid", "'m1'");
    rig_ask(r, 200, "GET /wait?what=amojo.reaction&type=unreact&timeout_ms=0", NULL);
    rig_expect(r, "done", "false");
    rig_ask(r, 200, "POST /manager/types", "{'conversation_id':'c1'}");
    rig_ask(r, 200, "GET /wait?what=webhook&webhook=1", NULL);
    rig_expect(r, "item.state", "'answered'");
}

static void what_a_service_was_given_can_be_waited_for(void **state)
{
    struct rig *r = *state;
    struct rig_client c;

    rig_begin(r, &c, "GET /_sandbox/wait?what=service.event&type=connector.test&id=n-1", "",
              "");
    rig_service(r, 200, "t-1",
                "{'type':'connector.test','timestamp':'2026-03-02T09:15:00Z',"
                "'data':{'nonce':'n-1'}}");
    rig_end(r, &c);
    rig_expect(r, "item.webhook_id", "'t-1'");
    rig_ask(r, 200, "GET /wait?what=service.event&id=t-1&text=n-1", NULL);
    rig_expect(r, "item.type", "'connector.test'");
    rig_ask(r, 200, "GET /wait?what=service.event&id=t-1&text=n-2&timeout_ms=0", NULL);
    rig_expect(r, "done", "false");
    rig_ask(r, 200, "GET /wait?what=service.event&id=other&timeout_ms=0", NULL);
    rig_expect(r, "done", "false");
    rig_service(r, 200, "mid-1",
                "{'type':'message.created','timestamp':'2026-03-02T09:15:00Z','data':{"
                "'id':'mid-1','direction':'out','write_first':false,"
                "'conversation':{'id':'79'},'type':'text','text':'hello'}}");
    rig_ask(r, 200, "GET /wait?what=service.message&conversation=79&id=mid-1&text=hell", NULL);
    rig_expect(r, "item.text", "'hello'");
    rig_ask(r, 200, "GET /wait?what=service.message&conversation=80&timeout_ms=0", NULL);
    rig_expect(r, "done", "false");
}

static void the_number_of_waiters_is_limited(void **state)
{
    struct rig *r = *state;
    static struct rig_client c[256];

    for (size_t i = 0; i < AMO_COUNT(c); i++)
        rig_begin(r, &c[i], "GET /_sandbox/wait?what=client.accepted", "", "");
    while (r->sandbox.waits->n < AMO_COUNT(c))
        rig_turn(r);
    rig_ask(r, 507, "GET /wait?what=client.accepted", NULL);
    a_client_writes(r, "m1");
    for (size_t i = 0; i < AMO_COUNT(c); i++) {
        rig_end(r, &c[i]);
        rig_expect(r, "done", "true");
    }
    assert_int_equal(r->sandbox.waits->n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(what_is_true_already_is_answered_at_once),
        RIG_TEST(a_counter_is_waited_for),
        RIG_TEST(the_wait_for_a_call_shows_it_when_it_is_over),
        RIG_TEST(a_wait_ends_at_its_timeout),
        RIG_TEST(an_unknown_wait_is_refused),
        RIG_TEST(each_kind_of_thing_can_be_waited_for),
        RIG_TEST(what_a_service_was_given_can_be_waited_for),
        RIG_TEST(the_number_of_waiters_is_limited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
