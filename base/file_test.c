#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/testing.h"

static char dir[] = "/tmp/amo-file-test-XXXXXX";
static char path[64];
static char fresh[64];

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    (void)snprintf(path, sizeof(path), "%s/key", dir);
    (void)snprintf(fresh, sizeof(fresh), "%s/key.new", dir);
    return 0;
}

static int clear(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(fresh);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(dir);
}

static void a_file_is_made_once_and_replaced_when_asked(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(file_create(path, VIEW_LIT("one")), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(file_create(path, VIEW_LIT("two")), -EEXIST);
    assert_true(testing_file_has(path, "one"));
    assert_int_equal(file_replace(path, VIEW_LIT("three")), 0);
    assert_true(testing_file_has(path, "three"));
    assert_int_equal(access(fresh, F_OK), -1);
}

static void what_an_interrupted_try_left_is_no_hindrance(void **state)
{
    int fd = open(fresh, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "half of a longer text", 21), 21);
    assert_int_equal(close(fd), 0);
    assert_int_equal(file_create(path, VIEW_LIT("whole")), 0);
    assert_true(testing_file_has(path, "whole"));
    assert_false(testing_file_has(path, "longer"));
}

static void a_disk_without_room_leaves_nothing_under_the_name(void **state)
{
    struct rlimit was;
    struct rlimit none;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    none = (struct rlimit){2, was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    assert_true(file_create(path, VIEW_LIT("too long")) < 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(file_create(path, VIEW_LIT("fits")), 0);
}

static void a_folder_that_is_not_there_is_said(void **state)
{
    (void)state;
    assert_int_equal(file_create("/tmp/amo-no-such-folder/key", VIEW_LIT("x")), -ENOENT);
    assert_int_equal(file_flush_parent("/tmp/amo-no-such-folder/key"), -ENOENT);
    assert_int_equal(file_flush_parent("key"), 0);
}

static void a_file_is_read_whole_up_to_what_the_buffer_holds(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 16384);
    assert_int_equal(file_read(path, &out), -ENOENT);
    assert_int_equal(file_create(path, VIEW_LIT("two\0parts")), 0);
    assert_int_equal(file_read(path, &out), 0);
    assert_true(view_equal(buf_view(&out), VIEW_LIT("two\0parts")));
    assert_int_equal(file_read(path, &out), 0); /* appended */
    assert_int_equal(out.len, 18);
    assert_int_equal(file_read("/", &out), -EISDIR);
    assert_int_equal(file_read_fd(-1, &out), -EBADF);
    assert_int_equal(file_read("/dev/zero", &out), -ENOSPC);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_file_is_made_once_and_replaced_when_asked, clear),
        cmocka_unit_test_teardown(what_an_interrupted_try_left_is_no_hindrance, clear),
        cmocka_unit_test_teardown(a_disk_without_room_leaves_nothing_under_the_name, clear),
        cmocka_unit_test(a_folder_that_is_not_there_is_said),
        cmocka_unit_test_teardown(a_file_is_read_whole_up_to_what_the_buffer_holds, clear),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
