/* The timer tick of core and what is due in it: giving up or reporting commands that have
 * waited too long, deleting old rows, and setting the gauges of /metrics. */

#include "core/watch.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stats.h"
#include "core/control/control.h"
#include "core/control/rotation.h"
#include "core/deliver/calls.h"
#include "core/deliver/clock_ask.h"
#include "core/deliver/dispatch.h"
#include "core/deliver/killer.h"
#include "core/deliver/moved.h"
#include "core/deliver/parting.h"
#include "core/deliver/resolve.h"
#include "core/deliver/settle.h"
#include "core/erase/erase.h"
#include "core/frames.h"
#include "core/intake/apply.h"
#include "core/intake/deferred.h"
#include "core/intake/echo.h"
#include "core/intake/room.h"
#include "core/peers/gate.h"
#include "core/peers/peers.h"
#include "core/shares/shares.h"
#include "core/store/shares.h"

/* The age of every command is looked at in pieces: so many are looked at in one tick, found or not … */
#define SWEEP_LOOKS       10000
/* … and a sweep begins so often. */
#define SWEEP_EVERY_TICKS 5
/* so long a tick goes on while it finds more: the loop has other work, too */
#define SWEEP_MS          100
#define PRUNE_EVERY_TICKS 5
#define PRUNE_ROWS        5000
/* of services' statuses in quarantine: a service that reports on what the bridge never knew may leave many */
#define STATUS_KEPT_DAYS  1
#define DAY_MS            (24LL * 3600 * 1000)

/* The clock of what waits for an account that left stands still, and that has an end, too. */
static bool is_left_behind(const struct core *c, const struct core_command *cmd,
                           int64_t now_unix)
{
    const struct dest *scope = cmd->lane->scope;
    int64_t days = (int64_t)config_number(c->config, "core/away_days");

    return scope && scope->left_unix_ms && now_unix - scope->left_unix_ms >= days * DAY_MS;
}

/* Why it is to be given up now; NULL it is not. */
static const char *is_over(struct core *c, const struct core_command *cmd, int64_t now_unix,
                           int64_t now_mono)
{
    int64_t paused = queue_paused_ms(cmd, now_mono);

    if (cmd->state == COMMAND_IN_FLIGHT)
        return NULL; /* its outcome decides */
    if (is_left_behind(c, cmd, now_unix))
        return "away";
    return now_unix - cmd->taken_ms - paused > command_life_ms(cmd->kind) ? "life_time" : NULL;
}

/* A message that waits for whatever reason is told in the log; a manager's shows as "delayed" on the
 * card, where a later status wins. */
static void tell_delayed(struct core *c, struct core_command *cmd)
{
    struct message m = {0};
    const struct dest *d = cmd->lane->dest;
    int rc = 0;
    char space[LOG_VALUE_MAX];
    char trace[ID_TEXT_LEN + 1];

    log_often(LOG_LEVEL_WARN, "command.delayed", view_of(d->key),
              "trace=%s command=%lld kind=%s destination=%s held=%s attempts=%u",
              command_trace(cmd, trace), (long long)cmd->id,
              command_kind_name((uint64_t)cmd->kind), log_value(view_of(d->key), space),
              hold_reason_name(d->hold), cmd->attempts);
    if (cmd->kind != COMMAND_SERVICE_MESSAGE)
        return;
    rc = core_row_begin(c);
    rc = rc ? rc : store_message(c->store, cmd->message, &m);
    if (rc == 0 && m.reported_status == 0) {
        const struct status_update t = {.scope = view_of(m.scope),
                                        .conversation = m.conversation,
                                        .message = m.id,
                                        .amo_id = view_of(m.amo_id),
                                        .code = -1,
                                        .error_code = 903,
                                        .error_text = VIEW_LIT("delayed"),
                                        .delayed = true,
                                        .trace = m.trace,
                                        .taken_ms = clock_unix_ms()};

        rc = apply_status_update(c, &t);
    }
    message_fini(&m);
    if (core_row_end(c, "delayed", rc == STORE_E_NONE ? 0 : rc))
        return; /* he is not told; the message goes its way */
    rc = core_commit_staged(c);
    if (rc)
        core_give_up(c, "delayed", rc);
}

