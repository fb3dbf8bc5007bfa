#include "base/buf.h"

#include <string.h>

#include "base/testing.h"

static void an_absent_view_differs_from_an_empty_one(void **state)
{
    (void)state;
    assert_null(view_of(NULL).ptr);
    assert_non_null(view_of("").ptr);
    assert_true(view_empty(VIEW_NONE));
    assert_true(view_empty(view_of("")));
    assert_true(view_is(view_of(""), ""));
    assert_false(view_is(VIEW_NONE, ""));
}

static void views_compare_bytewise(void **state)
{
    (void)state;
    assert_true(view_equal(view_of("abc"), VIEW_LIT("abc")));
    assert_false(view_equal(view_of("abc"), view_of("ab")));
    assert_int_equal(view_compare(view_of("a"), view_of("b")), -1);
    assert_int_equal(view_compare(view_of("ab"), view_of("a")), 1);
    assert_int_equal(view_compare(view_of("a"), view_of("ab")), -1);
    assert_int_equal(view_compare(view_of("\x80"), view_of("a")), 1);
    assert_int_equal(view_compare(VIEW_NONE, view_of("")), 0);
    assert_true(view_starts(view_of("sqlite:x"), "sqlite:"));
    assert_false(view_starts(view_of("sql"), "sqlite:"));
}

static void a_text_is_found_inside_a_view(void **state)
{
    struct view v = VIEW_LIT("aab\0aabc");

    (void)state;
    assert_ptr_equal(view_find(v, "aabc"), v.ptr + 4);
    assert_ptr_equal(view_find(v, "aa"), v.ptr);
    assert_null(view_find(v, "abcd"));
    assert_null(view_find(VIEW_NONE, "a"));
}

static void copying_a_view_needs_room_for_the_end(void **state)
{
    char space[4] = "???";

    (void)state;
    assert_int_equal(view_copy(view_of("abcd"), space, sizeof(space)), -ENOSPC);
    assert_string_equal(space, "???");
    assert_int_equal(view_copy(view_of("abc"), space, sizeof(space)), 0);
    assert_string_equal(space, "abc");
}

static void a_text_is_cut_between_characters(void **state)
{
    struct view v = VIEW_LIT("a\xd1\x8b\xe2\x82\xac");

    (void)state;
    assert_int_equal(view_cut(v, 0).len, 0);
    assert_int_equal(view_cut(v, 2).len, 1);
    assert_int_equal(view_cut(v, 3).len, 3);
    assert_int_equal(view_cut(v, 5).len, 3);
    assert_int_equal(view_cut(v, 6).len, 6);
    assert_int_equal(view_cut(v, 99).len, 6);
    assert_int_equal(view_cut(VIEW_NONE, 4).len, 0);
}

static void a_buf_grows_to_its_limit_and_no_further(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    for (int i = 0; i < 100; i++)
        assert_int_equal(buf_add_str(&b, "0123456789"), 0);
    assert_int_equal(buf_view(&b).len, 1000);
    assert_int_equal(buf_add_char(&b, 'x'), -ENOSPC);
    assert_int_equal(buf_view(&b).len, 1000);
    buf_fini(&b);
}

static void the_first_error_sticks_until_reset(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 4);
    assert_int_equal(buf_add_str(&b, "12345"), -ENOSPC);
    assert_int_equal(buf_add_str(&b, "1"), -ENOSPC);
    assert_int_equal(buf_error(&b), -ENOSPC);
    buf_reset(&b);
    assert_int_equal(buf_error(&b), 0);
    assert_int_equal(buf_add_str(&b, "1234"), 0);
    buf_fini(&b);
}

static void an_empty_buf_shows_as_empty_text(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 10);
    assert_string_equal(buf_str(&b), "");
    assert_non_null(buf_view(&b).ptr);
    assert_null(buf_take(&b));
    buf_fini(&b);
}

static void formatted_text_of_any_length_is_added_whole(void **state)
{
    struct buf b;
    char longer[700];

    (void)state;
    memset(longer, 'y', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    buf_init(&b, 2000);
    assert_int_equal(buf_add_f(&b, "%d-%s", 7, "x"), 0);
    assert_string_equal(buf_str(&b), "7-x");
    assert_int_equal(buf_add_f(&b, "%s", longer), 0);
    assert_int_equal(buf_view(&b).len, 3 + sizeof(longer) - 1);
    assert_string_equal(buf_str(&b) + 3, longer);
    buf_fini(&b);
}

static void consumed_bytes_leave_the_rest_in_front(void **state)
{
    struct buf b;
    char *p = NULL;

    (void)state;
    buf_init(&b, 100);
    p = buf_reserve(&b, 6);
    for (int i = 0; i < 6; i++)
        p[i] = (char)('a' + i);
    buf_grow(&b, 6);
    buf_consume(&b, 2);
    assert_string_equal(buf_str(&b), "cdef");
    buf_consume(&b, 4);
    assert_string_equal(buf_str(&b), "");
    buf_fini(&b);
}

static void taken_memory_belongs_to_the_taker(void **state)
{
    struct buf b;
    char *mine = NULL;

    (void)state;
    buf_init(&b, 100);
    assert_int_equal(buf_add_view(&b, view_of("mine")), 0);
    mine = buf_take(&b);
    assert_string_equal(mine, "mine");
    assert_int_equal(buf_view(&b).len, 0);
    buf_fini(&b);
    mem_free(mine);
}

static int fill_a_buf(void *arg)
{
    struct buf b;
    int rc = 0;

    (void)arg;
    buf_init(&b, 10000);
    for (int i = 0; i < 50; i++)
        (void)buf_add_f(&b, "row %d and some more text to make it grow\n", i);
    rc = buf_error(&b);
    buf_fini(&b);
    return rc;
}

static void a_buf_survives_every_failed_allocation(void **state)
{
    (void)state;
    testing_fail_each_allocation(fill_a_buf, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_absent_view_differs_from_an_empty_one),
        cmocka_unit_test(views_compare_bytewise),
        cmocka_unit_test(a_text_is_found_inside_a_view),
        cmocka_unit_test(copying_a_view_needs_room_for_the_end),
        cmocka_unit_test(a_text_is_cut_between_characters),
        cmocka_unit_test(a_buf_grows_to_its_limit_and_no_further),
        cmocka_unit_test(the_first_error_sticks_until_reset),
        cmocka_unit_test(an_empty_buf_shows_as_empty_text),
        cmocka_unit_test(formatted_text_of_any_length_is_added_whole),
        cmocka_unit_test(consumed_bytes_leave_the_rest_in_front),
        cmocka_unit_test(taken_memory_belongs_to_the_taker),
        cmocka_unit_test(a_buf_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
