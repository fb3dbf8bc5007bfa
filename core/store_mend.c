#include "core/store_mend.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "core/db.h"
#include "core/store.h"

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
 * were made anew. */
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

/* Appends the first complaint, nothing when there is none. */
static int check(struct db *d, struct buf *ret_words)
{
    struct db_rows *r = NULL;
    int rc = db_query(d, &r, "PRAGMA quick_check(100000)", "");

    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = ret_words->len ? 0 : find_complaint(db_view(r, 0), ret_words);
        if (rc)
            db_end(r);
    }
    if (rc == STORE_DAMAGED) /* it cannot even be looked at to the end: that is an answer */
        rc = ret_words->len ? 0 : buf_add_str(ret_words, db_error(d, rc));
    return rc;
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
    if (rc == 0)
        rc = indexes_anew(d, &left);
    if (rc == 0 && left.len == 0) {
        rc = db_exec(d, "COMMIT");
        *ret_whole = *ret_mended = rc == 0;
    } else {
        /* as it was; a failure that ended the transaction has done the same */
        (void)!db_exec(d, "ROLLBACK");
    }
    (void)!db_exec(d, "PRAGMA writable_schema=OFF"); /* of this connection alone */
    buf_fini(&left);
    /* two equal keys, a damaged table: it stays as it is, and that is told */
    return rc == STORE_DAMAGED || rc == -EEXIST ? 0 : rc;
}
