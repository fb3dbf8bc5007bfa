#pragma once

/* What only time brings: life times, "delayed", overdue statuses, pruning, the clock itself. */

#include "core/core.h"

/* Once a second. */
void watch_tick(void *arg);
/* Sets the gauges before /metrics is printed. */
void watch_gauges(void *arg);
