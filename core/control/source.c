/* Verbs about sources: which of the company's numbers belongs to which account, and from which a
 * manager writes who names none.
 *
 * From: control.c. To: the store and core_registry_changed. Holds: nothing. */

#include <string.h>

#include "base/process.h"
#include "core/control/control.h"
#include "core/control/moves.h"
#include "core/control/verbs.h"

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

static const struct reg_source *source_find(const struct registry *r, struct view connector,
                                            struct view source)
{
    for (size_t i = 0; i < r->n_sources; i++) {
        if (view_is(connector, r->sources[i].connector) &&
            view_is(source, r->sources[i].source))
            return &r->sources[i];
    }
    return NULL;
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
};

static int source_make(struct control_ask *ask, void *arg)
{
    const struct source_change *c = arg;

    return c->scope.ptr ? store_source_put(ask->core->store, c->connector, c->source, c->scope)
                        : store_source_remove(ask->core->store, c->connector, c->source);
}

/* Counts, and does it unless it is a dry run or refused. The object of the answer is open. */
static int source_change(struct control_ask *ask, struct source_change *c)
{
    struct moves m;
    int rc = moves_count(ask, source_make, c, &m);

    rc = rc ? rc : moves_admitted(ask, &m);
    if (rc == 0) {
        moves_json(&m, ask->w);
        json_close_object(ask->w);
        rc = m.dry_run ? 0 : source_make(ask, c);
        rc = rc || m.dry_run ? rc : source_changed(ask);
    }
    moves_fini(&m);
    return rc;
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
        return control_fail(ask, EXIT_FAILED, "this connector has no such account");
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "connector", connector);
    json_add_text(ask->w, "source", source);
    json_add_text(ask->w, "scope_id", scope);
    return source_change(ask, &(struct source_change){connector, source, scope});
}

int verb_source_list(struct control_ask *ask)
{
    const struct registry *r = ask->core->turn->registry;

    json_open_array(ask->w, NULL);
    for (size_t i = 0; i < r->n_sources; i++) {
        const struct reg_source *src = &r->sources[i];
        const struct reg_scope *s = registry_scope(r, view_of(src->scope));

        json_open_object(ask->w, NULL);
        json_add_text(ask->w, "connector", view_of(src->connector));
        json_add_text(ask->w, "source", view_of(src->source));
        json_add_text(ask->w, "scope_id", view_of(src->scope));
        json_add_bool(ask->w, "default",
                      s && s->default_source && strcmp(s->default_source, src->source) == 0);
        json_close_object(ask->w);
    }
    json_close_array(ask->w);
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
    if (!source_find(ask->core->turn->registry, connector, source))
        return control_fail(ask, EXIT_FAILED, "no such source; see amoctl source list");
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "connector", connector);
    json_add_text(ask->w, "removed", source);
    return source_change(ask, &(struct source_change){connector, source, VIEW_NONE});
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
        return control_fail(ask, EXIT_FAILED, "no such account; see amoctl account list");
    if ((!json_bool(json_get(json_root(ask->args), "none"), &none) || !none) == !source.len)
        return control_fail(ask, EXIT_USAGE, "one of --source and --none is needed");
    known = source_find(ask->core->turn->registry, view_of(s->connector), source);
    if (source.len && (!known || strcmp(known->scope, s->id) != 0))
        return control_fail(ask, EXIT_FAILED,
                            "this account has no such source: amoctl source add first");
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "scope_id", scope);
    json_add_text(ask->w, "default", source.len ? source : VIEW_NONE);
    json_close_object(ask->w);
    rc = store_scope_default_source(ask->core->store, scope, source);
    return rc ? rc : source_changed(ask);
}
