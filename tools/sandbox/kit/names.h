#pragma once

/* Texts and what each stands for, in the order they came. Owns copies of the texts, never what
 * they stand for. All zero is an empty one. */

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
/* Add, or let @text stand for @value from now on; -ENOMEM. @value is not NULL. */
AMO_MUSTCHECK int names_put(struct names *m, const char *text, void *value);
/* Walk: the first one, and the one after @name; NULL at the end. */
struct name *names_first(const struct names *m);
struct name *names_next(const struct names *m, const struct name *name);
/* Empty it and free its memory. */
void names_fini(struct names *m);
