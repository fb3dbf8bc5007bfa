#include "ingress/http/guard.h"

#include <stdio.h>
#include <string.h>

#include "base/testing.h"
#include "proto/limits.h"

static struct address addr(const char *text)
{
    struct address a;

    assert_int_equal(address_parse(view_of(text), &a), 0);
    return a;
}

static bool same(struct address a, const char *text)
{
    struct address b = addr(text);

    return memcmp(&a, &b, sizeof(a)) == 0;
}

static void addresses_are_read_with_and_without_ports(void **state)
{
    static const char *const bad[] = {"",     "x",   "1.2.3",   "1.2.3.4.5",
                                      "[::1", "::g", "unknown", ":80"};
    struct address a;

    (void)state;
    assert_true(same(addr("1.2.3.4:80"), "1.2.3.4"));
    assert_true(same(addr("::ffff:1.2.3.4"), "1.2.3.4"));
    assert_true(same(addr("[::1]:80"), "::1"));
    assert_true(same(addr("[::1]"), "::1"));
    for (size_t i = 0; i < AMO_COUNT(bad); i++)
        assert_int_equal(address_parse(view_of(bad[i]), &a), -EINVAL);
}

static void trusted_is_what_was_said_and_nothing_else(void **state)
{
    static const char *const bad[] = {"10.0.0.0/33", "x", "10.0.0.0/", "::/129", "10.0.0.1,y"};
    struct guard *g = NULL;
    struct address a = addr("10.1.255.3");

    (void)state;
    assert_int_equal(guard_new("10.0.0.0/15, 192.168.1.1 2001:db8::/33", 1, &g), 0);
    assert_true(guard_trusts(g, &a));
    a = addr("10.2.0.0");
    assert_false(guard_trusts(g, &a));
    a = addr("192.168.1.1");
    assert_true(guard_trusts(g, &a));
    a = addr("192.168.1.2");
    assert_false(guard_trusts(g, &a));
    a = addr("2001:db8:7fff::1");
    assert_true(guard_trusts(g, &a));
    a = addr("2001:db8:8000::1");
    assert_false(guard_trusts(g, &a));
    guard_free(g);
    for (size_t i = 0; i < AMO_COUNT(bad); i++)
        assert_int_equal(guard_new(bad[i], 1, &g), -EINVAL);
    assert_int_equal(guard_new("", 1, &g), 0);
    assert_false(guard_trusts(g, &a));
    guard_free(g);
}

static void the_origin_is_the_last_hop_that_is_not_trusted(void **state)
{
    static const struct {
        const char *peer;
        const char *forwarded;
        const char *origin;
    } cases[] = {
        {"9.9.9.9",  "1.1.1.1",                     "9.9.9.9"    }, /* a stranger's word */
        {"10.0.0.1", "1.1.1.1",                     "1.1.1.1"    },
        {"10.0.0.1", "6.6.6.6, 1.1.1.1 , 10.0.0.2", "1.1.1.1"    },
        {"10.0.0.1", "10.0.0.3,10.0.0.2",           "10.0.0.3"   },
        {"10.0.0.1", "",                            "10.0.0.1"   },
        {"10.0.0.1", "nonsense",                    "10.0.0.1"   },
        {"10.0.0.1", "1.1.1.1, nonsense, 10.0.0.2", "10.0.0.2"   },
        {"10.0.0.1", "[2001:db8::1]:99",            "2001:db8::1"},
    };
    struct guard *g = NULL;

    (void)state;
    assert_int_equal(guard_new("10.0.0.0/8", 1, &g), 0);
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        struct address peer = addr(cases[i].peer);

        assert_true(same(guard_origin(g, &peer, view_of(cases[i].forwarded)), cases[i].origin));
    }
    guard_free(g);
}

static struct visitor *enter(struct guard *g, const char *text)
{
    struct address a = addr(text);
    struct visitor *v = guard_enter(g, &a);

    assert_non_null(v);
    return v;
}

static void connections_are_counted_for_each_address(void **state)
{
    struct guard *g = NULL;
    struct visitor *a = NULL;
    struct visitor *b = NULL;

    (void)state;
    assert_int_equal(guard_new("10.0.0.1", 2, &g), 0);
    (void)enter(g, "1.1.1.1");
    a = enter(g, "1.1.1.1");
    assert_null(guard_crowded(g, a));
    assert_ptr_equal(enter(g, "1.1.1.1"), a);
    assert_ptr_equal(guard_crowded(g, a), a);
    (void)enter(g, "2001:db8::1");
    b = enter(g, "2001:db8::2"); /* the same network */
    assert_null(guard_crowded(g, b));
    (void)enter(g, "2001:db8::ffff:1:2");
    assert_ptr_equal(guard_crowded(g, b), b);
    assert_int_equal(guard_strangers(g)->connections, 6);
    guard_leave(g, a);
    assert_null(guard_crowded(g, a));
    assert_int_equal(guard_strangers(g)->connections, 5);
    guard_free(g);
}

