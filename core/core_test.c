/* Opening and closing a whole core. */

#include "core/core.h"

#include <errno.h>

#include "core/testing/rig.h"

/* Every room makes and frees what is its own, however far the start came. Without a counter or somebody to
 * wait for core starts all the same. */
static void whichever_allocation_fails_a_start_leaves_nothing(void **state)
{
    struct rig *r = *state;
    uint64_t before = 0;
    uint64_t n_allocations = 0;

    core_close(&r->core);
    before = mem_count();
    assert_int_equal(core_open(&r->core, r->config), 0);
    n_allocations = mem_count() - before;
    for (uint64_t n = 1; n <= n_allocations; n++) {
        int rc = 0;

        core_close(&r->core);
        mem_fail_at(n);
        rc = core_open(&r->core, r->config);
        mem_fail_at(0);
        assert_true(rc == 0 || rc == -ENOMEM);
    }
}

static void a_core_that_was_never_opened_can_be_closed(void **state)
{
    struct core c = {0};

    (void)state;
    core_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whichever_allocation_fails_a_start_leaves_nothing,
                                        rig_setup, rig_teardown),
        cmocka_unit_test(a_core_that_was_never_opened_can_be_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
