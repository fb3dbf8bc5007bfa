/* Signing and verifying by both schemes. Signatures are compared in constant time, and every
 * valid secret is tried. */

#include "proto/sign.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "base/crypto.h"
#include "base/num.h"
#include "proto/limits.h"

static struct view path_without_query(struct view path)
{
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] == '?' || path.ptr[i] == '#')
            return view_make(path.ptr, i);
    }
    return path;
}

/* NOLINTNEXTLINE(readability-function-size): the arguments are the scheme's own inputs */
int amojo_sign_dated(struct view secret, const char *method, struct view content_md5,
                     const char *content_type, struct view date, struct view path,
                     char ret_signature[41])
{
    unsigned char digest[CRYPTO_SHA1_LEN];
    struct buf text;
    int rc = 0;

    buf_init(&text, 8192);
    for (const char *m = method; *m; m++)
        (void)buf_add_char(&text, (char)toupper((unsigned char)*m)); /* asked once, below */
    (void)buf_add_char(&text, '\n');
    (void)buf_add_view(&text, content_md5);
    (void)buf_add_f(&text, "\n%s\n", content_type);
    (void)buf_add_view(&text, date);
    (void)buf_add_char(&text, '\n');
    (void)buf_add_view(&text, path_without_query(path));
    rc = buf_error(&text);
    if (!rc)
        rc = crypto_hmac_sha1(secret, buf_view(&text), digest);
    if (!rc)
        crypto_hex(digest, sizeof(digest), ret_signature);
    buf_fini(&text);
    return rc;
}

/* NOLINTNEXTLINE(readability-function-size): the arguments are the scheme's own inputs */
int amojo_sign(struct view secret, const char *method, struct view body,
               const char *content_type, int64_t unix_ms, struct view path,
               struct amojo_signature *ret)
{
    unsigned char digest[CRYPTO_MD5_LEN];
    int rc = crypto_md5(body, digest);

    if (rc)
        return rc;
    crypto_hex(digest, sizeof(digest), ret->content_md5);
    clock_format_rfc2822(unix_ms, ret->date);
    return amojo_sign_dated(secret, method, view_of(ret->content_md5), content_type,
                            view_of(ret->date), path, ret->signature);
}

static bool hmac_fits(const struct secret *secrets, size_t n_secrets, struct view body,
                      struct view wanted)
{
    unsigned char digest[CRYPTO_SHA1_LEN];
    bool fits = false;

    for (size_t i = 0; i < n_secrets; i++) {
        if (!secrets[i].bytes || crypto_hmac_sha1(secret_view(&secrets[i]), body, digest))
            continue;
        if (secret_equal(view_make(digest, sizeof(digest)), wanted))
            fits = true;
    }
    return fits;
}

bool amojo_webhook_verify(const struct secret *secrets, size_t n_secrets, struct view body,
                          struct view signature)
{
    unsigned char bytes[CRYPTO_SHA1_LEN] = {0};
    struct view wanted = view_make(bytes, sizeof(bytes));
    struct view bare = body;

    if (signature.len != sizeof(bytes) * 2 || crypto_unhex(signature, bytes))
        return false;
    if (hmac_fits(secrets, n_secrets, body, wanted))
        return true;
    while (bare.len && (bare.ptr[bare.len - 1] == '\n' || bare.ptr[bare.len - 1] == '\r'))
        bare.len--;
    return bare.len != body.len && hmac_fits(secrets, n_secrets, bare, wanted);
}

#define WEBHOOK_KEY_MIN 24
#define WEBHOOK_KEY_MAX 64

int webhook_secret_decode(struct view text, struct secret *ret)
{
    unsigned char key[WEBHOOK_KEY_MAX];
    size_t len = 0;
    int rc = 0;

    if (view_starts(text, "whsec_"))
        text = view_make(text.ptr + 6, text.len - 6);
    if (crypto_unbase64(text, key, sizeof(key), &len) || len < WEBHOOK_KEY_MIN)
        return -EINVAL;
    rc = secret_init(ret, view_make(key, len));
    secret_wipe(key, sizeof(key));
    return rc;
}

