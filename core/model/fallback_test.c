#include "core/model/fallback.h"

#include "base/testing.h"

/* What becomes of one content, as "type|text|media". */
static void outbound(struct content c, bool quote, const char *want)
{
    struct buf made;
    struct buf got;

    buf_init(&made, 1 << 16);
    buf_init(&got, 1 << 16);
    assert_null(fallback_objection(&c));
    assert_int_equal(fallback_outbound(&c, quote, &made), 0);
    (void)buf_add_f(&got, "%.*s|%.*s|%.*s", (int)c.type.len, c.type.ptr, (int)c.text.len,
                    c.text.ptr ? c.text.ptr : "", (int)c.media.len,
                    c.media.ptr ? c.media.ptr : "");
    assert_string_equal(buf_str(&got), want);
    buf_fini(&got);
    buf_fini(&made);
}

static void what_a_service_can_take_stays_as_it_is(void **state)
{
    (void)state;
    outbound((struct content){.type = VIEW_LIT("text"), .text = VIEW_LIT("hi")}, false,
             "text|hi|");
    outbound((struct content){.type = VIEW_LIT("picture"),
                              .text = VIEW_LIT("look"),
                              .media = VIEW_LIT("https://a/1")},
             false, "picture|look|https://a/1");
    outbound((struct content){.type = VIEW_LIT("picture"), .media = VIEW_LIT("HTTPS://a/1")},
             false, "picture||HTTPS://a/1");
    outbound((struct content){.type = VIEW_LIT("location"),
                              .lat = VIEW_LIT("1"),
                              .lon = VIEW_LIT("2")},
             false, "location||");
    outbound((struct content){.type = VIEW_LIT("contact"),
                              .contact_name = VIEW_LIT("Ann"),
                              .contact_phone = VIEW_LIT("7")},
             false, "contact||");
    outbound((struct content){.type = VIEW_LIT("text"), .list = VIEW_LIT("{}")}, false,
             "text||");
}

static void an_unknown_type_becomes_its_words_or_a_file(void **state)
{
    (void)state;
    outbound((struct content){.type = VIEW_LIT("unknown"), .text = VIEW_LIT("poll: when?")},
             false, "text|poll: when?|");
    outbound((struct content){.type = VIEW_LIT("unknown"),
                              .text = VIEW_LIT("see"),
                              .media = VIEW_LIT("https://a/x")},
             false, "file|see|https://a/x");
}

static void parts_that_are_missing_leave_the_words(void **state)
{
    (void)state;
    outbound((struct content){.type = VIEW_LIT("picture"), .text = VIEW_LIT("caption")}, false,
             "text|caption|");
    outbound((struct content){.type = VIEW_LIT("location"), .text = VIEW_LIT("at the gate")},
             false, "text|at the gate|");
}

static void a_part_that_the_type_has_no_place_for_becomes_a_line(void **state)
{
    (void)state;
    outbound((struct content){.type = VIEW_LIT("text"),
                              .text = VIEW_LIT("here"),
                              .lat = VIEW_LIT("1.5"),
                              .lon = VIEW_LIT("2")},
             false, "text|here\n1.5, 2|");
    outbound((struct content){.type = VIEW_LIT("unknown"), .contact_phone = VIEW_LIT("+7")},
             false, "text|+7|");
    outbound((struct content){.type = VIEW_LIT("location"),
                              .lat = VIEW_LIT("1"),
                              .lon = VIEW_LIT("2"),
                              .media = VIEW_LIT("https://a/1")},
             false, "location|https://a/1|");
    outbound((struct content){.type = VIEW_LIT("picture"), .media = VIEW_LIT("no address")},
             false, "text|no address|");
    outbound((struct content){.type = VIEW_LIT("picture"),
                              .text = VIEW_LIT("us"),
                              .media = VIEW_LIT("https://a/1"),
                              .contact_name = VIEW_LIT("Ann")},
             false, "picture|us\nAnn|https://a/1");
}

