/* Whose an event is, by the registry and by when it came.
 *
 * From: lookup.c. To: the facts of one event. Holds: nothing. */

#include "core/intake/whose.h"

#include <string.h>

#include "core/intake/intake.h"

void whose_sources(const struct registry *r, const struct reg_scope *scope, struct facts *m)
{
    for (size_t i = 0; i < r->n_sources; i++) {
        if (strcmp(r->sources[i].scope, scope->id) != 0)
            continue;
        m->own_source = m->n_sources++ ? VIEW_NONE : view_of(r->sources[i].source);
    }
    for (size_t i = 0; i < r->n_scopes; i++)
        m->shared = m->shared || (&r->scopes[i] != scope && !r->scopes[i].disconnected &&
                                  strcmp(r->scopes[i].connector, scope->connector) == 0);
    if (scope->default_source)
        m->own_source = view_of(scope->default_source);
}

void whose_right(const struct registry *r, const struct reg_scope *scope, struct view source,
                 struct facts *m)
{
    struct view connector = view_of(scope->connector);
    bool listed = false;
    bool known = false;
    bool own = false;

    if (source.len == 0 || registry_scope_of_source(r, connector, source, &known) == scope)
        return;
    for (size_t i = 0; i < r->n_sources; i++) {
        if (!view_is(connector, r->sources[i].connector) ||
            !view_is(source, r->sources[i].source))
            continue;
        listed = true;
        own = strcmp(r->sources[i].scope, scope->id) == 0;
    }
    if (scope->disconnected && (own || !listed))
        return;
    m->unknown_source = true;
    m->foreign_source = listed;
}

const struct reg_scope *whose_account(const struct core *c, struct view id)
{
    return c->intake->echo_row ? registry_scope(c->turn->registry, id)
                               : registry_scope_connected(c->turn->registry, id);
}

const struct reg_scope *whose_left(const struct core *c, const char *came_for)
{
    const struct reg_scope *s =
        came_for ? registry_scope(c->turn->registry, view_of(came_for)) : NULL;

    return s && s->disconnected ? s : NULL;
}
