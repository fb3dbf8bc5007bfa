#include "ingress/http/places.h"

#include <string.h>

#include "base/testing.h"
#include "ingress/http/guard.h"
#include "proto/limits.h"

#define MIB (1U << 20)

struct rig {
    struct guard *guard;
    struct places places;
    struct place at[64];
    enum place_reason why;
};

/* Room for 16, of one address for 4; so strangers may have 12. */
static int setup(void **state)
{
    static struct rig r;

    memset(&r, 0, sizeof(r));
    assert_int_equal(guard_new("", 4, &r.guard), 0);
    places_init(&r.places, r.guard, 16);
    *state = &r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    guard_free(r->guard);
    return 0;
}

/* Somebody at 10.0.0.@last. */
static struct address addr(unsigned char last)
{
    struct address a;

    assert_int_equal(address_parse(VIEW_LIT("10.0.0.0"), &a), 0);
    a.bytes[15] = last;
    return a;
}

static struct place *enter(struct rig *r, int i, unsigned char last, int64_t mono_ms)
{
    struct address a = addr(last);

    assert_int_equal(places_enter(&r->places, &r->at[i], &a, mono_ms), 0);
    return &r->at[i];
}

/* The number of who must go after @i's last step, and it goes; -1 none. */
static int over(struct rig *r, int i, int64_t mono_ms)
{
    struct place *l = places_over(&r->places, &r->at[i], mono_ms, &r->why);

    if (!l)
        return -1;
    places_leave(&r->places, l);
    return (int)(l - r->at);
}

static void an_address_over_its_share_loses_its_own_longest(void **state)
{
    struct rig *r = *state;

    (void)enter(r, 0, 9, 0);
    for (int i = 1; i <= 4; i++) {
        (void)enter(r, i, 1, i);
        assert_int_equal(over(r, i, 10), -1);
    }
    places_use(&r->at[1], PLACE_BUSY, 1); /* being answered: it stays */
    (void)enter(r, 5, 1, 5);
    assert_int_equal(over(r, 5, 10), 2);
    assert_int_equal(r->why, PLACE_FOR_ADDRESS);
    assert_int_equal(over(r, 5, 10), -1);
    assert_int_equal(r->places.n, 5);
}

static void who_is_known_has_no_share_and_takes_no_strangers_place(void **state)
{
    struct rig *r = *state;

    guard_prove(r->guard, enter(r, 0, 1, 0)->who, 0);
    for (int i = 1; i < 10; i++) {
        (void)enter(r, i, 1, i);
        assert_int_equal(over(r, i, 10), -1);
    }
    assert_int_equal(guard_strangers(r->guard)->connections, 0);
    assert_false(places_are_short(&r->places));
}

/* One connection of an address is the last to go, however long it has been there. */
static void strangers_leave_a_quarter_and_the_one_who_holds_most_goes(void **state)
{
    struct rig *r = *state;

    (void)enter(r, 0, 50, 0);
    for (int i = 1; i < 12; i++) {
        (void)enter(r, i, (unsigned char)(1 + i / 4), i);
        assert_int_equal(over(r, i, 20), -1);
    }
    assert_true(places_are_short(&r->places));
    (void)enter(r, 12, 51, 12);
    assert_int_equal(over(r, 12, 20), 4); /* 10.0.0.2 and 3 have four each */
    assert_int_equal(r->why, PLACE_FOR_ROOM);
    (void)enter(r, 13, 52, 13);
    assert_int_equal(over(r, 13, 20), 8);
    assert_int_equal(over(r, 13, 20), -1);
    for (int i = 14; i < 60; i++) {
        (void)enter(r, i, (unsigned char)(100 + i), i);
        assert_true(over(r, i, 60) >= 0);
        assert_int_equal(r->places.n, 12);
    }
}

static void a_stranger_who_has_just_come_goes_after_those_who_had_their_time(void **state)
{
    struct rig *r = *state;

    for (int i = 0; i < 12; i++) {
        (void)enter(r, i, (unsigned char)(100 + i), i);
        assert_int_equal(over(r, i, 12), -1);
    }
    for (int i = 12; i < 15; i++) {
        (void)enter(r, i, 1, 1000 + i);
        assert_int_equal(over(r, i, 1020), i - 12);
    }
    (void)enter(r, 15, 200, 2000);
    assert_int_equal(over(r, 15, 2000), 12); /* now it had its own */
}

