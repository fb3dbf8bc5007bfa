#pragma once

/* A binary heap ordered by due time: who is due next? Each element stores its place, so that it can be
 * taken out of the middle. */

#include "base/compiler.h"
#include "core/model/command.h"

struct heap {
    struct due **items; /* 1-based */
    size_t n;
    size_t cap;
};

void heap_fini(struct heap *h);
/* Room for @n elements in all: adding them cannot fail then. False: no memory. */
AMO_MUSTCHECK bool heap_reserve(struct heap *h, size_t n);
/* There is room for it, and it is in no heap. */
void heap_add(struct heap *h, struct due *d);
void heap_remove(struct heap *h, struct due *d);
/* NULL: it is empty. */
struct due *heap_first(const struct heap *h);
