#pragma once

/* A store that was found damaged: remembered over the restart, checked before it is used, and repaired
 * where that loses nothing: if only indexes are damaged, or only tables that core can do without. Lost
 * rows are not recovered: that takes a backup (docs/operations.md). */

#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"

struct db;

/* Before SQLite opens the store at @path: is the log beside it (<path>-wal), if it holds any commit, one of this file?
 * SQLite would apply that of another file, too, without a word. By the links (db.h) of both; a store without any is
 * let pass. Reads all of the log, and nothing is written. -EINVAL: it is not, at none of @tries looks, a fifth of a
 * second apart; logged, and said in @ret_why. -EIO, -ENOMEM. */
AMO_MUSTCHECK int mend_fits(const char *path, int tries, struct buf *ret_why);
/* The next start checks the store at @path; @words says what was found. -Exxx. */
AMO_MUSTCHECK int mend_mark(const char *path, const char *words);
/* Is it to be checked? */
bool mend_is_marked(const char *path);
/* It was, and is whole. */
void mend_unmark(const char *path);
/* Recreates the tables that core can do without (workers and ingresses that were seen) when they cannot
 * be read, and reports each with SQLite's complaint. -Exxx. */
typedef void mend_fn(void *arg, const char *table, const char *words);
AMO_MUSTCHECK int mend_helpers(struct db *d, mend_fn *emptied, void *arg);
/* Are the shares the sums of what is there? If not (@ret_wrong), they are counted anew: a page of before in place of the
 * one that was written is in good order, and nothing would ever correct what it says. -Exxx. */
AMO_MUSTCHECK int mend_sums(struct db *d, bool *ret_wrong);
/* Has @table, which @look ("PRAGMA quick_check('…')") asks about, a complaint? One that is not there has none. -Exxx. */
AMO_MUSTCHECK int mend_is_hurt(struct db *d, const char *table, const char *look, bool *ret);
/* Reads every page of @d, and looks up every row in every index; when something is wrong, rebuilds all indexes, in one transaction that is
 * committed only if everything is right then. @ret_whole: it is; else @ret_words is SQLite's first
 * complaint. @ret_mended: indexes were rebuilt, and their former pages are unused. -Exxx. */
AMO_MUSTCHECK int mend_look(struct db *d, bool *ret_whole, bool *ret_mended,
                            struct buf *ret_words);
