#pragma once

/* Things to do later, by the monotonic clock. A timer is embedded in what it belongs to, all zero at
 * first; arming an armed one moves it. One thread. */

#include <stdint.h>

#include "base/list.h"

typedef void timer_fn(void *arg);

struct timer {
    struct list link; /* in timers.armed */
    int64_t due_ms;   /* mono_ms */
    timer_fn *fn;
    void *arg;
};

struct timers {
    struct list armed; /* in the order in which they are due */
};

void timers_init(struct timers *ts);
/* Call @fn(@arg) once at @due_ms. */
void timers_arm(struct timers *ts, struct timer *t, int64_t due_ms, timer_fn *fn, void *arg);
/* Harmless when not armed. */
void timers_disarm(struct timer *t);
/* Call what is due. A called timer may arm itself again. */
void timers_run(struct timers *ts, int64_t mono_ms);
/* Milliseconds until the next one, -1 when there is none. */
int64_t timers_wait_ms(const struct timers *ts, int64_t mono_ms);
