/* What: both signatures, as the remote sides make and check them.
 * Source: docs/amojo.md, "Signature"; docs/connector.md. */
#include "tools/sandbox/record/verify.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tools/sandbox/kit/http_date.h"

enum {
    SIGNED_MAX = 64 * 1024
};

int verify_call_sign(const struct verify_call *c, const char *secret,
                     char ret_hex[DIGEST_SHA1_HEX + 1])
{
    struct buf text;
    int rc = 0;

    buf_init(&text, SIGNED_MAX);
    for (const char *p = c->method; *p; p++) /* upper case, whatever the caller wrote */
        (void)buf_add_char(&text, (char)toupper((unsigned char)*p));
    /* A header that is not there leaves its line empty. */
    (void)buf_add_f(&text, "\n%s\n%s\n%s\n", c->content_md5 ? c->content_md5 : "",
                    c->content_type ? c->content_type : "", c->date ? c->date : "");
    (void)buf_add(&text, c->path, strcspn(c->path, "?#")); /* errors are sticky, asked below */
    rc = buf_error(&text);
    if (rc == 0)
        rc = digest_hmac_sha1(secret, strlen(secret), text.ptr, text.len, ret_hex);
    buf_fini(&text);
    return rc;
}

const char *verify_call(const struct verify_call *c, const char *secret, int64_t now_unix_s)
{
    char md5[DIGEST_MD5_HEX + 1];
    char want[DIGEST_SHA1_HEX + 1];
    int64_t made = 0;
    int64_t age = 0;

    if (!c->date || !c->content_type || !c->content_md5 || !c->signature)
        return "a header is missing";
    if (strcmp(c->content_type, "application/json") != 0)
        return "wrong Content-Type";
    if (digest_md5(c->body, c->body_len, md5) || strcmp(md5, c->content_md5) != 0)
        return "wrong Content-MD5";
    if (http_date_parse(c->date, &made))
        return "malformed Date";
    age = now_unix_s - made;
    if (age > VERIFY_AMOJO_WINDOW_S || age < -VERIFY_AMOJO_WINDOW_S)
        return "Date too far off";
    if (verify_call_sign(c, secret, want) || !digest_equal(want, c->signature))
        return "wrong X-Signature";
    return NULL;
}

int verify_hook_sign(const char *secret, const void *body, size_t body_len,
                     char ret_hex[DIGEST_SHA1_HEX + 1])
{
    return digest_hmac_sha1(secret, strlen(secret), body, body_len, ret_hex);
}

int verify_webhook_key(const char *secret, uint8_t ret[VERIFY_KEY_MAX], size_t *ret_len)
{
    uint8_t key[VERIFY_KEY_MAX + 3];
    size_t n = 0;

    if (strncmp(secret, "whsec_", 6) == 0)
        secret += 6;
    if (digest_base64_decode(secret, strlen(secret), key, sizeof(key), &n))
        return -EINVAL;
    if (n < 24 || n > VERIFY_KEY_MAX)
        return -EINVAL;
    memcpy(ret, key, n);
    *ret_len = n;
    return 0;
}

int verify_webhook_sign(const char *secret, const char *id, const char *timestamp,
                        const void *body, size_t body_len, char ret[DIGEST_SHA256_B64 + 4])
{
    uint8_t key[VERIFY_KEY_MAX];
    uint8_t sum[DIGEST_SHA256_LEN];
    size_t key_len = 0;
    struct buf text;
    int rc = verify_webhook_key(secret, key, &key_len);

    if (rc)
        return rc;
    buf_init(&text, body_len + 1024);
    (void)buf_add_f(&text, "%s.%s.", id, timestamp); /* errors are sticky, asked below */
    (void)buf_add(&text, body, body_len);
    rc = buf_error(&text);
    if (rc == 0)
        rc = digest_hmac_sha256(key, key_len, text.ptr, text.len, sum);
    buf_fini(&text);
    if (rc)
        return rc;
    ret[0] = 'v';
    ret[1] = '1';
    ret[2] = ',';
    digest_base64_encode(sum, sizeof(sum), ret + 3);
    return 0;
}

/* Decimal digits only, as the specification has it. */
static bool verify_digits(const char *text, int64_t *ret)
{
    size_t n = strlen(text);

    *ret = strtoll(text, NULL, 10);
    return n >= 1 && n <= 12 && strspn(text, "0123456789") == n;
}

/* Does one entry of the header equal @want? Every entry is looked at. */
static bool verify_entries(const char *header, const char *want)
{
    bool fits = false;

    for (const char *p = header; *p;) {
        size_t n = strcspn(p, " ");
        char entry[DIGEST_SHA256_B64 + 4];

        if (n < sizeof(entry)) {
            memcpy(entry, p, n);
            entry[n] = '\0';
            fits = digest_equal(entry, want) || fits;
        }
        p += n;
        p += strspn(p, " ");
    }
    return fits;
}

const char *verify_webhook(const struct verify_webhook *w, const char *const *secrets, size_t n,
                           int64_t now_unix_s)
{
    int64_t made = 0;
    bool fits = false;

    if (!w->id || !*w->id || !w->timestamp || !*w->timestamp || !w->signature || !*w->signature)
        return "a header is missing";
    if (strlen(w->id) > VERIFY_WEBHOOK_ID_MAX || strchr(w->id, '.'))
        return "malformed webhook-id";
    if (!verify_digits(w->timestamp, &made))
        return "malformed webhook-timestamp";
    if (made - now_unix_s > VERIFY_WEBHOOK_WINDOW_S)
        return "webhook-timestamp too new";
    if (now_unix_s - made > VERIFY_WEBHOOK_WINDOW_S)
        return "webhook-timestamp too old";
    if (strlen(w->signature) > 1024)
        return "webhook-signature too long";
    for (size_t i = 0; i < n; i++) {
        char want[DIGEST_SHA256_B64 + 4];

        if (!secrets[i])
            continue;
        if (verify_webhook_sign(secrets[i], w->id, w->timestamp, w->body, w->body_len, want))
            continue;
        fits = verify_entries(w->signature, want) || fits;
    }
    return fits ? NULL : "no signature fits";
}
