#pragma once

/* Does a statement read through a large table? Every C test with a store fails when it makes the store
 * prepare one that does (plans.c), so that what is quick with ten rows is quick with a million. */

#include <stdbool.h>
#include <stddef.h>

#include <sqlite3.h>

/* A table that grows with the work is read through by @sql, or through a range of an index that may be
 * all of it; and @sql is none of those that may. @ret_step: the step of SQLite's plan, cut at @n bytes. */
bool plans_scan(sqlite3 *db, const char *sql, char *ret_step, size_t n);
