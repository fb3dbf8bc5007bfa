/* A binary heap of borrowed timers. */
#include "tools/sandbox/kit/timers.h"

#include "tools/sandbox/kit/vec.h"

static struct timer *timers_at(const struct timers *ts, size_t i)
{
    return ts->heap.at[i];
}

static void timers_place(struct timers *ts, size_t i, struct timer *t)
{
    ts->heap.at[i] = t;
    t->place = i + 1;
}

static void timers_rise(struct timers *ts, size_t i, struct timer *t)
{
    while (i > 0) {
        size_t up = (i - 1) / 2;

        if (timers_at(ts, up)->due_ms <= t->due_ms)
            break;
        timers_place(ts, i, timers_at(ts, up));
        i = up;
    }
    timers_place(ts, i, t);
}

static void timers_sink(struct timers *ts, size_t i, struct timer *t)
{
    for (;;) {
        size_t down = 2 * i + 1;

        if (down >= ts->heap.n)
            break;
        if (down + 1 < ts->heap.n &&
            timers_at(ts, down + 1)->due_ms < timers_at(ts, down)->due_ms)
            down++;
        if (timers_at(ts, down)->due_ms >= t->due_ms)
            break;
        timers_place(ts, i, timers_at(ts, down));
        i = down;
    }
    timers_place(ts, i, t);
}

int timers_arm(struct timers *ts, struct timer *t, int64_t due_ms, timer_fn *fn, void *arg)
{
    int rc = 0;

    timers_disarm(ts, t);
    rc = vec_make_room(&ts->heap);
    if (rc)
        return rc;
    t->due_ms = due_ms;
    t->fn = fn;
    t->arg = arg;
    ts->heap.n++;
    timers_rise(ts, ts->heap.n - 1, t);
    return 0;
}

void timers_disarm(struct timers *ts, struct timer *t)
{
    size_t i = t->place;
    struct timer *last = NULL;

    if (i == 0)
        return;
    i--;
    t->place = 0;
    last = timers_at(ts, --ts->heap.n);
    if (last == t)
        return;
    if (i > 0 && timers_at(ts, (i - 1) / 2)->due_ms > last->due_ms)
        timers_rise(ts, i, last);
    else
        timers_sink(ts, i, last);
}

void timers_run(struct timers *ts, int64_t mono_ms)
{
    while (ts->heap.n > 0 && timers_at(ts, 0)->due_ms <= mono_ms) {
        struct timer *t = timers_at(ts, 0);

        timers_disarm(ts, t);
        t->fn(t->arg);
    }
}

int64_t timers_wait_ms(const struct timers *ts, int64_t mono_ms)
{
    int64_t due = 0;

    if (ts->heap.n == 0)
        return -1;
    due = timers_at(ts, 0)->due_ms;
    return due > mono_ms ? due - mono_ms : 0;
}

void timers_fini(struct timers *ts)
{
    vec_fini(&ts->heap);
}
