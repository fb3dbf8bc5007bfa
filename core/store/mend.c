/* Finds damage with the checks of SQLite, rebuilds indexes, and empties the damaged tables
 * that core can do without. The mark that calls for all this is a file beside the store. Before
 * SQLite may look: does the log that is there belong to the file? (adr/0025-log-of-the-file.md) */

#include "core/store/mend.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/store/db.h"
#include "core/store/schema.h"
#include "core/store/store.h"

static int marker_path(const char *path, struct buf *ret)
{
    return buf_add_f(ret, "%s.damaged", path);
}

int mend_mark(const char *path, const char *words)
{
    struct buf marker;
    int rc = 0;

    buf_init(&marker, 4096);
    rc = marker_path(path, &marker);
    rc = rc ? rc : file_replace(buf_str(&marker), view_of(words));
    buf_fini(&marker);
    return rc;
}

bool mend_is_marked(const char *path)
{
    struct buf marker;
    bool marked = false;

    buf_init(&marker, 4096);
    marked = marker_path(path, &marker) == 0 && access(buf_str(&marker), F_OK) == 0;
    buf_fini(&marker);
    return marked;
}

void mend_unmark(const char *path)
{
    struct buf marker;

    buf_init(&marker, 4096);
    if (marker_path(path, &marker) == 0)
        (void)unlink(buf_str(&marker)); /* still there: looked at once more, to no harm */
    buf_fini(&marker);
}

/* Pages that nothing refers to are waste, no damage: of a batch that was cut off, or of indexes that
 * were rebuilt. */
static bool is_complaint(struct view line)
{
    static const char unused[] = " is never used";
    size_t n = sizeof(unused) - 1;

    return line.len > 0 && !view_is(line, "ok") && !view_starts(line, "*** in database") &&
           (line.len < n || memcmp(line.ptr + line.len - n, unused, n) != 0);
}

static int find_complaint(struct view lines, struct buf *ret_words)
{
    while (lines.len) {
        const char *end = view_find(lines, "\n");
        size_t n = end ? (size_t)(end - lines.ptr) : lines.len;

        if (is_complaint(view_make(lines.ptr, n)))
            return buf_add(ret_words, lines.ptr, n < 200 ? n : 200);
        n += end ? 1 : 0;
        lines = view_make(lines.ptr + n, lines.len - n);
    }
    return 0;
}

/* Appends the first complaint of @look, nothing when there is none. */
static int ask_check(struct db *d, const char *look, struct buf *ret_words)
{
    struct db_rows *r = NULL;
    int rc = db_query(d, &r, look, "");

    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = ret_words->len ? 0 : find_complaint(db_view(r, 0), ret_words);
        if (rc)
            db_end(r);
    }
    if (rc == STORE_DAMAGED) /* it cannot even be looked at to the end: that is an answer */
        rc = ret_words->len ? 0 : buf_add_str(ret_words, db_error(d, rc));
    return rc;
}

/* The same of one table, which a database of before need not have. */
static int ask_table(struct db *d, const char *table, const char *look, struct buf *ret_words)
{
    struct db_rows *r = NULL;
    int rc = db_query(d, &r, "SELECT 1 FROM sqlite_schema WHERE type='table' AND name=?", "s",
                      table);

    rc = rc ? rc : db_next(r);
    if (rc != 1)
        return rc;
    db_end(r);
    return ask_check(d, look, ret_words);
}

/* The quick one does not look whether an index has the entries of its table's rows. */
static int check(struct db *d, struct buf *ret_words)
{
    return ask_check(d, "PRAGMA integrity_check(100000)", ret_words);
}

/* The statements that make every index, one after the other. */
static int index_texts(struct db *d, struct buf *ret_sql)
{
    struct db_rows *r = NULL;
    int rc = db_query(
        d, &r, "SELECT sql FROM sqlite_schema WHERE type='index' AND sql IS NOT NULL", "");

    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = buf_add_view(ret_sql, db_view(r, 0));
        rc = rc ? rc : buf_add_char(ret_sql, ';');
        if (rc)
            db_end(r);
    }
    return rc;
}

/* REINDEX and DROP INDEX walk the pages of the old index, and these may be the damaged ones. So it
 * is forgotten without being looked at. */
static int indexes_anew(struct db *d, struct buf *complaint)
{
    struct buf sql;
    int rc = 0;

    buf_init(&sql, 1 << 16);
    rc = index_texts(d, &sql);
    rc = rc ? rc
            : db_exec(d, "PRAGMA writable_schema=ON;"
                         "DELETE FROM sqlite_schema WHERE type='index' AND sql IS NOT NULL;"
                         "PRAGMA writable_schema=RESET");
    rc = rc ? rc : db_exec(d, buf_str(&sql));
    buf_fini(&sql);
    return rc ? rc : check(d, complaint);
}

