/* Events to core.
 *
 * From: the spool, what is flushed; typing and questions from the routes.
 * To: core, over the session (EVENT_PUSH, EVENT_HINT, QUERY).
 * Holds: only which numbers are in flight; the events stay in the spool until EVENT_TAKEN. */

#include "ingress/push.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "ingress/spool.h"
#include "proto/bus/edge.h"
#include "proto/bus/loop.h"
#include "proto/event.h"
#include "proto/limits.h"
#include "proto/query.h"
#include "proto/session.h"

#define PUSH_FRAME_BYTES                                                                       \
    ((size_t)1 << 20)          /* of events in one frame, unless one alone is larger */
#define PUSH_RETRY_MS   50     /* core did not read: look again */
#define PUSH_CREDIT_MAX 16384U /* events in flight, whatever core would take */
#define PUSH_LOSSES     2      /* deaths of core until an event travels alone */
#define PUSH_ALONE      2      /* deaths with it alone until it is marked: one may be chance */
#define PUSH_ENDS       3 /* orderly ends of core with the same event first, or alone, in hand */

struct flight {
    uint64_t number;
    uint64_t bytes;
};

/* An event that was in flight when core died. */
struct suspect {
    uint64_t number;
    unsigned losses;
    unsigned alone; /* of them while it travelled alone */
    unsigned ends;  /* orderly ends of core while it travelled alone */
    bool marked;    /* nothing else explains them */
};

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
    bool alone;          /* the one flight is a suspect */
    bool in_order;       /* core said that it goes: its end says nothing of any event … */
    bool end_counts;     /* … unless it is the same one time and again */
    uint64_t first;      /* the event that was first in hand at the last such end … */
    unsigned first_ends; /* … and at so many in a row */
    uint64_t careful;    /* up to this number events travel one by one */
    bool lost;           /* the session ended: what the flights came to is not known */
    struct id core;      /* the core the flights went to */
    struct suspect *suspects; /* owned; in number order */
    size_t n_suspects;
    struct buf events;
    struct buf frame;
    struct loop_deferred renew;
    int retry_timer;
    /* SPOOL_TURN */
    uint64_t turn;        /* core's number of it; 0 none */
    uint64_t turn_before; /* what lay in the spool then has lower numbers */
    bool turn_closed;     /* the file of then takes no more events */
    bool turn_told;       /* core has the answer */
};

static void on_hello(void *arg, struct hello *ret);
static void on_heartbeat(void *arg, struct heartbeat *ret);
static void on_welcome(void *arg, const struct welcome *w);
static void on_message(void *arg, const struct envelope *env, struct view body);
static void on_lost(void *arg);
static void begin_again(struct push *p);
static void push_renew(void *arg);
static int push_frame(struct push *p);
static void push_taken(struct push *p, struct view body);
static void push_answered(struct push *p, struct view body);
static void push_replay(struct push *p, struct view body);
static void push_turn(struct push *p, struct view body);
static void turn_on(struct push *p);
static void push_going(struct push *p, struct view body);
static void count_losses(struct push *p);

