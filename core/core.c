/* The assembly of core, and its turn: read, apply in one transaction, commit, then acknowledge
 * and dispatch.
 *
 * From: the loop. To: frames.c, which hands on to intake.c and settle.c; dispatch.c.
 * Holds: acknowledgements and answers until the commit. */

#include "core/core.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/admin.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/stats.h"
#include "core/control/control.h"
#include "core/deliver/calls.h"
#include "core/deliver/deliver.h"
#include "core/deliver/dispatch.h"
#include "core/deliver/moved.h"
#include "core/erase/erase.h"
#include "core/frames.h"
#include "core/intake/aside.h"
#include "core/intake/deferred.h"
#include "core/intake/echo.h"
#include "core/peers/gate.h"
#include "core/peers/peers.h"
#include "core/peers/spools.h"
#include "core/peers/worker.h"
#include "core/shares/shares.h"
#include "core/store/checkpoint.h"
#include "core/store/dead.h"
#include "core/turn/deaths.h"
#include "core/verbs.h"
#include "core/watch.h"
#include "proto/bus/socket.h"
#include "proto/bus/tap.h"
#include "proto/limits.h"
#include "proto/session.h"

struct top {
    struct admin *admin;
    struct tap *tap;
    int signal_fd; /* -1 none yet */
    int wake_timer;
    int64_t wake_at_ms;
};

static void core_turn_end(void *arg);
static int core_load_commands(struct core *c);

/* --- the turn ------------------------------------------------------------------------------- */

/* EVENT_TAKEN and RESULT_TAKEN for all that this turn committed. */
static void core_acknowledge(struct core *c)
{
    for (struct list *i = c->peers->list.next; i != &c->peers->list; i = i->next) {
        struct peer *p = LIST_ENTRY(i, struct peer, link);
        bool events = p->role == ROLE_INGRESS;
        struct buf body;

        if (p->acks.len == 0)
            continue;
        buf_init(&body, LIMIT_FRAME_BYTES);
        /* not sent for want of memory: pushed again by the edge, and recognised */
        if (taken_encode(events ? &p->spool->id : NULL, buf_view(&p->acks), &body) == 0)
            peer_send(c, p, events ? MSG_EVENT_TAKEN : MSG_RESULT_TAKEN, NULL, buf_view(&body));
        buf_fini(&body);
        buf_reset(&p->acks);
        p->n_open = 0;
        p->bytes_open = 0;
    }
}

static void core_wake_later(void *arg)
{
    struct core *c = arg;

    c->top->wake_timer = 0;
    c->top->wake_at_ms = 0;
    core_wake(c);
}

/* One timer for whatever is due first. What could go at @then, before the last dispatch, and has
 * not gone is held up by credit alone: its arrival wakes us, and nobody else waits for it. */
static void core_set_timer(struct core *c, int64_t then)
{
    int64_t now = clock_mono_ms();
    int64_t due = queue_next_due(c->queue);
    int64_t other = call_next_due(c, then);

    due = other < due ? other : due;
    due = due > now ? due : now + 1;
    if (due >= now + 1000)
        return; /* the tick comes first */
    if (c->top->wake_timer && c->top->wake_at_ms <= due)
        return;
    loop_remove_timer(c->loop, c->top->wake_timer);
    c->top->wake_timer = 0;
    c->top->wake_at_ms = due;
    if (loop_add_timer(c->loop, due - now, false, core_wake_later, c, &c->top->wake_timer))
        c->top->wake_at_ms = 0; /* no memory: the tick wakes us */
}

static void core_commit(struct core *c)
{
    uint64_t logged = 0;
    int rc = 0;

    if (!c->turn->dirty)
        return;
    rc = spools_write(c);
    rc = rc ? rc : doubt_write(c);
    logged = store_logged(c->store);
    checkpoint_before_commit(c->turn->checkpoint);
    rc = rc ? rc : store_commit(c->store);
    if (rc) {
        core_give_up(c, "commit", rc);
        return;
    }
    c->turn->dirty = false;
    c->turn->commits++;
    stat_add(c->turn->n_commits, 1);
    core_acknowledge(c);
    checkpoint_after_commit(c->turn->checkpoint, store_log_bytes(c->store),
                            store_logged(c->store) != logged);
}

