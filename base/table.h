#pragma once

/* Hash table from bytes to pointers, for look-ups by id. Keys are borrowed and must live as
 * long as their entry (usually a field of the value). Keyed hash, so an outsider who chooses
 * ids cannot make them collide. Owns only its slots. */

#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"

struct table;

AMO_MUSTCHECK int table_new(struct table **ret_table);
/* Accepts NULL. The values stay with their owner. */
void table_free(struct table *t);
/* NULL when absent. */
void *table_get(const struct table *t, struct view key);
/* 0, -EEXIST, -ENOMEM. @value is not NULL. */
AMO_MUSTCHECK int table_add(struct table *t, struct view key, void *value);
/* The removed value, NULL when absent. */
void *table_remove(struct table *t, struct view key);
size_t table_count(const struct table *t);
/* Walk in no order: start with *iter = 0; NULL ends it. Do not change the table meanwhile. */
void *table_next(const struct table *t, size_t *iter);
