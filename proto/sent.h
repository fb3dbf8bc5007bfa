#pragma once

/* When core sent a frame, in this process's own monotonic time. A frame that waited in a socket
 * while the process was stopped has its true age, whenever it is read.
 *
 * Core stamps with its own monotonic clock. The two are tied together by questions: what was asked
 * at our time A and answered at core's time C says that our clock is at least A - C before core's,
 * however late the answer is read. So an age is never taken for less than it is. From a core
 * older than the stamps there is only the envelopes' wall time: then the quickest frame of the last
 * minutes counts as "at once", so clocks that differ, or jump, delay nothing for longer than that.
 *
 * Pure: times are arguments. */

#include <stdbool.h>
#include <stdint.h>

struct sent_clock {
    bool tied;
    int64_t offset_ms; /* ours minus core's, at least */
    int64_t tied_at_ms;
    bool seen;             /* the wall times below are of frames */
    int64_t lag_ms;        /* smallest lag of this span */
    int64_t lag_before_ms; /* and of the one before */
    int64_t span_at_ms;
};

/* Another core: nothing is known. */
void sent_clock_forget(struct sent_clock *c);
/* Core has answered at @core_ms (its clock) what we had asked at @asked_ms (ours). */
void sent_clock_answered(struct sent_clock *c, int64_t asked_ms, int64_t core_ms,
                         int64_t now_ms);
/* Our time of core's @core_ms; never after @now_ms. Only when tied. */
int64_t sent_clock_own(const struct sent_clock *c, int64_t core_ms, int64_t now_ms);
/* A frame whose envelope says @unix_ms is read at @now_unix_ms: our monotonic time of its sending,
 * as far as wall clocks tell. */
int64_t sent_clock_frame(struct sent_clock *c, int64_t unix_ms, int64_t now_unix_ms,
                         int64_t now_ms);
