/* Calls to SQLite: opening, running and stepping statements, emptying the log, and turning the
 * error codes of SQLite into the store's own. */

#include "core/store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "core/store/private.h"
#include "core/store/store.h"

/* More different statements than core has; a power of two. */
#define DB_STATEMENTS       256
/* covers the short locks of the checkpoint thread */
#define DB_WAIT_MS          10000
/* of the file, while it is rewritten: in the log, and a temporary one that may lie beside it */
#define REWRITE_COPIES      3
#define REWRITE_SPARE_BYTES (16U << 20)
#define REWRITE             "COMMIT; PRAGMA temp_store=FILE; VACUUM"
#define DB_WORDS_MAX        200
/* SQLite's format of the log and its index */
#define LOG_HEAD            32
#define LOG_FRAME_HEAD      24
#define LOG_INDEX_VERSION   3007000U
#define LOG_INDEX_PART      32768 /* SQLite maps it in parts of this size */

struct db_rows {
    struct db *db;
    const char *sql;
    sqlite3_stmt *stmt;
};

struct db {
    sqlite3 *handle;
    char *path;
    int64_t page_size;
    int log_pages;            /* in the log since it was last begun again */
    uint64_t n_logged;        /* commits that wrote to it */
    int failed;               /* the class of the last failure; 0 none */
    char words[DB_WORDS_MAX]; /* of it */
    struct db_rows statements[DB_STATEMENTS];
};

static uint64_t db_calls;
static uint64_t db_fails_at;
static int db_fails_with = SQLITE_IOERR;

void db_fail_at(uint64_t nth)
{
    db_fails_at = nth ? db_calls + nth : 0;
}

void db_fail_as_row(bool row)
{
    db_fails_with = row ? SQLITE_MISMATCH : SQLITE_IOERR;
}

/* BEGIN, SAVEPOINT and the like have no value that could be at fault. */
static bool db_may_go_on(const struct db_rows *r)
{
    if (db_fails_with == SQLITE_MISMATCH && sqlite3_bind_parameter_count(r->stmt) == 0)
        return true;
    return ++db_calls != db_fails_at;
}

/* What is to be done differs by these alone (adr/0016-error-classes.md). */
static int db_class(int rc)
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
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return STORE_BUSY;
    case SQLITE_FULL:
        return STORE_FULL;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return STORE_READONLY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return STORE_DAMAGED;
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
        return -EINVAL; /* of this value alone */
    default:
        return -EIO;
    }
}

/* A disk without room fails SQLite in many ways, not all of which it calls full: the file beside the log
 * that cannot grow when a store is opened is an error of input and output. The system says which it was. */
static int class_of_system(int class, int from_system)
{
    if (class != -EIO)
        return class;
    if (from_system == ENOSPC || from_system == EDQUOT)
        return STORE_FULL;
    return from_system == EROFS ? STORE_READONLY : class;
}

/* The class of @rc; of a failure SQLite's words are kept, until the next one. */
static int db_code(struct db *d, int rc)
{
    int class = db_class(rc);
    int full = sqlite3_extended_errcode(d->handle);
    int from_system = sqlite3_system_errno(d->handle);
    bool same = (full & 0xff) == (rc & 0xff);

    if (class == 0)
        return 0;
    if (same)
        class = class_of_system(class, from_system);
    d->failed = class;
    (void)snprintf(d->words, sizeof(d->words), "%s (sqlite %d, errno %d)",
                   same ? sqlite3_errmsg(d->handle) : sqlite3_errstr(rc), same ? full : rc,
                   same && from_system != 0 ? from_system : 0); /* longer words are cut */
    return class;
}

static int on_commit(void *arg, sqlite3 *handle, const char *name, int pages)
{
    (void)handle;
    (void)name;
    ((struct db *)arg)->log_pages = pages;
    ((struct db *)arg)->n_logged++;
    return SQLITE_OK;
}

int64_t db_log_bytes(const struct db *d)
{
    return (int64_t)d->log_pages * d->page_size;
}

uint64_t db_logged(const struct db *d)
{
    return d->n_logged;
}

static int read_page_size(struct db *d)
{
    struct db_rows *r = NULL;
    int rc = db_query(d, &r, "PRAGMA page_size", "");

    if (rc == 0 && (rc = db_next(r)) == 1) {
        d->page_size = db_int(r, 0);
        db_end(r);
        rc = 0;
    }
    return rc;
}

/* What SQLite puts aside while it rewrites the file lies beside it, and not in a folder that others share: a core
 * that is confined has no other. */