/* --- tables ---------------------------------------------------------------------------------- */

/* What core can do without, and met at every start, or for every message. A row of nobody stands for those
 * that are forgotten: core waits a lease for workers it does not know any more, and erasing says for a while
 * that some ingress may be away. Shares are counted anew. */
#define OF_NOBODY(table)                                                                       \
    "INSERT INTO " table " VALUES('?',zeroblob(16),CAST(strftime('%s') AS INTEGER)*1000)"

#define FILL_SUMS "INSERT INTO shares " SCHEMA_ALL_COUNTED
#define OTHER_SUMS                                                                             \
    "WITH counted AS (" SCHEMA_ALL_COUNTED "),"                                                \
    " kept AS (SELECT who,room,n,bytes FROM shares WHERE n<>0 OR bytes<>0)"                    \
    " SELECT 'sums are not of what is there' WHERE"                                            \
    " EXISTS(SELECT * FROM counted EXCEPT SELECT * FROM kept) OR"                              \
    " EXISTS(SELECT * FROM kept EXCEPT SELECT * FROM counted)"

static const struct helper {
    const char *name;
    const char *look;
    const char *text;
    const char *forget;
    const char *fill;
} helpers[] = {
#define HELPER(table, fill)                                                                    \
    {                                                                                          \
        table, "PRAGMA quick_check('" table "')",                                              \
            "SELECT sql FROM sqlite_schema WHERE name='" table "'",                            \
            "DELETE FROM sqlite_schema WHERE tbl_name='" table "'", fill                       \
    }
    HELPER("workers", OF_NOBODY("workers")),
    HELPER("ingresses", OF_NOBODY("ingresses")),
    HELPER("shares", FILL_SUMS),
    /* or nothing could be ordered any more, since each order is written down with what it does */
    HELPER("orders", "SELECT 1"),
#undef HELPER
};

/* DROP TABLE walks the damaged pages: the table is forgotten without being looked at. */
static int make_anew(struct db *d, const struct helper *h)
{
    struct db_rows *r = NULL;
    struct buf text;
    struct buf left;
    int rc = 0;

    buf_init(&text, 1 << 16);
    buf_init(&left, 4096);
    rc = db_query(d, &r, h->text, "");
    if (rc == 0 && (rc = db_next(r)) == 1) {
        rc = buf_add_view(&text, db_view(r, 0));
        db_end(r);
    }
    rc = rc ? rc : db_exec(d, "PRAGMA writable_schema=ON");
    rc = rc ? rc : db_exec(d, h->forget);
    rc = rc ? rc : db_exec(d, "PRAGMA writable_schema=RESET");
    rc = rc ? rc : db_exec(d, buf_str(&text));
    rc = rc ? rc : db_exec(d, h->fill);
    rc = rc ? rc : ask_check(d, h->look, &left);
    if (rc == 0 && left.len)
        rc = STORE_DAMAGED;
    buf_fini(&left);
    buf_fini(&text);
    return rc;
}

static int end_transaction(struct db *d, int rc)
{
    rc = rc ? rc : db_exec(d, "COMMIT");
    if (rc) /* as it was; a failure that ended the transaction has done the same */
        (void)!db_exec(d, "ROLLBACK");
    /* off, for this connection alone; and what it knows of tables and indexes is read again: a rollback need
     * not do that, and without the indexes it would write rows that these do not know */
    (void)!db_exec(d, "PRAGMA writable_schema=RESET");
    return rc;
}

int mend_helpers(struct db *d, mend_fn *emptied, void *arg)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < AMO_COUNT(helpers); i++) {
        struct buf words;

        buf_init(&words, 4096);
        rc = ask_table(d, helpers[i].name, helpers[i].look, &words);
        if (rc == 0 && words.len) {
            rc = db_begin(d);
            rc = end_transaction(d, rc ? rc : make_anew(d, &helpers[i]));
            if (rc == 0)
                emptied(arg, helpers[i].name, buf_str(&words));
        }
        buf_fini(&words);
    }
    return rc == STORE_DAMAGED ? 0 : rc; /* stays as it is */
}

int mend_sums(struct db *d, bool *ret_wrong)
{
    struct buf words;
    int rc = 0;

    *ret_wrong = false;
    buf_init(&words, 4096);
    rc = ask_table(d, "shares", OTHER_SUMS, &words);
    if (rc == 0 && words.len) {
        rc = db_begin(d);
        rc = rc ? rc : db_exec(d, "DELETE FROM shares");
        rc = end_transaction(d, rc ? rc : db_exec(d, FILL_SUMS));
        *ret_wrong = rc == 0;
    }
    buf_fini(&words);
    return rc == STORE_DAMAGED ? 0 : rc; /* what is summed up cannot be read */
}

