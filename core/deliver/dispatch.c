/* Commands leave for the workers.
 *
 * From: the queue (READY). To: an egress (COMMAND_PUSH); back by settle.c, a lost worker or the
 * end of the lease.
 * Holds: nothing new: the command stays in the store until it is settled. */

#include "core/deliver/dispatch.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "core/deliver/blame.h"
#include "core/deliver/calls.h"
#include "core/deliver/deliver.h"
#include "core/deliver/killer.h"
#include "core/deliver/moved.h"
#include "core/deliver/resolve.h"
#include "core/deliver/settle.h"
#include "core/intake/intake.h"
#include "core/model/inject.h"
#include "core/peers/peers.h"
#include "core/peers/worker.h"
#include "proto/command.h"
#include "proto/limits.h"
#include "proto/pack.h"
#include "proto/session.h"

/* most commands sent in one turn: answers are read between them */
#define DISPATCH_BATCH   256
/* a worker's clock and the way there and back */
#define LEASE_SLACK_MS   2000
/* Workers are lost with many commands in hand, and an innocent one may be among them twice. After
 * so many losses a command goes as the only suspect under way … */
#define LOST_SUSPECT     2
/* … and three losses more have no other explanation. */
#define LOST_MAX         5
/* a suspect looks again so soon whether it is its turn */
#define SUSPECT_AGAIN_MS 200
/* and holds up others for no longer than this */
#define SUSPECT_TURN_MS  5000
/* and one whose conversation is still under way to whom it has left */
#define LEAVING_AGAIN_MS 200
/* A number begins with the time of its core's start (doubt.c); this one is of the year 2109. Numbers go on behind the
 * highest that a worker tells, so behind a higher one there would soon be none left. */
#define ATTEMPT_TOLD_MAX (UINT64_C(1) << 62)

static bool dispatch_next(struct core *c, struct core_command *cmd, int64_t now);
static void dispatch_back(struct core *c, struct core_command *cmd, int64_t now);

static bool settling(const struct core *c, int64_t now)
{
    return now < c->peers->settling_until_ms && !list_is_empty(&c->peers->known_workers);
}

static size_t live_places(const struct core *c, int64_t now)
{
    size_t n = 0;

    for (const struct list *i = c->peers->list.next; i != &c->peers->list; i = i->next) {
        const struct peer *p = LIST_ENTRY_CONST(i, struct peer, link);

        if (p->role == ROLE_EGRESS && !p->ended && peer_is_alive(p, now))
            n += peer_places(p);
    }
    return n;
}

void dispatch_run(struct core *c)
{
    int64_t now = clock_mono_ms();

    if (c->turn->stopping)
        return;
    queue_run(c->queue, live_places(c, now), now);
    call_dispatch(c, false, now);
    for (int i = 0;; i++) {
        struct core_command *cmd = NULL;
        bool went = false;

        if (i == DISPATCH_BATCH) {
            core_wake(c); /* there may be more: after the next frames were read */
            break;
        }
        if (c->turn->dirty || !peers_pick_worker(c, 0, now))
            break; /* rows were made: nothing may leave by them before they are committed */
        cmd = queue_next(c->queue, settling(c, now), now);
        if (!cmd)
            break;
        went = dispatch_next(c, cmd, now);
        if (!went && !queue_pass_over(cmd->lane->dest, now))
            break;
        if (c->turn->exit_code)
            return;
    }
    call_dispatch(c, true, now);
    dispatch_flush(c);
}

int dispatch_pack(struct core *c, struct peer *p, struct command *body, size_t *ret_bytes)
{
    int64_t lease = (int64_t)config_number(c->config, "core/lease_ms");
    int64_t attempt = (int64_t)config_number(c->config, "egress/attempt_ms");
    size_t before = p->batch.len;
    int rc = 0;

    if (c->turn->dirty)
        return -EBUSY;
    body->attempt = ++c->turn->next_attempt;
    if (body->finish_within_ms <= 0 || body->finish_within_ms > lease)
        body->finish_within_ms = lease;
    body->start_within_ms = lease > attempt ? lease - attempt : lease / 2;
    if (body->start_within_ms > body->finish_within_ms)
        body->start_within_ms = body->finish_within_ms;
    rc = command_encode(body, &p->batch);
    if (rc) { /* half a command must not stay behind the whole ones, nor its error */
        p->batch.len = before;
        p->batch.error = 0;
        return rc;
    }
    p->n_batch++;
    *ret_bytes = p->batch.len - before;
    return 0;
}

