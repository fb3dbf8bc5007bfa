#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/testing.h"

static struct json *parsed(struct view text)
{
    struct json *doc = NULL;

    assert_int_equal(json_parse(text, &doc), 0);
    return doc;
}

static void assert_refused(struct view text, int expected)
{
    struct json *doc = NULL;

    assert_int_equal(json_parse(text, &doc), expected);
    assert_null(doc);
}

/* Member "v" of @doc as text. */
static struct view text_of(struct json *doc)
{
    struct view v = VIEW_LIT("untouched");

    assert_int_equal(json_text(doc, json_get(json_root(doc), "v"), &v), 0);
    return v;
}

static void assert_text(const char *json, const char *expected)
{
    struct json *doc = parsed(view_of(json));
    struct view v = text_of(doc);

    assert_int_equal(v.len, strlen(expected));
    assert_memory_equal(v.ptr, expected, v.len);
    json_free(doc);
}

static void assert_no_text(const char *json)
{
    struct json *doc = parsed(view_of(json));

    assert_null(text_of(doc).ptr);
    json_free(doc);
}

static void assert_int(const char *json, int64_t expected)
{
    struct json *doc = parsed(view_of(json));
    int64_t i = 0;

    assert_true(json_int(json_get(json_root(doc), "v"), &i));
    assert_true(i == expected);
    json_free(doc);
}

static void assert_no_int(const char *json)
{
    struct json *doc = parsed(view_of(json));
    int64_t i = 7;

    assert_false(json_int(json_get(json_root(doc), "v"), &i));
    assert_int_equal(i, 7);
    json_free(doc);
}

/* N2 */
static void blanks_may_follow_the_value_and_nothing_else(void **state)
{
    (void)state;
    json_free(parsed(view_of("{} \t\r\n\n")));
    json_free(parsed(view_of(" \n{}")));
    assert_refused(view_of("{}x"), JSON_E_SYNTAX);
    assert_refused(view_of("{}{}"), JSON_E_SYNTAX);
    assert_refused(view_of("{},"), JSON_E_SYNTAX);
    assert_refused(view_of("{}\v"), JSON_E_SYNTAX);
    assert_refused(VIEW_LIT("{}\0"), JSON_E_SYNTAX);
    assert_refused(VIEW_LIT("{}\0junk"), JSON_E_SYNTAX);
    assert_refused(view_of("{} // note"), JSON_E_SYNTAX);
    assert_refused(view_of("{}\xc2\xa0"), JSON_E_SYNTAX);
}

/* N2 */
static void a_byte_order_mark_is_skipped_once(void **state)
{
    struct json *doc = parsed(view_of("\xef\xbb\xbf{\"v\":\"x\"}"));

    (void)state;
    assert_true(view_is(text_of(doc), "x"));
    json_free(doc);
    assert_refused(view_of("\xef\xbb\xbf\xef\xbb\xbf{}"), JSON_E_SYNTAX);
    assert_refused(view_of("\xef\xbb\xbf"), JSON_E_SYNTAX);
    assert_refused(view_of("{}\xef\xbb\xbf"), JSON_E_SYNTAX);
}

/* N3 */
static void what_is_not_one_json_value_is_refused(void **state)
{
    const char *const wrong[] = {
        "",       " ",       "{",   "}",     "[1,2",   "{\"a\":",    "{a:1}",       "{\"a\" 1}",
        "\"open", "\"\\x\"", "tru", "nul",   "[1,]",   "{\"a\":1,}", "{,}",         "\"\\ud8\"",
        "[1 2]",  "/**/1",   "-",   "hello", "<html>", "a=1&b=2",    "\"\\u00g0\"",
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(wrong); i++)
        assert_refused(view_of(wrong[i]), JSON_E_SYNTAX);
    assert_refused(VIEW_NONE, JSON_E_SYNTAX);
    assert_refused(VIEW_LIT("{\"v\":\"a\0b\"}"), JSON_E_SYNTAX);
}

