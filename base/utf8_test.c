#include "base/utf8.h"

#include <string.h>

#include "base/testing.h"

/* man, joiner, woman, joiner, girl */
#define FAMILY "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7"
#define HEART  "\xe2\x9d\xa4\xef\xb8\x8f"         /* with its variation */
#define THUMB  "\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd" /* with its colour */
#define FLAG   "\xf0\x9f\x87\xb7\xf0\x9f\x87\xba"
#define KEYCAP "1\xef\xb8\x8f\xe2\x83\xa3"
#define ACCENT "e\xcc\x81"

static void a_cut_leaves_no_half_of_a_sign(void **state)
{
    static const char *const signs[] = {FAMILY, HEART, THUMB, FLAG, KEYCAP, ACCENT, "\xd0\x96"};
    char text[128];

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(signs); i++) {
        struct view sign = view_of(signs[i]);
        struct buf two;

        buf_init(&two, sizeof(text));
        assert_int_equal(buf_add_view(&two, sign) | buf_add_view(&two, sign), 0);
        for (size_t max = 0; max <= two.len; max++)
            assert_int_equal(view_cut(buf_view(&two), max).len, max / sign.len * sign.len);
        buf_fini(&two);
    }
}

static void a_heap_of_marks_is_cut_at_a_character(void **state)
{
    char text[1 + 2 * 200];
    struct view all;

    (void)state;
    text[0] = 'e';
    for (size_t i = 1; i < sizeof(text); i += 2) {
        text[i] = '\xcc';
        text[i + 1] = '\x81';
    }
    all = view_make(text, sizeof(text));
    assert_int_equal(view_cut(all, 300).len, 299);
    assert_int_equal(view_cut(all, 40).len, 0); /* one sign, of moderate length so far */
}

static void bytes_that_are_no_character_are_told_one_by_one(void **state)
{
    static const char *const wrong[] = {"\xff", "\x80",         "\xc0\xaf",
                                        "\xd0", "\xed\xa0\x80", "\xf4\x90\x80\x80"};

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(wrong); i++) {
        size_t len = 0;

        assert_int_equal(utf8_first(view_of(wrong[i]), &len), UTF8_REPLACEMENT);
        assert_int_equal(len, 1);
    }
}

static void a_cut_leaves_no_half_of_a_syllable(void **state)
{
    static const char *const signs[] = {"नि", "กำ", "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8",
                                        "\r\n"}; /* the third one in its jamo */

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(signs); i++) {
        for (size_t max = 0; max < strlen(signs[i]); max++) {
            if (view_cut(view_of(signs[i]), max).len)
                fail_msg("%s is cut in two", signs[i]);
        }
    }
}

static void blanks_and_bare_marks_show_nothing(void **state)
{
    static const char *const nothing[] = {
        "",         " \t\n",        "\xc2\xa0",     "\xe2\x80\x8b\xe2\x80\x8d", "\xef\xbb\xbf",
        "\xcc\x81", "\xef\xb8\x8f", "\xe3\x85\xa4", /* a filler of Hangul */
        "\xd9\x8e" /* a vowel of Arabic */};
    static const char *const something[] = {"a", " . ", FAMILY, HEART, "\xd0\x96", "0"};

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(nothing); i++)
        assert_false(utf8_shows(view_of(nothing[i])));
    for (size_t i = 0; i < AMO_COUNT(something); i++)
        assert_true(utf8_shows(view_of(something[i])));
}

static void what_differs_in_case_and_marks_alone_is_folded_to_the_same(void **state)
{
    static const struct {
        uint32_t from;
        uint32_t want[2];
        size_t n;
    } cases[] = {
        {'Q',    {'q'},      1},
        {'7',    {'7'},      1},
        {0x419,  {0x438},    1}, /* Й */
        {0x451,  {0x435},    1}, /* ё */
        {0x49a,  {0x49b},    1}, /* Қ */
        {0xdf,   {'s', 's'}, 2}, /* ß */
        {0x306,  {0},        0}, /* a breve alone */
        {0x200b, {0},        0}, /* a space without width */
        {0xa0,   {' '},      1},
        {'\t',   {' '},      1},
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        uint32_t got[UTF8_FOLDED_MAX] = {0};

        assert_int_equal(utf8_fold(cases[i].from, got), cases[i].n);
        for (size_t k = 0; k < cases[i].n; k++)
            assert_int_equal(got[k], cases[i].want[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_leaves_no_half_of_a_sign),
        cmocka_unit_test(a_heap_of_marks_is_cut_at_a_character),
        cmocka_unit_test(bytes_that_are_no_character_are_told_one_by_one),
        cmocka_unit_test(a_cut_leaves_no_half_of_a_syllable),
        cmocka_unit_test(blanks_and_bare_marks_show_nothing),
        cmocka_unit_test(what_differs_in_case_and_marks_alone_is_folded_to_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
