/* Events that the queue has no room for stay in their spools, or wait in the store for their account.
 *
 * From: intake.c, before an event is taken. To: the ingress, which asks again once a second; the store, and
 * intake.c again.
 * Holds: nothing of an event; its number, in the spool it is of. */

#include "core/intake/room.h"

#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "core/intake/deferred.h"
#include "core/intake/intake.h"
#include "core/model/key.h"
#include "core/model/reach.h"
#include "core/shares/limits.h"
#include "core/store/quarantine.h"
#include "core/store/shares.h"
#include "proto/limits.h"
#include "proto/session.h"

/* They come out of the store in one tick, of all accounts together: forty milliseconds of it */
#define BACK_ROWS   1000
/* … for an account while this part of its share is free */
#define FREE_PART   8
/* So many times `core/commands_max` may be set aside: on the disk, and amo sends on. Then all events stay in their
 * spools, as when the queue is full. */
#define ASIDE_TIMES 4

bool room_is_there(struct core *c)
{
    bool was_full = c->queue->full;
    bool is_there = queue_has_room(c->queue);

    if (is_there == was_full)
        log_line(is_there ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR,
                 is_there ? "queue.room" : "queue.full", "commands=%zu max=%zu",
                 queue_count(c->queue), c->queue->max);
    return is_there;
}

/* How many more. */
static int64_t aside_left(const struct core *c)
{
    int64_t max = (int64_t)c->queue->max * ASIDE_TIMES;

    return c->queue->max == 0 ? INT64_MAX : max - c->intake->n_aside;
}

static bool may_set_aside(const struct core *c)
{
    bool may = aside_left(c) > 0;

    if (!may)
        log_often(LOG_LEVEL_ERROR, "queue.aside_full", VIEW_LIT("queue"),
                  "events=%lld commands=%zu max=%zu", (long long)c->intake->n_aside,
                  queue_count(c->queue), c->queue->max);
    return may;
}

bool room_for_event(struct core *c, struct spool *s, uint64_t number)
{
    if (s->later && number > s->later)
        return false;
    s->later = room_is_there(c) && may_set_aside(c) ? 0 : number;
    return s->later == 0;
}

void room_heed_low(struct spool *s, uint64_t low)
{
    if (low > s->later)
        s->later = 0;
}

void room_say_later(struct core *c, const struct peer *p)
{
    struct buf body;

    buf_init(&body, 64);
    /* no memory: its events are pushed again all the same, since nothing answers for them */
    if (taken_encode(&p->spool->id, VIEW_NONE, &body) == 0)
        (void)!peer_post(c, p, MSG_EVENT_LATER, NULL, buf_view(&body));
    buf_fini(&body);
}

/* --- set aside ------------------------------------------------------------------------------ */

static struct dest *account_of(struct core *c, const struct event *e)
{
    if (e->kind != EVENT_AMO_MESSAGE && e->kind != EVENT_AMO_REACTION)
        return NULL;
    return registry_scope_connected(c->turn->registry, e->scope)
               ? queue_dest(c->queue, DEST_SCOPE, e->scope)
               : NULL; /* nobody's, and kept for a person */
}

static int is_known(struct core *c, const struct event *e, bool *ret)
{
    struct message m = {0};
    struct key key;
    int rc = STORE_E_NONE;

    if (e->kind == EVENT_AMO_MESSAGE && key_amo(e->scope, e->message_id, &key) == 0)
        rc = store_message_by_key(c->store, &key, &m);
    *ret = rc == 0;
    message_fini(&m);
    return rc == STORE_E_NONE ? 0 : rc;
}

static struct dest *of_scope(struct core *c, size_t i)
{
    struct dest *d = queue_dest(c->queue, DEST_SCOPE, view_of(c->turn->registry->scopes[i].id));

    return d && d->set_aside ? d : NULL;
}

/* Its company has come back by another channel, and what was set aside when it left is still to come out. */
static bool is_behind_former(struct core *c, const char *scope)
{
    const struct registry *r = c->turn->registry;

    for (size_t i = 0; c->intake->n_aside > 0 && i < r->n_scopes; i++) {
        const struct reg_scope *former = &r->scopes[i];
        const struct reg_scope *home = NULL;

        if (!former->disconnected || !reach_is_same_account(former->id, scope) ||
            !of_scope(c, i))
            continue;
        home = reach_home(r, former->id);
        if (home && strcmp(home->id, scope) == 0)
            return true;
    }
    return false;
}

