/* Files and logs of all moments of a store, put together in every way: what SQLite would mix is refused, and what
 * belongs together never is. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/testing.h"
#include "core/store/checkpoint.h"
#include "core/store/db.h"
#include "core/store/mend.h"

#define PATH      "together.db"
#define LOG       PATH "-wal"
#define MIXED     "mixed.db"
#define NAMED     "named.db"
#define MOMENTS   28
#define BYTES_MAX (4 << 20)
#define KILLS     60
#define LOG_MAX   ((int64_t)64 << 10)

struct bytes {
    unsigned char *p;
    size_t n;
};

static struct moment {
    struct bytes file;
    struct bytes log;
    char says[128]; /* what is in it */
} moments[MOMENTS];
static size_t n_moments;

static void forget(const char *path)
{
    static const char *const tails[] = {"", "-wal", "-shm"};
    char name[64];

    for (size_t i = 0; i < AMO_COUNT(tails); i++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, tails[i]);
        (void)unlink(name);
    }
}

/* Closing it drops the locks that SQLite has on the file for this process; there is no other one. */
static struct bytes read_file(const char *path)
{
    struct bytes b = {.p = mem_alloc(BYTES_MAX)};
    FILE *f = fopen(path, "rbe");

    assert_non_null(b.p);
    if (!f)
        return b;
    b.n = fread(b.p, 1, BYTES_MAX, f);
    (void)fclose(f);
    return b;
}

static void put(const char *path, struct bytes b)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, b.p, b.n), (ssize_t)b.n);
    (void)close(fd);
}

static bool fits(const char *path)
{
    struct buf why;
    int rc = 0;

    buf_init(&why, 1024);
    rc = mend_fits(path, 1, &why);
    assert_true(rc == 0 || (rc == -EINVAL && buf_view(&why).len > 0));
    buf_fini(&why);
    return rc == 0;
}

/* Every row, and whether SQLite finds fault. */
static void ask(sqlite3 *handle, char *out, size_t n)
{
    sqlite3_stmt *rows = NULL;

    (void)snprintf(out, n, "damaged");
    if (sqlite3_prepare_v2(handle, "PRAGMA integrity_check(1)", -1, &rows, NULL) == SQLITE_OK &&
        sqlite3_step(rows) == SQLITE_ROW &&
        strcmp((const char *)sqlite3_column_text(rows, 0), "ok") == 0) {
        (void)sqlite3_finalize(rows);
        rows = NULL;
        if (sqlite3_prepare_v2(handle,
                               "SELECT printf('%d %d %d',count(*),sum(id*n),sum(length(text)))"
                               " FROM (SELECT * FROM t ORDER BY id)",
                               -1, &rows, NULL) == SQLITE_OK &&
            sqlite3_step(rows) == SQLITE_ROW)
            (void)snprintf(out, n, "%s", (const char *)sqlite3_column_text(rows, 0));
    }
    (void)sqlite3_finalize(rows);
}

static void ask_path(const char *path, char *out, size_t n)
{
    sqlite3 *handle = NULL;

    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    ask(handle, out, n);
    (void)sqlite3_close(handle);
}

static struct db *opened(void)
{
    struct db *d = NULL;
    struct buf why;

    buf_init(&why, 1024);
    assert_int_equal(db_open(PATH, &why, &d), 0);
    buf_fini(&why);
    assert_int_equal(db_begin(d), 0);
    assert_int_equal(
        db_exec(d, "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, n INT, text BLOB);"
                   "CREATE INDEX IF NOT EXISTS t_n ON t(n); COMMIT"),
        0);
    return d;
}

/* One row more and one that is changed, or fewer rows. */
static void turn(struct db *d, unsigned *seed)
{
    char sql[256];

    (void)snprintf(sql, sizeof(sql),
                   rand_r(seed) % 5 == 0
                       ? "DELETE FROM t WHERE id%%7=%d"
                       : "INSERT INTO t(n,text) VALUES(1,zeroblob(%d));"
                         "UPDATE t SET n=n+1 WHERE id=(SELECT max(id)/2 FROM t)",
                   rand_r(seed) % 7000 % (rand_r(seed) % 2 ? 7 : 6000));
    assert_int_equal(db_exec(d, "BEGIN IMMEDIATE"), 0);
    assert_int_equal(db_exec(d, sql), 0);
    assert_int_equal(db_link(d), 0);
    assert_int_equal(db_exec(d, "COMMIT"), 0);
}