/* A command that cannot be built or is not needed leaves without an attempt. Its turn is paid
 * back. */
static void dispatch_unsendable(struct core *c, struct core_command *cmd, int rc)
{
    queue_give_back(c->queue, cmd);
    if (rc == RESOLVE_E_STALE)
        settle_drop(c, cmd);
    else if (rc == RESOLVE_E_PARENT)
        settle_dead(c, cmd, "parent", VIEW_NONE);
    else if (rc == RESOLVE_E_ERASED)
        settle_erased(c, cmd);
    else if (rc == RESOLVE_E_MOVED)
        reach_stray(c, cmd);
    else if (core_is_trouble(rc))
        core_give_up(c, "dispatch", rc);
    else
        settle_dead(c, cmd, "unreadable", VIEW_NONE);
}

/* Is that suspect under way? One that is slow does not hold up the others for longer than its turn. */
static bool has_its_turn(struct core *c, int64_t suspect, int64_t since_mono_ms, int64_t now)
{
    const struct core_command *cmd =
        suspect && now - since_mono_ms < SUSPECT_TURN_MS ? queue_find(c->queue, suspect) : NULL;

    return cmd && cmd->state == COMMAND_IN_FLIGHT;
}

/* Of the commands that were in hand when workers were lost only one goes at a time to each destination, and
 * whoever the next loss would end goes as the only suspect of all: the next loss then says which of them did
 * it, and the innocent are not given up with it. */
static bool other_suspect_under_way(struct core *c, const struct core_command *cmd, int64_t now)
{
    struct dest *d = cmd->lane->dest;
    struct deliver *v = c->deliver;
    const struct list *busy = &c->queue->places.busy;

    if ((v->suspect != cmd->id && has_its_turn(c, v->suspect, v->suspect_mono_ms, now)) ||
        (d->suspect != cmd->id && has_its_turn(c, d->suspect, d->suspect_mono_ms, now)))
        return true;
    for (const struct list *i = busy->next; cmd->lost >= LOST_MAX - 1 && i != busy;
         i = i->next) {
        const struct dest *other = LIST_ENTRY_CONST(i, struct dest, busy);

        if (has_its_turn(c, other->suspect, other->suspect_mono_ms, now))
            return true;
    }
    if (cmd->lost >= LOST_MAX - 1) {
        v->suspect = cmd->id;
        v->suspect_mono_ms = now;
    }
    d->suspect = cmd->id;
    d->suspect_mono_ms = now;
    return false;
}

/* A pause stopped its life, and not the day for which the service remembers what it may have of it. */
static bool dispatch_forgotten(struct core *c, struct core_command *cmd)
{
    int64_t since = 0;
    int rc = 0;

    if (cmd->kind != COMMAND_SERVICE_MESSAGE || !cmd->tried ||
        !command_is_forgotten(cmd->taken_ms, clock_unix_ms()) || c->turn->doubt.on)
        return false;
    rc = store_message_unclear(c->store, cmd->message, &since);
    if (rc)
        core_row_failed(c, "attempts", rc);
    if (rc || !command_is_forgotten(since, clock_unix_ms()))
        return false;
    queue_give_back(c->queue, cmd);
    settle_dead(c, cmd, "unclear", VIEW_NONE);
    return true;
}

/* False when no worker has room for it: a result or more credit will wake us. */
static bool dispatch_one(struct core *c, struct core_command *cmd, int64_t now)
{
    int64_t lease = (int64_t)config_number(c->config, "core/lease_ms");
    struct resolved r;
    struct peer *p = NULL;
    size_t bytes = 0;
    int rc = 0;

    if (blame_before_it_goes(c, cmd, now) || dispatch_forgotten(c, cmd))
        return true;
    if (cmd->lost >= LOST_SUSPECT && other_suspect_under_way(c, cmd, now)) {
        queue_give_back(c->queue, cmd);
        queue_move(c->queue, cmd, COMMAND_WAITING, now + SUSPECT_AGAIN_MS, now);
        return true;
    }
    if (c->intake->leaving.len && reach_must_wait(c, cmd)) {
        queue_give_back(c->queue, cmd);
        queue_move(c->queue, cmd, COMMAND_WAITING, now + LEAVING_AGAIN_MS, now);
        return true;
    }
    if (inject_here("lost", cmd->id)) {
        dispatch_unsendable(c, cmd, RESOLVE_E_STALE);
        return true;
    }
    rc = resolve_command(c, cmd, &r);
    if (rc) {
        resolved_fini(&r);
        dispatch_unsendable(c, cmd, rc);
        return true;
    }
    inject_kill(r.body.content.text);
    p = peers_pick_worker(c, r.row.body_len, now);
    if (!p || dispatch_pack(c, p, &r.body, &bytes)) {
        resolved_fini(&r);
        queue_give_back(c->queue, cmd); /* no room at any worker: next turn */
        return false;
    }
    cmd->attempt = r.body.attempt;
    cmd->body_len = (uint32_t)bytes;
    if (inject_here("double", cmd->id) && command_is_message(cmd->kind)) {
        r.body.key = VIEW_LIT("injected-key");
        r.body.id |= 1ULL << 63; /* nobody waits for its result */
        (void)!dispatch_pack(c, p, &r.body, &bytes);
    }
    resolved_fini(&r);
    queue_move(c->queue, cmd, COMMAND_IN_FLIGHT, now + lease + LEASE_SLACK_MS, now);
    worker_take(p, cmd);
    return true;
}

