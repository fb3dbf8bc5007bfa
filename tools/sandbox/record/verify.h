#pragma once

/* Signatures of both protocols, as the remote sides make and check them. Pure: time is passed
 * in. Nothing here is shared with the bridge. */

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "tools/sandbox/kit/digest.h"

enum {
    VERIFY_AMOJO_WINDOW_S = 15 * 60,
    VERIFY_WEBHOOK_WINDOW_S = 300,
    VERIFY_WEBHOOK_ID_MAX = 256,
    VERIFY_KEY_MAX = 64,
};

/* One signed call to amojo; headers are NULL when absent. */
struct verify_call {
    const char *method;
    const char *path; /* as on the request line, a query is ignored */
    const char *date;
    const char *content_type;
    const char *content_md5;
    const char *signature;
    const void *body;
    size_t body_len;
};

/* The signature amojo expects, over the headers as they are. -ENOMEM, -EIO. */
AMO_MUSTCHECK int verify_call_sign(const struct verify_call *c, const char *secret,
                                   char ret_hex[DIGEST_SHA1_HEX + 1]);
/* NULL when right, else why not (static text). */
const char *verify_call(const struct verify_call *c, const char *secret, int64_t now_unix_s);

/* The signature of a webhook: over @body alone. */
AMO_MUSTCHECK int verify_hook_sign(const char *secret, const void *body, size_t body_len,
                                   char ret_hex[DIGEST_SHA1_HEX + 1]);

/* One Standard Webhooks call; headers are NULL when absent. */
struct verify_webhook {
    const char *id;
    const char *timestamp;
    const char *signature;
    const void *body;
    size_t body_len;
};

/* The bytes of a `whsec_` secret, prefix optional; -EINVAL unless 24 to 64 of them. */
AMO_MUSTCHECK int verify_webhook_key(const char *secret, uint8_t ret[VERIFY_KEY_MAX],
                                     size_t *ret_len);
/* "v1,..." for one secret: 47 characters and a NUL. -EINVAL (secret), -ENOMEM, -EIO. */
AMO_MUSTCHECK int verify_webhook_sign(const char *secret, const char *id, const char *timestamp,
                                      const void *body, size_t body_len,
                                      char ret[DIGEST_SHA256_B64 + 4]);
/* NULL when one signature fits one of the @n secrets (NULL ones are skipped). */
const char *verify_webhook(const struct verify_webhook *w, const char *const *secrets, size_t n,
                           int64_t now_unix_s);
