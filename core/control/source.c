/* Verbs about sources: which of the company's numbers belongs to which account, and from which a
 * manager writes who names none.
 *
 * From: control.c. To: the store and core_registry_changed. Holds: nothing. */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/control/moves.h"
#include "core/control/verbs.h"
#include "core/store/reach.h"

/* amo's two APIs disagree (36, 40): what both take */
#define SOURCE_MAX 36

static bool source_is_fine(struct view source)
{
    for (size_t i = 0; i < source.len; i++) {
        if (source.ptr[i] < ' ' || source.ptr[i] > '~')
            return false;
    }
    return source.len <= SOURCE_MAX;
}

static int source_changed(struct control_ask *ask)
{
    int rc = core_registry_changed(ask->core);

    return rc ? rc : control_wait_registry(ask);
}

struct source_change {
    struct view connector;
    struct view source;
    struct view scope; /* VIEW_NONE: it goes */
    bool meant;        /* its conversations go with it, and the verb says so */
    bool is_default;   /* the account's managers write from it */
};

/* Unless it stays whose it is: since when it has been is not forgotten by an order that is repeated. */
static int source_note(struct control_ask *ask, const struct source_change *c)
{
    const struct reg_source *now =
        registry_source(ask->core->turn->registry, c->connector, c->source);
    const struct source_given given = {.scope = c->scope,
                                       .was = now ? now->scope : NULL,
                                       .user = ask->user,
                                       .at_ms = clock_unix_ms()};

    if (now && view_is(c->scope, now->scope))
        return 0;
    return store_source_given(ask->core->store, c->connector, c->source, &given);
}

static int source_make(struct control_ask *ask, void *arg)
{
    const struct source_change *c = arg;
    struct store *s = ask->core->store;
    int rc = 0;

    if (!c->scope.ptr)
        return store_source_remove(s, c->connector, c->source);
    rc = store_source_put(s, c->connector, c->source, c->scope);
    rc = rc ? rc : source_note(ask, c);
    return rc || !c->is_default ? rc : store_scope_default_source(s, c->scope, c->source);
}

/* Counts, and does it unless it is a dry run or refused. The object of the answer is open. */
static int source_change(struct control_ask *ask, struct source_change *c)
{
    struct moves m;
    int rc = moves_count(ask, source_make, c, &m);

    m.meant = c->meant;
    rc = rc ? rc : moves_admitted(ask, &m);
    if (rc == 0) {
        moves_end(&m, ask,
                  c->scope.ptr ? "give the source to the account"
                               : "take the source away from its account");
        rc = m.dry_run ? 0 : source_make(ask, c);
        rc = rc || m.dry_run ? rc : source_changed(ask);
    }
    moves_fini(&m);
    return rc;
}

/* No account of that id, or not one that is connected to this connector. */
static int unknown_here(struct control_ask *ask, struct view connector, struct view scope)
{
    const struct registry *r = ask->core->turn->registry;
    const struct reg_scope *s = registry_scope(r, scope);

    if (!registry_connector(r, connector))
        return control_unknown(ask, NEAR_CONNECTOR, connector);
    if (!s)
        return control_unknown(ask, NEAR_ACCOUNT, scope);
    if (s->disconnected)
        return control_fail(ask, EXIT_FAILED,
                            "this account has left: amoctl account connect brings it back");
    return control_fail(ask, EXIT_FAILED,
                        "this connector has no such account: it is connected to %s",
                        s->connector);
}

static int unknown_source(struct control_ask *ask, const char *what, struct view connector,
                          struct view source, const char *then)
{
    const struct reg_source *near = near_source(ask->core->turn->registry, connector, source);

    if (!near)
        return control_fail(ask, EXIT_FAILED, "%s; %s", what, then);
    return control_fail(ask, EXIT_FAILED, "%s; did you mean %s of connector %s (account %s)?",
                        what, near->source, near->connector, near->scope);
}

int verb_source_add(struct control_ask *ask)
{
    const struct reg_scope *s = NULL;
    struct view connector = VIEW_NONE;
    struct view source = VIEW_NONE;
    struct view scope = VIEW_NONE;
    int rc = control_need(ask, "connector", &connector);

    rc = rc ? rc : control_need(ask, "source", &source);
    rc = rc ? rc : control_need(ask, "scope_id", &scope);
    if (rc)
        return rc;
    if (!source_is_fine(source))
        return control_fail(ask, EXIT_USAGE,
                            "amo takes source names of at most %d printable ASCII characters",
                            SOURCE_MAX);
    s = registry_scope(ask->core->turn->registry, scope);
    if (!s || s->disconnected || !view_is(connector, s->connector))
        return unknown_here(ask, connector, scope);
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "connector", connector);
    json_add_text(ask->w, "source", source);
    json_add_text(ask->w, "scope_id", scope);
    return source_change(ask, &(struct source_change){connector, source, scope, false, false});
}