static void a_network_has_the_share_of_four_addresses(void **state)
{
    struct guard *g = NULL;
    struct visitor *v[9];
    char text[64];

    (void)state;
    assert_int_equal(guard_new("", 2, &g), 0);
    for (int i = 0; i < 8; i++) {
        (void)snprintf(text, sizeof(text), "2001:db8:1:%d::1", i);
        v[i] = enter(g, text);
        assert_null(guard_crowded(g, v[i]));
    }
    v[8] = enter(g, "2001:db8:1:ffff::1");
    assert_ptr_equal(guard_crowded(g, v[8]), v[0]->site);
    assert_null(guard_crowded(g, enter(g, "2001:db8:2::1"))); /* beside it */
    guard_leave(g, v[3]);
    assert_null(guard_crowded(g, v[8]));
    /* whoever proves something counts there no longer */
    v[3] = enter(g, "2001:db8:1:3::1");
    assert_non_null(guard_crowded(g, v[8]));
    guard_prove(g, v[3], 1000);
    assert_null(guard_crowded(g, v[8]));
    for (int i = 0; i < 4; i++)
        guard_count_bytes(g, v[i], (int64_t)LIMIT_ADDRESS_BODIES);
    assert_null(guard_heavy(v[0]));
    guard_count_bytes(g, v[4], (int64_t)LIMIT_ADDRESS_BODIES);
    assert_null(guard_heavy(v[3])); /* known */
    guard_count_bytes(g, v[4], 1);
    assert_ptr_equal(guard_heavy(v[4]), v[4]);
    assert_ptr_equal(guard_heavy(v[0]), v[0]->site);
    guard_free(g);
}

static void who_verified_lately_is_limited_by_nothing_until_it_is_forgotten(void **state)
{
    struct guard *g = NULL;
    struct address a = addr("1.1.1.1");
    struct visitor *v = NULL;

    (void)state;
    assert_int_equal(guard_new("", 1, &g), 0);
    for (int i = 0; i < 3; i++)
        v = enter(g, "1.1.1.1");
    guard_count_bytes(g, v, 2 * (int64_t)LIMIT_ADDRESS_BODIES);
    for (unsigned i = 0; i <= LIMIT_UNVERIFIED_RATE; i++)
        (void)guard_strike(g, &a, 5000);
    assert_ptr_equal(guard_crowded(g, v), v);
    assert_ptr_equal(guard_heavy(v), v);
    assert_true(guard_is_flooding(g, &a, 5000));
    guard_prove(g, v, 5000);
    assert_null(guard_crowded(g, v));
    assert_null(guard_heavy(v));
    assert_false(guard_is_flooding(g, &a, 5000));
    assert_int_equal(guard_strangers(g)->connections, 0);
    assert_int_equal(guard_strangers(g)->bytes, 0);
    guard_age(g, 5000 + LIMIT_KNOWN_MS - 1);
    assert_true(v->known);
    guard_prove(g, v, 6000);
    guard_age(g, 5000 + LIMIT_KNOWN_MS);
    assert_true(v->known);
    guard_age(g, 6000 + LIMIT_KNOWN_MS);
    assert_false(v->known);
    assert_int_equal(guard_strangers(g)->connections, 3);
    assert_ptr_equal(guard_crowded(g, v), v);
    guard_free(g);
}

static void strangers_never_push_out_who_is_known(void **state)
{
    struct guard *g = NULL;
    struct visitor *first = NULL;
    char text[64];

    (void)state;
    assert_int_equal(guard_new("", 1, &g), 0);
    first = enter(g, "1.1.1.1");
    guard_prove(g, first, 1000);
    guard_leave(g, first); /* it is remembered without a connection */
    for (unsigned i = 0; i < 2 * LIMIT_ADDRESSES; i++) {
        struct address a = addr("9.0.0.0");

        memcpy(a.bytes + 13, &i, 3);
        (void)guard_strike(g, &a, 1000);
    }
    assert_ptr_equal(enter(g, "1.1.1.1"), first);
    assert_true(first->known);
    /* but those who are known do: whoever verified longest ago goes */
    for (unsigned i = 0; i < LIMIT_KNOWN; i++) {
        (void)snprintf(text, sizeof(text), "2001:db8:0:%x::1", i);
        guard_prove(g, enter(g, text), 2000);
    }
    assert_false(first->known);
    assert_int_equal(guard_strangers(g)->connections, 1);
    guard_free(g);
}

