/* Texts that stand for something, kept in their order. */
#include "tools/sandbox/kit/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/testing.h"

static void a_text_stands_for_what_it_was_given_last(void **state)
{
    struct names m = {0};
    int a = 1;
    int b = 2;

    (void)state;
    assert_null(names_get(&m, "x"));
    assert_null(names_first(&m));
    assert_int_equal(names_put(&m, "x", &a), 0);
    assert_int_equal(names_put(&m, "x", &b), 0);
    assert_int_equal(m.n, 1);
    assert_ptr_equal(names_get(&m, "x"), &b);
    assert_null(names_get(&m, "y"));
    assert_null(names_get(&m, NULL));
    names_fini(&m);
    assert_null(names_get(&m, "x"));
}

static void the_text_may_be_gone_after_it_was_put(void **state)
{
    struct names m = {0};
    char text[] = "key";
    int v = 0;

    (void)state;
    assert_int_equal(names_put(&m, text, &v), 0);
    text[0] = 'b';
    assert_ptr_equal(names_get(&m, "key"), &v);
    assert_null(names_get(&m, "bey"));
    names_fini(&m);
}

static void many_are_walked_in_the_order_they_came(void **state)
{
    enum {
        N = 5000
    };
    static int values[N];
    struct names m = {0};
    char text[16];
    int i = 0;

    (void)state;
    for (i = 0; i < N; i++) {
        (void)snprintf(text, sizeof(text), "k%d", i);
        assert_int_equal(names_put(&m, text, &values[i]), 0);
    }
    i = 0;
    for (const struct name *e = names_first(&m); e; e = names_next(&m, e)) {
        (void)snprintf(text, sizeof(text), "k%d", i);
        assert_string_equal(e->text, text);
        assert_ptr_equal(e->value, &values[i++]);
    }
    assert_int_equal(i, N);
    names_fini(&m);
}

static int put_two(void *arg)
{
    struct names m = {0};
    int rc = names_put(&m, "a", arg);

    if (rc == 0)
        rc = names_put(&m, "b", arg);
    assert_int_equal(rc ? rc : (int)m.n, rc ? rc : 2);
    names_fini(&m);
    return rc;
}

static void without_memory_nothing_is_put(void **state)
{
    (void)state;
    testing_fail_each_allocation(put_two, state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_stands_for_what_it_was_given_last),
        cmocka_unit_test(the_text_may_be_gone_after_it_was_put),
        cmocka_unit_test(many_are_walked_in_the_order_they_came),
        cmocka_unit_test(without_memory_nothing_is_put),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
