#include "ingress/amojo/normalize.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/testing.h"

#define ACCOUNT "831f0943-4783-43d0-835e-d2d8d2553844"
/* 2030-01-01: after all fixtures */
#define NOW_MS  INT64_C(1893456000000)
#define SCOPE   "0b024cf5-011a-41f4-b10c-62b7e5052de5_" ACCOUNT

/* --- fixtures ----------------------------------------------------------------------------- */

static void read_file(const char *path, struct secret *ret)
{
    char full[4096];

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): tests have one thread */
    (void)snprintf(full, sizeof(full), "%s/tests/fixtures/%s", getenv("AMO_SOURCE_DIR"), path);
    assert_int_equal(secret_read_file(ret, full, 4 << 20), 0);
}

static struct view want_text(const struct json_node *n, const char *key)
{
    struct view v = VIEW_NONE;

    (void)json_strict_text(json_get(n, key), &v); /* null is VIEW_NONE */
    return v;
}

static int64_t want_int(const struct json_node *n, const char *key)
{
    int64_t v = 0;

    (void)json_int(json_get(n, key), &v); /* null is 0 */
    return v;
}

static void same_text(const char *file, const struct json_node *n, const char *key,
                      struct view got)
{
    struct view want = want_text(n, key);

    if (!view_equal(want, got) || !want.ptr != !got.ptr)
        fail_msg("%s %s: %.*s, not %.*s", file, key, (int)got.len, got.ptr ? got.ptr : "",
                 (int)want.len, want.ptr ? want.ptr : "");
}

static struct json *parse_part(struct view part)
{
    struct json *doc = NULL;

    assert_int_equal(json_parse(part, &doc), 0);
    return doc;
}

/* The texts @key of a list of objects are those of @want, in the same order. */
static void same_list(const char *file, const struct json_node *want,
                      const struct json_node *got, size_t *at, const char *key)
{
    for (size_t i = 0; i < json_array_len(got); i++) {
        struct view w = VIEW_NONE;

        (void)json_strict_text(json_array_at(want, (*at)++), &w);
        if (!w.ptr || !view_equal(w, want_text(json_array_at(got, i), key)))
            fail_msg("%s %s: the %zu. differs", file, key, *at);
    }
}

static void check_buttons(const char *file, const struct json_node *want, struct view got)
{
    struct json *doc = NULL;
    size_t at = 0;

    assert_int_equal(want != NULL, got.ptr != NULL);
    if (!want)
        return;
    doc = parse_part(got);
    same_list(file, want, json_root(doc), &at, "text");
    assert_int_equal(at, json_array_len(want));
    json_free(doc);
}

static void check_list(const char *file, const struct json_node *want, struct view got)
{
    const struct json_node *sections = NULL;
    struct json *doc = NULL;
    size_t at = 0;

    assert_int_equal(want != NULL, got.ptr != NULL);
    if (!want)
        return;
    doc = parse_part(got);
    sections = json_get(json_root(doc), "sections");
    for (size_t i = 0; i < json_array_len(sections); i++)
        same_list(file, want, json_get(json_array_at(sections, i), "rows"), &at,
                  "callback_data");
    assert_int_equal(at, json_array_len(want));
    json_free(doc);
}

static void check_forward_ids(const struct json_node *want, struct view got)
{
    struct json *doc = NULL;

    assert_int_equal(want != NULL, got.ptr != NULL);
    if (!want)
        return;
    doc = parse_part(got);
    assert_int_equal(json_array_len(want), json_array_len(json_root(doc)));
    for (size_t i = 0; i < json_array_len(want); i++) {
        struct view w = VIEW_NONE;
        struct view g = VIEW_NONE;

        assert_true(json_strict_text(json_array_at(want, i), &w));
        assert_true(json_strict_text(json_array_at(json_root(doc), i), &g));
        assert_true(view_equal(w, g));
    }
    json_free(doc);
}

static void check_template(const char *file, const struct json_node *n, struct view got)
{
    struct json *doc = NULL;

    assert_int_equal(json_get(n, "template_id") != NULL, got.ptr != NULL);
    if (!got.ptr)
        return;
    doc = parse_part(got);
    assert_int_equal(want_int(json_root(doc), "id"), want_int(n, "template_id"));
    same_text(file, n, "template_external_id", want_text(json_root(doc), "external_id"));
    json_free(doc);
}

