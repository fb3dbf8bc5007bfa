#pragma once

/* When the clock is in doubt and nothing else tells the time, amojo is asked. */

#include "core/turn/turn.h"

/* A bridge without traffic gets no Date, so one of amojo's addresses is asked for it, one call at a time
 * and less and less often. Called when doubt_tick() wants it. */
void clock_ask(struct core *c, int64_t now_mono_ms);