/* N3 */
static void any_value_may_stand_at_the_top(void **state)
{
    struct json *doc = parsed(view_of("12"));
    int64_t i = 0;

    (void)state;
    assert_true(json_int(json_root(doc), &i));
    assert_int_equal(i, 12);
    json_free(doc);
    doc = parsed(view_of(" null "));
    assert_null(json_root(doc));
    json_free(doc);
    doc = parsed(view_of("\"x\""));
    assert_false(json_is_object(json_root(doc)));
    json_free(doc);
    doc = parsed(view_of("[]"));
    assert_true(json_is_array(json_root(doc)));
    json_free(doc);
}

/* N3 */
static void bytes_that_are_not_utf8_are_refused(void **state)
{
    const char *const wrong[] = {
        "\xff",             /* never a byte of UTF-8 */
        "\xc3",             /* cut off */
        "\xa9",             /* a tail without a head */
        "\xc0\xaf",         /* overlong, two bytes */
        "\xc1\xbf",         /* overlong, two bytes */
        "\xe0\x80\xaf",     /* overlong, three bytes */
        "\xf0\x80\x80\xaf", /* overlong, four bytes */
        "\xed\xa0\x80",     /* encoded high surrogate */
        "\xed\xbf\xbf",     /* encoded low surrogate */
        "\xf4\x90\x80\x80", /* above U+10FFFF */
        "\xf5\x80\x80\x80", /* above U+10FFFF */
        "\xe2\x28\xa1",     /* broken in the middle */
        "\xf0\x9f\x98",     /* cut off */
        "12345678\xff",     /* behind eight plain bytes */
        "1234567\xe2\x82",  /* across the eighth byte */
    };
    char space[64];

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(wrong); i++) {
        struct buf b;

        assert_false(json_utf8_valid(view_of(wrong[i])));
        buf_init(&b, sizeof(space));
        assert_int_equal(buf_add_f(&b, "{\"v\":\"%s\"}", wrong[i]), 0);
        assert_refused(buf_view(&b), JSON_E_UTF8);
        buf_fini(&b);
    }
    assert_true(json_utf8_valid(VIEW_NONE));
    assert_true(json_utf8_valid(view_of("plain")));
    assert_true(json_utf8_valid(view_of("\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80"
                                        "\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")));
}

/* [[[…]]] @depth times. */
static struct view nested(struct buf *b, size_t depth)
{
    buf_reset(b);
    for (size_t i = 0; i < depth; i++)
        (void)buf_add_char(b, '[');
    for (size_t i = 0; i < depth; i++)
        (void)buf_add_char(b, ']');
    assert_int_equal(buf_error(b), 0);
    return buf_view(b);
}

/* N4 */
static void nesting_goes_down_to_1000_levels(void **state)
{
    const size_t fine[] = {1, 63, 64, 65, 128, 999, 1000};
    struct buf b;

    (void)state;
    buf_init(&b, 4000000);
    for (size_t i = 0; i < AMO_COUNT(fine); i++)
        json_free(parsed(nested(&b, fine[i])));
    assert_refused(nested(&b, 1001), JSON_E_DEPTH);
    assert_refused(nested(&b, 1000000), JSON_E_DEPTH);
    buf_fini(&b);
}

/* N4 */
static void objects_count_as_levels_too(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100000);
    for (int depth = 999; depth <= 1001; depth++) {
        buf_reset(&b);
        for (int i = 0; i < depth; i++)
            (void)buf_add_str(&b, "{\"v\":");
        (void)buf_add_str(&b, "1");
        for (int i = 0; i < depth; i++)
            (void)buf_add_str(&b, "}");
        assert_int_equal(buf_error(&b), 0);
        if (depth <= 1000)
            json_free(parsed(buf_view(&b)));
        else
            assert_refused(buf_view(&b), JSON_E_DEPTH);
    }
    buf_fini(&b);
}

