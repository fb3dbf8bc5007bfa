/* Whose an event is, by the registry and by when it came.
 *
 * From: lookup.c. To: the facts of one event. Holds: nothing. */

#include "core/intake/whose.h"

#include <string.h>

#include "core/intake/echo.h"
#include "core/intake/intake.h"
#include "core/model/key.h"

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
    const struct reg_source *listed = NULL;
    bool known = false;

    if (source.len == 0 || registry_scope_of_source(r, connector, source, &known) == scope)
        return;
    listed = registry_source(r, connector, source);
    if (scope->disconnected && (!listed || strcmp(listed->scope, scope->id) == 0))
        return;
    m->unknown_source = true;
    m->foreign_source = listed != NULL;
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

/* Has the service answered a message of @conversation with @id? */
static int has_answered(struct core *c, struct view connector, int64_t conversation,
                        struct view id, bool *ret)
{
    struct key keys[2];
    size_t n = 0;
    int rc = 0;

    n += key_within(connector, conversation, id, &keys[n]) == 0;
    n += key_answered(connector, id, &keys[n]) == 0;
    for (size_t i = 0; rc == 0 && !*ret && i < n; i++) {
        struct message m = {0};

        rc = store_message_by_key(c->store, &keys[i], &m);
        *ret = rc == 0 && m.conversation == conversation;
        message_fini(&m);
        rc = rc == STORE_E_NONE ? 0 : rc;
    }
    return rc;
}

static int is_tried(struct core *c, int64_t conversation, bool *ret)
{
    struct conversation conv = {0};
    int rc = store_conversation(c->store, conversation, &conv);

    *ret = *ret || (rc == 0 && echo_is_tried(c, ECHO_SERVICE, &conv));
    conversation_fini(&conv);
    return rc == STORE_E_NONE ? 0 : rc;
}

/* What came before for the same name would be overtaken. */
static int something_waits(struct core *c, struct view connector, struct view thread, bool *ret)
{
    struct key key;

    if (c->intake->n_deferred == 0 || key_thread(connector, thread, &key))
        return 0;
    return store_deferred_has(c->store, key.text, ret);
}

int whose_namesake(struct core *c, const struct message *found, struct view thread,
                   struct view id, const struct conversation_ids *conversations,
                   enum namesake *ret)
{
    bool answered = conversations->n == conversations->max; /* there may be more of them */
    bool tried = false;
    int rc = 0;

    for (size_t i = 0; rc == 0 && !answered && i < conversations->n; i++) {
        int64_t other = conversations->ids[i];

        if (other == found->conversation)
            continue;
        rc = has_answered(c, view_of(found->connector), other, id, &answered);
        rc = rc ? rc : is_tried(c, other, &tried);
    }
    if (rc == 0 && !answered && !tried)
        rc = something_waits(c, view_of(found->connector), thread, &tried);
    *ret = answered ? NAMESAKE_HAS_IT : tried ? NAMESAKE_IS_TRIED : NAMESAKE_NONE;
    return rc;
}
