#include "base/num.h"

#include "base/testing.h"

static void digits_are_read_up_to_the_last_value(void **state)
{
    uint64_t u = 0;

    (void)state;
    assert_int_equal(num_parse_u64(view_of("18446744073709551615"), &u), 0);
    assert_true(u == UINT64_MAX);
    assert_int_equal(num_parse_u64(view_of("0"), &u), 0);
    assert_int_equal(u, 0);
    assert_int_equal(num_parse_u64(view_of("18446744073709551616"), &u), -ERANGE);
    assert_int_equal(u, 0);
}

static void anything_but_digits_is_no_number(void **state)
{
    const char *const wrong[] = {"", " 1", "1 ", "+1", "-1", "0x1", "1.0", "1e3", "\xd9\xa1"};
    uint64_t u = 7;

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(wrong); i++)
        assert_int_equal(num_parse_u64(view_of(wrong[i]), &u), -EINVAL);
    assert_int_equal(num_parse_u64(VIEW_NONE, &u), -EINVAL);
    assert_int_equal(u, 7);
}

static void signed_numbers_reach_both_ends(void **state)
{
    int64_t s = 0;

    (void)state;
    assert_int_equal(num_parse_i64(view_of("-9223372036854775808"), &s), 0);
    assert_true(s == INT64_MIN);
    assert_int_equal(num_parse_i64(view_of("9223372036854775807"), &s), 0);
    assert_true(s == INT64_MAX);
    assert_int_equal(num_parse_i64(view_of("-0"), &s), 0);
    assert_int_equal(s, 0);
    assert_int_equal(num_parse_i64(view_of("9223372036854775808"), &s), -ERANGE);
    assert_int_equal(num_parse_i64(view_of("-9223372036854775809"), &s), -ERANGE);
    assert_int_equal(num_parse_i64(view_of("-"), &s), -EINVAL);
    assert_int_equal(num_parse_i64(view_of("--1"), &s), -EINVAL);
}

static void a_range_includes_both_bounds(void **state)
{
    uint64_t u = 0;

    (void)state;
    assert_int_equal(num_parse_range(view_of("1"), 1, 3, &u), 0);
    assert_int_equal(num_parse_range(view_of("3"), 1, 3, &u), 0);
    assert_int_equal(num_parse_range(view_of("0"), 1, 3, &u), -ERANGE);
    assert_int_equal(num_parse_range(view_of("4"), 1, 3, &u), -ERANGE);
}

static void sizes_take_powers_of_1024(void **state)
{
    uint64_t u = 0;

    (void)state;
    assert_int_equal(num_parse_bytes(view_of("512"), &u), 0);
    assert_int_equal(u, 512);
    assert_int_equal(num_parse_bytes(view_of("2K"), &u), 0);
    assert_int_equal(u, 2048);
    assert_int_equal(num_parse_bytes(view_of("3MiB"), &u), 0);
    assert_int_equal(u, 3 * 1024 * 1024);
    assert_int_equal(num_parse_bytes(view_of("4GiB"), &u), 0);
    assert_true(u == 4ULL << 30);
    assert_int_equal(num_parse_bytes(view_of("4 GiB"), &u), -EINVAL);
    assert_int_equal(num_parse_bytes(view_of("4kb"), &u), -EINVAL);
    assert_int_equal(num_parse_bytes(view_of("GiB"), &u), -EINVAL);
    assert_int_equal(num_parse_bytes(view_of("18446744073709551615K"), &u), -ERANGE);
}

static void sums_and_products_refuse_to_wrap(void **state)
{
    uint64_t u = 5;

    (void)state;
    assert_int_equal(num_add(UINT64_MAX, 1, &u), -EOVERFLOW);
    assert_int_equal(num_mul(UINT64_MAX, 2, &u), -EOVERFLOW);
    assert_int_equal(u, 5);
    assert_int_equal(num_add(2, 3, &u), 0);
    assert_int_equal(num_mul(u, 3, &u), 0);
    assert_int_equal(u, 15);
    assert_int_equal(num_min(2, 3), 2);
    assert_int_equal(num_max(2, 3), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_are_read_up_to_the_last_value),
        cmocka_unit_test(anything_but_digits_is_no_number),
        cmocka_unit_test(signed_numbers_reach_both_ends),
        cmocka_unit_test(a_range_includes_both_bounds),
        cmocka_unit_test(sizes_take_powers_of_1024),
        cmocka_unit_test(sums_and_products_refuse_to_wrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
