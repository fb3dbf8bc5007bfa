#include "base/clock.h"

#include "base/testing.h"

/* 2020-10-29T11:59:55.123Z */
#define SOME_MS INT64_C(1603972795123)

static void wall_time_is_shown_as_iso(void **state)
{
    char text[CLOCK_ISO_LEN + 1];

    (void)state;
    clock_format_iso(SOME_MS, text);
    assert_string_equal(text, "2020-10-29T11:59:55.123Z");
    clock_format_iso(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    clock_format_iso(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

static void a_time_that_is_none_has_four_digits_of_a_year_all_the_same(void **state)
{
    static const struct {
        int64_t ms;
        const char *iso;
        const char *date;
    } cases[] = {
        {1796000000000000, "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 +0000"},
        {INT64_MAX,        "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 +0000"},
        {INT64_MIN,        "0000-01-01T00:00:00.000Z", "Sat, 01 Jan 0000 00:00:00 +0000"},
    };
    char text[CLOCK_RFC2822_LEN + 1];

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        clock_format_iso(cases[i].ms, text);
        assert_string_equal(text, cases[i].iso);
        clock_format_rfc2822(cases[i].ms, text);
        assert_string_equal(text, cases[i].date);
    }
}

static void the_unit_of_a_number_shows_in_its_size(void **state)
{
    static const struct {
        int64_t number;
        int64_t ms;
    } cases[] = {
        {1796000000,          1796000000000}, /* s, ms, us, ns */
        {1796000000123,       1796000000123},
        {1796000000123456,    1796000000123},
        {1796000000123456789, 1796000000123},
        {1000000000,          1000000000000}, /* the first and the last of each */
        {7258118399,          7258118399000},
        {1000000000000,       1000000000000},
        {7258118399999,       7258118399999},
        {7258118399999999999, 7258118399999},
        {999999999,           0            },
        {7258118400,          0            },
        {999999999999,        0            },
        {7258118400000,       0            },
        {7258118400000000,    0            },
        {7258118400000000000, 0            },
        {0,                   0            },
        {-1796000000,         0            },
        {INT64_MAX,           0            },
        {INT64_MIN,           0            },
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++)
        assert_int_equal(clock_ms_of_number(cases[i].number), cases[i].ms);
}

static void the_date_header_has_a_numeric_zone(void **state)
{
    char text[CLOCK_RFC2822_LEN + 1];

    (void)state;
    clock_format_rfc2822(SOME_MS, text);
    assert_string_equal(text, "Thu, 29 Oct 2020 11:59:55 +0000");
    clock_format_rfc2822(INT64_C(1709251200000), text);
    assert_string_equal(text, "Fri, 01 Mar 2024 00:00:00 +0000");
}

static void what_is_formatted_is_parsed_back(void **state)
{
    const int64_t times[] = {0, SOME_MS, 951782399999, 1709164800001, 4102444799000};
    char text[CLOCK_RFC2822_LEN + 1];

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(times); i++) {
        int64_t back = -1;

        clock_format_iso(times[i], text);
        assert_int_equal(clock_parse_iso(view_of(text), &back), 0);
        assert_true(back == times[i]);
        clock_format_rfc2822(times[i], text);
        assert_int_equal(clock_parse_http(view_of(text), &back), 0);
        assert_true(back == times[i] / 1000 * 1000);
    }
}

static void http_dates_come_with_any_zone(void **state)
{
    int64_t ms = 0;

    (void)state;
    assert_int_equal(clock_parse_http(view_of("Thu, 29 Oct 2020 11:59:55 GMT"), &ms), 0);
    assert_true(ms == SOME_MS - 123);
    assert_int_equal(clock_parse_http(view_of("Thu, 29 Oct 2020 14:59:55 +0300"), &ms), 0);
    assert_true(ms == SOME_MS - 123);
    assert_int_equal(clock_parse_http(view_of("Thu, 29 Oct 2020 06:29:55 -0530"), &ms), 0);
    assert_true(ms == SOME_MS - 123);
}

static void iso_times_come_with_fractions_and_zones(void **state)
{
    int64_t ms = 0;

    (void)state;
    assert_int_equal(clock_parse_iso(view_of("2020-10-29T14:59:55.123456+03:00"), &ms), 0);
    assert_true(ms == SOME_MS);
    assert_int_equal(clock_parse_iso(view_of("2020-10-29T11:59:55Z"), &ms), 0);
    assert_true(ms == SOME_MS - 123);
    assert_int_equal(clock_parse_iso(view_of("2020-10-29T11:59:55.1Z"), &ms), 0);
    assert_true(ms == SOME_MS - 23);
}

static void broken_dates_are_refused(void **state)
{
    const char *const http[] = {
        "",
        "now",
        "Thu, 29 Oct 2020 11:59:55",
        "Thu, 29 Okt 2020 11:59:55 GMT",
        "Thu, 29 Oct 2020 24:00:00 GMT",
        "Thu, 00 Oct 2020 11:59:55 GMT",
        "Thu, 29 Oct 2020 11:59:55 +9900",
        "Thu, 29 Oct 2020 11:59:55 GMTT",
        "Thursday, 29-Oct-20 11:59:55 GMT",
    };
    const char *const iso[] = {
        "",
        "2020-10-29",
        "2020-13-29T11:59:55Z",
        "2020-00-29T11:59:55Z",
        "2020-10-32T11:59:55Z",
        "2026-02-29T11:59:55Z",
        "2026-02-31T11:59:55Z",
        "2100-02-29T11:59:55Z",
        "2026-04-31T11:59:55Z",
        "2020-10-29T11:59:55",
        "2020-10-29T11:59:55.Z",
        "2020-10-29T11:59:55+3",
        "2020-10-29T11:59:55Zx",
    };
    int64_t ms = 7;

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(http); i++)
        assert_int_equal(clock_parse_http(view_of(http[i]), &ms), -EINVAL);
    for (size_t i = 0; i < AMO_COUNT(iso); i++)
        assert_int_equal(clock_parse_iso(view_of(iso[i]), &ms), -EINVAL);
    assert_int_equal(ms, 7);
}

static void the_monotonic_clock_never_goes_back(void **state)
{
    int64_t a = clock_mono_us();
    int64_t b = clock_mono_us();

    (void)state;
    assert_true(b >= a);
    assert_true(clock_mono_ms() >= a / 1000);
    assert_true(clock_unix_ms() > SOME_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wall_time_is_shown_as_iso),
        cmocka_unit_test(a_time_that_is_none_has_four_digits_of_a_year_all_the_same),
        cmocka_unit_test(the_unit_of_a_number_shows_in_its_size),
        cmocka_unit_test(the_date_header_has_a_numeric_zone),
        cmocka_unit_test(what_is_formatted_is_parsed_back),
        cmocka_unit_test(http_dates_come_with_any_zone),
        cmocka_unit_test(iso_times_come_with_fractions_and_zones),
        cmocka_unit_test(broken_dates_are_refused),
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
