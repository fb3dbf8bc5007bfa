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
    static const char *const files[] = {"repeat.log", "repeat.old", "webhook.log",
                                        "webhook.old"};

    for (size_t i = 0; i < AMO_COUNT(files); i++) {
        path_of(files[i], path);
        (void)unlink(path);
    }
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

/* One connector has half of the places: as many as it leaves free. */
static void the_index_is_bounded_and_the_oldest_go_first(void **state)
{
    struct repeat *r = open_at(NOW);
    const unsigned share = LIMIT_REPEAT_ENTRIES / 2;
    const unsigned n = share + 1000;

    (void)state;
    for (unsigned k = 0; k < n; k++) {
        struct repeat_entry e = {.at_ms = NOW};

        memcpy(e.key, &k, sizeof(k)); /* neighbours in the table: the worst case */
        assert_int_equal(repeat_add(r, &e), 0);
    }
    assert_int_equal(repeat_count(r), share);
    for (unsigned k = 0; k < n; k += 97) {
        struct repeat_entry e = {.at_ms = NOW};

        memcpy(e.key, &k, sizeof(k));
        assert_int_equal(repeat_check(r, &e), k < 1000 ? 0 : REPEAT_E_SAME);
    }
    repeat_confirm(r, n + 1);
    assert_int_equal(repeat_sync(r), 0);
    repeat_close(r);
    r = open_at(NOW);
    assert_int_equal(repeat_count(r), share);
    repeat_close(r);
}

static struct repeat_entry of_owner(uint16_t owner, unsigned k, int64_t at_ms)
{
    struct repeat_entry e = {.at_ms = at_ms, .owner = owner, .webhook = true};
    uint64_t key =
        (k + ((uint64_t)owner << 32)) * UINT64_C(0x9E3779B97F4A7C15); /* as digests lie */

    memcpy(e.key, &key, sizeof(key));
    return e;
}

static int check_owner(struct repeat *r, uint16_t owner, unsigned k, int64_t at_ms)
{
    struct repeat_entry e = of_owner(owner, k, at_ms);

    return repeat_check(r, &e);
}

static void add_owner(struct repeat *r, uint16_t owner, unsigned k, int64_t at_ms)
{
    struct repeat_entry e = of_owner(owner, k, at_ms);

    assert_int_equal(repeat_add(r, &e), 0);
}

static void a_loud_connector_makes_nobody_elses_be_forgotten(void **state)
{
    struct repeat *r = NULL;
    const unsigned n = 4 * LIMIT_WEBHOOK_IDS;
    unsigned key = 0;

    (void)state;
    assert_int_equal(repeat_open_webhooks(dir, NOW, &r), 0);
    for (unsigned k = 0; k < 100; k++)
        add_owner(r, 1, k, NOW);
    for (unsigned k = 0; k < n; k++) {
        add_owner(r, 2, k, NOW + k / 1000);
        if (k % 4096 == 0) { /* as turns go */
            repeat_confirm(r, ++key);
            assert_int_equal(repeat_sync(r), 0);
        }
    }
    for (unsigned k = 0; k < 100; k++)
        assert_int_equal(check_owner(r, 1, k, NOW), REPEAT_E_SAME);
    assert_true(repeat_count(r) < LIMIT_WEBHOOK_IDS);
    repeat_confirm(r, ++key);
    assert_int_equal(repeat_sync(r), 0);
    repeat_close(r);
    /* … nor after a restart, though the log has turned several times */
    assert_int_equal(repeat_open_webhooks(dir, NOW, &r), 0);
    for (unsigned k = 0; k < 100; k++)
        assert_int_equal(check_owner(r, 1, k, NOW), REPEAT_E_SAME);
    assert_int_equal(check_owner(r, 2, n - 1, NOW + (n - 1) / 1000), REPEAT_E_SAME);
    repeat_close(r);
}

