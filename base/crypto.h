#pragma once

/* The few primitives the bridge needs, over libcrypto: digests, HMACs, sealing at rest,
 * random bytes, hex and base64. Which protocol uses what is decided elsewhere
 * (proto/sign.h). */

#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"

#define CRYPTO_MD5_LEN    16
#define CRYPTO_SHA1_LEN   20
#define CRYPTO_SHA256_LEN 32
/* A master key and a sealed value: version byte, 12 bytes nonce, text, 16 bytes tag. */
#define CRYPTO_KEY_LEN    32
#define CRYPTO_SEAL_EXTRA 29

/* All return 0 or -EIO when libcrypto refuses (a bug or no memory). */
AMO_MUSTCHECK int crypto_md5(struct view data, unsigned char ret[CRYPTO_MD5_LEN]);
AMO_MUSTCHECK int crypto_sha256(struct view data, unsigned char ret[CRYPTO_SHA256_LEN]);
AMO_MUSTCHECK int crypto_hmac_sha1(struct view key, struct view data,
                                   unsigned char ret[CRYPTO_SHA1_LEN]);
/* HMAC-SHA256 over the @n_parts views of @parts, one after the other. */
AMO_MUSTCHECK int crypto_hmac_sha256(struct view key, const struct view *parts, size_t n_parts,
                                     unsigned char ret[CRYPTO_SHA256_LEN]);
AMO_MUSTCHECK int crypto_random(void *ret, size_t len);

/* AES-256-GCM. @context is bound to the text (which field of which row) and must be the same
 * when opening. Appends to @out. */
AMO_MUSTCHECK int crypto_seal(const unsigned char key[CRYPTO_KEY_LEN], struct view context,
                              struct view text, struct buf *out);
/* -EBADMSG when the key, the context or the bytes are not the ones of the sealing. */
AMO_MUSTCHECK int crypto_open(const unsigned char key[CRYPTO_KEY_LEN], struct view context,
                              struct view sealed, struct buf *out);

/* Lower-case hex; @ret takes 2 * len + 1 bytes. */
void crypto_hex(const void *bytes, size_t len, char *ret);
/* Either case; @ret takes text.len / 2 bytes. -EINVAL. */
AMO_MUSTCHECK int crypto_unhex(struct view text, unsigned char *ret);
/* Standard alphabet with padding; @ret takes 4 * ((len + 2) / 3) + 1 bytes. */
void crypto_base64(const void *bytes, size_t len, char *ret);
/* Standard alphabet, padding required, nothing else. @cap bytes of room. -EINVAL, -ENOSPC. */
AMO_MUSTCHECK int crypto_unbase64(struct view text, unsigned char *ret, size_t cap,
                                  size_t *ret_len);
