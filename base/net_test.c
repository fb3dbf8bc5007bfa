#include "base/net.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/testing.h"

static void numeric_addresses_are_understood(void **state)
{
    struct sockaddr_storage where;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    socklen_t len = 0;

    (void)state;
    assert_int_equal(net_parse_address("127.0.0.1:8080", &where, &len), 0);
    memcpy(&in, &where, sizeof(in));
    assert_int_equal(len, sizeof(in));
    assert_int_equal(ntohs(in.sin_port), 8080);
    assert_int_equal(ntohl(in.sin_addr.s_addr), INADDR_LOOPBACK);
    assert_int_equal(net_parse_address(":1", &where, &len), 0);
    memcpy(&in, &where, sizeof(in));
    assert_int_equal(ntohl(in.sin_addr.s_addr), INADDR_ANY);
    assert_int_equal(net_parse_address("[::1]:65535", &where, &len), 0);
    memcpy(&in6, &where, sizeof(in6));
    assert_int_equal(where.ss_family, AF_INET6);
    assert_int_equal(ntohs(in6.sin6_port), 65535);
}

static void names_and_broken_addresses_are_refused(void **state)
{
    const char *const wrong[] = {
        "",
        "8080",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "localhost:80",
        "127.0.0:80",
        "127.0.0.1.1:80",
        "::1:80",
        "[::1:80",
        "::1]:80",
        "[127.0.0.1]:80",
        "[]:80",
        "127.0.0.1:80 ",
        "[::1]:0x50",
        "[::1%lo]:80",
        "1234567890123456789012345678901234567890123456789:80",
    };
    struct sockaddr_storage where;
    socklen_t len = 0;

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(wrong); i++)
        assert_int_equal(net_parse_address(wrong[i], &where, &len), -EINVAL);
}

static void port_zero_listens_on_any_free_port(void **state)
{
    char address[32];
    int first = -1;
    int second = -1;

    (void)state;
    assert_int_equal(net_listen("127.0.0.1:0", 8, 0, &first), 0);
    assert_int_not_equal(net_port(first), 0);
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", net_port(first));
    assert_int_equal(net_listen(address, 8, 0, &second), -EADDRINUSE);
    assert_int_equal(second, -1);
    assert_int_equal(close(first), 0);
    assert_int_equal(net_listen("nowhere", 8, 0, &second), -EINVAL);
    assert_int_equal(net_port(-1), 0);
}

static void a_network_is_an_address_and_bits(void **state)
{
    static const char *const bad[] = {"",       "host",      "10.0.0.0/33", "10.0.0.0/",
                                      "::/129", "1.2.3.4/x", "1.2.3",       "10.0.0.1/8/8",
                                      "/8",     "[::1"};
    struct net_network n;

    (void)state;
    assert_int_equal(net_parse_network(VIEW_LIT("10.1.0.0/16"), &n), 0);
    assert_int_equal(n.bits, 96 + 16);
    assert_memory_equal(n.bytes + 10, "\xff\xff\x0a\x01", 4);
    assert_int_equal(net_parse_network(VIEW_LIT("fd00::/8"), &n), 0);
    assert_int_equal(n.bits, 8);
    assert_int_equal(net_parse_network(VIEW_LIT("[::1]:443"), &n), 0);
    assert_int_equal(n.bits, 128);
    assert_int_equal(net_parse_network(VIEW_LIT("127.0.0.1:80"), NULL), 0);
    for (size_t i = 0; i < AMO_COUNT(bad); i++)
        assert_int_equal(net_parse_network(view_of(bad[i]), &n), -EINVAL);
}

static void parallel_processes_may_share_a_port(void **state)
{
    char address[32];
    int first = -1;
    int second = -1;

    (void)state;
    assert_int_equal(net_listen("127.0.0.1:0", 8, 1, &first), 0);
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", net_port(first));
    assert_int_equal(net_listen(address, 8, 1, &second), 0);
    assert_int_equal(net_port(first), net_port(second));
    assert_int_equal(close(first), 0);
    assert_int_equal(close(second), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numeric_addresses_are_understood),
        cmocka_unit_test(names_and_broken_addresses_are_refused),
        cmocka_unit_test(port_zero_listens_on_any_free_port),
        cmocka_unit_test(a_network_is_an_address_and_bits),
        cmocka_unit_test(parallel_processes_may_share_a_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
