/* The sandbox's judgement of signatures against all published and own vectors. */
#include "tools/sandbox/record/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "base/buf.h"
#include "tools/sandbox/kit/digest.h"
#include "tools/sandbox/kit/http_date.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/testing/files.h"

enum {
    BODY_MAX = 1024 * 1024
};

static struct json_object *amojo_vectors;
static struct json_object *webhook_vectors;

static int read_vectors(void **state)
{
    (void)state;
    amojo_vectors = testing_read_json("tests/vectors/signatures.json");
    webhook_vectors = testing_read_json("tests/vectors/standard-webhooks.json");
    return 0;
}

static int drop_vectors(void **state)
{
    (void)state;
    json_object_put(amojo_vectors);
    json_object_put(webhook_vectors);
    return 0;
}

static struct json_object *find_named(struct json_object *list, const char *name)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *v = json_object_array_get_idx(list, i);

        if (strcmp(jread_str(v, "name"), name) == 0)
            return v;
    }
    fail_msg("no vector %s", name);
    return NULL;
}

static void add_repeated(struct buf *b, const char *unit, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        assert_int_equal(buf_add_str(b, unit), 0);
}

static void add_decoded(struct buf *b, const char *base64)
{
    size_t n = 0;
    size_t space = strlen(base64);
    char *place = buf_reserve(b, space);

    assert_non_null(place);
    assert_int_equal(digest_base64_decode(base64, space, (uint8_t *)place, space, &n), 0);
    buf_grow(b, n);
}

/* The bytes of a vector, however it gives them; false when it leaves them out. */
static bool body_of(struct json_object *v, const char *text_key, struct buf *b)
{
    struct json_object *text = jread_get(v, text_key);
    struct json_object *maker = jread_object(v, "body_generator");
    const char *base64 = jread_str(v, "body_base64");

    buf_init(b, BODY_MAX);
    if (text) {
        assert_int_equal(
            buf_add(b, json_object_get_string(text), (size_t)json_object_get_string_len(text)),
            0);
        return true;
    }
    if (base64) {
        add_decoded(b, base64);
        return true;
    }
    if (jread_str(maker, "same_as"))
        maker = jread_object(
            find_named(jread_array(amojo_vectors, "requests"), jread_str(maker, "same_as")),
            "body_generator");
    if (!maker)
        return false;
    add_repeated(b, jread_str(maker, "prefix"), 1);
    add_repeated(b, jread_str(maker, "unit"), jread_int(maker, "repeat", 0));
    add_repeated(b, jread_str(maker, "padding_char"), jread_int(maker, "padding_count", 0));
    add_repeated(b, jread_str(maker, "suffix"), 1);
    return true;
}

static struct verify_call call_of(struct json_object *v, const struct buf *body)
{
    return (struct verify_call){
        .method = jread_str(v, "method"),
        .path = jread_str(v, "path"),
        .date = jread_str(v, "date"),
        .content_type = jread_str(v, "content_type"),
        .content_md5 = jread_str(v, "content_md5"),
        .signature = jread_str(v, "x_signature"),
        .body = buf_str(body),
        .body_len = body->len,
    };
}

static void every_request_vector_is_accepted_in_its_time(void **state)
{
    struct json_object *list = jread_array(amojo_vectors, "requests");
    size_t whole = 0;

    (void)state;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *v = json_object_array_get_idx(list, i);
        const char *secret = jread_str(v, "secret");
        char want[DIGEST_SHA1_HEX + 1];
        struct buf body;
        bool given = body_of(v, "body", &body);
        struct verify_call c = call_of(v, &body);
        int64_t at = 0;

        print_message("%s\n", jread_str(v, "name"));
        assert_int_equal(verify_call_sign(&c, secret, want), 0);
        assert_string_equal(want, c.signature);
        if (given && c.content_type && c.date && c.content_md5 && secret[0]) {
            assert_int_equal(http_date_parse(c.date, &at), 0);
            if (strcmp(c.content_type, "application/json") == 0) {
                assert_null(verify_call(&c, secret, at));
                whole++;
            }
        }
        buf_fini(&body);
    }
    assert_true(whole > 30);
}

