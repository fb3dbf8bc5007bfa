/* What the store and the registry know about one event.
 *
 * From: intake.c. To: router.c, by way of intake. Holds: copies of rows, for one event. */

#include "core/lookup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/limits.h"

void lookup_fini(struct lookup *l)
{
    conversation_fini(&l->found);
    conversation_fini(&l->by_client);
    conversation_fini(&l->by_phone);
    message_fini(&l->known);
    message_fini(&l->named);
}

static int found_or_not(int rc, const void *row, const void **ret)
{
    if (rc == 0)
        *ret = row;
    return rc == STORE_E_NONE ? 0 : rc;
}

static struct view only_source(const struct registry *r, const struct reg_scope *scope)
{
    struct view one = VIEW_NONE;

    for (size_t i = 0; i < r->n_sources; i++) {
        if (strcmp(r->sources[i].scope, scope->id) != 0)
            continue;
        if (one.ptr)
            return VIEW_NONE;
        one = view_of(r->sources[i].source);
    }
    return one;
}

static int look_up_amo(struct core *c, const struct event *e, struct lookup *l)
{
    struct mapping *m = &l->mapping;
    struct view source = e->source.ptr ? e->source : VIEW_LIT("");
    char key[LIMIT_ID + 2];
    char phone[32];
    int rc = 0;

    m->scope = registry_scope(c->registry, e->scope);
    if (!m->scope || e->message_id.len > LIMIT_ID || e->message_id.len == 0)
        return 0;
    m->only_source = only_source(c->registry, m->scope);
    (void)snprintf(key, sizeof(key), "a%.*s", (int)e->message_id.len,
                   e->message_id.ptr); /* fits */
    rc = found_or_not(store_message_by_key(c->store, key, &l->known), &l->known,
                      (const void **)&m->known);
    if (rc == 0 && !m->known)
        rc = found_or_not(store_conversation_by_chat(c->store, e->scope, e->chat_id, &l->found),
                          &l->found, (const void **)&m->found);
    if (rc || m->known || m->found)
        return rc;
    if (e->chat_client_id.len)
        return found_or_not(
            store_conversation_by_client(c->store, e->scope, e->chat_client_id, &l->by_client),
            &l->by_client, (const void **)&m->by_client);
    router_phone(e->receiver_phone, phone);
    if (!e->source.len && m->only_source.ptr)
        source = m->only_source;
    if (phone[0])
        rc = found_or_not(store_conversation_by_phone(c->store, view_of(m->scope->connector),
                                                      source, view_of(phone), &l->by_phone),
                          &l->by_phone, (const void **)&m->by_phone);
    return rc;
}

static int look_up_service_message(struct core *c, const struct event *e, struct lookup *l)
{
    struct mapping *m = &l->mapping;
    struct view source = e->source.ptr ? e->source : VIEW_LIT("");
    char mid[ID_DERIVED_MAX + 1];
    char client_id[ID_DERIVED_MAX + 1];
    char key[ID_DERIVED_MAX + 2];
    char phone[32];
    int rc = router_mid(e, mid);

    if (rc)
        return rc;
    m->scope = registry_scope_of_source(c->registry, e->connector, source, &m->source_known);
    (void)snprintf(key, sizeof(key), "m%s", mid); /* one longer than mid */
    rc = found_or_not(store_message_by_key(c->store, key, &l->known), &l->known,
                      (const void **)&m->known);
    if (rc || m->known || !m->scope)
        return rc;
    rc = found_or_not(store_conversation_by_service(c->store, e->connector, source,
                                                    e->conversation, &l->found),
                      &l->found, (const void **)&m->found);
    /* a manager wrote first without naming a number: the service has told us the thread alone */
    if (rc == 0 && !m->found && source.len)
        rc = found_or_not(store_conversation_by_service(c->store, e->connector, VIEW_LIT(""),
                                                        e->conversation, &l->found),
                          &l->found, (const void **)&m->found);
    if (rc || m->found)
        return rc;
    router_phone(e->sender_phone, phone);
    if (phone[0])
        rc = found_or_not(store_conversation_by_phone(c->store, e->connector, source,
                                                      view_of(phone), &l->by_phone),
                          &l->by_phone, (const void **)&m->by_phone);
    rc = rc ? rc : router_client_id(e->connector, source, e->conversation, client_id);
    return rc ? rc
              : found_or_not(store_conversation_by_client(c->store, view_of(m->scope->id),
                                                          view_of(client_id), &l->by_client),
                             &l->by_client, (const void **)&m->by_client);
}

static int look_up_status(struct core *c, const struct event *e, struct lookup *l)
{
    char key[2 * LIMIT_ID];
    int rc = STORE_E_NONE;

    if (e->message_id.len == 0 || e->message_id.len > LIMIT_ID)
        return -EINVAL;
    (void)snprintf(key, sizeof(key), "m%.*s", (int)e->message_id.len,
                   e->message_id.ptr); /* fits */
    rc = store_message_by_key(c->store, key, &l->named);
    if (rc == STORE_E_NONE) {
        if (snprintf(key, sizeof(key), "s%.*s/%.*s", (int)e->connector.len, e->connector.ptr,
                     (int)e->message_id.len, e->message_id.ptr) >= (int)sizeof(key))
            return -EINVAL;
        rc = store_message_by_key(c->store, key, &l->named);
    }
    return found_or_not(rc, &l->named, (const void **)&l->mapping.named);
}

int lookup_event(struct core *c, const struct event *e, struct lookup *l)
{
    switch ((enum event_kind)e->kind) {
    case EVENT_AMO_MESSAGE:
        return look_up_amo(c, e, l);
    case EVENT_SERVICE_MESSAGE:
        return look_up_service_message(c, e, l);
    case EVENT_SERVICE_STATUS:
        return look_up_status(c, e, l);
    case EVENT_AMO_REACTION:
    case EVENT_AMO_TYPING:
    case EVENT_QUARANTINE:
        return 0;
    }
    return 0;
}
