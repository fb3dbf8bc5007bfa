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
    assert_int_equal(grid_print(&g, 1, 80, &out), 0);
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
    assert_int_equal(grid_print(&g, 0, 80, &out), 0);
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
    assert_int_equal(grid_print(&g, 0, 80, &out), 0);
    assert_string_equal(buf_str(&out), "one two[2J\n");
    grid_fini(&g);
    buf_fini(&out);
}

static void check(const char *const *cells, size_t n, size_t n_columns, size_t width,
                  const char *want)
{
    struct grid g;
    struct buf out;

    buf_init(&out, 4096);
    grid_init(&g, n_columns);
    add_all(&g, cells, n);
    assert_int_equal(grid_print(&g, 2, width, &out), 0);
    assert_string_equal(buf_str(&out), want);
    grid_fini(&g);
    buf_fini(&out);
}

static void what_the_screen_has_no_room_for_stands_below_its_row(void **state)
{
    static const char *const cells[] = {"ID", "WIDE ONE",
                                        "N",  "WIDER",
                                        "1",  "0123456789a",
                                        "10", "0123456789abc",
                                        "2",  "-",
                                        "20", "-",
                                        "3",  "",
                                        "30", "0123456789abcdef",
                                        "4",  "short",
                                        "",   "x"};

    (void)state;
    check(cells, AMO_COUNT(cells), 4, 80,
          "  ID  WIDE ONE     N   WIDER\n"
          "  1   0123456789a  10  0123456789abc\n"
          "  2   -            20  -\n"
          "  3                30  0123456789abcdef\n"
          "  4   short            x\n");
    check(cells, AMO_COUNT(cells), 4, 40,
          "  ID  WIDE ONE     N   WIDER\n"
          "  1   0123456789a  10  0123456789abc\n"
          "  2   -            20  -\n"
          "  3                30  0123456789abcdef\n"
          "  4   short            x\n");
    check(cells, AMO_COUNT(cells), 4, 32,
          "  ID  WIDE ONE     N\n"
          "  1   0123456789a  10\n      wider: 0123456789abc\n"
          "  2   -            20\n"
          "  3                30\n      wider: 0123456789abcdef\n"
          "  4   short\n      wider: x\n");
}

static void prose_is_folded_beside_its_row(void **state)
{
    static const char *const cells[] = {
        "ID", "WORDS", "N", "1", "six words that go on and on for long", "5", "2", "few", "6"};

    (void)state;
    check(cells, AMO_COUNT(cells), 3, 42,
          "  ID  N  WORDS\n"
          "  1   5  six words that go on and on for\n"
          "         long\n"
          "  2   6  few\n");
    check(cells, AMO_COUNT(cells), 3, 30,
          "  ID  N\n"
          "  1   5\n"
          "      words: six words that go\n"
          "        on and on for long\n"
          "  2   6\n"
          "      words: few\n");
}

static void a_value_is_folded_behind_its_name_and_not_broken(void **state)
{
    static const char *const cells[] = {"key",        "a value of several words",
                                        "longer_key", "0123456789012345678901234567",
                                        "k",          "-"};
    struct grid g;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    grid_init(&g, 2);
    add_all(&g, cells, AMO_COUNT(cells));
    assert_int_equal(grid_print_pairs(&g, 0, 36, &out), 0);
    assert_string_equal(buf_str(&out), "key         a value of several words\n"
                                       "longer_key\n"
                                       "  0123456789012345678901234567\n"
                                       "k           -\n");
    buf_reset(&out);
    assert_int_equal(grid_print_pairs(&g, 0, 30, &out), 0);
    assert_string_equal(buf_str(&out), "key\n"
                                       "  a value of several words\n"
                                       "longer_key\n"
                                       "  0123456789012345678901234567\n"
                                       "k           -\n");
    grid_fini(&g);
    buf_fini(&out);
}

#define SEED 20261130

static size_t some(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return (size_t)(*seed >> 33);
}

/* Any cells, any width: no line is wider, and no letter is lost. */
static void no_line_is_wider_than_the_screen(void **state)
{
    uint64_t seed = SEED;

    (void)state;
    for (size_t round = 0; round < 300; round++) {
        size_t n_columns = 1 + some(&seed) % 9;
        size_t width = 24 + some(&seed) % 100;
        size_t letters = 0;
        struct grid g;
        struct buf out;

        buf_init(&out, 1 << 20);
        grid_init(&g, n_columns);
        for (size_t i = 0; i < n_columns * 5; i++) {
            char cell[61];
            size_t len = some(&seed) % (i < n_columns ? 12 : sizeof(cell));

            for (size_t k = 0; k < len; k++)
                cell[k] = some(&seed) % 9 == 0 ? ' ' : i < n_columns ? 't' : 'x';
            for (size_t k = 0; i >= n_columns && k < len; k++)
                letters += cell[k] == 'x';
            grid_add(&g, view_make(cell, len));
        }
        assert_int_equal(grid_print(&g, 2, width, &out), 0);
        for (struct view rest = buf_view(&out); rest.len > 0;) {
            size_t len = (size_t)((const char *)memchr(rest.ptr, '\n', rest.len) - rest.ptr);

            if (len > width)
                fail_msg("round %zu: %zu of %zu columns: %.*s", round, len, width, (int)len,
                         rest.ptr);
            rest = view_make(rest.ptr + len + 1, rest.len - len - 1);
        }
        for (size_t k = 0; k < out.len; k++)
            letters -= out.ptr[k] == 'x';
        assert_int_equal(letters, 0);
        grid_fini(&g);
        buf_fini(&out);
    }
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
    rc = grid_print(&g, 0, 80, &out);
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
        cmocka_unit_test(what_the_screen_has_no_room_for_stands_below_its_row),
        cmocka_unit_test(prose_is_folded_beside_its_row),
        cmocka_unit_test(a_value_is_folded_behind_its_name_and_not_broken),
        cmocka_unit_test(no_line_is_wider_than_the_screen),
        cmocka_unit_test(a_grid_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