int mend_is_hurt(struct db *d, const char *table, const char *look, bool *ret)
{
    struct buf words;
    int rc = 0;

    buf_init(&words, 4096);
    rc = ask_table(d, table, look, &words);
    *ret = words.len > 0;
    buf_fini(&words);
    return rc;
}

int mend_look(struct db *d, bool *ret_whole, bool *ret_mended, struct buf *ret_words)
{
    struct buf left;
    int rc = check(d, ret_words);

    *ret_whole = rc == 0 && ret_words->len == 0;
    *ret_mended = false;
    if (rc || *ret_whole)
        return rc;
    buf_init(&left, 4096);
    rc = db_begin(d);
    rc = rc ? rc : indexes_anew(d, &left);
    rc = end_transaction(d, rc == 0 && left.len ? STORE_DAMAGED : rc);
    *ret_whole = *ret_mended = rc == 0;
    buf_fini(&left);
    /* two equal keys, a damaged table: it stays as it is, and that is told */
    return rc == STORE_DAMAGED || rc == -EEXIST ? 0 : rc;
}

/* --- the log that is there ------------------------------------------------------------------- */

/* SQLite's formats of the file and of the log (sqlite.org/fileformat2.html) */
#define FILE_MAGIC     "SQLite format 3"
#define FILE_HEAD      100
#define FILE_SCHEMA    40
#define FILE_LINK      68
#define LOG_MAGIC      0x377f0682U /* or one more: its sums are of big-endian words */
#define LOG_HEAD       32
#define LOG_FRAME_HEAD 24
#define LOG_PAGE_MIN   512
#define LOG_PAGE_MAX   65536
/* somebody else may use both files meanwhile, and they are not read in one moment: looked at again behind this */
#define FITS_PAUSE_NS  200000000L

/* What is looked at in a first page. */
struct head {
    uint32_t link;
    uint32_t schema;
};

/* A log that is read from its beginning to its last commit. */
struct log_reader {
    int fd;
    off_t at;
    bool big; /* its sums are of big-endian words */
    uint32_t page;
    unsigned char salts[8];
    uint32_t sum[2];
    unsigned char *frame;
};

struct fit {
    struct head file;
    bool commits;      /* there is one in the log */
    bool met;          /* a first page is in the log … */
    struct head first; /* … and this is the first of these */
    bool same;         /* the file's is one of them */
};

