/* Every waiting command in memory.
 *
 * From: intake.c and the start (queue_add), settle.c (back-off, hold).
 * To: dispatch.c (queue_next).
 * Holds: each command from its row in the store until it is settled there. */

#include "core/queue/queue.h"

#include <assert.h>
#include <errno.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "core/model/inject.h"
#include "core/queue/heap.h"
#include "core/queue/private.h"
#include "proto/limits.h"

/* Design. A destination with work stands in a ring (core/queue/places.h); dispatch takes one of those with the
 * fewest calls under way, gives it one command and puts it behind those who have as many: places are even
 * between destinations, whatever their load and however quickly they answer. One that may not go
 * leaves its ring, a held one until hold_until_ms, when exactly one probe may go (`probing`).
 *
 * Only a lane's first command is in the timer heap or in a ready list, so both stay as small as
 * the number of lanes with work. */

static void command_unplace(struct queue *q, struct core_command *c);
static void lane_forward(struct queue *q, struct lane *l, int64_t now_mono_ms);

int queue_new(double scope_rate, double scope_burst, int64_t retry_base_ms,
              int64_t retry_cap_ms, uint64_t seed, struct queue **ret_queue)
{
    struct queue *q = mem_zalloc(sizeof(*q));

    if (!q)
        return -ENOMEM;
    places_init(&q->places);
    q->scope_rate = scope_rate;
    q->scope_burst = scope_burst < 1 ? 1 : scope_burst;
    q->retry_base_ms = retry_base_ms;
    q->retry_cap_ms = retry_cap_ms;
    q->random = seed ? seed : 1;
    q->max = LIMIT_COMMANDS;
    list_init(&q->all_dests);
    if (table_new(&q->commands) || table_new(&q->lanes) || table_new(&q->dests)) {
        queue_free(q);
        return -ENOMEM;
    }
    *ret_queue = q;
    return 0;
}

void queue_free(struct queue *q)
{
    size_t iter = 0;
    void *p = NULL;

    if (!q)
        return;
    while (q->commands && (p = table_next(q->commands, &iter)))
        mem_free(p);
    iter = 0;
    while (q->lanes && (p = table_next(q->lanes, &iter))) {
        for (struct lane *l = p, *next = NULL; l; l = next) {
            next = l->sibling;
            mem_free(l);
        }
    }
    iter = 0;
    while (q->dests && (p = table_next(q->dests, &iter))) {
        mem_free(((struct dest *)p)->key);
        mem_free(p);
    }
    table_free(q->commands);
    table_free(q->lanes);
    table_free(q->dests);
    heap_fini(&q->timers);
    heap_fini(&q->asleep);
    mem_free(q);
}

static struct view id_key(const int64_t *id)
{
    return view_make(id, sizeof(*id));
}

static struct lane *lane_find(const struct queue *q, int64_t id, const struct dest *d,
                              const struct dest *scope)
{
    struct lane *l = table_get(q->lanes, id_key(&id));

    while (l && (l->dest != d || l->scope != scope))
        l = l->sibling;
    return l;
}

const struct lane *queue_lanes(const struct queue *q, int64_t lane)
{
    return table_get(q->lanes, id_key(&lane));
}

/* Made when missing. NULL: no memory. */
static struct lane *lane_get(struct queue *q, int64_t id, struct dest *d, struct dest *scope)
{
    struct lane *l = lane_find(q, id, d, scope);
    struct lane *first = NULL;

    if (l)
        return l;
    l = mem_zalloc(sizeof(*l));
    if (!l)
        return NULL;
    l->id = id;
    l->dest = d;
    l->scope = scope;
    list_init(&l->commands);
    list_init(&l->link);
    first = table_get(q->lanes, id_key(&id));
    if (first) {
        l->sibling = first->sibling;
        first->sibling = l;
    } else if (table_add(q->lanes, id_key(&l->id), l)) {
        mem_free(l);
        return NULL;
    }
    return l;
}