struct aged {
    int64_t id;
    const char *over; /* why; NULL it is only late */
};

/* Finds at most @cap commands that are over or late, among as many as are left of @looks; table order, so
 * none is favoured. One that changes its place meanwhile is found by the next sweep. */
static size_t find_aged(struct core *c, struct aged *ret, size_t cap, size_t *looks,
                        int64_t now_unix, int64_t now_mono)
{
    int64_t delayed = (int64_t)config_number(c->config, "core/delayed_ms");
    bool doubtful = core_clock_doubtful(c);
    struct core_command *cmd = NULL;
    size_t n = 0;

    while (n < cap && *looks) {
        cmd = table_next(c->queue->commands, &c->watch->aged_at);
        if (!cmd) {
            c->watch->aged_at = 0;
            *looks = 0;
            stuck_end(&c->queue->stuck);
            break;
        }
        (*looks)--;
        if (!doubtful && delayed)
            stuck_look(&c->queue->stuck, cmd, now_unix, delayed);
        const char *over = doubtful ? NULL : is_over(c, cmd, now_unix, now_mono);

        if (over) {
            ret[n++] = (struct aged){cmd->id, over};
        } else if (!doubtful && delayed && !cmd->delayed && command_is_message(cmd->kind) &&
                   now_unix - cmd->taken_ms + cmd->waited_ms > delayed) {
            cmd->delayed = true;
            ret[n++] = (struct aged){cmd->id, NULL};
        }
    }
    return n;
}

static void give_up_old(struct core *c, struct core_command *cmd, const char *reason)
{
    struct view words = VIEW_NONE;

    if (parting_may_have_arrived(c, cmd)) {
        reason = "unclear";
        if (command_is_for_service(cmd->kind))
            words =
                VIEW_LIT("it may have reached the client; it was too old to be tried again");
    }
    settle_dead(c, cmd, reason, words);
}

static void handle_aged(struct core *c, const struct aged *aged)
{
    struct core_command *cmd = queue_find(c->queue, aged->id);
    struct deed outer;

    c->turn->hand = (struct hand){.command = aged->id};
    if (cmd && killer_begin(c, cmd, DEED_AGED, &outer)) {
        if (aged->over) {
            call_cancel(c,
                        cmd); /* a history that cannot be asked must not stop a lane for ever */
            give_up_old(c, cmd, aged->over);
        } else {
            tell_delayed(c, cmd);
        }
        deaths_end(c, &outer);
    }
    c->turn->hand = (struct hand){0};
}

static void watch_ages(struct core *c, int64_t now_unix, int64_t now_mono)
{
    struct aged aged[256];
    size_t looks = SWEEP_LOOKS;

    while (looks && !c->turn->exit_code && clock_mono_ms() - now_mono < SWEEP_MS) {
        size_t n = find_aged(c, aged, AMO_COUNT(aged), &looks, now_unix, now_mono);

        for (size_t i = 0; i < n && !c->turn->exit_code; i++)
            handle_aged(c, &aged[i]);
    }
}

static void watch_prune(struct core *c, int64_t now_mono, int64_t now_unix)
{
    int64_t day = 24LL * 3600 * 1000;
    int rc = 0;

    if (store_damage(c->store))
        return; /* reads whatever is there: it would meet the damage every time */
    rc = core_turn(c);
    rc = rc ? rc
            : store_prune(
                  c->store,
                  now_unix - day * (int64_t)config_number(c->config, "retention/messages_days"),
                  now_unix - day * (int64_t)config_number(c->config, "retention/dead_days"),
                  PRUNE_ROWS);
    /* one whose message did not come for so long says nothing to anybody any more */
    rc =
        rc ? rc : store_quarantine_forget_statuses(c->store, now_unix - STATUS_KEPT_DAYS * day);
    rc = rc ? rc : store_shares_sweep(c->store);
    if (rc)
        core_give_up(c, "prune", rc);
    else
        doubt_pruned(c, now_mono, now_unix);
}

