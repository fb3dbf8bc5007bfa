#include "ingress/spool/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/testing.h"
#include "ingress/spool/record.h"

/* Every test has a folder of its own under the scratch directory ctest gives. */
static const struct spool_writer amojo = {.alone = true};

static char dir[64];
static int n_drops;
static int drop_answer;

static int before_drop(void *arg)
{
    (void)arg;
    n_drops++;
    return drop_answer;
}

static int begin(void **state)
{
    static int n;

    (void)state;
    (void)snprintf(dir, sizeof(dir), "spool-%d-%d", (int)getpid(), n++);
    n_drops = 0;
    drop_answer = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    testing_remove_folder(dir);
    return 0;
}

static struct spool *open_with(uint64_t max_bytes)
{
    struct spool_config c = {.dir = dir, .max_bytes = max_bytes, .before_drop = before_drop};
    struct spool *s = NULL;

    assert_int_equal(spool_open(&c, &s), 0);
    return s;
}

/* Segments of 64 KiB. */
static struct spool *open_small(void)
{
    return open_with(512 << 10);
}

static int append(struct spool *s, uint64_t tag, size_t len)
{
    char body[70000];
    uint64_t number = 0;

    memset(body, 'x', sizeof(body));
    (void)snprintf(body, sizeof(body), "event %llu", (unsigned long long)tag);
    return spool_append(s, &amojo, VIEW_NONE, view_make(body, len < 32 ? 32 : len), &number);
}

static void append_flush(struct spool *s, uint64_t from, uint64_t to, size_t len)
{
    for (uint64_t i = from; i <= to; i++)
        assert_int_equal(append(s, i, len), 0);
    assert_int_equal(spool_flush(s), 0);
}

static bool body_is(struct view body, uint64_t tag)
{
    char text[40];

    (void)snprintf(text, sizeof(text), "event %llu", (unsigned long long)tag);
    return body.len > strlen(text) && memcmp(body.ptr, text, strlen(text) + 1) == 0;
}

/* Reads on to the end; expects exactly the numbers from..to (0..0 none), with equal tags. */
static void expect_rest(struct spool *s, struct spool_cursor *c, uint64_t from, uint64_t to)
{
    uint64_t number = 0;
    struct view body;

    for (uint64_t i = from; i && i <= to; i++) {
        assert_int_equal(spool_read(s, c, &number, &body), 0);
        assert_int_equal(number, i);
        assert_true(body_is(body, i));
    }
    assert_int_equal(spool_read(s, c, &number, &body), SPOOL_E_END);
}

static void expect_all(struct spool *s, uint64_t from, uint64_t to)
{
    struct spool_cursor c;

    spool_rewind(&c);
    expect_rest(s, &c, from, to);
}

static size_t count_files(const char *tail)
{
    DIR *d = opendir(dir);
    const struct dirent *e = NULL;
    size_t n = 0;

    assert_non_null(d);
    while ((e = readdir(d))) /* NOLINT(concurrency-mt-unsafe): tests have one thread */
        n += strlen(e->d_name) == 24 && strcmp(e->d_name + 20, tail) == 0;
    (void)closedir(d);
    return n;
}

static void file_path(uint64_t first, char ret[128])
{
    (void)snprintf(ret, 128, "%s/%020llu.seg", dir, (unsigned long long)first);
}

static void flip(uint64_t first, off_t at)
{
    char path[128];
    char byte = 0;
    int fd = -1;

    file_path(first, path);
    fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (char)(byte ^ 0x10);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    (void)close(fd);
}

/* --- the plain path ----------------------------------------------------------------------- */

static void events_are_read_in_order_once_they_are_flushed(void **state)
{
    struct spool *s = open_small();
    struct spool_cursor c;

    (void)state;
    spool_rewind(&c);
    expect_rest(s, &c, 0, 0);
    assert_int_equal(append(s, 1, 100), 0);
    assert_true(spool_is_dirty(s));
    expect_rest(s, &c, 0, 0); /* appended is not promised */
    assert_int_equal(spool_flush(s), 0);
    assert_false(spool_is_dirty(s));
    expect_rest(s, &c, 1, 1);
    append_flush(s, 2, 400, 1000);
    expect_rest(s, &c, 2, 400);
    expect_all(s, 1, 400);
    assert_int_equal(spool_next(s), 401);
    assert_int_equal(spool_low(s), 1);
    spool_close(s);
}

