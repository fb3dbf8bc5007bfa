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
    struct timers ts;
    struct timer t[6] = {{.fn = NULL}};

    (void)state;
    timers_init(&ts);
    fired[0] = '\0';
    assert_int_equal(timers_wait_ms(&ts, 0), -1);
    for (size_t i = 0; i < 6; i++)
        timers_arm(&ts, &t[i], due[i], fire, names[i]);
    timers_disarm(&t[3]);
    timers_arm(&ts, &t[1], 45, fire, names[1]);
    assert_int_equal(timers_wait_ms(&ts, 5), 15);
    timers_run(&ts, 50);
    assert_string_equal(fired, "ecba");
    timers_run(&ts, 100);
    assert_string_equal(fired, "ecbaf");
}

static void what_is_overdue_is_not_waited_for(void **state)
{
    struct timers ts;
    struct timer t = {.fn = NULL};
    static char name[] = "x";

    (void)state;
    timers_init(&ts);
    timers_arm(&ts, &t, 10, fire, name);
    assert_int_equal(timers_wait_ms(&ts, 25), 0);
    timers_disarm(&t);
    timers_disarm(&t);
    assert_int_equal(timers_wait_ms(&ts, 25), -1);
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
        timers_arm(c->timers, &c->timer, 10, fire_again, c);
}

static void a_timer_may_arm_itself_when_it_fires(void **state)
{
    struct timers ts;
    struct chain c = {.timers = &ts, .left = 3};

    (void)state;
    timers_init(&ts);
    timers_arm(&ts, &c.timer, 10, fire_again, &c);
    timers_run(&ts, 10);
    assert_int_equal(c.left, 0);
}

static void many_timers_keep_their_order(void **state)
{
    struct timers ts;
    struct timer t[40] = {{.fn = NULL}};
    static char name[] = "m";

    (void)state;
    timers_init(&ts);
    fired[0] = '\0';
    for (int64_t i = 0; i < 40; i++) /* 0, 7, 14, … : each number once, in no order */
        timers_arm(&ts, &t[i], 7 * i % 40, fire, name);
    for (int64_t due = 0; due < 40; due++) {
        assert_int_equal(timers_wait_ms(&ts, 0), due);
        timers_run(&ts, due);
        assert_int_equal(strlen(fired), due + 1);
    }
    assert_int_equal(timers_wait_ms(&ts, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order_of_time_and_not_when_disarmed),
        cmocka_unit_test(what_is_overdue_is_not_waited_for),
        cmocka_unit_test(a_timer_may_arm_itself_when_it_fires),
        cmocka_unit_test(many_timers_keep_their_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