/* Behind "<connector>/<source>". */
static size_t sources_from(const struct registry *r, struct view place)
{
    const char *at = place.len ? memchr(place.ptr, '/', place.len) : NULL;
    size_t n = at ? (size_t)(at - place.ptr) : place.len;

    return registry_sources_behind(r, view_make(place.ptr, n),
                                   at ? view_make(at + 1, place.len - n - 1) : VIEW_LIT(""));
}

static int source_row(struct control_ask *ask, const struct reg_source *src)
{
    const struct reg_scope *s = registry_scope(ask->core->turn->registry, view_of(src->scope));
    struct source_owner o = {.at_ms = 0};
    int rc = store_source_owner(ask->core->store, view_of(src->connector), view_of(src->source),
                                src->scope, &o);

    if (rc && rc != STORE_E_NONE)
        return rc;
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "connector", view_of(src->connector));
    json_add_text(ask->w, "source", view_of(src->source));
    json_add_text(ask->w, "scope_id", view_of(src->scope));
    json_add_bool(ask->w, "default",
                  s && s->default_source && strcmp(s->default_source, src->source) == 0);
    json_add_time(ask->w, "since", o.at_ms);
    json_add_text(ask->w, "given_by", o.user ? view_of(o.user) : VIEW_NONE);
    json_add_text(ask->w, "was", o.was ? view_of(o.was) : VIEW_NONE);
    json_close_object(ask->w);
    source_owner_fini(&o);
    return 0;
}

int verb_source_list(struct control_ask *ask)
{
    const struct registry *r = ask->core->turn->registry;
    size_t i = sources_from(r, control_arg(ask, "page"));
    struct control_page page = {0};
    char place[CONTROL_NEXT_MAX + 1];
    int rc = 0;

    json_open_array(ask->w, NULL);
    for (; rc == 0 && i < r->n_sources && !control_page_is_full(&page); i++)
        rc = source_row(ask, &r->sources[i]);
    json_close_array(ask->w);
    if (rc || i == r->n_sources)
        return rc;
    (void)snprintf(place, sizeof(place), "%s/%s", r->sources[i - 1].connector,
                   r->sources[i - 1].source); /* no name has a '/', no source is so long */
    control_go_on(ask, view_of(place));
    return EXIT_FINE;
}

int verb_source_remove(struct control_ask *ask)
{
    struct view connector = VIEW_NONE;
    struct view source = VIEW_NONE;
    int rc = control_need(ask, "connector", &connector);

    rc = rc ? rc : control_need(ask, "source", &source);
    if (rc)
        return rc;
    if (!registry_source(ask->core->turn->registry, connector, source))
        return unknown_source(ask, "no such source", connector, source,
                              "see amoctl source list");
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "connector", connector);
    json_add_text(ask->w, "removed", source);
    return source_change(ask,
                         &(struct source_change){connector, source, VIEW_NONE, false, false});
}

int verb_source_default(struct control_ask *ask)
{
    struct view source = control_arg(ask, "source");
    struct view scope = VIEW_NONE;
    const struct reg_scope *s = NULL;
    const struct reg_source *known = NULL;
    bool none = false;
    int rc = control_need(ask, "scope_id", &scope);

    if (rc)
        return rc;
    s = registry_scope(ask->core->turn->registry, scope);
    if (!s)
        return control_unknown(ask, NEAR_ACCOUNT, scope);
    if ((!json_bool(json_get(json_root(ask->args), "none"), &none) || !none) == !source.len)
        return control_fail(ask, EXIT_USAGE, "one of --source and --none is needed");
    known = registry_source(ask->core->turn->registry, view_of(s->connector), source);
    if (source.len && (!known || strcmp(known->scope, s->id) != 0))
        return unknown_source(ask, "this account has no such source", view_of(s->connector),
                              source, "amoctl source add first");
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "scope_id", scope);
    json_add_text(ask->w, "default", source.len ? source : VIEW_NONE);
    if (moves_flag(ask, "dry_run"))
        return control_would(ask, "%s; now it is %s",
                             source.len ? "have managers write from this source"
                                        : "leave the account without a default source",
                             s->default_source ? s->default_source : "none");
    json_close_object(ask->w);
    rc = store_scope_default_source(ask->core->store, scope, source);
    return rc ? rc : source_changed(ask);
}

/* --- a number moves, and may come back -------------------------------------------------------- */

/* A number, and where it goes. */
struct move {
    struct view connector;
    struct view source;
    struct view to;              /* the account */
    const struct reg_scope *has; /* who has it now; NULL nobody */
    bool
        listed; /* it is in the list of sources: not only since the connector has one account */
};

static int move_read(struct control_ask *ask, struct move *m)
{
    const struct registry *r = ask->core->turn->registry;
    const struct reg_source *known = NULL;
    bool has_accounts = false;
    int rc = control_need(ask, "connector", &m->connector);

    rc = rc ? rc : control_need(ask, "source", &m->source);
    if (rc)
        return rc;
    if (!registry_connector(r, m->connector))
        return control_unknown(ask, NEAR_CONNECTOR, m->connector);
    known = registry_source(r, m->connector, m->source);
    m->listed = known != NULL;
    m->has = known ? registry_scope(r, view_of(known->scope))
                   : registry_scope_of_source(r, m->connector, m->source, &has_accounts);
    return 0;
}