static void every_known_mistake_is_refused(void **state)
{
    struct json_object *mistakes = jread_object(amojo_vectors, "common_mistakes");
    struct json_object *wrong = jread_array(mistakes, "wrong_signatures");
    struct json_object *v =
        find_named(jread_array(amojo_vectors, "requests"), jread_str(mistakes, "reference"));
    struct buf body;
    struct verify_call c;
    int64_t at = 0;

    (void)state;
    assert_true(body_of(v, "body", &body));
    c = call_of(v, &body);
    assert_int_equal(http_date_parse(c.date, &at), 0);
    for (size_t i = 0; i < json_object_array_length(wrong); i++) {
        c.signature = jread_str(json_object_array_get_idx(wrong, i), "x_signature");
        assert_non_null(verify_call(&c, jread_str(v, "secret"), at));
    }
    buf_fini(&body);
}

static void a_call_is_good_for_fifteen_minutes_and_not_a_second_longer(void **state)
{
    struct json_object *v =
        find_named(jread_array(amojo_vectors, "requests"), "published-connect");
    struct buf body;
    struct verify_call c;
    int64_t at = 0;

    (void)state;
    assert_true(body_of(v, "body", &body));
    c = call_of(v, &body);
    assert_int_equal(http_date_parse(c.date, &at), 0);
    assert_null(verify_call(&c, jread_str(v, "secret"), at + 900));
    assert_non_null(verify_call(&c, jread_str(v, "secret"), at + 901));
    assert_null(verify_call(&c, jread_str(v, "secret"), at - 900));
    assert_non_null(verify_call(&c, jread_str(v, "secret"), at - 901));
    buf_fini(&body);
}

static void a_changed_or_missing_part_of_a_call_is_refused(void **state)
{
    struct json_object *v =
        find_named(jread_array(amojo_vectors, "requests"), "published-connect");
    const char *secret = jread_str(v, "secret");
    struct buf body;
    struct verify_call good;
    struct verify_call c;
    int64_t at = 0;

    (void)state;
    assert_true(body_of(v, "body", &body));
    good = call_of(v, &body);
    assert_int_equal(http_date_parse(good.date, &at), 0);
    c = good;
    c.body_len--;
    assert_string_equal(verify_call(&c, secret, at), "wrong Content-MD5");
    c = good;
    c.method = "PUT";
    assert_string_equal(verify_call(&c, secret, at), "wrong X-Signature");
    c = good;
    c.content_type = "application/json; charset=utf-8";
    assert_string_equal(verify_call(&c, secret, at), "wrong Content-Type");
    c = good;
    c.date = "yesterday";
    assert_string_equal(verify_call(&c, secret, at), "malformed Date");
    c = good;
    c.signature = NULL;
    assert_string_equal(verify_call(&c, secret, at), "a header is missing");
    buf_fini(&body);
}

static void webhooks_are_signed_over_the_body_alone(void **state)
{
    struct json_object *list = jread_array(amojo_vectors, "webhooks");

    (void)state;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *v = json_object_array_get_idx(list, i);
        char want[DIGEST_SHA1_HEX + 1];
        struct buf body;

        assert_true(body_of(v, "body", &body));
        assert_int_equal(
            verify_hook_sign(jread_str(v, "secret"), buf_str(&body), body.len, want), 0);
        assert_string_equal(want, jread_str(v, "x_signature"));
        buf_fini(&body);
    }
}

static void webhook_decisions_agree(void **state)
{
    struct json_object *list = jread_array(amojo_vectors, "webhook_decisions");

    (void)state;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *v = json_object_array_get_idx(list, i);
        const char *body = jread_str(v, "body");
        char want[DIGEST_SHA1_HEX + 1];

        assert_int_equal(verify_hook_sign(jread_str(v, "secret"), body, strlen(body), want), 0);
        assert_int_equal(strcasecmp(want, jread_str(v, "x_signature")) == 0,
                         jread_bool(v, "accept", false));
    }
}

static void every_standard_webhook_vector_is_made_and_accepted(void **state)
{
    struct json_object *list = jread_array(webhook_vectors, "vectors");

    (void)state;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *v = json_object_array_get_idx(list, i);
        struct json_object *secrets = jread_array(v, "secrets");
        struct buf body;
        struct verify_webhook w = {
            .id = jread_str(v, "webhook_id"),
            .timestamp = jread_str(v, "webhook_timestamp"),
            .signature = jread_str(v, "webhook_signature"),
        };
        int64_t now = strtoll(w.timestamp, NULL, 10);

        assert_true(body_of(v, "body_utf8", &body));
        w.body = buf_str(&body);
        w.body_len = body.len;
        for (size_t k = 0; k < json_object_array_length(secrets); k++) {
            const char *secret = json_object_get_string(json_object_array_get_idx(secrets, k));
            char made[DIGEST_SHA256_B64 + 4];

            assert_null(verify_webhook(&w, &secret, 1, now));
            assert_int_equal(
                verify_webhook_sign(secret, w.id, w.timestamp, w.body, w.body_len, made), 0);
            assert_non_null(strstr(w.signature, made));
        }
        buf_fini(&body);
    }
}