static void everything_flushed_is_there_after_a_crash(void **state)
{
    struct spool *s = open_small();

    (void)state;
    append_flush(s, 1, 300, 700);
    assert_int_equal(append(s, 301, 700), 0); /* never flushed */
    spool_close(s);
    s = open_small();
    expect_all(s, 1, 300);
    assert_int_equal(spool_next(s), 301);
    append_flush(s, 301, 310, 700);
    expect_all(s, 1, 310);
    spool_close(s);
}

static void an_id_is_kept_and_a_new_one_is_new(void **state)
{
    struct spool *s = open_small();
    struct id first = *spool_id(s);

    (void)state;
    append_flush(s, 1, 1, 10);
    spool_close(s);
    s = open_small();
    assert_true(id_equal(&first, spool_id(s)));
    assert_int_equal(spool_renew_id(s, UINT64_MAX), 0);
    assert_false(id_equal(&first, spool_id(s)));
    first = *spool_id(s);
    spool_close(s);
    s = open_small();
    assert_true(id_equal(&first, spool_id(s)));
    expect_all(s, 1, 1);
    spool_close(s);
}

static void a_folder_without_segments_gets_a_new_id(void **state)
{
    struct spool *s = open_small();
    struct id first = *spool_id(s);
    char path[128];

    (void)state;
    append_flush(s, 1, 1, 10);
    spool_close(s);
    file_path(1, path);
    assert_int_equal(unlink(path), 0);
    s = open_small(); /* numbers begin at 1 again */
    assert_false(id_equal(&first, spool_id(s)));
    assert_int_equal(spool_next(s), 1);
    spool_close(s);
}

static void a_second_opener_is_refused(void **state)
{
    struct spool *s = open_small();
    struct spool_config c = {.dir = dir, .max_bytes = 1 << 20};
    struct spool *other = NULL;

    (void)state;
    assert_int_equal(spool_open(&c, &other), SPOOL_E_BUSY);
    spool_close(s);
    assert_int_equal(spool_open(&c, &other), 0);
    spool_close(other);
}

static void an_event_larger_than_a_segment_has_its_own(void **state)
{
    static char big[3 << 20];
    struct spool *s = open_with(16 << 20);
    struct spool_cursor c;
    uint64_t number = 0;
    struct view body;

    (void)state;
    memset(big, 'b', sizeof(big));
    append_flush(s, 1, 1, 100);
    assert_int_equal(
        spool_append(s, &amojo, VIEW_LIT("aux"), view_make(big, sizeof(big)), &number), 0);
    assert_int_equal(number, 2);
    append_flush(s, 3, 3, 100);
    spool_close(s);
    s = open_with(16 << 20);
    spool_rewind(&c);
    assert_int_equal(spool_read(s, &c, &number, &body), 0);
    assert_int_equal(spool_read(s, &c, &number, &body), 0);
    assert_true(view_equal(body, view_make(big, sizeof(big))));
    expect_rest(s, &c, 3, 3);
    spool_close(s);
}

/* --- what core has taken ------------------------------------------------------------------ */

static void taken_events_are_not_read_again_in_whatever_order_they_are_taken(void **state)
{
    struct spool *s = open_small();
    struct spool_cursor c;
    struct spool_stats f;
    uint64_t number = 0;
    struct view body;

    (void)state;
    append_flush(s, 1, 1000, 100);
    for (uint64_t i = 2; i <= 1000; i += 2)
        assert_int_equal(spool_take(s, i, i), 0);
    spool_rewind(&c);
    for (uint64_t i = 1; i <= 1000; i += 2) {
        assert_int_equal(spool_read(s, &c, &number, &body), 0);
        assert_int_equal(number, i);
    }
    assert_int_equal(spool_read(s, &c, &number, &body), SPOOL_E_END);
    spool_stats(s, &f);
    assert_int_equal(f.events, 500);
    for (uint64_t i = 999; i >= 1 && i <= 999; i -= 2) /* backwards */
        assert_int_equal(spool_take(s, i, i), 0);
    spool_stats(s, &f);
    assert_int_equal(f.events, 0);
    assert_int_equal(f.bytes, 0);
    assert_int_equal(f.segments, 1);
    assert_int_equal(count_files(".seg"), 1);
    assert_true(n_drops > 0);
    spool_close(s);
}

