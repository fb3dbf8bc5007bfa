/* A message's conversation.
 *
 * From: apply.c, an event and what was decided about it. To: the store. Holds: nothing. */

#include "core/intake/conversation.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "core/intake/intake.h"
#include "core/intake/person.h"
#include "core/intake/shared.h"

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
                              const struct decision *p, bool *changed)
{
    int rc = 0;

    if (p->new_chat || !conv->chat_id || !view_is(e->chat_id, conv->chat_id)) {
        /* Answers go to the chat that was written to last; amo links it with the next message
         * from the client. Only a chat that we made and whose id we just learn needs no naming. */
        bool several = conv->chat_id != NULL;

        if (several || e->chat_client_id.len == 0)
            conv->amo_born = true;
        rc = learn_text(&conv->chat_id, e->chat_id, changed);
        rc = rc ? rc : learn_text(&conv->user_ref, e->receiver_id, changed);
        /* of several chats our name leads to the one that was last told both, whatever this one was
         * called by */
        conv->linked = !several && e->chat_client_id.len > 0;
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
                              const struct decision *p, bool *changed)
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

/* What his service calls the client, or the phone that a manager writes to. */
static struct view client_of(const struct event *e, const struct decision *p)
{
    if (e->kind == EVENT_AMO_MESSAGE)
        return view_of(p->phone.key);
    return e->outgoing ? e->receiver_id : e->sender_id;
}

static int conversation_new(struct core *c, const struct event *e, const struct decision *p,
                            struct conversation *conv)
{
    bool from_amo = e->kind == EVENT_AMO_MESSAGE;
    char user_id[ID_DERIVED_MAX + 1];
    const struct reg_scope *scope = NULL;
    bool changed = false;
    bool known = false;
    int rc = 0;

    scope = from_amo
                ? registry_scope(c->turn->registry, e->scope)
                : registry_scope_of_source(c->turn->registry, e->connector, p->source, &known);
    if (!scope && p->scope)
        scope = registry_scope(c->turn->registry, view_of(p->scope)); /* it has left */
    if (!scope)
        return -EINVAL;
    rc = text_set(&conv->connector, view_of(scope->connector));
    conv->source = mem_strndup(p->source.ptr ? p->source.ptr : "", p->source.len);
    rc = conv->source ? rc : -ENOMEM;
    rc = rc ? rc : text_set(&conv->scope, view_of(scope->id));
    rc = rc ? rc : text_set(&conv->client_id, view_of(p->client_id));
    rc = rc ? rc : person_client(c, view_of(scope->connector), client_of(e, p), user_id);
    rc = rc ? rc : text_set(&conv->user_id, view_of(user_id));
    if (!from_amo)
        rc = rc ? rc : text_set(&conv->service_id, e->conversation);
    rc = rc ? rc : conversation_learn(conv, e, p, &changed);
    return rc ? rc : store_conversation_add(c->store, conv);
}

/* A core that is forgotten may have begun a conversation of its own by this message, before an answer told it that the
 * thread is that of a manager's first words: managers write in the chat that it was given. The name leads here, as when
 * the two had been merged. */
static int conversation_also_called(struct core *c, const struct event *e,
                                    const struct decision *p, const struct conversation *conv)
{
    char client_id[ID_DERIVED_MAX + 1];
    struct view scope = view_of(p->scope ? p->scope : conv->scope);
    struct conversation other = {.connector = conv->connector,
                                 .source = conv->source,
                                 .client_id = client_id,
                                 .user_id = conv->user_id};
    struct conversation known = {0};
    int rc = router_client_id(e->connector, p->source, e->conversation, client_id);

    if (rc || view_is(view_of(client_id), conv->client_id))
        return rc;
    rc = store_conversation_by_client(c->store, scope, view_of(client_id), &known);
    conversation_fini(&known);
    if (rc != STORE_E_NONE)
        return rc;
    rc = text_set(&other.scope, scope);
    rc = rc ? rc : store_conversation_add(c->store, &other);
    mem_free(other.scope);
    return rc ? rc : store_conversation_merge(c->store, other.id, conv->id);
}

int conversation_for(struct core *c, const struct event *e, const struct decision *p,
                     struct conversation *conv)
{
    bool changed = false;
    bool was_shared = false;
    int rc = 0;

    if (!p->conversation) {
        rc = conversation_new(c, e, p, conv);
        changed = true;
    } else {
        rc = store_conversation(c->store, p->conversation->id, conv);
        rc = rc == STORE_E_NONE ? -EINVAL : rc;
        was_shared = conv->shared;
        if (!p->scope || e->kind != EVENT_AMO_MESSAGE) /* else its chat is of another account */
            rc = rc ? rc : conversation_learn(conv, e, p, &changed);
        if (rc == 0 && conv->shared && !was_shared)
            rc = shared_split(c, conv);
        if (rc == 0 && changed)
            rc = store_conversation_update(c->store, conv);
        if (rc == 0 && c->intake->forgotten && e->kind == EVENT_SERVICE_MESSAGE)
            rc = conversation_also_called(c, e, p, conv);
    }
    if (rc || !changed || e->kind != EVENT_AMO_MESSAGE)
        return rc;
    rc = store_chat_put(c->store, e->scope, e->chat_id, conv->id);
    if (rc == 0 && p->new_chat && e->chat_client_id.len == 0)
        rc = store_chat_by_phone(c->store, e->scope, e->chat_id);
    return rc;
}

int conversation_heard(struct core *c, const struct event *e, int64_t conversation)
{
    struct conversation conv = {0};
    int rc = store_conversation(c->store, conversation, &conv);

    if (rc == 0 && !conv.shared && !conversation_is_client(&conv, e->sender_id)) {
        conv.shared = true;
        rc = shared_split(c, &conv);
        rc = rc ? rc : store_conversation_update(c->store, &conv);
    }
    conversation_fini(&conv);
    return rc == STORE_E_NONE ? 0 : rc;
}

/* --- one that is known under the service's name of it already --------------------------------- */

/* Under its number, or where one of the two names none. STORE_E_NONE; @ret may be another account's. */
static int find_thread(struct core *c, const struct conversation *conv, struct view service_id,
                       struct conversation *ret)
{
    struct view connector = view_of(conv->connector);
    int64_t found[2];
    struct conversation_ids ids = {.ids = found, .max = AMO_COUNT(found)};
    int rc = store_conversation_by_service(c->store, connector, view_of(conv->source),
                                           service_id, ret);

    if (rc != STORE_E_NONE)
        return rc;
    if (conv->source[0])
        return store_conversation_by_service(c->store, connector, VIEW_LIT(""), service_id,
                                             ret);
    rc = store_conversations_by_service_id(c->store, connector, service_id, &ids);
    if (rc || ids.n != 1)
        return rc ? rc : STORE_E_NONE;
    return store_conversation(c->store, found[0], ret);
}

/* The chat of @from becomes the one that answers go to, as when a manager writes in another card. */
static int take_chat(struct conversation *conv, const struct conversation *from)
{
    int rc = text_set(&conv->chat_id, view_of(from->chat_id));

    mem_free(conv->user_ref);
    conv->user_ref = NULL;
    conv->amo_born = true;
    conv->linked = false;
    return rc ? rc : text_set(&conv->user_ref, view_of(from->user_ref));
}

static int merge_fields(struct core *c, struct conversation *conv,
                        const struct conversation *from, int64_t since)
{
    int64_t last = from->id;
    int rc = store_conversation_written_last(c->store, since, from->id, conv->id, &last);

    rc = rc == STORE_E_NONE ? 0 : rc;
    if (rc == 0 && from->chat_id && last == from->id)
        rc = take_chat(conv, from);
    if (rc == 0 && conv->source[0] == '\0')
        rc = text_set(&conv->source, view_of(from->source));
    if (rc == 0 && !conv->phone && !conv->shared) {
        rc = text_set(&conv->phone, view_of(from->phone));
        rc = rc ? rc : text_set(&conv->number, view_of(from->number));
    }
    if (rc == 0 && !conv->name)
        rc = text_set(&conv->name, view_of(from->name));
    return rc;
}

int conversation_join(struct core *c, int64_t from, int64_t to)
{
    struct join *j = mem_zalloc(sizeof(*j));

    if (!j)
        return -ENOMEM;
    j->from = from;
    j->to = to;
    list_init(&j->link);
    list_add_tail(&c->turn->joins, &j->link);
    return 0;
}

static int merge_into(struct core *c, struct conversation *conv,
                      const struct conversation *from, int64_t since)
{
    int rc = merge_fields(c, conv, from, since);

    rc = rc ? rc : store_conversation_merge(c->store, from->id, conv->id);
    rc = rc ? rc : store_conversation_update(c->store, conv);
    if (rc == 0)
        log_line(LOG_LEVEL_INFO, "conversation.merged", "conversation=%lld into=%lld",
                 (long long)from->id, (long long)conv->id);
    return rc ? rc : conversation_join(c, from->id, conv->id);
}

int conversation_learn_thread(struct core *c, struct conversation *conv, struct view service_id,
                              int64_t since)
{
    struct conversation known = {0};
    int rc = find_thread(c, conv, service_id, &known);

    if (rc == STORE_E_NONE) {
        rc = text_set(&conv->service_id, service_id);
        return rc ? rc : store_conversation_update(c->store, conv);
    }
    if (rc == 0 && (known.id == conv->id || strcmp(known.scope, conv->scope) != 0)) {
        conversation_fini(&known); /* another account's stays that one's, and both stay apart */
        return 0;
    }
    rc = rc ? rc : merge_into(c, &known, conv, since);
    if (rc) {
        conversation_fini(&known);
        return rc;
    }
    conversation_fini(conv);
    *conv = known; /* handed over */
    return 0;
}
