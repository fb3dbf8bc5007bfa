/* The whole: made and ended, also half made. */
#include "tools/sandbox/sandbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/testing.h"
#include "tools/sandbox/acts/waits.h"
#include "tools/sandbox/http/request.h"
#include "tools/sandbox/testing/rig.h"

static int init_and_fini(void *arg)
{
    struct sandbox s = {0};
    int rc = sandbox_init(&s);

    (void)arg;
    sandbox_fini(&s);
    return rc;
}

static void without_memory_it_is_not_made_and_nothing_leaks(void **state)
{
    (void)state;
    testing_fail_each_allocation(init_and_fini, NULL);
}

static void requests_go_to_the_side_their_path_names(void **state)
{
    struct rig *r = *state;

    rig_send(r, "GET /_sandbox/health", "", "");
    assert_int_equal(r->status, 200);
    rig_send(r, "POST /mobilon/none", "", "");
    rig_expect(r, "error.code", "'not_found'"); /* a service's words */
    rig_send(r, "POST /elsewhere", "", "");
    rig_expect(r, "error_type", "'NOT_FOUND'"); /* amojo's */
}

static void what_sleeps_or_is_under_way_is_let_go_at_the_end(void **state)
{
    struct rig *r = *state;
    struct rig_client c;

    r->bridge_is_slow = true;
    rig_begin(r, &c, "GET /_sandbox/wait?what=faults&timeout_ms=60000", "", "");
    rig_ask(r, 200, "POST /client/writes", "{'count':3,'conversation':'{n}','text':'x'}");
    rig_await_calls(r, 1);
    listener_close(r->sandbox.listener);
    r->sandbox.listener = NULL;
    assert_int_equal(r->sandbox.waits->n, 0);
    assert_int_equal(close(c.fd), 0);
    buf_fini(&c.in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory_it_is_not_made_and_nothing_leaks),
        RIG_TEST(requests_go_to_the_side_their_path_names),
        RIG_TEST(what_sleeps_or_is_under_way_is_let_go_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