static void check_place(const struct json_node *want, const struct content *c)
{
    assert_int_equal(want != NULL, c->lat.ptr != NULL);
    assert_int_equal(want != NULL, c->lon.ptr != NULL);
    if (!want)
        return;
    assert_true(view_is(c->lat, "55.755864"));
    assert_true(view_is(c->lon, "37.617698"));
}

static void check_parts(const char *file, const struct json_node *n, const struct content *c)
{
    const struct json_node *contact = json_get(n, "contact");

    check_buttons(file, json_get(n, "buttons"), c->buttons);
    check_list(file, json_get(n, "list_rows"), c->list);
    check_forward_ids(json_get(n, "forward_ids"), c->forward_ids);
    check_template(file, n, c->template);
    check_place(json_get(n, "location"), c);
    same_text(file, contact, "name", c->contact_name);
    same_text(file, contact, "phone", c->contact_phone);
}

static void check_message(const char *file, const struct json_node *n, const struct event *e)
{
    static const struct {
        const char *key;
        size_t offset;
    } texts[] = {
        {"dedup_key",          offsetof(struct event, dedup)                  },
        {"chat_id",            offsetof(struct event, chat_id)                },
        {"chat_client_id",     offsetof(struct event, chat_client_id)         },
        {"source",             offsetof(struct event, source)                 },
        {"sender_id",          offsetof(struct event, sender_id)              },
        {"sender_name",        offsetof(struct event, sender_name)            },
        {"receiver_id",        offsetof(struct event, receiver_id)            },
        {"receiver_client_id", offsetof(struct event, receiver_client_id)     },
        {"receiver_name",      offsetof(struct event, receiver_name)          },
        {"receiver_phone",     offsetof(struct event, receiver_phone)         },
        {"receiver_email",     offsetof(struct event, receiver_email)         },
        {"message_id",         offsetof(struct event, message_id)             },
        {"type",               offsetof(struct event, content.type)           },
        {"raw_type",           offsetof(struct event, raw_type)               },
        {"media",              offsetof(struct event, content.media)          },
        {"thumbnail",          offsetof(struct event, content.thumbnail)      },
        {"file_name",          offsetof(struct event, content.media_name)     },
        {"media_group_id",     offsetof(struct event, content.media_group)    },
        {"reply_to_id",        offsetof(struct event, content.reply_id)       },
        {"reply_to_client_id", offsetof(struct event, content.reply_client_id)},
        {"post_id",            offsetof(struct event, post_id)                },
    };
    struct view hash = want_text(n, "text_sha256");

    for (size_t i = 0; i < AMO_COUNT(texts); i++)
        same_text(file, n, texts[i].key,
                  *(const struct view *)(const void *)((const char *)e + texts[i].offset));
    assert_int_equal(e->kind, EVENT_AMO_MESSAGE);
    assert_int_equal(e->sent_ms, want_int(n, "time_ms"));
    assert_int_equal(e->content.media_size, want_int(n, "file_size"));
    assert_int_equal(e->content.media_duration, want_int(n, "media_duration"));
    if (hash.ptr) {
        unsigned char digest[CRYPTO_SHA256_LEN];
        char hex[2 * CRYPTO_SHA256_LEN + 1];

        assert_int_equal(e->content.text.len, want_int(n, "text_bytes"));
        assert_int_equal(crypto_sha256(e->content.text, digest), 0);
        crypto_hex(digest, sizeof(digest), hex);
        assert_true(view_is(hash, hex));
    } else {
        same_text(file, n, "text", e->content.text);
    }
    check_parts(file, n, &e->content);
}

static void check_reaction(const char *file, const struct json_node *n, const struct event *e)
{
    assert_int_equal(e->kind, EVENT_AMO_REACTION);
    same_text(file, n, "message_id", e->message_id);
    same_text(file, n, "message_client_id", e->message_client_id);
    same_text(file, n, "user_id", e->sender_id);
    same_text(file, n, "emoji", e->emoji);
    assert_int_equal(e->unset, view_is(want_text(n, "reaction"), "unreact"));
    assert_int_equal(e->sent_ms, want_int(n, "time") * 1000);
}

static void check_typing(const char *file, const struct json_node *n, const struct event *e)
{
    assert_int_equal(e->kind, EVENT_AMO_TYPING);
    same_text(file, n, "user_id", e->sender_id);
    same_text(file, n, "post_id", e->post_id);
    assert_int_equal(e->expires_ms, want_int(n, "expired_at") * 1000);
}

