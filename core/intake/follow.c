/* A conversation whose number, account or connector belongs elsewhere now moves there.
 *
 * From: intake.c. To: the store. Holds: nothing. */

#include "core/intake/follow.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "core/intake/conversation.h"
#include "core/intake/intake.h"
#include "core/model/reach.h"
#include "core/queue/queue.h"
#include "core/store/reach.h"

static int to_connector(struct conversation *conv, const char *connector)
{
    if (strcmp(conv->connector, connector) == 0)
        return 0;
    /* what the other service calls it says nothing to this one, or names somebody else */
    mem_free(conv->service_id);
    mem_free(conv->contact);
    conv->service_id = conv->contact = NULL;
    return text_set(&conv->connector, view_of(connector));
}

static int to_scope(struct core *c, struct conversation *conv, const char *scope)
{
    int rc = 0;

    if (strcmp(conv->scope, scope) == 0)
        return 0;
    rc = store_chat_leave(c->store, conv);
    rc = rc ? rc : text_set(&conv->scope, view_of(scope));
    return rc ? rc : store_chat_return(c->store, conv);
}

int reach_follow(struct core *c, struct conversation *conv, const struct reach *to)
{
    char space[LOG_VALUE_MAX];
    int rc = to_connector(conv, to->scope->connector);

    rc = rc ? rc : to_scope(c, conv, to->scope->id);
    rc = rc ? rc : store_conversation_update(c->store, conv);
    if (rc == 0)
        log_line(LOG_LEVEL_INFO, "conversation.moved", "conversation=%lld scope=%s",
                 (long long)conv->id, log_value(view_of(conv->scope), space));
    return rc;
}

int reach_follow_found(struct core *c, struct conversation *conv, bool *ret_nobody)
{
    struct reach to = reach_of(c->turn->registry, conv);

    if (ret_nobody)
        *ret_nobody = to.way == REACH_NOBODY;
    return to.way == REACH_FOLLOWS ? reach_follow(c, conv, &to) : 0;
}

static int reach_message(struct core *c, const struct event *e, struct lookup *l)
{
    struct facts *m = &l->facts;
    int rc = 0;

    if (m->by_phone)
        rc = reach_follow_found(c, &l->by_phone, NULL);
    if (rc == 0 && m->by_client)
        rc = reach_follow_found(c, &l->by_client, &m->unreachable);
    if (rc == 0 && m->conversation)
        rc = reach_follow_found(c, &l->conversation, &m->unreachable);
    if (rc || e->kind == EVENT_AMO_MESSAGE || !m->scope)
        return rc;
    /* a client who writes by a number of somebody else's, or by a connector that his company does
     * not use any more, is in a conversation with the account that ingress named */
    if (m->conversation &&
        ((!m->scope->disconnected && strcmp(l->conversation.scope, m->scope->id) != 0) ||
         !view_is(e->connector, l->conversation.connector)))
        m->conversation = NULL;
    if (m->by_phone && strcmp(l->by_phone.scope, m->scope->id) != 0)
        m->by_phone = NULL;
    return 0;
}

/* What is about a message is for those who have its conversation now. */
static int reach_named(struct core *c, struct lookup *l)
{
    struct facts *m = &l->facts;
    int rc = 0;

    if (!m->target)
        return 0;
    rc = store_conversation(c->store, m->target->conversation, &l->about);
    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    rc = reach_follow_found(c, &l->about, &m->unreachable);
    m->about = &l->about;
    m->target_left = !registry_scope_connected(c->turn->registry, view_of(m->target->scope));
    return rc;
}

int reach_event(struct core *c, const struct event *e, struct lookup *l)
{
    switch ((enum event_kind)e->kind) {
    case EVENT_AMO_MESSAGE:
    case EVENT_SERVICE_MESSAGE:
        return reach_message(c, e, l);
    case EVENT_SERVICE_STATUS:
    case EVENT_SERVICE_EDIT:
    case EVENT_SERVICE_REACTION:
    case EVENT_AMO_REACTION:
        return reach_named(c, l);
    case EVENT_AMO_TYPING:
    case EVENT_SERVICE_TYPING:
    case EVENT_QUARANTINE:
    case EVENT_DOOR_TEST:
        return 0;
    }
    return 0;
}

int reach_note_leaving(struct core *c, int64_t lane, int64_t command)
{
    struct leaving one = {.lane = lane, .command = command};

    return buf_add(&c->intake->leaving, &one, sizeof(one));
}

/* The next one of lane @of, from @at on. */
static bool leaving_next(const struct core *c, int64_t of, size_t *at, struct leaving *ret)
{
    for (; *at < c->intake->leaving.len; *at += sizeof(*ret)) {
        memcpy(ret, c->intake->leaving.ptr + *at, sizeof(*ret));
        if (ret->lane == of)
            return true;
    }
    return false;
}

bool reach_is_leaving(const struct core *c, int64_t of)
{
    struct leaving one;
    size_t at = 0;

    return leaving_next(c, of, &at, &one);
}

const struct core_command *reach_leaving_one(const struct core *c, int64_t of)
{
    const struct core_command *ret = NULL;
    struct leaving one;

    for (size_t at = 0; !ret && leaving_next(c, of, &at, &one); at += sizeof(one))
        ret = one.command ? queue_find(c->queue, one.command) : NULL;
    return ret;
}
