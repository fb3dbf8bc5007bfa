/* Events to core.
 *
 * From: the spool, what is flushed; typing and questions from the routes.
 * To: core, over the session (EVENT_PUSH, EVENT_EPHEMERAL, QUERY).
 * Holds: only which numbers are in flight; the events stay in the spool until EVENT_TAKEN. */

#include "ingress/accept/push.h"

#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "ingress/accept/beside.h"
#include "ingress/accept/over.h"
#include "ingress/accept/spool_rotate.h"
#include "ingress/spool/spool.h"
#include "ingress/spool/suspects.h"
#include "proto/bus/edge.h"
#include "proto/bus/loop.h"
#include "proto/event.h"
#include "proto/limits.h"
#include "proto/session.h"

#define PUSH_FRAME_BYTES                                                                       \
    ((size_t)1 << 20)          /* of events in one frame, unless one alone is larger */
#define PUSH_RETRY_MS   50     /* core did not read: look again */
#define PUSH_CREDIT_MAX 16384U /* events in flight, whatever core would take */
#define PUSH_AGAIN_MS   10000  /* unanswered, though core is there: it goes again */

struct push {
    struct push_config config;
    struct edge *edge;
    struct spool_cursor cursor;
    uint64_t credit;
    uint64_t credit_bytes;
    struct flight *flights; /* owned; in number order */
    size_t n_flights;
    size_t cap_flights;
    uint64_t flight_bytes;
    bool alone; /* the one flight is a suspect */
    bool later; /* core has no room: one event a second asks whether it has again … */
    bool ask;   /* … and it is time for one */
    enum {
        GOING_NOT,
        GOING_PLAIN,  /* core said that it goes: its end says nothing of any event … */
        GOING_COUNTS, /* … unless it is the same one time and again */
    } going;
    bool lost;      /* the session ended: what the flights came to is not known */
    struct id core; /* the core the flights went to */
    uint64_t known; /* the highest number that a core has named as taken; 0 none */
    uint64_t fresh; /* no number from here on was sent by this process */
    struct suspects suspects;
    struct buf events;
    struct buf frame;
    struct loop_deferred renew;
    bool renew_due; /* the spool's id is somebody else's */
    uint64_t renew_known;
    int retry_timer;
    int trouble; /* of the last attempt to push, logged once; 0 none */
    struct turn turn;
};

static void on_hello(void *arg, struct hello *ret);
static void on_heartbeat(void *arg, struct heartbeat *ret);
static void on_welcome(void *arg, const struct welcome *w);
static void on_message(void *arg, const struct envelope *env, struct view body);
static void on_lost(void *arg);
static void on_spool_refused(void *arg, struct view body);
static void begin_again(struct push *p);
static void push_renew(void *arg);
static int push_frame(struct push *p);
static void push_taken(struct push *p, struct view body);
static void push_later(struct push *p, struct view body);
static void push_unanswered(struct push *p);

int push_new(const struct push_config *config, struct push **ret_push)
{
    struct push *p = mem_zalloc(sizeof(*p));
    const struct edge_handlers on = {.hello = on_hello,
                                     .heartbeat = on_heartbeat,
                                     .welcome = on_welcome,
                                     .message = on_message,
                                     .spool_refused = on_spool_refused,
                                     .lost = on_lost,
                                     .arg = p};
    int rc = 0;

    if (!p)
        return -ENOMEM;
    p->config = *config;
    buf_init(&p->events, LIMIT_FRAME_BYTES);
    buf_init(&p->frame, LIMIT_FRAME_BYTES);
    loop_deferred_init(&p->renew, push_renew, p);
    spool_rewind(&p->cursor);
    p->fresh = spool_fresh(config->spool);
    rc = edge_new(config->loop, config->endpoint, config->boot, config->tap, &on, &p->edge);
    if (rc == 0) {
        edge_trust(p->edge, config->core);
        *ret_push = p;
        p = NULL;
    }
    push_free(p);
    return rc;
}

void push_free(struct push *p)
{
    if (!p)
        return;
    loop_cancel(&p->renew);
    loop_remove_timer(p->config.loop, p->retry_timer);
    edge_free(p->edge);
    buf_fini(&p->events);
    buf_fini(&p->frame);
    mem_free(p->flights);
    suspects_fini(&p->suspects);
    mem_free(p);
}

