/* Who may have how many of the places at the workers.
 *
 * From: dispatch (a run begins), worker.c (a place is taken, left), settle.c (how a call has ended).
 * To: choose.c, which asks the rings.
 * Holds: what is taken, by direction and class. */

#include "core/queue/places.h"

#include "core/model/inject.h"
#include "core/queue/private.h"
#include "core/queue/queue.h"

/* Design.
 *
 *   of all places                                          at most
 *   one direction                                          3/4   the other finds a place at any time
 *   slow and held destinations, calls outside lanes        1/2   what answers quickly has the rest
 *   these, and those of which nothing is known             5/8   so these can show what they are:
 *                                                                above 1/4 one place each;
 *                                                                1/8 in any case in each direction
 *   of a direction, beyond these: for those that were quick
 *   until others began to hang, and have nothing under way 1/32  so these can show that they still are
 *   calls of those that were quick but have not answered
 *   yet, beyond the first of each; 1/2 with all above      1/4  so a burst to many that hang is one each
 *   probes and calls outside lanes                         1/8   one destination half of them
 *   who has a place already, within a direction            all but 1/32
 *
 * Places are not taken back: a call that is under way has its place until it ends. So what is not known to
 * be quick must be bounded before it turns out to be slow. "Quick" is an answer of the last two seconds, and
 * one that came after others began to hang. */

/* so many looks in a row that fail are the destination's matter */
#define LOOKS_FAILED 3
/* for so long an answer shows that a destination is quick */
#define TRUST_MS     2000

static size_t part(size_t all, size_t of, size_t by)
{
    size_t n = all * of / by;

    return n ? n : 1;
}

const char *dest_class_name(enum dest_class class)
{
    switch (class) {
    case DEST_TRUSTED:
        return "quick";
    case DEST_PENDING:
        return "pending";
    case DEST_DOUBTED:
        return "doubted";
    case DEST_FRESH:
        return "fresh";
    case DEST_SLOW:
        return "slow";
    case DEST_HELD:
        break;
    }
    return "held";
}

void places_init(struct places *p)
{
    for (int k = 0; k < DEST_N_KINDS; k++) {
        for (int c = 0; c < DEST_N_CLASSES; c++) {
            for (int n = 0; n < PLACES_RINGS; n++)
                list_init(&p->rings[k][c][n]);
        }
    }
    list_init(&p->passed);
    list_init(&p->put_off);
    list_init(&p->busy);
}

/* --- shares --------------------------------------------------------------------------------- */

static size_t of_class(const struct places *p, enum dest_class class)
{
    return p->of[DEST_SCOPE][class] + p->of[DEST_CONNECTOR][class];
}

static size_t n_calls(const struct places *p)
{
    return p->calls[DEST_SCOPE] + p->calls[DEST_CONNECTOR];
}

static size_t of_kind(const struct places *p, enum dest_kind kind)
{
    size_t n = p->calls[kind];

    for (int c = 0; c < DEST_N_CLASSES; c++)
        n += p->of[kind][c];
    return n;
}

static size_t kind_most(const struct places *p)
{
    return p->all < 2 ? 1 : p->all - part(p->all, 1, 4);
}

static bool kind_is_full(const struct places *p, enum dest_kind kind, bool more)
{
    size_t spare = more ? p->all / 32 : 0;

    return of_kind(p, kind) + spare >= kind_most(p);
}

/* Taken by what is known to be slow, as far as anybody knows by now. */
static size_t n_slow(const struct places *p)
{
    return of_class(p, DEST_SLOW) + of_class(p, DEST_HELD) + n_calls(p);
}

static size_t n_doubtful(const struct places *p)
{
    return n_slow(p) + of_class(p, DEST_FRESH) + of_class(p, DEST_DOUBTED);
}

static bool doubtful_are_full(const struct places *p, bool more)
{
    return n_doubtful(p) >= (more ? part(p->all, 1, 4) : part(p->all, 5, 8));
}

/* The last of what is not known to be quick is for those that have nothing under way; and whatever hangs on
 * the other side, a part of each direction is for who is to be known there. */
