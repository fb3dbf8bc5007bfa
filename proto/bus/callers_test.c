/* Lists of users and groups, and libzmq's word of who is at the other end. */

#include "proto/bus/callers.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/testing.h"

static struct caller of(uid_t uid, gid_t gid)
{
    return (struct caller){.known = true, .uid = uid, .gid = gid, .pid = 1};
}

static bool are_among(const char *words, uid_t uid, gid_t gid)
{
    struct callers *c = NULL;
    struct caller who = of(uid, gid);
    struct buf why;
    bool among = false;

    buf_init(&why, 256);
    assert_int_equal(callers_new(words, &why, &c), 0);
    among = callers_have(c, &who);
    callers_free(c);
    buf_fini(&why);
    return among;
}

static void no_list_is_the_own_user_and_root(void **state)
{
    (void)state;
    assert_true(are_among("", geteuid(), 77));
    assert_true(are_among(" , ", geteuid(), 77));
    assert_true(are_among("", 0, 0));
    assert_false(are_among("", geteuid() + 1, getegid()));
}

static void users_and_groups_are_known_by_name_and_by_number(void **state)
{
    (void)state;
    assert_true(are_among("daemon, 4242", 4242, 1));
    assert_true(are_among("daemon,4242", 1, 77));
    assert_true(are_among("%daemon", 4242, 1));
    assert_true(are_among("4242, %77", 5, 77));
    assert_true(are_among("4242", 0, 77)); /* root */
    assert_false(are_among("4242", 77, 4242));
    assert_false(are_among("%4242", 4242, 77));
    assert_false(are_among("4242", geteuid() + 1, 77));
}

static void whom_the_system_does_not_know_is_an_error_with_its_name(void **state)
{
    static const char *const words[] = {"4242, no-such-user", "%no-such-group", "-1",
                                        "4294967295", "%"};
    struct callers *c = NULL;
    struct buf why;

    (void)state;
    buf_init(&why, 256);
    for (size_t i = 0; i < AMO_COUNT(words); i++) {
        buf_reset(&why);
        assert_int_equal(callers_new(words[i], &why, &c), -EINVAL);
        assert_true(view_starts(buf_view(&why), "no such "));
    }
    buf_fini(&why);
}

static void a_list_without_end_is_refused(void **state)
{
    struct callers *c = NULL;
    struct buf words;
    struct buf why;

    (void)state;
    buf_init(&words, 1 << 16);
    buf_init(&why, 256);
    for (int i = 0; i < 400; i++)
        assert_int_equal(buf_add_f(&words, "%d,", 1000 + i), 0);
    assert_int_equal(callers_new(buf_str(&words), &why, &c), -EINVAL);
    buf_fini(&why);
    buf_fini(&words);
}

static void who_is_not_told_is_nobody(void **state)
{
    static const char *const words[] = {"",
                                        "localhost",
                                        "1:2",
                                        ":1:2",
                                        "a:b:c:d",
                                        "x:1:2:-3",
                                        "x:1:2:3 ",
                                        "x:1::3",
                                        "x:4294967296:1:1",
                                        "x:1:1:4294967295"};
    struct caller who = caller_parse(NULL);

    (void)state;
    assert_false(who.known);
    for (size_t i = 0; i < AMO_COUNT(words); i++) {
        who = caller_parse(words[i]);
        assert_true(!who.known || strcmp(words[i], ":1:2") == 0);
    }
    who = caller_parse("localhost:12:34:56");
    assert_true(who.known && who.uid == 12 && who.gid == 34 && who.pid == 56);
}

static void not_even_root_is_believed_unknown(void **state)
{
    struct callers *c = NULL;
    struct caller who = {0};
    struct buf why;

    (void)state;
    buf_init(&why, 256);
    assert_int_equal(callers_new("0", &why, &c), 0);
    assert_false(callers_have(c, &who));
    callers_free(c);
    buf_fini(&why);
}

static int make_list(void *arg)
{
    struct callers *c = NULL;
    struct buf why;
    int rc = 0;

    (void)arg;
    buf_init(&why, 256);
    rc = callers_new("4242, %daemon", &why, &c);
    callers_free(c);
    buf_fini(&why);
    return rc;
}

static void without_memory_there_is_no_list(void **state)
{
    (void)state;
    testing_fail_each_allocation(make_list, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_list_is_the_own_user_and_root),
        cmocka_unit_test(users_and_groups_are_known_by_name_and_by_number),
        cmocka_unit_test(whom_the_system_does_not_know_is_an_error_with_its_name),
        cmocka_unit_test(a_list_without_end_is_refused),
        cmocka_unit_test(who_is_not_told_is_nobody),
        cmocka_unit_test(not_even_root_is_believed_unknown),
        cmocka_unit_test(without_memory_there_is_no_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
