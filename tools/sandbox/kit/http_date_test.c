/* Dates as amojo reads them: strictly. */
#include "tools/sandbox/kit/http_date.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_date(const char *text, int64_t want)
{
    int64_t s = 0;

    if (http_date_parse(text, &s) != 0)
        fail_msg("not read: %s", text);
    assert_int_equal(s, want);
}

static void both_forms_of_the_zone_are_read(void **state)
{
    (void)state;
    assert_date("Thu, 29 Oct 2020 11:59:55 GMT", 1603972795);
    assert_date("Thu, 29 Oct 2020 11:59:55 +0000", 1603972795);
    assert_date("Thu, 29 Oct 2020 11:59:55 -0000", 1603972795);
    assert_date("Thu, 29 Oct 2020 14:59:55 +0300", 1603972795);
    assert_date("Thu, 29 Oct 2020 08:14:55 -0345", 1603972795);
    assert_date("Fri, 30 Oct 2020 01:59:55 +1400", 1603972795);
    assert_date("Thu, 29 Oct 2020 12:00:56 +0001", 1603972796);
}

static void the_edges_of_the_calendar_are_read(void **state)
{
    (void)state;
    assert_date("Thu, 01 Jan 1970 00:00:00 GMT", 0);
    assert_date("Thu, 29 Feb 2024 23:59:59 GMT", 1709251199);
    assert_date("Fri, 31 Dec 9999 23:59:59 GMT", 253402300799);
    assert_date("Thu, 29 Oct 2020 11:59:60 GMT", 1603972800); /* a leap second */
}

static void anything_else_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "Thu",
        "Wed, 29 Oct 2020 11:59:55 GMT", /* it was a Thursday */
        "Sat, 30 Feb 2024 00:00:00 GMT", /* no such day */
        "Wed, 29 Feb 2023 00:00:00 GMT", /* nor this one */
        "Thu, 29 Oct 2020 24:00:00 GMT",
        "Thu, 29 Oct 2020 11:60:00 GMT",
        "Thu, 29 Oct 2020 11:59:61 GMT",
        "thu, 29 oct 2020 11:59:55 GMT",
        "Thursday, 29 Oct 2020 11:59:55 GMT",
        "Thu, 29 October 2020 11:59:55 GMT",
        "Thu,  29 Oct 2020 11:59:55 GMT",
        "Thu, 29 Oct 2020  11:59:55 GMT",
        "Thu,29 Oct 2020 11:59:55 GMT",
        "Thu, 1 Oct 2020 11:59:55 GMT",
        "Thu, 29 Oct 20 11:59:55 GMT",
        "Thu, 29 Oct 2020 1:59:55 GMT",
        "Thu, 29 Oct 2020 11:59:55",
        "Thu, 29 Oct 2020 11:59:55 ",
        "Thu, 29 Oct 2020 11:59:55  GMT",
        "Thu, 29 Oct 2020 11:59:55 gmt",
        "Thu, 29 Oct 2020 11:59:55 UTC",
        "Thu, 29 Oct 2020 11:59:55 Z",
        "Thu, 29 Oct 2020 11:59:55 +00:00",
        "Thu, 29 Oct 2020 11:59:55 +000",
        "Thu, 29 Oct 2020 11:59:55 +1500",
        "Thu, 29 Oct 2020 11:59:55 +0060",
        "Thu, 29 Oct 2020 11:59:55 0000",
        "Thu, 29 Oct 2020 11:59:55 GMT ",
        " Thu, 29 Oct 2020 11:59:55 GMT",
        "Wed, 31 Dec 1969 23:59:59 GMT",
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(wrong); i++) {
        int64_t s = 0;

        if (http_date_parse(wrong[i], &s) != -EINVAL)
            fail_msg("read: \"%s\"", wrong[i]);
    }
}

static void what_is_written_is_read_back(void **state)
{
    static const int64_t times[] = {0, 951782400, 1603972795, 1709251199, 4102444800};
    char text[HTTP_DATE_LEN + 1];

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(times); i++) {
        http_date_format(times[i], text);
        assert_date(text, times[i]);
    }
    http_date_format(1603972795, text);
    assert_string_equal(text, "Thu, 29 Oct 2020 11:59:55 GMT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_of_the_zone_are_read),
        cmocka_unit_test(the_edges_of_the_calendar_are_read),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(what_is_written_is_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
