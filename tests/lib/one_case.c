/* One case of a C test alone: AMO_CASE in the environment is the name of the case, `*` and `?` allowed.
 * Part of every test program (cmake/amo_test.cmake). */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/compiler.h"

AMO_BEFORE_MAIN static void one_case(void)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread exists */
    const char *pattern = getenv("AMO_CASE");

    if (pattern)
        cmocka_set_test_filter(pattern);
}