static void ranges_from_outside_may_be_anything(void **state)
{
    struct spool *s = open_small();
    struct spool_stats f;

    (void)state;
    append_flush(s, 1, 10, 100);
    assert_int_equal(spool_take(s, 5, 3), 0);
    assert_int_equal(spool_take(s, 0, 0), 0);
    assert_int_equal(spool_take(s, 11, UINT64_MAX), 0);
    spool_stats(s, &f);
    assert_int_equal(f.events, 10);
    assert_int_equal(spool_take(s, 0, UINT64_MAX), 0);
    assert_int_equal(spool_take(s, 0, UINT64_MAX), 0);
    spool_stats(s, &f);
    assert_int_equal(f.events, 0);
    assert_int_equal(spool_next(s), 11);
    append_flush(s, 11, 12, 100);
    expect_all(s, 11, 12);
    spool_close(s);
}

static void a_done_segment_goes_but_never_the_last(void **state)
{
    struct spool *s = open_small();

    (void)state;
    append_flush(s, 1, 1, 60000);
    append_flush(s, 2, 2, 60000);
    append_flush(s, 3, 3, 60000);
    assert_int_equal(count_files(".seg"), 3);
    assert_int_equal(spool_take(s, 2, 2), 0); /* in the middle: waits for the first */
    assert_int_equal(count_files(".seg"), 3);
    assert_int_equal(spool_take(s, 1, 1), 0);
    assert_int_equal(count_files(".seg"), 1);
    assert_int_equal(spool_take(s, 3, 3), 0);
    assert_int_equal(count_files(".seg"), 1);
    spool_close(s);
    s = open_small();
    assert_int_equal(spool_next(s), 4); /* numbers are never given twice */
    spool_close(s);
}

static void a_segment_stays_until_its_aux_is_kept_elsewhere(void **state)
{
    struct spool *s = open_small();

    (void)state;
    append_flush(s, 1, 1, 60000);
    append_flush(s, 2, 2, 60000);
    drop_answer = -1;
    assert_int_equal(spool_take(s, 1, 1), 0);
    assert_int_equal(count_files(".seg"), 2);
    expect_all(s, 2, 2);
    drop_answer = 0;
    assert_int_equal(spool_take(s, 1, 1), 0);
    assert_int_equal(count_files(".seg"), 1);
    spool_close(s);
}

static void the_low_mark_travels_to_the_disk_with_later_records(void **state)
{
    struct spool *s = open_small();

    (void)state;
    append_flush(s, 1, 10, 100);
    assert_int_equal(spool_take(s, 1, 6), 0);
    assert_int_equal(spool_low(s), 7);
    append_flush(s, 11, 11, 100);
    assert_int_equal(spool_take(s, 7, 11), 0);
    spool_close(s); /* as a crash: nothing more was written */
    s = open_small();
    assert_int_equal(spool_low(s), 7); /* until core is asked */
    expect_all(s, 7, 11);
    spool_close(s);
}

static void what_core_has_forgotten_is_sent_again_as_far_as_it_is_here(void **state)
{
    struct spool *s = open_small();

    (void)state;
    append_flush(s, 1, 10, 20000);
    assert_int_equal(spool_take(s, 1, 8), 0);
    assert_int_equal(spool_untake(s), 0);
    assert_int_equal(spool_take(s, 1, 2), 0); /* what it still knows */
    assert_true(spool_first(s) > 3);
    assert_int_equal(spool_low(s), spool_first(s));
    assert_true(spool_has_taken(s, 1));
    assert_false(spool_has_taken(s, 8));
    expect_all(s, spool_first(s), 10);
    spool_close(s);
}

