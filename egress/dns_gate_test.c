#include "egress/dns_gate.h"

#include <stdio.h>
#include <string.h>

#include "base/testing.h"

static void one_call_asks_for_a_name_and_the_others_wait(void **state)
{
    struct dns_gate g = {0};
    int a = 0;
    int b = 0;

    (void)state;
    assert_true(dns_gate_enter(&g, &a, 1, "amojo.example"));
    assert_true(dns_gate_enter(&g, &a, 1, "amojo.example")); /* it has it */
    assert_false(dns_gate_enter(&g, &b, 1, "AMOJO.example"));
    assert_true(dns_gate_is_busy(&g, 1, "amojo.example"));
    assert_int_equal(g.n_busy, 1);
    assert_true(dns_gate_leave(&g, &a));
    assert_false(dns_gate_leave(&g, &a));
    assert_true(g.changed);
    assert_true(dns_gate_enter(&g, &b, 1, "amojo.example"));
}

static void policies_do_not_wait_for_each_other(void **state)
{
    struct dns_gate g = {0};
    int a = 0;
    int b = 0;

    (void)state;
    assert_true(dns_gate_enter(&g, &a, 1, "service.example"));
    assert_false(dns_gate_is_busy(&g, 2, "service.example"));
    assert_true(dns_gate_enter(&g, &b, 2, "service.example"));
}

static void only_so_many_names_are_asked_for_at_once(void **state)
{
    struct dns_gate g = {0};
    char owners[DNS_GATE_SLOTS + 1];
    char host[32];

    (void)state;
    for (int i = 0; i < DNS_GATE_SLOTS; i++) {
        (void)snprintf(host, sizeof(host), "name%d.example", i);
        assert_true(dns_gate_enter(&g, &owners[i], 1, host));
    }
    assert_false(dns_gate_enter(&g, &owners[DNS_GATE_SLOTS], 1, "one-more.example"));
    assert_true(dns_gate_leave(&g, &owners[3]));
    assert_true(dns_gate_enter(&g, &owners[DNS_GATE_SLOTS], 1, "one-more.example"));
    assert_int_equal(g.n_busy, DNS_GATE_SLOTS);
}

static void a_name_too_long_for_dns_gets_no_slot(void **state)
{
    struct dns_gate g = {0};
    char host[400];
    int a = 0;

    (void)state;
    memset(host, 'x', sizeof(host) - 1);
    host[sizeof(host) - 1] = '\0';
    assert_false(dns_gate_enter(&g, &a, 1, host));
    assert_int_equal(g.n_busy, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_call_asks_for_a_name_and_the_others_wait),
        cmocka_unit_test(policies_do_not_wait_for_each_other),
        cmocka_unit_test(only_so_many_names_are_asked_for_at_once),
        cmocka_unit_test(a_name_too_long_for_dns_gets_no_slot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
