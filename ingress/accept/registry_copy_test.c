/* The registry of ingress and its copy on disk: what is in force, what a start finds again, and what a
 * damaged file or a lack of memory costs. */

#include "ingress/accept/registry_copy.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/testing.h"
#include "proto/pack.h"
#include "proto/registry.h"

#define SECRET "a secret of the channel"

struct rig {
    char dir[32];
    struct registry_copy *copy;
};

static int begin(void **state)
{
    struct rig *r = mem_zalloc(sizeof(*r));

    assert_non_null(r);
    (void)snprintf(r->dir, sizeof(r->dir), "copy.XXXXXX"); /* fits */
    assert_non_null(mkdtemp(r->dir));
    assert_int_equal(registry_copy_open(r->dir, &r->copy), 0);
    *state = r;
    return 0;
}

static void path_of(const struct rig *r, const char *name, char ret[64])
{
    (void)snprintf(ret, 64, "%s/%s", r->dir, name); /* fits */
}

static int end(void **state)
{
    struct rig *r = *state;
    char path[64];

    registry_copy_close(r->copy);
    path_of(r, "registry.sealed", path);
    (void)unlink(path); /* it need not be there */
    path_of(r, "registry.key", path);
    (void)unlink(path);
    assert_int_equal(rmdir(r->dir), 0); /* and nothing else is */
    mem_free(r);
    return 0;
}

static void bytes_of(uint64_t version, size_t n_channels, struct buf *out)
{
    struct registry *r = NULL;

    buf_init(out, 1 << 16);
    assert_int_equal(registry_new(&r), 0);
    r->version = version;
    for (size_t i = 0; i < n_channels; i++) {
        struct reg_channel *c = registry_add_channel(r);

        c->id = mem_strdup("ch");
        assert_int_equal(secret_init(&c->secrets[0], view_of(SECRET)), 0);
    }
    assert_int_equal(registry_encode(r, ROLE_INGRESS, out), 0);
    registry_free(r);
}

static int update(struct rig *r, uint64_t version, size_t n_channels)
{
    struct buf bytes;
    int rc = 0;

    bytes_of(version, n_channels, &bytes);
    rc = registry_copy_update(r->copy, buf_view(&bytes));
    buf_fini(&bytes);
    return rc;
}

static void again(struct rig *r)
{
    registry_copy_close(r->copy);
    r->copy = NULL;
    assert_int_equal(registry_copy_open(r->dir, &r->copy), 0);
}

/* One byte of the file is another one. */
static void damage(const struct rig *r, const char *name, off_t at)
{
    char path[64];
    char byte = 0;
    int fd = -1;

    path_of(r, name, path);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (char)(byte ^ 1);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    assert_int_equal(close(fd), 0);
}

static void a_registry_is_found_again_by_the_next_start(void **state)
{
    struct rig *r = *state;

    assert_null(registry_copy_get(r->copy));
    assert_int_equal(registry_copy_version(r->copy), 0);
    assert_int_equal(update(r, 7, 1), 0);
    assert_int_equal(registry_copy_version(r->copy), 7);
    again(r);
    assert_int_equal(registry_copy_version(r->copy), 7);
    assert_true(
        view_is(secret_view(&registry_copy_get(r->copy)->channels[0].secrets[0]), SECRET));
    assert_false(registry_copy_tidy(r->copy)); /* there is nothing to make up for */
}

static void secrets_do_not_stand_in_the_file(void **state)
{
    struct rig *r = *state;
    struct stat st;
    char path[64];

    assert_int_equal(update(r, 1, 1), 0);
    path_of(r, "registry.sealed", path);
    assert_false(testing_file_has(path, SECRET));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    path_of(r, "registry.key", path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 32);
}

static void a_damaged_copy_is_left_aside(void **state)
{
    struct rig *r = *state;

    for (off_t at = 0; at < 60; at += 7) {
        assert_int_equal(update(r, 3, 1), 0);
        damage(r, "registry.sealed", at);
        again(r);
        assert_null(registry_copy_get(r->copy));
    }
    assert_int_equal(update(r, 3, 1), 0); /* core sends it again */
    damage(r, "registry.key", 0);         /* it is another key now */
    again(r);
    assert_null(registry_copy_get(r->copy));
}