static bool dispatch_next(struct core *c, struct core_command *cmd, int64_t now)
{
    struct deed deed = deed_of(DEED_SEND, cmd->id);
    struct deed outer;
    unsigned n_deaths = deaths_begin(c, &deed, &outer);
    bool went = true;

    c->turn->hand = (struct hand){.command = cmd->id};
    if (n_deaths < DEATHS_MAX) {
        went = dispatch_one(c, cmd, now);
    } else {
        queue_give_back(c->queue, cmd);
        killer_give_up(c, cmd, n_deaths);
    }
    c->turn->hand = (struct hand){0};
    deaths_end(c, &outer);
    return went;
}

void dispatch_flush(struct core *c)
{
    for (struct list *i = c->peers->list.next; i != &c->peers->list; i = i->next) {
        struct peer *p = LIST_ENTRY(i, struct peer, link);
        msgpack_packer pk;
        struct buf body;

        if (p->n_batch == 0)
            continue;
        buf_init(&body, LIMIT_FRAME_BYTES);
        pack_init(&pk, &body);
        (void)msgpack_pack_map(&pk, 2); /* errors stick in the buf */
        pack_key(&pk, "core_ms");       /* start_within and finish_within count from here */
        (void)msgpack_pack_int64(&pk, clock_mono_ms());
        pack_key(&pk, "commands");
        (void)msgpack_pack_array(&pk, p->n_batch);
        (void)buf_add_view(&body, buf_view(&p->batch));
        /* not sent for want of memory: the lease brings them back */
        if (buf_error(&body) == 0)
            peer_send(c, p, MSG_COMMAND_PUSH, NULL, buf_view(&body));
        buf_fini(&body);
        buf_reset(&p->batch);
        p->n_batch = 0;
    }
}

/* --- coming back without a result ----------------------------------------------------------- */

/* Every command in flight at @p, in any order. */
typedef void dispatch_each_fn(struct core *c, struct core_command *cmd, struct peer *p);

static void dispatch_each(struct core *c, struct peer *p, dispatch_each_fn *fn)
{
    size_t n = 0;
    size_t iter = 0;
    struct core_command *cmd = NULL;
    int64_t *ids = mem_zalloc_array(p->n_in_flight + 1, sizeof(*ids));

    if (!ids) {
        core_give_up(c, "dispatch", -ENOMEM);
        return;
    }
    while (n < p->n_in_flight && (cmd = table_next(c->queue->commands, &iter))) {
        if (cmd->state == COMMAND_IN_FLIGHT && cmd->worker == p)
            ids[n++] = cmd->id;
    }
    for (size_t i = 0; i < n; i++) {
        struct deed outer;

        cmd = queue_find(c->queue, ids[i]);
        c->turn->hand.command = ids[i];
        if (!cmd || !killer_begin(c, cmd, DEED_BACK, &outer))
            continue;
        fn(c, cmd, p);
        deaths_end(c, &outer);
    }
    c->turn->hand.command = 0;
    mem_free(ids);
}

static size_t suspects_at(const struct core *c, const struct peer *p)
{
    const struct list *busy = &c->queue->places.busy;
    size_t n = 0;

    for (const struct list *i = busy->next; i != busy; i = i->next) {
        const struct dest *d = LIST_ENTRY_CONST(i, struct dest, busy);

        for (const struct list *j = d->running.next; j != &d->running; j = j->next) {
            const struct lane *l = LIST_ENTRY_CONST(j, struct lane, link);
            const struct core_command *cmd =
                LIST_ENTRY_CONST(l->commands.next, struct core_command, in_lane);

            n += cmd->worker == p && cmd->lost >= LOST_SUSPECT;
        }
    }
    return n;
}

