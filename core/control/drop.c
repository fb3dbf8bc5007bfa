/* `amoctl queue drop`: what waits for a service or an account that will not come back is given up, and its
 * senders are informed. And what is still in the way of whatever is to be removed.
 *
 * From: control.c. To: settle.c; the store. Holds: the drop that is under way. */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/process.h"
#include "core/control/begins.h"
#include "core/control/control.h"
#include "core/control/moves.h"
#include "core/control/verbs.h"
#include "core/deliver/calls.h"
#include "core/deliver/parting.h"
#include "core/deliver/settle.h"
#include "core/intake/intake.h"
#include "core/intake/room.h"
#include "core/store/quarantine.h"
#include "proto/bus/loop.h"
#include "proto/event.h"

/* So long core gives up commands, and what else there is has its turn before it goes on … */
#define DROP_US      3000
#define DROP_STEP_MS 2
/* … and of so many it asks the store at a time. */
#define DROP_READ    500

/* Which commands are meant; one of the four. */
struct drop {
    struct view connector;
    struct view scope;
    int64_t conversation;
    int64_t message; /* what is to be told of it, or about it */
};

static struct view name_of(const struct dest *d)
{
    return view_of(d->name);
}

/* Towards the connector; or for an account of it that left, which could only come back with it. */
static bool is_of_connector(const struct registry *r, const struct lane *l, struct view name)
{
    const struct reg_scope *s = NULL;

    if (l->dest->kind == DEST_CONNECTOR)
        return view_equal(name_of(l->dest), name);
    s = registry_scope(r, name_of(l->dest));
    return s && s->disconnected && view_is(name, s->connector);
}

static bool is_meant(const struct core *c, const struct drop *d, const struct core_command *cmd)
{
    const struct lane *l = cmd->lane;

    if (d->message)
        return cmd->message == d->message;
    if (d->connector.len)
        return is_of_connector(c->turn->registry, l, d->connector);
    if (d->scope.len && cmd->kind == COMMAND_AMO_STATUS &&
        registry_scope_connected(c->turn->registry, d->scope))
        return false; /* it tells managers what became of their words: of those that are dropped here, too */
    if (d->scope.len)
        return (l->scope && view_equal(name_of(l->scope), d->scope)) ||
               (l->dest->kind == DEST_SCOPE && view_equal(name_of(l->dest), d->scope));
    return l->id > 1 && l->id / 2 == d->conversation;
}

static int drop_read(struct control_ask *ask, struct drop *d)
{
    int n = 0;
    int rc = begins_conversation_given(ask, &d->conversation);

    rc = rc ? rc : begins_message_given(ask, &d->message);
    if (rc)
        return rc;
    d->connector = control_arg(ask, "connector");
    d->scope = control_arg(ask, "scope_id");
    n = (d->connector.len > 0) + (d->scope.len > 0) + (d->conversation > 0) + (d->message > 0);
    if (n != 1)
        return control_fail(ask, EXIT_USAGE,
                            "one of --connector, --scope, --conversation and --id is needed");
    return 0;
}

/* An order that is carried out in pieces. */
struct dropping {
    struct core *core;
    struct control_wait *wait; /* NULL: whoever asked does not wait any more */
    struct drop what;          /* its names are @name */
    char *name;
    char *user; /* who ordered it */
    bool dry_run;
    bool timed;
    int timer;
    int64_t at;     /* the last command that was read … */
    int64_t newest; /* … of those that were there when it began */
    int64_t ids[DROP_READ];
    size_t n;
    size_t next;
    bool over;
    int64_t found;     /* and given up, unless it is a dry run */
    int64_t under_way; /* at a worker: their outcome decides */
};

/* What the other side may have already is not said to have failed, and is still known when it is named there. */
static void drop_one(struct core *c, struct core_command *cmd)
{
    bool maybe = cmd->state == COMMAND_CHECKING || parting_may_have_arrived(c, cmd);

    call_cancel(c, cmd);
    if (maybe)
        settle_dead(
            c, cmd, "unclear",
            VIEW_LIT("an operator dropped it from the queue, and it may have arrived before"));
    else
        settle_dead(c, cmd, "dropped", VIEW_NONE);
}

