#include "ingress/spool/repeat.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/testing.h"
#include "proto/limits.h"

static char dir[64];

#define NOW 1767225600000LL

static int begin(void **state)
{
    static int n;

    (void)state;
    (void)snprintf(dir, sizeof(dir), "repeat-%d-%d", (int)getpid(), n++);
    return mkdir(dir, 0700);
}

static void path_of(const char *name, char ret[128])
{
    (void)snprintf(ret, 128, "%s/%s", dir, name);
}

static int end(void **state)
{
    char path[128];

    (void)state;
    path_of("repeat.log", path);
    (void)unlink(path);
    path_of("repeat.old", path);
    (void)unlink(path);
    return rmdir(dir);
}

static struct repeat *open_at(int64_t now_ms)
{
    struct repeat *r = NULL;

    assert_int_equal(repeat_open(dir, now_ms, &r), 0);
    return r;
}

static struct repeat_entry entry(unsigned key, const char *body, int64_t now_ms)
{
    struct repeat_entry e;
    char text[16];

    (void)snprintf(text, sizeof(text), "%u", key);
    assert_int_equal(
        repeat_entry_make(VIEW_LIT("c"),
                          &(struct repeat_name){REPEAT_MESSAGE_ID, view_of(text), VIEW_NONE},
                          view_of(body), now_ms, &e),
        0);
    return e;
}

static int check(struct repeat *r, unsigned key, const char *body, int64_t now_ms)
{
    struct repeat_entry e = entry(key, body, now_ms);

    return repeat_check(r, &e);
}

static void add(struct repeat *r, unsigned key, int64_t now_ms)
{
    struct repeat_entry e = entry(key, "body", now_ms);

    assert_int_equal(repeat_check(r, &e), 0);
    assert_int_equal(repeat_add(r, &e), 0);
}

static void a_repeat_is_known_by_key_and_body(void **state)
{
    struct repeat *r = open_at(NOW);
    struct repeat_entry a;
    struct repeat_entry b;

    (void)state;
    assert_int_equal(check(r, 1, "body", NOW), 0);
    add(r, 1, NOW);
    assert_int_equal(check(r, 1, "body", NOW + 5), REPEAT_E_SAME);
    assert_int_equal(check(r, 1, "other", NOW + 5), REPEAT_E_OTHER);
    assert_int_equal(check(r, 2, "body", NOW + 5), 0);
    /* connector and key do not run into each other */
    assert_int_equal(
        repeat_entry_make(VIEW_LIT("ab"),
                          &(struct repeat_name){REPEAT_MESSAGE_ID, VIEW_LIT("c"), VIEW_NONE},
                          VIEW_LIT(""), 0, &a),
        0);
    assert_int_equal(
        repeat_entry_make(VIEW_LIT("a"),
                          &(struct repeat_name){REPEAT_MESSAGE_ID, VIEW_LIT("bc"), VIEW_NONE},
                          VIEW_LIT(""), 0, &b),
        0);
    assert_memory_not_equal(a.key, b.key, sizeof(a.key));
    repeat_close(r);
}

static void after_a_day_it_is_new_again(void **state)
{
    struct repeat *r = open_at(NOW);

    (void)state;
    add(r, 1, NOW);
    add(r, 2, NOW + 10);
    assert_int_equal(check(r, 1, "body", NOW + LIMIT_REPEAT_MS), REPEAT_E_SAME);
    assert_int_equal(check(r, 1, "body", NOW + LIMIT_REPEAT_MS + 1), 0);
    assert_int_equal(repeat_count(r), 1);
    assert_int_equal(check(r, 2, "body", NOW + LIMIT_REPEAT_MS + 1), REPEAT_E_SAME);
    repeat_close(r);
}

