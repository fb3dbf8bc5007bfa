#include "ingress/http/guard.h"

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

static void connections_are_counted_for_each_address(void **state)
{
    struct guard *g = NULL;
    struct address a = addr("1.1.1.1");
    struct address b = addr("2001:db8::1");
    struct address c = addr("2001:db8::2"); /* the same network */
    struct address proxy = addr("10.0.0.1");

    (void)state;
    assert_int_equal(guard_new("10.0.0.1", 2, &g), 0);
    assert_true(guard_enter(g, &a));
    assert_true(guard_enter(g, &a));
    assert_false(guard_enter(g, &a));
    assert_true(guard_enter(g, &b));
    assert_true(guard_enter(g, &c));
    assert_false(guard_enter(g, &b));
    guard_leave(g, &a);
    assert_true(guard_enter(g, &a));
    for (int i = 0; i < 100; i++)
        assert_true(guard_enter(g, &proxy));
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

static void the_number_of_addresses_is_bounded(void **state)
{
    struct guard *g = NULL;
    struct address held = addr("1.1.1.1");

    (void)state;
    assert_int_equal(guard_new("", 1, &g), 0);
    assert_true(guard_enter(g, &held));
    for (unsigned i = 0; i < 3 * LIMIT_ADDRESSES; i++) {
        struct address a = addr("9.0.0.0");

        memcpy(a.bytes + 13, &i, 3);
        (void)guard_strike(g, &a, 1000); /* only to be remembered */
    }
    assert_false(guard_enter(g, &held)); /* an open connection is never forgotten */
    guard_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_with_and_without_ports),
        cmocka_unit_test(trusted_is_what_was_said_and_nothing_else),
        cmocka_unit_test(the_origin_is_the_last_hop_that_is_not_trusted),
        cmocka_unit_test(connections_are_counted_for_each_address),
        cmocka_unit_test(strikes_are_counted_by_the_second),
        cmocka_unit_test(the_number_of_addresses_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