static void what_may_have_been_forgotten_is_not_taken_for_new(void **state)
{
    struct repeat *r = NULL;

    (void)state;
    assert_int_equal(repeat_open_webhooks(dir, NOW, &r), 0);
    for (unsigned k = 0; k < LIMIT_WEBHOOK_IDS; k++)
        add_owner(r, 2, k, NOW + k);
    assert_int_equal(check_owner(r, 2, 0, NOW), REPEAT_E_STALE);
    assert_int_equal(check_owner(r, 2, LIMIT_WEBHOOK_IDS, NOW), REPEAT_E_STALE);
    assert_int_equal(check_owner(r, 1, 0, NOW), 0);
    assert_int_equal(check_owner(r, 2, LIMIT_WEBHOOK_IDS, NOW + LIMIT_WEBHOOK_IDS), 0);
    /* the clock was ahead when they came, and has been set back */
    assert_int_equal(check_owner(r, 2, 0, NOW - 2 * LIMIT_WEBHOOK_ID_MS), 0);
    repeat_close(r);
}

static void the_two_indexes_do_not_meet(void **state)
{
    const struct repeat_name id = {REPEAT_MESSAGE_ID, VIEW_LIT("1"), VIEW_NONE};
    const struct repeat_name webhook = {REPEAT_WEBHOOK, VIEW_LIT("1"), VIEW_NONE};
    unsigned char aux[2 * REPEAT_AUX_LEN];
    struct repeat_entry e[2];
    struct repeat *ids = open_at(NOW);
    struct repeat *hooks = NULL;

    (void)state;
    assert_int_equal(repeat_open_webhooks(dir, NOW, &hooks), 0);
    assert_int_equal(repeat_entry_make(VIEW_LIT("c"), &id, VIEW_LIT("b"), NOW, &e[0]), 0);
    assert_int_equal(repeat_entry_make(VIEW_LIT("c"), &webhook, VIEW_LIT("b"), NOW, &e[1]), 0);
    repeat_entry_encode(&e[0], aux);
    repeat_entry_encode(&e[1], aux + REPEAT_AUX_LEN);
    assert_int_equal(repeat_learn(ids, 1, view_make(aux, sizeof(aux))), 0);
    assert_int_equal(repeat_learn(hooks, 1, view_make(aux, sizeof(aux))), 0);
    assert_int_equal(repeat_count(ids), 1);
    assert_int_equal(repeat_count(hooks), 1);
    assert_int_equal(repeat_check(ids, &e[0]), REPEAT_E_SAME);
    assert_int_equal(repeat_check(hooks, &e[1]), REPEAT_E_SAME);
    assert_int_equal(repeat_check(ids, &e[1]), 0);
    repeat_close(ids);
    repeat_close(hooks);
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

static void an_entry_renamed_is_the_one_made_under_that_name(void **state)
{
    const struct repeat_name first = {REPEAT_WEBHOOK, VIEW_LIT("w"), VIEW_NONE};
    const struct repeat_name second = {REPEAT_KEYED_ID, VIEW_LIT("7"), VIEW_LIT("m")};
    unsigned char expected[REPEAT_AUX_LEN];
    unsigned char got[REPEAT_AUX_LEN];
    struct repeat_entry made;
    struct repeat_entry e;

    (void)state;
    assert_int_equal(repeat_entry_make(VIEW_LIT("c"), &second, VIEW_LIT("body"), NOW, &made),
                     0);
    assert_int_equal(repeat_entry_make(VIEW_LIT("c"), &first, VIEW_LIT("body"), NOW, &e), 0);
    assert_int_equal(repeat_entry_rename(VIEW_LIT("c"), &second, &e), 0);
    repeat_entry_encode(&made, expected);
    repeat_entry_encode(&e, got);
    assert_memory_equal(got, expected, REPEAT_AUX_LEN);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_different_kinds_never_meet),
        cmocka_unit_test(an_entry_renamed_is_the_one_made_under_that_name),
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
        TEST(a_loud_connector_makes_nobody_elses_be_forgotten),
        TEST(what_may_have_been_forgotten_is_not_taken_for_new),
        TEST(the_two_indexes_do_not_meet),
        TEST(without_memory_nothing_breaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
