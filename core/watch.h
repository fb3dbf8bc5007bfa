#pragma once

/* What only time brings: life times, "delayed", overdue statuses, pruning, the clock itself. */

#include "core/turn/turn.h"

struct watch {
    uint64_t ticks; /* seconds since the start, about */
    size_t aged_at; /* where the sweep for what is old goes on; 0 it is at its end */
};

/* -ENOMEM. */
AMO_MUSTCHECK int watch_new(struct core *c);
void watch_free(struct core *c);
/* Once a second. */
void watch_tick(void *arg);
/* Sets the gauges before /metrics is printed. */
void watch_gauges(void *arg);
