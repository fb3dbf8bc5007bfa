#include "proto/sign.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/testing.h"

/* A vector file, parsed; texts borrow it. */
static struct json *vectors;

static struct json *load(const char *name)
{
    char path[4096];
    struct secret text = SECRET_EMPTY;
    struct json *doc = NULL;

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): tests have one thread */
    (void)snprintf(path, sizeof(path), "%s/tests/vectors/%s", getenv("AMO_SOURCE_DIR"), name);
    assert_int_equal(secret_read_file(&text, path, 4 << 20), 0);
    assert_int_equal(json_parse(secret_view(&text), &doc), 0);
    secret_fini(&text);
    return doc;
}

static int load_amojo(void **state)
{
    (void)state;
    vectors = load("signatures.json");
    return 0;
}

static int load_standard(void **state)
{
    (void)state;
    vectors = load("standard-webhooks.json");
    return 0;
}

static int unload(void **state)
{
    (void)state;
    json_free(vectors);
    vectors = NULL;
    return 0;
}

static const struct json_node *at(const char *list, size_t i)
{
    return json_array_at(json_get(json_root(vectors), list), i);
}

static size_t count(const char *list)
{
    return json_array_len(json_get(json_root(vectors), list));
}

static struct view text(const struct json_node *n, const char *key)
{
    struct view v = VIEW_NONE;

    (void)json_strict_text(json_get(n, key), &v); /* VIEW_NONE when it is not there */
    return v;
}

static void copy(const struct json_node *n, const char *key, char *ret, size_t cap)
{
    assert_non_null(text(n, key).ptr);
    assert_int_equal(view_copy(text(n, key), ret, cap), 0);
}

static void unbase64(struct view from, struct buf *out)
{
    char *space = buf_reserve(out, from.len);
    size_t len = 0;

    assert_non_null(space);
    assert_int_equal(crypto_unbase64(from, (unsigned char *)space, from.len, &len), 0);
    buf_grow(out, len);
}

/* The exact bytes of a vector's body under key @key or @key_base64, or by its rule. */
static bool body_of(const struct json_node *n, struct buf *out)
{
    struct view plain = text(n, "body");
    struct view coded = text(n, "body_base64");
    const struct json_node *rule = NULL;
    int64_t want = 0;

    buf_reset(out);
    /* a webhook may say "the same as" a request */
    for (size_t i = 0; i < count("requests"); i++) {
        if (view_equal(text(at("requests", i), "name"),
                       text(json_get(n, "body_generator"), "same_as")))
            n = at("requests", i);
    }
    rule = json_get(n, "body_generator");
    if (rule) {
        int64_t units = 0;
        int64_t padding = 0;

        assert_true(json_int(json_get(rule, "repeat"), &units));
        assert_true(json_int(json_get(rule, "padding_count"), &padding));
        assert_int_equal(buf_add_view(out, text(rule, "prefix")), 0);
        for (int64_t i = 0; i < units; i++)
            assert_int_equal(buf_add_view(out, text(rule, "unit")), 0);
        for (int64_t i = 0; i < padding; i++)
            assert_int_equal(buf_add_view(out, text(rule, "padding_char")), 0);
        assert_int_equal(buf_add_view(out, text(rule, "suffix")), 0);
    } else if (plain.ptr) {
        assert_int_equal(buf_add_view(out, plain), 0);
    } else if (coded.ptr) {
        unbase64(coded, out);
    } else {
        return false; /* the vendor's examples whose body is not printed */
    }
    assert_true(json_int(json_get(n, "body_length"), &want));
    assert_int_equal(out->len, want);
    return true;
}

/* --- amojo, requests ---------------------------------------------------------------------- */

static void sign_vector(const struct json_node *n, struct buf *body)
{
    unsigned char digest[CRYPTO_MD5_LEN];
    char md5[2 * CRYPTO_MD5_LEN + 1];
    char method[16];
    char type[128];
    char signature[41];

    copy(n, "method", method, sizeof(method));
    copy(n, "content_type", type, sizeof(type));
    if (body_of(n, body)) {
        assert_int_equal(crypto_md5(buf_view(body), digest), 0);
        crypto_hex(digest, sizeof(digest), md5);
        assert_true(view_is(text(n, "content_md5"), md5));
    }
    assert_int_equal(amojo_sign_dated(text(n, "secret"), method, text(n, "content_md5"), type,
                                      text(n, "date"), text(n, "path"), signature),
                     0);
    assert_true(view_is(text(n, "x_signature"), signature));
}

