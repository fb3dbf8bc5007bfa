/* Calls outside the lanes.
 *
 * From: settle.c (unclear outcomes), control (connect). To: a worker, and back by its result.
 * Holds: the question; the command it is about stays in the store. */

#include "core/deliver/calls.h"

#include <errno.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/deliver/blame.h"
#include "core/deliver/calls_private.h"
#include "core/deliver/deliver.h"
#include "core/deliver/dispatch.h"
#include "core/deliver/killer.h"
#include "core/deliver/resolve.h"
#include "core/deliver/settle.h"
#include "core/peers/peers.h"
#include "core/peers/worker.h"
#include "proto/limits.h"

/* ids above every stored command's */
#define CALL_ID_BIT      (1ULL << 63)
/* the operator waits this long for a connect */
#define CONNECT_WAIT_MS  20000
/* calls outside lanes that wait at once: beyond them nobody needs to know who types */
#define ONCE_MAX         1000
/* accounts connected in one second after a start: amojo's limits are not known */
#define GREET_AT_ONCE    4
/* room above them for calls that an operator waits for */
#define ONCE_ASKED       16
/* a call that has found no token looks again so soon */
#define TOKEN_AGAIN_MS   100
/* a look that has found no room for so long goes before messages: a lane waits for it */
#define LOOK_PATIENCE_MS 5000
/* an operator's call for which there is no worker is given up so soon: a restarted one is back by then */
#define NO_WORKER_MS     5000

/* Its place at the worker and at the destination is free again. */
static void call_unask(struct call *q)
{
    if (q->asked && q->worker)
        worker_call_landed(q->worker);
    if (q->asked && q->dest)
        queue_call_ends(q->dest);
    if (q->probing && q->dest)
        dest_probed(q->dest);
    q->probing = false;
    q->asked = false;
    q->worker = NULL;
}

void call_end(struct call *q)
{
    list_remove(&q->link);
    call_unask(q);
    mem_free(q->channel);
    mem_free(q->account);
    mem_free(q->title);
    look_free(q->look);
    buf_fini(&q->packed);
    mem_free(q);
}

struct call *call_new(struct core *c, enum call_kind kind, struct dest *d)
{
    struct call *q = mem_zalloc(sizeof(*q));

    if (!q)
        return NULL;
    q->kind = kind;
    q->dest = d;
    q->made_mono_ms = clock_mono_ms();
    q->due_mono_ms = q->made_mono_ms;
    list_init(&q->link);
    list_add_tail(&c->deliver->calls, &q->link);
    core_wake(c);
    return q;
}

void call_cancel(struct core *c, const struct core_command *cmd)
{
    struct list *next = NULL;

    for (struct list *i = c->deliver->calls.next; i != &c->deliver->calls; i = next) {
        struct call *q = LIST_ENTRY(i, struct call, link);

        next = i->next;
        if (q->command == cmd->id)
            call_end(q);
    }
}

int call_connect(struct core *c, const struct connect_call *what, call_done_fn *done, void *arg)
{
    struct call *q = call_new(c, CALL_CONNECT, NULL);

    if (!q)
        return -ENOMEM;
    q->done = done;
    q->arg = arg;
    q->until_mono_ms = clock_mono_ms() + CONNECT_WAIT_MS;
    q->window_off = what->window_off;
    q->channel = mem_strdup(what->channel);
    q->account = mem_strdup(what->account);
    q->title = mem_strdup(what->title);
    if (q->channel && q->account && q->title)
        return 0;
    call_end(q);
    return -ENOMEM;
}

int call_once(struct core *c, struct dest *d, const struct command *body, int64_t until_mono_ms,
              call_done_fn *done, void *arg)
{
    struct call *q = NULL;
    size_t n = 0;

    for (const struct list *i = c->deliver->calls.next; i != &c->deliver->calls; i = i->next)
        n += LIST_ENTRY_CONST(i, struct call, link)->kind == CALL_ONCE;
    if (n >= ONCE_MAX + (done ? ONCE_ASKED : 0)) /* somebody waits for this one */
        return -EBUSY;
    q = call_new(c, CALL_ONCE, d);
    if (!q)
        return -ENOMEM;
    buf_init(&q->packed, LIMIT_FRAME_BYTES);
    q->until_mono_ms = until_mono_ms;
    q->done = done;
    q->arg = arg;
    if (command_encode(body, &q->packed) == 0)
        return 0;
    call_end(q);
    return -ENOMEM;
}