static void what_says_nothing_is_refused_in_words(void **state)
{
    (void)state;
    assert_string_equal(
        fallback_objection(&(struct content){.type = VIEW_LIT("text"), .text = VIEW_LIT("")}),
        "the message is empty");
    assert_string_equal(fallback_objection(&(struct content){.type = VIEW_LIT("file")}),
                        "the file has no link");
    assert_string_equal(fallback_objection(&(struct content){.type = VIEW_LIT("unknown")}),
                        "unsupported message type");
}

static void a_forwarded_message_takes_the_place_of_an_empty_one(void **state)
{
    (void)state;
    outbound((struct content){.type = VIEW_LIT("text"),
                              .text = VIEW_LIT(""),
                              .forward_type = VIEW_LIT("text"),
                              .forward_text = VIEW_LIT("forwarded words")},
             false, "text|forwarded words|");
    outbound((struct content){.type = VIEW_LIT("text"),
                              .text = VIEW_LIT("look at this:"),
                              .forward_type = VIEW_LIT("picture"),
                              .forward_text = VIEW_LIT("caption"),
                              .forward_media = VIEW_LIT("https://a/2")},
             false, "picture|look at this:\ncaption|https://a/2");
    outbound((struct content){.type = VIEW_LIT("picture"),
                              .media = VIEW_LIT("https://a/1"),
                              .forward_type = VIEW_LIT("video"),
                              .forward_media = VIEW_LIT("https://a/2")},
             false, "picture|https://a/2|https://a/1");
}

static void a_quote_nobody_can_name_leads_line_by_line(void **state)
{
    (void)state;
    outbound((struct content){.type = VIEW_LIT("text"),
                              .text = VIEW_LIT("yes"),
                              .reply_text = VIEW_LIT("one\ntwo")},
             true, "text|> one\n> two\nyes|");
    outbound((struct content){.type = VIEW_LIT("text"),
                              .text = VIEW_LIT("yes"),
                              .reply_text = VIEW_LIT("one")},
             false, "text|yes|");
    outbound((struct content){.type = VIEW_LIT("text"),
                              .text = VIEW_LIT("yes"),
                              .reply_type = VIEW_LIT("picture")},
             true, "text|> \xf0\x9f\x96\xbc\nyes|");
    outbound((struct content){.type = VIEW_LIT("text"),
                              .text = VIEW_LIT("own"),
                              .forward_type = VIEW_LIT("text"),
                              .forward_text = VIEW_LIT("fwd"),
                              .reply_text = VIEW_LIT("q")},
             true, "text|> q\nown\nfwd|");
}

static void a_service_s_words_have_their_numbers(void **state)
{
    (void)state;
    assert_int_equal(fallback_error_code(VIEW_LIT("chat_deleted")), 901);
    assert_int_equal(fallback_error_code(VIEW_LIT("channel_off")), 902);
    assert_int_equal(fallback_error_code(VIEW_LIT("internal")), 903);
    assert_int_equal(fallback_error_code(VIEW_LIT("not_on_channel")), 904);
    assert_int_equal(fallback_error_code(VIEW_LIT("whatever")), 905);
    assert_int_equal(fallback_error_code(VIEW_NONE), 905);
    assert_string_equal(fallback_error_word(901), "chat_deleted");
    assert_string_equal(fallback_error_word(904), "not_on_channel");
    assert_string_equal(fallback_error_word(905), "other");
    assert_string_equal(fallback_error_word(7), "other");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_service_can_take_stays_as_it_is),
        cmocka_unit_test(an_unknown_type_becomes_its_words_or_a_file),
        cmocka_unit_test(parts_that_are_missing_leave_the_words),
        cmocka_unit_test(a_part_that_the_type_has_no_place_for_becomes_a_line),
        cmocka_unit_test(what_says_nothing_is_refused_in_words),
        cmocka_unit_test(a_forwarded_message_takes_the_place_of_an_empty_one),
        cmocka_unit_test(a_quote_nobody_can_name_leads_line_by_line),
        cmocka_unit_test(a_service_s_words_have_their_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
