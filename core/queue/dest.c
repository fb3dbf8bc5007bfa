/* Destinations by themselves: rate, holds and the breaker. What they do to lanes is in queue.c.
 *
 * A hold says when the next probe may go; the answer to that probe ends or renews it. */

#include "core/queue/queue.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "core/queue/private.h"

/* a breaker opens after so many counted failures in a row … */
#define BREAKER_FAILURES 5
/* … of so many lanes: one that fails alone pays for its own attempts */
#define BREAKER_LANES    2
/* a destination that says that it is gone is believed by so many lanes */
#define GONE_LANES       2
/* a probe costs one call, so it never waits longer than 2^5 times the base, however far the
 * back-off of commands may grow */
#define HOLD_STEPS       5
/* the slow probe of a hold that needs a person */
#define HOLD_SLOW_MS     60000
/* after 429 the rate halves, not below this; each success gives a twentieth back */
#define RATE_FLOOR       0.5
/* Where none is set one is learnt: of what was served in the last second, and of the rate that was too much,
 * this is kept … */
#define RATE_KEPT        0.7
/* … each success makes it more: by much up to close below what was too much … */
#define RATE_QUICK       0.5
#define RATE_NEAR        0.75
/* … then by little, which is two of a hundred in a second … */
#define RATE_STEP        0.02
/* … until it limits nothing. */
#define RATE_FORGOTTEN   200.0

static const char *dest_kind_name(enum dest_kind kind)
{
    switch (kind) {
    case DEST_SCOPE:
        return "scope";
    case DEST_CONNECTOR:
        break;
    }
    return "connector";
}

struct dest *queue_dest(struct queue *q, enum dest_kind kind, struct view name)
{
    char key[700];
    struct dest *d = NULL;
    int n =
        snprintf(key, sizeof(key), "%s:%.*s", dest_kind_name(kind), (int)name.len, name.ptr);

    if (n < 0 || (size_t)n >= sizeof(key))
        return NULL;
    d = table_get(q->dests, view_of(key));
    if (d)
        return d;
    d = mem_zalloc(sizeof(*d));
    if (!d)
        return NULL;
    d->key = mem_strdup(key);
    d->name = d->key ? d->key + strlen(dest_kind_name(kind)) + 1 : NULL;
    list_init(&d->link);
    list_init(&d->ready[0]);
    list_init(&d->ready[1]);
    list_init(&d->parked);
    list_init(&d->commands);
    list_init(&d->running);
    list_init(&d->busy);
    window_init(&d->window);
    d->queue = q;
    d->class = DEST_FRESH;
    d->kind = kind;
    d->full_rate = kind == DEST_SCOPE ? q->scope_rate : 0;
    d->rate = d->full_rate;
    d->burst = q->scope_burst;
    d->tokens = d->burst;
    if (!d->key || !heap_reserve(&q->asleep, table_count(q->dests) + 1) ||
        table_add(q->dests, view_of(d->key), d)) {
        mem_free(d->key);
        mem_free(d);
        return NULL;
    }
    list_add_tail(&q->all_dests, &d->in_all);
    return d;
}

struct dest *queue_dest_of(const struct queue *q, struct view key)
{
    return table_get(q->dests, key);
}

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
    case HOLD_PROXY:
        return "proxy";
    }
    return "?";
}

const char *hold_reason_words(enum hold_reason r)
{
    switch (r) {
    case HOLD_NONE:
        return "not held";
    case HOLD_CONNECT:
        return "it cannot be reached";
    case HOLD_THROTTLED:
        return "it wants fewer calls";
    case HOLD_FORBIDDEN:
        return "it does not let us in: do what its answer says; if it says nothing more, "
               "compare the secret on both sides, and the clocks";
    case HOLD_NOT_FOUND:
        return "there is nothing at its address, or the account is not connected any more";
    case HOLD_GONE:
        return "it says that it is gone, for good";
    case HOLD_BREAKER:
        return "it fails again and again";
    case HOLD_PRIVATE:
        return "its address is in a private network";
    case HOLD_PROXY:
        return "something before it answers in its place: a proxy, a redirect, a page";
    }
    return "?";
}

bool hold_is_doubtful(enum hold_reason r)
{
    return r == HOLD_FORBIDDEN || r == HOLD_NOT_FOUND || r == HOLD_GONE || r == HOLD_BREAKER ||
           r == HOLD_PROXY;
}

