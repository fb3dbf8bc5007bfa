/* Destinations by themselves: rate, holds and the breaker. What they do to lanes is in queue.c.
 *
 * A hold says when the next probe may go; the answer to that probe ends or renews it. */

#include "core/queue.h"

/* a breaker opens after so many counted failures in a row */
#define BREAKER_FAILURES 5
/* a probe costs one call, so it never waits longer than 2^5 times the base, however far the
 * back-off of commands may grow */
#define HOLD_STEPS       5
/* the slow probe of a hold that needs a person */
#define HOLD_SLOW_MS     60000
/* after 429 the rate halves, not below this; each success gives a twentieth back */
#define RATE_FLOOR       0.5

const char *hold_reason_name(enum hold_reason r)
{
    switch (r) {
    case HOLD_NONE:
        return "none";
    case HOLD_CONNECT:
        return "connect";
    case HOLD_THROTTLED:
        return "throttled";
    case HOLD_FORBIDDEN:
        return "forbidden";
    case HOLD_NOT_FOUND:
        return "not_found";
    case HOLD_GONE:
        return "gone";
    case HOLD_BREAKER:
        return "breaker";
    case HOLD_PRIVATE:
        return "private";
    }
    return "?";
}

/* --- rate ----------------------------------------------------------------------------------- */

static void dest_refill(struct dest *d, int64_t now_mono_ms)
{
    double more = 0;

    if (d->rate <= 0)
        return;
    more = (double)(now_mono_ms - d->tokens_at_ms) * d->rate / 1000.0;
    d->tokens = d->tokens + more > d->burst ? d->burst : d->tokens + more;
    d->tokens_at_ms = now_mono_ms;
}

bool dest_take_token(struct dest *d, int64_t now_mono_ms)
{
    if (d->rate <= 0)
        return true;
    dest_refill(d, now_mono_ms);
    if (d->tokens < 1)
        return false;
    d->tokens -= 1;
    return true;
}

bool dest_take_spare_token(struct dest *d, int64_t now_mono_ms)
{
    if (d->rate <= 0)
        return true;
    dest_refill(d, now_mono_ms);
    return d->tokens >= d->burst / 2 && dest_take_token(d, now_mono_ms);
}

bool dest_is_held(const struct dest *d)
{
    return d->hold != HOLD_NONE;
}

/* --- holds ---------------------------------------------------------------------------------- */

void dest_success(struct queue *q, struct dest *d, int64_t now_mono_ms)
{
    d->failures = 0;
    if (d->rate > 0 && d->rate < d->full_rate) {
        d->rate += d->full_rate / 20;
        d->rate = d->rate > d->full_rate ? d->full_rate : d->rate;
    }
    /* An answer to what was under way when the hold began tells that the destination lives; it
     * does not take back "not before" or "a person must look". */
    if (dest_is_held(d) && now_mono_ms < d->hold_until_ms && d->hold != HOLD_CONNECT &&
        d->hold != HOLD_BREAKER)
        return;
    if (dest_is_held(d) || d->holds)
        dest_release(q, d, now_mono_ms);
}

void dest_hold(struct queue *q, struct dest *d, enum hold_reason why, int64_t wish_ms,
               int64_t now_mono_ms)
{
    int64_t wait = 0;

    if (dest_is_held(d) && now_mono_ms < d->hold_until_ms && why != HOLD_GONE) {
        /* one of those that were under way when the hold began: it says nothing new */
        if (d->hold_until_ms < now_mono_ms + wish_ms)
            d->hold_until_ms = now_mono_ms + wish_ms;
        return;
    }
    wait = queue_backoff_ms(q, d->holds < HOLD_STEPS ? d->holds : HOLD_STEPS);
    if (why == HOLD_FORBIDDEN || why == HOLD_PRIVATE)
        wait = HOLD_SLOW_MS;
    if (wait < wish_ms)
        wait = wish_ms;
    if (!dest_is_held(d))
        d->hold_since_ms = now_mono_ms;
    d->hold = why;
    d->holds++;
    d->probing = false;
    d->hold_until_ms = why == HOLD_GONE ? INT64_MAX : now_mono_ms + wait;
    if (why == HOLD_THROTTLED && d->rate > 0)
        d->rate = d->rate / 2 < RATE_FLOOR ? RATE_FLOOR : d->rate / 2;
}

bool dest_failure(struct queue *q, struct dest *d, int64_t now_mono_ms)
{
    if (dest_is_held(d)) {
        dest_hold(q, d, HOLD_BREAKER, 0, now_mono_ms); /* the probe failed */
        return true;
    }
    if (++d->failures < BREAKER_FAILURES)
        return false;
    dest_hold(q, d, HOLD_BREAKER, 0, now_mono_ms);
    return true;
}

int64_t dest_held_ms(const struct dest *d, int64_t now_mono_ms)
{
    return d->held_total_ms + (dest_is_held(d) ? now_mono_ms - d->hold_since_ms : 0);
}