static void a_kept_place_is_had_however_many_strangers_there_are(void **state)
{
    struct rig *r = *state;

    guard_prove(r->guard, enter(r, 0, 1, 0)->who, 0);
    places_use(&r->at[0], PLACE_IDLE, 0);
    for (int i = 1; i < 40; i++) {
        (void)enter(r, i, (unsigned char)(10 + i), i);
        (void)over(r, i, 100);
    }
    assert_int_equal(r->places.n, 13);
    for (int i = 40; i < 43; i++) {
        (void)enter(r, i, 1, i);
        assert_int_equal(over(r, i, 100), -1);
    }
    (void)enter(r, 43, 1, 43); /* all are taken: a stranger's is had, too */
    assert_int_equal(over(r, 43, 100), 28);
    assert_false(list_is_empty(&r->at[0].link));
}

/* All sixteen places are of somebody known: those worth least go first. */
static void when_only_the_known_are_left_what_is_worth_least_goes_first(void **state)
{
    static const struct {
        enum place_use use;
        int64_t since_ms;
    } order[] = {
        {PLACE_UNPROVEN,     0   },
        {PLACE_UNPROVEN,     1   },
        {PLACE_TOKEN,        0   },
        {PLACE_IDLE_SERVICE, 900 },
        {PLACE_IDLE,         800 },
        {PLACE_IDLE,         850 },
        {PLACE_TOKEN,        4500},
        {PLACE_UNPROVEN,     4400},
    };
    struct rig *r = *state;

    for (int i = 0; i < 16; i++) {
        (void)enter(r, i, 1, 0);
        guard_prove(r->guard, r->at[i].who, 0);
        places_use(&r->at[i], PLACE_BUSY, 0);
    }
    for (size_t i = 0; i < AMO_COUNT(order); i++)
        places_use(&r->at[i], order[i].use, order[i].since_ms);
    for (int i = 0; i < (int)AMO_COUNT(order); i++) {
        struct address a = addr(2);

        assert_int_equal(places_enter(&r->places, &r->at[16], &a, 5000), 0);
        assert_int_equal(over(r, 16, 5000), i);
        assert_int_equal(places_enter(&r->places, &r->at[i], &a, 5000), 0);
        guard_prove(r->guard, r->at[i].who, 0);
        places_use(&r->at[i], PLACE_BUSY, 5000); /* its place is taken */
        places_leave(&r->places, &r->at[16]);
    }
    (void)enter(r, 16, 3, 5000);
    assert_int_equal(over(r, 16, 5000), -1); /* nobody: it has to wait */
}

static void a_proxys_connection_counts_for_whoever_asks_as_long_as_it_asks(void **state)
{
    struct rig *r = *state;
    struct address a = addr(7);

    for (int i = 0; i < 5; i++) {
        assert_int_equal(places_enter(&r->places, &r->at[i], NULL, i), 0);
        assert_int_equal(over(r, i, 10), -1);
    }
    assert_int_equal(guard_strangers(r->guard)->connections, 0);
    for (int i = 0; i < 5; i++)
        places_move(&r->places, &r->at[i], &a);
    assert_int_equal(guard_strangers(r->guard)->connections, 5);
    assert_int_equal(over(r, 4, 10), 0);
    places_move(&r->places, &r->at[1], NULL);
    places_move(&r->places, &r->at[0], &a); /* it was put out: nothing is counted for it */
    assert_int_equal(guard_strangers(r->guard)->connections, 3);
}

/* --- bodies --------------------------------------------------------------------------------- */