static void a_key_tells_when_it_first_came(void **state)
{
    struct repeat *r = open_at(NOW);
    int64_t at_ms = 0;

    (void)state;
    add(r, 1, NOW);
    assert_int_equal(
        repeat_find(r, VIEW_LIT("c"),
                    &(struct repeat_name){REPEAT_MESSAGE_ID, VIEW_LIT("1"), VIEW_NONE}, NOW + 5,
                    &at_ms),
        0);
    assert_true(at_ms == NOW);
    assert_int_equal(
        repeat_find(r, VIEW_LIT("c"),
                    &(struct repeat_name){REPEAT_MESSAGE_ID, VIEW_LIT("2"), VIEW_NONE}, NOW,
                    &at_ms),
        REPEAT_E_UNKNOWN);
    assert_int_equal(
        repeat_find(r, VIEW_LIT("d"),
                    &(struct repeat_name){REPEAT_MESSAGE_ID, VIEW_LIT("1"), VIEW_NONE}, NOW,
                    &at_ms),
        REPEAT_E_UNKNOWN);
    assert_int_equal(
        repeat_find(r, VIEW_LIT("c"),
                    &(struct repeat_name){REPEAT_MESSAGE_ID, VIEW_LIT("1"), VIEW_NONE},
                    NOW + LIMIT_REPEAT_MS + 1, &at_ms),
        REPEAT_E_UNKNOWN);
    repeat_close(r);
}

static void only_confirmed_entries_reach_the_log(void **state)
{
    struct repeat *r = open_at(NOW);

    (void)state;
    add(r, 1, NOW);
    repeat_confirm(r, 8);
    add(r, 2, NOW); /* its event is not flushed */
    assert_int_equal(repeat_sync(r), 0);
    repeat_close(r);
    r = open_at(NOW);
    assert_int_equal(repeat_known_to(r), 7);
    assert_int_equal(check(r, 1, "body", NOW), REPEAT_E_SAME);
    assert_int_equal(check(r, 1, "x", NOW), REPEAT_E_OTHER);
    assert_int_equal(check(r, 2, "body", NOW), 0);
    repeat_close(r);
}

static void the_log_forgets_what_is_a_day_old(void **state)
{
    struct repeat *r = open_at(NOW);

    (void)state;
    add(r, 1, NOW);
    add(r, 2, NOW + LIMIT_REPEAT_MS / 2);
    repeat_confirm(r, 3);
    assert_int_equal(repeat_sync(r), 0);
    repeat_close(r);
    r = open_at(NOW + LIMIT_REPEAT_MS + 1);
    assert_int_equal(repeat_count(r), 1);
    repeat_close(r);
}

static void a_torn_log_is_good_up_to_the_tear_and_goes_on_from_there(void **state)
{
    char path[128];
    struct stat st;

    (void)state;
    path_of("repeat.log", path);
    for (off_t cut = 0; cut < 80; cut++) {
        struct repeat *r = open_at(NOW);

        for (unsigned k = 0; k < 5; k++)
            add(r, k, NOW);
        repeat_confirm(r, 6);
        assert_int_equal(repeat_sync(r), 0);
        repeat_close(r);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(truncate(path, st.st_size - cut), 0);
        r = open_at(NOW);
        assert_int_equal(repeat_count(r), cut <= 40 ? 5 : 4);
        assert_int_equal(repeat_known_to(r), cut == 0 ? 5 : 0);
        add(r, 9, NOW);
        repeat_confirm(r, 9);
        assert_int_equal(repeat_sync(r), 0);
        repeat_close(r);
        r = open_at(NOW);
        assert_int_equal(check(r, 9, "body", NOW), REPEAT_E_SAME);
        assert_int_equal(repeat_known_to(r), 8);
        repeat_close(r);
        assert_int_equal(unlink(path), 0);
    }
}

static void a_damaged_row_ends_the_log(void **state)
{
    struct repeat *r = open_at(NOW);
    char path[128];
    int fd = -1;

    (void)state;
    for (unsigned k = 0; k < 5; k++)
        add(r, k, NOW);
    repeat_confirm(r, 6);
    assert_int_equal(repeat_sync(r), 0);
    repeat_close(r);
    path_of("repeat.log", path);
    fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, "?", 1, 2 * 40 + 20), 1);
    (void)close(fd);
    r = open_at(NOW);
    assert_int_equal(repeat_count(r), 2);
    assert_int_equal(repeat_known_to(r), 0); /* so the spool is read */
    repeat_close(r);
}

