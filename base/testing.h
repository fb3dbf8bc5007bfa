#pragma once

/* For tests only: run a case with each of its allocations failing in turn. Nothing may leak
 * (the sanitizers watch), crash, or report anything but -ENOMEM. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"

/* @value NULL takes the variable away. */
static inline void testing_set_env(const char *name, const char *value)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): tests have one thread */
    assert_int_equal(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

/* Does the whole case, frees all it made, and returns 0 or -ENOMEM. */
typedef int testing_case_fn(void *arg);

static inline void testing_fail_each_allocation(testing_case_fn *run, void *arg)
{
    uint64_t before = mem_count();
    uint64_t n_allocations = 0;

    assert_int_equal(run(arg), 0);
    n_allocations = mem_count() - before;
    assert_true(n_allocations > 0);
    for (uint64_t n = 1; n <= n_allocations; n++) {
        mem_fail_at(n);
        assert_int_equal(run(arg), -ENOMEM);
        mem_fail_at(0);
    }
    assert_int_equal(run(arg), 0);
}