/* A field of the case, else of the vector it is based on. */
static const char *case_field(struct json_object *v, struct json_object *base, const char *key)
{
    return jread_str(v, key) ? jread_str(v, key) : jread_str(base, key);
}

static void every_standard_webhook_case_ends_as_expected(void **state)
{
    struct json_object *list = jread_array(webhook_vectors, "verification_cases");

    (void)state;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *v = json_object_array_get_idx(list, i);
        struct json_object *base =
            find_named(jread_array(webhook_vectors, "vectors"), jread_str(v, "based_on"));
        const char *body = case_field(v, base, "body_utf8");
        const char *secret =
            json_object_get_string(json_object_array_get_idx(jread_array(base, "secrets"), 0));
        struct verify_webhook w = {
            .id = case_field(v, base, "webhook_id"),
            .timestamp = case_field(v, base, "webhook_timestamp"),
            .signature = case_field(v, base, "webhook_signature"),
            .body = body,
            .body_len = strlen(body),
        };
        int64_t now = jread_int(v, "now", strtoll(w.timestamp, NULL, 10));
        const char *wrong = verify_webhook(&w, &secret, 1, now);

        print_message("%s: %s\n", jread_str(v, "name"), wrong ? wrong : "accepted");
        assert_int_equal(wrong == NULL, strcmp(jread_str(v, "expect"), "accept") == 0);
    }
}

static void secrets_of_a_wrong_length_or_alphabet_are_refused(void **state)
{
    uint8_t key[VERIFY_KEY_MAX];
    size_t n = 0;

    (void)state;
    assert_int_equal(verify_webhook_key("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", key, &n), 0);
    assert_int_equal(n, 24);
    assert_int_equal(verify_webhook_key("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", key, &n), 0);
    assert_int_not_equal(verify_webhook_key("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRY=", key, &n),
                         0);
    assert_int_not_equal(verify_webhook_key("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFR*X", key, &n),
                         0);
    assert_int_not_equal(verify_webhook_key("", key, &n), 0);
}

static void dates_are_read_in_both_forms_and_nothing_else(void **state)
{
    static const char *const wrong[] = {
        "",
        "Thu, 29 Oct 2020 11:59:55",
        "Fri, 29 Oct 2020 11:59:55 +0000",
        "Thu, 9 Oct 2020 11:59:55 +0000",
        "Thu, 31 Feb 2020 11:59:55 GMT",
        "Thu, 29 Oct 2020 24:59:55 GMT",
        "Thu, 29 Oct 2020 11:59:55 UTC",
        "Thu, 29 Oct 2020 11:59:55 +0000 ",
        "2020-10-29T11:59:55Z",
    };
    int64_t a = 0;
    int64_t b = 0;
    char text[HTTP_DATE_LEN + 1];

    (void)state;
    assert_int_equal(http_date_parse("Thu, 29 Oct 2020 11:59:55 +0000", &a), 0);
    assert_int_equal(a, 1603972795);
    assert_int_equal(http_date_parse("Thu, 29 Oct 2020 14:59:55 +0300", &b), 0);
    assert_int_equal(b, a);
    http_date_format(a, text);
    assert_string_equal(text, "Thu, 29 Oct 2020 11:59:55 GMT");
    assert_int_equal(http_date_parse(text, &b), 0);
    assert_int_equal(b, a);
    for (size_t i = 0; i < AMO_COUNT(wrong); i++)
        assert_int_not_equal(http_date_parse(wrong[i], &b), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_vector_is_accepted_in_its_time),
        cmocka_unit_test(every_known_mistake_is_refused),
        cmocka_unit_test(a_call_is_good_for_fifteen_minutes_and_not_a_second_longer),
        cmocka_unit_test(a_changed_or_missing_part_of_a_call_is_refused),
        cmocka_unit_test(webhooks_are_signed_over_the_body_alone),
        cmocka_unit_test(webhook_decisions_agree),
        cmocka_unit_test(every_standard_webhook_vector_is_made_and_accepted),
        cmocka_unit_test(every_standard_webhook_case_ends_as_expected),
        cmocka_unit_test(secrets_of_a_wrong_length_or_alphabet_are_refused),
        cmocka_unit_test(dates_are_read_in_both_forms_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, read_vectors, drop_vectors);
}
