/* What lies beside the records: the lock, the id and the small files that are replaced as a whole. */

#include "ingress/spool/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/testing.h"
#include "ingress/spool/crc32c.h"
#include "ingress/spool/spool.h"

struct rig {
    char dir[32];
    int fd;
};

static int begin(void **state)
{
    struct rig *r = mem_zalloc(sizeof(*r));

    assert_non_null(r);
    (void)snprintf(r->dir, sizeof(r->dir), "files.XXXXXX"); /* fits */
    assert_non_null(mkdtemp(r->dir));
    assert_int_equal(spool_files_lock(r->dir, &r->fd), 0);
    *state = r;
    return 0;
}

static int end(void **state)
{
    static const char *const names[] = {"spool.id",
                                        "spool.floor",
                                        "spool.lives",
                                        "spool.fresh",
                                        "00000000000000000007.seg",
                                        "00000000000000000012.seg",
                                        "00000000000000000007.bad",
                                        "9.seg",
                                        "x.seg"};
    struct rig *r = *state;

    for (size_t i = 0; i < AMO_COUNT(names); i++)
        (void)unlinkat(r->fd, names[i], 0); /* most are not there */
    (void)close(r->fd);
    assert_int_equal(rmdir(r->dir), 0); /* nothing half written is left */
    mem_free(r);
    return 0;
}

static void put(const struct rig *r, const char *name, struct view bytes)
{
    int fd = openat(r->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes.ptr, bytes.len), (ssize_t)bytes.len);
    assert_int_equal(close(fd), 0);
}

static void one_process_has_the_folder(void **state)
{
    struct rig *r = *state;
    int again = -1;

    assert_int_equal(spool_files_lock(r->dir, &again), SPOOL_E_BUSY);
    assert_int_equal(spool_files_lock("no-such-folder", &again), -ENOENT);
    assert_int_equal(again, -1);
}

static void an_id_is_made_once_and_kept(void **state)
{
    struct rig *r = *state;
    struct id first;
    struct id again;
    struct id other;

    assert_int_equal(spool_files_id(r->fd, &first), 0);
    assert_false(id_is_zero(&first));
    assert_int_equal(spool_files_id(r->fd, &again), 0);
    assert_true(id_equal(&first, &again));
    assert_int_equal(spool_files_new_id(r->fd, &other), 0);
    assert_false(id_equal(&first, &other));
    assert_int_equal(spool_files_put_id(r->fd, &first), 0);
    assert_int_equal(spool_files_id(r->fd, &again), 0);
    assert_true(id_equal(&first, &again));
}

static void an_id_that_is_torn_or_empty_is_made_anew(void **state)
{
    static const char zeros[16];
    struct rig *r = *state;
    struct id id;

    put(r, "spool.id", VIEW_LIT("short"));
    assert_int_equal(spool_files_id(r->fd, &id), 0);
    assert_false(id_is_zero(&id));
    put(r, "spool.id", view_make(zeros, sizeof(zeros)));
    assert_int_equal(spool_files_id(r->fd, &id), 0);
    assert_false(id_is_zero(&id));
}

/* The last one first, and never more than there is room for. */
static void who_had_the_folder_is_remembered(void **state)
{
    unsigned char lives[SPOOL_LIVES_LEN];
    struct rig *r = *state;
    size_t len = 1;

    assert_int_equal(spool_files_live(r->fd, NULL, lives, &len), 0);
    assert_int_equal(len, 0);
    for (unsigned i = 1; i <= 70; i++) {
        const struct id boot = {{(unsigned char)i}};

        assert_int_equal(spool_files_live(r->fd, &boot, lives, &len), 0);
        assert_int_equal(len, i == 1 ? 0 : SPOOL_LIVES_LEN); /* filled up with nobodies */
        if (i > 1)
            assert_int_equal(lives[0], i - 1); /* of those before */
        if (i > 2)
            assert_int_equal(lives[16], i - 2);
    }
    assert_int_equal(spool_files_live(r->fd, NULL, lives, &len),
                     0); /* looking leaves no trace */
    assert_int_equal(lives[0], 70);
    assert_int_equal(len, SPOOL_LIVES_LEN);
}

