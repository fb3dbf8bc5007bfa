#include "base/secret.h"

#include <stdio.h>
#include <unistd.h>

#include "base/testing.h"

static void write_file(const char *path, struct view text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text.ptr, 1, text.len, f), text.len);
    assert_int_equal(fclose(f), 0);
}

static void a_secret_is_a_copy_and_is_empty_after_its_end(void **state)
{
    char source[] = "token";
    struct secret s = SECRET_EMPTY;

    (void)state;
    assert_int_equal(secret_init(&s, view_of(source)), 0);
    source[0] = 'x';
    assert_true(view_is(secret_view(&s), "token"));
    secret_fini(&s);
    assert_null(s.bytes);
    secret_fini(&s);
}

static void equality_looks_at_all_bytes(void **state)
{
    (void)state;
    assert_true(secret_equal(view_of("abc"), view_of("abc")));
    assert_false(secret_equal(view_of("abc"), view_of("abd")));
    assert_false(secret_equal(view_of("abc"), view_of("abcd")));
    assert_true(secret_equal(view_of(""), view_of("")));
    assert_false(secret_equal(VIEW_LIT("a\0b"), VIEW_LIT("a\0c")));
}

static void wiped_memory_is_zero(void **state)
{
    char space[] = "secret";

    (void)state;
    secret_wipe(space, sizeof(space));
    for (size_t i = 0; i < sizeof(space); i++)
        assert_int_equal(space[i], 0);
    secret_wipe(NULL, 0);
}

static void one_final_newline_of_a_file_does_not_count(void **state)
{
    static const struct {
        const char *file;
        const char *secret;
    } cases[] = {
        {"key",      "key"   },
        {"key\n",    "key"   },
        {"key\r\n",  "key"   },
        {"key\n\n",  "key\n" },
        {"key\r",    "key\r" },
        {" k e y\n", " k e y"},
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        struct secret s = SECRET_EMPTY;

        write_file("secret.txt", view_of(cases[i].file));
        assert_int_equal(secret_read_file(&s, "secret.txt", 100), 0);
        assert_true(view_is(secret_view(&s), cases[i].secret));
        secret_fini(&s);
    }
}

static void a_missing_empty_or_long_file_is_refused(void **state)
{
    struct secret s = SECRET_EMPTY;

    (void)state;
    (void)unlink("absent.txt"); /* it may not be there */
    assert_int_equal(secret_read_file(&s, "absent.txt", 100), -ENOENT);
    write_file("empty.txt", view_of("\n"));
    assert_int_equal(secret_read_file(&s, "empty.txt", 100), -EINVAL);
    write_file("long.txt", view_of("12345"));
    assert_int_equal(secret_read_file(&s, "long.txt", 4), -EFBIG);
    assert_int_equal(secret_read_file(&s, "long.txt", 5), 0);
    secret_fini(&s);
}

static int read_a_file(void *arg)
{
    struct secret s = SECRET_EMPTY;
    int rc = secret_read_file(&s, arg, 100);

    secret_fini(&s);
    return rc;
}

static void reading_survives_every_failed_allocation(void **state)
{
    char path[] = "some.txt";

    (void)state;
    write_file(path, view_of("12345\n"));
    testing_fail_each_allocation(read_a_file, path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_a_copy_and_is_empty_after_its_end),
        cmocka_unit_test(equality_looks_at_all_bytes),
        cmocka_unit_test(wiped_memory_is_zero),
        cmocka_unit_test(one_final_newline_of_a_file_does_not_count),
        cmocka_unit_test(a_missing_empty_or_long_file_is_refused),
        cmocka_unit_test(reading_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