static void keep(sqlite3 *reader)
{
    struct moment *m = &moments[n_moments++];

    m->file = read_file(PATH);
    m->log = read_file(LOG);
    ask(reader, m->says, sizeof(m->says));
}

/* Whoever reads keeps a checkpoint from moving all. */
static void read_for_a_while(sqlite3 *reader)
{
    (void)sqlite3_exec(
        reader,
        sqlite3_get_autocommit(reader) ? "BEGIN; SELECT count(*) FROM sqlite_schema" : "COMMIT",
        NULL, NULL, NULL);
}

static void work(struct db *d, sqlite3 *thread, sqlite3 *reader, unsigned what)
{
    switch (what % 8) {
    case 0:
        (void)sqlite3_exec(thread, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
        break;
    case 1:
        (void)!db_rewrite(d, 0); /* not while somebody reads */
        break;
    case 2:
    case 3:
        read_for_a_while(reader);
        break;
    case 4:
        break;
    default:
        (void)sqlite3_exec(thread, "PRAGMA wal_checkpoint(PASSIVE)", NULL, NULL, NULL);
        break;
    }
}

/* A copy whose pages are not where the log has them, made while that log is in use. */
static void copy_rewritten(struct db *d, sqlite3 *thread, unsigned *seed)
{
    assert_int_equal(db_begin(d), 0);
    assert_int_equal(db_exec(d, "DELETE FROM t WHERE id%3>0; COMMIT"), 0);
    assert_int_equal(db_empty_log(d, 0), 0);
    turn(d, seed);
    assert_int_equal(sqlite3_exec(thread, "VACUUM INTO '" MIXED "'", NULL, NULL, NULL),
                     SQLITE_OK);
    moments[n_moments++].file = read_file(MIXED); /* without a log */
    turn(d, seed);
    keep(thread);
}

/* A life of a store, with copies of it: commits, checkpoints of part and of all, the log begun again and emptied, the
 * file rewritten. */
static void live(unsigned *seed)
{
    sqlite3 *thread = NULL;
    sqlite3 *reader = NULL;
    struct db *d = opened();

    assert_int_equal(sqlite3_open(PATH, &thread), SQLITE_OK);
    assert_int_equal(sqlite3_open(PATH, &reader), SQLITE_OK);
    (void)sqlite3_wal_autocheckpoint(thread, 0);
    while (n_moments < MOMENTS - 2) {
        for (int i = rand_r(seed) % 3; i >= 0; i--)
            turn(d, seed);
        keep(thread);
        work(d, thread, reader, (unsigned)rand_r(seed));
        if (n_moments < MOMENTS - 2)
            keep(thread);
    }
    (void)sqlite3_close(reader);
    copy_rewritten(d, thread, seed);
    (void)sqlite3_close(thread);
    db_close(d);
}

/* Was something moved into the file, but not its first page? A checkpoint beside a reader leaves out what was written
 * again since, and the first page is written by every commit: so it does not say what the file is. */
static bool is_ahead_of_its_first_page(size_t i)
{
    const struct bytes *f = &moments[i].file;

    for (size_t k = 0; k < i; k++) {
        const struct bytes *was = &moments[k].file;

        if (was->n >= 100 && f->n >= 100 && memcmp(was->p, f->p, 100) == 0 &&
            (was->n != f->n || memcmp(was->p, f->p, f->n) != 0))
            return true;
    }
    return false;
}

/* A file without a log is taken for what it is. */
static void what_is_put_together_is_what_the_log_is_of_or_is_refused(void **state)
{
    unsigned seed = (unsigned)clock_unix_ms();
    size_t taken = 0;
    char says[128];

    (void)state;
    print_message("seed %u\n", seed);
    forget(PATH);
    forget(MIXED);
    n_moments = 0;
    live(&seed);
    for (size_t i = 0; i < n_moments; i++) {
        for (size_t j = 0; j < n_moments; j++) {
            forget(MIXED);
            put(MIXED, moments[i].file);
            put(MIXED "-wal", moments[j].log);
            if (!fits(MIXED)) {
                assert_int_not_equal(i, j);
                continue;
            }
            taken += i != j && moments[j].log.n > 0;
            ask_path(MIXED, says, sizeof(says));
            if (moments[j].log.n > 0 && strcmp(says, moments[j].says) != 0 &&
                (j > i || !is_ahead_of_its_first_page(i)))
                fail_msg("file %zu with log %zu: %s, not %s", i, j, says, moments[j].says);
        }
    }
    assert_true(taken > 0);
    for (size_t i = 0; i < n_moments; i++) {
        mem_free(moments[i].file.p);
        mem_free(moments[i].log.p);
    }
    forget(PATH);
    forget(MIXED);
}

/* As a version without links leaves it, with all but the first page in the log. */
static sqlite3 *opened_as_before(void)
{
    sqlite3 *handle = NULL;

    assert_int_equal(sqlite3_open(PATH, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle,
                                  "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;"
                                  "CREATE TABLE t(id INTEGER PRIMARY KEY, n INT, text BLOB)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    return handle;
}

static void copy(const char *from, const char *to)
{
    struct bytes b = read_file(from);

    put(to, b);
    mem_free(b.p);
}

static void a_store_of_a_version_without_links_is_let_pass_until_it_has_one(void **state)
{
    sqlite3 *handle = NULL;
    struct bytes before;
    unsigned seed = 1;
    struct db *d = NULL;

    (void)state;
    forget(PATH);
    forget(MIXED);
    handle = opened_as_before();
    copy(PATH, MIXED);
    copy(LOG, MIXED "-wal");
    assert_true(fits(MIXED));
    before = read_file(PATH);
    d = opened();
    turn(d, &seed); /* in the same log */
    copy(LOG, MIXED "-wal");
    assert_true(fits(MIXED));
    assert_int_equal(db_empty_log(d, 0), 0);
    turn(d, &seed);
    copy(LOG, MIXED "-wal");
    assert_false(fits(MIXED));
    copy(PATH, MIXED);
    assert_true(fits(MIXED));
    put(MIXED, (struct bytes){.p = before.p}); /* empty */
    assert_false(fits(MIXED));
    put(MIXED "-wal", before); /* no log */
    assert_true(fits(MIXED));
    mem_free(before.p);
    /* somebody changes the schema by hand, and is killed */
    assert_int_equal(db_empty_log(d, 0), 0);
    assert_int_equal(sqlite3_exec(handle, "CREATE TABLE more(row)", NULL, NULL, NULL),
                     SQLITE_OK);
    copy(PATH, MIXED);
    copy(LOG, MIXED "-wal");
    assert_true(fits(MIXED));
    turn(d, &seed);
    copy(LOG, MIXED "-wal");
    assert_true(fits(MIXED));
    (void)sqlite3_close(handle);
    db_close(d);
    forget(PATH);
    forget(MIXED);
}

/* ".backup" gives the copy a version of the schema of its own, a low one, and "VACUUM" moves its pages. */
static void back_up_compacted(const char *to)
{
    sqlite3 *from = NULL;
    sqlite3 *copied = NULL;
    sqlite3_backup *b = NULL;

    forget(to);
    assert_int_equal(sqlite3_open(PATH, &from), SQLITE_OK);
    assert_int_equal(sqlite3_open(to, &copied), SQLITE_OK);
    b = sqlite3_backup_init(copied, "main", from, "main");
    assert_non_null(b);
    assert_int_equal(sqlite3_backup_step(b, -1), SQLITE_DONE);
    assert_int_equal(sqlite3_backup_finish(b), SQLITE_OK);
    assert_int_equal(sqlite3_exec(copied, "VACUUM", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(copied);
    (void)sqlite3_close(from);
}

static void a_compacted_backup_is_refused_beside_the_log_that_it_was_made_with(void **state)
{
    unsigned seed = (unsigned)clock_unix_ms();
    struct db *d = NULL;

    (void)state;
    print_message("seed %u\n", seed);
    forget(PATH);
    d = opened();
    for (int i = 0; i < 40; i++)
        turn(d, &seed);
    assert_int_equal(db_exec(d, "CREATE TABLE v(a); CREATE TABLE w(a)"), 0);
    assert_int_equal(db_empty_log(d, 0), 0);
    turn(d, &seed); /* what the log begins with */
    back_up_compacted(MIXED);
    copy(LOG, MIXED "-wal");
    assert_false(fits(MIXED)); /* and nothing was written since */
    turn(d, &seed);
    copy(LOG, MIXED "-wal");
    assert_false(fits(MIXED));
    assert_true(fits(PATH));
    db_close(d);
    forget(PATH);
    forget(MIXED);
}

static void the_log_is_looked_for_where_sqlite_has_it(void **state)
{
    unsigned seed = 1;
    struct db *d = NULL;

    (void)state;
    forget(PATH);
    forget(MIXED);
    d = opened();
    assert_int_equal(db_empty_log(d, 0), 0);
    copy(PATH, MIXED);
    turn(d, &seed);
    assert_int_equal(db_empty_log(d, 0), 0);
    turn(d, &seed);
    copy(LOG, MIXED "-wal");
    assert_false(fits(MIXED));
    (void)unlink(NAMED);
    assert_int_equal(symlink(MIXED, NAMED), 0);
    assert_false(fits(NAMED));
    assert_int_equal(unlink(NAMED), 0);
    assert_int_equal(symlink(PATH, NAMED), 0);
    assert_true(fits(NAMED));
    assert_int_equal(unlink(NAMED), 0);
    db_close(d);
    forget(PATH);
    forget(MIXED);
}

/* Until it is killed. */
static void live_until_the_end(unsigned seed)
{
    struct checkpoint *c = NULL;
    struct db *d = NULL;
    struct buf why;

    buf_init(&why, 1024);
    if (db_open(PATH, &why, &d))
        _exit(1);
    for (unsigned i = seed % 3 ? 0 : 10; i > 0; i--)
        (void)!db_rewrite(d, 0); /* as at a start */
    if (checkpoint_start(PATH, LOG_MAX, &c))
        _exit(1);
    for (;;) {
        uint64_t logged = db_logged(d);

        checkpoint_before_commit(c);
        turn(d, &seed);
        checkpoint_after_commit(c, db_log_bytes(d), db_logged(d) != logged);
        if (rand_r(&seed) % 20 == 0)
            (void)checkpoint_clean(c, rand_r(&seed) % 2);
    }
}

static void whoever_is_killed_at_any_moment_leaves_a_log_of_the_file(void **state)
{
    unsigned seed = (unsigned)clock_unix_ms();
    int64_t until = clock_mono_ms() + 20000;
    char says[128];

    (void)state;
    print_message("seed %u\n", seed);
    forget(PATH);
    db_close(opened());
    for (int i = 0; i < KILLS && clock_mono_ms() < until; i++) {
        unsigned of_life = (unsigned)rand_r(&seed);
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0)
            live_until_the_end(of_life);
        (void)usleep((useconds_t)(rand_r(&seed) % 120000));
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        if (!fits(PATH))
            fail_msg("kill %d", i);
        if (i % 10 == 9) { /* else the next life goes on with the log */
            ask_path(PATH, says, sizeof(says));
            assert_string_not_equal(says, "damaged");
        }
    }
    forget(PATH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_together_is_what_the_log_is_of_or_is_refused),
        cmocka_unit_test(a_store_of_a_version_without_links_is_let_pass_until_it_has_one),
        cmocka_unit_test(a_compacted_backup_is_refused_beside_the_log_that_it_was_made_with),
        cmocka_unit_test(the_log_is_looked_for_where_sqlite_has_it),
        cmocka_unit_test(whoever_is_killed_at_any_moment_leaves_a_log_of_the_file),
    };
    char dir[] = "/tmp/amo-together-XXXXXX"; /* another run of this test may be under way */
    int failed = 0;

    if (!mkdtemp(dir) || chdir(dir))
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    testing_remove_folder(dir);
    return failed;
}
