/* A conversation turns out to be a group.
 *
 * From: conversation.c, an event of a person who is not the client. To: the store. Holds: nothing. */

#include "core/intake/shared.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "core/intake/conversation.h"
#include "core/intake/person.h"
#include "core/model/router.h"

/* Our id of the chat that a manager begins with the phone, and of the service's thread. */
struct names {
    char by_phone[ID_DERIVED_MAX + 1];
    char by_thread[ID_DERIVED_MAX + 1];
};

static int names_of(const struct conversation *conv, struct names *ret)
{
    struct view connector = view_of(conv->connector);
    struct view source = view_of(conv->source);
    int rc = router_client_id(connector, source, view_of(conv->phone), ret->by_phone);

    return rc ? rc
              : router_client_id(connector, source, view_of(conv->service_id), ret->by_thread);
}

/* A conversation with the phone alone. */
static int begin_private(struct core *c, const struct conversation *conv,
                         const struct names *names, struct conversation *ret)
{
    struct view connector = view_of(conv->connector);
    char user_id[ID_DERIVED_MAX + 1];
    int rc = person_client(c, connector, view_of(conv->phone), user_id);

    rc = rc ? rc : text_set(&ret->connector, connector);
    ret->source = mem_strdup(conv->source);
    rc = ret->source ? rc : -ENOMEM;
    rc = rc ? rc : text_set(&ret->scope, view_of(conv->scope));
    rc = rc ? rc : text_set(&ret->client_id, view_of(names->by_phone));
    rc = rc ? rc : text_set(&ret->user_id, view_of(user_id));
    rc = rc ? rc : text_set(&ret->phone, view_of(conv->phone));
    rc = rc ? rc : text_set(&ret->number, view_of(conv->number));
    return rc ? rc : text_set(&ret->name, view_of(conv->name));
}

/* The chat of a phone goes to @ret, which was begun with it or is known by it. */
static int give_chat(const struct conversation *conv, struct view chat,
                     struct conversation *ret)
{
    int rc = text_set(&ret->chat_id, chat);

    mem_free(ret->user_ref);
    ret->user_ref = NULL;
    ret->amo_born = true;
    ret->linked = false;
    return rc ? rc : text_set(&ret->user_ref, view_of(conv->user_ref));
}

/* Amo knew it by the phone's name, which goes; or by its own, and was told of the phone's chat last. */
static int take_back(struct core *c, struct conversation *conv, const struct names *names,
                     struct view own_chat)
{
    bool begun_by_phone = strcmp(conv->client_id, names->by_phone) == 0;
    char user_id[ID_DERIVED_MAX + 1];
    int rc = 0;

    mem_free(conv->chat_id);
    conv->chat_id = NULL;
    if (begun_by_phone) {
        rc = person_client(c, view_of(conv->connector), view_of(conv->contact), user_id);
        rc = rc ? rc : text_set(&conv->client_id, view_of(names->by_thread));
        rc = rc ? rc : text_set(&conv->user_id, view_of(user_id));
    }
    if (begun_by_phone || !conv->linked) {
        mem_free(conv->user_ref); /* the card's */
        conv->user_ref = NULL;
        conv->amo_born = false;
    }
    conv->linked = own_chat.len > 0;
    return rc ? rc : text_set(&conv->chat_id, own_chat);
}

static int split(struct core *c, struct conversation *conv, struct view chat,
                 struct view own_chat)
{
    struct conversation other = {0};
    struct names names;
    int rc = names_of(conv, &names);

    if (rc || strcmp(names.by_phone, names.by_thread) == 0)
        return rc; /* the service calls the thread by the phone: it is what was meant */
    if (strcmp(conv->client_id, names.by_phone) != 0)
        rc = store_conversation_by_client(c->store, view_of(conv->scope),
                                          view_of(names.by_phone), &other);
    if (rc == STORE_E_NONE || (rc == 0 && !other.id))
        rc = begin_private(c, conv, &names, &other);
    rc = rc ? rc : give_chat(conv, chat, &other);
    if (rc == 0)
        rc = other.id ? store_conversation_update(c->store, &other)
                      : store_conversation_add(c->store, &other);
    rc = rc ? rc : take_back(c, conv, &names, own_chat);
    rc = rc ? rc : store_chats_move(c->store, conv->id, other.id);
    rc = rc ? rc : conversation_join(c, conv->id, other.id);
    if (rc == 0)
        log_line(LOG_LEVEL_INFO, "conversation.shared", "conversation=%lld private=%lld",
                 (long long)conv->id, (long long)other.id);
    conversation_fini(&other);
    return rc;
}

int shared_split(struct core *c, struct conversation *conv)
{
    struct buf chat;
    struct buf own;
    int rc = 0;

    if (!conv->phone || !conv->service_id)
        return 0; /* nobody came to it by a phone */
    buf_init(&chat, 1024);
    buf_init(&own, 1024);
    rc = store_chat_of(c->store, conv->id, true, &chat);
    rc = rc ? rc : store_chat_of(c->store, conv->id, false, &own);
    if (rc == 0 && chat.len)
        rc = split(c, conv, buf_view(&chat), buf_view(&own));
    buf_fini(&chat);
    buf_fini(&own);
    return rc;
}
