#include "egress/echoed.h"

#include <string.h>

#include "base/testing.h"

static struct command letter(void)
{
    return (struct command){
        .content.text = VIEW_LIT("Мой пароль \"Кузнечик-77\",\nникому не говорите"),
        .sender_name = VIEW_LIT("Иван Петров"),
        .sender_phone = VIEW_LIT("+79161112233"),
    };
}

static void expect_of(const struct command *c, const char *said, const char *wanted)
{
    struct buf b;

    buf_init(&b, 65536);
    assert_int_equal(buf_add_str(&b, "before "), 0);
    assert_int_equal(buf_add_str(&b, said), 0);
    assert_int_equal(echoed_hide(&b, 7, c), 0);
    assert_int_equal(strncmp(buf_str(&b), "before ", 7), 0);
    assert_string_equal(buf_str(&b) + 7, wanted);
    assert_int_equal(strlen(buf_str(&b)), b.len);
    buf_fini(&b);
}

static void expect(const char *said, const char *wanted)
{
    const struct command c = letter();

    expect_of(&c, said, wanted);
}

static void the_other_sides_own_words_stay(void **state)
{
    (void)state;
    expect("HTTP/1.1 403 X: {\"error\":{\"code\":\"logged_out\",\"message\":\"Scan the QR code "
           "again\"}}",
           "HTTP/1.1 403 X: {\"error\":{\"code\":\"logged_out\",\"message\":\"Scan the QR code "
           "again\"}}");
    expect("", "");
    expect("пароль", "пароль"); /* as anybody says it */
}

static void a_text_that_is_repeated_is_taken_out_however_it_is_written(void **state)
{
    (void)state;
    expect("not allowed: Мой пароль \"Кузнечик-77\", никому не говорите!", "not allowed: …!");
    expect("{\"m\":\"no: Мой пароль \\\"Кузнечик-77\\\",\\nникому не говорите\"}",
           "{\"m\":\"no: …\"}");
    expect("\\u041c\\u043e\\u0439 \\u043f\\u0430\\u0440\\u043e\\u043b\\u044c "
           "\\\"\\u041a\\u0443\\u0437"
           "\\u043d\\u0435\\u0447\\u0438\\u043a...",
           "…...");
    expect("a part: \"Кузнечик-77\", ник, and no more", "a part:…, and no more");
    expect_of(&(struct command){.content.text = VIEW_LIT("😀😀 party 😀")},
              "x \\ud83d\\ude00😀 party 😀 y \\", "x … y \\");
}

static void people_are_taken_out_as_well(void **state)
{
    (void)state;
    expect("no such user: Иван Петров", "no such user: …");
    expect("79161112233@c.us is not on the network", "7…@c.us is not on the network");
    expect("call +7 (916) 111-22-33, error 904", "call +7 (…, error 904");
    expect("9161112234, 2233", "9161112234, 2233");
}

static void what_is_too_short_to_be_told_from_any_word_stays(void **state)
{
    const struct command c = {.content.text = VIEW_LIT("code"),
                              .sender_phone = VIEW_LIT("1234")};

    (void)state;
    expect_of(&c, "Scan the QR code again, error 1234", "Scan the QR code again, error 1234");
    expect_of(&(struct command){0}, "Scan the QR code again", "Scan the QR code again");
}

/* Nobody can make it cost more than a part of a second, and nothing is shown of what was not looked through. */
static void a_text_that_is_one_letter_a_thousand_times_is_one_hole(void **state)
{
    static char text[100001];
    static char said[4001];

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    memset(said, 'a', sizeof(said) - 1);
    expect_of(&(struct command){.content.text = view_of(text)}, said, "…");
    memset(said, 'b', sizeof(said) - 1);
    expect_of(&(struct command){.content.text = view_of(text)}, said, said);
}

static int hide_again(void *arg)
{
    const struct command c = letter();
    struct buf b;
    int rc = 0;

    (void)arg;
    buf_init(&b, 65536);
    rc = buf_add_str(&b, "no such user: Иван Петров");
    rc = rc ? rc : echoed_hide(&b, 0, &c);
    buf_fini(&b);
    return rc;
}

static void without_memory_it_says_so_and_leaks_nothing(void **state)
{
    (void)state;
    testing_fail_each_allocation(hide_again, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_other_sides_own_words_stay),
        cmocka_unit_test(a_text_that_is_repeated_is_taken_out_however_it_is_written),
        cmocka_unit_test(people_are_taken_out_as_well),
        cmocka_unit_test(what_is_too_short_to_be_told_from_any_word_stays),
        cmocka_unit_test(a_text_that_is_one_letter_a_thousand_times_is_one_hole),
        cmocka_unit_test(without_memory_it_says_so_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
