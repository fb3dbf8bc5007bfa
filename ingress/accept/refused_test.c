/* Refused sources: remembered for an hour, within their bounds, in a form that is read again. */

#include "ingress/accept/refused.h"

#include <stdio.h>

#include "base/testing.h"

#define HOUR_MS 3600000
#define NOW_MS  INT64_C(1767225600000)

static struct refused all;

static int begin(void **state)
{
    (void)state;
    refused_init(&all);
    return 0;
}

static int end(void **state)
{
    (void)state;
    refused_fini(&all);
    return 0;
}

static void note(const char *connector, const char *source, int64_t now_ms)
{
    refused_note(&all, view_of(connector), view_of(source), now_ms);
}

static void expect(int64_t now_ms, const char *text)
{
    struct view got = refused_text(&all, now_ms);

    if (!text) {
        assert_null(got.ptr);
        return;
    }
    if (!view_is(got, text))
        fail_msg("%.*s", (int)got.len, got.ptr ? got.ptr : "");
}

static void a_source_is_counted_under_its_connector(void **state)
{
    (void)state;
    expect(NOW_MS, NULL);
    note("svc", "wa1", NOW_MS);
    note("svc", "wa1", NOW_MS + 5);
    note("two", "wa1", NOW_MS + 6);
    expect(NOW_MS + 7, "svc\twa1\t2\t1767225600005\ntwo\twa1\t1\t1767225600006\n");
}

static void what_is_an_hour_old_is_not_told(void **state)
{
    (void)state;
    note("svc", "wa1", NOW_MS);
    note("svc", "wa2", NOW_MS + 1000);
    expect(NOW_MS + HOUR_MS, "svc\twa2\t1\t1767225601000\n");
    expect(NOW_MS + HOUR_MS + 1000, NULL);
    note("svc", "wa1", NOW_MS + HOUR_MS); /* it goes on counting */
    expect(NOW_MS + HOUR_MS + 1000, "svc\twa1\t2\t1767229200000\n");
}

static void a_new_one_takes_the_place_of_the_oldest(void **state)
{
    char source[16];

    (void)state;
    for (int i = 0; i < REFUSED_ROWS + 1; i++) {
        (void)snprintf(source, sizeof(source), "wa%d", i); /* fits */
        note("svc", source, NOW_MS + i);
    }
    assert_null(view_find(refused_text(&all, NOW_MS + 100), "\twa0\t"));
    assert_non_null(view_find(refused_text(&all, NOW_MS + 100), "\twa1\t"));
    assert_non_null(view_find(refused_text(&all, NOW_MS + 100), "\twa16\t"));
}

static void a_word_that_would_break_the_form_is_left_out(void **state)
{
    char longer[REFUSED_NAME + 2];

    (void)state;
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    note("svc", "a\tb", NOW_MS);
    note("svc", "a\nb", NOW_MS);
    note("svc", "", NOW_MS);
    note("svc", "\xd0\xb0", NOW_MS);
    note("svc", longer, NOW_MS);
    expect(NOW_MS, NULL);
    note("svc", longer + 1, NOW_MS); /* just fits */
    assert_non_null(refused_text(&all, NOW_MS).ptr);
}

/* Rows and text of the longest words: all of them are told. */
static void there_is_room_for_the_longest(void **state)
{
    char connector[REFUSED_NAME + 1];
    size_t lines = 0;
    struct view text;

    (void)state;
    memset(connector, 'x', REFUSED_NAME);
    connector[REFUSED_NAME] = '\0';
    for (int i = 0; i < REFUSED_ROWS; i++) {
        connector[0] = (char)('a' + i);
        note(connector, connector, NOW_MS);
    }
    text = refused_text(&all, NOW_MS);
    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    assert_int_equal(lines, REFUSED_ROWS);
}

static void without_memory_nothing_is_told_and_nothing_is_forgotten(void **state)
{
    (void)state;
    note("svc", "wa1", NOW_MS);
    mem_fail_at(1);
    expect(NOW_MS, NULL);
    mem_fail_at(0);
    expect(NOW_MS, "svc\twa1\t1\t1767225600000\n");
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(a_source_is_counted_under_its_connector),
        WITH(what_is_an_hour_old_is_not_told),
        WITH(a_new_one_takes_the_place_of_the_oldest),
        WITH(a_word_that_would_break_the_form_is_left_out),
        WITH(there_is_room_for_the_longest),
        WITH(without_memory_nothing_is_told_and_nothing_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
