/* Any bytes into the JSON reader; what it lets through must hold what base/json.h promises, and
 * must come back the same from our own writer. */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX ((size_t)8 * 1024 * 1024)

/* A document with room for what is appended to it. */
static int parse_with_tail(struct view text, const char *tail)
{
    struct json *doc = NULL;
    struct buf longer;
    int rc = 0;

    buf_init(&longer, TEXT_MAX);
    (void)buf_add_view(&longer, text);
    rc = buf_add_str(&longer, tail);
    if (!rc)
        rc = json_parse(buf_view(&longer), &doc);
    json_free(doc);
    buf_fini(&longer);
    return rc;
}

static void check_written(struct view text)
{
    struct json_writer w;
    struct json *doc = NULL;
    struct view back = VIEW_NONE;
    struct buf out;

    buf_init(&out, TEXT_MAX);
    json_writer_init(&w, &out);
    json_open_array(&w, NULL);
    json_add_text(&w, NULL, text);
    json_close_array(&w);
    FUZZ_MUST(buf_error(&out) == 0);
    FUZZ_MUST(json_parse(buf_view(&out), &doc) == 0);
    FUZZ_MUST(json_strict_text(json_array_at(json_root(doc), 0), &back));
    FUZZ_MUST(view_equal(text, back));
    json_free(doc);
    buf_fini(&out);
}

static void check_text(const struct json_node *n, struct view text)
{
    struct view strict = VIEW_NONE;

    if (json_strict_text(n, &strict))
        FUZZ_MUST(strict.len == 0 || view_equal(strict, text));
    if (!text.ptr)
        return;
    FUZZ_MUST(json_is_present(n) && text.len > 0);
    FUZZ_MUST(json_utf8_valid(text) && !memchr(text.ptr, '\0', text.len));
    check_written(text);
}

/* What is a number is also a text, and all numbers it gives are the same one. */
static void check_numbers(const struct json_node *n, bool has_text)
{
    int64_t i = 0;
    double d = 0;
    bool b = false;
    bool has_double = json_double(n, &d);

    FUZZ_MUST(!has_double || (isfinite(d) && has_text));
    if (json_int(n, &i))
        FUZZ_MUST(has_double && fabs(d - (double)i) <= fabs(d) / 1e15);
    FUZZ_MUST(!json_bool(n, &b) || (!has_text && !has_double));
}

static void check_value(struct json *doc, const struct json_node *n)
{
    struct view text = VIEW_NONE;

    FUZZ_MUST(json_text(doc, n, &text) == 0);
    check_text(n, text);
    check_numbers(n, text.ptr != NULL);
}

/* One step down through what the seeds are made of. */
static const struct json_node *step(const struct json_node *n)
{
    static const char *const keys[] = {"v", "message", "id", "a", ""};

    for (size_t i = 0; i < AMO_COUNT(keys); i++) {
        const struct json_node *member = json_get(n, keys[i]);

        if (member)
            return member;
    }
    return json_array_at(n, json_array_len(n) / 2);
}

static void check_tree(struct json *doc)
{
    const struct json_node *n = json_root(doc);

    for (int depth = 0; n && depth < JSON_DEPTH_MAX; depth++) {
        check_value(doc, n);
        for (size_t i = 0; i < json_array_len(n) && i < 64; i++)
            check_value(doc, json_array_at(n, i));
        n = step(n);
    }
    check_value(doc, json_path(json_root(doc), "message.conversation.id"));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct view text = view_make(bytes, len);
    struct json *doc = NULL;
    struct buf plain;
    int rc = json_parse(text, &doc);

    FUZZ_MUST(rc >= 0);
    FUZZ_MUST((rc == JSON_E_UTF8) == !json_utf8_valid(text));
    if (rc == 0) {
        check_tree(doc);
        FUZZ_MUST(parse_with_tail(text, " \r\n\t") == 0);
        FUZZ_MUST(parse_with_tail(text, " x") == JSON_E_SYNTAX);
    }
    json_free(doc);

    buf_init(&plain, TEXT_MAX);
    rc = json_strip_comments(text, &plain);
    FUZZ_MUST(rc == 0 || rc == -EINVAL);
    FUZZ_MUST(plain.len <= len);
    buf_fini(&plain);
    return 0;
}
