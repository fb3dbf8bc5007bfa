/* Shares of the spool: who may write how much beside whom, whatever is added, taken and given back. */

#include "ingress/spool/shares.h"

#include <stdio.h>

#include "base/testing.h"
#include "ingress/spool/spool.h"
#include "proto/limits.h"

#define MAX UINT64_C(800000)

static struct shares shares;
static struct held file;

static int begin(void **state)
{
    (void)state;
    file = (struct held){.known = true};
    return shares_init(&shares, 0);
}

static int end(void **state)
{
    (void)state;
    shares_drop(&shares, &file);
    assert_int_equal(shares.bytes[0] + shares.bytes[1], 0);
    assert_int_equal(shares.events[0] + shares.events[1], 0);
    assert_int_equal(shares.n[0] + shares.n[1], 0);
    shares_fini(&shares);
    return 0;
}

static struct spool_writer connector(const char *name)
{
    return (struct spool_writer){.side = SPOOL_CONNECTOR, .name = view_of(name)};
}

static struct spool_writer scope(const char *name)
{
    return (struct spool_writer){.side = SPOOL_AMOJO, .name = view_of(name)};
}

static uint64_t total(void)
{
    return shares.bytes[0] + shares.bytes[1];
}

static void put(struct held *h, struct spool_writer w, uint64_t bytes)
{
    struct share *share = NULL;

    assert_int_equal(shares_find(&shares, h, &w, &share), 0);
    shares_count(&shares, h, share, bytes);
}

static bool may(struct spool_writer w)
{
    return shares_allow(&shares, &w, 1000, total(), MAX);
}

/* Writes as long as it may; how much. */
static uint64_t flood(struct spool_writer w)
{
    uint64_t n = 0;

    for (; may(w); n += 1000)
        put(&file, w, 1000);
    return n;
}

static void nobody_takes_the_room_of_those_who_come_later(void **state)
{
    (void)state;
    /* of 400,000 bytes: a half alone, then a half of what is left */
    assert_in_range(flood(connector("loud")), 199000, 201000);
    assert_in_range(flood(connector("late")), 99000, 101000);
    assert_in_range(flood(connector("later")), 49000, 51000);
    assert_true(may(connector("quiet")));
    /* amojo's half is untouched, and so is its part of the other one */
    assert_in_range(flood(scope("a")), 399000, 450000);
    assert_false(may(connector("quiet")));
    assert_true(may(scope("b")));
}

static void amojo_may_use_all_of_it_and_connectors_give_way(void **state)
{
    struct spool_writer only = scope("only");

    (void)state;
    only.alone = true;
    while (total() < MAX / 2 + MAX / 4)
        put(&file, only, 1000);
    /* an eighth of it is left to them, whatever is in their own half */
    assert_in_range(flood(connector("loud")), 49000, 51000);
    while (total() < MAX - 1000) {
        assert_true(may(only));
        put(&file, only, 1000);
    }
    assert_false(may(connector("other")));
}

static void an_account_that_floods_leaves_room_for_the_others(void **state)
{
    char name[16];

    (void)state;
    assert_in_range(flood(scope("loud")), MAX / 9 * 8 - 2000, MAX / 9 * 8 + 2000);
    assert_true(may(scope("quiet")));
    shares_drop(&shares, &file);
    /* many that write alike are refused only when there is no room */
    for (int i = 0; total() < MAX - 2000; i++) {
        (void)snprintf(name, sizeof(name), "s%d", i % 100); /* fits */
        assert_true(may(scope(name)));
        put(&file, scope(name), 1000);
    }
}

static void what_is_taken_counts_no_more_until_it_is_given_back(void **state)
{
    struct held next = {.known = true};

    (void)state;
    put(&file, connector("a"), 150000);
    put(&next, connector("a"), 50000);
    put(&next, scope("b"), 7000);
    assert_false(may(connector("a")));
    shares_settle(&shares, &file, true);
    shares_settle(&shares, &file, true);
    assert_int_equal(shares.bytes[SPOOL_CONNECTOR], 50000);
    assert_true(may(connector("a")));
    shares_settle(&shares, &file, false);
    assert_int_equal(shares.bytes[SPOOL_CONNECTOR], 200000);
    assert_false(may(connector("a")));
    shares_drop(&shares, &next);
    assert_int_equal(shares.bytes[SPOOL_CONNECTOR], 150000);
    assert_int_equal(shares.bytes[SPOOL_AMOJO], 0);
    /* what is written behind events that are all taken begins anew */
    shares_settle(&shares, &file, true);
    put(&file, connector("a"), 1);
    assert_int_equal(shares.bytes[SPOOL_CONNECTOR], 1);
}