/* --- rate ----------------------------------------------------------------------------------- */

static double dest_burst(const struct dest *d)
{
    return d->full_rate > 0 ? d->burst : 1; /* a learnt rate is kept evenly */
}

static void dest_refill(struct dest *d, int64_t now_mono_ms)
{
    double burst = dest_burst(d);
    double more = 0;

    if (d->rate <= 0)
        return;
    more = (double)(now_mono_ms - d->tokens_at_ms) * d->rate / 1000.0;
    d->tokens = d->tokens + more > burst ? burst : d->tokens + more;
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
    if (d->full_rate <= 0 && queue_dest_has_ready(d))
        return false; /* it would be the one that they wait for */
    dest_refill(d, now_mono_ms);
    return d->tokens >= dest_burst(d) / 2 && dest_take_token(d, now_mono_ms);
}

/* How many a second, of late. */
static void count_served(struct dest *d, int64_t now_mono_ms)
{
    if (now_mono_ms - d->second_mono_ms >= 1000) {
        d->n_served_before = now_mono_ms - d->second_mono_ms < 2000 ? d->n_served_second : 0;
        d->n_served_second = 0;
        d->second_mono_ms = now_mono_ms;
    }
    d->n_served_second++;
}

/* The most in a second that ended within the last one, or that has not ended yet. */
static uint32_t served_lately(const struct dest *d, int64_t now_mono_ms)
{
    int64_t age = now_mono_ms - d->second_mono_ms;

    if (age >= 2000)
        return 0;
    return age < 1000 && d->n_served_before > d->n_served_second ? d->n_served_before
                                                                 : d->n_served_second;
}

static void rate_succeeded(struct dest *d, int64_t now_mono_ms)
{
    count_served(d, now_mono_ms);
    if (d->rate <= 0)
        return;
    if (d->full_rate > 0)
        d->rate += d->full_rate / 20;
    else
        d->rate += d->rate < d->rate_near ? RATE_QUICK : RATE_STEP;
    if (d->full_rate > 0 && d->rate > d->full_rate)
        d->rate = d->full_rate;
    else if (d->full_rate <= 0 && d->rate > RATE_FORGOTTEN)
        d->rate = 0;
}

/* A 429 tells how much is too much only while there is more to send than goes. One that comes when little is
 * sent has another reason, and what is kept of the rate must not last. */
static void rate_throttled(struct dest *d, int64_t now_mono_ms)
{
    uint32_t served = served_lately(d, now_mono_ms);
    bool behind = !list_is_empty(&d->ready[0]) || !list_is_empty(&d->ready[1]);

    if (d->full_rate > 0) {
        d->rate /= 2;
    } else if (d->rate > 0) {
        if (behind)
            d->rate_near = d->rate * RATE_NEAR;
        d->rate *= RATE_KEPT;
    } else {
        d->rate_near = behind && served ? served * RATE_NEAR : RATE_FORGOTTEN;
        d->rate = served * RATE_KEPT;
        d->tokens = 0;
        d->tokens_at_ms = now_mono_ms;
    }
    if (d->rate < RATE_FLOOR)
        d->rate = RATE_FLOOR;
}

bool dest_is_held(const struct dest *d)
{
    return d->hold != HOLD_NONE;
}

/* --- witnesses ------------------------------------------------------------------------------ */

bool dest_is_witness(const struct dest *d, int64_t lane)
{
    for (uint32_t i = 0; i < d->n_witnesses; i++) {
        if (d->witness[i] == lane)
            return true;
    }
    return false;
}

static void dest_witness(struct dest *d, int64_t lane)
{
    if (lane == 0) {
        while (d->n_witnesses < DEST_WITNESSES)
            d->witness[d->n_witnesses++] = 0;
    } else if (d->n_witnesses < DEST_WITNESSES && !dest_is_witness(d, lane)) {
        d->witness[d->n_witnesses++] = lane;
    }
}

bool dest_asks_lane(const struct dest *d, int64_t lane, int64_t now_mono_ms)
{
    uint32_t enough = d->hold == HOLD_GONE ? GONE_LANES : DEST_WITNESSES;

    return hold_is_doubtful(d->hold) && d->n_witnesses < enough && !dest_is_witness(d, lane) &&
           now_mono_ms >= d->not_before_ms;
}

