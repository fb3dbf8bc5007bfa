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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_are_emoji),
        cmocka_unit_test(letters_of_any_script_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