/* With another suspect beside it nobody knows whose doing it was: it goes once more, alone. */
static bool is_loss(const struct core *c, const struct core_command *cmd)
{
    return cmd->lost < LOST_MAX - 1 || c->deliver->n_lost_suspects == 1;
}

static void lose_one(struct core *c, struct core_command *cmd, struct peer *p)
{
    int64_t now = clock_mono_ms();

    (void)p;
    cmd->lost += is_loss(c, cmd);
    dispatch_back(c, cmd, now);
}

/* What came home is written down by its result; what did not, here: the other side may have
 * taken it. */
static int note_silence(struct core *c, const struct core_command *cmd)
{
    const struct dest *scope = cmd->lane->scope;
    bool to_amo = command_is_new_at_amo(cmd->kind);
    const struct attempt_row row = {
        .command = cmd->id,
        .message = cmd->message,
        .kind = (int64_t)cmd->kind,
        .number = cmd->attempts + 1,
        .began_ms = clock_unix_ms(),
        .outcome = OUTCOME_UNKNOWN,
        .cause = CAUSE_NONE,
        .evidence = cmd->erased ? VIEW_NONE : VIEW_LIT("its worker was lost or silent"),
        .worker = cmd->worker ? view_of(cmd->worker->name) : VIEW_NONE,
        .scope = to_amo && scope ? view_of(scope->name) : VIEW_NONE};

    return to_amo || cmd->kind == COMMAND_SERVICE_MESSAGE ? store_attempt_add(c->store, &row)
                                                          : 0;
}

static void dispatch_back(struct core *c, struct core_command *cmd, int64_t now)
{
    int rc = core_turn(c);

    if (cmd->done_late) { /* no attempt of it is left */
        settle_done(c, cmd, NULL);
        return;
    }
    cmd->tried = true;
    rc = rc ? rc : store_command_progress(c->store, cmd->id, cmd->attempts, 0, cmd->lost);
    rc = rc ? rc : note_silence(c, cmd);
    if (rc)
        core_row_failed(c, "progress", rc);
    if (c->turn->exit_code)
        return;
    if (cmd->lost >= LOST_MAX) {
        settle_dead(c, cmd, "workers_lost", VIEW_NONE);
        return;
    }
    queue_move(c->queue, cmd, COMMAND_READY, 0, now);
    if (cmd->lost == LOST_SUSPECT) {
        /* perhaps it kills its workers: let the others go first */
        queue_move(c->queue, cmd, COMMAND_WAITING, now + 1000, now);
    }
}

void dispatch_lost(struct core *c, struct peer *p)
{
    log_line(LOG_LEVEL_WARN, "worker.lost", "name=%s in_flight=%zu", p->name, p->n_in_flight);
    c->deliver->n_lost_suspects = suspects_at(c, p);
    dispatch_each(c, p, lose_one);
    call_worker_lost(c, p);
    core_wake(c);
}

static void detach_one(struct core *c, struct core_command *cmd, struct peer *p)
{
    (void)c;
    (void)p;
    worker_landed(cmd);
}

static void forsake_one(struct core *c, struct core_command *cmd, struct peer *p)
{
    (void)p;
    worker_landed(cmd);
    cmd->forsaken = is_loss(c, cmd);
}

/* Silence proves nothing, so its commands go again only when their lease is over; but a worker that is started too
 * late to be known by its name, under another one, or not at all, is lost as well: else what kills its workers would
 * kill all of them, one after the other. One that was only cut off has the results, and they acquit. */
void dispatch_silent(struct core *c, struct peer *p)
{
    c->deliver->n_lost_suspects = suspects_at(c, p);
    dispatch_each(c, p, forsake_one);
    call_worker_lost(c, p);
}

static bool is_held(struct view held, const struct core_command *cmd)
{
    for (size_t i = 0; i < pairs_count(held); i++) {
        uint64_t id = 0;
        uint64_t attempt = 0;

        pairs_at(held, i, &id, &attempt);
        if (id == (uint64_t)cmd->id && attempt == cmd->attempt)
            return true;
    }
    return false;
}