static void core_turn_end(void *arg)
{
    struct core *c = arg;
    int64_t then = 0;

    if (c->turn->exit_code)
        return; /* nothing of this turn was promised to anybody */
    dispatch_due(c, clock_mono_ms());
    core_commit(c);
    if (c->turn->exit_code)
        return;
    core_send_parcels(c);
    /* behind a WELCOME of this turn, which may still tell the registry of before */
    if (c->turn->registry_changed) {
        c->turn->registry_changed = false;
        peers_send_registry(c);
        control_tick(c, clock_mono_ms()); /* there may be nobody to wait for */
        c->turn->reach_soon = c->turn->reach_due;
    }
    if (c->turn->reach_soon) {
        /* before anything else comes for those who are reached now */
        reach_tick(c);
        c->turn->reach_soon = c->turn->reach_at >= 0 && !c->turn->exit_code;
        core_wake(c); /* the rest between other work */
    }
    if (c->turn->exit_code)
        return;
    core_commit(c); /* what was moved: nothing leaves by rows that a crash would take back */
    if (c->turn->exit_code)
        return;
    core_send_parcels(c);
    then = clock_mono_ms();
    dispatch_run(c);
    if (c->turn->dirty) {
        core_wake(c); /* dispatching settled something: commit that as well */
        return;
    }
    core_set_timer(c, then);
}

/* --- registry and queue --------------------------------------------------------------------- */

/* So many deaths, whatever core did with it: then even giving it up, in either way, has killed. */
#define LOAD_DEATHS (DEATHS_MAX + 2)

struct load {
    struct core *core;
    struct buf killers; /* int64_t ids of commands that do not enter the queue any more */
};

static int core_load_row(struct core *c, const struct command_row *row)
{
    struct core_command *cmd = NULL;
    int rc = core_queue_add(c, row, &cmd);

    if (rc)
        return rc;
    cmd->tried = true; /* it may have been on its way when we ended */
    cmd->first = cmd->state != COMMAND_QUEUED;
    cmd->unsure = row->unsure;
    c->turn->loaded = cmd->id;
    return 0;
}

static int core_load_one(void *arg, const struct command_row *row)
{
    struct load *l = arg;
    struct deed deed = deed_of(DEED_LOAD, row->id);
    struct deed outer;
    int rc = 0;

    if (deaths_begin(l->core, &deed, &outer) >= DEATHS_MAX ||
        deaths_of_command(l->core, row->id) >= LOAD_DEATHS) {
        rc = buf_add(&l->killers, &row->id, sizeof(row->id));
        deaths_pass(l->core, &outer);
    } else {
        rc = core_load_row(l->core, row);
        deaths_end(l->core, &outer);
    }
    return rc;
}

/* Nobody is told, because telling may be what kills; it stands among the dead letters. */
static int core_leave_killers(struct core *c, struct view ids)
{
    int rc = ids.len ? store_begin(c->store) : 0;

    for (size_t i = 0; rc == 0 && i < ids.len / sizeof(int64_t); i++) {
        int64_t id = 0;

        memcpy(&id, ids.ptr + i * sizeof(id), sizeof(id));
        log_line(LOG_LEVEL_ERROR, "queue.left_out", "command=%lld reason=core_lost",
                 (long long)id);
        rc = store_dead_add(c->store, id, "core_lost", clock_unix_ms());
    }
    return rc || ids.len == 0 ? rc : store_commit(c->store);
}

