/* What stands between a call and its effect: faults, as the bridge sees them. */
#include "tools/sandbox/record/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tools/sandbox/testing/rig.h"

static const char typing[] = "{'conversation_id':'c','sender':{'id':'u'}}";

static void adopt(struct rig *r)
{
    rig_ask(r, 200, "PATCH /settings", "{'unknown_refs':'adopt'}");
}

static void without_a_fault_the_call_has_its_effect_and_is_journalled(void **state)
{
    struct rig *r = *state;

    adopt(r);
    rig_amojo(r, 204, "POST ch_acc/typing", typing);
    assert_int_equal(rig_count(r, "amojo.typings"), 1);
    rig_ask(r, 200, "GET /journal?side=amojo", NULL);
    rig_expect(r, "items.0.kind", "'typing'");
    rig_expect(r, "items.0.verified", "true");
    rig_expect(r, "items.0.status", "204");
    rig_expect(r, "items.0.fault", "null");
    rig_expect(r, "items.1", "null");
}

static void a_status_takes_the_place_of_the_effect(void **state)
{
    struct rig *r = *state;

    adopt(r);
    rig_ask(r, 200, "POST /faults",
            "{'on':'amojo.typing','times':1,'status':503,"
            "'retry_after':'7'}");
    rig_amojo(r, 503, "POST ch_acc/typing", typing);
    assert_non_null(strstr(r->headers, "Retry-After: 7"));
    rig_expect(r, "error_code", "503");
    assert_int_equal(rig_count(r, "amojo.typings"), 0);
    assert_int_equal(rig_count(r, "faults"), 1);
    rig_amojo(r, 204, "POST ch_acc/typing", typing);
    rig_ask(r, 200, "GET /journal?kind=typing", NULL);
    rig_expect(r, "items.0.fault", "1");
    rig_expect(r, "items.0.status", "503");
    rig_expect(r, "items.1.fault", "null");
}

static void a_call_may_have_its_effect_and_another_answer(void **state)
{
    struct rig *r = *state;

    adopt(r);
    rig_ask(r, 200, "POST /faults",
            "{'on':'amojo','status':500,'process':true,'body':{'odd':true}}");
    rig_amojo(r, 500, "POST ch_acc/typing", typing);
    rig_expect(r, "", "{'odd':true}");
    assert_int_equal(rig_count(r, "amojo.typings"), 1);
}

static void a_connection_is_cut_before_or_after_the_effect(void **state)
{
    struct rig *r = *state;

    adopt(r);
    rig_ask(r, 200, "POST /faults",
            "[{'on':'amojo','times':1,'cut':'before'},{'on':'amojo','times':1,'cut':'after'}]");
    rig_amojo(r, 0, "POST ch_acc/typing", typing);
    assert_int_equal(rig_count(r, "amojo.typings"), 0);
    rig_amojo(r, 0, "POST ch_acc/typing", typing);
    assert_int_equal(rig_count(r, "amojo.typings"), 1);
    rig_ask(r, 200, "GET /journal?kind=typing", NULL);
    rig_expect(r, "items.0.status", "0");
    rig_expect(r, "items.1.status", "0");
}

static void an_answer_is_late_by_both_delays(void **state)
{
    struct rig *r = *state;
    int64_t began = clock_mono_ms();

    adopt(r);
    rig_ask(r, 200, "POST /faults", "{'on':'amojo','delay_before_ms':20,'delay_ms':30}");
    rig_amojo(r, 204, "POST ch_acc/typing", typing);
    assert_true(clock_mono_ms() - began >= 50);
}

static void a_reset_may_come_while_a_call_sleeps(void **state)
{
    struct rig *r = *state;
    struct rig_client c;

    adopt(r);
    rig_ask(r, 200, "POST /faults", "{'on':'amojo','delay_before_ms':100}");
    rig_amojo_begin(r, &c, "POST ch_acc/typing", typing);
    while (rig_count(r, "amojo.calls") == 0)
        rig_turn(r);
    rig_ask(r, 200, "POST /reset", "{'what':'all'}");
    rig_end(r, &c);
    assert_int_equal(r->status, 404); /* its channel is gone */
    rig_ask(r, 200, "GET /journal", NULL);
    rig_expect(r, "items", "[]");
}

static void a_brief_journal_keeps_no_bodies_and_one_that_is_off_nothing(void **state)
{
    struct rig *r = *state;

    adopt(r);
    rig_ask(r, 200, "PATCH /settings", "{'journal':'brief'}");
    rig_amojo(r, 204, "POST ch_acc/typing", typing);
    rig_ask(r, 200, "GET /journal", NULL);
    rig_expect(r, "items.0.kind", "'typing'");
    rig_expect(r, "items.0.body", "null");
    rig_ask(r, 200, "PATCH /settings", "{'journal':'off'}");
    rig_amojo(r, 204, "POST ch_acc/typing", typing);
    rig_ask(r, 200, "GET /journal", NULL);
    rig_expect(r, "items.1", "null");
    assert_int_equal(rig_count(r, "amojo.typings"), 2);
}

static void a_full_journal_refuses_the_call(void **state)
{
    struct rig *r = *state;

    adopt(r);
    rig_ask(r, 200, "PATCH /settings", "{'max_journal':1}");
    rig_amojo(r, 204, "POST ch_acc/typing", typing);
    rig_amojo(r, 507, "POST ch_acc/typing", typing);
    assert_int_equal(rig_count(r, "amojo.typings"), 1);
    assert_int_equal(rig_count(r, "full"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(without_a_fault_the_call_has_its_effect_and_is_journalled),
        RIG_TEST(a_status_takes_the_place_of_the_effect),
        RIG_TEST(a_call_may_have_its_effect_and_another_answer),
        RIG_TEST(a_connection_is_cut_before_or_after_the_effect),
        RIG_TEST(an_answer_is_late_by_both_delays),
        RIG_TEST(a_reset_may_come_while_a_call_sleeps),
        RIG_TEST(a_brief_journal_keeps_no_bodies_and_one_that_is_off_nothing),
        RIG_TEST(a_full_journal_refuses_the_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