static void a_key_that_is_cut_short_is_made_anew(void **state)
{
    struct rig *r = *state;
    char path[64];

    assert_int_equal(update(r, 3, 1), 0);
    path_of(r, "registry.key", path);
    assert_int_equal(truncate(path, 31), 0);
    again(r);
    assert_null(registry_copy_get(r->copy));
    assert_int_equal(update(r, 3, 1), 0);
    again(r);
    assert_int_equal(registry_copy_version(r->copy), 3);
}

static void what_is_no_registry_changes_nothing(void **state)
{
    struct rig *r = *state;

    assert_int_equal(update(r, 3, 1), 0);
    assert_int_equal(registry_copy_update(r->copy, VIEW_LIT("no map")), PACK_E_MALFORMED);
    assert_int_equal(registry_copy_version(r->copy), 3);
}

/* A core with an empty store must not have amo answered 404. */
static void an_empty_registry_counts_only_as_a_newer_one(void **state)
{
    struct rig *r = *state;

    assert_int_equal(update(r, 3, 1), 0);
    assert_int_equal(update(r, 1, 0), 0);
    assert_int_equal(registry_copy_version(r->copy), 3);
    assert_int_equal(update(r, 3, 0), 0);
    assert_int_equal(registry_copy_get(r->copy)->n_channels, 1);
    assert_int_equal(update(r, 4, 0), 0); /* an operator has removed the last one */
    assert_int_equal(registry_copy_get(r->copy)->n_channels, 0);
}

static int opened(void *arg)
{
    const struct rig *r = arg;
    struct registry_copy *c = NULL;
    int rc = registry_copy_open(r->dir, &c);

    if (rc)
        assert_null(c);
    else /* never taken for a folder without a copy */
        assert_int_equal(registry_copy_version(c), 3);
    registry_copy_close(c);
    return rc;
}

static void without_memory_a_copy_is_not_taken_for_none(void **state)
{
    struct rig *r = *state;

    assert_int_equal(update(r, 3, 1), 0);
    testing_fail_each_allocation(opened, r);
}

/* In force or not, there is always one; what is in force and not on disk is written later. */
static void without_memory_an_update_is_made_up_for(void **state)
{
    struct rig *r = *state;
    struct buf bytes;
    uint64_t version = 2;
    unsigned n_unsaved = 0;
    int rc = -ENOMEM;

    assert_int_equal(update(r, 1, 1), 0);
    for (uint64_t n = 1; rc; n++, version++) {
        bytes_of(version, 1, &bytes);
        mem_fail_at(n);
        rc = registry_copy_update(r->copy, buf_view(&bytes));
        mem_fail_at(0);
        buf_fini(&bytes);
        assert_true(rc == 0 || rc == -ENOMEM);
        assert_true(registry_copy_version(r->copy) == version ||
                    (rc && registry_copy_version(r->copy) >= 1));
        if (rc && registry_copy_version(r->copy) == version) {
            n_unsaved++;
            mem_fail_at(1);
            assert_false(registry_copy_tidy(r->copy)); /* still not */
            mem_fail_at(0);
            assert_true(registry_copy_tidy(r->copy));
            again(r);
            assert_int_equal(registry_copy_version(r->copy), version);
        }
    }
    assert_true(n_unsaved > 0);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(a_registry_is_found_again_by_the_next_start),
        WITH_RIG(secrets_do_not_stand_in_the_file),
        WITH_RIG(a_damaged_copy_is_left_aside),
        WITH_RIG(a_key_that_is_cut_short_is_made_anew),
        WITH_RIG(what_is_no_registry_changes_nothing),
        WITH_RIG(an_empty_registry_counts_only_as_a_newer_one),
        WITH_RIG(without_memory_a_copy_is_not_taken_for_none),
        WITH_RIG(without_memory_an_update_is_made_up_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
