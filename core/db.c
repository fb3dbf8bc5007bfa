#include "core/db.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <sqlite3.h>

#include "base/mem.h"

/* More different statements than core has; a power of two. */
#define DB_STATEMENTS       256
/* covers the short locks of the checkpoint thread */
#define DB_BUSY_MS          10000
/* of the file, while it is written anew: in the log, and a temporary one that may lie beside it */
#define REWRITE_COPIES      3
#define REWRITE_SPARE_BYTES (16U << 20)

struct db_rows {
    struct db *db;
    const char *sql;
    sqlite3_stmt *stmt;
};

struct db {
    sqlite3 *handle;
    char *path;
    struct db_rows statements[DB_STATEMENTS];
};

static uint64_t db_calls;
static uint64_t db_fails_at;

void db_fail_at(uint64_t nth)
{
    db_fails_at = nth ? db_calls + nth : 0;
}

static bool db_may_go_on(void)
{
    return ++db_calls != db_fails_at;
}

static int db_code(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return 0;
    case SQLITE_CONSTRAINT:
        return -EEXIST;
    case SQLITE_NOMEM:
        return -ENOMEM;
    default:
        return -EIO;
    }
}

int db_open(const char *path, struct buf *ret_why, struct db **ret_db)
{
    struct db *d = mem_zalloc(sizeof(*d));
    mode_t old_mask = umask(0077);
    int rc = -ENOMEM;

    if (!d)
        goto out;
    d->path = mem_strdup(path);
    if (!d->path)
        goto out;
    rc =
        sqlite3_open_v2(path, &d->handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    rc = rc == SQLITE_OK ? 0 : -EIO;
    if (rc == 0)
        (void)sqlite3_busy_timeout(d->handle, DB_BUSY_MS); /* cannot fail */
    /* The checkpoint thread alone writes WAL pages back; a full flush at each commit is what
     * "taken" rests on. */
    rc = rc ? rc
            : db_exec(d, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                         "PRAGMA wal_autocheckpoint=0; PRAGMA foreign_keys=OFF;"
                         "PRAGMA temp_store=MEMORY;"
                         "PRAGMA cache_size=-2000; PRAGMA secure_delete=ON;");
    if (rc)
        (void)buf_add_f(ret_why, "%s: %s", path, d->handle ? sqlite3_errmsg(d->handle) : "");
out:
    (void)umask(old_mask);
    if (rc)
        db_close(d);
    else
        *ret_db = d;
    return rc;
}

void db_close(struct db *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < DB_STATEMENTS; i++)
        (void)sqlite3_finalize(d->statements[i].stmt); /* its error was told when it ran */
    (void)sqlite3_close(d->handle);                    /* nothing is left that could refuse */
    mem_free(d->path);
    mem_free(d);
}

int db_exec(struct db *d, const char *sql)
{
    return db_code(sqlite3_exec(d->handle, sql, NULL, NULL, NULL));
}

bool db_has_room(const char *path)
{
    struct stat file;
    struct statvfs disk;

    return stat(path, &file) == 0 && statvfs(path, &disk) == 0 &&
           (uint64_t)disk.f_bavail * disk.f_frsize >=
               REWRITE_COPIES * (uint64_t)file.st_size + REWRITE_SPARE_BYTES;
}