static void an_address_over_its_share_of_bodies_loses_its_own_longest(void **state)
{
    struct rig *r = *state;

    for (int i = 0; i < 4; i++) {
        (void)enter(r, i, 1, i);
        places_hold_body(&r->places, &r->at[i], 2 * MIB);
        assert_int_equal(over(r, i, 10), -1);
    }
    places_hold_body(&r->places, &r->at[3], 2 * MIB + 1);
    assert_int_equal(over(r, 3, 10), 0);
    assert_int_equal(r->why, PLACE_FOR_ADDRESS_BODIES);
    assert_int_equal(r->places.body_bytes, 6 * MIB + 1);
    places_drop_body(&r->places, &r->at[3]);
    assert_int_equal(guard_strangers(r->guard)->bytes, 4 * MIB);
}

static void strangers_leave_a_quarter_of_the_room_for_bodies(void **state)
{
    struct rig *r = *state;

    for (int i = 0; i < 8; i++) {
        (void)enter(r, i, (unsigned char)(1 + i), i);
        places_hold_body(&r->places, &r->at[i], 6 * MIB);
        assert_int_equal(over(r, i, 10), -1);
    }
    (void)enter(r, 8, 9, 8);
    places_hold_body(&r->places, &r->at[8], 1000);
    assert_int_equal(over(r, 8, 10), 0);
    assert_int_equal(r->why, PLACE_FOR_BODIES);
    guard_prove(r->guard, enter(r, 9, 20, 9)->who, 0);
    places_hold_body(&r->places, &r->at[9], LIMIT_BODIES_BYTES - 42 * MIB - 1000);
    assert_int_equal(over(r, 9, 10), -1);
    places_hold_body(&r->places, &r->at[9], LIMIT_BODIES_BYTES - 42 * MIB);
    assert_int_equal(over(r, 9, 10), 1);
}

static void bodies_behind_a_token_have_a_room_of_their_own(void **state)
{
    struct rig *r = *state;

    (void)enter(r, 0, 1, 0);
    places_hold_body(&r->places, &r->at[0], 8 * MIB);
    for (int i = 1; i < 5; i++) {
        guard_prove(r->guard, enter(r, i, (unsigned char)(1 + i), i)->who, 0);
        places_use(&r->at[i], PLACE_TOKEN, i);
        places_hold_body(&r->places, &r->at[i], 8 * MIB);
        assert_int_equal(over(r, i, 10), -1);
    }
    places_hold_body(&r->places, &r->at[4], 8 * MIB + 1);
    assert_int_equal(over(r, 4, 10), 1); /* not the stranger */
    assert_int_equal(r->why, PLACE_FOR_BODIES);
    assert_int_equal(r->places.token_bytes, 24 * MIB + 1);
    assert_int_equal(r->places.body_bytes, 8 * MIB);
}

static void when_places_are_short_strangers_have_less_time(void **state)
{
    struct rig *r = *state;

    (void)enter(r, 0, 1, 1000);
    guard_prove(r->guard, enter(r, 1, 2, 1000)->who, 0);
    assert_false(place_is_late(&r->at[0], 1000 + LIMIT_SHORT_MS - 1));
    assert_true(place_is_late(&r->at[0], 1000 + LIMIT_SHORT_MS));
    assert_false(place_is_late(&r->at[1], 1000 + LIMIT_SHORT_MS));
    assert_false(places_are_short(&r->places));
    for (int i = 2; i < 11; i++)
        (void)enter(r, i, (unsigned char)(10 + i), 0);
    assert_true(places_are_short(&r->places));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_address_over_its_share_loses_its_own_longest),
        CASE(who_is_known_has_no_share_and_takes_no_strangers_place),
        CASE(strangers_leave_a_quarter_and_the_one_who_holds_most_goes),
        CASE(a_stranger_who_has_just_come_goes_after_those_who_had_their_time),
        CASE(a_kept_place_is_had_however_many_strangers_there_are),
        CASE(when_only_the_known_are_left_what_is_worth_least_goes_first),
        CASE(a_proxys_connection_counts_for_whoever_asks_as_long_as_it_asks),
        CASE(an_address_over_its_share_of_bodies_loses_its_own_longest),
        CASE(strangers_leave_a_quarter_of_the_room_for_bodies),
        CASE(bodies_behind_a_token_have_a_room_of_their_own),
        CASE(when_places_are_short_strangers_have_less_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
