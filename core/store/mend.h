#pragma once

/* A store that was found damaged: remembered over the restart, looked at before anybody uses it, and
 * mended where that loses nothing, which is when only indexes are hurt, or nothing that core cannot do
 * without. Not a rescue of lost rows: that takes a backup (docs/operations.md). */

#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"

struct db;

/* The next start looks at the store at @path; @words say what was found. -Exxx. */
AMO_MUSTCHECK int mend_mark(const char *path, const char *words);
/* Is it to be looked at? */
bool mend_is_marked(const char *path);
/* It was, and is whole. */
void mend_unmark(const char *path);
/* Makes those tables anew that core can do without, the workers and the ingresses that were seen, when
 * they cannot be read: tells each with SQLite's complaint. -Exxx. */
typedef void mend_fn(void *arg, const char *table, const char *words);
AMO_MUSTCHECK int mend_helpers(struct db *d, mend_fn *emptied, void *arg);
/* Has the one table that @look ("PRAGMA quick_check('…')") asks about a complaint? -Exxx. */
AMO_MUSTCHECK int mend_is_hurt(struct db *d, const char *look, bool *ret);
/* Reads every page of @d; when something is wrong, makes all indexes anew, in one transaction that
 * stands only if everything is right then. @ret_whole: it is; else @ret_words is SQLite's first
 * complaint. @ret_mended: indexes were made anew, and their former pages lie unused. -Exxx. */
AMO_MUSTCHECK int mend_look(struct db *d, bool *ret_whole, bool *ret_mended,
                            struct buf *ret_words);