static void under_a_new_id_only_what_was_not_taken_is_sent(void **state)
{
    struct spool *s = open_small();

    (void)state;
    append_flush(s, 1, 10, 100);
    assert_int_equal(spool_take(s, 1, 6), 0);
    assert_int_equal(spool_take(s, 9, 9),
                     0); /* out of order: under the new id core asks for it */
    assert_int_equal(spool_renew_id(s, UINT64_MAX), 0);
    assert_int_equal(spool_first(s), 7);
    expect_all(s, 7, 10);
    spool_close(s);
    s = open_small();
    assert_int_equal(spool_id_known(s, false),
                     0); /* a core that has not heard of this id yet */
    assert_int_equal(spool_untake(s), 0);
    expect_all(s, 7, 10);
    assert_int_equal(spool_id_known(s, true), 0);
    spool_close(s);
    s = open_small();
    assert_int_equal(spool_id_known(s, false), 0); /* one that has forgotten it */
    assert_int_equal(spool_untake(s), 0);
    expect_all(s, 1, 10);
    assert_int_equal(spool_take(s, 1, 10), 0);
    assert_int_equal(spool_renew_id(s, 4), 0); /* of the old id it knows less than we */
    expect_all(s, 4, 10);
    spool_close(s);
}

static void a_cursor_survives_that_its_segment_goes(void **state)
{
    struct spool *s = open_small();
    struct spool_cursor c;
    struct spool_cursor kept;
    uint64_t number = 0;
    struct view body;

    (void)state;
    append_flush(s, 1, 10, 20000);
    spool_rewind(&c);
    assert_int_equal(spool_read(s, &c, &number, &body), 0);
    kept = c;
    assert_int_equal(spool_read(s, &c, &number, &body), 0);
    assert_int_equal(spool_take(s, 1, 5), 0);
    c = kept;
    expect_rest(s, &c, 6, 10);
    c = kept;
    expect_rest(s, &c, 6, 10);
    spool_close(s);
}

/* --- full --------------------------------------------------------------------------------- */

static void over_the_limit_nothing_is_appended_until_there_is_room(void **state)
{
    struct spool *s = open_small();
    uint64_t n = 0;

    (void)state;
    while (append(s, n + 1, 10000) == 0) {
        assert_int_equal(spool_flush(s), 0);
        n++;
    }
    assert_true(n >= 45 && n <= 52);
    assert_int_equal(append(s, n + 1, 10),
                     SPOOL_E_FULL); /* also a small one: it says so once */
    assert_int_equal(spool_space(s, 0), SPOOL_E_FULL);
    assert_false(spool_reopen(s));
    assert_int_equal(spool_take(s, 1, 6), 0); /* one segment */
    assert_false(spool_reopen(s));
    assert_int_equal(spool_take(s, 7, 18), 0);
    assert_true(spool_reopen(s));
    append_flush(s, n + 1, n + 1, 10000);
    expect_all(s, 19, n + 1);
    spool_close(s);
}

static void a_tiny_spool_that_is_all_taken_opens_again(void **state)
{
    struct spool *s = open_with(64 << 10);
    uint64_t n = 0;

    (void)state;
    for (int round = 0; round < 5; round++) {
        while (append(s, n + 1, 10000) == 0) {
            assert_int_equal(spool_flush(s), 0);
            n++;
        }
        assert_false(spool_reopen(s));
        assert_int_equal(spool_take(s, 1, n), 0);
        assert_true(spool_reopen(s));
    }
    append_flush(s, n + 1, n + 1, 100);
    expect_all(s, n + 1, n + 1);
    assert_true(n >= 25);
    spool_close(s);
}

/* --- torn and damaged --------------------------------------------------------------------- */

static void a_torn_end_is_cut_at_every_byte(void **state)
{
    size_t len = record_len(0, 104);
    char path[128];

    (void)state;
    for (size_t keep = 0; keep < 2 * len; keep++) {
        struct spool *s = open_small();
        int fd = -1;
        off_t at = (off_t)(3 * len + keep);
        static const char zeros[4096];

        append_flush(s, 1, 5, 104);
        spool_close(s);
        file_path(1, path);
        fd = open(path, O_RDWR);
        assert_true(fd >= 0);
        /* the last flush never reached the disk whole: what lies behind is still zero */
        assert_int_equal(pwrite(fd, zeros, 5 * len - (size_t)at, at), (ssize_t)(5 * len) - at);
        (void)close(fd);
        s = open_small();
        expect_all(s, 1, 3 + keep / len);
        append_flush(s, 4 + keep / len, 6, 104);
        expect_all(s, 1, 6);
        spool_close(s);
        testing_remove_folder(dir);
    }
}

