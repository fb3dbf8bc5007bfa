#pragma once

/* A growing row of pointers. Owns the row, never what it points at. */

#include <stddef.h>

#include "base/compiler.h"

struct vec {
    void **at;
    size_t n;
    size_t cap;
};

/* Room for one more; -ENOMEM. After it the next vec_add cannot fail. */
AMO_MUSTCHECK int vec_reserve(struct vec *v);
/* Append; -ENOMEM. */
AMO_MUSTCHECK int vec_add(struct vec *v, void *p);
/* Free the row. */
void vec_fini(struct vec *v);
