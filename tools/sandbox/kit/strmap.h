#pragma once

/* From text to pointer. Owns copies of its keys, never the values. */

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct strmap_slot {
    char *key; /* NULL = free slot */
    uint64_t hash;
    void *value;
};

struct strmap {
    struct strmap_slot *slots;
    size_t cap; /* power of two, or 0 */
    size_t n;
};

/* NULL when absent. @key may be NULL (absent). */
void *strmap_get(const struct strmap *m, const char *key);
/* Add or replace; -ENOMEM. @value is not NULL. */
AMO_MUSTCHECK int strmap_put(struct strmap *m, const char *key, void *value);
/* Forget @key; harmless when absent. */
void strmap_remove(struct strmap *m, const char *key);
/* Empty it and free its memory. */
void strmap_fini(struct strmap *m);
