/* The checkpoint thread beside a writer: also run under the thread sanitizer (./dev test). */

#include "core/store/checkpoint.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/testing.h"
#include "core/store/db.h"

#define PATH    "checkpoint.db"
#define LOG_MAX ((int64_t)64 << 20)

static void forget(void)
{
    (void)unlink(PATH);
    (void)unlink(PATH "-wal");
    (void)unlink(PATH "-shm");
}

static int64_t size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

static struct db *opened(void)
{
    struct db *d = NULL;
    struct buf why;

    buf_init(&why, 1024);
    assert_int_equal(db_open(PATH, &why, &d), 0);
    assert_int_equal(
        db_exec(d, "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, text BLOB)"), 0);
    buf_fini(&why);
    return d;
}

static void write_rows(struct db *d, int n)
{
    static const char page[3000] = {'x'};

    for (int i = 0; i < n; i++) {
        assert_int_equal(
            db_run(d, "INSERT INTO t(text) VALUES(?)", "b", view_make(page, sizeof(page))), 0);
    }
}

static void pages_move_to_the_database_while_rows_are_written(void **state)
{
    struct checkpoint *c = NULL;
    struct db *d = NULL;
    int64_t deadline = clock_mono_ms() + 30000;

    (void)state;
    forget();
    d = opened();
    assert_int_equal(checkpoint_start(PATH, LOG_MAX, &c), 0);
    while (size_of(PATH) < 100000 && clock_mono_ms() < deadline) {
        checkpoint_before_commit(c);
        write_rows(d, 10);
        checkpoint_after_commit(c, db_log_bytes(d), true);
    }
    assert_true(size_of(PATH) >= 100000);
    checkpoint_stop(c);
    db_close(d);
}

/* The largest the log was while rows were written as fast as the disk takes them. */
static int64_t largest_log(int64_t log_max)
{
    struct checkpoint *c = NULL;
    struct db *d = NULL;
    int64_t largest = 0;
    int64_t deadline = clock_mono_ms() + 60000;

    forget();
    d = opened();
    assert_int_equal(checkpoint_start(PATH, log_max, &c), 0);
    while (size_of(PATH) < 10 * log_max && clock_mono_ms() < deadline) {
        assert_int_equal(db_exec(d, "BEGIN IMMEDIATE"), 0);
        write_rows(d, 20);
        assert_int_equal(db_exec(d, "COMMIT"), 0);
        checkpoint_after_commit(c, db_log_bytes(d), true);
        if (size_of(PATH "-wal") > largest)
            largest = size_of(PATH "-wal");
    }
    assert_true(size_of(PATH) >= 10 * log_max);
    checkpoint_stop(c);
    db_close(d);
    return largest;
}

static void load_does_not_let_the_log_grow_beyond_its_bound(void **state)
{
    int64_t log_max = (int64_t)2 << 20;

    (void)state;
    assert_true(largest_log(log_max) <= log_max);
}

static void nothing_moves_without_the_thread(void **state)
{
    struct db *d = NULL;

    (void)state;
    forget();
    d = opened();
    write_rows(d, 500); /* well over SQLite's own threshold, which is switched off */
    assert_true(size_of(PATH "-wal") > 1000000);
    assert_true(size_of(PATH) < 100000);
    db_close(d);
}

static void stopping_makes_a_last_checkpoint_at_once(void **state)
{
    struct checkpoint *c = NULL;
    struct db *d = NULL;

    (void)state;
    forget();
    d = opened();
    assert_int_equal(checkpoint_start(PATH, LOG_MAX, &c), 0);
    write_rows(d, 50);
    checkpoint_stop(c);
    assert_true(size_of(PATH) >= 100000);
    db_close(d);
}

/* How many texts of deleted rows a file still holds. */
static size_t remains(const char *path, const bool *deleted, size_t n)
{
    FILE *f = fopen(path, "rb");
    size_t size = (size_t)size_of(path);
    char *bytes = mem_zalloc(size + 1);
    const char *at = bytes;
    size_t found = 0;

    assert_non_null(f);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, size, f), size);
    (void)fclose(f);
    while ((at = view_find(view_make(at, (size_t)(bytes + size - at)), "secret-"))) {
        size_t i = (size_t)strtoul(at += 7, NULL, 10);

        found += i < n && deleted[i];
    }
    mem_free(bytes);
    return found;
}