static int keep_temporary_beside(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
    int rc = 0;

    if (!folder)
        return -ENOMEM;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): before core's second thread is started */
    rc = setenv("SQLITE_TMPDIR", folder, 1) ? -errno : 0;
    mem_free(folder);
    return rc;
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
    rc = keep_temporary_beside(path);
    if (rc)
        goto out;
    rc =
        sqlite3_open_v2(path, &d->handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    rc = d->handle ? db_code(d, rc) : -ENOMEM;
    if (rc == 0)
        (void)sqlite3_busy_timeout(d->handle, DB_WAIT_MS); /* cannot fail */
    /* The checkpoint thread alone writes WAL pages back; a full flush at each commit is what
     * "taken" rests on. */
    rc = rc ? rc
            : db_exec(d, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                         "PRAGMA wal_autocheckpoint=0; PRAGMA foreign_keys=OFF;"
                         "PRAGMA temp_store=MEMORY;"
                         "PRAGMA cache_size=-2000; PRAGMA secure_delete=ON;");
    rc = rc ? rc : read_page_size(d);
    if (rc == 0)
        (void)sqlite3_wal_hook(d->handle, on_commit, d); /* gives back the hook of before */
    if (rc)
        (void)buf_add_f(ret_why, "%s: %s", path, d->words); /* cut is fine */
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
    return db_code(d, sqlite3_exec(d->handle, sql, NULL, NULL, NULL));
}

uint32_t db_links_on(uint32_t link, uint32_t schema)
{
    uint64_t x = (uint64_t)link << 32 | schema;

    x = (x ^ x >> 33) * 0xff51afd7ed558ccdULL;
    x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ULL;
    return (uint32_t)(x >> 40);
}