int watch_new(struct core *c)
{
    c->watch = mem_zalloc(sizeof(*c->watch));
    return c->watch ? 0 : -ENOMEM;
}

void watch_free(struct core *c)
{
    mem_free(c->watch);
    c->watch = NULL;
}

void watch_tick(void *arg)
{
    struct core *c = arg;
    int rc = 0;
    int64_t now_mono = clock_mono_ms();
    int64_t now_unix = clock_unix_ms();

    c->watch->ticks++;
    log_often_flush(LOG_OFTEN_QUIET_MS);
    if (doubt_tick(c, now_mono, now_unix))
        clock_ask(c, now_mono);
    gates_tick(c);
    frames_tick(c, now_mono);
    call_tick(c, now_mono);  /* a question never outlives the call it was asked for */
    erase_tick(c, now_mono); /* nor does an erasure */
    control_tick(c, now_mono);
    if (now_mono >= c->peers->settling_until_ms) {
        while (!list_is_empty(&c->peers->known_workers)) {
            struct known_worker *k =
                LIST_ENTRY(c->peers->known_workers.next, struct known_worker, link);

            /* gone for longer than any attempt: not waited for after the next start */
            rc = core_turn(c);
            rc = rc ? rc : store_worker_forget(c->store, view_of(k->name));
            if (rc)
                core_row_failed(c, "workers", rc);
            known_worker_free(k);
        }
    }
    if (c->watch->aged_at || c->watch->ticks % SWEEP_EVERY_TICKS == 0)
        watch_ages(c, now_unix, now_mono);
    echo_tick(c, now_mono);
    if (!core_clock_doubtful(c))
        deferred_overdue(c, now_unix);
    room_tick(c, now_unix);
    deferred_run(c);
    if (!core_clock_doubtful(c))
        rotation_tick(c, now_unix);
    (void)room_is_there(c); /* for the log: nobody may be pushing */
    shares_tick(c, now_mono);
    heard_tick(c, now_mono);
    call_connect_at_start(c, now_mono);
    reach_tick(c);
    if (c->watch->ticks % PRUNE_EVERY_TICKS == 0 && doubt_may_prune(c, now_mono, now_unix))
        watch_prune(c, now_mono, now_unix);
    core_wake(c);
}

struct target_figures {
    double waiting;
    double in_flight;
    double oldest_s;
};

static void gauge_commands(struct core *c)
{
    struct target_figures of[DEST_N_KINDS] = {{0}};
    int64_t now = clock_unix_ms();
    const struct dest *d = NULL;
    size_t iter = 0;

    while ((d = table_next(c->queue->dests, &iter))) {
        struct target_figures *f = &of[d->kind];

        f->in_flight += (double)(d->n_in_flight - d->n_calls);
        f->waiting += (double)(d->n_waiting + d->n_calls - d->n_in_flight);
        if (!list_is_empty(&d->commands)) {
            const struct core_command *cmd =
                LIST_ENTRY_CONST(d->commands.next, struct core_command, in_dest);
            double age = (double)(now - cmd->taken_ms + cmd->waited_ms) / 1000;

            if (age > f->oldest_s)
                f->oldest_s = age;
        }
    }
    for (int k = 0; k < DEST_N_KINDS; k++) {
        const char *help = "commands that are not settled";

        stat_set(stats_gauge(c->stats, "amo_commands",
                             k == DEST_SCOPE ? "state=\"waiting\",target=\"amojo\""
                                             : "state=\"waiting\",target=\"webhook\"",
                             help),
                 of[k].waiting);
        stat_set(stats_gauge(c->stats, "amo_commands",
                             k == DEST_SCOPE ? "state=\"in_flight\",target=\"amojo\""
                                             : "state=\"in_flight\",target=\"webhook\"",
                             help),
                 of[k].in_flight);
        stat_set(stats_gauge(c->stats, "amo_command_oldest_seconds",
                             k == DEST_SCOPE ? "target=\"amojo\"" : "target=\"webhook\"",
                             "age of the oldest command that is not settled"),
                 of[k].oldest_s);
    }
}

