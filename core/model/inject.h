#pragma once

/* Faults injected on purpose, so that the run checker can be seen to report them. Only the build
 * amo-core-faulty has them (AMO_FAULTY); in every other build this header is empty words.
 * AMO_INJECT in the environment picks one: lost, double, overtaken; unshared: who is slow has as many places as
 * there are; unbounded: and no window either; poison: some texts kill; or fixed, which is no fault: a destination's window does not learn, so
 * that a bench can say what learning costs. */

#include <stdbool.h>

#ifdef AMO_FAULTY

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static inline bool inject_picked(const char *name)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the environment never changes */
    const char *picked = getenv("AMO_INJECT");

    return picked && strcmp(picked, name) == 0;
}

/* Is fault @name picked, and is it the turn of @number (every 17th, once the run is under way)? */
static inline bool inject_here(const char *name, int64_t number)
{
    return inject_picked(name) && number > 60 && number % 17 == 5;
}

/* "poison" picked: whoever takes up something with these words in it dies. */
static inline void inject_kill(struct view text)
{
    if (inject_picked("poison") && view_find(text, "kills-core"))
        abort();
}

#else
#define inject_kill(text)         ((void)0)
#define inject_picked(name)       (false)
#define inject_here(name, number) (false)
#endif
