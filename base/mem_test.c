#include "base/mem.h"

#include "base/testing.h"

static void zero_bytes_give_a_pointer_of_their_own(void **state)
{
    void *a = mem_alloc(0);
    void *b = mem_zalloc(0);

    (void)state;
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    mem_free(a);
    mem_free(b);
    mem_free(NULL);
}

static void cleared_memory_is_zero(void **state)
{
    unsigned char *p = mem_zalloc(64);
    unsigned char *array = mem_zalloc_array(8, 8);

    (void)state;
    for (size_t i = 0; i < 64; i++) {
        assert_int_equal(p[i], 0);
        assert_int_equal(array[i], 0);
    }
    mem_free(p);
    mem_free(array);
}

static void a_product_that_overflows_gives_no_memory(void **state)
{
    volatile size_t huge = SIZE_MAX / 2; /* the compiler would see through a constant */

    (void)state;
    assert_null(mem_zalloc_array(huge, 3));
}

static void strings_are_copied_with_their_end(void **state)
{
    char *whole = mem_strdup("bridge");
    char *part = mem_strndup("bridge", 3);

    (void)state;
    assert_string_equal(whole, "bridge");
    assert_string_equal(part, "bri");
    mem_free(whole);
    mem_free(part);
}

static void only_the_nth_allocation_fails(void **state)
{
    void *first = NULL;
    void *third = NULL;

    (void)state;
    mem_fail_at(2);
    first = mem_alloc(1);
    assert_non_null(first);
    assert_null(mem_alloc(1));
    third = mem_alloc(1);
    assert_non_null(third);
    mem_free(first);
    mem_free(third);
}

static void a_failed_realloc_keeps_the_old_block(void **state)
{
    char *p = mem_strdup("kept");

    (void)state;
    mem_fail_at(1);
    assert_null(mem_realloc(p, 1000));
    assert_string_equal(p, "kept");
    p = mem_realloc(p, 1000);
    assert_string_equal(p, "kept");
    mem_free(p);
}

static void allocations_are_counted(void **state)
{
    uint64_t before = mem_count();

    (void)state;
    mem_free(mem_alloc(1));
    mem_free(mem_strdup("x"));
    assert_int_equal(mem_count() - before, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_bytes_give_a_pointer_of_their_own),
        cmocka_unit_test(cleared_memory_is_zero),
        cmocka_unit_test(a_product_that_overflows_gives_no_memory),
        cmocka_unit_test(strings_are_copied_with_their_end),
        cmocka_unit_test(only_the_nth_allocation_fails),
        cmocka_unit_test(a_failed_realloc_keeps_the_old_block),
        cmocka_unit_test(allocations_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