static void await_clean(struct checkpoint *c, bool rebuild)
{
    int64_t deadline = clock_mono_ms() + 30000;
    uint64_t ticket = checkpoint_clean(c, rebuild);

    while (!checkpoint_is_clean(c, ticket) && clock_mono_ms() < deadline)
        (void)usleep(1000);
    assert_true(checkpoint_is_clean(c, ticket));
}

/* Rows are deleted in no order, so that pages are joined and rows move: then SQLite leaves old
 * bytes behind, secure_delete or not. */
static void what_was_deleted_is_nowhere_once_it_is_clean(void **state)
{
    enum {
        ROWS = 3000,
    };
    static bool deleted[ROWS];
    static const char filler[1000] = {'x'};
    struct checkpoint *c = NULL;
    struct db *d = NULL;
    uint64_t random = 7;

    (void)state;
    forget();
    d = opened();
    assert_int_equal(checkpoint_start(PATH, LOG_MAX, &c), 0);
    assert_int_equal(db_exec(d, "BEGIN"), 0);
    for (size_t i = 0; i < ROWS; i++) {
        char text[sizeof(filler)];

        random = random * 6364136223846793005ULL + 1;
        memcpy(text, filler, sizeof(text));
        (void)snprintf(text, 16, "secret-%06zu-", i);
        assert_int_equal(db_run(d, "INSERT INTO t VALUES(?,?)", "ib", (int64_t)i,
                                view_make(text, 100 + (size_t)(random >> 33) % 800)),
                         0);
    }
    assert_int_equal(db_exec(d, "COMMIT; BEGIN"), 0);
    for (size_t k = 0; k < 4 * (size_t)ROWS; k++) {
        size_t i = 0;

        random = random * 6364136223846793005ULL + 1;
        i = (size_t)(random >> 33) % ROWS;
        deleted[i] = true;
        assert_int_equal(db_run(d, "DELETE FROM t WHERE id=?", "i", (int64_t)i), 0);
    }
    assert_int_equal(db_exec(d, "COMMIT"), 0);
    await_clean(c, false);
    assert_int_equal(size_of(PATH "-wal"), 0);
    assert_true(remains(PATH, deleted, ROWS) > 0); /* or the next lines prove nothing */
    await_clean(c, true);
    assert_int_equal(size_of(PATH "-wal"), 0);
    assert_int_equal(remains(PATH, deleted, ROWS), 0);
    /* the connection of before goes on */
    write_rows(d, 10);
    checkpoint_stop(c);
    db_close(d);
}

static void cleaning_waits_for_who_writes(void **state)
{
    struct checkpoint *c = NULL;
    struct db *d = NULL;
    int64_t until = 0;
    uint64_t ticket = 0;

    (void)state;
    forget();
    d = opened();
    assert_int_equal(checkpoint_start(PATH, LOG_MAX, &c), 0);
    assert_int_equal(db_exec(d, "BEGIN IMMEDIATE"), 0);
    write_rows(d, 10);
    ticket = checkpoint_clean(c, true);
    until = clock_mono_ms() + 300; /* several tries */
    while (clock_mono_ms() < until)
        (void)usleep(1000);
    assert_false(checkpoint_is_clean(c, ticket));
    assert_int_equal(db_exec(d, "COMMIT"), 0);
    until = clock_mono_ms() + 30000;
    while (!checkpoint_is_clean(c, ticket) && clock_mono_ms() < until)
        (void)usleep(1000);
    assert_true(checkpoint_is_clean(c, ticket));
    assert_int_equal(size_of(PATH "-wal"), 0);
    checkpoint_stop(c);
    db_close(d);
}

/* Somebody reads for long, a backup perhaps: the file is not rewritten again and again into a log
 * that cannot be emptied. With rows behind the reader, and without. */
static void a_reader_does_not_make_the_log_grow(void **state)
{
    (void)state;
    for (int rows_behind = 0; rows_behind <= 10; rows_behind += 10) {
        struct checkpoint *c = NULL;
        struct db *reader = NULL;
        struct db *d = NULL;
        int64_t until = 0;
        uint64_t ticket = 0;

        forget();
        d = opened();
        write_rows(d, 500);
        assert_int_equal(checkpoint_start(PATH, LOG_MAX, &c), 0);
        await_clean(c, true);
        reader = opened();
        assert_int_equal(db_exec(reader, "BEGIN; SELECT count(*) FROM t"), 0);
        write_rows(d, rows_behind);
        ticket = checkpoint_clean(c, true);
        until = clock_mono_ms() + 1000; /* a dozen tries */
        while (clock_mono_ms() < until)
            (void)usleep(1000);
        assert_false(rows_behind && checkpoint_is_clean(c, ticket));
        assert_true(size_of(PATH "-wal") < 2 * size_of(PATH));
        checkpoint_withdraw(c);
        write_rows(d, 1); /* and nobody is held up */
        db_close(reader);
        await_clean(c, true);
        assert_int_equal(size_of(PATH "-wal"), 0);
        checkpoint_stop(c);
        db_close(d);
    }
}

