/* Timers: in order of time, and none that was disarmed. */
#include "tools/sandbox/kit/timers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/testing.h"

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

static void what_is_overdue_is_not_waited_for(void **state)
{
    struct timers ts = {{0}};
    struct timer t = {0};
    static char name[] = "x";

    (void)state;
    assert_int_equal(timers_arm(&ts, &t, 10, fire, name), 0);
    assert_int_equal(timers_wait_ms(&ts, 25), 0);
    timers_disarm(&ts, &t);
    timers_disarm(&ts, &t);
    assert_int_equal(timers_wait_ms(&ts, 25), -1);
    timers_fini(&ts);
}

struct chain {
    struct timers *timers;
    struct timer timer;
    int left;
};

static void fire_again(void *arg)
{
    struct chain *c = arg;

    if (--c->left > 0)
        assert_int_equal(timers_arm(c->timers, &c->timer, 10, fire_again, c), 0);
}

static void a_timer_may_arm_itself_when_it_fires(void **state)
{
    struct timers ts = {{0}};
    struct chain c = {.timers = &ts, .left = 3};

    (void)state;
    assert_int_equal(timers_arm(&ts, &c.timer, 10, fire_again, &c), 0);
    timers_run(&ts, 10);
    assert_int_equal(c.left, 0);
    timers_fini(&ts);
}

static int arm_many(void *arg)
{
    struct timers ts = {{0}};
    struct timer t[40] = {{0}};
    int rc = 0;

    for (size_t i = 0; i < 40 && rc == 0; i++)
        rc = timers_arm(&ts, &t[i], (int64_t)i, fire, arg);
    timers_fini(&ts);
    return rc;
}

static void without_memory_nothing_is_armed(void **state)
{
    (void)state;
    testing_fail_each_allocation(arm_many, state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order_of_time_and_not_when_disarmed),
        cmocka_unit_test(what_is_overdue_is_not_waited_for),
        cmocka_unit_test(a_timer_may_arm_itself_when_it_fires),
        cmocka_unit_test(without_memory_nothing_is_armed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