static int drop_read_more(struct dropping *g)
{
    struct command_ids read = {.ids = g->ids, .max = DROP_READ};
    int rc = store_commands_behind(g->core->store, g->what.message, g->at, g->newest, &read);

    g->n = read.n;
    g->next = 0;
    g->over = rc != 0 || g->n == 0;
    if (!g->over)
        g->at = g->ids[g->n - 1];
    return rc;
}

/* Its letter says who wanted it. */
static int drop_named(struct dropping *g, struct core_command *cmd)
{
    int64_t id = cmd->id;
    int rc = 0;

    drop_one(g->core, cmd);
    rc = store_dead_by(g->core->store, id, g->user);
    return rc == STORE_E_NONE ? 0 : rc;
}

static int drop_piece(struct dropping *g)
{
    struct core *c = g->core;
    int64_t until_mono_us = clock_mono_us() + DROP_US;
    int rc = 0;

    while (rc == 0 && !g->over && !c->turn->exit_code && clock_mono_us() < until_mono_us) {
        struct core_command *cmd = NULL;

        if (g->next == g->n) {
            rc = drop_read_more(g);
            continue;
        }
        cmd = queue_find(c->queue, g->ids[g->next++]);
        if (!cmd || !is_meant(c, &g->what, cmd))
            continue;
        if (cmd->state == COMMAND_IN_FLIGHT) {
            g->under_way++;
            continue;
        }
        g->found++;
        if (!g->dry_run)
            rc = drop_named(g, cmd);
    }
    return rc;
}

static int drop_no_conversation(struct control_ask *ask, int64_t number)
{
    struct conversation conv = {0};
    int rc = store_conversation(ask->core->store, number, &conv);

    conversation_fini(&conv);
    return rc == STORE_E_NONE
               ? control_fail(ask, EXIT_FAILED,
                              "no conversation %lld: --conversation takes our number, as amoctl"
                              " conversation list shows it",
                              (long long)number)
               : rc;
}

/* A name that nobody has, and nothing that waits for it: a slip of the pen must not look like a queue
 * that is empty. 0: there is somebody of that name. */
static int drop_unknown(struct control_ask *ask, const struct drop *d)
{
    const struct registry *r = ask->core->turn->registry;

    if (d->connector.len && !registry_connector(r, d->connector))
        return control_unknown(ask, NEAR_CONNECTOR, d->connector);
    if (d->scope.len && !registry_scope(r, d->scope))
        return control_unknown(ask, NEAR_ACCOUNT, d->scope);
    return d->conversation ? drop_no_conversation(ask, d->conversation) : 0;
}

/* What amo sent for the accounts that are meant and that is not in the queue yet: it comes there once there
 * is room, and is to be dropped then. */
static int64_t drop_aside(struct core *c, const struct drop *d)
{
    const struct registry *r = c->turn->registry;
    int64_t n = d->scope.len ? room_n_aside(c, d->scope) : 0;

    for (size_t i = 0; d->connector.len && c->intake->n_aside && i < r->n_scopes; i++) {
        if (view_is(d->connector, r->scopes[i].connector))
            n += room_n_aside(c, view_of(r->scopes[i].id));
    }
    return n;
}

/* What came of it, as @ask's answer. */
static int drop_tell(const struct dropping *g, struct control_ask *ask)
{
    int rc = g->found == 0 && g->under_way == 0 ? drop_unknown(ask, &g->what) : 0;

    if (rc)
        return rc;
    json_open_object(ask->w, NULL);
    json_add_int(ask->w, "dropped", g->found);
    json_add_int(ask->w, "under_way", g->under_way);
    json_add_int(ask->w, "left", 0);
    json_add_int(ask->w, "set_aside", drop_aside(g->core, &g->what));
    if (g->dry_run)
        return control_would(
            ask,
            "give up commands: %lld, and inform their senders; what a worker is"
            " trying stays: %lld",
            (long long)g->found, (long long)g->under_way);
    json_close_object(ask->w);
    return EXIT_FINE;
}