static void check_case(const char *file, const struct json_node *c)
{
    const struct json_node *n = json_get(c, "normalized");
    struct view decision = want_text(c, "decision");
    struct secret body = SECRET_EMPTY;
    struct amo_normal got;
    char path[512];
    bool write_first = false;

    (void)snprintf(path, sizeof(path), "webhooks/%s", file);
    read_file(path, &body);
    assert_int_equal(amo_normalize(secret_view(&body), VIEW_LIT(SCOPE), NOW_MS, &got), 0);
    assert_true(view_is(got.event.scope, SCOPE));
    if (!view_is(decision, "accept")) {
        assert_int_equal(got.verdict, view_is(decision, "ignore") ? AMO_IGNORE : AMO_REJECT);
        assert_int_equal(got.event.kind, EVENT_QUARANTINE);
        assert_true(view_equal(got.event.raw, secret_view(&body)));
        assert_true(got.event.reason.len > 0);
    } else {
        assert_int_equal(got.verdict, AMO_ACCEPT);
        if (view_is(want_text(n, "kind"), "message"))
            check_message(file, n, &got.event);
        else if (view_is(want_text(n, "kind"), "reaction"))
            check_reaction(file, n, &got.event);
        else
            check_typing(file, n, &got.event);
        same_text(file, n, "chat_id", got.event.chat_id);
        same_text(file, n, "chat_client_id", got.event.chat_client_id);
        same_text(file, n, "dedup_key", got.event.dedup);
        assert_true(json_bool(json_get(n, "write_first"), &write_first));
        assert_int_equal(got.event.write_first, write_first);
    }
    amo_normal_fini(&got);
    secret_fini(&body);
}

static void every_fixture_is_read_as_expected(void **state)
{
    struct secret text = SECRET_EMPTY;
    struct json *doc = NULL;
    char path[4096];
    DIR *d = NULL;
    const struct dirent *f = NULL;
    size_t n = 0;

    (void)state;
    read_file("webhooks.expected.json", &text);
    assert_int_equal(json_parse(secret_view(&text), &doc), 0);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): tests have one thread */
    (void)snprintf(path, sizeof(path), "%s/tests/fixtures/webhooks", getenv("AMO_SOURCE_DIR"));
    d = opendir(path);
    assert_non_null(d);
    while ((f = readdir(d))) { /* NOLINT(concurrency-mt-unsafe): as above */
        const struct json_node *c = NULL;

        if (f->d_name[0] == '.')
            continue;
        c = json_get(json_get(json_root(doc), "cases"), f->d_name);
        assert_non_null(c);
        check_case(f->d_name, c);
        n++;
    }
    (void)closedir(d);
    assert_int_equal(n, 44);
    json_free(doc);
    secret_fini(&text);
}

/* --- single rules ------------------------------------------------------------------------- */

#define MESSAGE(inner, more)                                                                   \
    "{\"account_id\":\"" ACCOUNT                                                               \
    "\",\"time\":1700000007,\"message\":{\"conversation\":{\"id\":\"c\"}" more                 \
    ",\"message\":{\"id\":\"m\"" inner "}}}"

static struct amo_normal read_body(const char *body)
{
    struct amo_normal n;

    assert_int_equal(amo_normalize(view_of(body), VIEW_LIT(SCOPE), NOW_MS, &n), 0);
    return n;
}

static void expect(const char *body, enum amo_verdict verdict)
{
    struct amo_normal n = read_body(body);

    if (n.verdict != verdict)
        fail_msg("%s: %d, not %d", body, (int)n.verdict, (int)verdict);
    amo_normal_fini(&n);
}