static int core_load_commands(struct core *c)
{
    struct load l = {.core = c};
    int rc = 0;

    buf_init(&l.killers, SIZE_MAX / 2);
    rc = store_commands_walk(c->store, core_load_one, &l);
    rc = rc ? rc : core_leave_killers(c, buf_view(&l.killers));
    buf_fini(&l.killers);
    if (rc == 0)
        log_line(LOG_LEVEL_INFO, "queue.loaded", "commands=%zu", queue_count(c->queue));
    return rc;
}

/* --- opening -------------------------------------------------------------------------------- */

static bool core_is_ready(void *arg, struct buf *reasons)
{
    struct core *c = arg;

    if (c->turn->stopping)
        (void)buf_add_str(reasons, "stopping\n"); /* shown as far as it fits */
    return !c->turn->stopping && c->turn->exit_code == 0;
}

static int top_new(struct core *c)
{
    c->top = mem_zalloc(sizeof(*c->top));
    if (!c->top)
        return -ENOMEM;
    c->top->signal_fd = -1;
    return 0;
}

static void top_free(struct core *c)
{
    if (!c->top)
        return;
    admin_free(c->top->admin);
    tap_free(c->top->tap);
    if (c->top->signal_fd >= 0)
        (void)close(c->top->signal_fd); /* read only */
    mem_free(c->top);
    c->top = NULL;
}

/* Every room with nothing in it, from the lowest to the highest. */
static int core_new(struct core *c, struct config *config)
{
    int rc = 0;

    memset(c, 0, sizeof(*c));
    c->config = config;
    rc = stats_new(&c->stats);
    rc = rc ? rc : turn_new(c, core_turn_end, core_commit, aside_ending);
    rc = rc ? rc : peers_new(c);
    rc = rc ? rc : shares_new(c);
    rc = rc ? rc : intake_new(c);
    rc = rc ? rc : deliver_new(c);
    rc = rc ? rc : erase_new(c);
    rc = rc ? rc : control_new(c, core_verbs, core_n_verbs);
    rc = rc ? rc : watch_new(c);
    return rc ? rc : top_new(c);
}

static const char *keys_words(int rc)
{
    switch (rc) {
    case KEYS_E_MISSING:
        return "missing_though_sealed_rows_exist";
    case KEYS_E_WRONG:
        return "not_the_key_of_this_store";
    case KEYS_E_FORM:
        return "neither_32_bytes_nor_64_hex_digits";
    default:
        return "unreadable";
    }
}

/* A store that cannot take one row must not be found out by the first events: they would count
 * our death as theirs. */
static int core_try_store(struct core *c)
{
    struct id was = {{0}};
    struct buf before;
    int rc = 0;

    buf_init(&before, sizeof(was.bytes));
    rc = store_meta_get(c->store, "boot", &before);
    rc = rc == STORE_E_NONE ? 0 : rc;
    if (rc == 0)
        (void)!id_from_view(buf_view(&before), &was); /* none of a new store */
    buf_fini(&before);
    rc = rc ? rc : store_begin(c->store);

    rc = rc ? rc : store_meta_put(c->store, "boot", id_view(&c->peers->boot));
    rc = rc ? rc : store_commit(c->store);
    if (rc)
        log_failed(LOG_LEVEL_ERROR, "store.failed", store_errno(rc),
                   "in=start file=%s sqlite=\"%s\"", store_path(c->store),
                   store_error(c->store, rc));
    return rc ? rc : deaths_open(store_path(c->store), &was, &c->peers->boot, &c->turn->deaths);
}

