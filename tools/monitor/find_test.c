#include "tools/monitor/find.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/testing.h"

struct found {
    char names[8][64];
    size_t n;
};

static int on_tap(void *arg, const char *name, const char *path)
{
    struct found *f = arg;

    assert_true(f->n < 8);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(view_copy(view_of(name), f->names[f->n++], 64), 0);
    return 0;
}

static void make_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)unlink(path);
    assert_true(fd >= 0);
    assert_int_equal(view_copy(view_of(path), address.sun_path, sizeof(address.sun_path)), 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(close(fd), 0);
}

static int not_now(void *arg, const char *name, const char *path)
{
    struct found *f = arg;

    (void)name;
    (void)path;
    f->n++;
    return FIND_E_LATER;
}

static void what_is_not_taken_is_found_again(void **state)
{
    struct found found = {.n = 0};
    struct find *f = NULL;

    (void)state;
    (void)mkdir("later", 0700); /* there from an earlier run is fine */
    make_socket("later/tap-core");
    assert_int_equal(find_new("ipc://later/tap", &f), 0);
    assert_int_equal(find_scan(f, not_now, &found), 0);
    assert_int_equal(find_scan(f, not_now, &found), 0);
    assert_int_equal(found.n, 2);
    assert_int_equal(find_count(f), 0);
    found.n = 0;
    assert_int_equal(find_scan(f, on_tap, &found), 0);
    assert_int_equal(find_scan(f, on_tap, &found), 0);
    assert_int_equal(found.n, 1);
    assert_int_equal(find_count(f), 1);
    find_free(f);
}

static void taps_are_found_once_and_new_ones_later(void **state)
{
    struct found found = {.n = 0};
    struct find *f = NULL;
    FILE *plain = NULL;

    (void)state;
    (void)mkdir("taps", 0700); /* there from an earlier run is fine */
    (void)unlink("taps/tap-egress");
    make_socket("taps/tap-core");
    make_socket("taps/events"); /* another socket of the bus */
    make_socket("taps/tap-");   /* no name */
    plain = fopen("taps/tap-plain", "w");
    assert_non_null(plain);
    assert_int_equal(fclose(plain), 0);

    assert_int_equal(find_new("ipc://taps/tap", &f), 0);
    assert_string_equal(find_directory(f), "taps");
    assert_int_equal(find_scan(f, on_tap, &found), 0);
    assert_int_equal(found.n, 1);
    assert_string_equal(found.names[0], "core");
    make_socket("taps/tap-egress");
    assert_int_equal(find_scan(f, on_tap, &found), 0);
    assert_int_equal(found.n, 2);
    assert_string_equal(found.names[1], "egress");
    assert_int_equal(find_count(f), 2);
    find_free(f);
}

static void a_star_stands_for_the_folders_of_all_programs(void **state)
{
    struct found found = {.n = 0};
    struct find *f = NULL;

    (void)state;
    (void)mkdir("apart", 0700); /* there from an earlier run is fine */
    (void)mkdir("apart/core", 0700);
    (void)mkdir("apart/egress", 0700);
    make_socket("apart/core/tap-core");
    make_socket("apart/egress/tap-egress-1");
    assert_int_equal(find_new("ipc://apart/*/tap", &f), 0);
    assert_int_equal(find_scan(f, on_tap, &found), 0);
    assert_int_equal(found.n, 2);
    assert_string_equal(found.names[0], "core");
    assert_string_equal(found.names[1], "egress-1");
    find_free(f);
}

static void a_directory_that_is_not_there_yet_is_no_error(void **state)
{
    struct found found = {.n = 0};
    struct find *f = NULL;

    (void)state;
    assert_int_equal(find_new("ipc://no/such/place/tap", &f), 0);
    assert_int_equal(find_scan(f, on_tap, &found), 0);
    assert_int_equal(find_count(f), 0);
    find_free(f);
}

static void only_ipc_is_spoken(void **state)
{
    struct find *f = NULL;

    (void)state;
    assert_int_equal(find_new("tcp://127.0.0.1:5000", &f), -EPROTONOSUPPORT);
    assert_int_equal(find_new("", &f), -EPROTONOSUPPORT);
}

static void the_directory_is_taken_from_the_endpoint(void **state)
{
    static const char *const endpoints[] = {"ipc:///tap", "ipc://tap", "ipc:///run/amo/tap"};
    static const char *const directories[] = {"/", ".", "/run/amo"};

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(endpoints); i++) {
        struct find *f = NULL;

        assert_int_equal(find_new(endpoints[i], &f), 0);
        assert_string_equal(find_directory(f), directories[i]);
        find_free(f);
    }
}

static int find_case(void *arg)
{
    struct found found = {.n = 0};
    struct find *f = NULL;
    int rc = find_new("ipc://taps/tap", &f);

    (void)arg;
    rc = rc ? rc : find_scan(f, on_tap, &found);
    find_free(f);
    return rc;
}

static void finding_survives_every_failed_allocation(void **state)
{
    (void)state;
    testing_fail_each_allocation(find_case, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taps_are_found_once_and_new_ones_later),
        cmocka_unit_test(what_is_not_taken_is_found_again),
        cmocka_unit_test(a_star_stands_for_the_folders_of_all_programs),
        cmocka_unit_test(a_directory_that_is_not_there_yet_is_no_error),
        cmocka_unit_test(only_ipc_is_spoken),
        cmocka_unit_test(the_directory_is_taken_from_the_endpoint),
        cmocka_unit_test(finding_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
