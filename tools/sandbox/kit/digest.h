#pragma once

/* Hashes, base64 and random names of the sandbox's own, straight over OpenSSL, so that a
 * mistake of the bridge's crypto cannot agree with itself. Pure but for the random ones. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum {
    DIGEST_MD5_HEX = 32,
    DIGEST_SHA1_HEX = 40,
    DIGEST_SHA256_LEN = 32,
    DIGEST_SHA256_B64 = 44,
    DIGEST_UUID = 36,
};

/* Lower-case hex with a NUL. -EIO when the library fails. */
AMO_MUSTCHECK int digest_md5(const void *data, size_t len, char ret_hex[DIGEST_MD5_HEX + 1]);
AMO_MUSTCHECK int digest_hmac_sha1(const void *key, size_t key_len, const void *data,
                                   size_t len, char ret_hex[DIGEST_SHA1_HEX + 1]);
/* Raw bytes. */
AMO_MUSTCHECK int digest_hmac_sha256(const void *key, size_t key_len, const void *data,
                                     size_t len, uint8_t ret[DIGEST_SHA256_LEN]);

/* Standard base64 with padding; @ret has room for 4 * ((len + 2) / 3) + 1. */
void digest_base64_encode(const uint8_t *data, size_t len, char *ret);
/* Strict: alphabet, padding, no white space. @ret has room for 3 * (@text_len / 4) bytes, which
 * may be more than what is in it. -EINVAL, or -ENOSPC when over @cap bytes. */
AMO_MUSTCHECK int digest_base64_decode(const char *text, size_t text_len, uint8_t *ret,
                                       size_t cap, size_t *ret_len);

/* Constant time for equal lengths. */
bool digest_equal(const char *a, const char *b);

/* A random UUID (version 4); @n random bytes as hex (2 * n + 1 characters). Out of
 * randomness there is nothing to emulate: they abort. */
void digest_uuid(char ret[DIGEST_UUID + 1]);
void digest_random_hex(size_t n, char *ret);
/* `whsec_` and 32 random bytes: 50 characters and a NUL. */
void digest_random_whsec(char ret[51]);