static void a_floor_counts_for_its_own_id_alone(void **state)
{
    const struct spool_floor floor = {.number = 40, .proven = true};
    const struct id mine = {{1}};
    const struct id other = {{2}};
    struct rig *r = *state;
    struct spool_floor got = {0};

    assert_int_equal(spool_files_floor(r->fd, &mine, &got), 0);
    assert_int_equal(got.number, 1);
    assert_int_equal(spool_files_put_floor(r->fd, &mine, &floor), 0);
    assert_int_equal(spool_files_floor(r->fd, &mine, &got), 0);
    assert_true(got.number == 40 && got.proven);
    assert_int_equal(spool_files_floor(r->fd, &other, &got), 0);
    assert_true(got.number == 1 && !got.proven);
    put(r, "spool.floor", VIEW_LIT("torn"));
    assert_int_equal(spool_files_floor(r->fd, &mine, &got), 0);
    assert_int_equal(got.number, 1);
}

static void the_first_number_since_core_was_heard_is_kept(void **state)
{
    struct rig *r = *state;
    uint64_t fresh = 7;

    assert_int_equal(spool_files_fresh(r->fd, &fresh), 0);
    assert_int_equal(fresh, 0);
    assert_int_equal(spool_files_put_fresh(r->fd, UINT64_MAX - 1), 0);
    assert_int_equal(spool_files_fresh(r->fd, &fresh), 0);
    assert_true(fresh == UINT64_MAX - 1);
}

struct seen {
    uint64_t first[4];
    size_t n;
    int rc;
};

static int note(void *arg, uint64_t first, size_t size)
{
    struct seen *s = arg;

    assert_true(s->n < AMO_COUNT(s->first));
    assert_int_equal(size, 3);
    s->first[s->n++] = first;
    return s->rc;
}

static void segments_are_walked_in_the_order_of_their_numbers(void **state)
{
    struct rig *r = *state;
    struct seen s = {0};
    uint64_t n_kept = 0;

    put(r, "00000000000000000012.seg", VIEW_LIT("abc"));
    put(r, "00000000000000000007.seg", VIEW_LIT("abc"));
    put(r, "00000000000000000007.bad", VIEW_LIT("abc"));
    put(r, "9.seg", VIEW_LIT("abc")); /* not as we name them */
    put(r, "x.seg", VIEW_LIT("abc"));
    assert_int_equal(spool_files_each(r->fd, note, &s), 0);
    assert_int_equal(s.n, 2);
    assert_true(s.first[0] == 7 && s.first[1] == 12);
    assert_int_equal(spool_files_count_kept(r->fd, &n_kept), 0);
    assert_int_equal(n_kept, 1);
    s = (struct seen){.rc = -EIO};
    assert_int_equal(spool_files_each(r->fd, note, &s), -EIO);
    assert_int_equal(s.n, 1);
}

static int walk(void *arg)
{
    const struct rig *r = arg;
    struct seen s = {0};
    int rc = spool_files_each(r->fd, note, &s);

    assert_true(rc != 0 || s.n == 2); /* all of them or an error */
    return rc;
}

static void without_memory_no_segment_is_left_out(void **state)
{
    struct rig *r = *state;

    put(r, "00000000000000000012.seg", VIEW_LIT("abc"));
    put(r, "00000000000000000007.seg", VIEW_LIT("abc"));
    testing_fail_each_allocation(walk, r);
}

/* Source: RFC 3720, B.4, the CRC examples. */
static void the_check_sum_is_the_one_of_the_standard(void **state)
{
    unsigned char bytes[32];
    uint32_t whole = 0;

    (void)state;
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(crc32c(0, bytes, 32), 0x8a9136aaU);
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(crc32c(0, bytes, 32), 0x62a8ab43U);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)i;
    whole = crc32c(0, bytes, 32);
    assert_int_equal(whole, 0x46dd794eU);
    for (size_t i = 0; i <= 32; i++) /* in parts it is the same */
        assert_int_equal(crc32c(crc32c(0, bytes, i), bytes + i, 32 - i), whole);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(one_process_has_the_folder),
        WITH_RIG(an_id_is_made_once_and_kept),
        WITH_RIG(an_id_that_is_torn_or_empty_is_made_anew),
        WITH_RIG(who_had_the_folder_is_remembered),
        WITH_RIG(a_floor_counts_for_its_own_id_alone),
        WITH_RIG(the_first_number_since_core_was_heard_is_kept),
        WITH_RIG(segments_are_walked_in_the_order_of_their_numbers),
        WITH_RIG(without_memory_no_segment_is_left_out),
        cmocka_unit_test(the_check_sum_is_the_one_of_the_standard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
