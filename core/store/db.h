#pragma once

/* SQLite as core uses it: one writer connection, prepared statements kept by their text, rows
 * read in place. WAL with synchronous=FULL; checkpoints are made by a thread of their own
 * (core/store/checkpoint.h), never inside the loop.
 *
 * SQL texts are string literals: a statement is found again by the literal's address.
 * Arguments follow a format, one letter each: i int64_t, t struct view as text (VIEW_NONE is
 * NULL), b struct view as blob (VIEW_NONE is NULL), s const char * (NULL is NULL). */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

/* Failures have the classes of core/store/store.h; they never become a plain -EIO. */
struct db;
struct sqlite3;
struct db_rows; /* a statement under way; at most one a statement at a time */

/* Makes the file (mode 0600) when missing. @ret_why gets SQLite's words. Fails like every function
 * here: with -EIO, -ENOMEM, or one of the classes above. */
AMO_MUSTCHECK int db_open(const char *path, struct buf *ret_why, struct db **ret_db);
void db_close(struct db *d);

/* Several statements without rows, as in a migration. */
AMO_MUSTCHECK int db_exec(struct db *d, const char *sql);

/* Every commit writes a link, 32 bits, into the first page (SQLite's application_id): the upper 24 follow from the link
 * and the version of the schema before it, the lower 8 are random. So a log tells which state of the file it was begun
 * on (mend.h). 0: never written. What follows is part of the format and stays what it is. */
uint32_t db_links_on(uint32_t link, uint32_t schema);
/* Writes the next one. In a transaction that writes, before it changes the schema. */
AMO_MUSTCHECK int db_link(struct db *d);
/* The same through another connection. SQLITE_OK, or SQLite's code. */
AMO_MUSTCHECK int db_link_through(struct sqlite3 *handle);
/* Begins a transaction that may change the schema, with its link. */
AMO_MUSTCHECK int db_begin(struct db *d);
/* Rewrites the whole file and empties the log. It needs the file for itself, and waits @wait_ms for
 * that. Not begun when there is another reader or writer, or no room on the disk, so that the log does
 * not grow in vain. Outside a transaction. STORE_BUSY, -ENOSPC, and as above. */
AMO_MUSTCHECK int db_rewrite(struct db *d, int wait_ms);
/* The size of the log, as of the last commit. */
int64_t db_log_bytes(const struct db *d);
/* Commits that wrote to it; one that changes nothing does not. */
uint64_t db_logged(const struct db *d);
/* Everything in the log is in the file, synced, and the log is empty; who reads or writes is waited
 * for @wait_ms. Outside a transaction. STORE_BUSY, and as above. */
AMO_MUSTCHECK int db_empty_log(struct db *d, int wait_ms);
/* Is there room on the disk for copies of the file at @path: in the log, and beside it? */
bool db_has_space(const char *path);
/* One statement without rows. 0, -EEXIST for a broken UNIQUE or PRIMARY KEY, -EINVAL for a value
 * that no row can hold, and as above. */
AMO_MUSTCHECK int db_run(struct db *d, const char *sql, const char *format, ...);
/* Rows changed by the last db_run. */
int64_t db_changes(const struct db *d);
/* Rows changed since the database was opened. */
int64_t db_all_changes(const struct db *d);
/* Row id of the last insert. */
int64_t db_last_id(const struct db *d);

/* One statement with rows: then db_next until it gives 0, or db_end. */
AMO_MUSTCHECK int db_query(struct db *d, struct db_rows **ret_rows, const char *sql,
                           const char *format, ...);
/* 1: a row is there; 0: no more (the query is over); negative: failed (the query is over). */
int db_next(struct db_rows *r);
void db_end(struct db_rows *r);
int64_t db_int(struct db_rows *r, int column);
/* NULL gives VIEW_NONE. Borrowed until the next db_next. */
struct view db_view(struct db_rows *r, int column);
/* A copy to be freed with mem_free; NULL for NULL. -ENOMEM. */
AMO_MUSTCHECK int db_string(struct db_rows *r, int column, char **ret);

/* SQLite's message for the last failure with its extended code and the system's errno, if it was
 * @rc; "-" otherwise. It never contains ids or values. */
const char *db_error(const struct db *d, int rc);
const char *db_path(const struct db *d);

/* For tests: let the @nth db_run or db_next from now on fail; 0 = none. With -EIO, or as if the value
 * were one that no row can hold. */
void db_fail_at(uint64_t nth);
void db_fail_as_row(bool row);
