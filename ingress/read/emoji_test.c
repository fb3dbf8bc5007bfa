#include "ingress/read/emoji.h"

#include "base/testing.h"

static void signs_are_emoji(void **state)
{
    static const char *const fine[] = {
        "👍",      "👍🏽", "❤️",  "❤",      "👨‍👩‍👧‍👦",
        "🇷🇺",     "1️⃣",  "#️⃣", "©️",  "®",
        "‼️", "ℹ️",   "〰️",  "㊗️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "😍😍",     "☺",        "⌚",
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(fine); i++) {
        if (!emoji_is(view_of(fine[i])))
            fail_msg("%s is an emoji", fine[i]);
    }
}

static void letters_of_any_script_are_none(void **state)
{
    static const char *const words[] = {
        "",     "ok",         "привет", "1",   "12",  "#",    "é",
        "你好", "こんにちは", "안녕",   "👍ok", "👍 👍", "عربي", "+1",
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(words); i++) {
        if (emoji_is(view_of(words[i])))
            fail_msg("%s is no emoji", words[i]);
    }
}

/* Signs, but none that a messenger shows as a picture. */
static void other_signs_are_none(void **state)
{
    static const char *const signs[] = {
        "₽", "€", "№", "∑", "→", "𝐀", "ⰰⰱ", "½", "你", "ｱ", "❤₽", "👍€",
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(signs); i++) {
        if (emoji_is(view_of(signs[i])))
            fail_msg("%s is no emoji", signs[i]);
    }
}

#define JOINER  "\xe2\x80\x8d"
#define PICTURE "\xef\xb8\x8f"
#define FRAME   "\xe2\x83\xa3"
#define ACCENT  "\xcc\x81"

/* What joins and frames is only one with what it joins and frames. */
static void pieces_of_an_emoji_are_none(void **state)
{
    static const char *const pieces[] = {
        JOINER,
        PICTURE,
        FRAME,
        "👩" JOINER,
        JOINER "👩",
        "👩" JOINER "₽",
        "👩" JOINER JOINER "👩",
        "👍" ACCENT,
        "1" PICTURE,
        "1" FRAME FRAME,
        "12" FRAME,
        "🇷",
        "🇷🇺🇷",
    };
    static const char *const whole[] = {
        "👩" JOINER "❤" PICTURE JOINER "👨",
        "👩🏽" JOINER "💻",
        "🏴" JOINER "☠" PICTURE,
        ("1" FRAME),
        "🇷🇺🇰🇿",
        "🏽",
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(pieces); i++) {
        if (emoji_is(view_of(pieces[i])))
            fail_msg("%s (%d) is no emoji", pieces[i], (int)i);
    }
    for (size_t i = 0; i < AMO_COUNT(whole); i++) {
        if (!emoji_is(view_of(whole[i])))
            fail_msg("%s is an emoji", whole[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_are_emoji),
        cmocka_unit_test(letters_of_any_script_are_none),
        cmocka_unit_test(other_signs_are_none),
        cmocka_unit_test(pieces_of_an_emoji_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