const char *push_refused(const struct push *p)
{
    return edge_refused(p->edge);
}

bool push_is_up(const struct push *p)
{
    return p && edge_is_up(p->edge);
}

bool push_waits(const struct push *p)
{
    return push_is_up(p) && p->later;
}

/* --- the session -------------------------------------------------------------------------- */

static void on_hello(void *arg, struct hello *ret)
{
    struct push *p = arg;

    ret->role = ROLE_INGRESS;
    ret->name = view_of(p->config.name);
    ret->registry_version = p->config.registry_version(p->config.arg);
    ret->spool = *spool_id(p->config.spool);
    ret->low = spool_first(p->config.spool);
    ret->next = spool_next(p->config.spool);
    ret->fresh = p->fresh;
    ret->known = num_max(p->known, spool_low_of_id(p->config.spool) - 1);
    ret->lives = spool_lives(p->config.spool);
}

static void on_heartbeat(void *arg, struct heartbeat *ret)
{
    struct push *p = arg;
    struct spool_stats f;

    spool_stats(p->config.spool, &f);
    ret->registry_version = p->config.registry_version(p->config.arg);
    ret->spool_events = f.events;
    ret->spool_bytes = f.bytes;
    ret->low = spool_low(p->config.spool);
    if (p->config.refused)
        ret->refused = p->config.refused(p->config.arg);
    if (p->config.refusals)
        ret->refusals = p->config.refusals(p->config.arg);
    if (p->config.heartbeat)
        p->config.heartbeat(p->config.arg, ret);
    turn_step(&p->turn, p->config.spool, p->edge); /* what could not be done before */
    if (p->renew_due)
        loop_defer(p->config.loop, &p->renew);
    push_unanswered(p);
    p->ask = p->later;
    if (p->ask)
        push_wake(p);
}

static void on_lost(void *arg)
{
    struct push *p = arg;

    p->lost = true; /* the flights are counted when core is back and says who it is */
    if (p->config.lost)
        p->config.lost(p->config.arg);
}

/* Marks what core names. -ENOMEM: not all of it. */
static int take_pairs(struct push *p, struct view pairs)
{
    int rc = 0;

    for (size_t i = 0; i < pairs_count(pairs); i++) {
        uint64_t low = 0;
        uint64_t high = 0;

        pairs_at(pairs, i, &low, &high);
        p->known = num_max(p->known, high);
        if (spool_take(p->config.spool, low, high))
            rc = -ENOMEM;
    }
    if (rc)
        log_line(LOG_LEVEL_ERROR, "spool.no_memory", NULL); /* unanswered ones go again */
    return rc;
}

static void note_kept(int rc)
{
    if (rc)
        log_failed(LOG_LEVEL_WARN, "spool.floor_not_kept", rc, NULL); /* said again */
}

/* The marks here are a memory of what core knew. What it says now counts: if its store was put
 * back to an older state, it knows less, and all that still lies here goes again. An older core
 * that has nothing of this spool says nothing about it. */
static void hear_what_core_has(struct push *p, const struct welcome *w)
{
    struct spool_stats before;
    struct spool_stats after;

    spool_stats(p->config.spool, &before);
    if (w->low)
        note_kept(spool_id_known(p->config.spool, w->mark > 0));
    if (w->low || w->mark || w->taken.ptr) {
        if (spool_untake(p->config.spool))
            log_line(LOG_LEVEL_ERROR, "spool.no_memory", NULL); /* some go again in vain */
        if (w->low > 1 && spool_take(p->config.spool, 1, w->low - 1))
            log_line(LOG_LEVEL_ERROR, "spool.no_memory", NULL);
    }
    (void)!take_pairs(p, w->taken); /* core knows them when they come again */
    spool_stats(p->config.spool, &after);
    if (after.events > before.events)
        log_line(LOG_LEVEL_WARN, "spool.taken_forgotten", "events=%" PRIu64 " mark=%" PRIu64,
                 after.events - before.events, w->mark);
}

