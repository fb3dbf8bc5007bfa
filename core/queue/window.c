/* How many calls one destination may have under way.
 *
 * From: places.c (a call left, a call was answered). To: choose.c (may one more leave?).
 * Holds: what was learnt of one destination's answers. */

#include "core/queue/window.h"

#include <string.h>

#include "core/model/inject.h"

/* Design. Additive increase, multiplicative decrease, as TCP does it (RFC 5681), with TCP's slow start
 * and its forgetting of what was not used (RFC 2861), and with latency as a second sign of trouble: a
 * destination that answers ever later the more it is given is not made quicker by more. What is compared
 * is its own least time of late, so that one that is far away is no worse than one that is near. But where
 * answers take different times by nature (a refusal, a cache), the least is that of a few, and every other
 * answer would be late for ever: so what they take on average while few calls are under way is no lateness
 * either, and with so few nothing is cut for it. */

/* one answer more or less does not change the average by more than a quarter */
#define GAIN          0.25
/* … and of what is usual with few calls, which a few quick answers in a row are not to change much */
#define GAIN_LIGHT    (1.0 / 16)
/* an answer is late when it takes three times the least, but a stall of ours is no sign */
#define LATE_FACTOR   3
#define LATE_MORE_MS  200
/* what is kept of a window: after a failure, after a late answer */
#define KEPT_FAILED   0.5
#define KEPT_LATE     0.8
#define LEAST_MS      30000
#define UNUSED_MS     1000
/* a call outlasts what is usual: in multiples of the average; never earlier than … */
#define OUTLAST       4
#define OUTLAST_MS    150
/* … and for one that has not answered yet */
#define OUTLAST_FIRST 1000

void window_init(struct window *w)
{
    memset(w, 0, sizeof(*w));
    w->size = WINDOW_FIRST;
    w->threshold = INT32_MAX;
    w->least_ms[0] = w->least_ms[1] = INT64_MAX;
    w->light_ms = -1;
}

void window_restart(struct window *w)
{
    w->size = 1;
    w->threshold = INT32_MAX;
}

bool window_has_place(const struct window *w, size_t under_way)
{
    if (inject_picked("fixed"))
        return under_way < WINDOW_MOST;
    if (inject_picked("unbounded"))
        return true;
    return (double)under_way + 1 <= w->size;
}

void window_left(struct window *w, size_t under_way, int64_t now_mono_ms)
{
    int64_t unused = w->used_mono_ms ? now_mono_ms - w->used_mono_ms : 0;

    for (; unused >= UNUSED_MS && w->size > WINDOW_FIRST; unused -= UNUSED_MS)
        w->size = w->size / 2 < WINDOW_FIRST ? WINDOW_FIRST : w->size / 2;
    w->used_mono_ms = now_mono_ms;
    if ((double)under_way * 2 >= w->size)
        w->filled_mono_ms = now_mono_ms;
}

static void learn_least(struct window *w, int64_t took_ms, int64_t now_mono_ms)
{
    if (now_mono_ms - w->least_since_mono_ms >= LEAST_MS) {
        w->least_ms[1] = w->least_ms[0];
        w->least_ms[0] = INT64_MAX;
        w->least_since_mono_ms = now_mono_ms;
    }
    if (took_ms < w->least_ms[0])
        w->least_ms[0] = took_ms;
}

/* One that has become quicker shows it with many calls, too: what it took before is no measure then. */
static void learn_light(struct window *w, double took_ms)
{
    if (w->light_ms < 0)
        w->light_ms = took_ms;
    else if (w->size <= WINDOW_FIRST + 1 || w->took_ms < w->light_ms)
        w->light_ms += GAIN_LIGHT * (took_ms - w->light_ms);
}

static bool is_late(const struct window *w, int64_t took_ms)
{
    int64_t least = w->least_ms[0] < w->least_ms[1] ? w->least_ms[0] : w->least_ms[1];

    if (w->size <= WINDOW_FIRST)
        return false; /* so few are not why it is late */
    if (w->light_ms > (double)least)
        least = (int64_t)w->light_ms;
    return took_ms > least * LATE_FACTOR && took_ms > least + LATE_MORE_MS;
}

/* Once for each round: what left before the last cut says nothing of what is left since. After a failure it
 * grows back slowly; a stall of our own makes answers late as well, so what was lost to these comes back
 * with the next round of answers that are not. */
static void cut(struct window *w, bool failed, int64_t began_mono_ms, int64_t now_mono_ms)
{
    double size = w->size * (failed ? KEPT_FAILED : KEPT_LATE);

    if (w->cut_mono_ms && began_mono_ms < w->cut_mono_ms)
        return;
    w->threshold = failed ? size : w->size;
    w->size = size < 1 ? 1 : size;
    w->cut_mono_ms = now_mono_ms;
}

static void grow(struct window *w, const struct window_answer *a)
{
    if (w->filled_mono_ms < a->began_mono_ms)
        return; /* it is not used: nothing shows that more would be good */
    if (w->size < w->threshold && a->took_ms < WINDOW_SLOW_MS)
        w->size += 1;
    else
        w->size += 1 / w->size;
    if (w->size > a->most)
        w->size = a->most < 1 ? 1 : a->most;
}

void window_answered(struct window *w, const struct window_answer *a, int64_t now_mono_ms)
{
    double took = (double)a->took_ms;

    if (!a->fine) {
        /* a failure that is quick says nothing of how quick it is */
        if (a->took_ms >= WINDOW_SLOW_MS) {
            w->took_ms = w->known ? w->took_ms + GAIN * (took - w->took_ms) : took;
            w->known = true;
        }
        cut(w, true, a->began_mono_ms, now_mono_ms);
        return;
    }
    w->took_ms = w->known ? w->took_ms + GAIN * (took - w->took_ms) : took;
    w->known = true;
    learn_least(w, a->took_ms, now_mono_ms);
    learn_light(w, took);
    if (a->took_ms < WINDOW_SLOW_MS) {
        w->quick_mono_ms = now_mono_ms;
        w->used_mono_ms = now_mono_ms; /* it was used until now, however long that took */
    }
    if (is_late(w, a->took_ms))
        cut(w, false, a->began_mono_ms, now_mono_ms);
    else
        grow(w, a);
}

bool window_is_slow(const struct window *w)
{
    return w->known && w->took_ms >= WINDOW_SLOW_MS;
}

int64_t window_late_ms(const struct window *w)
{
    int64_t late = w->known ? (int64_t)(w->took_ms * OUTLAST) : OUTLAST_FIRST;

    if (late < OUTLAST_MS)
        late = OUTLAST_MS;
    return late < WINDOW_SLOW_MS ? late : WINDOW_SLOW_MS;
}