/* --- a log that is begun again below a checkpoint ----------------------------------------------- */

/* SQLite makes this call between what a checkpoint reads of the log's index and what it does by it: there the
 * thread is held until the writer has committed once more, as a busy machine may hold it. */
static struct {
    sqlite3_vfs files;
    sqlite3_io_methods calls;
    const sqlite3_vfs *its_files;
    const sqlite3_io_methods *its_calls;
    pthread_t writer;
    atomic_uint commits;
    atomic_uint held;
    atomic_uint checkpoints;
} late;

static int late_unfetch(sqlite3_file *file, sqlite3_int64 at, void *page)
{
    unsigned before = late.commits;
    int64_t until = clock_mono_ms() + 50; /* it may be the writer who waits */

    if (!pthread_equal(pthread_self(), late.writer)) {
        late.held++;
        while (late.commits == before && clock_mono_ms() < until)
            (void)usleep(100);
    }
    return late.its_calls->xUnfetch(file, at, page);
}

/* The lock that each checkpoint takes. */
#define CHECKPOINT_LOCK 1

static int late_lock(sqlite3_file *file, int at, int n, int flags)
{
    if (at == CHECKPOINT_LOCK && flags & SQLITE_SHM_LOCK && flags & SQLITE_SHM_EXCLUSIVE)
        late.checkpoints++;
    return late.its_calls->xShmLock(file, at, n, flags);
}

static int late_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                     int *ret)
{
    int rc = late.its_files->xOpen(vfs, name, file, flags, ret);

    if (rc == SQLITE_OK && (flags & SQLITE_OPEN_MAIN_DB)) {
        if (!late.its_calls) {
            late.its_calls = file->pMethods;
            late.calls = *file->pMethods;
            late.calls.xUnfetch = late_unfetch;
            late.calls.xShmLock = late_lock;
        }
        file->pMethods = &late.calls;
    }
    return rc;
}

static void be_late(bool on)
{
    if (!on) {
        (void)sqlite3_vfs_unregister(&late.files);
        return;
    }
    late.writer = pthread_self();
    late.its_files = sqlite3_vfs_find(NULL);
    late.files = *late.its_files;
    late.files.zName = "late";
    late.files.xOpen = late_open;
    assert_int_equal(sqlite3_vfs_register(&late.files, 1), SQLITE_OK);
}

static void commit(struct checkpoint *c, struct db *d)
{
    checkpoint_before_commit(c);
    assert_int_equal(db_exec(d, "COMMIT"), 0);
    late.commits++;
}

static void commit_rows(struct checkpoint *c, struct db *d, int n)
{
    uint64_t logged = db_logged(d);

    assert_int_equal(db_exec(d, "BEGIN IMMEDIATE"), 0);
    write_rows(d, n);
    commit(c, d);
    checkpoint_after_commit(c, db_log_bytes(d), db_logged(d) != logged);
}

static void assert_whole(struct db *d, int64_t rows)
{
    struct db_rows *r = NULL;

    assert_int_equal(db_query(d, &r, "PRAGMA integrity_check(1)", ""), 0);
    assert_int_equal(db_next(r), 1);
    assert_true(view_is(db_view(r, 0), "ok"));
    db_end(r);
    assert_int_equal(db_query(d, &r, "SELECT count(*) FROM t INDEXED BY t_text", ""), 0);
    assert_int_equal(db_next(r), 1);
    assert_int_equal(db_int(r, 0), rows);
    db_end(r);
}

/* The thread has come to that place, if it does. */
static void await_held(unsigned before, int64_t ms)
{
    int64_t until = clock_mono_ms() + ms;

    while (late.held == before && clock_mono_ms() < until)
        (void)usleep(1000);
}

/* The turn in which all that is there is moved. */
static void await_moved(unsigned before)
{
    await_held(before, 700);
    (void)usleep(200000); /* if it takes longer this proves less */
}

/* A writer keeps the thread from emptying the log, and commits while it makes do with a lesser checkpoint. */
static void commit_below_a_cleaning(struct checkpoint *c, struct db *d)
{
    unsigned held = late.held;

    assert_int_equal(db_exec(d, "BEGIN IMMEDIATE"), 0);
    write_rows(d, 1);
    (void)checkpoint_clean(c, false);
    await_held(held, 500);
    commit(c, d);
    checkpoint_after_commit(c, db_log_bytes(d), true);
    checkpoint_withdraw(c);
}

