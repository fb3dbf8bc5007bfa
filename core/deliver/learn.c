/* What an answer teaches: by which ids the other side knows the message, its conversation and its client.
 *
 * From: settle.c, for each message that is done. To: the store; what waits for such an id. Holds: nothing. */

#include "core/deliver/learn.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/intake/conversation.h"
#include "core/intake/deferred.h"
#include "core/peers/peers.h"
#include "core/store/store.h"
#include "proto/foreign_id.h"

static int learn_chat(struct core *c, struct conversation *conv, struct view chat_id)
{
    struct conversation other = {0};
    bool is_ours = false;
    int rc = STORE_E_NONE;

    if (!foreign_id_is_fine(chat_id) || (conv->chat_id && view_is(chat_id, conv->chat_id)))
        return 0;
    rc = store_conversation_by_chat(c->store, view_of(conv->scope), chat_id, &other);
    is_ours = rc == 0 && other.id == conv->id; /* it was here before, and comes back */
    conversation_fini(&other);
    if (rc == 0 && !is_ours) { /* a manager's words there must not go to another client */
        log_line(LOG_LEVEL_ERROR, "chat.taken", "conversation=%lld", (long long)conv->id);
        return 0;
    }
    if (rc != STORE_E_NONE && !is_ours)
        return rc;
    if (!conv->chat_id) /* else one of several: answers go to the one that was written to last */
        conv->chat_id = mem_strndup(chat_id.ptr, chat_id.len);
    if (!conv->chat_id)
        return -ENOMEM;
    return is_ours && rc == 0
               ? 0
               : store_chat_put(c->store, view_of(conv->scope), chat_id, conv->id);
}

/* It stands in an account that its conversation has left: of the chat there that one learns nothing
 * but that it is its own. */
static int learn_left_chat(struct core *c, const struct message *m, struct view chat_id)
{
    struct conversation other = {0};
    int rc = 0;

    if (!foreign_id_is_fine(chat_id))
        return 0;
    rc = store_conversation_by_chat(c->store, view_of(m->scope), chat_id, &other);
    conversation_fini(&other);
    if (rc == STORE_E_NONE)
        rc = store_chat_put(c->store, view_of(m->scope), chat_id, m->conversation);
    return rc || m->chat_id ? rc : store_message_chat(c->store, m->id, chat_id);
}

int learn_from_amo(struct core *c, enum command_kind kind, const struct message *m,
                   const struct result *r)
{
    struct view client = kind == COMMAND_AMO_OUTGOING ? r->amo_receiver_id : r->amo_sender_id;
    struct conversation conv = {0};
    bool changed = false;
    int rc = 0;

    if (foreign_id_is_fine(r->amo_message_id) && !m->amo_id) {
        rc = store_message_learn_amo(c->store, m, r->amo_message_id);
        deferred_wake_amo(c, m->scope, r->amo_message_id);
    }
    rc = rc ? rc : store_conversation(c->store, m->conversation, &conv);
    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    if (strcmp(conv.scope, m->scope) != 0) {
        conversation_fini(&conv);
        return learn_left_chat(c, m, r->amo_chat_id);
    }
    changed = !conv.linked || (foreign_id_is_fine(r->amo_chat_id) && !conv.chat_id) ||
              (foreign_id_is_fine(client) && !conv.user_ref);
    rc = learn_chat(c, &conv, r->amo_chat_id);
    if (!conv.user_ref && foreign_id_is_fine(client))
        rc = rc ? rc : text_set(&conv.user_ref, client);
    /* amo has taken a message with both ids; of the chat that answers go to now, not of another */
    if (r->amo_chat_id.len == 0 || !conv.chat_id || view_is(r->amo_chat_id, conv.chat_id))
        conv.linked = true;
    if (rc == 0 && changed)
        rc = store_conversation_update(c->store, &conv);
    if (rc == 0 && !m->chat_id && (foreign_id_is_fine(r->amo_chat_id) || conv.chat_id))
        rc = store_message_chat(c->store, m->id,
                                foreign_id_is_fine(r->amo_chat_id) ? r->amo_chat_id
                                                                   : view_of(conv.chat_id));
    conversation_fini(&conv);
    return rc;
}

int learn_from_service(struct core *c, const struct message *m, const struct result *r)
{
    struct conversation conv = {0};
    int rc = 0;

    fates_note(c, view_of(m->connector), FATE_TAKEN, VIEW_NONE, clock_mono_ms(),
               clock_unix_ms());
    if (foreign_id_is_fine(r->service_message_id) && !m->service_id)
        rc = store_message_learn_answer(c->store, m, r->service_message_id);
    rc = rc ? rc : store_conversation(c->store, m->conversation, &conv);
    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    if (foreign_id_is_fine(r->service_conversation) && !conv.service_id)
        rc = conversation_learn_thread(c, &conv, r->service_conversation, m->id);
    deferred_wake_thread(c, conv.connector, view_of(conv.service_id));
    conversation_fini(&conv);
    if (rc == 0 && r->service_message_id.len)
        deferred_wake_answered(c, m->connector, r->service_message_id);
    return rc;
}
