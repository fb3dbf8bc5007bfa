/* The checkpoint thread beside a writer: run under the thread sanitizer, too (./dev test). */

#include "core/checkpoint.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "core/db.h"

#define PATH "checkpoint.db"

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
    assert_int_equal(checkpoint_start(PATH, &c), 0);
    while (size_of(PATH) < 100000 && clock_mono_ms() < deadline)
        write_rows(d, 10);
    assert_true(size_of(PATH) >= 100000);
    checkpoint_stop(c);
    db_close(d);
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
    assert_int_equal(checkpoint_start(PATH, &c), 0);
    write_rows(d, 50);
    checkpoint_stop(c);
    assert_true(size_of(PATH) >= 100000);
    db_close(d);
}

static void a_database_that_is_not_there_is_told(void **state)
{
    struct checkpoint *c = NULL;

    (void)state;
    assert_int_equal(checkpoint_start("no/such/folder/x.db", &c), -EIO);
    checkpoint_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_move_to_the_database_while_rows_are_written),
        cmocka_unit_test(nothing_moves_without_the_thread),
        cmocka_unit_test(stopping_makes_a_last_checkpoint_at_once),
        cmocka_unit_test(a_database_that_is_not_there_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