static void lane_free(struct queue *q, struct lane *l)
{
    struct lane *first = table_get(q->lanes, id_key(&l->id));

    if (first != l) {
        while (first->sibling != l)
            first = first->sibling;
        first->sibling = l->sibling;
    } else {
        (void)table_remove(q->lanes, id_key(&l->id)); /* it is ours */
        if (l->sibling) {
            int rc = table_add(q->lanes, id_key(&l->sibling->id), l->sibling);

            assert(rc == 0); /* its slot has just been left */
            (void)rc;
        }
    }
    list_remove(&l->link);
    mem_free(l);
}

/* 0: a lane of its own. NULL: no memory. */
static struct lane *queue_lane(struct queue *q, const struct command_row *row)
{
    bool to_service = row->connector && command_is_for_service((enum command_kind)row->kind);
    const char *name = to_service ? row->connector : row->scope ? row->scope : "";
    struct dest *d = queue_dest(q, to_service ? DEST_CONNECTOR : DEST_SCOPE, view_of(name));
    struct dest *scope = row->scope ? queue_dest(q, DEST_SCOPE, view_of(row->scope)) : NULL;

    if (!d || (row->scope && !scope))
        return NULL;
    return lane_get(q, row->lane ? row->lane : -row->id, d, scope);
}

/* One that others stand before is kept for what will come; with it go those that stood behind it and
 * are empty as well. */
static void lane_drop_if_empty(struct queue *q, struct lane *l, int64_t now_mono_ms)
{
    while (l && list_is_empty(&l->commands) && !l->after) {
        struct lane *followed = l->followed;

        lane_free(q, l);
        if (followed) {
            followed->after = NULL;
            lane_forward(q, followed, now_mono_ms);
        }
        l = followed;
    }
}

/* The lane @id, and whatever it stands behind already, goes when @first is gone. */
static int lane_put_after(struct queue *q, struct lane *first, int64_t id)
{
    struct lane *l = lane_get(q, id, first->dest, first->scope);

    if (!l)
        return -ENOMEM;
    while (l->after)
        l = l->after;
    if (l == first)
        return 0; /* they were one before */
    l->after = first;
    first->followed = l;
    return 0;
}

int queue_join(struct queue *q, int64_t from, int64_t to)
{
    struct lane *lanes[8]; /* destinations and accounts of one conversation are few */
    size_t n = 0;
    int rc = 0;

    for (struct lane *l = table_get(q->lanes, id_key(&from)); l && n < AMO_COUNT(lanes);
         l = l->sibling) {
        if (!l->followed)
            lanes[n++] = l;
    }
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = lane_put_after(q, lanes[i], to);
    return rc;
}

/* By age, which is how they come, but for what is put in once more. */
static void dest_enlist(struct dest *d, struct core_command *c)
{
    int64_t since = c->taken_ms - c->waited_ms;
    struct list *front = d->commands.next;
    struct list *back = d->commands.prev;

    for (;; front = front->next, back = back->prev) {
        const struct core_command *b = LIST_ENTRY_CONST(back, struct core_command, in_dest);
        const struct core_command *f = LIST_ENTRY_CONST(front, struct core_command, in_dest);

        if (back == &d->commands || b->taken_ms - b->waited_ms <= since) {
            list_insert_before(back->next, &c->in_dest);
            return;
        }
        if (f->taken_ms - f->waited_ms > since) {
            list_insert_before(front, &c->in_dest);
            return;
        }
    }
}

int64_t queue_paused_ms(const struct core_command *c, int64_t now_mono_ms)
{
    const struct dest *scope = c->lane->scope;

    if (!scope)
        return c->paused_ms;
    return c->paused_ms + scope->paused_total_ms +
           (scope->paused ? now_mono_ms - scope->paused_mono_ms : 0);
}

/* What was stored may be what the remote side had asked for. What a clock that jumped makes of it must
 * not be longer than any back-off. */
static int64_t stored_wait_max(const struct queue *q)
{
    return q->doubt || q->retry_cap_ms > LIMIT_RETRY_AFTER_MS ? q->retry_cap_ms
                                                              : LIMIT_RETRY_AFTER_MS;
}