static void what_a_hook_must_have(void **state)
{
    (void)state;
    expect(MESSAGE("", ""), AMO_ACCEPT);
    expect("{\"account_id\":\"831F0943-4783-43D0-835E-D2D8D2553844\",\"message\":{"
           "\"conversation\":{\"id\":\"c\"},\"message\":{\"id\":\"m\"}}}",
           AMO_ACCEPT);
    expect("", AMO_REJECT);
    expect("[]", AMO_REJECT);
    expect("null", AMO_REJECT);
    expect("{} x", AMO_REJECT);
    expect("{}\n \t\r", AMO_IGNORE);
    expect("\xef\xbb\xbf{}", AMO_IGNORE);
    expect("{\"message\":1}", AMO_REJECT);
    expect("{\"message\":[]}", AMO_REJECT);
    expect("{\"message\":null}", AMO_IGNORE);
    expect("{\"message\":{}}", AMO_REJECT);
    expect("{\"message\":{\"message\":{\"id\":\"\"},\"conversation\":{\"id\":\"c\"}}}",
           AMO_REJECT);
    expect("{\"message\":{\"message\":{\"id\":{}},\"conversation\":{\"id\":\"c\"}}}",
           AMO_REJECT);
    expect("{\"message\":{\"message\":{\"id\":\"m\"},\"conversation\":{\"id\":null}}}",
           AMO_REJECT);
    expect("{\"message\":{\"message\":{\"id\":5},\"conversation\":{\"id\":6}}}", AMO_ACCEPT);
    expect("{\"account_id\":\"other\",\"message\":null}", AMO_REJECT);
    expect("{\"account_id\":{},\"message\":null}", AMO_IGNORE);
    expect("{\"action\":{\"reaction\":{\"msgid\":\"m\",\"conversation\":{\"id\":\"c\"},"
           "\"type\":\"react\"}}}",
           AMO_ACCEPT);
    expect("{\"action\":{\"reaction\":{\"conversation\":{\"id\":\"c\"},\"type\":\"react\"}}}",
           AMO_REJECT);
    expect("{\"action\":{\"reaction\":{\"msgid\":\"m\",\"type\":\"react\"}}}", AMO_REJECT);
    expect("{\"action\":{\"reaction\":{\"msgid\":\"m\",\"conversation\":{\"id\":\"c\"},"
           "\"type\":\"REACT\"}}}",
           AMO_REJECT);
    expect("{\"action\":{\"typing\":{}}}", AMO_REJECT);
    expect("{\"action\":{\"typing\":{\"conversation\":{\"id\":\"c\"}}}}", AMO_ACCEPT);
    expect("{\"action\":{\"edited\":{}}}", AMO_IGNORE);
    expect("{\"conversation_id\":\"c\",\"receiver\":\"r\"}", AMO_IGNORE);
}

static void our_own_test_of_the_listener_is_no_message(void **state)
{
    struct amo_normal n =
        read_body("{\"door_test\":{\"nonce\":\"n-1\",\"at_ms\":1700000000123}}");

    (void)state;
    assert_int_equal(n.verdict, AMO_ACCEPT);
    assert_int_equal(n.event.kind, EVENT_DOOR_TEST);
    assert_true(view_is(n.event.message_id, "n-1"));
    assert_int_equal(n.event.sent_ms, INT64_C(1700000000123));
    assert_true(!n.event.chat_id.ptr && !n.event.dedup.ptr);
    amo_normal_fini(&n);
    n = read_body("{\"door_test\":{\"nonce\":\"n-1\",\"at_ms\":-5}}");
    assert_true(n.verdict == AMO_ACCEPT && n.event.sent_ms == 0); /* of no time: too old */
    amo_normal_fini(&n);
    expect("{\"door_test\":{}}", AMO_REJECT);
    expect("{\"door_test\":{\"nonce\":\"\"}}", AMO_REJECT);
    expect("{\"door_test\":1}", AMO_IGNORE);
    /* beside a message it is nothing */
    n = read_body(
        "{\"door_test\":{\"nonce\":\"n\"},\"message\":{\"conversation\":{\"id\":\"c\"},"
        "\"message\":{\"id\":\"m\"}}}");
    assert_int_equal(n.event.kind, EVENT_AMO_MESSAGE);
    amo_normal_fini(&n);
}

static void depth_is_bounded_and_never_the_stack(void **state)
{
    struct buf deep;

    (void)state;
    buf_init(&deep, 4 << 20);
    for (size_t levels = 100; levels <= 1000000; levels *= 10) {
        struct amo_normal n;

        buf_reset(&deep);
        (void)buf_add_str(&deep, "{\"message\":null,\"x\":");
        for (size_t i = 0; i < levels; i++)
            (void)buf_add_char(&deep, '[');
        for (size_t i = 0; i < levels; i++)
            (void)buf_add_char(&deep, ']');
        (void)buf_add_char(&deep, '}');
        assert_int_equal(buf_error(&deep), 0);
        assert_int_equal(amo_normalize(buf_view(&deep), VIEW_LIT(SCOPE), NOW_MS, &n), 0);
        assert_int_equal(n.verdict, levels < 1000 ? AMO_IGNORE : AMO_REJECT);
        amo_normal_fini(&n);
    }
    buf_fini(&deep);
}

