#pragma once

/* A secret: bytes that are wiped when freed, compared in constant time, and have no printing
 * function on purpose. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"

struct secret {
    unsigned char *bytes; /* owned */
    size_t len;
};

#define SECRET_EMPTY ((struct secret){NULL, 0})

/* A copy of @bytes. -ENOMEM. */
AMO_MUSTCHECK int secret_init(struct secret *s, struct view bytes);
/* Wipes and frees; harmless on SECRET_EMPTY. */
void secret_fini(struct secret *s);
/* Wipe memory that held a secret; the compiler may not leave it out. */
void secret_wipe(void *bytes, size_t len);
/* Equal? Takes the same time wherever they differ; a different length is reported at once. */
bool secret_equal(struct view a, struct view b);
/* The bytes, borrowed: for signing and sealing only. */
struct view secret_view(const struct secret *s);
/* Reads a whole file of at most @max bytes; one final newline does not count. -errno, -EFBIG,
 * -EINVAL when empty. */
AMO_MUSTCHECK int secret_read_file(struct secret *s, const char *path, size_t max);