static int first_page(sqlite3 *handle, const char *pragma, uint32_t *ret)
{
    sqlite3_stmt *read = NULL;
    int rc = sqlite3_prepare_v2(handle, pragma, -1, &read, NULL);

    rc = rc == SQLITE_OK ? sqlite3_step(read) : rc;
    if (rc == SQLITE_ROW)
        *ret = (uint32_t)sqlite3_column_int(read, 0);
    (void)sqlite3_finalize(read); /* repeats the error of the step */
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

int db_link_through(sqlite3 *handle)
{
    uint32_t link = 0;
    uint32_t schema = 0;
    unsigned char random = 0;
    char write[64];
    int rc = first_page(handle, "PRAGMA application_id", &link);

    rc = rc == SQLITE_OK ? first_page(handle, "PRAGMA schema_version", &schema) : rc;
    if (rc != SQLITE_OK)
        return rc;
    if (crypto_random(&random, sizeof(random)))
        return SQLITE_NOMEM;
    link = db_links_on(link, schema) << 8 | random;
    (void)snprintf(write, sizeof(write), "PRAGMA application_id=%d",
                   (int)(link ? link : 1)); /* fits */
    return sqlite3_exec(handle, write, NULL, NULL, NULL);
}

int db_link(struct db *d)
{
    return db_code(d, db_link_through(d->handle));
}

int db_begin(struct db *d)
{
    int rc = db_exec(d, "BEGIN IMMEDIATE");

    return rc ? rc : db_link(d);
}

bool db_has_space(const char *path)
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

/* The beginning of the log's index, as this connection has it mapped; NULL there is none. Its file is not opened
 * for it: closing any descriptor of a file drops all locks that this process has on it, SQLite's too, and who
 * opens the store next, a backup perhaps, would take the index for one that nobody uses and begin it anew. */
static const volatile unsigned char *log_index(struct db *d)
{
    sqlite3_file *file = NULL;
    void volatile *index = NULL;

    if (sqlite3_file_control(d->handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) ||
        !file->pMethods || file->pMethods->iVersion < 2 || !file->pMethods->xShmMap ||
        file->pMethods->xShmMap(file, 0, LOG_INDEX_PART, 0, &index))
        return NULL;
    return index;
}

/* What was written behind the last commit when the disk ran full counts for nothing and takes the room
 * that moving the rest needs. Where the commits end stands in the index of the log, whose beginning is
 * documented: the version, and behind 16 bytes the number of frames. */
static bool cut_log(struct db *d)
{
    const char *log = sqlite3_filename_wal(sqlite3_db_filename(d->handle, NULL));
    const volatile unsigned char *index = log_index(d);
    unsigned char head[20];
    struct stat file;
    uint32_t version = 0;
    uint32_t frames = 0;
    int64_t end = 0;

    if (!index)
        return false;
    for (size_t i = 0; i < sizeof(head); i++)
        head[i] = index[i];
    memcpy(&version, head, sizeof(version));
    memcpy(&frames, head + 16, sizeof(frames));
    end = LOG_HEAD + (int64_t)frames * (LOG_FRAME_HEAD + d->page_size);
    return version == LOG_INDEX_VERSION && d->page_size > 0 && stat(log, &file) == 0 &&
           end < file.st_size && truncate(log, (off_t)end) == 0;
}

int db_empty_log(struct db *d, int wait_ms)
{
    int rc = SQLITE_OK;

    (void)sqlite3_busy_timeout(d->handle, wait_ms); /* cannot fail */
    rc = db_code(d, empty_log(d));
    if (rc == STORE_FULL && cut_log(d))
        rc = db_code(d, empty_log(d));
    (void)sqlite3_busy_timeout(d->handle, DB_WAIT_MS);
    return rc;
}

int db_rewrite(struct db *d, int wait_ms)
{
    bool has_space = false;
    int emptied = SQLITE_OK;
    int rc = SQLITE_OK;

    (void)sqlite3_busy_timeout(d->handle, wait_ms); /* cannot fail */
    rc = empty_log(d);
    has_space = db_has_space(d->path);
    if (rc == SQLITE_OK && has_space) {
        rc = sqlite3_exec(d->handle, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        rc = rc == SQLITE_OK ? db_link_through(d->handle)
                             : rc; /* it changes the schema's version */
        rc = rc == SQLITE_OK ? sqlite3_exec(d->handle, REWRITE, NULL, NULL, NULL) : rc;
        if (!sqlite3_get_autocommit(d->handle))
            (void)sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL); /* the commit failed */
        emptied = empty_log(d); /* also what was written in vain */
        rc = rc == SQLITE_OK ? emptied : rc;
        emptied = sqlite3_exec(d->handle, "PRAGMA temp_store=MEMORY", NULL, NULL, NULL);
        rc = rc == SQLITE_OK ? emptied : rc;
    }
    (void)sqlite3_busy_timeout(d->handle, DB_WAIT_MS);
    if (rc == SQLITE_OK && !has_space)
        return -ENOSPC;
    return db_code(d, rc);
}

static int db_statement(struct db *d, const char *sql, struct db_rows **ret)
{
    size_t i = ((uintptr_t)sql >> 3) % DB_STATEMENTS;
    int rc = SQLITE_OK;

    for (size_t tried = 0; tried < DB_STATEMENTS; tried++, i = (i + 1) % DB_STATEMENTS) {
        struct db_rows *r = &d->statements[i];

        if (r->sql == sql) {
            *ret = r;
            return 0;
        }
        if (r->sql)
            continue;
        rc = sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &r->stmt, NULL);
        if (rc != SQLITE_OK)
            return db_code(d, rc);
        r->sql = sql;
        r->db = d;
        *ret = r;
        return 0;
    }
    return -EIO; /* there are not so many */
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
    struct db_rows *r = NULL;
    int rc = db_statement(d, sql, &r);

    if (rc || !r)
        return rc ? rc : -EIO;
    (void)sqlite3_reset(r->stmt); /* repeats the error of the last run, told then */
    rc = db_bind(r->stmt, format, args);
    if (rc != SQLITE_OK)
        return db_code(d, rc);
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
    rc = db_code(d, db_may_go_on(r) ? sqlite3_step(r->stmt) : db_fails_with);
    (void)sqlite3_reset(r->stmt); /* repeats rc */
    return rc;
}

int64_t db_changes(const struct db *d)
{
    return sqlite3_changes64(d->handle);
}

int64_t db_all_changes(const struct db *d)
{
    return sqlite3_total_changes64(d->handle);
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
    int rc = db_may_go_on(r) ? sqlite3_step(r->stmt) : db_fails_with;

    if (rc == SQLITE_ROW)
        return 1;
    rc = db_code(r->db, rc);
    db_end(r);
    return rc;
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

const char *db_error(const struct db *d, int rc)
{
    return d->failed == rc && rc ? d->words : "-";
}

const char *db_path(const struct db *d)
{
    return d->path;
}

/* 0 with the query at its first row, STORE_E_NONE, or an error: the common shape of a look-up. */
int store_one(int query_rc, struct db_rows *r)
{
    int rc = query_rc ? query_rc : db_next(r);

    if (rc == 1)
        return 0;
    return rc == 0 ? STORE_E_NONE : rc;
}

int store_one_int(int query_rc, struct db_rows *r, int64_t *ret)
{
    int rc = store_one(query_rc, r);

    if (rc)
        return rc;
    *ret = db_int(r, 0);
    db_end(r);
    return 0;
}
