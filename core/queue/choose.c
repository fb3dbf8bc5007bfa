/* Which command is sent next, and which destination may make a call.
 *
 * From: dispatch.c asks. To: the same. Holds: nothing. */

#include "core/queue/private.h"
#include "core/queue/queue.h"

/* a command that no worker has room for lets others go before it for so long */
#define NO_ROOM_MS 1000

/* One that swallows calls must not hold every place at the workers until its breaker opens. */
static bool dest_has_its_share(const struct queue *q, const struct dest *d)
{
    return q->dest_share && d->n_in_flight >= q->dest_share;
}

bool queue_spares_place(struct queue *q, struct dest *d, int64_t now_mono_ms)
{
    if (dest_is_held(d) || dest_has_its_share(q, d))
        return false;
    return dest_take_spare_token(d, now_mono_ms);
}

bool queue_admits_call(struct queue *q, struct dest *d, bool *ret_probing, int64_t now_mono_ms)
{
    if (d->paused || dest_has_its_share(q, d) ||
        (dest_is_held(d) && (d->probing || now_mono_ms < d->hold_until_ms)) ||
        !dest_take_token(d, now_mono_ms))
        return false;
    if (dest_is_held(d)) {
        *ret_probing = d->probing = true;
        d->probe = 0; /* no command's */
        d->probe_lane = 0;
    }
    return true;
}

/* It failed in this hold, or what it has to say did before: it would tell nothing new. */
static bool has_spoken(const struct dest *d, const struct lane *l)
{
    return dest_is_witness(d, l->id) || queue_lane_head(l)->failed;
}

/* However many have failed, one that has not may know better: several clients may have sent what one
 * guard dislikes. Such a question costs one call, and the pauses between them grow. */
static bool may_ask(const struct dest *d, const struct lane *l, int64_t now_mono_ms)
{
    return hold_is_doubtful(d->hold) && d->hold != HOLD_GONE && now_mono_ms >= d->ask_ms &&
           now_mono_ms >= d->not_before_ms && !has_spoken(d, l);
}

/* The first of one list that may go: of a held destination one that has not failed in this hold,
 * if there is any; else none before the hold is over. */
static struct lane *ready_first(struct dest *d, struct list *ready, int64_t now_mono_ms)
{
    struct lane *witness = NULL;
    struct list *next = NULL;

    for (struct list *i = ready->next; i != ready; i = next) {
        struct lane *l = LIST_ENTRY(i, struct lane, link);

        next = i->next;
        if (l->scope && l->scope != d && l->scope->paused) {
            list_remove(&l->link); /* its scope was paused while it stood here */
            list_add_tail(&l->scope->parked, &l->link);
            continue;
        }
        if (!dest_is_held(d) || dest_asks_lane(d, l->id, now_mono_ms) ||
            may_ask(d, l, now_mono_ms))
            return l;
        if (!hold_is_doubtful(d->hold) || !has_spoken(d, l))
            return now_mono_ms >= d->hold_until_ms ? l : NULL;
        witness = witness ? witness : l;
    }
    return now_mono_ms >= d->hold_until_ms ? witness : NULL;
}

static struct lane *dest_first(struct dest *d, bool messages_only, int64_t now_mono_ms)
{
    struct lane *message = ready_first(d, &d->ready[0], now_mono_ms);
    struct lane *other = messages_only ? NULL : ready_first(d, &d->ready[1], now_mono_ms);

    if (!message || !other)
        return message ? message : other;
    if (dest_is_held(d) && hold_is_doubtful(d->hold) &&
        has_spoken(d, message) != has_spoken(d, other))
        return has_spoken(d, message) ? other : message;
    return message->ready_no < other->ready_no ? message : other;
}

struct core_command *queue_next(struct queue *q, bool messages_only, int64_t now_mono_ms)
{
    struct list *i = q->ring.next;
    struct core_command *c = NULL;

    while (i != &q->ring) {
        struct dest *d = LIST_ENTRY(i, struct dest, link);
        struct lane *l = NULL;

        i = i->next;
        if (d->paused || (dest_is_held(d) && d->probing) || dest_has_its_share(q, d) ||
            (q->run && d->passed_over == q->run))
            continue;
        l = dest_first(d, messages_only, now_mono_ms);
        if (!l && !queue_dest_has_ready(d))
            queue_dest_ring(q, d); /* all its lanes were parked */
        if (!l || !dest_take_token(d, now_mono_ms))
            continue;
        c = queue_lane_head(l);
        if (dest_is_held(d)) {
            d->probing = true;
            d->probe = c->id;
            d->probe_lane = l->id;
        }
        list_remove(&d->link);
        list_add_tail(&q->ring, &d->link); /* its turn is over */
        return c;
    }
    return NULL;
}

bool queue_pass_over(struct queue *q, struct dest *d, int64_t now_mono_ms)
{
    if (d->no_room_since_ms == 0)
        d->no_room_since_ms = now_mono_ms;
    d->passed_over = q->run;
    return now_mono_ms - d->no_room_since_ms < NO_ROOM_MS;
}

/* When @d can do something that it cannot do now; INT64_MAX when no time is waited for. */
static int64_t dest_next_due(const struct queue *q, const struct dest *d, int64_t now_mono_ms)
{
    if (d->paused || dest_has_its_share(q, d) || (dest_is_held(d) && d->probing))
        return INT64_MAX;
    if (dest_is_held(d) && d->not_before_ms > now_mono_ms)
        return d->not_before_ms < d->hold_until_ms ? d->not_before_ms : d->hold_until_ms;
    if (dest_is_held(d) && d->hold_until_ms > now_mono_ms)
        return d->hold_until_ms;
    if (d->rate > 0 && d->tokens < 1)
        return now_mono_ms + (int64_t)((1 - d->tokens) * 1000 / d->rate) + 1;
    return INT64_MAX; /* it may go now: workers' credit holds it up, and wakes us */
}

int64_t queue_next_due(const struct queue *q, int64_t now_mono_ms)
{
    int64_t next = q->n_heap ? q->heap[1]->due_mono_ms : INT64_MAX;

    for (const struct list *i = q->ring.next; i != &q->ring; i = i->next) {
        int64_t at = dest_next_due(q, LIST_ENTRY_CONST(i, struct dest, link), now_mono_ms);

        if (at < next)
            next = at;
    }
    return next;
}
