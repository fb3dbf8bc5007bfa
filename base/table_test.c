#include "base/table.h"

#include <stdio.h>

#include "base/testing.h"

#define N_ITEMS 2000

struct item {
    char key[24];
    int seen;
};

static struct item items[N_ITEMS];

static int fill(struct table *t)
{
    int rc = 0;

    for (size_t i = 0; i < N_ITEMS && !rc; i++) {
        (void)snprintf(items[i].key, sizeof(items[i].key), "conversation-%zu", i);
        items[i].seen = 0;
        rc = table_add(t, view_of(items[i].key), &items[i]);
    }
    return rc;
}

static void what_was_added_is_found_and_nothing_else(void **state)
{
    struct table *t = NULL;

    (void)state;
    assert_int_equal(table_new(&t), 0);
    assert_int_equal(fill(t), 0);
    assert_int_equal(table_count(t), N_ITEMS);
    for (size_t i = 0; i < N_ITEMS; i++)
        assert_ptr_equal(table_get(t, view_of(items[i].key)), &items[i]);
    assert_null(table_get(t, view_of("conversation")));
    assert_null(table_get(t, view_of("")));
    table_free(t);
}

static void a_key_is_added_once(void **state)
{
    struct table *t = NULL;
    int a = 0;
    int b = 0;

    (void)state;
    assert_int_equal(table_new(&t), 0);
    assert_int_equal(table_add(t, view_of("k"), &a), 0);
    assert_int_equal(table_add(t, view_of("k"), &b), -EEXIST);
    assert_ptr_equal(table_get(t, view_of("k")), &a);
    table_free(t);
}

static void keys_may_be_empty_or_hold_any_bytes(void **state)
{
    struct table *t = NULL;
    int a = 0;
    int b = 0;
    int c = 0;

    (void)state;
    assert_int_equal(table_new(&t), 0);
    assert_int_equal(table_add(t, view_of(""), &a), 0);
    assert_int_equal(table_add(t, VIEW_LIT("\0"), &b), 0);
    assert_int_equal(table_add(t, VIEW_LIT("\0\0"), &c), 0);
    assert_ptr_equal(table_get(t, view_of("")), &a);
    assert_ptr_equal(table_get(t, VIEW_LIT("\0")), &b);
    assert_ptr_equal(table_get(t, VIEW_LIT("\0\0")), &c);
    table_free(t);
}

static void removing_some_keeps_the_others_reachable(void **state)
{
    struct table *t = NULL;

    (void)state;
    assert_int_equal(table_new(&t), 0);
    assert_int_equal(fill(t), 0);
    for (size_t i = 0; i < N_ITEMS; i += 3)
        assert_ptr_equal(table_remove(t, view_of(items[i].key)), &items[i]);
    assert_null(table_remove(t, view_of(items[0].key)));
    for (size_t i = 0; i < N_ITEMS; i++)
        assert_ptr_equal(table_get(t, view_of(items[i].key)), i % 3 ? &items[i] : NULL);
    for (size_t i = 0; i < N_ITEMS; i += 3)
        assert_int_equal(table_add(t, view_of(items[i].key), &items[i]), 0);
    assert_int_equal(table_count(t), N_ITEMS);
    table_free(t);
}

static void a_walk_meets_every_value_once(void **state)
{
    struct table *t = NULL;
    struct item *item = NULL;
    size_t iter = 0;
    size_t n = 0;

    (void)state;
    assert_int_equal(table_new(&t), 0);
    assert_int_equal(fill(t), 0);
    while ((item = table_next(t, &iter))) {
        assert_int_equal(item->seen++, 0);
        n++;
    }
    assert_int_equal(n, N_ITEMS);
    table_free(t);
    table_free(NULL);
}

static int use_a_table(void *arg)
{
    struct table *t = NULL;
    int rc = table_new(&t);

    (void)arg;
    if (!rc)
        rc = fill(t);
    table_free(t);
    return rc;
}

static void a_table_survives_every_failed_allocation(void **state)
{
    (void)state;
    testing_fail_each_allocation(use_a_table, NULL);
}

static void a_table_that_could_not_grow_still_serves(void **state)
{
    struct table *t = NULL;
    int rc = 0;
    size_t n = 0;

    (void)state;
    assert_int_equal(table_new(&t), 0);
    mem_fail_at(1);
    for (n = 0; n < N_ITEMS && !rc; n++)
        rc = table_add(t, view_of(items[n].key), &items[n]);
    assert_int_equal(rc, -ENOMEM);
    for (size_t i = 0; i + 1 < n; i++)
        assert_ptr_equal(table_get(t, view_of(items[i].key)), &items[i]);
    assert_null(table_get(t, view_of(items[n - 1].key)));
    table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_found_and_nothing_else),
        cmocka_unit_test(a_key_is_added_once),
        cmocka_unit_test(keys_may_be_empty_or_hold_any_bytes),
        cmocka_unit_test(removing_some_keeps_the_others_reachable),
        cmocka_unit_test(a_walk_meets_every_value_once),
        cmocka_unit_test(a_table_survives_every_failed_allocation),
        cmocka_unit_test(a_table_that_could_not_grow_still_serves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
