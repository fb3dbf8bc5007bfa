#pragma once

/* Things to do later, by the monotonic clock. A timer is embedded in what it belongs to;
 * arming an armed one moves it. One thread. */

#include <stdint.h>

#include "tools/sandbox/kit/vec.h"

typedef void timer_fn(void *arg);

struct timer {
    int64_t due_ms; /* mono_ms */
    timer_fn *fn;
    void *arg;
    size_t place; /* 1 + index in the heap; 0 = not armed */
};

struct timers {
    struct vec heap;
};

/* Call @fn(@arg) once at @due_ms; -ENOMEM. */
AMO_MUSTCHECK int timers_arm(struct timers *ts, struct timer *t, int64_t due_ms, timer_fn *fn,
                             void *arg);
/* Harmless when not armed. */
void timers_disarm(struct timers *ts, struct timer *t);
/* Call what is due. A called timer may arm itself again. */
void timers_run(struct timers *ts, int64_t mono_ms);
/* Milliseconds until the next one, -1 when there is none. */
int64_t timers_wait_ms(const struct timers *ts, int64_t mono_ms);
void timers_fini(struct timers *ts);
