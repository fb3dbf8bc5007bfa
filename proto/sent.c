/* The arithmetic that turns core's time into ours: the offset between the clocks, and an
 * estimate from the envelope for a core that sends no times. */

#include "proto/sent.h"

#include <string.h>

/* Clocks run apart by some parts in a million: a tie is good for so long, then the next counts
 * even if it is looser. */
#define TIE_MS  60000
/* so long the quickest frame stands for "at once"; it is forgotten after two of them */
#define SPAN_MS 60000

void sent_clock_forget(struct sent_clock *c)
{
    memset(c, 0, sizeof(*c));
}

void sent_clock_answered(struct sent_clock *c, int64_t asked_ms, int64_t core_ms,
                         int64_t now_ms)
{
    int64_t offset = asked_ms - core_ms;

    if (c->tied && offset < c->offset_ms && now_ms - c->tied_at_ms < TIE_MS)
        return;
    c->tied = true;
    c->offset_ms = offset;
    c->tied_at_ms = now_ms;
}

int64_t sent_clock_own(const struct sent_clock *c, int64_t core_ms, int64_t now_ms)
{
    int64_t own = core_ms + c->offset_ms;

    return own < now_ms ? own : now_ms;
}

int64_t sent_clock_frame(struct sent_clock *c, int64_t unix_ms, int64_t now_unix_ms,
                         int64_t now_ms)
{
    int64_t lag = now_unix_ms - unix_ms;
    int64_t least = 0;

    if (!c->seen || now_ms - c->span_at_ms > SPAN_MS) {
        c->lag_before_ms = c->seen ? c->lag_ms : lag;
        c->lag_ms = lag;
        c->span_at_ms = now_ms;
        c->seen = true;
    }
    if (lag < c->lag_ms)
        c->lag_ms = lag;
    least = c->lag_before_ms < c->lag_ms ? c->lag_before_ms : c->lag_ms;
    return now_ms - (lag - least);
}
