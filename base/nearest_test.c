#include "base/nearest.h"

#include "base/testing.h"

static const char *const names[] = {"status",       "channel", "account", "conversation",
                                    "account list", "dead",    "queue",   "trace"};

static void check(const char *word, const char *want)
{
    struct nearest n;

    nearest_init(&n, view_of(word));
    for (size_t i = 0; i < AMO_COUNT(names); i++)
        nearest_offer(&n, view_of(names[i]));
    if (want ? !view_is(n.name, want) : n.name.ptr != NULL)
        fail_msg("%s: %.*s", word, (int)n.name.len, n.name.ptr ? n.name.ptr : "");
}

static void a_slip_of_the_pen_is_understood(void **state)
{
    (void)state;
    check("statu", "status");
    check("staus", "status");
    check("statsu", "status");
    check("statuss", "status");
    check("channels", "channel");
    check("conversatoin", "conversation");
    check("acount list", "account list");
    check("account-list", "account list");
    check("daed", "dead");
    check("conv", "conversation"); /* not finished */
}

static void another_word_is_not_taken_for_one(void **state)
{
    (void)state;
    check("fly", NULL);
    check("", NULL);
    check("de", NULL);
    check("restart", NULL);
    check("statusstatusstatusstatusstatusstatusstatusstatusstatus", NULL);
}

static void of_two_the_nearer_one_is_meant(void **state)
{
    struct nearest n;

    (void)state;
    nearest_init(&n, VIEW_LIT("lost"));
    nearest_offer(&n, VIEW_LIT("last"));
    nearest_offer(&n, VIEW_LIT("lost"));
    nearest_offer(&n, VIEW_LIT("list"));
    assert_true(view_is(n.name, "lost"));
    assert_int_equal(n.distance, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slip_of_the_pen_is_understood),
        cmocka_unit_test(another_word_is_not_taken_for_one),
        cmocka_unit_test(of_two_the_nearer_one_is_meant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
