/* Who is reached, by the registry. */

#include "core/model/reach.h"

#include <string.h>

bool reach_is_same_account(const char *scope, const char *other)
{
    struct view account = registry_scope_account(view_of(other));

    return account.len && view_equal(registry_scope_account(view_of(scope)), account);
}

bool reach_has_address(const struct conversation *conv)
{
    /* of several people no phone leads to the one that is meant */
    return conv->service_id || (conv->phone && !conv->shared);
}

const struct reg_scope *reach_home(const struct registry *r, const char *scope)
{
    const struct reg_scope *found = registry_scope_connected(r, view_of(scope));
    size_t n = 0;

    if (found)
        return found;
    for (size_t i = 0; r && i < r->n_scopes; i++) {
        if (r->scopes[i].disconnected || !reach_is_same_account(r->scopes[i].id, scope))
            continue;
        found = &r->scopes[i];
        n++;
    }
    return n == 1 ? found : NULL;
}

/* Whose the source is listed as; NULL nobody's. */
static const char *listed(const struct registry *r, struct view connector, struct view source)
{
    const struct reg_source *s = registry_source(r, connector, source);

    return s ? s->scope : NULL;
}

static const struct reg_scope *reached(const struct registry *r,
                                       const struct conversation *conv)
{
    struct view connector = view_of(conv->connector);
    struct view source = view_of(conv->source);
    const struct reg_scope *home = reach_home(r, conv->scope);
    const struct reg_scope *by_ingress = NULL;
    const char *owner = NULL;
    bool known = false;

    if (home && !registry_connector(r, view_of(home->connector)))
        home = NULL; /* nobody to call */
    if (source.len == 0)
        return home; /* the service chooses among its numbers: it can only be this account's */
    owner = listed(r, connector, source);
    if (owner && home && strcmp(owner, home->id) == 0 && view_is(connector, home->connector))
        return home; /* as ingress would say: the common case, without asking */
    by_ingress = registry_scope_of_source(r, connector, source, &known);
    if (by_ingress && owner)
        return by_ingress;
    if (home && registry_scope_of_source(r, view_of(home->connector), source, &known) == home)
        return home;
    return by_ingress;
}

struct reach reach_of(const struct registry *r, const struct conversation *conv)
{
    const struct reg_scope *to = reached(r, conv);

    if (!to)
        return (struct reach){REACH_NOBODY, NULL};
    if (strcmp(to->id, conv->scope) == 0 && strcmp(to->connector, conv->connector) == 0)
        return (struct reach){REACH_STAYS, to};
    return (struct reach){REACH_FOLLOWS, to};
}

static uint64_t mix(uint64_t sum, const char *text)
{
    /* FNV-1a, the NUL included: not against anybody who wants it to meet */
    for (size_t i = 0, n = text ? strlen(text) + 1 : 1; i < n; i++)
        sum = (sum ^ (unsigned char)(text ? text[i] : '\0')) * 1099511628211U;
    return sum;
}

uint64_t reach_fingerprint(const struct registry *r)
{
    uint64_t sum = 14695981039346656037U;

    for (size_t i = 0; i < r->n_scopes; i++) {
        sum = mix(sum, r->scopes[i].id);
        sum = mix(sum, r->scopes[i].connector);
        sum = mix(sum, r->scopes[i].disconnected ? "left" : "");
    }
    for (size_t i = 0; i < r->n_connectors; i++)
        sum = mix(sum, r->connectors[i].name);
    for (size_t i = 0; i < r->n_sources; i++) {
        sum = mix(sum, r->sources[i].connector);
        sum = mix(sum, r->sources[i].source);
        sum = mix(sum, r->sources[i].scope);
    }
    return sum;
}
