/* The small parts: timers, lanes, faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tools/sandbox/http/lanes.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/timers.h"
#include "tools/sandbox/record/faults.h"

static char fired[64];

static void fire(void *arg)
{
    const char *name = arg;
    size_t n = strlen(fired);

    assert_true(n + 1 < sizeof(fired));
    fired[n] = name[0];
    fired[n + 1] = '\0';
}

static void timers_fire_in_order_of_time_and_not_when_disarmed(void **state)
{
    static char names[6][2] = {"a", "b", "c", "d", "e", "f"};
    static const int64_t due[6] = {50, 10, 40, 30, 20, 60};
    struct timers ts = {{0}};
    struct timer t[6] = {{0}};

    (void)state;
    fired[0] = '\0';
    assert_int_equal(timers_wait_ms(&ts, 0), -1);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(timers_arm(&ts, &t[i], due[i], fire, names[i]), 0);
    timers_disarm(&ts, &t[3]);
    assert_int_equal(timers_arm(&ts, &t[1], 45, fire, names[1]), 0);
    assert_int_equal(timers_wait_ms(&ts, 5), 15);
    timers_run(&ts, 50);
    assert_string_equal(fired, "ecba");
    timers_run(&ts, 100);
    assert_string_equal(fired, "ecbaf");
    timers_fini(&ts);
}

struct test_job {
    struct lane_job lane;
    char name;
};

static struct lane_job *started[16];
static size_t n_started;

static int start_job(void *arg, struct lane_job *job)
{
    (void)arg;
    started[n_started++] = job;
    return 0;
}

static void free_job(struct lane_job *job)
{
    mem_free(job);
}

static void add_job(struct lanes *ls, const char *key, char name)
{
    struct test_job *j = mem_zalloc(sizeof(*j));

    assert_non_null(j);
    j->name = name;
    assert_int_equal(lanes_add(ls, key, &j->lane), 0);
}

static char started_name(size_t i)
{
    return ((const struct test_job *)(const void *)started[i])->name;
}

static void a_lane_has_one_job_on_the_wire_and_holds_up_no_other(void **state)
{
    struct timers ts = {{0}};
    struct lanes *ls = NULL;

    (void)state;
    n_started = 0;
    assert_int_equal(lanes_new(&ls, &ts, start_job, free_job, NULL), 0);
    add_job(ls, "one", 'a');
    add_job(ls, "one", 'b');
    add_job(ls, "two", 'c');
    lanes_pump(ls, 10, 0);
    assert_int_equal(n_started, 2);
    assert_int_equal(started_name(0), 'a');
    assert_int_equal(started_name(1), 'c');
    lanes_again(ls, started[0], 0, 100);
    lanes_done(ls, started[1]);
    lanes_pump(ls, 10, 0);
    assert_int_equal(n_started, 2);
    timers_run(&ts, 100);
    lanes_pump(ls, 10, 100);
    assert_int_equal(n_started, 3);
    assert_int_equal(started_name(2), 'a');
    lanes_done(ls, started[2]);
    lanes_pump(ls, 10, 100);
    assert_int_equal(started_name(3), 'b');
    assert_int_equal(lanes_count(ls), 1);
    lanes_free(ls);
    timers_fini(&ts);
}

static void add_rule(struct faults *f, const char *json)
{
    struct json_object *rule = jread_parse(view_of(json));
    struct jcheck c = {""};
    struct json_object *o = faults_add(f, rule, &c);

    assert_string_equal(c.words, "");
    json_object_put(o);
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
    add_rule(&f, "{\"on\":\"amojo.new_message\",\"skip\":1,\"times\":2,\"status\":500}");
    add_rule(&f, "{\"on\":\"amojo.new_message\",\"match\":\"needle\",\"status\":429}");
    add_rule(&f, "{\"on\":\"service\",\"status\":410}");
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
    static const char rule[] =
        "{\"on\":\"amojo\",\"status\":500,\"probability\":0.3,\"seed\":7}";
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order_of_time_and_not_when_disarmed),
        cmocka_unit_test(a_lane_has_one_job_on_the_wire_and_holds_up_no_other),
        cmocka_unit_test(rules_are_a_queue_that_respects_skip_times_and_match),
        cmocka_unit_test(the_same_seed_gives_the_same_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
