/* What all rooms share: time, numbers, limits, counters. */
#include "tools/sandbox/record/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tools/sandbox/record/counters.h"
#include "tools/sandbox/testing/json.h"

static void time_is_the_wall_clock_with_the_offset_of_the_settings(void **state)
{
    struct sandbox s = {.settings.clock_offset_ms = -3600000};
    int64_t off = sandbox_unix_ms(&s) - clock_unix_ms();

    (void)state;
    assert_true(llabs(off + 3600000) < 1000);
}

static void numbers_rise_by_one(void **state)
{
    struct sandbox s = {0};

    (void)state;
    assert_int_equal(sandbox_seq(&s), 1);
    assert_int_equal(sandbox_seq(&s), 2);
    assert_int_equal(s.seq, 2);
}

static void a_limit_that_is_reached_is_counted(void **state)
{
    struct sandbox s = {.settings.max_messages = 2};

    (void)state;
    assert_true(sandbox_has_space(&s, 4, 5, "things"));
    assert_int_equal(s.counters.full, 0);
    assert_false(sandbox_has_space(&s, 5, 5, "things"));
    assert_false(sandbox_has_space(&s, 6, 5, "things"));
    assert_int_equal(s.counters.full, 2);
    s.n_messages = 1;
    assert_true(sandbox_has_message_space(&s));
    s.n_messages = 2;
    assert_false(sandbox_has_message_space(&s));
}

static void counters_are_found_and_shown_by_their_names(void **state)
{
    struct counters c = {.amojo_messages = 7, .full = 1};
    struct json_object *o = counters_json(&c);

    (void)state;
    assert_ptr_equal(counters_find(&c, "amojo.messages"), &c.amojo_messages);
    assert_ptr_equal(counters_find(&c, "full"), &c.full);
    assert_null(counters_find(&c, "amojo"));
    assert_null(counters_find(&c, ""));
    testing_assert_at(o, "full", "1");
    testing_assert_at(o, "faults", "0");
    json_object_put(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_is_the_wall_clock_with_the_offset_of_the_settings),
        cmocka_unit_test(numbers_rise_by_one),
        cmocka_unit_test(a_limit_that_is_reached_is_counted),
        cmocka_unit_test(counters_are_found_and_shown_by_their_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
