#include "base/request_path.h"

#include "base/testing.h"

static void the_absolute_form_names_a_path(void **state)
{
    static const char *const same[] = {"http://h/a/b", "HTTPS://h:1/a/b", "hTtp://[::1]:8/a/b",
                                       "/a/b"};

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(same); i++)
        assert_true(view_is(request_path_of(view_of(same[i])), "/a/b"));
    assert_true(view_is(request_path_of(view_of("http://h/")), "/"));
}

static void what_names_no_host_or_no_path_is_none(void **state)
{
    static const char *const none[] = {"http://h", "http:///a", "https:///"};
    static const char *const others[] = {"ftp://h/a", "http:/a", "*", "", "http://", "//h/a"};

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(none); i++)
        assert_null(request_path_of(view_of(none[i])).ptr);
    for (size_t i = 0; i < AMO_COUNT(others); i++)
        assert_true(view_is(request_path_of(view_of(others[i])), others[i]));
}

static void only_letters_without_a_meaning_lose_their_escape(void **state)
{
    static const struct {
        const char *path;
        const char *plain;
    } cases[] = {
        {"/%61%5A%30%2d%2E%5f%7E", "/aZ0-._~"              },
        {"/%2F%3f%25%00%20%D0%96", "/%2F%3f%25%00%20%D0%96"},
        {"/%6",                    "/%6"                   },
        {"/%",                     "/%"                    },
        {"/%zz%%61",               "/%zz%a"                },
    };
    struct buf out;

    (void)state;
    assert_false(request_path_is_escaped(VIEW_LIT("/a")));
    assert_false(request_path_is_escaped(VIEW_NONE));
    buf_init(&out, 64);
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        assert_true(request_path_is_escaped(view_of(cases[i].path)));
        assert_int_equal(request_path_plain(view_of(cases[i].path), &out), 0);
        assert_string_equal(buf_str(&out), cases[i].plain);
        buf_reset(&out);
    }
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_absolute_form_names_a_path),
        cmocka_unit_test(what_names_no_host_or_no_path_is_none),
        cmocka_unit_test(only_letters_without_a_meaning_lose_their_escape),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