/* Who has how many of the places at the workers. */
static void gauge_places(struct core *c)
{
    const struct places *p = &c->queue->places;
    char labels[64];

    for (int k = 0; k < DEST_N_KINDS; k++) {
        const char *target = k == DEST_SCOPE ? "amojo" : "webhook";

        for (int class = 0; class < DEST_N_CLASSES; class ++) {
            (void)snprintf(labels, sizeof(labels), "target=\"%s\",answers=\"%s\"", target,
                           dest_class_name((enum dest_class) class));
            stat_set(stats_gauge(c->stats, "amo_places", labels,
                                 "calls under way, by how their destinations answer"),
                     (double)p->of[k][class]);
        }
        (void)snprintf(labels, sizeof(labels), "target=\"%s\",answers=\"asked\"", target);
        stat_set(stats_gauge(c->stats, "amo_places", labels,
                             "calls under way, by how their destinations answer"),
                 (double)p->calls[k]);
    }
    stat_set(stats_gauge(c->stats, "amo_places_all", "", "calls that the workers make at once"),
             (double)p->all);
}

static void gauge_destinations(struct core *c)
{
    double held_scopes = 0;
    double held_connectors = 0;
    double away = 0;
    struct dest *d = NULL;
    size_t iter = 0;

    while ((d = table_next(c->queue->dests, &iter))) {
        if (dest_is_held(d))
            *(d->kind == DEST_SCOPE ? &held_scopes : &held_connectors) += 1;
        if (d->left_unix_ms)
            away += (double)d->n_account;
    }
    stat_set(stats_gauge(c->stats, "amo_away_commands", "",
                         "commands that wait for accounts that left"),
             away);
    stat_set(stats_gauge(c->stats, "amo_held_scopes", "", "scopes whose calls are held"),
             held_scopes);
    stat_set(stats_gauge(c->stats, "amo_breaker_open", "target=\"amojo\"", "held destinations"),
             held_scopes);
    stat_set(
        stats_gauge(c->stats, "amo_breaker_open", "target=\"webhook\"", "held destinations"),
        held_connectors);
}

void watch_gauges(void *arg)
{
    struct core *c = arg;
    int64_t dead = 0;
    int64_t quarantine = 0;
    int64_t waiting = 0;
    double workers = 0;

    gauge_commands(c);
    gauge_destinations(c);
    shares_gauges(c);
    gauge_places(c);
    for (struct list *i = c->peers->list.next; i != &c->peers->list; i = i->next)
        workers += LIST_ENTRY(i, struct peer, link)->role == ROLE_EGRESS;
    stat_set(stats_gauge(c->stats, "amo_queue_full", "",
                         "1: so many commands wait that events stay in the spools"),
             c->queue->full);
    stat_set(stats_gauge(c->stats, "amo_workers", "", "egress processes connected"), workers);
    stat_set(stats_gauge(c->stats, "amo_clock_in_doubt", "",
                         "1: nothing expires and nothing is pruned"),
             c->turn->doubt.on);
    stat_set(stats_gauge(c->stats, "amo_clock_skew_seconds", "", "amojo's clock minus ours"),
             (double)c->turn->skew_ms / 1000);
    if (store_counts(c->store, &dead, &quarantine, &waiting))
        return; /* the next commit says what is wrong with the store */
    stat_set(stats_gauge(c->stats, "amo_dead_letters", "", "dead letters kept"), (double)dead);
    stat_set(stats_gauge(c->stats, "amo_quarantine", "", "events in quarantine"),
             (double)quarantine);
    stat_set(stats_gauge(c->stats, "amo_waiting_events", "",
                         "events that wait for the message they are about"),
             (double)waiting);
    stat_set(stats_gauge(c->stats, "amo_set_aside_events", "",
                         "events from amo that wait for the queue of their account to empty"),
             (double)c->intake->n_aside);
}
