/* What one account may have, and what that leaves to the others of its connector. */

#include "core/shares/limits.h"

#include "base/testing.h"

/* As much as an account that takes all it may can have beside @others. */
static int64_t most_of(int64_t limit, int64_t others, size_t accounts)
{
    int64_t n = 0;

    while (n < limit_account(limit, others, accounts))
        n++;
    return n;
}

static void who_is_alone_has_no_limit_of_its_own(void **state)
{
    (void)state;
    assert_true(limit_account(1000, 0, 1) == SHARE_UNLIMITED);
    assert_true(limit_account(SHARE_UNLIMITED, 10, 3) == SHARE_UNLIMITED);
    assert_int_equal(limit_even(1000, 1), 1000);
    assert_true(limit_even(SHARE_UNLIMITED, 3) == SHARE_UNLIMITED);
}

static void one_that_wants_all_gets_half_and_each_next_one_of_the_rest(void **state)
{
    int64_t used = 0;

    (void)state;
    assert_int_equal(most_of(10000, 0, 50), 5000);
    used = 5000 + most_of(10000, 5000, 50);
    assert_int_equal(used - 5000, 1667); /* two thirds of what that left */
    assert_int_equal(most_of(10000, used, 50), 556);
}

static void two_that_want_all_at_once_get_the_same(void **state)
{
    int64_t n = 0;

    (void)state;
    while (n < limit_account(10000, n, 2))
        n++;
    assert_int_equal(n, 3000);
}

static void whatever_others_do_everybody_has_his_own_part_and_the_sum_holds(void **state)
{
    (void)state;
    for (size_t accounts = 2; accounts <= 400; accounts += 7) {
        int64_t limit = 10000;
        int64_t used = 0;

        for (size_t i = 0; i < accounts; i++) {
            int64_t n = most_of(limit, used, accounts);

            assert_true(n >= limit / 4 / (int64_t)accounts);
            used += n;
        }
        assert_true(used <= limit + (int64_t)accounts);
    }
    assert_int_equal(limit_account(10, 1000, 400), 1); /* nobody has nothing */
    assert_int_equal(limit_even(10, 400), 1);
}

static void a_limit_that_no_disk_has_is_no_trap(void **state)
{
    (void)state;
    assert_true(limit_account(SHARE_UNLIMITED - 1, 0, 2) > 0);
    assert_true(limit_account(SHARE_UNLIMITED - 1, SHARE_UNLIMITED / 2, 2) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_alone_has_no_limit_of_its_own),
        cmocka_unit_test(one_that_wants_all_gets_half_and_each_next_one_of_the_rest),
        cmocka_unit_test(two_that_want_all_at_once_get_the_same),
        cmocka_unit_test(whatever_others_do_everybody_has_his_own_part_and_the_sum_holds),
        cmocka_unit_test(a_limit_that_no_disk_has_is_no_trap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