static void dropping_free(struct dropping *g)
{
    if (!g)
        return;
    if (g->timed)
        loop_remove_timer(g->core->loop, g->timer);
    mem_free(g->user);
    mem_free(g->name);
    mem_free(g);
}

void control_drop_abandon(struct core *c)
{
    struct dropping *g = c->control->dropping;

    c->control->dropping = NULL;
    if (g && g->wait)
        control_wait_drop(g->wait);
    dropping_free(g);
}

static void drop_end(struct dropping *g, int rc)
{
    struct json_writer w;
    struct buf json;
    struct buf error;
    struct control_ask ask = {.core = g->core, .w = &w, .error = &error};

    buf_init(&json, 4096);
    buf_init(&error, 4096);
    json_writer_init(&w, &json);
    if (rc)
        core_row_failed(g->core, "commands", rc);
    rc = rc ? control_fail(&ask, EXIT_FAILED, "core could not do all of this; see its log")
            : drop_tell(g, &ask);
    if (g->wait && !g->core->turn->exit_code)
        control_wait_tell(g->wait, rc, rc == EXIT_FINE ? buf_view(&json) : VIEW_NONE,
                          error.len ? buf_str(&error) : NULL);
    buf_fini(&json);
    buf_fini(&error);
    g->core->control->dropping = NULL;
    dropping_free(g);
}

void control_drop_on(struct core *c)
{
    struct dropping *g = c->control->dropping;
    int rc = 0;

    if (!g || c->turn->exit_code)
        return;
    core_ask(c);
    rc = core_turn(c);
    rc = rc ? rc : drop_piece(g);
    if (core_asked(c, "control", rc)) /* damage, which is told */
        rc = -EIO;
    if (rc || g->over)
        drop_end(g, rc);
}

static void drop_timer(void *arg)
{
    control_drop_on(arg);
}

/* The answer comes when it is done; it is done all the same if nobody waits for that. */
static void drop_gone(void *arg)
{
    struct dropping *g = arg;

    g->wait = NULL;
}

/* Takes @g. */
static int drop_later(struct control_ask *ask, struct dropping *g)
{
    struct core *c = ask->core;
    int rc = 0;

    g->wait = control_wait_new(c, g, drop_gone);
    if (!g->wait) {
        dropping_free(g);
        return control_fail(ask, EXIT_FAILED, CONTROL_TOO_MANY);
    }
    rc = loop_add_timer(c->loop, DROP_STEP_MS, true, drop_timer, c, &g->timer);
    if (rc) {
        control_wait_drop(g->wait);
        dropping_free(g);
        return rc;
    }
    g->timed = true;
    c->control->dropping = g;
    ask->wait = g->wait;
    return CONTROL_LATER;
}

/* The names live as long as the order. */
static int drop_keep(struct dropping *g, const struct drop *d, const char *user)
{
    struct view name = d->connector.len ? d->connector : d->scope;
    int rc = control_copy(name, &g->name);

    rc = rc ? rc : control_copy(view_of(user), &g->user);
    g->what = *d;
    if (d->connector.len)
        g->what.connector = view_of(g->name);
    else if (d->scope.len)
        g->what.scope = view_of(g->name);
    return rc ? rc : store_command_newest(g->core->store, &g->newest);
}

int verb_queue_drop(struct control_ask *ask)
{
    struct dropping *g = NULL;
    struct drop d = {0};
    int rc = drop_read(ask, &d);

    if (rc)
        return rc;
    if (ask->core->control->dropping)
        return control_fail(ask, EXIT_FAILED, "another queue drop is under way: try again");
    g = mem_zalloc(sizeof(*g));
    if (!g)
        return -ENOMEM;
    g->core = ask->core;
    g->dry_run = moves_flag(ask, "dry_run");
    rc = drop_keep(g, &d, ask->user);
    rc = rc ? rc : drop_piece(g);
    if (rc == 0 && !g->over)
        return drop_later(ask, g);
    rc = rc ? rc : drop_tell(g, ask);
    dropping_free(g);
    return rc;
}