/* It is written down who had the number, unless it stays where it is: an order that is repeated must not
 * forget that. */
static int move_note(struct control_ask *ask, const struct move *m)
{
    const struct source_move was = {
        .from = m->listed && m->has ? m->has->id : NULL,
        .to = m->to,
        .was_default =
            m->has && m->has->default_source && view_is(m->source, m->has->default_source),
        .at_ms = clock_unix_ms(),
    };

    if (moves_flag(ask, "dry_run") || (m->has && view_is(m->to, m->has->id)))
        return 0;
    return store_source_move_note(ask->core->store, m->connector, m->source, &was);
}

static void move_json(struct control_ask *ask, const struct move *m, const char *to)
{
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "connector", m->connector);
    json_add_text(ask->w, "source", m->source);
    json_add_text(ask->w, "from", m->has ? view_of(m->has->id) : VIEW_NONE);
    json_add_text(ask->w, "scope_id", view_of(to));
}

static int move_there(struct control_ask *ask, struct move *m)
{
    const struct reg_scope *s = NULL;
    int rc = control_need(ask, "to", &m->to);

    if (rc)
        return rc;
    s = registry_scope_connected(ask->core->turn->registry, m->to);
    if (!s || !view_is(m->connector, s->connector))
        return unknown_here(ask, m->connector, m->to);
    if (!source_is_fine(m->source) ||
        (!m->listed && !store_source_is_known(ask->core->store, m->connector, m->source)))
        return unknown_source(ask, "nothing is known of such a source", m->connector, m->source,
                              "amoctl source add lists a new one");
    rc = move_note(ask, m);
    if (rc)
        return rc;
    move_json(ask, m, s->id);
    return source_change(ask,
                         &(struct source_change){m->connector, m->source, m->to, true, false});
}

/* May it go back? Not if anybody has written since, or if it has been given to somebody else. */
static int undo_admitted(struct control_ask *ask, const struct move *m,
                         const struct source_move *was)
{
    const struct reg_scope *from =
        registry_scope_connected(ask->core->turn->registry, view_of(was->from));
    bool used = false;
    int rc = 0;

    if (was->from && (!from || !view_is(m->connector, from->connector)))
        return control_fail(ask, EXIT_FAILED,
                            "the account that had the source is not connected here any more");
    if (!m->listed || !m->has || !view_is(was->to, m->has->id))
        return control_fail(ask, EXIT_FAILED,
                            "the source was given to somebody else after that: amoctl source"
                            " move says to whom it is to go");
    rc = store_source_used(ask->core->store, m->connector, m->source, was, &used);
    if (rc || !used)
        return rc;
    if (!was->from)
        return control_fail(ask, EXIT_FAILED,
                            "it is too late to undo: messages have passed by this number since"
                            " the move (or so many by others that core cannot tell). amoctl"
                            " source remove takes it from its account");
    return control_fail(ask, EXIT_FAILED,
                        "it is too late to undo: messages have passed by this number since the"
                        " move (or so many by others that core cannot tell). To give it back"
                        " with all its conversations, the new ones as well: amoctl source move"
                        " --connector %.*s --source %.*s --to %s",
                        (int)m->connector.len, m->connector.ptr, (int)m->source.len,
                        m->source.ptr, was->from);
}

/* As it was before; the default number of its account, too. */
static int undo_make(struct control_ask *ask, struct move *m, const struct source_move *was)
{
    struct source_change back = {m->connector, m->source, view_of(was->from), true,
                                 was->from && was->was_default};
    int64_t given_up = 0;
    int rc =
        store_source_given_up(ask->core->store, m->connector, m->source, was->at_ms, &given_up);

    if (rc)
        return rc;
    move_json(ask, m, was->from);
    json_add_int(ask->w, "given_up", given_up);
    if (!moves_flag(ask, "dry_run"))
        rc = store_source_move_forget(ask->core->store, m->connector, m->source);
    return rc ? rc : source_change(ask, &back);
}

static int move_back(struct control_ask *ask, struct move *m)
{
    struct source_move was = {.from = NULL};
    int rc = store_source_move(ask->core->store, m->connector, m->source, &was);

    if (rc == STORE_E_NONE)
        return control_fail(ask, EXIT_FAILED,
                            "no move of this source is known that could be undone");
    rc = rc ? rc : undo_admitted(ask, m, &was);
    rc = rc ? rc : undo_make(ask, m, &was);
    source_move_fini(&was);
    return rc;
}

int verb_source_move(struct control_ask *ask)
{
    struct move m = {.has = NULL};
    int rc = move_read(ask, &m);

    if (rc)
        return rc;
    return moves_flag(ask, "undo") ? move_back(ask, &m) : move_there(ask, &m);
}
