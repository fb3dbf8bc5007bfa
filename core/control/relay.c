/* `amoctl queue move`: what waits for a service goes to another one, with the accounts it is of.
 *
 * From: control.c. To: the store and core_registry_changed. Holds: nothing. */

#include "base/process.h"
#include "core/control/begins.h"
#include "core/control/control.h"
#include "core/control/moves.h"
#include "core/control/verbs.h"
#include "core/store/reach.h"

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
    struct message m = {0};
    struct conversation of = {0};
    int64_t conversation = 0;
    int64_t message = 0;
    int rc = begins_conversation_given(ask, &conversation);

    rc = rc ? rc : begins_message_given(ask, &message);
    if (rc || (!conversation && !message))
        return rc;
    rc = message ? store_message(ask->core->store, message, &m) : 0;
    rc =
        rc ? rc
           : store_conversation(ask->core->store, message ? m.conversation : conversation, &of);
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
            d->kind == DEST_SCOPE ? registry_scope(c->turn->registry, view_of(d->name)) : NULL;

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