/* It left while it was being connected automatically: amojo may have heard the two the other way round. */
static void disconnect_again(struct core *c, const struct reg_scope *s)
{
    struct command body = {.kind = COMMAND_AMO_DISCONNECT,
                           .scope = view_of(s->channel),
                           .account = view_of(s->account)};
    int rc = id_uuid7(clock_unix_ms(), &body.trace);

    rc = rc ? rc : call_once(c, NULL, &body, clock_mono_ms() + CONNECT_WAIT_MS, NULL, NULL);
    if (rc)
        log_failed(LOG_LEVEL_ERROR, "scope.disconnect_failed", rc, NULL);
}

static void reconnected(struct core *c, void *arg, const struct result *r)
{
    struct dest *d = arg;
    const struct reg_scope *s = registry_scope(c->turn->registry, view_of(d->name));
    char space[LOG_VALUE_MAX];
    bool ok = r && r->outcome == OUTCOME_DONE;

    log_line(ok ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "scope.reconnected", "destination=%s ok=%d",
             log_value(view_of(d->key), space), ok);
    if (ok && s && s->disconnected) {
        disconnect_again(c, s);
        return;
    }
    if (ok)
        dest_connected(d);
    if (ok && d->hold == HOLD_FORBIDDEN)
        dest_probe_now(d, clock_mono_ms()); /* connecting is not writing: one may try now */
    else if (ok)
        dest_release(d, clock_mono_ms());
    core_wake(c);
}

void call_connected(struct core *c, struct dest *d)
{
    if (!d)
        return;
    d->connected_once = true;
    dest_connected(d);
    dest_release(d, clock_mono_ms());
    core_wake(c);
}

/* Long enough ago; a time "in the future" is of another clock. */
static bool is_long_ago(const struct core *c, int64_t then_unix_ms, int64_t now_unix_ms)
{
    return then_unix_ms > now_unix_ms ||
           now_unix_ms - then_unix_ms >=
               (int64_t)config_number(c->config, "core/connect_every_ms");
}

void call_reconnect(struct core *c, struct dest *d)
{
    int64_t now = clock_unix_ms();
    const struct reg_scope *s = registry_scope(c->turn->registry, view_of(d->name));
    struct connect_call what;
    int rc = 0;

    if (!s || s->disconnected || !is_long_ago(c, s->reconnected_ms, now) ||
        !is_long_ago(c, d->reconnected_unix_ms, now))
        return;
    what = (struct connect_call){s->channel, s->account, s->title, s->window_off};
    if (call_connect(c, &what, reconnected, d)) {
        d->connect_wanted = true; /* no memory: at the next tick */
        return;
    }
    d->reconnected_unix_ms = now;
    rc = core_turn(c);
    rc = rc ? rc : store_scope_reconnecting(c->store, view_of(s->id), now);
    if (rc)
        core_row_failed(c, "connect", rc);
}

void call_connect_at_start(struct core *c, int64_t now_mono_ms)
{
    int n = 0;

    if (!peers_pick_worker(c, 0, now_mono_ms))
        return; /* a call that nobody can make would count as made */
    for (size_t i = 0; i < c->turn->registry->n_scopes && n < GREET_AT_ONCE; i++) {
        const struct reg_scope *s = &c->turn->registry->scopes[i];
        struct dest *d = queue_dest(c->queue, DEST_SCOPE, view_of(s->id));

        if (!d || (d->connected_once && !d->connect_wanted) || s->paused || s->disconnected)
            continue;
        if (!d->connect_wanted && !is_long_ago(c, s->connected_ms, clock_unix_ms())) {
            d->connected_once = true;
            continue;
        }
        d->connected_once = true;
        d->connect_wanted = false;
        n++;
        call_reconnect(c, d);
    }
}

/* --- asking --------------------------------------------------------------------------------- */

static void connect_body(const struct call *q, struct command *body)
{
    body->kind = COMMAND_AMO_CONNECT;
    body->scope = view_of(q->channel);
    body->account = view_of(q->account);
    body->title = view_of(q->title);
    body->time_window_off = q->window_off;
}

/* @r NULL: no answer in time. */
static void call_over(struct core *c, struct call *q, const struct result *r)
{
    if (q->done)
        q->done(c, q->arg, r);
    call_end(q);
}

static int call_ask(struct core *c, struct call *q, struct peer *p, int64_t now)
{
    struct resolved r = {0};
    size_t bytes = 0;
    int rc = 0;

    if (q->kind == CALL_CONNECT)
        connect_body(q, &r.body);
    else if (q->kind == CALL_ONCE)
        rc = command_decode(buf_view(&q->packed), &r.body);
    else
        rc = look_body(c, q, &r);
    q->id = CALL_ID_BIT | ++c->turn->next_attempt;
    r.body.id = q->id;
    if (q->kind == CALL_ONCE) /* nobody needs its answer later */
        r.body.finish_within_ms = q->until_mono_ms - now;
    rc = rc ? rc : dispatch_pack(c, p, &r.body, &bytes);
    if (rc == 0) {
        q->asked = true;
        q->worker = p;
        q->attempt = r.body.attempt;
        q->due_mono_ms = now + (int64_t)config_number(c->config, "core/lease_ms") + 2000;
        worker_take_call(p);
        if (q->dest)
            queue_call_begins(q->dest, now);
    }
    resolved_fini(&r);
    return rc;
}