static int empty_log(struct db *d)
{
    return sqlite3_wal_checkpoint_v2(d->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

int db_rewrite(struct db *d, int wait_ms)
{
    bool room = false;
    int emptied = SQLITE_OK;
    int rc = SQLITE_OK;

    (void)sqlite3_busy_timeout(d->handle, wait_ms); /* cannot fail */
    rc = empty_log(d);
    room = db_has_room(d->path);
    if (rc == SQLITE_OK && room) {
        rc = sqlite3_exec(d->handle, "PRAGMA temp_store=FILE; VACUUM", NULL, NULL, NULL);
        emptied = empty_log(d); /* what was written in vain, too */
        rc = rc == SQLITE_OK ? emptied : rc;
        emptied = sqlite3_exec(d->handle, "PRAGMA temp_store=MEMORY", NULL, NULL, NULL);
        rc = rc == SQLITE_OK ? emptied : rc;
    }
    (void)sqlite3_busy_timeout(d->handle, DB_BUSY_MS);
    if (rc == SQLITE_OK && !room)
        return -ENOSPC;
    return (rc & 0xff) == SQLITE_BUSY ? -EBUSY : db_code(rc);
}

static struct db_rows *db_statement(struct db *d, const char *sql)
{
    size_t i = ((uintptr_t)sql >> 3) % DB_STATEMENTS;

    for (size_t tried = 0; tried < DB_STATEMENTS; tried++, i = (i + 1) % DB_STATEMENTS) {
        struct db_rows *r = &d->statements[i];

        if (r->sql == sql)
            return r;
        if (r->sql)
            continue;
        if (sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &r->stmt, NULL) !=
            SQLITE_OK)
            return NULL;
        r->sql = sql;
        r->db = d;
        return r;
    }
    return NULL;
}

static int db_bind_view(sqlite3_stmt *s, int at, struct view v, bool text)
{
    if (!v.ptr)
        return sqlite3_bind_null(s, at);
    if (v.len > INT_MAX)
        return SQLITE_TOOBIG;
    return text ? sqlite3_bind_text(s, at, v.ptr, (int)v.len, SQLITE_TRANSIENT)
                : sqlite3_bind_blob(s, at, v.len ? v.ptr : "", (int)v.len, SQLITE_TRANSIENT);
}

static int db_bind(sqlite3_stmt *s, const char *format, va_list args)
{
    int rc = SQLITE_OK;

    for (int at = 1; rc == SQLITE_OK && format[at - 1]; at++) {
        switch (format[at - 1]) {
        case 'i':
            /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): started by the caller */
            rc = sqlite3_bind_int64(s, at, va_arg(args, int64_t));
            break;
        case 't':
            /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): started by the caller */
            rc = db_bind_view(s, at, va_arg(args, struct view), true);
            break;
        case 'b':
            /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): started by the caller */
            rc = db_bind_view(s, at, va_arg(args, struct view), false);
            break;
        case 's':
            /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): started by the caller */
            rc = db_bind_view(s, at, view_of(va_arg(args, const char *)), true);
            break;
        default:
            rc = SQLITE_MISUSE;
            break;
        }
    }
    return rc;
}

static int db_start(struct db *d, const char *sql, const char *format, va_list args,
                    struct db_rows **ret)
{
    struct db_rows *r = db_statement(d, sql);
    int rc = 0;

    if (!r)
        return -EIO;
    (void)sqlite3_reset(r->stmt); /* repeats the error of the last run, told then */
    rc = db_bind(r->stmt, format, args);
    if (rc != SQLITE_OK)
        return db_code(rc);
    *ret = r;
    return 0;
}

int db_run(struct db *d, const char *sql, const char *format, ...)
{
    struct db_rows *r = NULL;
    va_list args;
    int rc = 0;

    va_start(args, format);
    rc = db_start(d, sql, format, args, &r);
    va_end(args);
    if (rc || !r)
        return rc ? rc : -EIO;
    rc = db_may_go_on() ? db_code(sqlite3_step(r->stmt)) : -EIO;
    (void)sqlite3_reset(r->stmt); /* repeats rc */
    return rc;
}

int64_t db_changes(const struct db *d)
{
    return sqlite3_changes64(d->handle);
}

int64_t db_last_id(const struct db *d)
{
    return sqlite3_last_insert_rowid(d->handle);
}

int db_query(struct db *d, struct db_rows **ret_rows, const char *sql, const char *format, ...)
{
    va_list args;
    int rc = 0;

    va_start(args, format);
    rc = db_start(d, sql, format, args, ret_rows);
    va_end(args);
    return rc;
}

int db_next(struct db_rows *r)
{
    int rc = db_may_go_on() ? sqlite3_step(r->stmt) : SQLITE_IOERR;

    if (rc == SQLITE_ROW)
        return 1;
    db_end(r);
    return db_code(rc);
}

void db_end(struct db_rows *r)
{
    (void)sqlite3_reset(r->stmt); /* repeats the last error, told by db_next */
}

int64_t db_int(struct db_rows *r, int column)
{
    return sqlite3_column_int64(r->stmt, column);
}

struct view db_view(struct db_rows *r, int column)
{
    const void *p = NULL;

    if (sqlite3_column_type(r->stmt, column) == SQLITE_NULL)
        return VIEW_NONE;
    p = sqlite3_column_blob(r->stmt, column);
    return view_make(p ? p : "", (size_t)sqlite3_column_bytes(r->stmt, column));
}

int db_string(struct db_rows *r, int column, char **ret)
{
    struct view v = db_view(r, column);
    char *copy = NULL;

    if (v.ptr) {
        copy = mem_strndup(v.ptr, v.len);
        if (!copy)
            return -ENOMEM;
    }
    *ret = copy;
    return 0;
}

const char *db_error(const struct db *d)
{
    return sqlite3_errmsg(d->handle);
}

const char *db_path(const struct db *d)
{
    return d->path;
}
