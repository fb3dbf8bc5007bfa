/* Rules that make calls go wrong. */
#include "tools/sandbox/record/faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/testing/json.h"

static void add_rule(struct faults *f, const char *text)
{
    struct json_object *rule = testing_json(text);
    struct jcheck c = {""};
    struct json_object *o = faults_add(f, rule, &c);

    assert_string_equal(c.words, "");
    json_object_put(o);
    json_object_put(rule);
}

static void assert_refused(const char *text, const char *words)
{
    struct faults f = {0};
    struct json_object *rule = testing_json(text);
    struct jcheck c = {""};

    assert_null(faults_add(&f, rule, &c));
    assert_string_equal(c.words, words);
    faults_clear(&f);
    json_object_put(rule);
}

static int take(struct faults *f, const char *kind, const char *body)
{
    struct fault_play p;
    int status = 0;

    faults_take(f, "amojo", kind, "/x", view_of(body), &p);
    status = p.number ? p.status : 0;
    fault_play_fini(&p);
    return status;
}

static void rules_are_a_queue_that_respects_skip_times_and_match(void **state)
{
    struct faults f = {0};

    (void)state;
    add_rule(&f, "{'on':'amojo.new_message','skip':1,'times':2,'status':500}");
    add_rule(&f, "{'on':'amojo.new_message','match':'needle','status':429}");
    add_rule(&f, "{'on':'service','status':410}");
    assert_int_equal(take(&f, "new_message", "hay"), 0);
    assert_int_equal(take(&f, "history", "hay"), 0);
    assert_int_equal(take(&f, "new_message", "hay"), 500);
    assert_int_equal(take(&f, "new_message", "needle"), 500);
    assert_int_equal(take(&f, "new_message", "needle"), 429);
    assert_int_equal(take(&f, "new_message", "hay"), 0);
    assert_true(faults_remove(&f, 2));
    assert_false(faults_remove(&f, 2));
    assert_int_equal(take(&f, "new_message", "needle"), 0);
    faults_clear(&f);
}

static void the_same_seed_gives_the_same_faults(void **state)
{
    static const char rule[] = "{'on':'amojo','status':500,'probability':0.3,'seed':7}";
    struct faults a = {0};
    struct faults b = {0};
    int hits = 0;

    (void)state;
    add_rule(&a, rule);
    add_rule(&b, rule);
    for (int i = 0; i < 1000; i++) {
        int status = take(&a, "chats", "");

        assert_int_equal(status, take(&b, "chats", ""));
        hits += status == 500;
    }
    assert_in_range(hits, 200, 400);
    faults_clear(&a);
    faults_clear(&b);
}

static void a_play_has_all_that_the_rule_says(void **state)
{
    struct faults f = {0};
    struct fault_play p;

    (void)state;
    add_rule(&f, "{'on':'service.message.created','status':503,'process':true,'delay_ms':5,"
                 "'delay_before_ms':7,'retry_after':30,'cut':'after','body':{'a':1}}");
    faults_take(&f, "service", "message.created", "/mobilon/wa", VIEW_LIT("{}"), &p);
    assert_int_equal(p.number, 1);
    assert_int_equal(p.status, 503);
    assert_true(p.process);
    assert_int_equal(p.delay_ms, 5);
    assert_int_equal(p.delay_before_ms, 7);
    assert_string_equal(p.retry_after, "30");
    assert_int_equal(p.cut, FAULT_CUT_AFTER);
    assert_string_equal(p.body->bytes, "{\"a\":1}");
    faults_clear(&f); /* the play keeps its body */
    assert_string_equal(p.body->bytes, "{\"a\":1}");
    fault_play_fini(&p);
}

static void a_rule_for_a_path_fits_that_path_alone(void **state)
{
    struct faults f = {0};
    struct fault_play p;

    (void)state;
    add_rule(&f, "{'on':'amojo','match':'/chats','status':500}");
    faults_take(&f, "amojo", "chats", "/v2/chats", VIEW_LIT(""), &p);
    assert_int_equal(p.status, 500);
    fault_play_fini(&p);
    faults_take(&f, "amojo", "typing", "/v2/typing", VIEW_LIT(""), &p);
    assert_int_equal(p.number, 0);
    faults_clear(&f);
}

static void rules_are_shown_with_what_is_left_of_them(void **state)
{
    struct faults f = {0};
    struct json_object *o = NULL;

    (void)state;
    add_rule(&f, "{'on':'amojo','times':3,'skip':1,'status':500,'cut':'before'}");
    assert_int_equal(take(&f, "chats", ""), 0);
    assert_int_equal(take(&f, "chats", ""), 500);
    o = faults_json(&f);
    testing_assert_at(o, "items.0",
                      "{'fault':1,'on':'amojo','times_left':2,'status':500,'cut':'before',"
                      "'played':1}");
    json_object_put(o);
    faults_clear(&f);
}

static void malformed_rules_are_refused(void **state)
{
    (void)state;
    assert_refused("{'status':500}", "on: is required");
    assert_refused("{'on':'core'}", "on: must be amojo, service or one of their kinds");
    assert_refused("{'on':'amojo.nonsense','status':500}",
                   "on: must be amojo, service or one of their kinds");
    assert_refused("{'on':'service.message','status':500}",
                   "on: must be amojo, service or one of their kinds");
    assert_refused("{'on':'amojonew_message','status':500}",
                   "on: must be amojo, service or one of their kinds");
    assert_refused("{'on':'amojo','status':99}", "status: must be 200 to 999");
    assert_refused("{'on':'amojo','status':'500'}", "status: must be an integer");
    assert_refused("{'on':'amojo','cut':'now'}", "cut: must be before or after");
    assert_refused("{'on':'amojo','delay_ms':-1}", "delay_ms: must be 0 to 600000");
    assert_refused("{'on':'amojo','probability':1.5}", "probability: must be 0 to 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_a_queue_that_respects_skip_times_and_match),
        cmocka_unit_test(the_same_seed_gives_the_same_faults),
        cmocka_unit_test(a_play_has_all_that_the_rule_says),
        cmocka_unit_test(a_rule_for_a_path_fits_that_path_alone),
        cmocka_unit_test(rules_are_shown_with_what_is_left_of_them),
        cmocka_unit_test(malformed_rules_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