/* The command is settled, or its message is not known any more. */
static void check_orphaned(struct core *c, struct call *q)
{
    struct core_command *cmd = queue_find(c->queue, q->command);

    if (cmd && cmd->state == COMMAND_CHECKING)
        settle_dead(c, cmd, "parent", VIEW_NONE);
    call_end(q);
}

/* Its conversation has moved meanwhile: dispatch finds out where to. */
static void check_elsewhere(struct core *c, struct call *q)
{
    struct core_command *cmd = queue_find(c->queue, q->command);

    if (cmd && cmd->state == COMMAND_CHECKING)
        queue_move(c->queue, cmd, COMMAND_READY, 0, clock_mono_ms());
    call_end(q);
}

/* May it go now? Messages come first: what is called once takes only what they leave, a look what is
 * left of the destination's share. */
static bool call_may_go(struct call *q, int64_t now_mono_ms)
{
    if (!q->dest)
        return true;
    if (q->kind == CALL_LOOK)
        return queue_admits_call(q->dest, &q->probing, now_mono_ms);
    if (!q->done)
        return queue_spares_place(q->dest, now_mono_ms);
    return dest_take_token(q->dest, now_mono_ms);
}

/* What would come again at a start: a look with its command, and what core calls by itself. Core has died with it:
 * it ends without an answer, and so does the command of a look. */
static bool call_begin(struct core *c, struct call *q, struct deed *ret_outer)
{
    struct core_command *cmd = q->kind == CALL_LOOK ? queue_find(c->queue, q->command) : NULL;
    struct deed deed = deed_of(DEED_LOOK, q->command);
    unsigned n_deaths = 0;

    if (q->kind == CALL_ONCE && !q->done)
        deed.kind = DEED_NONE; /* somebody types: that is not kept */
    else if (q->kind != CALL_LOOK)
        deed = deed_of_bytes(DEED_CALL, q->dest ? view_of(q->dest->key) : VIEW_NONE);
    n_deaths = deaths_begin(c, &deed, ret_outer);
    if (n_deaths < DEATHS_MAX)
        return true;
    if (cmd && cmd->state == COMMAND_CHECKING)
        killer_give_up(c, cmd, n_deaths); /* and this call with it */
    else
        call_over(c, q, NULL);
    (cmd ? deaths_end : deaths_pass)(c, ret_outer);
    return false;
}

static void call_go(struct core *c, struct call *q, struct peer *p, int64_t now_mono_ms)
{
    int rc = call_ask(c, q, p, now_mono_ms);

    if (rc)
        call_unask(q);
    if (rc == STORE_DAMAGED) {
        c->turn->hand.command = q->command;
        core_give_up(c, "call", rc);
    } else if (q->kind == CALL_ONCE && rc > 0) {
        call_over(c, q, NULL); /* unreadable: cannot be */
    } else if (rc == RESOLVE_E_MOVED) {
        check_elsewhere(c, q);
    } else if (rc == RESOLVE_E_PARENT || rc == RESOLVE_E_STALE || rc == RESOLVE_E_ERASED) {
        check_orphaned(c, q);
    } else if (rc) {
        q->due_mono_ms = now_mono_ms + 1000;
    }
}

static void call_try(struct core *c, struct call *q, struct peer *p, int64_t now_mono_ms)
{
    struct deed outer;

    if (!call_may_go(q, now_mono_ms)) {
        q->due_mono_ms = now_mono_ms + TOKEN_AGAIN_MS;
    } else if (call_begin(c, q, &outer)) {
        call_go(c, q, p, now_mono_ms);
        deaths_pass(c, &outer); /* its answer may still be what kills */
    }
}

/* Before messages: what an operator or a whole account waits for, and a look that waits too long. */
static bool call_goes_first(const struct call *q, int64_t now_mono_ms)
{
    return q->kind == CALL_CONNECT ||
           (q->kind == CALL_LOOK && now_mono_ms - q->wanted_mono_ms > LOOK_PATIENCE_MS);
}