int room_sets_aside(struct core *c, const struct event *e, bool *ret)
{
    const struct dest *d = account_of(c, e);
    bool known = false;
    int rc = 0;

    *ret = false;
    if (!d || e->replay)
        return 0; /* what is taken out of quarantine still stands there, and is known by that */
    /* what a forgotten core may have sent is held against what the service reports, and that at once */
    if (!d->set_aside && !is_behind_former(c, d->name) &&
        (d->n_own < queue_left(c->queue) || c->intake->forgotten ||
         store_deferred_is_hurt(c->store)))
        return 0;
    rc = is_known(c, e, &known);
    *ret = !known;
    return rc;
}

/* By which a repeat is known among what is set aside: a message by its id, as in the store, and a reaction by all
 * that amo says of it, with its time. */
static int same_of(const struct event *e, unsigned char digest[CRYPTO_SHA256_LEN],
                   struct view *ret)
{
    struct view what = e->kind == EVENT_AMO_MESSAGE ? e->message_id : e->dedup;
    struct buf joined;
    int rc = 0;

    *ret = VIEW_NONE;
    if (!what.len)
        return 0;
    buf_init(&joined, LIMIT_FRAME_BYTES);
    rc = buf_add_f(&joined, "%u:", (unsigned)e->kind);
    rc = rc ? rc : buf_add_view(&joined, e->scope);
    rc = rc ? rc : buf_add_char(&joined, '\0');
    rc = rc ? rc : buf_add_view(&joined, what);
    rc = rc ? rc : crypto_sha256(buf_view(&joined), digest);
    buf_fini(&joined);
    if (rc == 0)
        *ret = view_make(digest, CRYPTO_SHA256_LEN);
    return rc;
}

static void set_unsure(struct core *c, struct dest *d, bool unsure)
{
    if (d->aside_unsure == unsure)
        return;
    d->aside_unsure = unsure;
    c->intake->n_unsure += unsure ? 1 : (size_t)-1;
}

/* As many as may still be set aside for all, and as many bytes as a connector may have in the store. */
static int has_its_share(struct core *c, const struct event *e, bool *ret)
{
    struct store_share own = {0};
    int rc = store_aside_share(c->store, e->scope, &own);

    *ret = own.n >= aside_left(c) || own.bytes >= limit_connector(c, SHARE_BYTES, 1);
    if (rc == 0 && *ret)
        log_often(LOG_LEVEL_ERROR, "account.aside_full", e->scope,
                  "scope=%.*s events=%lld bytes=%lld", (int)view_cut(e->scope, LIMIT_ID).len,
                  e->scope.ptr, (long long)own.n, (long long)own.bytes);
    return rc;
}

int room_set_aside(struct core *c, const struct event *e, struct view bytes)
{
    struct aside_row row = {
        .at_ms = clock_unix_ms(), .again = c->turn->again, .forgotten = c->intake->forgotten};
    unsigned char digest[CRYPTO_SHA256_LEN];
    struct dest *d = account_of(c, e);
    bool there = false;
    bool full = false;
    int rc = 0;

    if (store_deferred_is_hurt(c->store))
        return intake_quarantine(c, bytes,
                                 INTAKE_DAMAGED); /* what is before it cannot be read */
    rc = same_of(e, digest, &row.same);
    if (rc == 0 && row.same.len)
        rc = store_aside_has(c->store, row.same, &there);
    if (rc || there)
        return rc;
    rc = has_its_share(c, e, &full);
    if (rc ||
        full) /* a spool lets nobody by: rather a person has to look at it than all have to wait */
        return rc ? rc : intake_quarantine(c, bytes, "too_many_waiting");
    rc = store_aside_add(c->store, e->scope, bytes, &row);
    if (rc || !d)
        return rc;
    if (!d->set_aside)
        log_often(LOG_LEVEL_WARN, "account.set_aside", e->scope, "scope=%s own=%zu left=%zu",
                  d->name, d->n_own, queue_left(c->queue));
    d->set_aside = true;
    set_unsure(c, d, d->aside_unsure || row.forgotten);
    c->intake->n_aside++;
    return 0;
}

void room_put_back(struct core *c)
{
    struct dest *d = NULL;
    size_t iter = 0;

    while ((d = table_next(c->queue->dests, &iter)))
        set_unsure(c, d, d->aside_unsure || d->set_aside);
}

bool room_may_be_reported(const struct core *c)
{
    /* out of a table that is damaged nothing comes */
    return c->intake->n_unsure > 0 && !store_deferred_is_hurt(c->store);
}

static int count_one(void *arg, struct view scope, int64_t n)
{
    struct core *c = arg;
    struct dest *d = queue_dest(c->queue, DEST_SCOPE, scope);

    if (!d)
        return -ENOMEM;
    d->set_aside = true;
    c->intake->n_aside += n;
    return 0;
}