static void only_what_is_verified_keeps_somebody_known(void **state)
{
    struct guard *g = NULL;
    struct visitor *old = NULL;
    struct visitor *busy = NULL;
    struct address a = addr("1.1.1.1");
    char text[64];

    (void)state;
    assert_int_equal(guard_new("", 1, &g), 0);
    old = enter(g, "1.1.1.1");
    busy = enter(g, "2.2.2.2");
    guard_prove(g, old, 1000);
    guard_leave(g, old);
    guard_prove(g, busy, 2000);
    /* neither a visit nor a strike moves it behind those that verified later */
    assert_ptr_equal(enter(g, "1.1.1.1"), old);
    (void)guard_strike(g, &a, 2500);
    guard_leave(g, old);
    (void)guard_strike(g, &a, 2500);
    guard_age(g, 1000 + LIMIT_KNOWN_MS);
    assert_false(old->known);
    assert_true(busy->known);
    /* nor keeps it when there are too many */
    guard_prove(g, enter(g, "1.1.1.1"), 3000);
    for (unsigned i = 0; i < LIMIT_KNOWN - 1; i++) {
        assert_ptr_equal(enter(g, "2.2.2.2"), busy);
        (void)snprintf(text, sizeof(text), "2001:db8:0:%x::1", i);
        guard_prove(g, enter(g, text), 4000);
    }
    assert_false(busy->known);
    assert_true(old->known);
    guard_free(g);
}

static void strikes_are_counted_by_the_second(void **state)
{
    struct guard *g = NULL;
    struct address a = addr("1.1.1.1");
    struct address b = addr("1.1.1.2");

    (void)state;
    assert_int_equal(guard_new("", 1, &g), 0);
    for (unsigned i = 0; i < LIMIT_UNVERIFIED_RATE; i++)
        assert_false(guard_strike(g, &a, 5500));
    assert_false(guard_is_struck(g, &a, 5500));
    assert_true(guard_strike(g, &a, 5999));
    assert_true(guard_is_struck(g, &a, 5999));
    assert_false(guard_strike(g, &b, 5999));
    assert_false(guard_is_struck(g, &a, 6000));
    assert_false(guard_strike(g, &a, 6000));
    guard_free(g);
}

static void a_network_has_the_rate_of_four_addresses(void **state)
{
    struct guard *g = NULL;
    struct address other = addr("2001:db8:1:fff::1");
    unsigned n = 0;

    (void)state;
    assert_int_equal(guard_new("", 1, &g), 0);
    for (unsigned i = 0; i < LIMIT_SITE * LIMIT_UNVERIFIED_RATE; i++) {
        struct address a = addr("2001:db8:1::1");

        a.bytes[7] = (unsigned char)i;
        n += guard_strike(g, &a, 1000);
    }
    assert_int_equal(n, 0);
    assert_true(guard_strike(g, &other, 1000));
    assert_true(guard_is_flooding(g, &other, 1000));
    assert_false(guard_strike(g, &other, 2000));
    guard_free(g);
}

static void the_number_of_addresses_is_bounded(void **state)
{
    struct guard *g = NULL;
    struct visitor *held = NULL;
    struct address first = addr("9.0.0.0");

    (void)state;
    assert_int_equal(guard_new("", 1, &g), 0);
    held = enter(g, "1.1.1.1");
    for (unsigned i = 0; i < 3 * LIMIT_ADDRESSES; i++) {
        struct address a = addr("9.0.0.0");

        memcpy(a.bytes + 13, &i, 3);
        for (unsigned n = 0; n <= LIMIT_UNVERIFIED_RATE; n++)
            (void)guard_strike(g, &a, 1000); /* only to be remembered */
    }
    assert_ptr_equal(enter(g, "1.1.1.1"), held); /* an open connection is never forgotten */
    assert_false(guard_is_struck(g, &first, 1000));
    guard_free(g);
}

static int enters_and_proves(void *arg)
{
    struct address a = addr("2001:db8::1");
    struct guard *g = NULL;
    struct visitor *v = NULL;
    int rc = guard_new("", 1, &g);

    (void)arg;
    if (rc)
        return rc;
    v = guard_enter(g, &a);
    if (v) {
        guard_prove(g, v, 1000);
        guard_leave(g, v);
        guard_age(g, 1000 + LIMIT_KNOWN_MS);
    }
    assert_int_equal(guard_strangers(g)->connections, 0);
    guard_free(g);
    return v ? 0 : -ENOMEM;
}

static void without_memory_nobody_is_half_counted(void **state)
{
    (void)state;
    testing_fail_each_allocation(enters_and_proves, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_with_and_without_ports),
        cmocka_unit_test(trusted_is_what_was_said_and_nothing_else),
        cmocka_unit_test(the_origin_is_the_last_hop_that_is_not_trusted),
        cmocka_unit_test(connections_are_counted_for_each_address),
        cmocka_unit_test(a_network_has_the_share_of_four_addresses),
        cmocka_unit_test(who_verified_lately_is_limited_by_nothing_until_it_is_forgotten),
        cmocka_unit_test(strangers_never_push_out_who_is_known),
        cmocka_unit_test(only_what_is_verified_keeps_somebody_known),
        cmocka_unit_test(strikes_are_counted_by_the_second),
        cmocka_unit_test(a_network_has_the_rate_of_four_addresses),
        cmocka_unit_test(without_memory_nobody_is_half_counted),
        cmocka_unit_test(the_number_of_addresses_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
