#pragma once

/* Texts and the value of each, in the order they came. Owns copies of the texts, never the values.
 * All zero is an empty one. */

#include <stddef.h>

#include "base/compiler.h"
#include "base/list.h"

struct table;

struct name {
    struct list link;
    void *value;
    char text[];
};

struct names {
    struct table *table; /* text -> struct name; NULL while empty */
    struct list order;
    size_t n;
};

/* NULL when absent. @text may be NULL (absent). */
void *names_get(const struct names *m, const char *text);
/* Add @text, or give it the new @value; -ENOMEM. @value is not NULL. */
AMO_MUSTCHECK int names_put(struct names *m, const char *text, void *value);
/* Walk: the first one, and the one after @name; NULL at the end. */
struct name *names_first(const struct names *m);
struct name *names_next(const struct names *m, const struct name *name);
/* Empty it and free its memory. */
void names_fini(struct names *m);