static bool fresh_are_full(const struct places *p, enum dest_kind kind, bool more)
{
    size_t own = p->of[kind][DEST_SLOW] + p->of[kind][DEST_HELD] + p->of[kind][DEST_FRESH] +
                 p->of[kind][DEST_DOUBTED] + p->calls[kind];

    return doubtful_are_full(p, more) && own >= part(p->all, 1, 8);
}

/* What hangs may have taken more before anybody could know it, all of it quick until then. Who is quick still
 * would be in doubt until those calls end, if he could not say so. */
static bool doubted_are_full(const struct places *p, enum dest_kind kind, bool more)
{
    return fresh_are_full(p, kind, more) && (more || p->n_shown[kind] >= part(p->all, 1, 32));
}

/* Before it is known what hangs nobody is in doubt; so until the first of its calls is answered one has others
 * only while these are few, and while all that may turn out to be slow is. */
static bool pending_are_full(const struct places *p, enum dest_kind kind, bool more)
{
    return more && (p->of[kind][DEST_PENDING] >= part(p->all, 1, 4) ||
                    n_doubtful(p) + of_class(p, DEST_PENDING) >= part(p->all, 1, 2));
}

static bool slow_are_full(const struct places *p)
{
    /* while some hang, what has not answered yet may be next */
    size_t n = n_slow(p) + of_class(p, DEST_DOUBTED) +
               (p->onset_mono_ms ? of_class(p, DEST_PENDING) : 0);

    return n >= part(p->all, 1, 2) || doubtful_are_full(p, false);
}

static bool asks_are_full(const struct places *p)
{
    return n_calls(p) + p->n_probing >= part(p->all, 1, 8);
}

static bool has_no_shares(const struct places *p)
{
    if (inject_picked("unshared"))
        return true;
    return p->all == 0 || inject_picked("unbounded");
}

bool places_shut(const struct queue *q, enum dest_kind kind, enum dest_class class, bool more)
{
    const struct places *p = &q->places;

    if (has_no_shares(p))
        return false;
    if (kind_is_full(p, kind, more))
        return true;
    switch (class) {
    case DEST_TRUSTED:
        return false;
    case DEST_PENDING:
        return pending_are_full(p, kind, more);
    case DEST_DOUBTED:
        return doubted_are_full(p, kind, more);
    case DEST_FRESH:
        return fresh_are_full(p, kind, more);
    case DEST_SLOW:
        return slow_are_full(p);
    case DEST_HELD:
        break;
    }
    return slow_are_full(p) || asks_are_full(p);
}

/* --- rings ---------------------------------------------------------------------------------- */

static void leave(struct dest *d)
{
    if (d->again.heap_at)
        heap_remove(&d->queue->asleep, &d->again);
    list_remove(&d->link);
    d->in_ring = NULL;
}

void places_wake(struct dest *d)
{
    struct places *p = &d->queue->places;
    size_t n = d->n_in_flight < PLACES_RINGS ? d->n_in_flight : PLACES_RINGS - 1;
    struct list *ring = &p->rings[d->kind][d->class][n];

    if (!queue_dest_has_ready(d)) {
        leave(d);
    } else if (d->in_ring != ring) {
        leave(d);
        list_add_tail(ring, &d->link);
        d->in_ring = ring;
        p->filled[d->kind][d->class] |= UINT64_C(1) << n;
    }
}

struct list *places_ring(struct places *p, enum dest_kind kind, enum dest_class class,
                         bool more)
{
    uint64_t *filled = &p->filled[kind][class];
    uint64_t looked_at = more ? ~UINT64_C(1) : 1;

    while (*filled & looked_at) {
        int n = __builtin_ctzll(*filled & looked_at);

        if (!list_is_empty(&p->rings[kind][class][n]))
            return &p->rings[kind][class][n];
        *filled &= ~(UINT64_C(1) << n); /* they left it one by one */
    }
    return NULL;
}

void places_counted(struct dest *d)
{
    if (d->in_ring)
        places_wake(d);
}

void places_sleep(struct dest *d, int64_t at_mono_ms)
{
    leave(d);
    if (!queue_dest_has_ready(d))
        return;
    d->again.mono_ms = at_mono_ms;
    heap_add(&d->queue->asleep, &d->again);
}

void places_pass_over(struct dest *d)
{
    leave(d);
    list_add_tail(&d->queue->places.passed, &d->link);
}