static void the_log_turns_over_and_old_entries_stay_known(void **state)
{
    struct repeat *r = open_at(NOW);
    char path[128];
    struct stat st;

    (void)state;
    add(r, 1, NOW);
    repeat_confirm(r, 2);
    assert_int_equal(repeat_sync(r), 0);
    add(r, 2, NOW + LIMIT_REPEAT_MS - 10);
    repeat_confirm(r, 3);
    assert_int_equal(repeat_sync(r), 0);
    add(r, 3, NOW + LIMIT_REPEAT_MS + 10);
    repeat_confirm(r, 4);
    assert_int_equal(repeat_sync(r), 0);
    repeat_close(r);
    path_of("repeat.old", path);
    assert_int_equal(stat(path, &st), 0);
    r = open_at(NOW + LIMIT_REPEAT_MS + 20);
    assert_int_equal(check(r, 1, "body", NOW + LIMIT_REPEAT_MS + 20), 0);
    assert_int_equal(check(r, 2, "body", NOW + LIMIT_REPEAT_MS + 20), REPEAT_E_SAME);
    assert_int_equal(check(r, 3, "body", NOW + LIMIT_REPEAT_MS + 20), REPEAT_E_SAME);
    assert_int_equal(repeat_known_to(r), 3);
    repeat_close(r);
}

/* No descriptor can be had while this is on. */
static void starve(bool on)
{
    static struct rlimit before;
    struct rlimit none;

    if (on) {
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = before;
        none.rlim_cur = 0;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    } else {
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    }
}

static void a_turn_of_the_log_that_fails_half_way_is_made_up_for(void **state)
{
    struct repeat *r = open_at(NOW);
    char log[128];
    char old[128];

    (void)state;
    add(r, 1, NOW);
    repeat_confirm(r, 2);
    assert_int_equal(repeat_sync(r), 0);
    add(r, 2, NOW + LIMIT_REPEAT_MS + 1); /* the log is due */
    repeat_confirm(r, 3);
    starve(true);
    assert_int_equal(repeat_sync(r), 0); /* kept all the same */
    starve(false);
    add(r, 3, NOW + LIMIT_REPEAT_MS + 2);
    repeat_confirm(r, 4);
    path_of("repeat.log", log);
    path_of("repeat.old", old);
    assert_int_equal(rename(log, old), 0); /* as if only the first of two steps had been done */
    assert_int_equal(repeat_sync(r), 0);
    assert_int_equal(access(log, F_OK), 0);
    add(r, 4, NOW + LIMIT_REPEAT_MS + 3);
    repeat_confirm(r, 5);
    assert_int_equal(repeat_sync(r), 0);
    repeat_close(r); /* as a crash */
    assert_int_equal(rename(log, old), 0);
    r = open_at(NOW + LIMIT_REPEAT_MS + 4); /* and a start in the middle of the next turn */
    assert_int_equal(check(r, 4, "body", NOW + LIMIT_REPEAT_MS + 4), REPEAT_E_SAME);
    repeat_close(r);
}

static void what_the_spool_says_is_learnt_once(void **state)
{
    struct repeat *r = open_at(NOW);
    struct repeat_entry e = entry(1, "body", NOW);
    unsigned char aux[REPEAT_AUX_LEN];

    (void)state;
    repeat_entry_encode(&e, aux);
    assert_int_equal(repeat_learn(r, 1, view_make(aux, sizeof(aux))), 0);
    assert_int_equal(repeat_learn(r, 2, view_make(aux, sizeof(aux))), 0);
    assert_int_equal(repeat_learn(r, 3, VIEW_LIT("")), 0);
    assert_int_equal(repeat_learn(r, 3, VIEW_LIT("another use of aux")), 0);
    assert_int_equal(repeat_count(r), 1);
    assert_int_equal(check(r, 1, "body", NOW), REPEAT_E_SAME);
    repeat_close(r);
}