static void small_events_are_bounded_by_their_number(void **state)
{
    struct held second = {.known = true};

    (void)state;
    shares.max_events = 80;
    assert_int_equal(flood(connector("loud")), 40000);
    assert_int_equal(flood(connector("late")), 20000);
    assert_int_equal(flood(connector("later")), 10000);
    /* what is not read yet may all be of one */
    shares.unknown_events = 10;
    assert_false(may(connector("quiet")));
    shares.unknown_events = 0;
    assert_int_equal(flood(connector("quiet")), 5000);
    /* amojo's are not counted in this */
    put(&second, scope("a"), 1000);
    for (int i = 0; i < 200; i++)
        put(&file, scope("a"), 1);
    assert_true(may(scope("a")));
    assert_true(may(connector("another")));
    /* and they come back with their file */
    put(&second, connector("loud"), 1);
    shares_settle(&shares, &file, true);
    assert_int_equal(shares.events[SPOOL_CONNECTOR], 1);
    assert_int_equal(shares.events[SPOOL_AMOJO], 1);
    assert_true(may(connector("loud")));
    shares_settle(&shares, &file, false);
    assert_int_equal(shares.events[SPOOL_CONNECTOR], 76);
    assert_false(may(connector("loud")));
    shares_drop(&shares, &second);
    assert_int_equal(shares.events[SPOOL_CONNECTOR], 75);
}

static void a_file_is_crowded_by_what_connectors_write(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        put(&file, connector("a"), 1);
    assert_false(shares_crowded(&shares, &file)); /* without a limit none is */
    shares_drop(&shares, &file);
    shares.max_events = 80;
    for (int i = 0; i < 100; i++)
        put(&file, scope("a"), 1);
    for (int i = 0; i < 9; i++)
        put(&file, connector(i % 2 ? "a" : "b"), 1);
    assert_false(shares_crowded(&shares, &file));
    put(&file, connector("c"), 1);
    assert_true(shares_crowded(&shares, &file));
    shares_settle(&shares, &file, true);
    put(&file, connector("a"), 1); /* it begins anew */
    assert_false(shares_crowded(&shares, &file));
    shares.max_events = 1;
    assert_true(shares_crowded(&shares, &file));
}

static void those_for_whom_there_is_no_place_share_one(void **state)
{
    char name[16];

    (void)state;
    for (unsigned i = 0; i < LIMIT_SHARES + 10; i++) {
        (void)snprintf(name, sizeof(name), "c%u", i); /* fits */
        put(&file, connector(name), 10000 * (i >= LIMIT_SHARES));
    }
    assert_int_equal(shares.n[SPOOL_CONNECTOR], LIMIT_SHARES);
    assert_true(may(connector("c1")));
    assert_true(may(connector("another"))); /* 100,000 of theirs */
    put(&file, connector("yet-another"), 110000);
    assert_false(may(connector("another")));
    assert_true(may(connector("c1")));
}

static void without_memory_nothing_is_counted(void **state)
{
    struct share *share = NULL;
    struct spool_writer w = connector("a");

    (void)state;
    for (unsigned n = 1;; n++) {
        int rc = 0;

        mem_fail_at(n);
        rc = shares_find(&shares, &file, &w, &share);
        mem_fail_at(0);
        if (rc == 0)
            break;
        assert_int_equal(rc, -ENOMEM);
        assert_int_equal(shares.n[SPOOL_CONNECTOR], 0);
    }
    assert_int_equal(shares.n[SPOOL_CONNECTOR], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody_takes_the_room_of_those_who_come_later, begin,
                                        end),
        cmocka_unit_test_setup_teardown(amojo_may_use_all_of_it_and_connectors_give_way, begin,
                                        end),
        cmocka_unit_test_setup_teardown(an_account_that_floods_leaves_room_for_the_others,
                                        begin, end),
        cmocka_unit_test_setup_teardown(what_is_taken_counts_no_more_until_it_is_given_back,
                                        begin, end),
        cmocka_unit_test_setup_teardown(small_events_are_bounded_by_their_number, begin, end),
        cmocka_unit_test_setup_teardown(a_file_is_crowded_by_what_connectors_write, begin, end),
        cmocka_unit_test_setup_teardown(those_for_whom_there_is_no_place_share_one, begin, end),
        cmocka_unit_test_setup_teardown(without_memory_nothing_is_counted, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