/* N5, N6 */
static void the_last_of_equal_keys_wins(void **state)
{
    (void)state;
    assert_text("{\"v\":\"first\",\"x\":{\"v\":\"inner\"},\"v\":\"last\"}", "last");
    assert_text("{\"v\":{\"a\":1},\"v\":\"last\"}", "last");
    assert_no_text("{\"v\":\"first\",\"v\":null}");
}

/* N7 */
static void null_empty_and_absent_are_the_same(void **state)
{
    (void)state;
    assert_no_text("{\"v\":null}");
    assert_no_text("{\"v\":\"\"}");
    assert_no_text("{}");
    assert_no_text("[]");
    assert_no_text("\"v\"");
    assert_no_int("{\"v\":null}");
    assert_no_int("{\"v\":\"\"}");
}

/* N8 */
static void a_number_where_text_is_expected_keeps_its_digits(void **state)
{
    (void)state;
    assert_text("{\"v\":9007199254740993}", "9007199254740993");
    assert_text("{\"v\":0}", "0");
    assert_text("{\"v\":-17}", "-17");
    assert_text("{\"v\":9223372036854775807}", "9223372036854775807");
    assert_text("{\"v\":-9223372036854775808}", "-9223372036854775808");
    assert_text("{\"v\":9223372036854775808}", "9223372036854775808");
    assert_text("{\"v\":18446744073709551615}", "18446744073709551615");
    assert_text("{\"v\":1.10}", "1.10");
    assert_text("{\"v\":55.75396}", "55.75396");
    assert_text("{\"v\":1639572260.0}", "1639572260.0");
    assert_text("{\"v\":-1.5e3}", "-1.5e3");
}

/* N8 */
static void a_number_beyond_64_bits_counts_as_absent(void **state)
{
    (void)state;
    assert_no_text("{\"v\":18446744073709551616}");
    assert_no_text("{\"v\":-9223372036854775809}");
    assert_no_text("{\"v\":123456789012345678901234567890}");
    assert_no_text("{\"v\":1e999}");
    assert_no_int("{\"v\":18446744073709551615}");
    assert_no_int("{\"v\":18446744073709551616}");
    assert_no_int("{\"v\":9223372036854775808}");
    assert_no_int("{\"v\":-9223372036854775809}");
    assert_no_int("{\"v\":1e999}");
    assert_int("{\"v\":-9223372036854775808}", INT64_MIN);
    assert_int("{\"v\":9223372036854775807}", INT64_MAX);
}

/* N8 */
static void a_huge_number_elsewhere_does_not_harm_its_neighbours(void **state)
{
    (void)state;
    assert_text("{\"h\":18446744073709551616,\"v\":18446744073709551614}",
                "18446744073709551614");
    assert_int("{\"h\":18446744073709551616,\"v\":-9223372036854775807}", -INT64_MAX);
    assert_text("{\"phone\":\"1234567890123456789\",\"v\":18446744073709551615}",
                "18446744073709551615");
}

/* N8 */
static void bool_object_and_array_are_no_text(void **state)
{
    (void)state;
    assert_no_text("{\"v\":true}");
    assert_no_text("{\"v\":{\"id\":\"x\"}}");
    assert_no_text("{\"v\":[\"x\"]}");
}

/* N8 */
static void digits_in_a_string_are_an_int(void **state)
{
    (void)state;
    assert_int("{\"v\":\"1639572260\"}", 1639572260);
    assert_int("{\"v\":\"-5\"}", -5);
    assert_int("{\"v\":\"007\"}", 7);
    assert_no_int("{\"v\":\"+5\"}");
    assert_no_int("{\"v\":\" 5\"}");
    assert_no_int("{\"v\":\"5.0\"}");
    assert_no_int("{\"v\":\"0x5\"}");
    assert_no_int("{\"v\":\"9223372036854775808\"}");
    assert_no_int("{\"v\":\"\xd9\xa1\"}");
    assert_no_int("{\"v\":\"5\\u0000\"}");
}

