#include "egress/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/compiler.h"
#include "base/testing.h"

static struct sockaddr_storage parse(const char *text)
{
    struct sockaddr_storage s = {0};
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        memcpy(&s, &in, sizeof(in));
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
        memcpy(&s, &in6, sizeof(in6));
    }
    return s;
}

static bool is_public(const char *text)
{
    struct sockaddr_storage s = parse(text);

    return address_is_public((const struct sockaddr *)&s);
}

static const char *network(const char *text)
{
    struct sockaddr_storage s = parse(text);

    return address_network((const struct sockaddr *)&s);
}

static void networks_that_are_not_the_internet_are_refused_to_their_edges(void **state)
{
    const char *const refused[] = {
        "0.0.0.0",         "0.255.255.255",   "10.0.0.0",        "10.255.255.255",
        "100.64.0.0",      "100.127.255.255", "127.0.0.1",       "127.255.255.255",
        "168.63.129.16",   "169.254.0.0",     "169.254.169.254", "169.254.255.255",
        "172.16.0.0",      "172.31.255.255",  "192.0.0.1",       "192.0.2.1",
        "192.88.99.1",     "192.168.0.0",     "192.168.255.255", "198.18.0.0",
        "198.19.255.255",  "198.51.100.7",    "203.0.113.7",     "224.0.0.1",
        "239.255.255.255", "240.0.0.1",       "255.255.255.255", "100.100.100.200",
        "192.0.0.192",
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(refused); i++)
        assert_false(is_public(refused[i]));
}

static void their_neighbours_on_the_internet_pass(void **state)
{
    const char *const fine[] = {
        "1.0.0.0",         "8.8.8.8",         "9.255.255.255",   "11.0.0.0",
        "100.63.255.255",  "100.128.0.0",     "126.255.255.255", "128.0.0.1",
        "168.63.129.15",   "169.253.255.255", "169.255.0.0",     "172.15.255.255",
        "172.32.0.0",      "192.0.1.0",       "192.0.3.0",       "192.167.255.255",
        "192.169.0.0",     "198.17.255.255",  "198.20.0.0",      "203.0.112.255",
        "223.255.255.255",
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(fine); i++)
        assert_true(is_public(fine[i]));
}

static void ipv6_that_is_not_global_unicast_is_refused(void **state)
{
    const char *const refused[] = {
        "::",
        "::1",
        "::2",
        "::127.0.0.1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "100::1",
        "2001:db8::1",
        "2001::1",
        "2001:1ff::1",
        "3fff::1",
        "64:ff9b:1::8.8.8.8",
        "::ffff:0:127.0.0.1",
        "fdff:ffff::1",
        "4000::1",
        "e000::1",
        "5f00::1",
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(refused); i++)
        assert_false(is_public(refused[i]));
    assert_true(is_public("2a00:1450:4010:c0e::8a"));
    assert_true(is_public("2001:4860:4860::8888"));
    assert_true(is_public("2606:4700::1111"));
    assert_true(is_public("3ffe::1"));
}

static void an_ipv4_address_inside_an_ipv6_one_counts_as_itself(void **state)
{
    (void)state;
    assert_false(is_public("::ffff:127.0.0.1"));
    assert_false(is_public("::ffff:10.1.2.3"));
    assert_true(is_public("::ffff:8.8.8.8"));
    assert_false(is_public("64:ff9b::169.254.169.254"));
    assert_true(is_public("64:ff9b::8.8.8.8"));
    assert_false(is_public("2002:c0a8:101::1"));
    assert_true(is_public("2002:808:808::1"));
}

static void the_kind_of_network_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(network("127.0.0.1"), "loopback");
    assert_string_equal(network("192.168.1.1"), "private");
    assert_string_equal(network("::ffff:169.254.169.254"), "link-local");
    assert_string_equal(network("168.63.129.16"), "metadata");
    assert_string_equal(network("::1"), "loopback");
    assert_string_equal(network("fd12::1"), "private");
    assert_string_equal(network("8.8.8.8"), "public");
}

static void another_family_is_no_address_to_dial(void **state)
{
    struct sockaddr_storage s = {.ss_family = AF_UNIX};

    (void)state;
    assert_false(address_is_public((const struct sockaddr *)&s));
    assert_string_equal(address_network((const struct sockaddr *)&s), "no internet address");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_that_are_not_the_internet_are_refused_to_their_edges),
        cmocka_unit_test(their_neighbours_on_the_internet_pass),
        cmocka_unit_test(ipv6_that_is_not_global_unicast_is_refused),
        cmocka_unit_test(an_ipv4_address_inside_an_ipv6_one_counts_as_itself),
        cmocka_unit_test(the_kind_of_network_has_a_name),
        cmocka_unit_test(another_family_is_no_address_to_dial),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