void dispatch_unreceived(struct core *c, struct peer *p, struct view held)
{
    int64_t now = clock_mono_ms();
    struct core_command *cmd = NULL;
    size_t iter = 0;
    size_t n = 0;
    int64_t *ids = mem_zalloc_array(p->n_in_flight + 1, sizeof(*ids));

    while (ids && n < p->n_in_flight && (cmd = table_next(c->queue->commands, &iter))) {
        if (cmd->state == COMMAND_IN_FLIGHT && cmd->worker == p && !is_held(held, cmd))
            ids[n++] = cmd->id;
    }
    for (size_t i = 0; i < n; i++) {
        struct deed outer;

        cmd = queue_find(c->queue, ids[i]);
        c->turn->hand.command = ids[i];
        if (!cmd || !killer_begin(c, cmd, DEED_BACK, &outer))
            continue;
        if (cmd->done_late)
            settle_done(c, cmd, NULL);
        else
            queue_move(c->queue, cmd, COMMAND_READY, 0, now);
        deaths_end(c, &outer);
    }
    c->turn->hand.command = 0;
    mem_free(ids); /* no memory: the lease brings them back */
    dispatch_detach(c, p);
}

void dispatch_detach(struct core *c, struct peer *p)
{
    dispatch_each(c, p, detach_one);
    call_worker_lost(c, p);
}

void dispatch_due(struct core *c, int64_t now_mono_ms)
{
    struct core_command *cmd = NULL;
    char trace[ID_TEXT_LEN + 1];
    struct deed outer;

    while (!c->turn->exit_code && (cmd = queue_due(c->queue, now_mono_ms))) {
        if (cmd->state == COMMAND_WAITING) {
            queue_move(c->queue, cmd, COMMAND_READY, 0, now_mono_ms);
            continue;
        }
        log_line(LOG_LEVEL_WARN, "command.lease_over", "trace=%s command=%lld",
                 command_trace(cmd, trace), (long long)cmd->id);
        c->turn->hand.command = cmd->id;
        if (killer_begin(c, cmd, DEED_BACK, &outer)) {
            cmd->lost += cmd->forsaken;
            cmd->forsaken = false;
            dispatch_back(c, cmd, now_mono_ms);
            deaths_end(c, &outer);
        }
        c->turn->hand.command = 0;
    }
}

/* --- workers come --------------------------------------------------------------------------- */

static void known_worker_came(struct core *c, struct peer *p)
{
    struct list *next = NULL;
    int rc = 0;

    for (struct list *i = c->peers->known_workers.next; i != &c->peers->known_workers;
         i = next) {
        struct known_worker *k = LIST_ENTRY(i, struct known_worker, link);

        next = i->next;
        if (strcmp(k->name, p->name) == 0)
            known_worker_free(k);
    }
    rc = core_turn(c);
    rc = rc ? rc : store_worker_seen(c->store, view_of(p->name), &p->boot, clock_unix_ms());
    if (rc)
        core_row_failed(c, "workers", rc);
}

/* A worker says that it has this attempt. What this life of core has sent it knows itself; of earlier lives it
 * believes it, but not without end: whoever says so of all that waits delays it for a lease. */
static bool may_claim(struct core *c, const struct core_command *cmd, uint64_t attempt,
                      int64_t now)
{
    if (attempt == cmd->attempt || now < c->peers->settling_until_ms)
        return true;
    return cmd->attempt == 0 && c->deliver->n_claims++ < LIMIT_WORKER_CREDIT;
}

void dispatch_worker_joined(struct core *c, struct peer *p, struct view held)
{
    int64_t lease = (int64_t)config_number(c->config, "core/lease_ms");
    int64_t now = clock_mono_ms();

    known_worker_came(c, p);
    for (size_t i = 0; i < pairs_count(held); i++) {
        uint64_t id = 0;
        uint64_t attempt = 0;
        struct core_command *cmd = NULL;

        pairs_at(held, i, &id, &attempt);
        if (attempt == 0 || (attempt >= ATTEMPT_TOLD_MAX && attempt > c->turn->next_attempt))
            continue;                        /* none that a core made */
        if (attempt > c->turn->next_attempt) /* never reuse one */
            c->turn->others_attempts = c->turn->next_attempt = attempt;
        cmd = id <= INT64_MAX ? queue_find(c->queue, (int64_t)id) : NULL;
        if (!cmd)
            continue;
        if (cmd->state == COMMAND_READY && may_claim(c, cmd, attempt, now)) {
            cmd->attempt = attempt;
            queue_move(c->queue, cmd, COMMAND_IN_FLIGHT, now + lease + LEASE_SLACK_MS, now);
        } else if (cmd->state != COMMAND_IN_FLIGHT || cmd->attempt != attempt || cmd->worker) {
            continue;
        }
        worker_take(p, cmd);
    }
}
