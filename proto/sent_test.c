#include "proto/sent.h"

#include "base/testing.h"

static void an_age_is_never_taken_for_less_than_it_is(void **state)
{
    struct sent_clock c;

    (void)state;
    sent_clock_forget(&c);
    /* core's clock is 1,000,000 ahead; asked at 5,000, answered 20 later, read 30 s later */
    sent_clock_answered(&c, 5000, 1005020, 35000);
    assert_true(c.tied);
    /* sent at our 6,000 and read now: older by at most the way of the answer */
    assert_in_range(sent_clock_own(&c, 1006000, 35000), 5980, 6000);
    /* a quicker answer ties closer, a slower one does not loosen it */
    sent_clock_answered(&c, 36000, 1036001, 36002);
    assert_in_range(sent_clock_own(&c, 1036500, 36600), 36499, 36500);
    sent_clock_answered(&c, 37000, 1039000, 39001);
    assert_in_range(sent_clock_own(&c, 1039500, 39600), 39499, 39500);
    /* nothing was sent in the future */
    assert_int_equal(sent_clock_own(&c, 2000000, 40000), 40000);
}

static void a_tie_is_made_anew_when_clocks_have_run_apart(void **state)
{
    struct sent_clock c;

    (void)state;
    sent_clock_forget(&c);
    sent_clock_answered(&c, 0, 1000, 1);
    sent_clock_answered(&c, 30000, 31500, 30001); /* looser, and soon */
    assert_int_equal(c.offset_ms, -1000);
    sent_clock_answered(&c, 90000, 91500, 90001);
    assert_int_equal(c.offset_ms, -1500);
}

static void without_stamps_the_quickest_frame_stands_for_at_once(void **state)
{
    struct sent_clock c;

    (void)state;
    sent_clock_forget(&c);
    /* the wall clocks are an hour apart */
    assert_int_equal(sent_clock_frame(&c, 3600000, 3, 100), 100);
    assert_int_equal(sent_clock_frame(&c, 3601000, 1005, 1102), 1100);
    /* this process stood still for 33 s */
    assert_in_range(sent_clock_frame(&c, 3602000, 35003, 35100), 2095, 2105);
}

static void a_jump_of_the_wall_clock_puts_nobody_off_for_ever(void **state)
{
    struct sent_clock c;
    int64_t sent = 0;
    int64_t now = 0;

    (void)state;
    sent_clock_forget(&c);
    (void)sent_clock_frame(&c, 0, 0, 0);
    for (now = 1000; now < 200000; now += 1000) /* ours jumps an hour ahead, and stays there */
        sent = sent_clock_frame(&c, now, now + 3600000, now);
    assert_int_equal(sent, now - 1000);
    sent = sent_clock_frame(&c, now, now - 3600000, now); /* and back: younger than ever */
    assert_int_equal(sent, now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_age_is_never_taken_for_less_than_it_is),
        cmocka_unit_test(a_tie_is_made_anew_when_clocks_have_run_apart),
        cmocka_unit_test(without_stamps_the_quickest_frame_stands_for_at_once),
        cmocka_unit_test(a_jump_of_the_wall_clock_puts_nobody_off_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