static void times_are_tried_in_order(void **state)
{
    static const struct {
        const char *body;
        int64_t ms;
    } cases[] = {
        {MESSAGE("", ",\"msec_timestamp\":1700000005123,\"timestamp\":1700000006"),
         1700000005123                                                                           },
        {MESSAGE("", ",\"msec_timestamp\":0,\"timestamp\":1700000006"),             1700000006000},
        {MESSAGE("", ",\"msec_timestamp\":\"1700000005123\""),                      1700000005123},
        {MESSAGE("", ",\"msec_timestamp\":1700000005123.0"),                        1700000005123},
        {MESSAGE("", ",\"msec_timestamp\":1700000005123.5"),                        1700000007000},
        {MESSAGE("", ",\"msec_timestamp\":-5,\"timestamp\":null"),                  1700000007000},
        {MESSAGE("", ",\"timestamp\":9223372036854775807"),                         1700000007000},
        {MESSAGE("", ""),                                                           1700000007000},
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        struct amo_normal n = read_body(cases[i].body);

        assert_int_equal(n.event.sent_ms, cases[i].ms);
        amo_normal_fini(&n);
    }
}

#define TIMES(fine, coarse)                                                                    \
    "{\"message\":{\"conversation\":{\"id\":\"c\"},\"msec_timestamp\":" fine                   \
    ",\"timestamp\":" coarse ",\"message\":{\"id\":\"m\"}}}"

static void a_time_that_cannot_be_is_none(void **state)
{
    static const struct {
        const char *body;
        int64_t ms;
    } cases[] = {
        {TIMES("null",                "1800000000000"), 1800000000000}, /* in another unit */
        {TIMES("1800000000000000",    "1800000000"),    1800000000000},
        {TIMES("1800000000",          "1800000000"),    1800000000000},
        {TIMES("1800000000000000000", "null"),          1800000000000},
        {TIMES("1800000000123",       "1800000000000"), 1800000000123},
        {TIMES("1500000000000",       "1800000000"),    1800000000000}, /* of two the later one */
        {TIMES("1800000000000",       "1500000000"),    1800000000000},
        {TIMES("1800000000123",       "17"),            1800000000123},
        {TIMES("17",                  "1800000000"),    1800000000000},
        {TIMES("1893542400000",       "null"),          1893542400000}, /* a day ahead */
        {TIMES("1893542400001",       "null"),          0            },
        {TIMES("1999999999999",       "1800000000"),    1800000000000},
        {TIMES("17",                  "17"),            0            },
        {TIMES("58882000000000",      "-1"),            0            },
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        struct amo_normal n = read_body(cases[i].body);

        if (n.event.sent_ms != cases[i].ms)
            fail_msg("%s: %" PRId64, cases[i].body, n.event.sent_ms);
        amo_normal_fini(&n);
    }
}

static void values_are_taken_for_what_they_mean(void **state)
{
    struct amo_normal n = read_body(MESSAGE(
        ",\"type\":\"Text\",\"text\":\"a\\u0000b\\ud800c\",\"file_size\":\"12\","
        "\"media\":\"\",\"media_duration\":-1,\"reply_to\":\"nonsense\",\"id\":\"last\"",
        ",\"sender\":{\"id\":9007199254740993},\"receiver\":[],\"source\":{\"external_id\":"
        "0}"));

    (void)state;
    assert_true(view_is(n.event.content.type, "unknown"));
    assert_true(view_is(n.event.raw_type, "Text"));
    assert_true(view_is(n.event.content.text, "a\xef\xbf\xbd"
                                              "b\xef\xbf\xbd"
                                              "c"));
    assert_true(view_is(n.event.message_id, "last")); /* the last duplicate wins */
    assert_true(view_is(n.event.sender_id, "9007199254740993"));
    assert_true(view_is(n.event.source, "0"));
    assert_null(n.event.content.media.ptr);
    assert_null(n.event.receiver_id.ptr);
    assert_null(n.event.content.reply_id.ptr);
    assert_int_equal(n.event.content.media_size, 12);
    assert_int_equal(n.event.content.media_duration, 0);
    amo_normal_fini(&n);
    n = read_body(MESSAGE("", ""));
    assert_true(view_is(n.event.content.type, "text"));
    assert_null(n.event.raw_type.ptr);
    assert_non_null(n.event.content.text.ptr);
    assert_int_equal(n.event.content.text.len, 0);
    amo_normal_fini(&n);
}