static void every_request_vector_is_signed_as_printed(void **state)
{
    struct buf body;

    (void)state;
    buf_init(&body, 1 << 20);
    assert_int_equal(count("requests"), 40);
    for (size_t i = 0; i < count("requests"); i++)
        sign_vector(at("requests", i), &body);
    buf_fini(&body);
}

static void the_date_and_the_digest_are_made_from_the_call(void **state)
{
    const struct json_node *n = NULL;
    struct amojo_signature s;
    struct buf body;
    char method[16];
    char type[128];
    int64_t ms = 0;

    (void)state;
    buf_init(&body, 1 << 20);
    for (size_t i = 0; i < count("requests"); i++) {
        n = at("requests", i);
        /* dates with another zone or spelling are only signed, never made by us */
        if (!body_of(n, &body) || clock_parse_http(text(n, "date"), &ms) ||
            !view_find(text(n, "date"), "+0000"))
            continue;
        copy(n, "method", method, sizeof(method));
        copy(n, "content_type", type, sizeof(type));
        assert_int_equal(amojo_sign(text(n, "secret"), method, buf_view(&body), type, ms,
                                    text(n, "path"), &s),
                         0);
        assert_true(view_is(text(n, "date"), s.date));
        assert_true(view_is(text(n, "content_md5"), s.content_md5));
        assert_true(view_is(text(n, "x_signature"), s.signature));
    }
    buf_fini(&body);
}

static void the_method_is_signed_in_upper_case_and_the_path_without_a_query(void **state)
{
    struct amojo_signature a;
    struct amojo_signature b;

    (void)state;
    assert_int_equal(amojo_sign(VIEW_LIT("k"), "POST", VIEW_LIT("{}"), "application/json", 0,
                                VIEW_LIT("/v2/origin"), &a),
                     0);
    assert_int_equal(amojo_sign(VIEW_LIT("k"), "post", VIEW_LIT("{}"), "application/json", 0,
                                VIEW_LIT("/v2/origin?limit=1"), &b),
                     0);
    assert_string_equal(a.signature, b.signature);
}

static void the_common_mistakes_give_other_signatures(void **state)
{
    const struct json_node *mistakes = NULL;
    const struct json_node *n = NULL;
    struct view name;

    (void)state;
    mistakes = json_get(json_root(vectors), "common_mistakes");
    name = text(mistakes, "reference");
    for (size_t i = 0; i < count("requests"); i++) {
        if (view_equal(text(at("requests", i), "name"), name))
            n = at("requests", i);
    }
    assert_non_null(n);
    mistakes = json_get(mistakes, "wrong_signatures");
    assert_int_equal(json_array_len(mistakes), 13);
    for (size_t i = 0; i < json_array_len(mistakes); i++)
        assert_false(view_equal(text(json_array_at(mistakes, i), "x_signature"),
                                text(n, "x_signature")));
}

/* --- amojo, webhooks ---------------------------------------------------------------------- */

static bool fits(struct view secret, struct view body, struct view signature)
{
    struct secret keys[2] = {SECRET_EMPTY, SECRET_EMPTY};
    bool ok = false;

    assert_int_equal(secret_init(&keys[0], VIEW_LIT("a secret that was rotated in")), 0);
    assert_int_equal(secret_init(&keys[1], secret), 0);
    ok = amojo_webhook_verify(keys, 2, body, signature);
    assert_int_equal(amojo_webhook_verify(&keys[1], 1, body, signature), ok);
    assert_false(amojo_webhook_verify(&keys[0], 1, body, signature));
    secret_fini(&keys[0]);
    secret_fini(&keys[1]);
    return ok;
}

static void every_webhook_vector_is_accepted_also_as_on_the_wire(void **state)
{
    struct buf body;

    (void)state;
    buf_init(&body, 1 << 20);
    assert_int_equal(count("webhooks"), 13);
    for (size_t i = 0; i < count("webhooks"); i++) {
        const struct json_node *n = at("webhooks", i);

        assert_true(body_of(n, &body));
        assert_true(fits(text(n, "secret"), buf_view(&body), text(n, "x_signature")));
        if (!text(n, "wire_body_base64").ptr)
            continue;
        buf_reset(&body);
        unbase64(text(n, "wire_body_base64"), &body);
        assert_true(fits(text(n, "secret"), buf_view(&body), text(n, "x_signature")));
        assert_true(
            fits(text(n, "secret"), buf_view(&body), text(n, "x_signature_over_wire_bytes")));
    }
    buf_fini(&body);
}