/* Behind the others of its lane. */
static void lane_append(struct core_command *c)
{
    if (inject_here("overtaken", c->id) && !list_is_empty(&c->lane->commands) &&
        LIST_ENTRY(c->lane->commands.prev, struct core_command, in_lane)->state ==
            COMMAND_QUEUED)
        list_insert_before(c->lane->commands.prev, &c->in_lane);
    else
        list_add_tail(&c->lane->commands, &c->in_lane);
}

/* As the store counts it (WHO_OF_COMMAND). */
static bool is_own(const struct command_row *row)
{
    return !row->connector || row->kind == COMMAND_SERVICE_MESSAGE ||
           row->kind == COMMAND_SERVICE_REACTION;
}

static void count(const struct core_command *c)
{
    struct dest *scope = c->lane->scope;

    c->lane->dest->n_waiting++;
    if (scope) {
        scope->n_account++;
        scope->n_own += c->own;
    }
}

static void uncount(const struct core_command *c)
{
    struct dest *scope = c->lane->scope;

    c->lane->dest->n_waiting--;
    if (scope) {
        scope->n_account--;
        scope->n_own -= c->own;
    }
}

int queue_add(struct queue *q, const struct command_row *row, int64_t now_mono_ms,
              int64_t now_unix_ms, struct core_command **ret_command)
{
    struct core_command *c = NULL;
    int rc = -ENOMEM;

    if (!heap_reserve(&q->timers, table_count(q->commands) + 1))
        return -ENOMEM;
    c = mem_zalloc(sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->id = row->id;
    c->kind = (enum command_kind)row->kind;
    c->message = row->message;
    c->trace = row->trace;
    c->taken_ms = row->taken_ms;
    c->waited_ms = row->waited_ms;
    c->paused_ms = row->paused_ms;
    c->attempts = (uint32_t)row->attempts;
    c->lost = (uint32_t)row->lost;
    c->erased = row->erased;
    c->body_len = (uint32_t)num_min(row->body_len, UINT32_MAX);
    list_init(&c->in_lane);
    list_init(&c->in_dest);
    rc = table_add(q->commands, id_key(&c->id), c);
    if (rc) {
        mem_free(c);
        return rc;
    }
    c->lane = queue_lane(q, row);
    if (!c->lane) {
        (void)table_remove(q->commands, id_key(&c->id)); /* added just now */
        mem_free(c);
        return -ENOMEM;
    }
    lane_append(c);
    dest_enlist(c->lane->dest, c);
    c->own = is_own(row);
    count(c);
    c->state = COMMAND_QUEUED;
    if (row->next_ms > now_unix_ms) {
        int64_t wait = row->next_ms - now_unix_ms;
        int64_t longest = stored_wait_max(q);

        c->due.mono_ms = now_mono_ms + (wait < longest ? wait : longest);
    }
    if (c->lane->scope)
        c->paused_ms -= c->lane->scope->paused_total_ms;
    if (c->lane->scope && c->lane->scope->paused) {
        /* of the present pause only what it waits through itself counts for it */
        int64_t before = now_mono_ms - c->lane->scope->paused_mono_ms;
        int64_t age = now_unix_ms - row->taken_ms;

        if (before > age)
            c->paused_ms -= before - (age > 0 ? age : 0);
    }
    lane_forward(q, c->lane, now_mono_ms);
    *ret_command = c;
    return 0;
}

struct lane *queue_lane_at(const struct queue *q, int64_t lane, struct dest *d,
                           struct dest *scope)
{
    return lane_find(q, lane, d, scope);
}

void queue_by_age(struct core_command *c)
{
    struct list *before = c ? c->in_lane.prev : NULL;

    if (!c || c->state != COMMAND_QUEUED)
        return;
    while (before != &c->lane->commands) {
        const struct core_command *other =
            LIST_ENTRY_CONST(before, struct core_command, in_lane);

        if (other->state != COMMAND_QUEUED || other->id < c->id)
            break;
        before = before->prev;
    }
    if (before->next == &c->in_lane)
        return;
    list_remove(&c->in_lane);
    list_insert_before(before->next, &c->in_lane);
}

struct core_command *queue_find(const struct queue *q, int64_t id)
{
    return table_get(q->commands, id_key(&id));
}

size_t queue_count(const struct queue *q)
{
    return table_count(q->commands);
}

bool queue_has_room(struct queue *q)
{
    size_t n = queue_count(q);

    if (q->max == 0 || n <= q->max - q->max / 8)
        q->full = false;
    if (q->max && n >= q->max)
        q->full = true;
    return !q->full;
}

size_t queue_left(const struct queue *q)
{
    size_t n = queue_count(q);

    if (q->max == 0)
        return SIZE_MAX;
    return n < q->max ? q->max - n : 0;
}

/* --- moving --------------------------------------------------------------------------------- */

bool queue_dest_has_ready(const struct dest *d)
{
    return !list_is_empty(&d->ready[0]) || !list_is_empty(&d->ready[1]);
}

struct core_command *queue_lane_head(const struct lane *l)
{
    return LIST_ENTRY(l->commands.next, struct core_command, in_lane);
}

static void lane_ready(struct queue *q, struct lane *l, bool first)
{
    struct dest *d = l->dest;
    struct list *ready = &d->ready[command_is_message(queue_lane_head(l)->kind) ? 0 : 1];

    list_remove(&l->link);
    if (l->scope && l->scope->paused) {
        list_add_tail(&l->scope->parked, &l->link);
        return;
    }
    l->ready_no = first ? --q->ready_head : ++q->ready_tail;
    if (first)
        list_add_head(ready, &l->link);
    else
        list_add_tail(ready, &l->link);
    places_wake(d);
}

/* Leave the list or heap that the present state stands for. */
static void command_unplace(struct queue *q, struct core_command *c)
{
    struct dest *d = c->lane->dest;

    if (c->due.heap_at)
        heap_remove(&q->timers, &c->due);
    if (c->state == COMMAND_READY) {
        list_remove(&c->lane->link);
        if (!queue_dest_has_ready(d))
            places_wake(d);
    }
    if (c->state == COMMAND_IN_FLIGHT) {
        d->n_in_flight--;
        if (d->probe == c->id)
            places_probing(d, false); /* others were under way before the hold */
        if (q->landed)
            q->landed(c);
        queue_place_left(c);
        places_wake(d);
    }
}

/* The one line of each move. */
static void command_log(const struct core_command *c, enum command_state to)
{
    char trace[ID_TEXT_LEN + 1];

    if (log_enabled(LOG_LEVEL_DEBUG))
        log_line(LOG_LEVEL_DEBUG, "command.moved",
                 "trace=%s command=%lld kind=%s from=%s to=%s why=\"%s\"",
                 command_trace(c, trace), (long long)c->id,
                 command_kind_name((uint64_t)c->kind), command_state_name(c->state),
                 command_state_name(to), command_move_why(c->state, to));
}

/* Into the list or heap of its new state, which is not an end. */
static void command_become(struct queue *q, struct core_command *c, enum command_state to,
                           int64_t due_mono_ms, int64_t now_mono_ms)
{
    assert(command_may_move(c->state, to));
    command_log(c, to);
    command_unplace(q, c);
    c->state = to;
    c->due.mono_ms = due_mono_ms;
    if (to == COMMAND_READY)
        lane_ready(q, c->lane, false);
    else if (to == COMMAND_WAITING || to == COMMAND_IN_FLIGHT)
        heap_add(&q->timers, &c->due);
    if (to == COMMAND_IN_FLIGHT) {
        c->lane->began_mono_ms = now_mono_ms;
        c->lane->dest->n_in_flight++;
        places_counted(c->lane->dest);
        c->lane->dest->no_room_since_ms = 0;
    }
}

/* Does something of before stand in a lane that goes first? */
static bool is_behind(const struct lane *l, const struct core_command *c)
{
    for (const struct lane *a = l->after; a; a = a->after) {
        if (!list_is_empty(&a->commands) &&
            LIST_ENTRY_CONST(a->commands.prev, struct core_command, in_lane)->id < c->id)
            return true;
    }
    return false;
}

/* The first of the lane comes forward when nothing of the lane is under way. */
static void lane_forward(struct queue *q, struct lane *l, int64_t now_mono_ms)
{
    struct core_command *c = NULL;
    int64_t due = 0;

    if (list_is_empty(&l->commands))
        return;
    c = LIST_ENTRY(l->commands.next, struct core_command, in_lane);
    if (c->state != COMMAND_QUEUED || is_behind(l, c))
        return;
    due = c->due.mono_ms;
    command_become(q, c, COMMAND_READY, 0, now_mono_ms);
    if (due > now_mono_ms)
        command_become(q, c, COMMAND_WAITING, due, now_mono_ms);
}

/* DONE or DEAD: it goes, and the next of its lane comes forward. */
static void command_end(struct queue *q, struct core_command *c, enum command_state to,
                        int64_t now_mono_ms)
{
    struct lane *l = c->lane;

    assert(command_may_move(c->state, to));
    command_log(c, to);
    command_unplace(q, c);
    list_remove(&c->in_lane);
    list_remove(&c->in_dest);
    uncount(c);
    (void)table_remove(q->commands, id_key(&c->id)); /* it is ours */
    q->n_again -= c->again;
    mem_free(c);
    lane_forward(q, l, now_mono_ms);
    lane_drop_if_empty(q, l, now_mono_ms);
}

void queue_move(struct queue *q, struct core_command *c, enum command_state to,
                int64_t due_mono_ms, int64_t now_mono_ms)
{
    switch (to) {
    case COMMAND_QUEUED:
    case COMMAND_READY:
    case COMMAND_WAITING:
    case COMMAND_IN_FLIGHT:
    case COMMAND_CHECKING:
        command_become(q, c, to, due_mono_ms, now_mono_ms);
        break;
    case COMMAND_DONE:
    case COMMAND_DEAD:
        command_end(q, c, to, now_mono_ms);
        break;
    }
}

/* --- what is due ---------------------------------------------------------------------------- */

void queue_give_back(struct queue *q, struct core_command *c)
{
    struct dest *d = c->lane->dest;

    if (d->probe == c->id)
        places_probing(d, false);
    if (d->rate > 0)
        d->tokens += 1;
    if (c->state == COMMAND_READY)
        lane_ready(q, c->lane, true);
}

struct core_command *queue_due(struct queue *q, int64_t now_mono_ms)
{
    struct due *first = heap_first(&q->timers);

    return first && first->mono_ms <= now_mono_ms ? LIST_ENTRY(first, struct core_command, due)
                                                  : NULL;
}

/* --- destinations --------------------------------------------------------------------------- */

void dest_release(struct dest *d, int64_t now_mono_ms)
{
    char space[LOG_VALUE_MAX];

    if (dest_is_held(d)) {
        d->held_total_ms += now_mono_ms - d->hold_since_ms;
        log_line(LOG_LEVEL_INFO, "destination.released", "destination=%s reason=%s held_s=%lld",
                 log_value(view_of(d->key), space), hold_reason_name(d->hold),
                 (long long)((now_mono_ms - d->hold_since_ms) / 1000));
    }
    if (dest_is_held(d) && (!hold_is_doubtful(d->hold) || d->hold == HOLD_BREAKER))
        window_restart(&d->window); /* it was everybody's matter */
    d->hold = HOLD_NONE;
    places_probing(d, false);
    d->holds = 0;
    d->failures = 0;
    d->n_witnesses = 0;
    d->not_before_ms = 0;
    places_classify(d, now_mono_ms);
    places_wake(d);
}

void dest_pause(struct queue *q, struct dest *d, bool paused, int64_t now_mono_ms)
{
    if (d->paused == paused)
        return;
    d->paused = paused;
    if (paused) {
        d->paused_mono_ms = now_mono_ms;
        return;
    }
    /* the clock of what waited here stood still */
    d->paused_total_ms += now_mono_ms - d->paused_mono_ms;
    while (!list_is_empty(&d->parked))
        lane_ready(q, LIST_ENTRY(d->parked.next, struct lane, link), false);
}
