/* Lanes: one job of a line on the wire, no line waits for another. */
#include "tools/sandbox/http/lanes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/testing.h"
#include "tools/sandbox/kit/timers.h"

struct test_job {
    struct lane_job lane;
    char name;
};

static struct lane_job *started[16];
static size_t n_started;
static int start_rc;
static int n_freed;

static int start_job(void *arg, struct lane_job *job)
{
    (void)arg;
    if (start_rc)
        return start_rc;
    started[n_started++] = job;
    return 0;
}

static void free_job(struct lane_job *job)
{
    n_freed++;
    mem_free(job);
}

static struct lanes *open_lanes(struct timers *ts)
{
    struct lanes *ls = NULL;

    timers_init(ts);
    n_started = 0;
    n_freed = 0;
    start_rc = 0;
    assert_int_equal(lanes_new(&ls, ts, start_job, free_job, NULL), 0);
    return ls;
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
    struct timers ts;
    struct lanes *ls = open_lanes(&ts);

    (void)state;
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
}

static void no_more_start_than_the_limit_says(void **state)
{
    struct timers ts;
    struct lanes *ls = open_lanes(&ts);

    (void)state;
    add_job(ls, "one", 'a');
    add_job(ls, "two", 'b');
    add_job(ls, "three", 'c');
    lanes_pump(ls, 2, 0);
    assert_int_equal(n_started, 2);
    lanes_done(ls, started[1]);
    lanes_pump(ls, 2, 0);
    assert_int_equal(n_started, 3);
    assert_int_equal(started_name(2), 'c');
    lanes_free(ls);
    assert_int_equal(n_freed, 3);
}

static void a_job_that_cannot_start_is_asked_again_a_little_later(void **state)
{
    struct timers ts;
    struct lanes *ls = open_lanes(&ts);

    (void)state;
    add_job(ls, "one", 'a');
    add_job(ls, "two", 'b');
    start_rc = -1;
    lanes_pump(ls, 10, 0);
    start_rc = 0;
    lanes_pump(ls, 10, 0); /* the other one, which was not asked */
    assert_int_equal(n_started, 1);
    assert_int_equal(started_name(0), 'b');
    timers_run(&ts, 60);
    lanes_pump(ls, 10, 60);
    assert_int_equal(n_started, 2);
    assert_int_equal(started_name(1), 'a');
    lanes_free(ls);
}

static void a_line_that_became_empty_can_be_used_again(void **state)
{
    struct timers ts;
    struct lanes *ls = open_lanes(&ts);

    (void)state;
    add_job(ls, "one", 'a');
    lanes_pump(ls, 10, 0);
    lanes_done(ls, started[0]);
    assert_int_equal(lanes_count(ls), 0);
    add_job(ls, "one", 'b');
    lanes_pump(ls, 10, 0);
    assert_int_equal(started_name(1), 'b');
    lanes_free(ls);
}

static void clearing_frees_what_waits_and_what_is_started(void **state)
{
    struct timers ts;
    struct lanes *ls = open_lanes(&ts);
    char key[8];

    (void)state;
    for (char i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i % 50);
        add_job(ls, key, i);
    }
    lanes_pump(ls, 10, 0);
    lanes_again(ls, started[3], 0, 1000);
    lanes_clear(ls);
    assert_int_equal(n_freed, 100);
    assert_int_equal(lanes_count(ls), 0);
    assert_int_equal(timers_wait_ms(&ts, 0), -1);
    add_job(ls, "k1", 'z');
    lanes_pump(ls, 10, 0);
    assert_int_equal(started_name(n_started - 1), 'z');
    lanes_free(ls);
}

static int add_two(void *arg)
{
    struct timers ts;
    struct lanes *ls = NULL;
    struct lane_job *jobs[2] = {NULL, NULL};
    int rc = lanes_new(&ls, &ts, start_job, free_job, arg);

    timers_init(&ts);
    for (size_t i = 0; i < 2 && rc == 0; i++) {
        jobs[i] = mem_zalloc(sizeof(*jobs[i]));
        rc = jobs[i] ? lanes_add(ls, i ? "two" : "one", jobs[i]) : -ENOMEM;
        if (rc)
            mem_free(jobs[i]);
    }
    lanes_free(ls);
    return rc;
}

static void without_memory_a_job_stays_with_its_owner(void **state)
{
    (void)state;
    testing_fail_each_allocation(add_two, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lane_has_one_job_on_the_wire_and_holds_up_no_other),
        cmocka_unit_test(no_more_start_than_the_limit_says),
        cmocka_unit_test(a_job_that_cannot_start_is_asked_again_a_little_later),
        cmocka_unit_test(a_line_that_became_empty_can_be_used_again),
        cmocka_unit_test(clearing_frees_what_waits_and_what_is_started),
        cmocka_unit_test(without_memory_a_job_stays_with_its_owner),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