static void every_webhook_decision_is_ours_too(void **state)
{
    (void)state;
    assert_int_equal(count("webhook_decisions"), 8);
    for (size_t i = 0; i < count("webhook_decisions"); i++) {
        const struct json_node *n = at("webhook_decisions", i);
        bool accept = false;

        assert_true(json_bool(json_get(n, "accept"), &accept));
        assert_int_equal(fits(text(n, "secret"), text(n, "body"), text(n, "x_signature")),
                         accept);
    }
}

static void without_secrets_nothing_fits(void **state)
{
    struct secret none[2] = {SECRET_EMPTY, SECRET_EMPTY};

    (void)state;
    assert_false(amojo_webhook_verify(none, 2, VIEW_LIT("{}"),
                                      VIEW_LIT("c2b7729c660681bafadf47731f8e3f77f5cbfe85")));
    assert_false(amojo_webhook_verify(NULL, 0, VIEW_LIT("{}"), VIEW_NONE));
}

/* --- Standard Webhooks -------------------------------------------------------------------- */

static const struct json_node *vector_named(struct view name)
{
    for (size_t i = 0; i < count("vectors"); i++) {
        if (view_equal(text(at("vectors", i), "name"), name))
            return at("vectors", i);
    }
    return NULL;
}

static size_t secrets_of(const struct json_node *n, struct secret ret[2])
{
    const struct json_node *list = json_get(n, "secrets");

    for (size_t i = 0; i < json_array_len(list); i++) {
        struct view v = VIEW_NONE;
        unsigned char raw[64];
        struct view hex = VIEW_NONE;

        assert_true(json_strict_text(json_array_at(list, i), &v));
        assert_int_equal(webhook_secret_decode(v, &ret[i]), 0);
        assert_true(json_strict_text(json_array_at(json_get(n, "secrets_hex"), i), &hex));
        assert_int_equal(crypto_unhex(hex, raw), 0);
        assert_true(view_equal(secret_view(&ret[i]), view_make(raw, hex.len / 2)));
    }
    return json_array_len(list);
}

static void every_standard_vector_is_signed_and_verified_as_printed(void **state)
{
    (void)state;
    assert_int_equal(count("vectors"), 6);
    for (size_t i = 0; i < count("vectors"); i++) {
        const struct json_node *n = at("vectors", i);
        struct secret keys[2] = {SECRET_EMPTY, SECRET_EMPTY};
        size_t n_keys = secrets_of(n, keys);
        struct view body = text(n, "body_utf8");
        char made[256];
        int64_t when = 0;

        assert_true(json_int(json_get(n, "webhook_timestamp"), &when));
        assert_int_equal(
            webhook_sign(keys, n_keys, text(n, "webhook_id"), when, body, made, sizeof(made)),
            0);
        assert_true(view_is(text(n, "webhook_signature"), made));
        /* whoever holds either key accepts */
        for (size_t k = 0; k < n_keys; k++)
            assert_int_equal(webhook_verify(&keys[k], 1, text(n, "webhook_id"),
                                            text(n, "webhook_timestamp"),
                                            text(n, "webhook_signature"), body, when),
                             WEBHOOK_FITS);
        secret_fini(&keys[0]);
        secret_fini(&keys[1]);
    }
}

/* The value of a case: its own, else that of its vector. */
static struct view of_case(const struct json_node *c, const struct json_node *base,
                           const char *key)
{
    return json_get(c, key) ? text(c, key) : text(base, key);
}

