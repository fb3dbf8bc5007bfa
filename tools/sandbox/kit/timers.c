/* What: a list in the order of time. Timers are mostly armed for soon or, all for the same while,
 * behind the others: both ends are looked at first. */
#include "tools/sandbox/kit/timers.h"

static struct timer *timer_of(struct list *link)
{
    return LIST_ENTRY(link, struct timer, link);
}

void timers_init(struct timers *ts)
{
    list_init(&ts->armed);
}

void timers_arm(struct timers *ts, struct timer *t, int64_t due_ms, timer_fn *fn, void *arg)
{
    struct list *place = &ts->armed; /* it comes right before */

    timers_disarm(t);
    t->due_ms = due_ms;
    t->fn = fn;
    t->arg = arg;
    if (!list_is_empty(&ts->armed) && timer_of(ts->armed.next)->due_ms > due_ms)
        place = ts->armed.next;
    while (place->prev != &ts->armed && timer_of(place->prev)->due_ms > due_ms)
        place = place->prev;
    list_insert_before(place, &t->link);
}

void timers_disarm(struct timer *t)
{
    if (t->link.next)
        list_remove(&t->link);
}

void timers_run(struct timers *ts, int64_t mono_ms)
{
    while (timers_wait_ms(ts, mono_ms) == 0) {
        struct timer *t = timer_of(ts->armed.next);

        timers_disarm(t);
        t->fn(t->arg);
    }
}

int64_t timers_wait_ms(const struct timers *ts, int64_t mono_ms)
{
    int64_t due = 0;

    if (list_is_empty(&ts->armed))
        return -1;
    due = timer_of(ts->armed.next)->due_ms;
    return due > mono_ms ? due - mono_ms : 0;
}