int push_new(const struct push_config *config, struct push **ret_push)
{
    struct push *p = mem_zalloc(sizeof(*p));
    struct edge_handlers on = {on_hello, on_heartbeat, on_welcome, on_message, on_lost, p};
    int rc = 0;

    if (!p)
        return -ENOMEM;
    p->config = *config;
    buf_init(&p->events, LIMIT_FRAME_BYTES);
    buf_init(&p->frame, LIMIT_FRAME_BYTES);
    loop_deferred_init(&p->renew, push_renew, p);
    spool_rewind(config->spool, &p->cursor);
    rc = edge_new(config->loop, config->endpoint, config->boot, config->tap, &on, &p->edge);
    if (rc == 0) {
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
    mem_free(p->suspects);
    mem_free(p);
}

bool push_is_up(const struct push *p)
{
    return p && edge_is_up(p->edge);
}

/* --- the session -------------------------------------------------------------------------- */

static void on_hello(void *arg, struct hello *ret)
{
    struct push *p = arg;

    ret->role = ROLE_INGRESS;
    ret->name = view_of(p->config.name);
    ret->registry_version = p->config.registry_version(p->config.arg);
    ret->spool = *spool_id(p->config.spool);
    ret->low = spool_low(p->config.spool);
    ret->next = spool_next(p->config.spool);
}

static void on_heartbeat(void *arg, struct heartbeat *ret)
{
    struct push *p = arg;
    struct spool_figures f;

    spool_figures(p->config.spool, &f);
    ret->registry_version = p->config.registry_version(p->config.arg);
    ret->spool_events = f.events;
    ret->spool_bytes = f.bytes;
    turn_on(p); /* what could not be done before */
}

static void on_lost(void *arg)
{
    struct push *p = arg;

    p->lost = true; /* the flights are counted when core is back and says who it is */
    if (p->config.lost)
        p->config.lost(p->config.arg);
}

/* Marks what core names. Some may stay unmarked without memory: core knows them when they come
 * again. */
static void take_pairs(struct push *p, struct view pairs)
{
    for (size_t i = 0; i < pairs_count(pairs); i++) {
        uint64_t low = 0;
        uint64_t high = 0;

        pairs_at(pairs, i, &low, &high);
        if (spool_take(p->config.spool, low, high))
            log_line(LOG_LEVEL_ERROR, "spool.no_memory", NULL);
    }
}

static void on_welcome(void *arg, const struct welcome *w)
{
    struct push *p = arg;

    if (w->registry.ptr)
        p->config.registry(p->config.arg, w->registry);
    if (!id_equal(&w->spool, spool_id(p->config.spool)) && !id_is_zero(&w->spool))
        return; /* an answer to a HELLO of before the id changed */
    if (spool_next(p->config.spool) <= w->mark) {
        /* core has taken numbers we are yet to give: this spool is a copy of an older state */
        log_line(LOG_LEVEL_WARN, "spool.restored", "next=%" PRIu64 " mark=%" PRIu64,
                 spool_next(p->config.spool), w->mark);
        loop_defer(p->config.loop, &p->renew);
        p->credit = 0;
        return;
    }
    take_pairs(p, w->taken);
    if (p->lost || !id_equal(&p->core, edge_core_boot(p->edge)))
        begin_again(p);
    p->credit = num_min(w->credit ? w->credit : LIMIT_CREDIT_EVENTS, PUSH_CREDIT_MAX);
    p->credit_bytes = w->credit_bytes ? w->credit_bytes : LIMIT_CREDIT_BYTES;
    if (p->config.taken)
        p->config.taken(p->config.arg);
    turn_on(p);
    push_wake(p);
}

/* Nothing sent is certain: everything not taken goes again, in order. A second WELCOME in one
 * session (several frames of the old one were each answered HELLO_AGAIN) is no such beginning. */
static void begin_again(struct push *p)
{
    count_losses(p);
    p->core = *edge_core_boot(p->edge);
    p->n_flights = 0;
    p->flight_bytes = 0;
    p->alone = false;
    p->lost = false;
    spool_rewind(p->config.spool, &p->cursor);
}

static void push_renew(void *arg)
{
    struct push *p = arg;

    if (spool_renew_id(p->config.spool)) {
        log_line(LOG_LEVEL_ERROR, "spool.id_not_renewed", NULL); /* asked again at WELCOME */
        return;
    }
    p->lost = true;
    edge_restart(p->edge);
}

static void on_message(void *arg, const struct envelope *env, struct view body)
{
    struct push *p = arg;

    if (env->kind == MSG_EVENT_TAKEN)
        push_taken(p, body);
    else if (env->kind == MSG_REGISTRY)
        p->config.registry(p->config.arg, body);
    else if (env->kind == MSG_GOING)
        push_going(p, body);
    else if (env->kind == MSG_ANSWER)
        push_answered(p, body);
    else if (env->kind == MSG_REPLAY)
        push_replay(p, body);
    else if (env->kind == MSG_SPOOL_TURN)
        push_turn(p, body);
}

/* --- past the spool ----------------------------------------------------------------------- */

bool push_hint(struct push *p, const struct event *e)
{
    struct buf event;
    int rc = 0;

    if (!push_is_up(p))
        return false;
    buf_init(&event, LIMIT_HINT_BYTES);
    buf_reset(&p->frame);
    rc = event_encode(e, &event);
    rc = rc ? rc : hint_encode(buf_view(&event), &p->frame);
    rc = rc ? rc : edge_send(p->edge, MSG_EVENT_HINT, &e->trace, buf_view(&p->frame));
    buf_fini(&event);
    return rc == 0;
}

int push_query(struct push *p, const struct query *q)
{
    int rc = 0;

    if (!push_is_up(p))
        return EDGE_E_AWAY;
    buf_reset(&p->frame);
    rc = query_encode(q, &p->frame);
    return rc ? rc : edge_send(p->edge, MSG_QUERY, NULL, buf_view(&p->frame));
}

static void push_answered(struct push *p, struct view body)
{
    struct answer a;

    if (answer_decode(body, &a))
        log_line(LOG_LEVEL_ERROR, "answer.malformed", NULL);
    else if (p->config.answer)
        p->config.answer(p->config.arg, &a);
}

static void push_replay(struct push *p, struct view body)
{
    struct replay r;

    if (replay_decode(body, &r) || !r.raw.ptr || !r.scope.ptr)
        log_line(LOG_LEVEL_ERROR, "replay.malformed", NULL);
    else if (p->config.replay)
        p->config.replay(p->config.arg, &r);
}

/* --- letting go --------------------------------------------------------------------------- */

/* Closes the file, waits until core has taken all of it, and says so when it is gone. */
static void turn_on(struct push *p)
{
    struct spool_turn answer = {.number = p->turn};
    int rc = 0;

    if (!p->turn || p->turn_told)
        return;
    if (!p->turn_closed) {
        rc = spool_turn(p->config.spool);
        if (rc)
            log_line(LOG_LEVEL_WARN, "spool.not_turned", "rc=%d", rc); /* tried again */
        p->turn_closed = rc == 0;
    }
    if (rc || !spool_is_gone(p->config.spool, p->turn_before))
        return;
    buf_reset(&p->frame);
    rc = spool_count_kept(p->config.spool, &answer.kept);
    rc = rc ? rc : spool_turn_encode(&answer, &p->frame);
    rc = rc ? rc : edge_send(p->edge, MSG_SPOOL_TURNED, NULL, buf_view(&p->frame));
    p->turn_told = rc == 0;
}

/* Core asks again when it hears nothing: the same number is the same turn. */
static void push_turn(struct push *p, struct view body)
{
    struct spool_turn t;

    if (spool_turn_decode(body, &t) || t.number == 0) {
        log_line(LOG_LEVEL_ERROR, "spool.turn_malformed", NULL);
        return;
    }
    p->turn_told = false;
    if (t.number != p->turn) {
        p->turn = t.number;
        p->turn_before = spool_next(p->config.spool);
        p->turn_closed = false;
    }
    turn_on(p);
}

/* --- suspects ----------------------------------------------------------------------------- */

static struct suspect *find_suspect(const struct push *p, uint64_t number)
{
    for (size_t i = 0; i < p->n_suspects; i++) {
        if (p->suspects[i].number == number)
            return &p->suspects[i];
    }
    return NULL;
}

static void drop_suspects(struct push *p, uint64_t low, uint64_t high)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->n_suspects; i++) {
        if (p->suspects[i].number < low || p->suspects[i].number > high)
            p->suspects[kept++] = p->suspects[i];
    }
    p->n_suspects = kept;
}