static void a_file_cut_short_is_a_torn_end(void **state)
{
    size_t len = record_len(0, 104);
    char path[128];

    (void)state;
    for (size_t keep = 0; keep <= len; keep += 3) {
        struct spool *s = open_small();

        append_flush(s, 1, 4, 104);
        spool_close(s);
        file_path(1, path);
        assert_int_equal(truncate(path, (off_t)(3 * len + keep)), 0);
        s = open_small();
        expect_all(s, 1, 3 + keep / len);
        assert_int_equal(count_files(".bad"), 0);
        spool_close(s);
        testing_remove_folder(dir);
    }
}

/* One batch of three of which the first is torn: nothing of it was promised, and nothing of it
 * may come back later. */
static void a_torn_batch_leaves_no_ghosts(void **state)
{
    size_t len = record_len(0, 100);
    struct spool *s = open_small();

    (void)state;
    append_flush(s, 1, 2, 100);
    append_flush(s, 3, 5, 100);
    spool_close(s);
    flip(1, (off_t)(2 * len + 50));
    s = open_small();
    expect_all(s, 1, 2);
    assert_int_equal(spool_next(s), 3);
    append_flush(s, 3, 3, 100); /* as long as the torn one: the old 4 would follow */
    spool_close(s);
    s = open_small();
    expect_all(s, 1, 3);
    spool_close(s);
}

/* The same in front of a later flush: that one was promised, so this is damage. */
static void damage_before_a_later_flush_loses_only_itself(void **state)
{
    size_t len = record_len(0, 100);
    struct spool *s = open_small();
    struct spool_cursor c;
    struct spool_stats f;
    uint64_t number = 0;
    struct view body;

    (void)state;
    append_flush(s, 1, 2, 100);
    append_flush(s, 3, 3, 100);
    append_flush(s, 4, 5, 100);
    spool_close(s);
    flip(1, (off_t)(2 * len + 50));
    s = open_small();
    assert_int_equal(spool_next(s), 6);
    append_flush(s, 6, 6, 100);
    spool_rewind(&c);
    assert_int_equal(spool_read(s, &c, &number, &body), 0);
    assert_int_equal(spool_read(s, &c, &number, &body), 0);
    assert_int_equal(number, 2);
    expect_rest(s, &c, 4, 6);
    spool_stats(s, &f);
    assert_int_equal(f.lost, 1);
    assert_int_equal(f.events, 5);
    assert_int_equal(spool_take(s, 1, 6), 0);
    assert_int_equal(count_files(".bad"), 1);
    spool_close(s);
}

static void damage_in_a_sealed_segment_is_stepped_over_wherever_it_is(void **state)
{
    size_t len = record_len(0, 1000);
    size_t per_segment = (64U << 10) / len;

    (void)state;
    for (size_t bad = 0; bad < per_segment; bad += 13) {
        struct spool *s = open_small();
        struct spool_cursor c;
        uint64_t number = 0;
        uint64_t n = 0;
        struct view body;

        append_flush(s, 1, 2 * per_segment + 5, 1000);
        spool_close(s);
        flip(1, (off_t)(bad * len + 20));
        s = open_small();
        spool_rewind(&c);
        for (uint64_t i = 1; i <= 2 * per_segment + 5; i++) {
            if (i == bad + 1)
                continue;
            assert_int_equal(spool_read(s, &c, &number, &body), 0);
            assert_int_equal(number, i);
            assert_true(body_is(body, i));
            n++;
        }
        assert_int_equal(spool_read(s, &c, &number, &body), SPOOL_E_END);
        assert_int_equal(n, 2 * per_segment + 4);
        assert_int_equal(spool_take(s, 1, number), 0);
        assert_int_equal(count_files(".bad"), 1);
        assert_int_equal(count_files(".seg"), 1);
        assert_int_equal(spool_count_kept(s, &number), 0);
        assert_int_equal(number, 1);
        spool_close(s);
        testing_remove_folder(dir);
    }
}