/* What is taken is under way no more. */
static void flights_settle(struct push *p)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->n_flights; i++) {
        if (spool_has_taken(p->config.spool, p->flights[i].number))
            p->flight_bytes -= p->flights[i].bytes;
        else
            p->flights[kept++] = p->flights[i];
    }
    p->n_flights = kept;
    p->alone = p->alone && kept > 0;
}

/* @known: below it core has everything of the old id; 0 it did not say. */
static void renew_id(struct push *p, uint64_t known)
{
    p->renew_due = true;
    p->renew_known = known ? known : UINT64_MAX;
    p->credit = 0;
    loop_defer(p->config.loop, &p->renew);
}

static void on_welcome(void *arg, const struct welcome *w)
{
    struct push *p = arg;

    if (w->registry.ptr)
        p->config.registry(p->config.arg, w->registry);
    if (p->config.over)
        over_forget(p->config.over); /* who it is comes behind this */
    if (!id_equal(&w->spool, spool_id(p->config.spool)) && !id_is_zero(&w->spool))
        return; /* an answer to a HELLO of before the id changed */
    if (w->mark >= p->fresh) {
        /* core has taken numbers that this process has not sent: this spool is a copy of an older
           state, or has lost its end */
        log_line(LOG_LEVEL_WARN, "spool.restored",
                 "next=%" PRIu64 " fresh=%" PRIu64 " mark=%" PRIu64,
                 spool_next(p->config.spool), p->fresh, w->mark);
        renew_id(p, w->low);
        return;
    }
    if (p->lost || !id_equal(&p->core, edge_core_boot(p->edge))) {
        note_kept(spool_heard(p->config.spool));
        hear_what_core_has(p, w);
        begin_again(p);
    } else {
        (void)!take_pairs(p, w->taken); /* what stays unmarked goes again */
        flights_settle(p);
    }
    p->later = false; /* it says so if it is */
    p->credit = num_min(w->credit ? w->credit : LIMIT_CREDIT_EVENTS, PUSH_CREDIT_MAX);
    p->credit_bytes = w->credit_bytes ? w->credit_bytes : LIMIT_CREDIT_BYTES;
    if (p->config.taken)
        p->config.taken(p->config.arg);
    turn_step(&p->turn, p->config.spool, p->edge);
    push_wake(p);
}

static void on_spool_refused(void *arg, struct view body)
{
    struct push *p = arg;
    struct spool_refused r;
    char space[LOG_VALUE_MAX];

    if (spool_refused_decode(body, &r) || !id_equal(&r.spool, spool_id(p->config.spool)))
        return; /* an answer to a HELLO of before the id changed */
    log_line(LOG_LEVEL_WARN, "spool.refused", "reason=%s", log_value(r.reason, space));
    renew_id(p, r.low);
}

/* Everything not taken goes again, in order. */
static void push_from_start(struct push *p)
{
    p->n_flights = 0;
    p->flight_bytes = 0;
    p->alone = false;
    spool_rewind(&p->cursor);
}

/* Nothing sent is certain. A second WELCOME in one session (several frames of the old one were
 * each answered HELLO_AGAIN) is no such beginning. The event that asks for room again (p->later) says nothing
 * by core's end: a core that is dead already is asked, too, and while the queue is full it is the same one each
 * time. If core did have room and died of it, its next life has room, and dies of it again. */
static void begin_again(struct push *p)
{
    bool counts = !id_equal(&p->core, edge_core_boot(p->edge)) && !p->later;

    if (counts && p->going == GOING_NOT)
        suspects_died(&p->suspects, p->flights, p->n_flights, p->alone);
    if (counts && p->going == GOING_COUNTS)
        suspects_ended(&p->suspects, p->flights, p->n_flights, p->alone);
    p->going = GOING_NOT;
    p->core = *edge_core_boot(p->edge);
    p->lost = false;
    push_from_start(p);
}

/* A frame or its answer got lost on the way, or core could not name what it took. */
static void push_unanswered(struct push *p)
{
    /* in number order, and so in the order of sending */
    if (p->n_flights == 0 || clock_mono_ms() - p->flights[0].sent_ms < PUSH_AGAIN_MS)
        return;
    log_line(LOG_LEVEL_WARN, "event.unanswered", "events=%zu", p->n_flights);
    push_from_start(p);
    push_wake(p);
}

