/* `amoctl queue drop` and `queue move`: what waits for a service or an account that will not come back is
 * given up, and its senders are informed; or it goes to another service, with the accounts it is of.
 *
 * From: control.c. To: settle.c; the store and core_registry_changed. Holds: nothing. */

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
#include "core/store/reach.h"
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

/* The message that argument `id` names, by any of its ids. */
static int drop_message(struct control_ask *ask, struct drop *d)
{
    struct view id = control_arg(ask, "id");
    struct message m = {0};
    int rc = id.len ? begins_message(ask, id, &m) : 0;

    d->message = m.id;
    message_fini(&m);
    return rc;
}

static int drop_conversation(struct control_ask *ask, struct drop *d)
{
    const struct json_node *conversation = json_get(json_root(ask->args), "conversation");
    uint64_t number = 0;

    if (!conversation)
        return 0;
    if (!json_int(conversation, &d->conversation) &&
        num_parse_range(control_arg(ask, "conversation"), 1, INT64_MAX, &number))
        return control_fail(ask, EXIT_USAGE,
                            "--conversation takes our number, as in conversation list");
    d->conversation = d->conversation ? d->conversation : (int64_t)number;
    return 0;
}

static int drop_read(struct control_ask *ask, struct drop *d)
{
    int n = 0;
    int rc = drop_conversation(ask, d);

    rc = rc ? rc : drop_message(ask, d);
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
    int rc = store_commands_behind(g->core->store, g->what.message, g->at, g->newest, g->ids,
                                   DROP_READ, &g->n);

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

/* A name that nobody has, and nothing that waits for it: a slip of the pen must not look like a queue
 * that is empty. 0: there is somebody of that name. */
static int drop_unknown(struct control_ask *ask, const struct drop *d)
{
    const struct registry *r = ask->core->turn->registry;

    if (d->connector.len && !registry_connector(r, d->connector))
        return control_unknown(ask, NEAR_CONNECTOR, d->connector);
    if (d->scope.len && !registry_scope(r, d->scope))
        return control_unknown(ask, NEAR_ACCOUNT, d->scope);
    return 0;
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
static bool concerns(const struct registry *r, const struct lane *l, const char *connector)
{
    const struct reg_scope *s = NULL;

    if (l->dest->kind == DEST_CONNECTOR)
        return strcmp(l->dest->name, connector) == 0;
    s = registry_scope(r, view_of(l->dest->name));
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
    const struct core_command *cmd = NULL;
    size_t iter = 0;
    size_t n = 0;

    while ((cmd = table_next(ask->core->queue->commands, &iter))) {
        const struct lane *l = cmd->lane;

        if (channel && l->scope)
            n += view_is(registry_scope_channel(view_of(l->scope->name)), channel);
        else if (connector)
            n += concerns(ask->core->turn->registry, l, connector);
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

/* --- to another service ----------------------------------------------------------------------- */

/* What waits goes where its conversation goes, and that is said by the registry alone: so it is the accounts
 * that go to the other connector, with their numbers, their conversations and what waits in them. */
struct relay {
    struct view connector; /* of all its accounts; or */
    struct view scope;     /* of this one alone */
    struct view to;
    int64_t accounts;
};

static bool is_relayed(const struct relay *m, const struct reg_scope *s)
{
    if (s->disconnected || view_is(m->to, s->connector))
        return false;
    return m->scope.len ? view_is(m->scope, s->id) : view_is(m->connector, s->connector);
}

static int relay_make(struct control_ask *ask, void *arg)
{
    const struct registry *r = ask->core->turn->registry;
    const struct reg_connector *to = NULL;
    struct relay *m = arg;
    int rc = 0;

    to = registry_connector(r, m->to);
    m->accounts = 0;
    for (size_t i = 0; rc == 0 && i < r->n_scopes; i++) {
        struct reg_scope row = r->scopes[i]; /* texts are lent to it */

        if (!is_relayed(m, &row))
            continue;
        row.connector = to->name;
        m->accounts++;
        rc = store_scope_put(ask->core->store, &row);
        rc = rc ? rc : store_sources_follow(ask->core->store, &row);
    }
    return rc;
}

/* One conversation, or one message of it, is asked for. Nothing says where it goes but its number, and whatever
 * follows it (its client's next words, an edit) would go on by that: it goes with its number, or not at all. */
static int relay_refuse_one(struct control_ask *ask)
{
    struct drop d = {0};
    struct message m = {0};
    struct conversation of = {0};
    int rc = drop_conversation(ask, &d);

    rc = rc ? rc : drop_message(ask, &d);
    if (rc || (!d.conversation && !d.message))
        return rc;
    rc = d.message ? store_message(ask->core->store, d.message, &m) : 0;
    rc = rc ? rc
            : store_conversation(ask->core->store, d.message ? m.conversation : d.conversation,
                                 &of);
    message_fini(&m);
    if (rc == STORE_E_NONE)
        return control_fail(ask, EXIT_FAILED,
                            "no such conversation; see amoctl conversation list");
    if (rc == 0)
        rc = control_fail(
            ask, EXIT_FAILED,
            "a conversation goes with its number, so that what follows in it keeps its"
            " order: amoctl queue move --scope %s --to NAME takes its account to another"
            " service, amoctl source move --connector %s --source %s --to SCOPE its number"
            " to another account, amoctl queue drop --conversation %lld gives up what waits"
            " in it",
            of.scope ? of.scope : "SCOPE", of.connector,
            of.source && *of.source ? of.source : "SOURCE", (long long)of.id);
    conversation_fini(&of);
    return rc;
}

static int relay_read(struct control_ask *ask, struct relay *m)
{
    const struct registry *r = ask->core->turn->registry;
    const struct reg_scope *s = NULL;
    int rc = relay_refuse_one(ask);

    rc = rc ? rc : control_need(ask, "to", &m->to);
    m->connector = control_arg(ask, "connector");
    m->scope = control_arg(ask, "scope_id");
    if (rc)
        return rc;
    if ((m->connector.len > 0) + (m->scope.len > 0) != 1)
        return control_fail(ask, EXIT_USAGE, "one of --connector and --scope is needed");
    if (!registry_connector(r, m->to) ||
        (m->connector.len && !registry_connector(r, m->connector)))
        return control_unknown(ask, NEAR_CONNECTOR,
                               registry_connector(r, m->to) ? m->connector : m->to);
    if (m->connector.len && view_equal(m->connector, m->to))
        return control_fail(ask, EXIT_USAGE, "--to is the connector that they have already");
    s = m->scope.len ? registry_scope(r, m->scope) : NULL;
    if (m->scope.len && !s)
        return control_unknown(ask, NEAR_ACCOUNT, m->scope);
    if (s && s->disconnected)
        return control_fail(
            ask, EXIT_FAILED,
            "the account has left: amoctl account connect --connector %.*s brings"
            " it and what waits for it there, amoctl queue drop gives that up",
            (int)m->to.len, m->to.ptr);
    return 0;
}

/* How much waits in the conversations that go, in both directions; what a worker is trying is looked at
 * when its attempt is over. */
static void relay_count(struct core *c, const struct relay *m, int64_t *ret_waiting,
                        int64_t *ret_under_way)
{
    const struct core_command *cmd = NULL;
    size_t iter = 0;

    *ret_waiting = *ret_under_way = 0;
    while ((cmd = table_next(c->queue->commands, &iter))) {
        const struct dest *d = cmd->lane->scope ? cmd->lane->scope : cmd->lane->dest;
        const struct reg_scope *s =
            d->kind == DEST_SCOPE ? registry_scope(c->turn->registry, name_of(d)) : NULL;

        if (!s || !is_relayed(m, s))
            continue;
        if (cmd->state == COMMAND_IN_FLIGHT)
            ++*ret_under_way;
        else
            ++*ret_waiting;
    }
}

/* The old service is not asked: nobody is cut off by it that reaches an account by the new one. */
static int relay_cut(struct control_ask *ask, const struct moves *m)
{
    if (m->cut == 0 || m->dry_run || moves_flag(ask, "yes"))
        return 0;
    return control_fail(
        ask, EXIT_FAILED,
        "conversations that would reach no account: %lld, since the connector has"
        " others and their sources are not listed. amoctl source add each of them"
        " first, or --yes",
        (long long)m->cut);
}

int verb_queue_move(struct control_ask *ask)
{
    struct relay what = {.accounts = 0};
    struct moves m = {0};
    int64_t waiting = 0;
    int64_t under_way = 0;
    int rc = relay_read(ask, &what);

    rc = rc ? rc : moves_count(ask, relay_make, &what, &m);
    rc = rc ? rc : moves_admitted(ask, &m);
    rc = rc ? rc : relay_cut(ask, &m);
    if (rc) {
        moves_fini(&m);
        return rc;
    }
    relay_count(ask->core, &what, &waiting, &under_way);
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "to", what.to);
    json_add_int(ask->w, "accounts", what.accounts);
    json_add_int(ask->w, "waiting", waiting);
    json_add_int(ask->w, "under_way", under_way);
    moves_end(&m, ask, "move the accounts to the connector, with what waits for them");
    moves_fini(&m);
    if (m.dry_run || what.accounts == 0)
        return EXIT_FINE;
    rc = relay_make(ask, &what);
    rc = rc ? rc : core_registry_changed(ask->core);
    return rc ? rc : control_wait_registry(ask);
}