/* --- parts of a message ------------------------------------------------------------------- */

static void expect_part(const char *inner, size_t offset, const char *want)
{
    struct buf body;
    struct amo_normal n;
    struct view got;

    buf_init(&body, 1 << 20);
    assert_int_equal(buf_add_f(&body, MESSAGE(",%s", ""), inner), 0);
    n = read_body(buf_str(&body));
    assert_int_equal(n.verdict, AMO_ACCEPT);
    got = *(const struct view *)(const void *)((const char *)&n.event.content + offset);
    if (want ? !view_is(got, want) : got.ptr != NULL)
        fail_msg("%s: %.*s, not %s", inner, (int)got.len, got.ptr ? got.ptr : "",
                 want ? want : "nothing");
    amo_normal_fini(&n);
    buf_fini(&body);
}

#define PART(inner, member, want) expect_part(inner, offsetof(struct content, member), want)

static void buttons_are_read_row_by_row_and_broken_ones_left_out(void **state)
{
    (void)state;
    PART("\"markup\":{\"mode\":\"inline\",\"buttons\":[[{\"text\":\"a\"},{\"text\":\"b\","
         "\"url\":\"https://x\"}],[{\"text\":\"c\\\"\"}]]}",
         buttons,
         "[{\"text\":\"a\",\"row\":0},{\"text\":\"b\",\"url\":\"https://x\",\"row\":0},"
         "{\"text\":\"c\\\"\",\"row\":1}]");
    PART("\"markup\":{\"buttons\":[5,[\"x\",{\"url\":\"u\"},{\"text\":7}]]}", buttons,
         "[{\"text\":\"7\",\"row\":1}]");
    PART("\"markup\":{\"buttons\":[[]]}", buttons, NULL);
    PART("\"markup\":{\"buttons\":\"x\"}", buttons, NULL);
    PART("\"markup\":\"x\"", buttons, NULL);
    PART("\"markup\":[]", list, NULL);
}

static void a_list_keeps_its_order_and_only_what_it_says(void **state)
{
    (void)state;
    PART("\"markup\":{\"list_message\":{\"header\":\"h\",\"footer\":\"\",\"sections\":[{"
         "\"title\":"
         "\"t\",\"rows\":[{\"callback_data\":\"1\",\"title\":\"x\",\"description\":\"\"},7]},"
         "null]}}",
         list,
         "{\"header\":\"h\",\"sections\":[{\"title\":\"t\",\"rows\":[{\"callback_data\":\"1\","
         "\"title\":\"x\"}]}]}");
    PART("\"markup\":{\"list_message\":{}}", list, NULL);
    PART("\"markup\":{\"list_message\":{\"sections\":[{\"rows\":[{}]}]}}", list, NULL);
    PART("\"markup\":{\"list_message\":[]}", list, NULL);
}

static void a_template_is_kept_with_its_parameters(void **state)
{
    (void)state;
    PART("\"template\":{\"id\":\"7103\",\"external_id\":\"e\",\"content\":\"c\",\"params\":[{"
         "\"key\":\"k\",\"value\":\"v\"},{\"value\":\"lost "
         "key\"},{\"key\":\"n\",\"value\":\"\"}]}",
         template,
         "{\"id\":7103,\"external_id\":\"e\",\"content\":\"c\",\"params\":[{\"key\":\"k\","
         "\"value\":\"v\"},{\"key\":\"n\",\"value\":null}]}");
    PART("\"template\":{\"id\":1.5,\"content\":\"c\",\"params\":5}", template,
         "{\"content\":\"c\",\"params\":[]}");
    PART("\"template\":{}", template, NULL);
    PART("\"template\":[7103]", template, NULL);
}

