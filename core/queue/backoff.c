/* How long until the next attempt: full jitter. */

#include "core/queue/queue.h"

#define JITTER_FLOOR_MS 200

/* xorshift: jitter needs no better randomness */
static uint64_t queue_random(struct queue *q)
{
    q->random ^= q->random << 13;
    q->random ^= q->random >> 7;
    q->random ^= q->random << 17;
    return q->random;
}

int64_t queue_backoff_ms(struct queue *q, uint32_t n)
{
    int64_t top = q->retry_base_ms;

    for (; n > 0 && top < q->retry_cap_ms; n--)
        top *= 2;
    if (top > q->retry_cap_ms)
        top = q->retry_cap_ms;
    if (top <= JITTER_FLOOR_MS)
        return top;
    return JITTER_FLOOR_MS + (int64_t)(queue_random(q) % (uint64_t)(top - JITTER_FLOOR_MS + 1));
}