void places_put_off(struct dest *d)
{
    leave(d);
    list_add_tail(&d->queue->places.put_off, &d->link);
}

/* Since when its oldest call is under way. */
static int64_t oldest_mono_ms(const struct dest *d)
{
    return LIST_ENTRY(d->running.next, struct lane, link)->began_mono_ms;
}

static bool is_late(const struct dest *d, int64_t now_mono_ms)
{
    return !list_is_empty(&d->running) &&
           now_mono_ms - oldest_mono_ms(d) > window_late_ms(&d->window);
}

static enum dest_class class_of(const struct dest *d, int64_t now_mono_ms)
{
    int64_t quick = d->window.quick_mono_ms;

    if (dest_is_held(d))
        return DEST_HELD;
    if (window_is_slow(&d->window) || is_late(d, now_mono_ms))
        return DEST_SLOW;
    if (!quick || now_mono_ms - quick > TRUST_MS)
        return DEST_FRESH;
    if (quick <= d->queue->places.onset_mono_ms)
        return DEST_DOUBTED;
    return list_is_empty(&d->running) || quick >= oldest_mono_ms(d) ? DEST_TRUSTED
                                                                    : DEST_PENDING;
}

void places_classify(struct dest *d, int64_t now_mono_ms)
{
    enum dest_class class = class_of(d, now_mono_ms);
    struct places *p = &d->queue->places;

    if (class == d->class)
        return;
    p->of[d->kind][d->class] -= d->n_placed;
    p->of[d->kind][class] += d->n_placed;
    d->class = class;
    if (d->in_ring)
        places_wake(d);
}

/* Those of @from are looked at again. */
static void wake_all(struct list *from)
{
    while (!list_is_empty(from)) {
        struct dest *d = LIST_ENTRY(from->next, struct dest, link);

        leave(d);
        places_wake(d);
    }
}

/* Nothing hangs any more: who had only not answered since is as good as before. The first look at each says
 * what it is. */
static void trust_again(struct places *p, int64_t now_mono_ms)
{
    for (int k = 0; k < DEST_N_KINDS; k++) {
        for (int n = 0; n < PLACES_RINGS; n++) {
            struct list *doubted = &p->rings[k][DEST_DOUBTED][n];
            struct list *next = NULL;

            for (struct list *i = doubted->next; i != doubted; i = next) {
                struct dest *d = LIST_ENTRY(i, struct dest, link);

                next = i->next;
                places_classify(d, now_mono_ms);
            }
        }
    }
}

void places_put_off_no_more(struct queue *q)
{
    wake_all(&q->places.put_off);
}

void queue_run(struct queue *q, size_t all, int64_t now_mono_ms)
{
    struct places *p = &q->places;
    int64_t onset = 0;

    p->all = all;
    for (struct list *i = p->busy.next; i != &p->busy; i = i->next) {
        const struct dest *d = LIST_ENTRY(i, struct dest, busy);

        if (!window_is_slow(&d->window) && !dest_is_held(d) && is_late(d, now_mono_ms)) {
            int64_t began = oldest_mono_ms(d);

            onset = onset && onset < began ? onset : began;
        }
    }
    if (p->onset_mono_ms != onset) {
        p->onset_mono_ms = onset;
        trust_again(p, now_mono_ms);
    }
    for (struct list *i = p->busy.next; i != &p->busy; i = i->next)
        places_classify(LIST_ENTRY(i, struct dest, busy), now_mono_ms);
    wake_all(&p->passed);
}

/* --- what is taken -------------------------------------------------------------------------- */

void queue_place_taken(struct core_command *c)
{
    struct lane *l = c->lane;
    struct dest *d = l->dest;

    if (l->placed)
        return;
    l->placed = true;
    l->shown = d->class == DEST_DOUBTED &&
               fresh_are_full(&d->queue->places, d->kind, d->n_in_flight > 1);
    d->queue->places.n_shown[d->kind] += l->shown;
    list_remove(&l->link);
    list_add_tail(&d->running, &l->link);
    d->n_placed++;
    d->queue->places.of[d->kind][d->class]++;
    list_remove(&d->busy);
    list_add_tail(&d->queue->places.busy, &d->busy);
    window_left(&d->window, d->n_in_flight, l->began_mono_ms);
    places_classify(d, l->began_mono_ms); /* the next one counts what this one may be */
}