static void dest_serve(struct dest *d, int64_t lane)
{
    if (lane != d->served_lane) {
        d->served_before = d->served_no;
        d->served_lane = lane;
    }
    d->served_no = ++d->n_served;
}

void dest_connected(struct dest *d)
{
    d->connected_no = ++d->n_served;
}

uint64_t dest_served_others(const struct dest *d, int64_t lane)
{
    return lane == d->served_lane ? d->served_before : d->served_no;
}

/* --- holds ---------------------------------------------------------------------------------- */

/* An answer to what was under way when the hold began tells that the destination lives; it does
 * not take back "not before" or "a person must look". */
static bool hold_stands(const struct dest *d, int64_t lane, int64_t now_mono_ms)
{
    if (!dest_is_held(d) || now_mono_ms >= d->hold_until_ms)
        return false;
    if (d->hold == HOLD_CONNECT || (d->hold == HOLD_BREAKER && now_mono_ms >= d->not_before_ms))
        return false;
    return !(hold_is_doubtful(d->hold) && d->probing && d->probe_lane == lane);
}

void dest_success(struct dest *d, int64_t lane, int64_t now_mono_ms)
{
    d->failures = 0;
    dest_serve(d, lane);
    rate_succeeded(d, now_mono_ms);
    if (hold_stands(d, lane, now_mono_ms))
        return;
    if (dest_is_held(d) || d->holds)
        dest_release(d, now_mono_ms);
    d->n_witnesses = 0;
}

static void dest_not_before(struct dest *d, int64_t at_mono_ms)
{
    if (d->hold_until_ms < at_mono_ms)
        d->hold_until_ms = at_mono_ms;
    if (d->not_before_ms < at_mono_ms)
        d->not_before_ms = at_mono_ms;
}

void dest_hold(struct queue *q, struct dest *d, enum hold_reason why, int64_t lane,
               int64_t wish_ms, int64_t now_mono_ms)
{
    bool held = dest_is_held(d);
    int64_t wait = 0;

    if (!dest_is_held(d) && why != HOLD_BREAKER)
        d->n_witnesses = 0; /* of failures that were no hold's */
    dest_witness(d, lane);
    if (!dest_is_held(d))
        d->n_asked = 0;
    else if (d->probing && d->probe_lane == lane && d->n_asked < HOLD_STEPS)
        d->n_asked++;
    d->ask_ms = now_mono_ms + queue_backoff_ms(q, d->n_asked);
    if (dest_is_held(d) && now_mono_ms < d->hold_until_ms && why != HOLD_GONE) {
        /* one of those that were under way when the hold began, or one that was asked whether it
         * is everybody's: the wait is the same */
        if (wish_ms > 0)
            dest_not_before(d, now_mono_ms + wish_ms);
        if (d->probe_lane == lane)
            places_probing(d, false);
        places_wake(d); /* another lane may be asked */
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
    places_probing(d, false);
    d->hold_until_ms = why == HOLD_GONE ? INT64_MAX : now_mono_ms + wait;
    if (wish_ms > 0)
        dest_not_before(d, now_mono_ms + wish_ms);
    places_classify(d, now_mono_ms);
    places_wake(d);
    /* a probe goes alone: refused, it says that it came too early, not that a learnt rate is too much */
    if (why == HOLD_THROTTLED && (!held || d->full_rate > 0))
        rate_throttled(d, now_mono_ms);
}

bool dest_failure(struct queue *q, struct dest *d, int64_t lane, int64_t wish_ms,
                  int64_t now_mono_ms)
{
    if (dest_is_held(d)) {
        dest_hold(q, d, HOLD_BREAKER, lane, wish_ms, now_mono_ms); /* the probe failed */
        return true;
    }
    dest_witness(d, lane);
    if (++d->failures < BREAKER_FAILURES || d->n_witnesses < BREAKER_LANES)
        return false;
    dest_hold(q, d, HOLD_BREAKER, lane, wish_ms, now_mono_ms);
    return true;
}

int64_t dest_held_ms(const struct dest *d, int64_t now_mono_ms)
{
    return d->held_total_ms + (dest_is_held(d) ? now_mono_ms - d->hold_since_ms : 0);
}

void dest_probe_now(struct dest *d, int64_t now_mono_ms)
{
    d->hold_until_ms = now_mono_ms;
    places_wake(d);
}
