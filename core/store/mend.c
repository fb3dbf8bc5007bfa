/* Finds damage with the checks of SQLite, rebuilds indexes, and empties the damaged tables
 * that core can do without. The mark that calls for all this is a file beside the store. */

#include "core/store/mend.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
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
            rc = db_exec(d, "BEGIN IMMEDIATE");
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
        rc = db_exec(d, "BEGIN IMMEDIATE");
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
    rc = db_exec(d, "BEGIN IMMEDIATE");
    rc = rc ? rc : indexes_anew(d, &left);
    rc = end_transaction(d, rc == 0 && left.len ? STORE_DAMAGED : rc);
    *ret_whole = *ret_mended = rc == 0;
    buf_fini(&left);
    /* two equal keys, a damaged table: it stays as it is, and that is told */
    return rc == STORE_DAMAGED || rc == -EEXIST ? 0 : rc;
}