/* N8 */
static void a_float_without_fraction_is_an_int(void **state)
{
    (void)state;
    assert_int("{\"v\":1639572260.0}", 1639572260);
    assert_int("{\"v\":-3.000}", -3);
    assert_int("{\"v\":9007199254740993.0}", 9007199254740993);
    assert_int("{\"v\":1.5e3}", 1500);
    assert_int("{\"v\":1e3}", 1000);
    assert_no_int("{\"v\":1.5}");
    assert_no_int("{\"v\":0.1e0}");
    assert_no_int("{\"v\":1e300}");
    assert_no_int("{\"v\":9223372036854775808.0}");
    assert_no_int("{\"v\":true}");
    assert_no_int("{\"v\":[1]}");
}

/* N8 */
static void a_float_may_come_as_number_or_text(void **state)
{
    static const struct {
        const char *json;
        double value;
    } fine[] = {
        {"{\"v\":55.75396}",     55.75396},
        {"{\"v\":\"55.75396\"}", 55.75396},
        {"{\"v\":\"-0.5\"}",     -0.5    },
        {"{\"v\":37}",           37      },
        {"{\"v\":\"1e2\"}",      100     },
    };
    const char *const wrong[] = {
        "{\"v\":\"\"}",     "{\"v\":\"north\"}",    "{\"v\":\"nan\"}", "{\"v\":\"inf\"}",
        "{\"v\":\"0x10\"}", "{\"v\":\"1.\"}",       "{\"v\":\" 1\"}",  "{\"v\":\"1,5\"}",
        "{\"v\":{}}",       "{\"v\":\"1e999\"}",    "{\"v\":1e999}",   "{\"v\":NaN}",
        "{\"v\":true}",     "{\"v\":\"5\\u0000\"}", "{\"v\":\"1e\"}",  "{}",
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(fine); i++) {
        struct json *doc = parsed(view_of(fine[i].json));
        double d = 0;

        assert_true(json_double(json_get(json_root(doc), "v"), &d));
        assert_true(fabs(d - fine[i].value) < 1e-9);
        json_free(doc);
    }
    for (size_t i = 0; i < AMO_COUNT(wrong); i++) {
        struct json *doc = parsed(view_of(wrong[i]));
        double d = 7;

        assert_false(json_double(json_get(json_root(doc), "v"), &d));
        assert_true(d > 6);
        json_free(doc);
    }
}

/* N9 */
static void surrogate_pairs_become_one_code_point(void **state)
{
    (void)state;
    assert_text("{\"v\":\"\\ud83d\\ude00!\"}", "\xf0\x9f\x98\x80!");
    assert_text("{\"v\":\"\\u0416\"}", "\xd0\x96");
    /* json-c takes the lower half of these code points for another surrogate */
    assert_text("{\"v\":\"a\\ud836\\uDC00b\\uD877\\udfff\"}", "a\xf0\x9d\xa0\x80"
                                                              "b\xf0\xad\xbf\xbf");
    assert_text("{\"v\":\"\\\\ud836\\udc00\"}", "\\ud836\xef\xbf\xbd");
    assert_text("{\"v\":\"\\ud836\\ud836\\udc00\"}", "\xef\xbf\xbd\xf0\x9d\xa0\x80");
    assert_text("{\"v\":\"\xf0\x9f\x98\x80\"}", "\xf0\x9f\x98\x80");
}

/* N9 */
static void a_lone_surrogate_becomes_the_replacement_character(void **state)
{
    (void)state;
    assert_text("{\"v\":\"a\\ud83db\"}", "a\xef\xbf\xbd"
                                         "b");
    assert_text("{\"v\":\"a\\ude00b\"}", "a\xef\xbf\xbd"
                                         "b");
    assert_text("{\"v\":\"a\\ud83d\"}", "a\xef\xbf\xbd");
    assert_text("{\"v\":\"\\ud83d\\ud83d\\ude00\"}", "\xef\xbf\xbd\xf0\x9f\x98\x80");
    assert_text("{\"v\":\"\\ud83d\\n\"}", "\xef\xbf\xbd\n");
}

