#pragma once

/* Shared, unchanging bytes: one body kept by the journal, a message and a log entry at once.
 * One thread only. */

#include <stddef.h>

#include "base/buf.h"

struct blob {
    size_t refs;
    size_t len;
    char bytes[]; /* closed with a NUL that is not counted */
};

/* A copy with one owner; NULL when there is no memory. */
struct blob *blob_new(const void *bytes, size_t len);
/* One more owner. Accepts NULL. Returns @b. */
struct blob *blob_hold(struct blob *b);
/* One owner less; the last one frees. Accepts NULL. */
void blob_drop(struct blob *b);
/* Its bytes, borrowed. */
static inline struct view blob_view(const struct blob *b)
{
    return view_make(b->bytes, b->len);
}