/* The list of suspects becomes the list of flights with what was known about them: only they can have
 * anything to do with the end of core. */
static bool suspect_flights(struct push *p)
{
    struct suspect *now = mem_zalloc_array(p->n_flights + p->n_suspects, sizeof(*now));
    size_t n = 0;

    if (!now)
        return false; /* counted the next time */
    for (size_t i = 0; i < p->n_suspects; i++)
        now[n++] = p->suspects[i];
    mem_free(p->suspects);
    p->suspects = now;
    for (size_t i = 0; i < p->n_flights; i++) {
        if (!find_suspect(p, p->flights[i].number))
            p->suspects[p->n_suspects++] = (struct suspect){.number = p->flights[i].number};
    }
    return true;
}

static void push_going(struct push *p, struct view body)
{
    p->in_order = true;
    p->end_counts = going_counts(body);
}

/* Core gave up in order, time and again with the same event first: perhaps that one, or one behind it
 * in the same turn, is what it cannot get past. They go one by one, and one that core gives up over
 * while it is alone is marked in the end. */
static void count_end(struct push *p)
{
    uint64_t first = p->flights[0].number;
    struct suspect *s = NULL;

    if (p->alone) {
        s = suspect_flights(p) ? find_suspect(p, first) : NULL;
        if (!s)
            return;
        s->marked = s->marked || ++s->ends >= PUSH_ENDS;
        if (s->marked)
            log_line(LOG_LEVEL_ERROR, "event.suspect", "number=%" PRIu64, first);
        return;
    }
    p->first_ends = p->first == first ? p->first_ends + 1 : 1;
    p->first = first;
    if (p->first_ends >= PUSH_ENDS)
        p->careful = p->flights[p->n_flights - 1].number;
}