static void a_sealed_segment_that_lost_its_end_does_not_stop_the_rest(void **state)
{
    size_t len = record_len(0, 1000);
    size_t per_segment = (64U << 10) / len;
    struct spool *s = open_small();
    struct spool_cursor c;
    struct spool_stats f;
    uint64_t number = 0;
    struct view body;
    char path[128];

    (void)state;
    append_flush(s, 1, per_segment + 3, 1000);
    spool_close(s);
    file_path(1, path);
    assert_int_equal(truncate(path, (off_t)(10 * len + 5)), 0);
    s = open_small();
    spool_rewind(&c);
    for (uint64_t i = 1; i <= 10; i++)
        assert_int_equal(spool_read(s, &c, &number, &body), 0);
    expect_rest(s, &c, per_segment + 1, per_segment + 3);
    spool_stats(s, &f);
    assert_int_equal(f.lost, per_segment - 10);
    spool_close(s);
}

/* --- aux ---------------------------------------------------------------------------------- */

static int sum_numbers(void *arg, uint64_t number, struct view aux)
{
    uint64_t *sum = arg;

    if (aux.len)
        *sum += number;
    return *sum > 1000000 ? -E2BIG : 0;
}

static void after_a_turn_nothing_taken_is_left(void **state)
{
    struct spool *s = open_small();
    struct spool_cursor c;
    uint64_t kept = 7;

    (void)state;
    assert_int_equal(spool_rotate(s), 0);
    assert_true(spool_is_gone(s, 1)); /* of nothing */
    append_flush(s, 1, 5, 100);
    assert_int_equal(append(s, 6, 100), 0); /* not flushed: it goes along */
    assert_int_equal(spool_rotate(s), 0);
    assert_int_equal(count_files(".seg"), 2);
    append_flush(s, 7, 8, 100);
    assert_int_equal(spool_take(s, 1, 5), 0);
    assert_false(spool_is_gone(s, 7));
    expect_all(s, 6, 8);
    assert_int_equal(spool_take(s, 6, 6), 0);
    assert_true(spool_is_gone(s, 7));
    assert_false(spool_is_gone(s, 8)); /* what came later has its own file */
    assert_int_equal(count_files(".seg"), 1);
    spool_close(s);
    s = open_small();
    assert_int_equal(spool_next(s), 9);
    spool_rewind(&c);
    expect_rest(s, &c, 7, 8);
    assert_int_equal(spool_take(s, 7, 8), 0);
    assert_int_equal(spool_rotate(s), 0);
    assert_true(spool_is_gone(s, 9));
    assert_int_equal(spool_rotate(s), 0); /* of an empty file: nothing */
    assert_int_equal(spool_count_kept(s, &kept), 0);
    assert_int_equal(kept, 0);
    spool_close(s);
    s = open_small();
    assert_int_equal(spool_next(s), 9); /* numbers go on */
    append_flush(s, 9, 9, 100);
    expect_all(s, 9, 9);
    spool_close(s);
}

static void aux_parts_are_visited_from_a_number_on(void **state)
{
    struct spool *s = open_small();
    uint64_t number = 0;
    uint64_t sum = 0;

    (void)state;
    for (int i = 0; i < 200; i++)
        assert_int_equal(spool_append(s, &amojo, i % 2 ? VIEW_NONE : VIEW_LIT("aux"),
                                      view_make(dir, sizeof(dir)), &number),
                         0);
    assert_int_equal(spool_flush(s), 0);
    assert_int_equal(spool_visit(s, 101, sum_numbers, &sum), 0);
    assert_int_equal(sum, 50 * (101 + 199) / 2);
    assert_int_equal(spool_visit(s, 1, sum_numbers, &sum), 0);
    sum = 1000000;
    assert_int_equal(spool_visit(s, 1, sum_numbers, &sum), -E2BIG);
    spool_close(s);
}