static void a_quote_that_names_and_says_nothing_is_none(void **state)
{
#define REPLY(inner) "\"reply_to\":{\"message\":{" inner "}}"
    (void)state;
    PART(REPLY("\"id\":\"q\",\"sender\":{\"name\":\"N\"}"), reply_id, "q");
    PART(REPLY("\"id\":\"q\",\"sender\":{\"name\":\"N\"}"), reply_author, "N");
    PART(REPLY("\"msgid\":5"), reply_client_id, "5");
    PART(REPLY("\"text\":\"words\",\"type\":\"text\""), reply_text, "words");
    PART(REPLY("\"text\":\"words\",\"type\":\"text\""), reply_type, "text");
    PART(REPLY("\"id\":\"q\",\"type\":\"poll\""), reply_type, NULL);
    PART(REPLY("\"sender\":{\"name\":\"N\"}"), reply_author, NULL);
    PART("\"reply_to\":{\"message\":\"q\"}", reply_id, NULL);
    PART("\"reply_to\":{\"id\":\"q\"}", reply_id, NULL);
    PART("\"reply_to\":7", reply_id, NULL);
}

static void all_forwarded_words_are_kept(void **state)
{
#define FORWARDS                                                                               \
    "\"forwards\":{\"messages\":[{\"id\":\"f1\",\"text\":\"one\",\"media\":\"https://m/1\","   \
    "\"file_name\":\"1\",\"sender\":{\"name\":\"N\"}},5,{\"id\":\"f2\",\"text\":\"two\","      \
    "\"media\":"                                                                               \
    "\"https://m/2\"},{\"text\":\"three\"}]}"
    (void)state;
    PART(FORWARDS, forward_id, "f1");
    PART(FORWARDS, forward_text, "one\ntwo\nhttps://m/2\nthree");
    PART(FORWARDS, forward_ids, "[\"f1\",\"f2\"]");
    PART(FORWARDS, forward_media, "https://m/1");
    PART(FORWARDS, forward_media_name, "1");
    PART(FORWARDS, forward_type, "file");
    PART(FORWARDS, forward_author, "N");
    PART("\"forwards\":{\"messages\":[{\"text\":\"t\"}]}", forward_ids, NULL);
    PART("\"forwards\":{\"messages\":[{\"text\":\"t\"}]}", forward_text, "t");
    PART("\"forwards\":{\"messages\":[{\"text\":\"t\"}]}", forward_type, "text");
    PART("\"forwards\":{\"messages\":{}}", forward_text, NULL);
    PART("\"forwards\":[]", forward_text, NULL);
}

static void a_place_is_two_numbers_or_none(void **state)
{
#define PLACE(lat, lon) "\"location\":{\"lat\":" lat ",\"lon\":" lon "}"
    (void)state;
    PART(PLACE("55.750", "-0.10"), lat, "55.750");
    PART(PLACE("55.750", "-0.10"), lon, "-0.10");
    PART(PLACE("\"55.75\"", "37"), lat, "55.75");
    PART(PLACE("\"55.75\"", "37"), lon, "37");
    PART(PLACE("\"007\"", "\"00.5\""), lat, "7"); /* what JSON cannot say is written anew */
    PART(PLACE("\"007\"", "\"00.5\""), lon, "0.5");
    PART(PLACE("\"north\"", "37"), lon, NULL);
    PART(PLACE("55", "null"), lat, NULL);
    PART("\"location\":[55,37]", lat, NULL);
    PART("\"contact\":{\"name\":\"n\",\"phone\":5}", contact_phone, "5");
    PART("\"contact\":\"n\"", contact_name, NULL);
    PART("\"sticker_id\":\"s\"", sticker_id, "s");
}

static void parts_that_grow_too_large_are_not_cut(void **state)
{
    struct amo_normal n;
    struct buf body;

    (void)state;
    buf_init(&body, 4 << 20);
    (void)buf_add_str(&body,
                      "{\"message\":{\"conversation\":{\"id\":\"c\"},\"message\":{\"id\":\"m\","
                      "\"markup\":{\"buttons\":[[{\"text\":\"");
    for (size_t i = 0; i < 200000; i++)
        (void)buf_add_char(&body, '\x01'); /* which JSON has no place for as it is */
    (void)buf_add_str(&body, "\"}]]}}}}");
    assert_int_equal(buf_error(&body), 0);
    assert_int_equal(amo_normalize(buf_view(&body), VIEW_LIT(SCOPE), NOW_MS, &n), 0);
    assert_int_equal(n.verdict, AMO_REJECT);
    assert_true(view_equal(n.event.raw, buf_view(&body)));
    amo_normal_fini(&n);
    buf_fini(&body);
}