/* --- what is still in the way ------------------------------------------------------------------ */

/* Towards it, or of an account of its. */
static bool concerns(const struct registry *r, const struct dest *d, const char *connector)
{
    const struct reg_scope *s = NULL;

    if (d->kind == DEST_CONNECTOR)
        return strcmp(d->name, connector) == 0;
    s = registry_scope(r, name_of(d));
    return s && strcmp(s->connector, connector) == 0;
}

/* Messages that may be an echo, of accounts of a channel, or of a connector. */
struct echoes_of {
    const struct registry *registry;
    const char *channel; /* NULL: of @connector */
    const char *connector;
    size_t n;
};

static bool has_channel(const struct registry *r, const char *channel, struct view connector)
{
    for (size_t i = 0; i < r->n_scopes; i++) {
        if (strcmp(r->scopes[i].channel, channel) == 0 &&
            view_is(connector, r->scopes[i].connector))
            return true;
    }
    return false;
}

static int count_echo(void *arg, const char *key, struct view bytes, int64_t place,
                      const struct echo_came *came)
{
    struct echoes_of *of = arg;
    const struct reg_scope *s = NULL;
    struct event e;

    (void)key;
    (void)place;
    (void)came;
    if (event_decode(bytes, &e))
        return 0; /* it will be kept for a person, whoever there is */
    s = registry_scope(of->registry, e.scope);
    if (of->channel)
        of->n += e.connector.len ? has_channel(of->registry, of->channel, e.connector)
                                 : view_is(registry_scope_channel(e.scope), of->channel);
    else
        of->n += e.connector.len ? view_is(e.connector, of->connector)
                                 : s && strcmp(s->connector, of->connector) == 0;
    return 0;
}

/* What waits outside the queue would have no account any more when it comes into it. */
static int refuse_echoes(struct control_ask *ask, const char *channel, const char *connector)
{
    struct echoes_of of = {
        .registry = ask->core->turn->registry, .channel = channel, .connector = connector};
    int rc = store_echoes_walk(ask->core->store, count_echo, &of);

    if (rc || of.n == 0)
        return rc;
    return control_fail(
        ask, EXIT_FAILED,
        "messages that still wait until it is known whether they are echoes: %zu;"
        " try again when amoctl queue shows nothing before them",
        of.n);
}

static int64_t n_set_aside(struct core *c, const char *channel, const char *connector)
{
    const struct registry *r = c->turn->registry;
    struct view of = view_of(channel ? channel : connector);
    int64_t n = 0;

    assert(channel || connector);
    for (size_t i = 0; i < r->n_scopes; i++) {
        if (view_is(of, channel ? r->scopes[i].channel : r->scopes[i].connector))
            n += room_n_aside(c, view_of(r->scopes[i].id));
    }
    return n;
}

int control_refuse_waiting(struct control_ask *ask, const char *channel, const char *connector)
{
    const struct registry *r = ask->core->turn->registry;
    const struct dest *d = NULL;
    size_t iter = 0;
    size_t n = 0;

    /* as each destination has counted them: there may be very many */
    while ((d = table_next(ask->core->queue->dests, &iter))) {
        if (channel && d->kind == DEST_SCOPE && d->n_account &&
            view_is(registry_scope_channel(name_of(d)), channel))
            n += d->n_account;
        else if (connector && d->n_waiting && concerns(r, d, connector))
            n += d->n_waiting;
    }
    n += (size_t)n_set_aside(ask->core, channel, connector);
    if (n == 0)
        return refuse_echoes(ask, channel, connector);
    if (connector)
        return control_fail(
            ask, EXIT_FAILED,
            "commands that still wait for it: %zu; see amoctl queue; amoctl queue"
            " drop --connector %s gives them up",
            n, connector);
    return control_fail(ask, EXIT_FAILED,
                        "commands that still wait for accounts of it: %zu; see amoctl queue;"
                        " amoctl queue drop --scope SCOPE gives up what waits for one",
                        n);
}