static int core_open_store(struct core *c)
{
    struct buf why;
    int rc = 0;

    buf_init(&why, 1024);
    rc = store_open(config_text(c->config, "core/store"), &why, &c->store);
    if (rc)
        log_failed(LOG_LEVEL_ERROR, "store.failed", store_errno(rc), "in=open sqlite=\"%s\"",
                   buf_str(&why));
    buf_fini(&why);
    if (rc)
        return rc;
    rc = keys_open(&c->turn->keys, config_text(c->config, "master_key_file"), c->store);
    if (rc) {
        log_line(LOG_LEVEL_ERROR, "master_key.refused", "reason=%s", keys_words(rc));
        return rc > 0 ? -EINVAL : rc;
    }
    rc = core_try_store(c);
    rc = rc ? rc : store_registry_load(c->store, &c->turn->keys, &c->turn->registry);
    if (rc == 0)
        core_reach_changed(c); /* whatever the end of the life before has left */
    rc = rc ? rc
            : checkpoint_start(store_path(c->store),
                               (int64_t)config_number(c->config, "core/log_max_bytes"),
                               &c->turn->checkpoint);
    return rc;
}

static int core_open_queue(struct core *c)
{
    uint64_t seed = 0;
    int rc = crypto_random(&seed, sizeof(seed));

    rc = rc ? rc
            : queue_new((double)config_number(c->config, "scope/rate"),
                        (double)config_number(c->config, "scope/burst"),
                        (int64_t)config_number(c->config, "retry/base_ms"),
                        (int64_t)config_number(c->config, "retry/cap_ms"), seed, &c->queue);
    if (rc)
        return rc;
    c->queue->landed = worker_landed;
    c->queue->max = (size_t)config_number(c->config, "core/commands_max");
    rc = doubt_open(c);
    if (rc)
        return rc;
    core_apply_pauses(c);
    rc = intake_load(c);
    rc = rc ? rc : peers_await(c);
    rc = rc ? rc : heard_load(c);
    rc = rc ? rc : core_load_commands(c);
    /* what is new must not pass by what stands there until the first tick */
    c->turn->reach_soon = queue_count(c->queue) > 0;
    return rc;
}

/* @rc is of what was opened at the address of setting @key. */
static int bus_opened(const struct core *c, const char *key, int rc)
{
    if (rc)
        log_failed(LOG_LEVEL_ERROR, "bus.failed", rc, "address=%s",
                   config_text(c->config, key));
    return rc;
}

static int core_bind(const struct core *c, const char *key, struct tap *tap,
                     struct bus_socket **ret)
{
    return bus_opened(c, key, bus_router_bind(config_text(c->config, key), tap, ret));
}

static int core_open_bus(struct core *c)
{
    const char *name = config_text(c->config, "name");
    int rc = bus_opened(c, "bus/tap",
                        tap_new(c->loop, config_text(c->config, "bus/tap"),
                                name[0] ? name : "core", gates_operators(c), &c->top->tap));

    rc = rc ? rc : core_bind(c, "bus/events", c->top->tap, &c->peers->events);
    rc = rc ? rc : core_bind(c, "bus/commands", c->top->tap, &c->peers->commands);
    rc = rc ? rc : core_bind(c, "bus/control", NULL, &c->control->socket);
    if (rc)
        return rc;
    gates_add(c, GATE_EVENTS, c->peers->events);
    gates_add(c, GATE_COMMANDS, c->peers->commands);
    gates_add(c, GATE_CONTROL, c->control->socket);
    rc = bus_socket_watch(c->peers->events, c->loop, frames_events_readable, c);
    rc = rc ? rc : bus_socket_watch(c->peers->commands, c->loop, frames_commands_readable, c);
    return rc ? rc : bus_socket_watch(c->control->socket, c->loop, control_readable, c);
}

static void core_admin_run(void *arg)
{
    admin_run(((struct core *)arg)->top->admin);
}

static void core_tick(void *arg)
{
    struct core *c = arg;

    if (c->top->admin)
        admin_run(c->top->admin);
    watch_tick(c);
}

static int core_open_admin(struct core *c)
{
    int rc = admin_new(config_text(c->config, "core/admin_listen"), c->stats, core_is_ready,
                       watch_gauges, c, &c->top->admin);

    if (rc)
        log_failed(LOG_LEVEL_ERROR, "admin.failed", rc, "address=%s",
                   config_text(c->config, "core/admin_listen"));
    if (rc == 0 && c->top->admin)
        rc = loop_add_fd(c->loop, admin_fd(c->top->admin), core_admin_run, c);
    return rc ? rc : loop_add_timer(c->loop, 1000, true, core_tick, c, NULL);
}