/* Was the store put back in an earlier life of core? Those that may have been sent are the oldest. */
static int count_unsure(struct core *c, struct dest *d)
{
    struct aside_row row = {0};
    struct buf event;
    int rc = 0;

    buf_init(&event, LIMIT_FRAME_BYTES);
    rc = store_aside_first(c->store, view_of(d->name), &event, &row);
    buf_fini(&event);
    set_unsure(c, d, rc == 0 && row.forgotten);
    return rc == STORE_E_NONE ? 0 : rc;
}

int room_count(struct core *c)
{
    struct dest *d = NULL;
    size_t iter = 0;
    int rc = 0;

    c->intake->n_aside = 0;
    rc = store_aside_walk(c->store, count_one, c);
    while (rc == 0 && (d = table_next(c->queue->dests, &iter)))
        rc = d->set_aside ? count_unsure(c, d) : 0;
    return rc;
}

int64_t room_n_aside(struct core *c, struct view scope)
{
    struct store_share own = {0};

    /* what is wrong with the store is told by what is written next */
    return store_aside_share(c->store, scope, &own) ? 0 : own.n;
}

/* As it would have been then, but that its account may have left since. */
static int come_back(struct core *c, const struct aside_row *row, struct view event)
{
    const struct echo_row came = {
        .place = row->id, .came = {.at_ms = row->at_ms, .forgotten = row->forgotten}
    };
    int rc = core_turn(c);

    rc = rc ? rc : store_deferred_remove(c->store, row->id);
    if (rc)
        return rc;
    c->intake->n_aside--;
    c->turn->again = row->again || row->forgotten;
    c->intake->forgotten = row->forgotten;
    c->intake->echo_row = &came;
    c->intake->aside_ms = row->at_ms;
    rc = deferred_apply(c, event, INTAKE_BACK);
    c->intake->echo_row = NULL;
    c->intake->aside_ms = 0;
    c->turn->again = c->intake->forgotten = false;
    return rc;
}

/* It has waited for long enough; it takes no room that others may need. */
static bool is_overdue(const struct core *c, const struct dest *d, const struct aside_row *row,
                       int64_t now_unix_ms)
{
    return !d->paused && !core_clock_doubtful(c) &&
           queue_left(c->queue) > c->queue->max / FREE_PART &&
           now_unix_ms - row->at_ms >= command_life_ms(COMMAND_SERVICE_MESSAGE) / 2;
}

/* The oldest one of the account, if it may. STORE_E_NONE: it may not, or there is none. */
static int back_one(struct core *c, struct dest *d, int64_t now_unix_ms)
{
    size_t left = queue_left(c->queue);
    bool fits = d->n_own < left - left / FREE_PART;
    struct aside_row row = {0};
    struct buf event;
    int rc = 0;

    if (!fits && d->paused && !d->aside_unsure)
        return STORE_E_NONE;
    buf_init(&event, LIMIT_FRAME_BYTES);
    rc = store_aside_first(c->store, view_of(d->name), &event, &row);
    set_unsure(c, d, rc == 0 && row.forgotten);
    if (rc == STORE_E_NONE) {
        d->set_aside = false;
        log_often(LOG_LEVEL_INFO, "account.back", view_of(d->name), "scope=%s", d->name);
    } else if (rc == 0) {
        rc = fits || row.forgotten || is_overdue(c, d, &row, now_unix_ms)
                 ? come_back(c, &row, buf_view(&event))
                 : STORE_E_NONE;
    }
    buf_fini(&event);
    return rc;
}

static void back_some(struct core *c, struct dest *d, size_t max, int64_t now_unix_ms)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < max && d->set_aside && !c->turn->exit_code; i++)
        rc = back_one(c, d, now_unix_ms);
    if (rc && rc != STORE_E_NONE)
        core_row_failed(c, "set_aside", rc);
}

void room_tick(struct core *c, int64_t now_unix_ms)
{
    const struct registry *r = c->turn->registry;
    size_t n = 0;

    if (spools_are_missed(c, clock_mono_ms()))
        return; /* what one of them knows may say that all this was sent before (store.put_back) */
    for (size_t i = 0; i < r->n_scopes && !store_deferred_is_hurt(c->store); i++)
        n += of_scope(c, i) != NULL;
    for (size_t i = 0; n && i < r->n_scopes; i++) {
        struct dest *d = of_scope(c, i);

        if (d && !is_behind_former(c, d->name))
            back_some(c, d, 1 + BACK_ROWS / n, now_unix_ms);
    }
}
