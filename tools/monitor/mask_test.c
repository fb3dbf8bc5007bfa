#include "tools/monitor/mask.h"

#include <string.h>

#include "base/testing.h"

static void check(const char *key, const char *value, const char *want)
{
    struct buf out;

    buf_init(&out, 4096);
    assert_int_equal(mask_text(mask_class_of(view_of(key)), view_of(value), false, &out),
                     strcmp(value, want) == 0);
    assert_string_equal(buf_str(&out), want);
    buf_fini(&out);
}

static void texts_and_names_are_shown_as_their_length(void **state)
{
    (void)state;
    check("text", "\xd0\x9f\xd1\x80\xd0\xb8!",
          "\xc2\xab"
          "4 chars\xc2\xbb");
    check("sender_name", "Ivan",
          "\xc2\xab"
          "4 chars\xc2\xbb");
    check("receiver_email", "a@b.ru",
          "\xc2\xab"
          "6 chars\xc2\xbb");
    check("media", "https://x/y",
          "\xc2\xab"
          "11 chars\xc2\xbb");
    check("text", "",
          "\xc2\xab"
          "0 chars\xc2\xbb");
}

static void an_unknown_field_is_hidden(void **state)
{
    (void)state;
    check("passport", "4509 123456",
          "\xc2\xab"
          "11 chars\xc2\xbb");
}

static void a_phone_shows_its_last_four_digits(void **state)
{
    (void)state;
    check("sender_phone", "+7 (900) 123-45-67", "***4567");
    check("receiver_phone", "79001234567", "***4567");
    check("sender_phone", "1234", "***"); /* nothing would be hidden */
    check("sender_phone", "no phone", "***");
}

static void an_id_keeps_what_is_no_phone(void **state)
{
    (void)state;
    check("conversation", "79001234567", "***4567");
    check("conversation", "79001234567@c.us", "***4567@c.us");
    check("conversation_id", "demo-wa1-79001234567", "demo-wa1-***4567");
    check("message_id", "false_79001234567@c.us_3EB0538DA65A59F6D8",
          "false_***4567@c.us_3EB0538DA65A59F6D8");
    check("sender_id", "wa79001234567", "wa***4567");
    check("message_id", "m-1234567", "m-1234567");
    check("key", "demo-h0123456789abcdef0123456789abcdef01234567",
          "demo-h0123456789abcdef0123456789abcdef01234567");
    check("chat_id", "2b13cae0-24f7-4058-b9ad-123456789012",
          "2b13cae0-24f7-4058-b9ad-123456789012");
    check("scope", "2b13cae0-24f7-4058-b9ad-123456789012_1",
          "2b13cae0-24f7-4058-b9ad-123456789012_1");
}

static void secrets_are_not_revealed_to_anybody(void **state)
{
    static const char *const keys[] = {"secret", "secrets", "secret_key", "token",
                                       "tokens", "args",    "json"};
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    for (size_t i = 0; i < AMO_COUNT(keys); i++) {
        buf_reset(&out);
        assert_false(mask_text(mask_class_of(view_of(keys[i])), VIEW_LIT("hush"), true, &out));
        assert_string_equal(buf_str(&out), "********");
    }
    buf_fini(&out);
}

static void what_is_asked_to_be_revealed_is_shown_whole(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_true(mask_text(MASK_PHONE, VIEW_LIT("+7900"), true, &out));
    assert_true(mask_text(MASK_TEXT, VIEW_LIT(" hello"), true, &out));
    assert_string_equal(buf_str(&out), "+7900 hello");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_and_names_are_shown_as_their_length),
        cmocka_unit_test(an_unknown_field_is_hidden),
        cmocka_unit_test(a_phone_shows_its_last_four_digits),
        cmocka_unit_test(an_id_keeps_what_is_no_phone),
        cmocka_unit_test(secrets_are_not_revealed_to_anybody),
        cmocka_unit_test(what_is_asked_to_be_revealed_is_shown_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