int core_open(struct core *c, struct config *config)
{
    int rc = core_new(c, config);

    rc = rc ? rc : core_open_store(c);
    rc = rc ? rc : core_open_queue(c);
    rc = rc ? rc : gates_open(c);
    rc = rc ? rc : loop_new(&c->loop);
    rc = rc ? rc : core_open_bus(c);
    rc = rc ? rc : core_open_admin(c);
    if (rc == STORE_DAMAGED && c->store && !store_is_looked_at(c->store))
        store_found_damaged(c->store, rc); /* the next start looks */
    return rc;
}

/* Nothing is under way in core that a stop could cut: what is not committed was not promised. */
static void core_signalled(void *arg)
{
    struct core *c = arg;
    int number = 0;

    while ((number = process_signal_next(c->top->signal_fd)) > 0) {
        log_line(LOG_LEVEL_INFO, "signal", "number=%d", number);
        if (number == SIGHUP)
            continue; /* core has nothing to read again */
        c->turn->stopping = true;
        loop_stop(c->loop);
    }
}

/* The words, and the exit code, of a start that failed with @rc. */
static int core_start_failed(const struct core *c, int rc)
{
    if (rc == 0)
        return EXIT_FINE;
    if (c->store)
        log_failed(LOG_LEVEL_ERROR, "start.failed", store_errno(rc), "file=%s sqlite=\"%s\"",
                   store_path(c->store), store_error(c->store, rc));
    else
        log_failed(LOG_LEVEL_ERROR, "start.failed", store_errno(rc), NULL);
    /* what may pass, start me again: a disk that is full or fails. What was looked at and is damaged
     * stays so */
    if (rc == -EIO || rc == -ENOSPC || rc == STORE_FULL || rc == STORE_READONLY ||
        rc == STORE_BUSY)
        return EXIT_TEMPORARY;
    if (rc == STORE_DAMAGED)
        return c->store && !store_is_looked_at(c->store) ? EXIT_TEMPORARY : EXIT_USAGE;
    return rc == -EINVAL || rc == -EPROTO || rc == -EPROTONOSUPPORT ? EXIT_USAGE
                                                                    : process_exit_code(rc);
}

int core_start(struct core *c, const struct process *p)
{
    return core_start_failed(c, core_open(c, p->config));
}

int core_connect(struct core *c)
{
    int rc = process_signal_fd(&c->top->signal_fd);

    return core_start_failed(
        c, rc ? rc : loop_add_fd(c->loop, c->top->signal_fd, core_signalled, c));
}

void core_describe(const struct core *c, struct buf *out)
{
    (void)buf_add_f(out, "admin=127.0.0.1:%u",
                    c->top->admin ? admin_port(c->top->admin) : 0); /* fits */
}

int core_run(struct core *c)
{
    core_wake(c);
    if (loop_run(c->loop) && c->turn->exit_code == 0)
        c->turn->exit_code = EXIT_FAILED;
    return c->turn->exit_code;
}

void core_close(struct core *c)
{
    /* what was committed is told; what was not is sent again by its holder */
    if (c->turn && c->turn->exit_code == 0) {
        if (c->store && store_in_transaction(c->store))
            core_commit(c);
        if (c->turn->exit_code == 0 && c->peers)
            peers_say_going(c, false);
    }
    control_free(c);
    erase_free(c);
    deliver_free(c);
    intake_free(c);
    shares_free(c);
    peers_free(c);
    watch_free(c);
    top_free(c);
    loop_free(c->loop);
    queue_free(c->queue);
    turn_free(c);
    store_close(c->store);
    stats_free(c->stats);
}