void queue_place_left(struct core_command *c)
{
    struct lane *l = c->lane;
    struct dest *d = l->dest;

    if (!l->placed)
        return;
    l->placed = false;
    d->queue->places.n_shown[d->kind] -= l->shown;
    l->shown = false;
    list_remove(&l->link);
    d->n_placed--;
    d->queue->places.of[d->kind][d->class]--;
    if (d->n_placed == 0)
        list_remove(&d->busy);
}

void queue_call_begins(struct dest *d, int64_t now_mono_ms)
{
    d->n_in_flight++;
    d->n_calls++;
    d->queue->places.calls[d->kind]++;
    places_counted(d);
    window_left(&d->window, d->n_in_flight, now_mono_ms);
}

void queue_call_ends(struct dest *d)
{
    d->n_in_flight--;
    d->n_calls--;
    d->queue->places.calls[d->kind]--;
    places_wake(d);
}

static double window_most(const struct places *p)
{
    size_t most = p->all ? kind_most(p) : WINDOW_MOST;

    return (double)(most < WINDOW_MOST ? most : WINDOW_MOST);
}

void queue_answered(struct dest *d, bool fine, int64_t began_mono_ms, int64_t took_ms,
                    int64_t now_mono_ms)
{
    const struct places *p = &d->queue->places;
    const struct window_answer a = {.fine = fine,
                                    .took_ms = took_ms,
                                    .began_mono_ms = began_mono_ms,
                                    .most = window_most(p)};

    window_answered(&d->window, &a, now_mono_ms);
    places_classify(d, now_mono_ms);
    places_wake(d);
}

const char *dest_waits_for(const struct dest *d)
{
    if (!queue_dest_has_ready(d) || dest_is_held(d) || d->paused)
        return "";
    if (!window_has_place(&d->window, d->n_in_flight))
        return "window";
    if (places_shut(d->queue, d->kind, d->class, d->n_in_flight > 0))
        return "share";
    return d->again.heap_at ? "rate" : "worker";
}

/* --- calls outside lanes -------------------------------------------------------------------- */

void places_probing(struct dest *d, bool probing)
{
    struct places *p = &d->queue->places;

    if (d->probing == probing)
        return;
    d->probing = probing;
    if (probing) {
        p->n_probing++;
    } else {
        p->n_probing--;
        places_wake(d);
    }
}

void dest_probed(struct dest *d)
{
    places_probing(d, false);
}

static bool has_room_for_call(const struct dest *d)
{
    const struct places *p = &d->queue->places;

    if (has_no_shares(p))
        return true;
    return !kind_is_full(p, d->kind, true) && !slow_are_full(p) && !asks_are_full(p) &&
           d->n_calls < part(p->all, 1, 16) &&
           (dest_is_held(d) || window_has_place(&d->window, d->n_in_flight));
}

bool queue_spares_place(struct dest *d, int64_t now_mono_ms)
{
    return !dest_is_held(d) && has_room_for_call(d) && dest_take_spare_token(d, now_mono_ms);
}

void dest_looked(struct queue *q, struct dest *d, bool fine, int64_t now_mono_ms)
{
    if (fine) {
        d->looks_failed = 0;
        return;
    }
    d->looks_failed++;
    if (d->looks_failed >= LOOKS_FAILED)
        d->looks_mono_ms = now_mono_ms + queue_backoff_ms(q, d->looks_failed - LOOKS_FAILED);
}

/* Its history has failed, whatever becomes of its messages. */
static bool looks_wait(const struct dest *d, int64_t now_mono_ms)
{
    return d->looks_failed >= LOOKS_FAILED &&
           (d->n_calls > 0 || now_mono_ms < d->looks_mono_ms);
}

bool queue_admits_call(struct dest *d, bool *ret_probing, int64_t now_mono_ms)
{
    if (d->paused || !has_room_for_call(d) || looks_wait(d, now_mono_ms) ||
        (dest_is_held(d) && (d->probing || now_mono_ms < d->hold_until_ms)) ||
        !dest_take_token(d, now_mono_ms))
        return false;
    if (dest_is_held(d)) {
        places_probing(d, true);
        *ret_probing = true;
        d->probe = 0; /* no command's */
        d->probe_lane = 0;
    }
    return true;
}