static void push_renew(void *arg)
{
    struct push *p = arg;

    int rc = spool_renew_id(p->config.spool, p->renew_known);

    if (rc) {
        log_failed(LOG_LEVEL_ERROR, "spool.id_not_renewed", rc, NULL);
        return; /* tried again within a second: core refuses the old one, or the heartbeat asks */
    }
    p->renew_due = false;
    p->lost = true;
    p->known = 0; /* under another id */
    edge_restart(p->edge);
}

static void on_message(void *arg, const struct envelope *env, struct view body)
{
    struct push *p = arg;

    if (env->kind == MSG_EVENT_TAKEN)
        push_taken(p, body);
    else if (env->kind == MSG_EVENT_LATER)
        push_later(p, body);
    else if (env->kind == MSG_REGISTRY)
        p->config.registry(p->config.arg, body);
    else if (env->kind == MSG_SHARES && p->config.over)
        over_hear(p->config.over, body, clock_mono_ms());
    else if (env->kind == MSG_GOING)
        p->going = going_counts(body) ? GOING_COUNTS : GOING_PLAIN;
    else if (env->kind == MSG_ANSWER)
        beside_answered(&p->config, body);
    else if (env->kind == MSG_REPLAY)
        beside_replay(&p->config, body);
    else if (env->kind == MSG_SPOOL_ROTATE)
        turn_asked(&p->turn, p->config.spool, p->edge, body);
}

/* --- past the spool ----------------------------------------------------------------------- */

bool push_ephemeral(struct push *p, const struct event *e)
{
    return push_is_up(p) && beside_ephemeral(p->edge, e) == 0;
}

int push_query(struct push *p, const struct query *q)
{
    return push_is_up(p) ? beside_query(p->edge, q) : EDGE_E_AWAY;
}

/* --- pushing ------------------------------------------------------------------------------ */

static void push_again(void *arg)
{
    struct push *p = arg;

    p->retry_timer = 0;
    push_wake(p);
}

void push_wake(struct push *p)
{
    int rc = 0;

    while (edge_is_up(p->edge) && rc == 0)
        rc = push_frame(p);
    if (rc < 0 && rc != p->trouble)
        log_failed(LOG_LEVEL_ERROR, "event.push_failed", rc, NULL);
    p->trouble = rc < 0 ? rc : 0;
    /* errors pass; a silent core is the session's to see */
    if ((rc < 0 || rc == EDGE_E_FULL) && !p->retry_timer &&
        loop_add_timer(p->config.loop, PUSH_RETRY_MS, false, push_again, p, &p->retry_timer))
        log_failed(LOG_LEVEL_ERROR, "event.push_failed", -ENOMEM, NULL);
}

static int flight_reserve(struct push *p)
{
    size_t cap = p->cap_flights ? p->cap_flights * 2 : 64;
    struct flight *f = NULL;

    if (p->n_flights < p->cap_flights)
        return 0;
    f = mem_realloc(p->flights, cap * sizeof(*f));
    if (!f)
        return -ENOMEM;
    p->flights = f;
    p->cap_flights = cap;
    return 0;
}

enum {
    PUSH_NOTHING = 100, /* nothing (more) to send now */
};

/* May this event travel with what is under way? */
static bool push_fits(const struct push *p, bool alone, uint64_t bytes)
{
    if (p->n_flights == 0)
        return true;
    if (p->alone || alone)
        return false;
    return p->n_flights < (p->later ? 1 : p->credit) &&
           p->flight_bytes + bytes <= p->credit_bytes;
}

/* One event more into p->events and the flights. */
static int push_collect(struct push *p)
{
    struct spool_cursor at = p->cursor;
    const struct suspect *s = NULL;
    uint64_t number = 0;
    size_t len = p->events.len;
    bool alone = false;
    struct view body;
    int rc = spool_read(p->config.spool, &at, &number, &body);

    if (rc == SPOOL_E_END) {
        p->cursor = at;
        return PUSH_NOTHING;
    }
    if (rc)
        return rc;
    s = suspects_find(&p->suspects, number);
    alone = suspects_alone(&p->suspects, s, number);
    if (!push_fits(p, alone, body.len))
        return PUSH_NOTHING;
    rc = flight_reserve(p);
    rc = rc ? rc : event_push_add(&p->events, number, body, s && s->marked);
    if (rc) {
        p->events.len = len; /* no half of an event may go */
        p->events.error = 0;
        return rc;
    }
    p->flights[p->n_flights++] = (struct flight){number, body.len, clock_mono_ms()};
    p->flight_bytes += body.len;
    p->alone = alone;
    p->cursor = at;
    return 0;
}