static void connectors_have_their_room_back_file_by_file(void **state)
{
    const struct spool_writer loud = {.side = SPOOL_CONNECTOR, .name = view_of("loud")};
    struct spool_config c = {.dir = dir, .max_bytes = 512 << 10, .max_events = 80};
    struct spool *s = NULL;
    struct spool_stats now;
    uint64_t number = 0;
    int n = 0;

    (void)state;
    assert_int_equal(spool_open(&c, &s), 0);
    append_flush(s, 1, 100, 32); /* amojo's make no new file */
    spool_stats(s, &now);
    assert_int_equal(now.segments, 1);
    while (spool_append(s, &loud, VIEW_NONE, view_of("small"), &number) == 0)
        n++;
    assert_int_equal(n, 40);
    assert_int_equal(spool_append(s, &loud, VIEW_NONE, view_of("small"), &number),
                     SPOOL_E_SHARE);
    assert_int_equal(spool_append(s, &amojo, VIEW_NONE, view_of("small"), &number), 0);
    assert_int_equal(spool_flush(s), 0);
    spool_stats(s, &now);
    assert_int_equal(now.segments, 5);          /* the last one of amojo's event */
    assert_int_equal(spool_take(s, 1, 120), 0); /* two files */
    for (n = 0; spool_append(s, &loud, VIEW_NONE, view_of("small"), &number) == 0;)
        n++;
    assert_int_equal(n, 20);
    spool_close(s);
}

/* --- memory ------------------------------------------------------------------------------- */

static int whole_life(void *arg)
{
    struct spool_config c = {.dir = dir, .max_bytes = 512 << 10};
    struct spool *s = NULL;
    struct spool_cursor at;
    uint64_t number = 0;
    struct view body;
    int rc = spool_open(&c, &s);

    (void)arg;
    for (uint64_t i = 0; rc == 0 && i < 12; i++)
        rc = append(s, i, 9000);
    rc = rc ? rc : spool_flush(s);
    if (rc == 0)
        spool_rewind(&at);
    for (int i = 0; rc == 0 && i < 12; i++)
        rc = spool_read(s, &at, &number, &body);
    rc = rc ? rc : spool_take(s, 1, UINT64_MAX);
    spool_close(s);
    return rc;
}

static void without_memory_nothing_breaks(void **state)
{
    (void)state;
    testing_fail_each_allocation(whole_life, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(events_are_read_in_order_once_they_are_flushed),
        TEST(everything_flushed_is_there_after_a_crash),
        TEST(an_id_is_kept_and_a_new_one_is_new),
        TEST(a_folder_without_segments_gets_a_new_id),
        TEST(a_second_opener_is_refused),
        TEST(an_event_larger_than_a_segment_has_its_own),
        TEST(taken_events_are_not_read_again_in_whatever_order_they_are_taken),
        TEST(ranges_from_outside_may_be_anything),
        TEST(a_done_segment_goes_but_never_the_last),
        TEST(a_segment_stays_until_its_aux_is_kept_elsewhere),
        TEST(the_low_mark_travels_to_the_disk_with_later_records),
        TEST(what_core_has_forgotten_is_sent_again_as_far_as_it_is_here),
        TEST(under_a_new_id_only_what_was_not_taken_is_sent),
        TEST(a_cursor_survives_that_its_segment_goes),
        TEST(over_the_limit_nothing_is_appended_until_there_is_room),
        TEST(a_tiny_spool_that_is_all_taken_opens_again),
        TEST(a_torn_end_is_cut_at_every_byte),
        TEST(a_file_cut_short_is_a_torn_end),
        TEST(a_torn_batch_leaves_no_ghosts),
        TEST(damage_before_a_later_flush_loses_only_itself),
        TEST(damage_in_a_sealed_segment_is_stepped_over_wherever_it_is),
        TEST(a_sealed_segment_that_lost_its_end_does_not_stop_the_rest),
        TEST(after_a_turn_nothing_taken_is_left),
        TEST(aux_parts_are_visited_from_a_number_on),
        TEST(connectors_have_their_room_back_file_by_file),
        TEST(without_memory_nothing_breaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
