/* The addresses of testers, and one act or many of them. */
#include "tools/sandbox/acts/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/sandbox/testing/json.h"
#include "tools/sandbox/testing/rig.h"

static void an_unknown_address_is_refused(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 404, "GET /nothing", NULL);
    rig_expect(r, "error.code", "'not_found'");
    rig_ask(r, 404, "GET /health/more", NULL);
    rig_ask(r, 404, "GET /channelsmore", NULL);
    rig_ask(r, 405, "DELETE /settings", NULL);
    rig_expect(r, "error.code", "'wrong_method'");
    rig_send(r, "POST /_sandbox/reset", "", "no json");
    assert_int_equal(r->status, 400);
    rig_expect(r, "error", "{'code':'not_json','message':'the body is not JSON','field':null}");
}

static void health_and_counters_are_shown(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "PATCH /settings", "{'clock_offset_ms':-1000000000000}");
    rig_ask(r, 200, "GET /health", NULL);
    rig_expect(r, "ok", "true");
    assert_true(json_object_get_int64(testing_at(r->answer, "now_ms")) < 1000000000000);
    rig_ask(r, 200, "GET /counters", NULL);
    assert_int_equal(json_object_get_int64(json_object_object_get(r->answer, "full")), 0);
}

static void settings_are_shown_and_changed(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "PUT /settings", "{'repeat':400}");
    rig_expect(r, "repeat", "400");
    rig_ask(r, 400, "PATCH /settings", "{'repeat':500}");
    rig_expect(r, "error.message", "'repeat: is out of range'");
    rig_ask(r, 200, "GET /settings", NULL);
    rig_expect(r, "repeat", "400");
}

static void many_acts_are_run_until_the_first_mistake(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "POST /client/writes",
            "[{'conversation':'1','text':'a'},{'conversation':'2','text':'b'}]");
    rig_expect(r, "queued", "2");
    rig_expect(r, "items.1.conversation", "'2'");
    rig_ask(r, 400, "POST /client/writes", "[{'conversation':'1','text':'a'},{'text':'b'}]");
    rig_expect(r, "error.message", "'conversation: is required'");
    rig_ask(r, 400, "POST /client/writes", "['text']");
    rig_expect(r, "error.message", "'act: must be an object'");
    rig_await_idle(r);
    assert_int_equal(rig_count(r, "client.queued"), 3); /* what came before the mistake */
}

static void an_act_is_repeated_with_its_number_filled_in(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "POST /client/writes",
            "{'count':4,'spread':2,'conversation':'c{c}','id':'m{n}','text':'{n} of {c} {x}',"
            "'list':['{n}'],'inner':{'n':'{n}'}}");
    rig_expect(r, "queued", "4");
    rig_expect(r, "items.0.id", "'m1'");
    rig_expect(r, "items.0.conversation", "'c0000001'");
    rig_expect(r, "items.3.id", "'m4'");
    rig_expect(r, "items.3.conversation", "'c0000002'");
    rig_await_idle(r);
    rig_ask(r, 200, "GET /client/calls?id=m4", NULL);
    rig_expect(r, "items.0.conversation", "'c0000002'");
    assert_non_null(strstr(testing_text_at(r->answer, "items.0.body"), "4 of 0000002 {x}"));
    assert_non_null(strstr(testing_text_at(r->answer, "items.0.body"), "[\"4\"]"));
    rig_ask(r, 400, "POST /client/writes", "{'count':1000001,'conversation':'c'}");
    rig_ask(r, 400, "POST /client/writes", "{'count':1,'spread':0,'conversation':'c'}");
    rig_ask(r, 200, "POST /client/writes", "{'count':0,'conversation':'c'}");
    rig_expect(r, "queued", "0");
}

static void faults_are_made_shown_and_taken_away(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "POST /faults", "[{'on':'amojo','status':500},{'on':'service'}]");
    rig_expect(r, "items.1.fault", "2");
    rig_ask(r, 400, "POST /faults", "{'on':'core'}");
    rig_ask(r, 200, "DELETE /faults/1", NULL);
    rig_expect(r, "items.0.fault", "2");
    rig_ask(r, 404, "DELETE /faults/1", NULL);
    rig_ask(r, 200, "GET /faults", NULL);
    rig_expect(r, "items.1", "null");
    rig_ask(r, 200, "DELETE /faults", NULL);
    rig_expect(r, "items", "[]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(an_unknown_address_is_refused),
        RIG_TEST(health_and_counters_are_shown),
        RIG_TEST(settings_are_shown_and_changed),
        RIG_TEST(many_acts_are_run_until_the_first_mistake),
        RIG_TEST(an_act_is_repeated_with_its_number_filled_in),
        RIG_TEST(faults_are_made_shown_and_taken_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
