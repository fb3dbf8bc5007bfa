/* Numbers that keep the digits they came with, as far as JSON takes them for numbers. */

#include "ingress/read/digits.h"

#include "base/testing.h"

/* What becomes of the member "n" of this document; "" when it is no number. */
static void expect(const char *text, const char *want)
{
    struct json *doc = NULL;
    struct view got = VIEW_NONE;
    struct buf made;

    buf_init(&made, (size_t)2 * DIGITS_ROOM);
    assert_int_equal(json_parse(view_of(text), &doc), 0);
    assert_int_equal(digits_read(doc, json_get(json_root(doc), "n"), &made, &got), 0);
    if (!want[0])
        assert_null(got.ptr);
    else if (!view_is(got, want))
        fail_msg("%s: %.*s", text, (int)got.len, got.ptr ? got.ptr : "");
    buf_fini(&made);
    json_free(doc);
}

static void what_json_calls_a_number_keeps_its_digits(void **state)
{
    (void)state;
    expect("{\"n\":55.750}", "55.750");
    expect("{\"n\":-0.1e+2}", "-0.1e+2");
    expect("{\"n\":0}", "0");
    expect("{\"n\":37.6173000000000000001}", "37.6173000000000000001");
    expect("{\"n\":\"55.75\"}", "55.75"); /* in quotes, too */
}

static void what_only_our_reader_takes_for_one_is_written_anew(void **state)
{
    (void)state;
    expect("{\"n\":\"007\"}", "7");
    expect("{\"n\":1.}", "1");
}

static void what_is_no_number_gives_nothing(void **state)
{
    (void)state;
    expect("{}", "");
    expect("{\"n\":null}", "");
    expect("{\"n\":\"\"}", "");
    expect("{\"n\":\"north\"}", "");
    expect("{\"n\":[1]}", "");
    expect("{\"n\":true}", "");
}

static void two_numbers_share_the_room(void **state)
{
    struct json *doc = NULL;
    struct view lat = VIEW_NONE;
    struct view lon = VIEW_NONE;
    struct buf made;

    (void)state;
    buf_init(&made, (size_t)2 * DIGITS_ROOM);
    assert_int_equal(json_parse(VIEW_LIT("{\"a\":\"0055.5\",\"b\":\"0037.25\"}"), &doc), 0);
    assert_int_equal(digits_read(doc, json_get(json_root(doc), "a"), &made, &lat), 0);
    assert_int_equal(digits_read(doc, json_get(json_root(doc), "b"), &made, &lon), 0);
    assert_true(view_is(lat, "55.5") && view_is(lon, "37.25")); /* the first has not moved */
    buf_fini(&made);
    json_free(doc);
}

static int read_one(void *arg)
{
    struct json *doc = NULL;
    struct view got = VIEW_NONE;
    struct buf made;
    int rc = json_parse(view_of(arg), &doc);

    buf_init(&made, (size_t)2 * DIGITS_ROOM);
    rc = rc ? rc : digits_read(doc, json_get(json_root(doc), "n"), &made, &got);
    assert_true(rc != 0 || got.len > 0); /* never taken for none */
    buf_fini(&made);
    json_free(doc);
    return rc;
}

static void without_memory_a_number_is_not_taken_for_none(void **state)
{
    static char plain[] = "{\"n\":55.75}";
    static char odd[] = "{\"n\":\"007\"}";

    (void)state;
    testing_fail_each_allocation(read_one, plain);
    testing_fail_each_allocation(read_one, odd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_json_calls_a_number_keeps_its_digits),
        cmocka_unit_test(what_only_our_reader_takes_for_one_is_written_anew),
        cmocka_unit_test(what_is_no_number_gives_nothing),
        cmocka_unit_test(two_numbers_share_the_room),
        cmocka_unit_test(without_memory_a_number_is_not_taken_for_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
