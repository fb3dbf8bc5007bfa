#include "base/list.h"

#include "base/testing.h"

struct item {
    int value;
    struct list link;
};

static int value_at(const struct list *head, size_t i)
{
    const struct list *l = head->next;

    while (i--)
        l = l->next;
    return LIST_ENTRY_CONST(l, struct item, link)->value;
}

static void elements_keep_the_order_they_were_put_in(void **state)
{
    struct list head;
    struct item items[3] = {{.value = 1}, {.value = 2}, {.value = 3}};

    (void)state;
    list_init(&head);
    assert_true(list_is_empty(&head));
    list_add_tail(&head, &items[1].link);
    list_add_tail(&head, &items[2].link);
    list_add_head(&head, &items[0].link);
    assert_int_equal(value_at(&head, 0), 1);
    assert_int_equal(value_at(&head, 1), 2);
    assert_int_equal(value_at(&head, 2), 3);
    assert_ptr_equal(LIST_ENTRY(head.prev, struct item, link), &items[2]);
}

static void removing_twice_is_harmless(void **state)
{
    struct list head;
    struct item a = {.value = 1};
    struct item b = {.value = 2};

    (void)state;
    list_init(&head);
    list_add_tail(&head, &a.link);
    list_add_tail(&head, &b.link);
    list_remove(&a.link);
    list_remove(&a.link);
    assert_int_equal(value_at(&head, 0), 2);
    list_remove(&b.link);
    assert_true(list_is_empty(&head));
}

static void an_element_can_be_put_in_front_of_another(void **state)
{
    struct list head;
    struct item a = {.value = 1};
    struct item b = {.value = 2};

    (void)state;
    list_init(&head);
    list_add_tail(&head, &b.link);
    list_insert_before(&b.link, &a.link);
    assert_int_equal(value_at(&head, 0), 1);
    assert_int_equal(value_at(&head, 1), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_keep_the_order_they_were_put_in),
        cmocka_unit_test(removing_twice_is_harmless),
        cmocka_unit_test(an_element_can_be_put_in_front_of_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