static uint32_t big_endian(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t little_endian(const unsigned char *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* @n is a multiple of 8. */
static void add_sum(struct log_reader *l, const unsigned char *p, size_t n)
{
    for (const unsigned char *end = p + n; p < end; p += 8) {
        l->sum[0] += (l->big ? big_endian(p) : little_endian(p)) + l->sum[1];
        l->sum[1] += (l->big ? big_endian(p + 4) : little_endian(p + 4)) + l->sum[0];
    }
}

static bool has_sum(const struct log_reader *l, const unsigned char *p)
{
    return big_endian(p) == l->sum[0] && big_endian(p + 4) == l->sum[1];
}

/* 1: all of it was read; 0: there is not so much; -EIO. */
static int read_whole(int fd, off_t at, unsigned char *p, size_t n)
{
    while (n > 0) {
        ssize_t got = pread(fd, p, n, at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -EIO : 0;
        p += got;
        n -= (size_t)got;
        at += got;
    }
    return 1;
}

/* 1; 0: SQLite takes nothing from such a log; -EIO, -ENOMEM. */
static int log_begin(struct log_reader *l)
{
    unsigned char head[LOG_HEAD];
    int rc = read_whole(l->fd, 0, head, sizeof(head));

    if (rc <= 0)
        return rc;
    l->big = big_endian(head) == LOG_MAGIC + 1;
    l->page = big_endian(head + 8);
    memcpy(l->salts, head + 16, sizeof(l->salts));
    add_sum(l, head, 24);
    if (big_endian(head) != LOG_MAGIC + l->big || l->page < LOG_PAGE_MIN ||
        l->page > LOG_PAGE_MAX || (l->page & (l->page - 1)) || !has_sum(l, head + 24))
        return 0;
    l->at = LOG_HEAD;
    l->frame = mem_alloc(LOG_FRAME_HEAD + (size_t)l->page);
    return l->frame ? 1 : -ENOMEM;
}

/* 1: a frame is in l->frame; 0: the log ends here; -EIO. */
static int log_next(struct log_reader *l)
{
    size_t n = LOG_FRAME_HEAD + (size_t)l->page;
    int rc = read_whole(l->fd, l->at, l->frame, n);

    if (rc <= 0)
        return rc;
    l->at += (off_t)n;
    add_sum(l, l->frame, 8);
    add_sum(l, l->frame + LOG_FRAME_HEAD, l->page);
    return big_endian(l->frame) != 0 && memcmp(l->frame + 8, l->salts, sizeof(l->salts)) == 0 &&
           has_sum(l, l->frame + 16);
}

static struct head head_of(const unsigned char *page)
{
    return (struct head){.link = big_endian(page + FILE_LINK),
                         .schema = big_endian(page + FILE_SCHEMA)};
}

/* A store that no program with links has written to is let pass: nothing is known of it. Another version of the schema
 * under the same link is a compacted copy: its pages are not where the log has them. */
static bool is_same(struct head file, struct head logged)
{
    return file.link == logged.link && (file.link == 0 || file.schema == logged.schema);
}

/* Others than core change the schema without a link, and may die before that is moved into the file. Only a log that
 * begins with this is let pass: else it has the link on the file's. */
static bool is_changed_by_hand(struct head file, struct head first)
{
    return file.link == first.link && first.schema == file.schema + 1;
}

/* What stands in the log behind its last commit counts for nothing. */
static int read_log(struct log_reader *l, struct fit *f)
{
    struct fit sure = *f;
    int rc = log_begin(l);

    while (rc > 0 && (rc = log_next(l)) > 0) {
        if (big_endian(l->frame) == 1) {
            struct head head = head_of(l->frame + LOG_FRAME_HEAD);

            f->same = f->same || is_same(f->file, head) ||
                      (!f->met && is_changed_by_hand(f->file, head));
            f->first = f->met ? f->first : head;
            f->met = true;
        }
        if (big_endian(l->frame + 4)) {
            f->commits = true;
            sure = *f;
        }
    }
    *f = sure;
    return rc;
}

/* 1; 0: it is missing, or empty, or no database, which SQLite itself tells (@ret_empty: not that one). */
static int read_file(const char *path, struct head *ret, bool *ret_empty)
{
    unsigned char head[FILE_HEAD];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = 0;

    *ret_empty = fd < 0 && errno == ENOENT;
    if (fd < 0)
        return *ret_empty ? 0 : -EIO;
    rc = read_whole(fd, 0, head, sizeof(head));
    if (rc == 0)
        *ret_empty = lseek(fd, 0, SEEK_END) == 0;
    (void)close(fd); /* read only */
    if (rc == 1 && memcmp(head, FILE_MAGIC, sizeof(FILE_MAGIC)) != 0)
        return 0;
    if (rc == 1)
        *ret = head_of(head);
    return rc;
}

/* A log is begun only when the file has all of the one before, so its first link is the one on the file's; and
 * whatever is moved from it into the file since is in it. */
static int look_once(const char *path, const char *log_path, bool *ret_fits)
{
    struct log_reader l = {.fd = -1};
    struct fit f = {.same = false};
    bool empty = false;
    int fd = -1;
    int rc = read_file(path, &f.file, &empty);

    *ret_fits = true;
    if (rc < 0 || (rc == 0 && !empty))
        return rc;
    fd = open(log_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -EIO;
    l.fd = fd;
    rc = read_log(&l, &f);
    mem_free(l.frame);
    (void)close(fd); /* read only */
    if (empty)       /* SQLite would remove the log */
        *ret_fits = !f.commits;
    else if (f.met && !f.same)
        *ret_fits = f.first.link >> 8 == db_links_on(f.file.link, f.file.schema);
    return rc;
}

static void tell_changed(const char *path, struct buf *out)
{
    struct stat st;
    struct tm t;
    char when[32] = "never";

    if (stat(path, &st) == 0 && gmtime_r(&st.st_mtime, &t))
        (void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &t); /* fits */
    (void)buf_add_f(out, "%s, last changed %s", path, when);          /* cut is fine */
}

int mend_fits(const char *path, int tries, struct buf *ret_why)
{
    const struct timespec pause = {.tv_nsec = FITS_PAUSE_NS};
    struct buf log_path;
    char followed[PATH_MAX];
    bool fits = false;
    int rc = 0;

    buf_init(&log_path, 4096);
    if (realpath(path, followed)) /* SQLite has the log beside what a symbolic link leads to */
        path = followed;
    rc = buf_add_f(&log_path, "%s-wal", path);
    for (int i = 0; rc == 0 && !fits && i < tries; i++) {
        if (i > 0)
            (void)nanosleep(&pause, NULL); /* shorter is harmless */
        rc = look_once(path, buf_str(&log_path), &fits);
    }
    if (rc) {
        (void)buf_add_f(ret_why, "%s or its log cannot be read", path);
    } else if (!fits) {
        tell_changed(path, ret_why);
        (void)buf_add_str(ret_why, ", and ");
        tell_changed(buf_str(&log_path), ret_why);
        (void)buf_add_str(ret_why, ": the log is of another file, nothing is touched");
        log_line(LOG_LEVEL_ERROR, "store.log_of_another", "file=%s", path);
    }
    buf_fini(&log_path);
    return rc == 0 && !fits ? -EINVAL : rc;
}