/* N10 */
static void an_escaped_nul_is_replaced_and_nothing_behind_it_is_lost(void **state)
{
    (void)state;
    assert_text("{\"v\":\"a\\u0000b\\u0000\"}", "a\xef\xbf\xbd"
                                                "b\xef\xbf\xbd");
    assert_text("{\"v\":\"\\u0000\"}", "\xef\xbf\xbd");
    assert_text("{\"v\":\"\\\\u0000\"}", "\\u0000");
    assert_text("{\"x\":[{\"y\":\"\\u0000\"}],\"v\":\"a\\u0000\"}", "a\xef\xbf\xbd");
}

static void a_strict_text_is_a_string_and_nothing_else(void **state)
{
    struct json *doc = parsed(view_of("{\"s\":\"x\\u0000\",\"e\":\"\",\"n\":1,\"b\":false}"));
    const struct json_node *root = json_root(doc);
    struct view v = VIEW_NONE;
    bool b = true;

    (void)state;
    assert_true(json_strict_text(json_get(root, "s"), &v));
    assert_true(view_is(v, "x\xef\xbf\xbd"));
    assert_true(json_strict_text(json_get(root, "e"), &v));
    assert_true(view_is(v, ""));
    assert_false(json_strict_text(json_get(root, "n"), &v));
    assert_false(json_strict_text(json_get(root, "absent"), &v));
    assert_true(json_bool(json_get(root, "b"), &b));
    assert_false(b);
    assert_false(json_bool(json_get(root, "n"), &b));
    assert_false(json_bool(NULL, &b));
    json_free(doc);
}

static void members_are_found_by_key_path_and_place(void **state)
{
    struct json *doc = parsed(
        view_of("{\"message\":{\"conversation\":{\"id\":\"c1\"},\"list\":[1,null,\"z\"]}}"));
    const struct json_node *root = json_root(doc);
    const struct json_node *list = json_path(root, "message.list");
    struct view v = VIEW_NONE;

    (void)state;
    assert_int_equal(json_text(doc, json_path(root, "message.conversation.id"), &v), 0);
    assert_true(view_is(v, "c1"));
    assert_null(json_path(root, "message.absent.id"));
    assert_null(json_path(root, "message.conversation.id.x"));
    assert_null(json_path(NULL, "message"));
    assert_null(json_get(list, "id"));
    assert_int_equal(json_array_len(list), 3);
    assert_int_equal(json_array_len(root), 0);
    assert_true(json_is_present(json_array_at(list, 0)));
    assert_false(json_is_present(json_array_at(list, 1)));
    assert_null(json_array_at(list, 3));
    assert_null(json_array_at(root, 0));
    json_free(doc);
    json_free(NULL);
}

static void texts_of_many_numbers_live_as_long_as_the_document(void **state)
{
    struct view views[300];
    struct json *doc = NULL;
    struct buf b;
    char expected[8];

    (void)state;
    buf_init(&b, 10000);
    (void)buf_add_char(&b, '[');
    for (int i = 0; i < 300; i++)
        (void)buf_add_f(&b, "%s%d", i ? "," : "", 1000 + i);
    assert_int_equal(buf_add_char(&b, ']'), 0);
    doc = parsed(buf_view(&b));
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(json_text(doc, json_array_at(json_root(doc), i), &views[i]), 0);
    for (size_t i = 0; i < 300; i++) {
        (void)snprintf(expected, sizeof(expected), "%zu", 1000 + i);
        assert_true(view_is(views[i], expected));
    }
    json_free(doc);
    buf_fini(&b);
}

static int parse_and_read(void *arg)
{
    struct json *doc = NULL;
    struct view v = VIEW_NONE;
    int rc = json_parse(view_of(arg), &doc);

    for (size_t i = 0; i < 60 && !rc; i++)
        rc = json_text(doc, json_array_at(json_root(doc), i), &v);
    json_free(doc);
    return rc;
}

static void reading_survives_every_failed_allocation(void **state)
{
    char text[] = "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,"
                  "\"a\\u0000\\ud836\\udc00\",31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,"
                  "47,48,49,50]";

    (void)state;
    testing_fail_each_allocation(parse_and_read, text);
}

