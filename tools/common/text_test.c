#include "tools/common/text.h"

#include "base/testing.h"

static void check_clean(const char *bytes, size_t len, const char *want)
{
    struct buf out;

    buf_init(&out, 4096);
    text_clean(view_make(bytes, len), &out);
    assert_string_equal(buf_str(&out), want);
    buf_fini(&out);
}

#define CLEAN(bytes, want) check_clean((bytes), sizeof(bytes) - 1, (want))

static void control_characters_do_not_reach_a_terminal(void **state)
{
    (void)state;
    CLEAN("plain", "plain");
    CLEAN("a\x1b[31mred\x07", "a[31mred");
    CLEAN("one\ntwo\tthree\r", "one two three ");
    CLEAN("nul\0end", "nulend");
    CLEAN("del\x7f", "del");
    CLEAN("c1\xc2\x9b"
          "31m",
          "c131m"); /* CSI as one character */
}

static void direction_marks_do_not_reach_a_terminal(void **state)
{
    (void)state;
    /* the compiler's reader would stumble over them as much as a person */
    check_clean((const char[]){'a', '\xe2', '\x80', '\xae', 'b'}, 5, "ab"); /* turn around */
    check_clean((const char[]){'a', '\xe2', '\x81', '\xa6', 'b'}, 5, "ab"); /* isolate */
    check_clean((const char[]){'a', '\xe2', '\x80', '\xa8', 'b'}, 5, "ab"); /* line end */
}

static void bytes_that_are_not_utf8_are_shown_as_such(void **state)
{
    (void)state;
    CLEAN("a\xff"
          "b",
          "a\xef\xbf\xbd"
          "b");
    CLEAN("\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd");                 /* overlong */
    CLEAN("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* surrogate */
    CLEAN("cut\xd0", "cut\xef\xbf\xbd");
    CLEAN("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80");
}

static void json_keeps_what_is_hidden_as_escapes(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    text_clean_json(VIEW_LIT("{\"a\":\"x\x7f\xc2\x9b\xe2\x80\xae\xf3\xa0\x81\x81\"}\n"), &out);
    assert_string_equal(buf_str(&out), "{\"a\":\"x\\u007f\\u009b\\u202e\\udb40\\udc41\"} ");
    buf_fini(&out);
}

static void columns_are_counted_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(text_width(VIEW_LIT("abc")), 3);
    assert_int_equal(text_width(VIEW_LIT("\xd0\x9f\xd1\x80\xd0\xb8")), 3);
    assert_int_equal(text_width(VIEW_LIT("\xe6\xbc\xa2\xe5\xad\x97")), 4);
    assert_int_equal(text_width(VIEW_LIT("\xf0\x9f\x98\x80")), 2);
    assert_int_equal(text_width(VIEW_LIT("e\xcc\x81")), 1);
    assert_int_equal(text_chars(VIEW_LIT("\xd0\x9f\xd1\x80\xd0\xb8!")), 4);
    assert_int_equal(text_width(VIEW_NONE), 0);
}

static void marks_of_any_script_take_no_column(void **state)
{
    (void)state;
    assert_int_equal(text_width(VIEW_LIT("नि")), 1);                       /* Devanagari */
    assert_int_equal(text_width(VIEW_LIT("ক্ষ")), 2);                       /* Bengali */
    assert_int_equal(text_width(VIEW_LIT("ܐܰ")), 1);                        /* Syriac */
    assert_int_equal(text_width(VIEW_LIT("\xe0\xbd\x96\xe0\xbd\xbc")), 1); /* Tibetan */
    assert_int_equal(text_width(VIEW_LIT("❤\xef\xb8\x8f")), 1);
    assert_int_equal(text_width(VIEW_LIT("👍🏽")), 2);
}

static void pictures_of_any_block_take_two_columns(void **state)
{
    static const char *const wide[] = {"⏰", "⏳", "☕",    "⚡",    "✅",   "❌",
                                       "⭐", "🀄", "🟢", "🫠", "𗀀"};
    static const char *const single[] = {"₽", "№", "→", "∑", "☀", "✓", "—", "й"};

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(wide); i++) {
        if (text_width(view_of(wide[i])) != 2)
            fail_msg("%s takes two columns", wide[i]);
    }
    for (size_t i = 0; i < AMO_COUNT(single); i++) {
        if (text_width(view_of(single[i])) != 1)
            fail_msg("%s takes one column", single[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_characters_do_not_reach_a_terminal),
        cmocka_unit_test(direction_marks_do_not_reach_a_terminal),
        cmocka_unit_test(bytes_that_are_not_utf8_are_shown_as_such),
        cmocka_unit_test(json_keeps_what_is_hidden_as_escapes),
        cmocka_unit_test(columns_are_counted_not_bytes),
        cmocka_unit_test(marks_of_any_script_take_no_column),
        cmocka_unit_test(pictures_of_any_block_take_two_columns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