/* One EVENT_PUSH. 0 sent; PUSH_NOTHING, EDGE_E_*, -errno: nothing is, and nothing has moved. */
static int push_frame(struct push *p)
{
    struct spool_cursor before = p->cursor;
    size_t n_before = p->n_flights;
    uint64_t bytes_before = p->flight_bytes;
    bool alone_before = p->alone;
    size_t n = 0;
    int rc = p->credit && (!p->later || p->ask) ? 0 : PUSH_NOTHING;

    buf_reset(&p->events);
    while (rc == 0 && n < LIMIT_FRAME_EVENTS && p->events.len < PUSH_FRAME_BYTES) {
        rc = push_collect(p);
        n += rc == 0;
    }
    if (n == 0)
        return rc;
    buf_reset(&p->frame);
    rc = event_push_begin(&p->frame, spool_id(p->config.spool), spool_low(p->config.spool), n);
    rc = rc ? rc : buf_add_view(&p->frame, buf_view(&p->events));
    rc = rc ? rc : edge_send(p->edge, MSG_EVENT_PUSH, NULL, buf_view(&p->frame));
    if (rc) {
        p->cursor = before;
        p->n_flights = n_before;
        p->flight_bytes = bytes_before;
        p->alone = alone_before;
    } else {
        p->fresh = num_max(p->fresh, p->flights[p->n_flights - 1].number + 1);
        p->ask = false;
    }
    if (p->frame.cap > 2 * PUSH_FRAME_BYTES) { /* a rare large event */
        buf_fini(&p->frame);
        buf_fini(&p->events);
    }
    return rc;
}

static void push_taken(struct push *p, struct view body)
{
    struct id spool;
    struct view pairs;
    size_t kept = 0;

    if (taken_decode(body, &spool, &pairs)) {
        log_line(LOG_LEVEL_ERROR, "event.taken_malformed", NULL);
        return;
    }
    if (!id_equal(&spool, spool_id(p->config.spool)))
        return;
    if (take_pairs(p, pairs))
        return; /* unanswered, then: they go again */
    note_kept(spool_id_known(p->config.spool, true));
    for (size_t i = 0; i < p->n_flights; i++) {
        bool taken = false;

        for (size_t k = 0; k < pairs_count(pairs) && !taken; k++) {
            uint64_t low = 0;
            uint64_t high = 0;

            pairs_at(pairs, k, &low, &high);
            taken = p->flights[i].number >= low && p->flights[i].number <= high;
        }
        if (taken)
            p->flight_bytes -= p->flights[i].bytes;
        else
            p->flights[kept++] = p->flights[i];
    }
    p->n_flights = kept;
    p->alone = p->alone && kept > 0;
    if (p->later)
        log_line(LOG_LEVEL_INFO, "core.room", NULL);
    p->later = false;
    for (size_t k = 0; p->suspects.n && k < pairs_count(pairs); k++) {
        uint64_t low = 0;
        uint64_t high = 0;

        pairs_at(pairs, k, &low, &high);
        suspects_drop(&p->suspects, low, high);
    }
    if (p->config.taken)
        p->config.taken(p->config.arg);
    turn_step(&p->turn, p->config.spool, p->edge);
    push_wake(p);
}

/* What core has not taken is under way no more: whatever core dies of now, it is not that. */
static void push_later(struct push *p, struct view body)
{
    struct view pairs;
    struct id spool;

    if (taken_decode(body, &spool, &pairs) || !id_equal(&spool, spool_id(p->config.spool)))
        return; /* nothing answers for its events: they go again */
    if (!p->later)
        log_line(LOG_LEVEL_WARN, "core.full", NULL);
    p->later = true;
    push_from_start(p);
}