static void the_writer_keeps_the_commas(void **state)
{
    struct json_writer w;
    struct buf b;

    (void)state;
    buf_init(&b, 10000);
    json_writer_init(&w, &b);
    json_open_object(&w, NULL);
    json_add_text(&w, "a", view_of("x"));
    json_add_text(&w, "none", VIEW_NONE);
    json_add_text(&w, "empty", view_of(""));
    json_add_text_if(&w, "left_out", view_of(""));
    json_add_int(&w, "min", INT64_MIN);
    json_add_time(&w, "at", 1);
    json_add_time(&w, "never", 0);
    json_open_array(&w, "list");
    json_open_object(&w, NULL);
    json_close_object(&w);
    json_add_bool(&w, NULL, true);
    json_add_bool(&w, NULL, false);
    json_add_null(&w, NULL);
    json_open_array(&w, NULL);
    json_close_array(&w);
    json_close_array(&w);
    json_add_raw(&w, "raw", view_of("{\"k\":1}"));
    json_close_object(&w);
    assert_int_equal(buf_error(&b), 0);
    assert_string_equal(
        buf_str(&b), "{\"a\":\"x\",\"none\":null,\"empty\":\"\",\"min\":-9223372036854775808,"
                     "\"at\":\"1970-01-01T00:00:00.001Z\",\"never\":null,"
                     "\"list\":[{},true,false,null,[]],\"raw\":{\"k\":1}}");
    buf_fini(&b);
}

static void the_writer_escapes_only_what_it_must(void **state)
{
    struct json_writer w;
    struct buf b;

    (void)state;
    buf_init(&b, 10000);
    json_writer_init(&w, &b);
    json_add_text(&w, NULL, VIEW_LIT("a/\"\\\n\r\t\b\x01\0\x7f\xd0\x96"));
    assert_string_equal(buf_str(&b),
                        "\"a/\\\"\\\\\\n\\r\\t\\u0008\\u0001\\u0000\x7f\xd0\x96\"");
    buf_fini(&b);
}

static void what_is_written_is_read_back(void **state)
{
    char all[256];
    struct json *doc = NULL;
    struct json_writer w;
    struct view v = VIEW_NONE;
    struct buf b;

    (void)state;
    for (size_t i = 0; i < 0x7f; i++)
        all[i] = (char)(i + 1);
    buf_init(&b, 10000);
    json_writer_init(&w, &b);
    json_add_text(&w, NULL, view_make(all, 0x7f));
    doc = parsed(buf_view(&b));
    assert_true(json_strict_text(json_root(doc), &v));
    assert_true(view_equal(v, view_make(all, 0x7f)));
    json_free(doc);
    buf_fini(&b);
}

static int write_some(void *arg)
{
    struct json_writer w;
    struct buf b;
    int rc = 0;

    (void)arg;
    buf_init(&b, 10000);
    json_writer_init(&w, &b);
    json_open_array(&w, NULL);
    for (int i = 0; i < 50; i++)
        json_add_text(&w, NULL, view_of("some \"text\""));
    json_close_array(&w);
    rc = buf_error(&b);
    buf_fini(&b);
    return rc;
}

static void writing_survives_every_failed_allocation(void **state)
{
    (void)state;
    testing_fail_each_allocation(write_some, NULL);
}

static void assert_stripped(const char *text, const char *expected)
{
    struct buf b;

    buf_init(&b, 1000);
    assert_int_equal(json_strip_comments(view_of(text), &b), 0);
    assert_string_equal(buf_str(&b), expected);
    buf_fini(&b);
}

