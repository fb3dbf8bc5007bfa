/* What happened, in pages and filtered. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tools/sandbox/testing/json.h"
#include "tools/sandbox/testing/rig.h"

static void clients_write(struct rig *r, int n)
{
    for (int i = 1; i <= n; i++) {
        char payload[256];

        (void)snprintf(payload, sizeof(payload),
                       "'msgid':'m%d','conversation_id':'c%d','sender':{'id':'u%d',"
                       "'name':'Ann'},'message':{'type':'text','text':'hello'}",
                       i, i % 2, i % 2);
        rig_message(r, 200, "new_message", payload);
    }
}

static void a_list_goes_on_where_it_ended(void **state)
{
    struct rig *r = *state;
    char line[64];

    clients_write(r, 5);
    rig_ask(r, 200, "GET /amojo/messages?limit=2", NULL);
    rig_expect(r, "items.0.msgid", "'m1'");
    rig_expect(r, "items.1.msgid", "'m2'");
    rig_expect(r, "items.2", "null");
    (void)snprintf(line, sizeof(line), "GET /amojo/messages?limit=3&since=%lld",
                   (long long)json_object_get_int64(testing_at(r->answer, "next")));
    rig_ask(r, 200, line, NULL);
    rig_expect(r, "items.0.msgid", "'m3'");
    rig_expect(r, "items.2.msgid", "'m5'");
    rig_expect(r, "next", "null");
    rig_ask(r, 200, "GET /amojo/messages?since=1000000", NULL);
    rig_expect(r, "items", "[]");
}

static void a_list_is_filtered_by_what_its_entries_have(void **state)
{
    struct rig *r = *state;

    clients_write(r, 3);
    rig_ask(r, 200, "GET /amojo/messages?conversation=c1", NULL);
    rig_expect(r, "items.1.msgid", "'m3'");
    rig_expect(r, "items.2", "null");
    rig_ask(r, 200, "GET /amojo/messages?scope=ch_acc&msgid=m2&from=client", NULL);
    rig_expect(r, "items.0.msgid", "'m2'");
    rig_ask(r, 200, "GET /amojo/messages?scope=other", NULL);
    rig_expect(r, "items", "[]");
    rig_ask(r, 200, "GET /amojo/chats?conversation=c0", NULL);
    rig_expect(r, "items.0.conversation_id", "'c0'");
    rig_expect(r, "items.1", "null");
    rig_ask(r, 200, "GET /journal?side=amojo&kind=new_message&verified=true", NULL);
    rig_expect(r, "items.2.key", "'m3'");
    rig_ask(r, 200, "GET /journal?side=service", NULL);
    rig_expect(r, "items", "[]");
}

static void calls_and_webhooks_are_listed_with_their_numbers(void **state)
{
    struct rig *r = *state;

    clients_write(r, 1);
    rig_ask(r, 200, "POST /manager/writes", "{'conversation_id':'c1','id':'o','text':'x'}");
    rig_ask(r, 200, "POST /client/writes", "{'conversation':'7','id':'i','text':'x'}");
    rig_await_idle(r);
    rig_ask(r, 200, "GET /webhooks?id=o", NULL);
    rig_expect(r, "items.0.webhook", "1");
    rig_expect(r, "items.0.kind", "'message'");
    rig_ask(r, 200, "GET /client/calls?connector=wa&kind=message&conversation=7&id=i", NULL);
    rig_expect(r, "items.0.call", "1");
    rig_ask(r, 200, "GET /client/calls?kind=status", NULL);
    rig_expect(r, "items", "[]");
}

static void limits_out_of_range_are_refused(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 400, "GET /journal?limit=0", NULL);
    rig_ask(r, 400, "GET /journal?limit=10001", NULL);
    rig_ask(r, 400, "GET /journal?since=-1", NULL);
    rig_expect(r, "error.field", "'limit'");
}

static void a_reset_goes_as_far_as_it_is_told(void **state)
{
    struct rig *r = *state;

    clients_write(r, 2);
    rig_ask(r, 200, "POST /reset", "{'what':'logs'}");
    rig_ask(r, 200, "GET /amojo/messages", NULL);
    rig_expect(r, "items", "[]");
    clients_write(r, 2); /* repeats still */
    assert_int_equal(rig_count(r, "amojo.messages"), 0);
    assert_int_equal(rig_count(r, "amojo.repeats"), 2);
    rig_ask(r, 200, "POST /reset", NULL);
    rig_expect(r, "reset", "'traffic'");
    clients_write(r, 2);
    assert_int_equal(rig_count(r, "amojo.messages"), 2);
    rig_ask(r, 400, "POST /reset", "{'what':'everything'}");
    rig_ask(r, 200, "POST /reset", "{'what':'all'}");
    rig_ask(r, 200, "GET /channels", NULL);
    rig_expect(r, "items", "[]");
}

static void a_reset_stops_what_is_under_way(void **state)
{
    struct rig *r = *state;

    r->bridge_is_slow = true;
    rig_ask(r, 200, "POST /client/writes", "{'count':3,'conversation':'7','text':'x'}");
    rig_await_calls(r, 1);
    rig_ask(r, 200, "POST /reset", "{'what':'traffic'}");
    rig_ask(r, 200, "GET /wait?what=idle&timeout_ms=0", NULL);
    rig_expect(r, "done", "true");
    for (int i = 0; i < 100; i++)
        rig_turn(r);
    assert_int_equal(r->seen.n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_list_goes_on_where_it_ended),
        RIG_TEST(a_list_is_filtered_by_what_its_entries_have),
        RIG_TEST(calls_and_webhooks_are_listed_with_their_numbers),
        RIG_TEST(limits_out_of_range_are_refused),
        RIG_TEST(a_reset_goes_as_far_as_it_is_told),
        RIG_TEST(a_reset_stops_what_is_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
