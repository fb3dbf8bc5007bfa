/* A message's conversation.
 *
 * From: apply.c, an event and its plan. To: the store. Holds: nothing. */

#include "core/conversation.h"

#include <errno.h>

#include "base/mem.h"

int text_set(char **field, struct view v)
{
    char *copy = NULL;

    if (v.len == 0)
        return 0;
    copy = mem_strndup(v.ptr, v.len);
    if (!copy)
        return -ENOMEM;
    mem_free(*field);
    *field = copy;
    return 0;
}

/* The same for a conversation that may know it already: @changed tells whether a row must be
 * written, because each write touches indexes with random keys. */
static int learn_text(char **field, struct view v, bool *changed)
{
    if (v.len == 0 || (*field && view_is(v, *field)))
        return 0;
    *changed = true;
    return text_set(field, v);
}

static int learn_phone(struct conversation *conv, const struct phone *phone, bool *changed)
{
    int rc = learn_text(&conv->phone, view_of(phone->key), changed);

    return rc ? rc : learn_text(&conv->number, view_of(phone->number), changed);
}

static int learn_from_manager(struct conversation *conv, const struct event *e,
                              const struct plan *p, bool *changed)
{
    int rc = 0;

    if (p->new_chat || !conv->chat_id || !view_is(e->chat_id, conv->chat_id)) {
        /* Answers go to the chat that was written to last; amo links it with the next message
         * from the client. Only a chat that we made and whose id we just learn needs no naming. */
        if (conv->chat_id || e->chat_client_id.len == 0)
            conv->amo_born = true;
        rc = learn_text(&conv->chat_id, e->chat_id, changed);
        rc = rc ? rc : learn_text(&conv->user_ref, e->receiver_id, changed);
        conv->linked = e->chat_client_id.len > 0;
        *changed = true;
    }
    if (conv->amo_born && !conv->user_ref) /* imported without it */
        rc = rc ? rc : learn_text(&conv->user_ref, e->receiver_id, changed);
    if (!conv->phone)
        rc = rc ? rc : learn_phone(conv, &p->phone, changed);
    if (!conv->name)
        rc = rc ? rc : learn_text(&conv->name, e->receiver_name, changed);
    return rc;
}

/* What an event newly says about its conversation. */
static int conversation_learn(struct conversation *conv, const struct event *e,
                              const struct plan *p, bool *changed)
{
    struct view client = e->outgoing ? e->receiver_id : e->sender_id;
    int rc = 0;

    if (e->kind == EVENT_AMO_MESSAGE)
        return learn_from_manager(conv, e, p, changed);
    if (p->adopt)
        rc = learn_text(&conv->service_id, e->conversation, changed);
    /* it is found by source and id: a source that was not known counts from now on */
    if (conv->source[0] == '\0')
        rc = rc ? rc : learn_text(&conv->source, p->source, changed);
    if (!conversation_is_client(conv, client)) {
        if (!e->outgoing && !conv->shared) { /* somebody else speaks in it */
            conv->shared = true;
            *changed = true;
        }
        return rc;
    }
    rc = rc ? rc : learn_text(&conv->contact, client, changed);
    rc = rc ? rc
            : learn_text(&conv->name, e->outgoing ? e->receiver_name : e->sender_name, changed);
    return rc ? rc : learn_phone(conv, &p->phone, changed);
}

struct view conversation_phone(const struct conversation *conv)
{
    return phone_told(conv->number ? conv->number : conv->phone);
}

bool conversation_is_client(const struct conversation *conv, struct view person)
{
    return !conv->contact || view_is(person, conv->contact);
}

static int conversation_new(struct core *c, const struct event *e, const struct plan *p,
                            struct conversation *conv)
{
    bool from_amo = e->kind == EVENT_AMO_MESSAGE;
    const struct reg_scope *scope = NULL;
    bool changed = false;
    bool known = false;
    int rc = 0;

    scope = from_amo ? registry_scope_connected(c->registry, e->scope)
                     : registry_scope_of_source(c->registry, e->connector, p->source, &known);
    if (!scope)
        return -EINVAL;
    rc = text_set(&conv->connector, view_of(scope->connector));
    conv->source = mem_strndup(p->source.ptr ? p->source.ptr : "", p->source.len);
    rc = conv->source ? rc : -ENOMEM;
    rc = rc ? rc : text_set(&conv->scope, view_of(scope->id));
    rc = rc ? rc : text_set(&conv->client_id, view_of(p->client_id));
    rc = rc ? rc : text_set(&conv->user_id, view_of(p->user_id));
    if (!from_amo)
        rc = rc ? rc : text_set(&conv->service_id, e->conversation);
    rc = rc ? rc : conversation_learn(conv, e, p, &changed);
    return rc ? rc : store_conversation_add(c->store, conv);
}

int conversation_for(struct core *c, const struct event *e, const struct plan *p,
                     struct conversation *conv)
{
    bool changed = false;
    int rc = 0;

    if (!p->conversation) {
        rc = conversation_new(c, e, p, conv);
        changed = true;
    } else {
        rc = store_conversation(c->store, p->conversation->id, conv);
        rc = rc == STORE_E_NONE ? -EINVAL : rc;
        rc = rc ? rc : conversation_learn(conv, e, p, &changed);
        if (rc == 0 && changed)
            rc = store_conversation_update(c->store, conv);
    }
    if (rc == 0 && changed && e->kind == EVENT_AMO_MESSAGE)
        rc = store_chat_put(c->store, e->scope, e->chat_id, conv->id);
    return rc;
}
