/* Which command is sent next, and which destination may make a call.
 *
 * From: dispatch.c asks. To: the same. Holds: nothing. */

#include "core/queue/private.h"
#include "core/queue/queue.h"

/* a command that no worker has room for lets others go before it for so long */
#define NO_ROOM_MS 1000
/* one that waits for what has no time is looked at again so soon */
#define AGAIN_MS   250

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

/* When a held destination can do something that it cannot do now. */
static int64_t held_until(const struct dest *d, int64_t now_mono_ms)
{
    int64_t at = d->hold_until_ms;

    if (hold_is_doubtful(d->hold) && d->hold != HOLD_GONE) {
        int64_t ask = d->ask_ms > d->not_before_ms ? d->ask_ms : d->not_before_ms;

        if (ask > now_mono_ms && ask < at)
            at = ask;
        if (d->not_before_ms > now_mono_ms && d->not_before_ms < at)
            at = d->not_before_ms;
    }
    return at > now_mono_ms ? at : now_mono_ms + AGAIN_MS;
}

/* The lane whose turn it is at @d. NULL: it leaves its ring. */
static struct lane *dest_turn(struct dest *d, bool messages_only, int64_t now_mono_ms)
{
    /* what is waited for tells by itself; a look too many costs nothing */
    int64_t at = (now_mono_ms / AGAIN_MS + 1) * AGAIN_MS;
    struct lane *l = NULL;

    if (!d->paused && !(dest_is_held(d) && d->probing) &&
        (dest_is_held(d) || d->queue->places.all == 0 ||
         window_has_place(&d->window, d->n_in_flight))) {
        l = dest_first(d, messages_only, now_mono_ms);
        if (!l && dest_is_held(d))
            at = held_until(d, now_mono_ms);
        else if (l && !dest_take_token(d, now_mono_ms)) {
            l = NULL;
            at = now_mono_ms + (int64_t)((1 - d->tokens) * 1000 / d->rate) + 1;
        } else if (!l && messages_only) {
            places_put_off(d);
            return NULL;
        }
    }
    if (!l)
        places_sleep(d, at);
    return l;
}

/* Of one class the one with the fewest calls under way that may send something. */
static struct core_command *class_next(struct queue *q, enum dest_kind kind,
                                       enum dest_class class, bool more, bool messages_only,
                                       int64_t now_mono_ms)
{
    struct list *ring = NULL;

    while (!places_shut(q, kind, class, more) &&
           (ring = places_ring(&q->places, kind, class, more))) {
        struct dest *d = LIST_ENTRY(ring->next, struct dest, link);
        struct lane *l = NULL;
        struct core_command *c = NULL;

        places_classify(d, now_mono_ms);
        places_wake(d);
        if (d->in_ring != ring) {
            q->places.moved = true;
            continue; /* it belongs elsewhere since, and has its turn there */
        }
        l = dest_turn(d, messages_only, now_mono_ms);
        if (!l)
            continue;
        c = queue_lane_head(l);
        if (dest_is_held(d)) {
            places_probing(d, true);
            d->probe = c->id;
            d->probe_lane = l->id;
        }
        list_remove(&d->link);
        list_add_tail(ring, &d->link); /* behind those who have as many */
        return c;
    }
    return NULL;
}

/* Of all classes, those that have nothing under way first. */
static struct core_command *classes_next(struct queue *q, bool messages_only,
                                         int64_t now_mono_ms)
{
    const unsigned n = DEST_N_KINDS * DEST_N_CLASSES;

    for (unsigned i = 0; i < 2 * n; i++) {
        unsigned at = (q->places.turn + i) % n;
        struct core_command *c = class_next(q, (enum dest_kind)(at % DEST_N_KINDS),
                                            (enum dest_class)(at / DEST_N_KINDS), i >= n,
                                            messages_only, now_mono_ms);

        if (c) {
            q->places.turn++;
            return c;
        }
    }
    return NULL;
}

struct core_command *queue_next(struct queue *q, bool messages_only, int64_t now_mono_ms)
{
    struct core_command *c = NULL;
    struct due *due = NULL;

    while ((due = heap_first(&q->asleep)) && due->mono_ms <= now_mono_ms)
        places_wake(LIST_ENTRY(due, struct dest, again));
    if (!messages_only)
        places_put_off_no_more(q);
    do { /* perhaps one has moved to a ring that was looked at before */
        q->places.moved = false;
        c = classes_next(q, messages_only, now_mono_ms);
    } while (!c && q->places.moved);
    return c;
}

bool queue_pass_over(struct dest *d, int64_t now_mono_ms)
{
    if (d->no_room_since_ms == 0)
        d->no_room_since_ms = now_mono_ms;
    places_pass_over(d);
    return now_mono_ms - d->no_room_since_ms < NO_ROOM_MS;
}

int64_t queue_next_due(const struct queue *q)
{
    const struct due *command = heap_first(&q->timers);
    const struct due *dest = heap_first(&q->asleep);
    int64_t next = command ? command->mono_ms : INT64_MAX;

    /* who stands in a ring may go now: places hold it up, and wake us */
    return dest && dest->mono_ms < next ? dest->mono_ms : next;
}