void call_dispatch(struct core *c, bool after, int64_t now_mono_ms)
{
    struct list *next = NULL;

    for (struct list *i = c->deliver->calls.next; i != &c->deliver->calls; i = next) {
        struct call *q = LIST_ENTRY(i, struct call, link);
        struct peer *p = NULL;

        if (c->turn->dirty)
            return; /* the one before it made rows: the others go when they are committed */
        next = i->next;
        if (q->asked || after == call_goes_first(q, now_mono_ms) ||
            now_mono_ms < q->due_mono_ms || (q->dest && q->dest->paused))
            continue;
        p = peers_pick_worker(c, 0, now_mono_ms);
        if (!p)
            return;
        call_try(c, q, p, now_mono_ms);
    }
}

/* --- answers -------------------------------------------------------------------------------- */

struct call *call_asked(struct core *c, const struct peer *p, const struct result *r)
{
    struct list *const calls = &c->deliver->calls;

    for (struct list *i = calls->next; r->id & CALL_ID_BIT && i != calls; i = i->next) {
        struct call *q = LIST_ENTRY(i, struct call, link);

        if (q->id == r->id && q->asked && q->worker == p)
            return q;
    }
    return NULL;
}

void call_answered(struct core *c, struct call *q, const struct result *r)
{
    struct deed outer;

    call_unask(q);
    q->due_mono_ms = clock_mono_ms();
    c->turn->hand.command = q->command;
    if (!call_begin(c, q, &outer))
        return;
    if (q->kind == CALL_LOOK)
        look_answer(c, q, r);
    else if (r->outcome == OUTCOME_UNSTARTED)
        q->due_mono_ms += 200;
    else
        call_over(c, q, r);
    deaths_end(c, &outer);
}

void call_worker_lost(struct core *c, const struct peer *p)
{
    for (struct list *i = c->deliver->calls.next; i != &c->deliver->calls; i = i->next) {
        struct call *q = LIST_ENTRY(i, struct call, link);

        if (q->worker != p)
            continue;
        q->worker = NULL; /* its count goes with it */
        call_unask(q);
        q->due_mono_ms = clock_mono_ms();
    }
}

/* Nothing is known of its command meanwhile: there is no room for the look, or who has it is silent. */
static void look_tick(struct core *c, const struct call *q, int64_t now_mono_ms)
{
    struct core_command *cmd = queue_find(c->queue, q->command);

    if (cmd)
        cmd->look_waits = q->asked ? !q->worker || !peer_tells(q->worker, now_mono_ms)
                                   : now_mono_ms > q->wanted_mono_ms;
}

const char *call_unmade_words(const struct core *c)
{
    return peers_have_worker(c, clock_mono_ms())
               ? "no answer within 20 seconds: every worker is busy, or hangs"
               : "no worker is connected: is an egress running?";
}

/* Somebody waits for its answer, and nobody is there to make it. */
static bool is_hopeless(const struct core *c, const struct call *q, int64_t now_mono_ms)
{
    bool asked_for =
        q->kind == CALL_ONCE ? q->done != NULL : q->kind == CALL_CONNECT && !q->dest;

    return asked_for && !q->asked && now_mono_ms - q->made_mono_ms >= NO_WORKER_MS &&
           !peers_have_worker(c, now_mono_ms);
}

/* Its place at the worker is its own until that answers. */
static bool is_too_late(const struct call *q, int64_t now_mono_ms)
{
    return q->until_mono_ms && now_mono_ms >= q->until_mono_ms &&
           !(q->asked && !q->done && now_mono_ms < q->due_mono_ms);
}

void call_tick(struct core *c, int64_t now_mono_ms)
{
    struct list *next = NULL;

    for (struct list *i = c->deliver->calls.next; i != &c->deliver->calls; i = next) {
        struct call *q = LIST_ENTRY(i, struct call, link);

        next = i->next;
        if (is_too_late(q, now_mono_ms) || is_hopeless(c, q, now_mono_ms)) {
            call_over(c, q, NULL);
        } else if (q->asked && now_mono_ms >= q->due_mono_ms) {
            call_unask(q);
        }
    }
    for (const struct list *i = c->deliver->calls.next; i != &c->deliver->calls; i = i->next) {
        const struct call *q = LIST_ENTRY_CONST(i, struct call, link);

        if (q->kind == CALL_LOOK)
            look_tick(c, q, now_mono_ms);
    }
}

int64_t call_next_due(const struct core *c, int64_t then_mono_ms)
{
    int64_t next = INT64_MAX;

    for (const struct list *i = c->deliver->calls.next; i != &c->deliver->calls; i = i->next) {
        const struct call *q = LIST_ENTRY_CONST(i, struct call, link);

        if (!q->asked && q->due_mono_ms > then_mono_ms && q->due_mono_ms < next)
            next = q->due_mono_ms;
    }
    return next;
}

void call_free(struct core *c)
{
    while (!list_is_empty(&c->deliver->calls))
        call_end(LIST_ENTRY(c->deliver->calls.next, struct call, link));
}
