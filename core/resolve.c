/* From: dispatch.c and inquiry.c. To: the same. Holds: copies of rows, for one call. */

#include "core/resolve.h"

#include <errno.h>
#include <string.h>

void resolved_fini(struct resolved *r)
{
    command_row_fini(&r->row);
    conversation_fini(&r->conversation);
    message_fini(&r->message);
}

/* Towards amo: our ids always; theirs whenever the chat was born there, which is harmless when
 * the two are linked already. */
static void resolve_amo_message(struct resolved *r)
{
    const struct conversation *conv = &r->conversation;
    struct command *b = &r->body;

    b->scope = view_of(conv->scope);
    b->conversation_id = view_of(conv->client_id);
    b->sender_id = view_of(conv->user_id);
    if (conv->chat_id && conv->user_ref) {
        b->conversation_ref_id = view_of(conv->chat_id);
        b->sender_ref_id = view_of(conv->user_ref);
    }
    b->chat_id = view_of(conv->chat_id);
    if (b->sender_name.len == 0) /* amo wants a name */
        b->sender_name = view_of(conv->name ? conv->name : conv->phone ? conv->phone : "?");
}

static void resolve_service_message(struct resolved *r)
{
    const struct conversation *conv = &r->conversation;
    struct command *b = &r->body;

    b->connector = view_of(conv->connector);
    b->scope = view_of(conv->scope);
    b->source = view_of(conv->source);
    b->conversation = view_of(conv->service_id);
    b->write_first = conv->service_id == NULL;
    b->receiver_id = view_of(conv->contact);
    b->receiver_phone = view_of(conv->phone);
    if (conv->name)
        b->receiver_name = view_of(conv->name);
}

static int resolve_status(struct resolved *r)
{
    /* "delivered" is dropped when "read" waits behind it */
    if (r->message.id && r->body.status_code == 1 && r->message.told == 2)
        return RESOLVE_E_STALE;
    r->body.scope = view_of(r->row.scope);
    return r->body.message_id.len ? 0 : RESOLVE_E_PARENT;
}

int resolve_command(struct core *c, const struct core_command *cmd, struct resolved *ret)
{
    int rc = 0;

    memset(ret, 0, sizeof(*ret));
    rc = store_command(c->store, cmd->id, &ret->row);
    if (rc == 0)
        rc = command_decode(view_make(ret->row.body, ret->row.body_len), &ret->body);
    if (rc)
        return rc < 0 ? rc : -EBADMSG;
    if (ret->row.message) {
        rc = store_message(c->store, ret->row.message, &ret->message);
        rc = rc ? rc
                : store_conversation(c->store, ret->message.conversation, &ret->conversation);
    }
    if (rc)
        return rc == STORE_E_NONE ? RESOLVE_E_PARENT : rc;
    ret->body.id = (uint64_t)cmd->id;
    switch (cmd->kind) {
    case COMMAND_AMO_MESSAGE:
        resolve_amo_message(ret);
        return 0;
    case COMMAND_SERVICE_MESSAGE:
        resolve_service_message(ret);
        return 0;
    case COMMAND_AMO_STATUS:
        return resolve_status(ret);
    case COMMAND_AMO_CONNECT:
    case COMMAND_AMO_CREATE_CHAT:
    case COMMAND_AMO_HISTORY:
        return -EINVAL; /* never stored: inquiries */
    }
    return -EINVAL;
}
