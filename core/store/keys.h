#pragma once

/* The master key: seals the secrets of the registry at rest. Core alone holds it. */

#include "base/buf.h"
#include "base/compiler.h"
#include "base/crypto.h"

struct store;

struct keys {
    unsigned char master[CRYPTO_KEY_LEN];
};

enum {
    KEYS_E_MISSING = 1, /* no key file, but sealed rows exist: no new key is made */
    KEYS_E_WRONG,       /* another key than the one the store was sealed with */
    KEYS_E_FORM,        /* not 64 hex digits or 32 bytes */
};

/* Reads @path; makes it (mode 0600) only when the store holds nothing sealed, also in place of an
 * empty file. Keeps a key-check
 * value in the store. Must run inside no transaction. Wipe with keys_fini. */
AMO_MUSTCHECK int keys_open(struct keys *k, const char *path, struct store *store);
void keys_fini(struct keys *k);
/* @context names table, row and field, so that a sealed value fits nowhere else. */
AMO_MUSTCHECK int keys_seal(const struct keys *k, const char *context, struct view text,
                            struct buf *out);
AMO_MUSTCHECK int keys_unseal(const struct keys *k, const char *context, struct view sealed,
                              struct buf *out);
