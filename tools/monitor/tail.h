#pragma once

/* Follows every tap of this host and prints what passes, until told to stop. */

#include <signal.h>
#include <stdint.h>
#include <stdio.h>

#include "base/compiler.h"
#include "tools/monitor/filter.h"
#include "tools/monitor/find.h"
#include "tools/monitor/line.h"
#include "tools/monitor/sides.h"

struct tail {
    struct filter filter;
    struct sides *sides; /* of one conversation; NULL: all. Borrowed */
    struct line_style style;
    bool
        steps; /* a line for each step of a message, told once; else for each frame at each of its ends */
    uint64_t count;                    /* stop after so many frames were shown; 0: do not */
    int64_t for_ms;                    /* stop after so long; 0: do not */
    const volatile sig_atomic_t *stop; /* a signal handler sets it */
    FILE *out;
};

/* The exit code: EXIT_FINE, EXIT_FAILED, EXIT_UNREACHABLE when nobody ever listened at a tap. Prints to
 * stderr what it listens to and what went wrong. bus_init must have been called. */
int tail_run(const struct tail *t, struct find *f);