/* A commit is moved before the thread is told of it. */
static void tell_late(struct checkpoint *c, struct db *d)
{
    unsigned held = late.held;

    commit_rows(c, d, 1);
    assert_int_equal(db_exec(d, "BEGIN IMMEDIATE"), 0);
    write_rows(d, 1);
    commit(c, d);
    await_moved(held);
    held = late.held;
    checkpoint_after_commit(c, db_log_bytes(d), true);
    await_held(held, 700);
}

/* What begins the log again below a checkpoint counted as moved, up to where the old log had ended. */
static void what_is_committed_below_a_checkpoint_is_not_lost(void **state)
{
    struct checkpoint *c = NULL;
    struct db *reader = NULL;
    struct db *d = NULL;
    int64_t rows = 0;

    (void)state;
    forget();
    be_late(true);
    d = opened();
    assert_int_equal(db_exec(d, "CREATE INDEX t_text ON t(text, id)"), 0);
    assert_int_equal(checkpoint_start(PATH, LOG_MAX, &c), 0);
    for (int round = 0; round < 6; round++) {
        unsigned held = late.held;

        commit_rows(c, d, 40); /* a long log … */
        if (round % 3 == 2) {
            tell_late(c, d);
        } else {
            await_moved(held);
            held = late.held;
            if (round % 3)
                commit_below_a_cleaning(c, d);
            else
                await_held(held, 700);
        }
        for (int i = 0; i < 20; i++) /* … and a shorter one */
            commit_rows(c, d, 1);
        rows += 60 + round % 3;
        reader = opened();
        assert_whole(reader, rows);
        db_close(reader);
    }
    checkpoint_stop(c);
    assert_whole(d, rows);
    db_close(d);
    be_late(false);
}

/* No more of it is to be done. */
static void await_calm(void)
{
    unsigned before = 0;

    do {
        before = late.checkpoints;
        (void)usleep(1200000); /* twice the thread has looked */
    } while (late.checkpoints != before);
}

/* All of the log is moved, and may be begun again at any time: the thread must not look into it because of that. */
static void a_commit_that_changes_nothing_is_no_reason_for_a_checkpoint(void **state)
{
    struct checkpoint *c = NULL;
    struct db *d = NULL;
    int64_t until = 0;
    unsigned before = 0;

    (void)state;
    forget();
    be_late(true);
    d = opened();
    assert_int_equal(checkpoint_start(PATH, LOG_MAX, &c), 0);
    commit_rows(c, d, 10);
    await_calm();
    before = late.checkpoints;
    for (int i = 0; i < 12; i++) {
        commit_rows(c, d, 0);
        (void)usleep(100000);
    }
    assert_int_equal(late.checkpoints, before);
    commit_rows(c, d, 1);
    until = clock_mono_ms() + 30000;
    while (late.checkpoints == before && clock_mono_ms() < until)
        (void)usleep(1000);
    assert_int_not_equal(late.checkpoints, before);
    checkpoint_stop(c);
    db_close(d);
    be_late(false);
}

static void a_database_that_is_not_there_is_told(void **state)
{
    struct checkpoint *c = NULL;

    (void)state;
    assert_int_equal(checkpoint_start("no/such/folder/x.db", LOG_MAX, &c), -EIO);
    checkpoint_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_move_to_the_database_while_rows_are_written),
        cmocka_unit_test(load_does_not_let_the_log_grow_beyond_its_bound),
        cmocka_unit_test(nothing_moves_without_the_thread),
        cmocka_unit_test(stopping_makes_a_last_checkpoint_at_once),
        cmocka_unit_test(what_was_deleted_is_nowhere_once_it_is_clean),
        cmocka_unit_test(cleaning_waits_for_who_writes),
        cmocka_unit_test(a_reader_does_not_make_the_log_grow),
        cmocka_unit_test(what_is_committed_below_a_checkpoint_is_not_lost),
        cmocka_unit_test(a_commit_that_changes_nothing_is_no_reason_for_a_checkpoint),
        cmocka_unit_test(a_database_that_is_not_there_is_told),
    };
    char dir[] = "/tmp/amo-checkpoint-XXXXXX"; /* another run of this test may be under way */
    int failed = 0;

    if (!mkdtemp(dir) || chdir(dir))
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    testing_remove_folder(dir);
    return failed;
}