/* Core is back under another boot id: it died with these in hand. */
static void count_losses(struct push *p)
{
    bool in_order = p->in_order;
    bool counts = p->end_counts;

    p->in_order = p->end_counts = false;
    if (p->n_flights == 0 || id_equal(&p->core, edge_core_boot(p->edge)))
        return;
    if (in_order && counts)
        count_end(p);
    if (in_order || !suspect_flights(p))
        return;
    for (size_t i = 0; i < p->n_flights; i++) {
        struct suspect *s = find_suspect(p, p->flights[i].number);

        if (!s)
            continue;
        s->losses++;
        s->alone += p->alone;
        s->marked = s->marked || s->alone >= PUSH_ALONE;
        if (s->marked)
            log_line(LOG_LEVEL_ERROR, "event.suspect", "number=%" PRIu64, s->number);
    }
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
    if (rc < 0)
        log_line(LOG_LEVEL_ERROR, "event.push_failed", "rc=%d", rc);
    /* errors pass; a silent core is the session's to see */
    if ((rc < 0 || rc == EDGE_E_FULL) && !p->retry_timer &&
        loop_add_timer(p->config.loop, PUSH_RETRY_MS, false, push_again, p, &p->retry_timer))
        log_line(LOG_LEVEL_ERROR, "event.push_failed", "rc=%d", -ENOMEM);
}

static int flight_room(struct push *p)
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

/* Only one that travels alone says by core's end what it is. */
static bool goes_alone(const struct push *p, const struct suspect *s, uint64_t number)
{
    return number <= p->careful || (s && s->losses >= PUSH_LOSSES);
}

/* May this event travel with what is under way? */
static bool push_fits(const struct push *p, bool alone, uint64_t bytes)
{
    if (p->n_flights == 0)
        return true;
    if (p->alone || alone)
        return false;
    return p->n_flights < p->credit && p->flight_bytes + bytes <= p->credit_bytes;
}

/* One event more into p->events and the flights. */
static int push_collect(struct push *p)
{
    struct spool_cursor at = p->cursor;
    const struct suspect *s = NULL;
    uint64_t number = 0;
    size_t len = p->events.len;
    struct view body;
    int rc = spool_read(p->config.spool, &at, &number, &body);

    if (rc == SPOOL_E_END) {
        p->cursor = at;
        return PUSH_NOTHING;
    }
    if (rc)
        return rc;
    s = p->n_suspects ? find_suspect(p, number) : NULL;
    if (!push_fits(p, goes_alone(p, s, number), body.len))
        return PUSH_NOTHING;
    rc = flight_room(p);
    rc = rc ? rc : event_push_add(&p->events, number, body, s && s->marked);
    if (rc) {
        p->events.len = len; /* no half of an event may go */
        p->events.error = 0;
        return rc;
    }
    p->flights[p->n_flights++] = (struct flight){number, body.len};
    p->flight_bytes += body.len;
    p->alone = goes_alone(p, s, number);
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
    int rc = p->credit ? 0 : PUSH_NOTHING;

    buf_reset(&p->events);
    while (rc == 0 && n < LIMIT_FRAME_EVENTS && p->events.len < PUSH_FRAME_BYTES) {
        rc = push_collect(p);
        n += rc == 0;
    }
    if (n == 0)
        return rc;
    if (rc < 0 && rc != -ENOMEM)
        log_line(LOG_LEVEL_ERROR, "spool.unreadable", "rc=%d", rc); /* what was read goes */
    buf_reset(&p->frame);
    rc = event_push_begin(&p->frame, spool_id(p->config.spool), spool_low(p->config.spool), n);
    rc = rc ? rc : buf_add_view(&p->frame, buf_view(&p->events));
    rc = rc ? rc : edge_send(p->edge, MSG_EVENT_PUSH, NULL, buf_view(&p->frame));
    if (rc) {
        p->cursor = before;
        p->n_flights = n_before;
        p->flight_bytes = bytes_before;
        p->alone = alone_before;
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
    take_pairs(p, pairs);
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
    for (size_t k = 0; p->n_suspects && k < pairs_count(pairs); k++) {
        uint64_t low = 0;
        uint64_t high = 0;

        pairs_at(pairs, k, &low, &high);
        drop_suspects(p, low, high);
    }
    if (p->config.taken)
        p->config.taken(p->config.arg);
    turn_on(p);
    push_wake(p);
}