/* "v1,<base64>" of one key; 44 characters of base64. */
#define WEBHOOK_BASE64_LEN 44

static int webhook_mac(const struct secret *key, struct view id, struct view timestamp,
                       struct view body, char ret[WEBHOOK_BASE64_LEN + 1])
{
    const struct view parts[] = {id, VIEW_LIT("."), timestamp, VIEW_LIT("."), body};
    unsigned char digest[CRYPTO_SHA256_LEN];
    int rc = crypto_hmac_sha256(secret_view(key), parts, AMO_COUNT(parts), digest);

    if (rc == 0)
        crypto_base64(digest, sizeof(digest), ret);
    return rc;
}

/* NOLINTNEXTLINE(readability-function-size): the arguments are the scheme's own inputs */
int webhook_sign(const struct secret *secrets, size_t n_secrets, struct view id, int64_t unix_s,
                 struct view body, char *ret, size_t cap)
{
    char timestamp[24];
    char mac[WEBHOOK_BASE64_LEN + 1];
    size_t at = 0;

    (void)snprintf(timestamp, sizeof(timestamp), "%lld", (long long)unix_s); /* 20 at most */
    for (size_t i = 0; i < n_secrets && secrets[i].bytes; i++) {
        int rc = webhook_mac(&secrets[i], id, view_of(timestamp), body, mac);
        int n = 0;

        if (rc)
            return rc;
        n = snprintf(ret + at, cap - at, "%sv1,%s", i ? " " : "", mac);
        if (n < 0 || (size_t)n >= cap - at)
            return -ENOSPC;
        at += (size_t)n;
    }
    return at ? 0 : -EINVAL;
}

/* Any of the header's entries equal to what key @i gives? */
static bool webhook_entry_fits(struct view signatures, const char *mac)
{
    bool fits = false;
    size_t from = 0;

    for (size_t i = 0; i <= signatures.len; i++) {
        struct view entry;

        if (i < signatures.len && signatures.ptr[i] != ' ')
            continue;
        entry = view_make(signatures.ptr + from, i - from);
        from = i + 1;
        if (view_starts(entry, "v1,") &&
            secret_equal(view_make(entry.ptr + 3, entry.len - 3), view_of(mac)))
            fits = true;
    }
    return fits;
}

static bool webhook_over_limit(struct view signatures)
{
    size_t n = 1;

    for (size_t i = 0; i < signatures.len; i++)
        n += signatures.ptr[i] == ' ';
    return signatures.len > LIMIT_SIGNATURE_BYTES || n > LIMIT_SIGNATURES;
}

/* NOLINTNEXTLINE(readability-function-size): the arguments are the scheme's own inputs */
enum webhook_verdict webhook_verify(const struct secret *secrets, size_t n_secrets,
                                    struct view id, struct view timestamp,
                                    struct view signatures, struct view body,
                                    int64_t now_unix_s)
{
    char mac[WEBHOOK_BASE64_LEN + 1];
    int64_t at = 0;
    bool fits = false;

    if (view_empty(id) || view_empty(timestamp) || view_empty(signatures))
        return WEBHOOK_MISSING;
    if (webhook_over_limit(signatures))
        return WEBHOOK_LIMIT;
    if (num_parse_i64(timestamp, &at) || at > now_unix_s + LIMIT_WEBHOOK_SKEW_S ||
        at < now_unix_s - LIMIT_WEBHOOK_SKEW_S)
        return WEBHOOK_TIME;
    for (size_t i = 0; i < n_secrets; i++) {
        if (secrets[i].bytes && webhook_mac(&secrets[i], id, timestamp, body, mac) == 0 &&
            webhook_entry_fits(signatures, mac))
            fits = true;
    }
    return fits ? WEBHOOK_FITS : WEBHOOK_SIGNATURE;
}

const char *webhook_verdict_name(enum webhook_verdict v)
{
    switch (v) {
    case WEBHOOK_FITS:
        return "fits";
    case WEBHOOK_MISSING:
        return "missing_header";
    case WEBHOOK_TIME:
        return "timestamp";
    case WEBHOOK_SIGNATURE:
        return "signature";
    case WEBHOOK_LIMIT:
        return "limit";
    }
    return "unknown";
}
