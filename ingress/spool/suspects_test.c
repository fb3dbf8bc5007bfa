/* Which events are thought to be what core dies of, and when one of them is proven. */

#include "ingress/spool/suspects.h"

#include "base/testing.h"

static struct suspects s;

static int begin(void **state)
{
    (void)state;
    s = (struct suspects){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    suspects_fini(&s);
    return 0;
}

static const struct flight three[] = {{.number = 5}, {.number = 6}, {.number = 7}};

static bool alone(uint64_t number)
{
    return suspects_alone(&s, suspects_find(&s, number), number);
}

static bool marked(uint64_t number)
{
    const struct suspect *one = suspects_find(&s, number);

    return one && one->marked;
}

static void two_deaths_make_all_in_hand_travel_alone(void **state)
{
    (void)state;
    suspects_died(&s, three, 3, false);
    assert_false(alone(5));
    suspects_died(&s, three, 3, false);
    assert_true(alone(5) && alone(6) && alone(7));
    assert_false(alone(8));
    assert_false(marked(5) || marked(6));
}

static void two_more_while_alone_prove_one(void **state)
{
    (void)state;
    suspects_died(&s, three, 3, false);
    suspects_died(&s, three, 3, false);
    suspects_died(&s, three, 1, true);
    assert_false(marked(5)); /* one may be chance */
    suspects_died(&s, three, 1, true);
    assert_true(marked(5));
    assert_false(marked(6));
}

static void what_core_has_is_no_suspect_any_more(void **state)
{
    (void)state;
    suspects_died(&s, three, 3, false);
    suspects_died(&s, three, 3, false);
    suspects_drop(&s, 5, 6);
    assert_null(suspects_find(&s, 5));
    assert_null(suspects_find(&s, 6));
    assert_true(alone(7));
    suspects_drop(&s, 1, UINT64_MAX);
    assert_int_equal(s.n, 0);
    suspects_died(&s, three, 1, false); /* and begins anew */
    assert_false(alone(5));
}

static void three_ends_with_the_same_first_make_core_careful(void **state)
{
    static const struct flight other[] = {{.number = 4}};

    (void)state;
    suspects_ended(&s, three, 3, false);
    suspects_ended(&s, three, 3, false);
    assert_false(alone(5));
    suspects_ended(&s, other, 1, false); /* another one was first: it counts anew */
    suspects_ended(&s, three, 3, false);
    suspects_ended(&s, three, 3, false);
    assert_false(alone(5));
    suspects_ended(&s, three, 3, false);
    assert_true(alone(5) && alone(6) && alone(7));
    assert_false(alone(8)); /* it was not there */
    assert_false(marked(5));
}

static void three_ends_while_alone_prove_one(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_false(marked(5));
        suspects_ended(&s, three, 1, true);
    }
    assert_true(marked(5));
}

static void an_end_with_nothing_in_hand_says_nothing(void **state)
{
    (void)state;
    suspects_died(&s, three, 0, false);
    suspects_ended(&s, three, 0, false);
    suspects_ended(&s, three, 0, true);
    assert_int_equal(s.n, 0);
    assert_int_equal(s.first_ends, 0);
}

/* It is counted the next time; what was known stays. */
static void without_memory_nothing_known_is_forgotten(void **state)
{
    (void)state;
    suspects_died(&s, three, 3, false);
    mem_fail_at(1);
    suspects_died(&s, three, 3, false);
    mem_fail_at(0);
    assert_int_equal(s.n, 3);
    assert_false(alone(5));
    suspects_died(&s, three, 3, false);
    assert_true(alone(5));
    mem_fail_at(1);
    suspects_ended(&s, three, 1, true);
    mem_fail_at(0);
    assert_true(alone(5));
    assert_int_equal(suspects_find(&s, 5)->ends, 0);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(two_deaths_make_all_in_hand_travel_alone),
        WITH(two_more_while_alone_prove_one),
        WITH(what_core_has_is_no_suspect_any_more),
        WITH(three_ends_with_the_same_first_make_core_careful),
        WITH(three_ends_while_alone_prove_one),
        WITH(an_end_with_nothing_in_hand_says_nothing),
        WITH(without_memory_nothing_known_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