static void parts_that_grow_too_large_do_not_cost_the_words(void **state)
{
    struct amo_normal n;
    struct buf body;

    (void)state;
    buf_init(&body, 4 << 20);
    (void)buf_add_str(&body,
                      "{\"message\":{\"conversation\":{\"id\":\"c\"},\"message\":{\"id\":\"m\","
                      "\"text\":\"words\",\"template\":{\"id\":7},\"markup\":{\"buttons\":[[{"
                      "\"text\":\"");
    for (size_t i = 0; i < 200000; i++)
        (void)buf_add_char(&body, '\x01');
    (void)buf_add_str(&body, "\"}]]}}}}");
    assert_int_equal(buf_error(&body), 0);
    assert_int_equal(amo_normalize(buf_view(&body), VIEW_LIT(SCOPE), NOW_MS, &n), 0);
    assert_int_equal(n.verdict, AMO_ACCEPT);
    assert_true(view_is(n.event.content.text, "words"));
    assert_null(n.event.content.buttons.ptr);
    assert_true(view_is(n.event.content.template, "{\"id\":7,\"params\":[]}"));
    amo_normal_fini(&n);
    buf_fini(&body);
}

static void typing_ends_by_itself(void **state)
{
    struct amo_normal n =
        read_body("{\"time\":1700000100,\"action\":{\"typing\":{\"conversation\":{"
                  "\"id\":\"c\"}}}}");

    (void)state;
    assert_int_equal(n.event.kind, EVENT_AMO_TYPING);
    assert_int_equal(n.event.expires_ms, 1700000105000);
    amo_normal_refuse(&n, VIEW_LIT("raw"), "over");
    assert_int_equal(n.event.kind, EVENT_QUARANTINE);
    assert_true(view_is(n.event.raw, "raw") && view_is(n.event.scope, SCOPE));
    amo_normal_fini(&n);
}

static int read_and_encode(void *arg)
{
    struct amo_normal n;
    struct buf out;
    int rc = amo_normalize(view_of(arg), VIEW_LIT(SCOPE), NOW_MS, &n);

    if (rc)
        return rc;
    buf_init(&out, 1 << 20);
    rc = event_encode(&n.event, &out);
    buf_fini(&out);
    amo_normal_fini(&n);
    return rc;
}

static void without_memory_nothing_breaks(void **state)
{
    char message[] =
        MESSAGE(",\"text\":\"a\\u0000b\",\"forwards\":{\"messages\":[{\"id\":\"1\",\"text\":"
                "\"x\"},{\"text\":\"y\"}]},\"markup\":{\"buttons\":[[{\"text\":\"b\"}]],"
                "\"list_message\":{\"header\":\"h\"}},\"template\":{\"id\":1},\"location\":{"
                "\"lat\":\"01\",\"lon\":\"02\"}",
                ",\"sender\":{\"id\":5}");
    char broken[] = "{";

    (void)state;
    testing_fail_each_allocation(read_and_encode, message);
    testing_fail_each_allocation(read_and_encode, broken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fixture_is_read_as_expected),
        cmocka_unit_test(what_a_hook_must_have),
        cmocka_unit_test(our_own_test_of_the_listener_is_no_message),
        cmocka_unit_test(depth_is_bounded_and_never_the_stack),
        cmocka_unit_test(times_are_tried_in_order),
        cmocka_unit_test(a_time_that_cannot_be_is_none),
        cmocka_unit_test(values_are_taken_for_what_they_mean),
        cmocka_unit_test(buttons_are_read_row_by_row_and_broken_ones_left_out),
        cmocka_unit_test(a_list_keeps_its_order_and_only_what_it_says),
        cmocka_unit_test(a_template_is_kept_with_its_parameters),
        cmocka_unit_test(a_quote_that_names_and_says_nothing_is_none),
        cmocka_unit_test(all_forwarded_words_are_kept),
        cmocka_unit_test(a_place_is_two_numbers_or_none),
        cmocka_unit_test(parts_that_grow_too_large_are_not_cut),
        cmocka_unit_test(parts_that_grow_too_large_do_not_cost_the_words),
        cmocka_unit_test(typing_ends_by_itself),
        cmocka_unit_test(without_memory_nothing_breaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