static void comments_are_removed_but_not_from_strings(void **state)
{
    struct buf b;

    (void)state;
    assert_stripped("{} // the end", "{}  ");
    assert_stripped("{\n// one\n\"a\":1}", "{\n \n\"a\":1}");
    assert_stripped("[1,/* two */2]", "[1, 2]");
    assert_stripped("{\"url\":\"https://x/*y*/\"}", "{\"url\":\"https://x/*y*/\"}");
    assert_stripped("{\"q\":\"\\\"//\"}//", "{\"q\":\"\\\"//\"} ");
    assert_stripped("1/2", "1/2");
    assert_stripped("/", "/");
    assert_stripped("\"\\", "\"\\");
    buf_init(&b, 100);
    assert_int_equal(json_strip_comments(view_of("{} /* never closed"), &b), -EINVAL);
    assert_int_equal(json_strip_comments(view_of("{} /*/"), &b), -EINVAL);
    buf_fini(&b);
}

static void members_are_walked_in_the_order_of_the_document(void **state)
{
    struct json *doc = NULL;
    const void *iter = NULL;
    struct view key = VIEW_NONE;
    const struct json_node *value = NULL;

    (void)state;
    assert_int_equal(json_parse(VIEW_LIT("{\"b\":1,\"a\":null,\"c\":[]}"), &doc), 0);
    assert_true(json_next(json_root(doc), &iter, &key, &value));
    assert_true(view_is(key, "b") && value);
    assert_true(json_next(json_root(doc), &iter, &key, &value));
    assert_true(view_is(key, "a") && !value);
    assert_true(json_next(json_root(doc), &iter, &key, &value));
    assert_true(view_is(key, "c") && json_is_array(value));
    assert_false(json_next(json_root(doc), &iter, &key, &value));
    iter = NULL;
    assert_false(json_next(value, &iter, &key, &value)); /* no object */
    assert_false(json_next(NULL, &iter, &key, &value));
    json_free(doc);
}

static const struct CMUnitTest reading[] = {
    cmocka_unit_test(blanks_may_follow_the_value_and_nothing_else),
    cmocka_unit_test(a_byte_order_mark_is_skipped_once),
    cmocka_unit_test(what_is_not_one_json_value_is_refused),
    cmocka_unit_test(any_value_may_stand_at_the_top),
    cmocka_unit_test(bytes_that_are_not_utf8_are_refused),
    cmocka_unit_test(nesting_goes_down_to_1000_levels),
    cmocka_unit_test(objects_count_as_levels_too),
    cmocka_unit_test(the_last_of_equal_keys_wins),
    cmocka_unit_test(null_empty_and_absent_are_the_same),
    cmocka_unit_test(a_number_where_text_is_expected_keeps_its_digits),
    cmocka_unit_test(a_number_beyond_64_bits_counts_as_absent),
    cmocka_unit_test(a_huge_number_elsewhere_does_not_harm_its_neighbours),
    cmocka_unit_test(bool_object_and_array_are_no_text),
    cmocka_unit_test(digits_in_a_string_are_an_int),
    cmocka_unit_test(a_float_without_fraction_is_an_int),
    cmocka_unit_test(a_float_may_come_as_number_or_text),
    cmocka_unit_test(surrogate_pairs_become_one_code_point),
    cmocka_unit_test(a_lone_surrogate_becomes_the_replacement_character),
    cmocka_unit_test(an_escaped_nul_is_replaced_and_nothing_behind_it_is_lost),
    cmocka_unit_test(a_strict_text_is_a_string_and_nothing_else),
    cmocka_unit_test(members_are_found_by_key_path_and_place),
    cmocka_unit_test(members_are_walked_in_the_order_of_the_document),
    cmocka_unit_test(texts_of_many_numbers_live_as_long_as_the_document),
    cmocka_unit_test(reading_survives_every_failed_allocation),
};

static const struct CMUnitTest writing[] = {
    cmocka_unit_test(the_writer_keeps_the_commas),
    cmocka_unit_test(the_writer_escapes_only_what_it_must),
    cmocka_unit_test(what_is_written_is_read_back),
    cmocka_unit_test(writing_survives_every_failed_allocation),
    cmocka_unit_test(comments_are_removed_but_not_from_strings),
};

int main(void)
{
    int failed = cmocka_run_group_tests(reading, NULL, NULL);

    return failed + cmocka_run_group_tests(writing, NULL, NULL);
}