static void every_verification_case_comes_out_as_expected(void **state)
{
    static const struct {
        const char *expect;
        enum webhook_verdict verdict;
        enum webhook_verdict or_else;
    } known[] = {
        {"accept",               WEBHOOK_FITS,      WEBHOOK_FITS     },
        {"no_match",             WEBHOOK_SIGNATURE, WEBHOOK_SIGNATURE},
        {"missing_or_malformed", WEBHOOK_MISSING,   WEBHOOK_TIME     },
        {"stale",                WEBHOOK_TIME,      WEBHOOK_TIME     },
    };

    (void)state;
    assert_int_equal(count("verification_cases"), 13);
    for (size_t i = 0; i < count("verification_cases"); i++) {
        const struct json_node *c = at("verification_cases", i);
        const struct json_node *base = vector_named(text(c, "based_on"));
        struct secret keys[2] = {SECRET_EMPTY, SECRET_EMPTY};
        enum webhook_verdict verdict = WEBHOOK_LIMIT;
        int64_t now = 0;
        bool found = false;

        assert_non_null(base);
        (void)secrets_of(base, keys);
        assert_true(json_int(json_get(base, "webhook_timestamp"), &now));
        (void)json_int(json_get(c, "now"), &now); /* unless the case has its own */
        verdict = webhook_verify(
            keys, 2, of_case(c, base, "webhook_id"), of_case(c, base, "webhook_timestamp"),
            of_case(c, base, "webhook_signature"), of_case(c, base, "body_utf8"), now);
        for (size_t k = 0; k < AMO_COUNT(known); k++) {
            if (view_is(text(c, "expect"), known[k].expect))
                found = verdict == known[k].verdict || verdict == known[k].or_else;
        }
        assert_true(found);
        secret_fini(&keys[0]);
        secret_fini(&keys[1]);
    }
}

static void secrets_of_other_lengths_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "whsec_",
        "whsec_AAAA",
        "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRY=",
        "not base64 at all",
    };
    unsigned char long_key[65] = {0};
    char coded[4 * 22 + 1];
    struct secret s = SECRET_EMPTY;

    (void)state;
    crypto_base64(long_key, sizeof(long_key), coded);
    assert_int_equal(webhook_secret_decode(view_of(coded), &s), -EINVAL);
    for (size_t i = 0; i < AMO_COUNT(bad); i++)
        assert_int_equal(webhook_secret_decode(view_of(bad[i]), &s), -EINVAL);
}

static void a_header_over_its_limits_is_not_looked_into(void **state)
{
    struct secret key = SECRET_EMPTY;
    struct buf many;

    (void)state;
    assert_int_equal(secret_init(&key, VIEW_LIT("0123456789abcdef0123456789abcdef")), 0);
    buf_init(&many, 4096);
    for (int i = 0; i < 9; i++)
        assert_int_equal(buf_add_str(&many, i ? " v1,x" : "v1,x"), 0);
    assert_int_equal(
        webhook_verify(&key, 1, VIEW_LIT("a"), VIEW_LIT("1"), buf_view(&many), VIEW_LIT(""), 1),
        WEBHOOK_LIMIT);
    buf_reset(&many);
    for (int i = 0; i < 1025; i++)
        assert_int_equal(buf_add_char(&many, 'x'), 0);
    assert_int_equal(
        webhook_verify(&key, 1, VIEW_LIT("a"), VIEW_LIT("1"), buf_view(&many), VIEW_LIT(""), 1),
        WEBHOOK_LIMIT);
    assert_int_equal(webhook_verify(&key, 1, VIEW_LIT("a"), VIEW_LIT("9223372036854775807"),
                                    VIEW_LIT("v1,x"), VIEW_LIT(""), 1),
                     WEBHOOK_TIME);
    assert_int_equal(webhook_verify(&key, 1, VIEW_LIT("a"), VIEW_LIT("-9223372036854775808"),
                                    VIEW_LIT("v1,x"), VIEW_LIT(""), 1),
                     WEBHOOK_TIME);
    buf_fini(&many);
    secret_fini(&key);
}

int main(void)
{
    const struct CMUnitTest amojo[] = {
        cmocka_unit_test(every_request_vector_is_signed_as_printed),
        cmocka_unit_test(the_date_and_the_digest_are_made_from_the_call),
        cmocka_unit_test(the_method_is_signed_in_upper_case_and_the_path_without_a_query),
        cmocka_unit_test(the_common_mistakes_give_other_signatures),
        cmocka_unit_test(every_webhook_vector_is_accepted_also_as_on_the_wire),
        cmocka_unit_test(every_webhook_decision_is_ours_too),
        cmocka_unit_test(without_secrets_nothing_fits),
    };
    const struct CMUnitTest standard[] = {
        cmocka_unit_test(every_standard_vector_is_signed_and_verified_as_printed),
        cmocka_unit_test(every_verification_case_comes_out_as_expected),
        cmocka_unit_test(secrets_of_other_lengths_are_refused),
        cmocka_unit_test(a_header_over_its_limits_is_not_looked_into),
    };

    return cmocka_run_group_tests_name("amojo", amojo, load_amojo, unload) +
           cmocka_run_group_tests_name("standard", standard, load_standard, unload);
}
