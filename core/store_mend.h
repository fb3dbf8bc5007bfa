#pragma once

/* A store that was found damaged: remembered over the restart, looked at before anybody uses it, and
 * mended where that loses nothing, which is when only indexes are hurt. Not a rescue of lost rows:
 * that takes a backup (docs/operations.md). */

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
/* Reads every page of @d; when something is wrong, makes all indexes anew, in one transaction that
 * stands only if everything is right then. @ret_whole: it is; else @ret_words is SQLite's first
 * complaint. @ret_mended: indexes were made anew, and their former pages lie unused. -Exxx. */
AMO_MUSTCHECK int mend_look(struct db *d, bool *ret_whole, bool *ret_mended,
                            struct buf *ret_words);
