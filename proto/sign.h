#pragma once

/* The two signature schemes of the outside: amojo's HMAC-SHA1 and Standard Webhooks. Pure: time
 * and keys are arguments.
 *
 * Source: docs/amojo.md "Signature"; docs/connector.md "Signatures". */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/secret.h"

/* --- amojo: our calls ------------------------------------------------------------------- */

struct amojo_signature {
    char date[CLOCK_RFC2822_LEN + 1];
    char content_md5[33]; /* lower-case hex of the exact body */
    char signature[41];   /* lower-case hex HMAC-SHA1 of the five lines */
};

/* @method in any case, upper-cased for signing; @content_type exactly as sent; @path from '/'
 * on, without a query (one is cut off). The date is made of @unix_ms. -EIO. */
AMO_MUSTCHECK int amojo_sign(struct view secret, const char *method, struct view body,
                             const char *content_type, int64_t unix_ms, struct view path,
                             struct amojo_signature *ret);
/* The same with a given Date text, for vectors. */
AMO_MUSTCHECK int amojo_sign_dated(struct view secret, const char *method,
                                   struct view content_md5, const char *content_type,
                                   struct view date, struct view path, char ret_signature[41]);

/* --- amojo: their webhooks -------------------------------------------------------------- */

/* Does @signature (40 hex, either case) fit the raw body, or the body without its trailing CR
 * and LF bytes? Constant time over the digest. Tries each of the @n_secrets. */
bool amojo_webhook_verify(const struct secret *secrets, size_t n_secrets, struct view body,
                          struct view signature);

/* --- Standard Webhooks ------------------------------------------------------------------ */

/* "whsec_<base64>" or the base64 alone; 24 to 64 bytes decoded. -EINVAL. */
AMO_MUSTCHECK int webhook_secret_decode(struct view text, struct secret *ret);
/* "v1,<base64>" entries for each present secret, separated by spaces. @cap >= 128. */
AMO_MUSTCHECK int webhook_sign(const struct secret *secrets, size_t n_secrets, struct view id,
                               int64_t unix_s, struct view body, char *ret, size_t cap);

enum webhook_verdict {
    WEBHOOK_FITS,
    WEBHOOK_MISSING,   /* a header is absent or empty */
    WEBHOOK_TIME,      /* timestamp is no integer or too far from now */
    WEBHOOK_SIGNATURE, /* none of the signatures fits */
    WEBHOOK_LIMIT,     /* header larger than allowed */
};
enum webhook_verdict webhook_verify(const struct secret *secrets, size_t n_secrets,
                                    struct view id, struct view timestamp,
                                    struct view signatures, struct view body,
                                    int64_t now_unix_s);
const char *webhook_verdict_name(enum webhook_verdict v);