static void the_index_is_bounded_and_the_oldest_go_first(void **state)
{
    struct repeat *r = open_at(NOW);
    const unsigned n = LIMIT_REPEAT_ENTRIES + 1000;

    (void)state;
    for (unsigned k = 0; k < n; k++) {
        struct repeat_entry e = {.at_ms = NOW};

        memcpy(e.key, &k, sizeof(k)); /* neighbours in the table: the worst case */
        assert_int_equal(repeat_add(r, &e), 0);
    }
    assert_int_equal(repeat_count(r), LIMIT_REPEAT_ENTRIES);
    for (unsigned k = 0; k < n; k += 97) {
        struct repeat_entry e = {.at_ms = NOW};

        memcpy(e.key, &k, sizeof(k));
        assert_int_equal(repeat_check(r, &e), k < 1000 ? 0 : REPEAT_E_SAME);
    }
    repeat_confirm(r, n + 1);
    assert_int_equal(repeat_sync(r), 0);
    repeat_close(r);
    r = open_at(NOW);
    assert_int_equal(repeat_count(r), LIMIT_REPEAT_ENTRIES);
    repeat_close(r);
}

static int whole_life(void *arg)
{
    struct repeat *r = NULL;
    int rc = repeat_open(dir, NOW, &r);

    (void)arg;
    for (unsigned k = 0; rc == 0 && k < 200; k++) {
        struct repeat_entry e = {.at_ms = NOW};

        memcpy(e.key, &k, sizeof(k));
        rc = repeat_check(r, &e) == REPEAT_E_SAME ? 0 : repeat_add(r, &e);
    }
    if (rc == 0) {
        struct repeat_entry e = {.at_ms = NOW};

        rc = repeat_entry_make(
            VIEW_LIT("c"), &(struct repeat_name){REPEAT_MESSAGE_ID, VIEW_LIT("k"), VIEW_NONE},
            VIEW_LIT("b"), NOW, &e);
        rc = rc ? rc : repeat_add(r, &e);
        repeat_confirm(r, 300);
        rc = rc ? rc : repeat_sync(r);
    }
    repeat_close(r);
    return rc;
}

static int fresh_life(void *arg)
{
    char path[128];

    path_of("repeat.log", path);
    (void)unlink(path);
    return whole_life(arg);
}

static void without_memory_nothing_breaks(void **state)
{
    (void)state;
    testing_fail_each_allocation(fresh_life, NULL);
}

static void names_of_different_kinds_never_meet(void **state)
{
    const struct repeat_name names[] = {
        {REPEAT_MESSAGE_ID,  VIEW_LIT("7"),   VIEW_NONE      },
        {REPEAT_MESSAGE_KEY, VIEW_LIT("7"),   VIEW_NONE      },
        {REPEAT_BEFORE,      VIEW_LIT("7"),   VIEW_NONE      },
        {REPEAT_EDIT_KEY,    VIEW_LIT("7"),   VIEW_LIT("m")  },
        {REPEAT_EDIT_KEY,    VIEW_LIT("7"),   VIEW_LIT("n")  },
        {REPEAT_EDIT_KEY,    VIEW_LIT("b c"), VIEW_LIT("a")  },
        {REPEAT_EDIT_KEY,    VIEW_LIT("c"),   VIEW_LIT("a b")},
        {REPEAT_BEFORE,      VIEW_LIT("7"),   VIEW_LIT("m")  },
    };
    struct repeat_entry e[AMO_COUNT(names)];

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(names); i++) {
        assert_int_equal(repeat_entry_make(VIEW_LIT("c"), &names[i], VIEW_LIT(""), 0, &e[i]),
                         0);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(e[i].key, e[j].key, REPEAT_KEY_LEN);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_different_kinds_never_meet),
        TEST(a_repeat_is_known_by_key_and_body),
        TEST(after_a_day_it_is_new_again),
        TEST(a_key_tells_when_it_first_came),
        TEST(only_confirmed_entries_reach_the_log),
        TEST(the_log_forgets_what_is_a_day_old),
        TEST(a_torn_log_is_good_up_to_the_tear_and_goes_on_from_there),
        TEST(a_damaged_row_ends_the_log),
        TEST(the_log_turns_over_and_old_entries_stay_known),
        TEST(a_turn_of_the_log_that_fails_half_way_is_made_up_for),
        TEST(what_the_spool_says_is_learnt_once),
        TEST(the_index_is_bounded_and_the_oldest_go_first),
        TEST(without_memory_nothing_breaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
