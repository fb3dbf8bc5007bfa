#include "tools/common/grid.h"

#include "base/testing.h"

static void add_all(struct grid *g, const char *const *cells, size_t n)
{
    for (size_t i = 0; i < n; i++)
        grid_add(g, view_of(cells[i]));
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    static const char *const cells[] = {"ID", "N", "NAME", "a", "10", "x", "long", "5", "y"};
    struct grid g;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    grid_init(&g, 3);
    g.right[1] = true;
    add_all(&g, cells, AMO_COUNT(cells));
    assert_int_equal(grid_print(&g, 1, &out), 0);
    assert_string_equal(buf_str(&out), " ID     N  NAME\n a     10  x\n long   5  y\n");
    grid_fini(&g);
    buf_fini(&out);
}

static void letters_count_by_the_columns_they_take(void **state)
{
    static const char *const cells[] = {"\xd0\xaf", "|", "ab", "|", "\xe6\xbc\xa2", "|"};
    struct grid g;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    grid_init(&g, 2);
    add_all(&g, cells, AMO_COUNT(cells));
    assert_int_equal(grid_print(&g, 0, &out), 0);
    assert_string_equal(buf_str(&out), "\xd0\xaf   |\nab  |\n\xe6\xbc\xa2  |\n");
    grid_fini(&g);
    buf_fini(&out);
}

static void a_cell_cannot_break_out_of_its_row(void **state)
{
    struct grid g;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    grid_init(&g, 1);
    grid_add(&g, VIEW_LIT("one\ntwo\x1b[2J"));
    assert_int_equal(grid_print(&g, 0, &out), 0);
    assert_string_equal(buf_str(&out), "one two[2J\n");
    grid_fini(&g);
    buf_fini(&out);
}

static int grid_case(void *arg)
{
    struct grid g;
    struct buf out;
    int rc = 0;

    (void)arg;
    buf_init(&out, 1 << 20);
    grid_init(&g, 2);
    for (size_t i = 0; i < 200; i++)
        grid_add(&g, VIEW_LIT("cell"));
    rc = grid_print(&g, 0, &out);
    grid_fini(&g);
    buf_fini(&out);
    return rc;
}

static void a_grid_survives_every_failed_allocation(void **state)
{
    (void)state;
    testing_fail_each_allocation(grid_case, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(letters_count_by_the_columns_they_take),
        cmocka_unit_test(a_cell_cannot_break_out_of_its_row),
        cmocka_unit_test(a_grid_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
