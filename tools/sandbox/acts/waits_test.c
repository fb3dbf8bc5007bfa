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

static void nothing_is_waited_for_longer_than_was_asked(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "GET /wait?what=amojo.message&text=never&timeout_ms=20", NULL);
    rig_expect(r, "done", "false");
    rig_expect(r, "item", "null");
    assert_true(json_object_get_int(json_object_object_get(r->answer, "waited_ms")) >= 20);
}

static void what_nobody_can_wait_for_is_refused(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 400, "GET /wait?what=godot", NULL);
    rig_expect(r, "error.field", "'what'");
    rig_ask(r, 400, "GET /wait?what=idle&timeout_ms=600001", NULL);
    rig_expect(r, "error.field", "'timeout_ms'");
    rig_ask(r, 400, "GET /wait?what=idle&timeout_ms=-1", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(what_is_true_already_is_answered_at_once),
        RIG_TEST(a_counter_is_waited_for),
        RIG_TEST(the_wait_for_a_call_shows_it_when_it_is_over),
        RIG_TEST(nothing_is_waited_for_longer_than_was_asked),
        RIG_TEST(what_nobody_can_wait_for_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
