/* A command becomes what is sent: its ids are looked up now, and what the other side cannot hold
 * takes another shape.
 *
 * From: dispatch.c and calls.c. To: the same. Holds: copies of rows, for one call. */

#include "core/deliver/resolve.h"

#include <errno.h>
#include <string.h>

#include "core/deliver/moved.h"
#include "core/intake/conversation.h"
#include "core/intake/lookup.h"
#include "core/model/fallback.h"
#include "core/store/reach.h"
#include "proto/limits.h"

static int resolve_kind(struct core *c, struct resolved *r);
static const struct reg_channel *channel_of(const struct core *c, const struct resolved *r);
static int resolve_quote_for_amo(struct core *c, struct resolved *r);
static int resolve_forward_for_amo(struct core *c, struct resolved *r);
static int resolve_parts_for_service(struct core *c, struct resolved *r);

void resolved_fini(struct resolved *r)
{
    command_row_fini(&r->row);
    conversation_fini(&r->conversation);
    message_fini(&r->message);
    message_fini(&r->quoted);
    message_fini(&r->forwarded);
    conversation_fini(&r->forwarded_from);
    buf_fini(&r->text);
}

/* The command and what it is about, as they are in the store. */
static int resolve_rows(struct core *c, const struct core_command *cmd, struct resolved *ret)
{
    int rc = 0;

    memset(ret, 0, sizeof(*ret));
    buf_init(&ret->text, LIMIT_FRAME_BYTES);
    rc = store_command(c->store, cmd->id, &ret->row);
    if (rc == 0 && !ret->row.body)
        return RESOLVE_E_ERASED;
    if (rc == 0)
        rc = command_decode(view_make(ret->row.body, ret->row.body_len), &ret->body);
    if (rc)
        return rc < 0 ? rc : -EBADMSG;
    if (ret->row.message) {
        rc = store_message(c->store, ret->row.message, &ret->message);
        rc = rc ? rc
                : store_conversation(c->store, ret->message.conversation, &ret->conversation);
    }
    ret->body.id = (uint64_t)cmd->id;
    return rc == STORE_E_NONE ? RESOLVE_E_PARENT : rc;
}

int resolve_where_it_was(struct core *c, const struct core_command *cmd, struct resolved *ret)
{
    struct conversation *conv = &ret->conversation;
    int rc = resolve_rows(c, cmd, ret);

    if (rc)
        return rc;
    if (!ret->row.scope || !registry_scope(c->turn->registry, view_of(ret->row.scope)))
        return RESOLVE_E_MOVED;
    if (strcmp(ret->row.scope, conv->scope) != 0) {
        rc = text_set(&conv->scope, view_of(ret->row.scope));
        rc = rc ? rc : store_chat_return(c->store, conv);
    }
    return rc ? rc : resolve_kind(c, ret);
}

int resolve_command(struct core *c, const struct core_command *cmd, struct resolved *ret)
{
    int rc = resolve_rows(c, cmd, ret);

    if (rc)
        return rc;
    if (!reach_is_current(c, &ret->row, &ret->conversation))
        return RESOLVE_E_MOVED;
    return resolve_kind(c, ret);
}

int resolve_tells(struct core *c, const struct core_command *cmd, int64_t *ret_status,
                  int64_t *ret_code)
{
    struct command_row row = {0};
    struct command body = {0};
    int rc = 0;

    *ret_status = *ret_code = 0;
    if (cmd->kind != COMMAND_AMO_STATUS)
        return 0;
    rc = store_command(c->store, cmd->id, &row);
    if (rc == 0 && row.body && command_decode(view_make(row.body, row.body_len), &body) == 0) {
        *ret_status = body.status_code;
        *ret_code = body.error_code;
    }
    command_row_fini(&row);
    return rc == STORE_E_NONE ? 0 : rc;
}

/* --- towards amo ---------------------------------------------------------------------------- */

/* Our ids always; theirs whenever the chat was born there, which is harmless when the two are
 * linked already. */
void resolve_chat(struct resolved *r)
{
    const struct conversation *conv = &r->conversation;

    r->body.scope = view_of(conv->scope);
    r->body.conversation_id = view_of(conv->client_id);
    r->body.chat_id = view_of(conv->chat_id);
    if (conv->chat_id && conv->user_ref && conv->amo_born)
        r->body.conversation_ref_id = view_of(conv->chat_id);
}

static const char *client_name(const struct conversation *conv)
{
    return conv->name ? conv->name : conv->phone ? conv->phone : "?"; /* amo wants a name */
}

void resolve_client(struct resolved *r)
{
    const struct conversation *conv = &r->conversation;

    if (r->body.kind == COMMAND_AMO_MESSAGE && r->body.sender_id.len) {
        /* another person than the conversation's client */
        if (r->body.sender_name.len == 0)
            r->body.sender_name = VIEW_LIT("?");
        return;
    }
    r->body.sender_id = view_of(conv->user_id);
    r->body.sender_ref_id = view_of(conv->amo_born ? conv->user_ref : NULL);
    if (r->body.kind != COMMAND_AMO_MESSAGE) { /* the one in the body is the author */
        r->body.sender_name = r->body.receiver_name;
        r->body.sender_phone = r->body.receiver_phone;
        r->body.sender_email = r->body.receiver_email;
        r->body.sender_avatar = VIEW_NONE;
        r->body.sender_link = VIEW_NONE;
    }
    if (r->body.sender_name.len == 0)
        r->body.sender_name = view_of(client_name(conv));
}

static int resolve_amo_message(struct core *c, struct resolved *r)
{
    int rc = 0;

    resolve_chat(r);
    resolve_client(r);
    rc = resolve_quote_for_amo(c, r);
    return rc ? rc : resolve_forward_for_amo(c, r);
}

/* In the name of a CRM user, or of the channel's bot. The client is always the same receiver: a
 * new id would be a new person to amo. */
static int resolve_amo_outgoing(struct core *c, struct resolved *r)
{
    const struct conversation *conv = &r->conversation;
    const struct reg_channel *channel = NULL;
    int rc = 0;

    resolve_chat(r);
    channel = channel_of(c, r);
    r->body.sender_ref_id =
        r->body.author.len ? r->body.author : view_of(channel ? channel->bot_id : NULL);
    if (r->body.sender_name.len == 0)
        r->body.sender_name = view_of(channel && channel->name ? channel->name : "?");
    r->body.receiver_id = view_of(conv->user_id);
    r->body.receiver_ref_id = view_of(conv->amo_born ? conv->user_ref : NULL);
    if (r->body.receiver_name.len == 0)
        r->body.receiver_name = view_of(client_name(conv));
    if (r->body.receiver_phone.len == 0)
        r->body.receiver_phone = conversation_phone(conv);
    r->body.author = VIEW_NONE;
    rc = resolve_quote_for_amo(c, r);
    return rc ? rc : resolve_forward_for_amo(c, r);
}

static bool is_failed(const struct message *m)
{
    return m->state == MESSAGE_FAILED;
}

/* Amo never got it; or has it, but we never learnt under which name. */
static bool is_lost(const struct message *m)
{
    return !m->amo_id && (is_failed(m) || m->direction == MESSAGE_OUTBOUND);
}

/* The same of the service: it does not know our id of a message that it did not take. */
static bool is_lost_there(const struct message *m)
{
    return !m->service_id && is_failed(m);
}

/* In another of the conversation's chats at amo than the one that is written to now, or in an account
 * that had the conversation before. */
static bool stands_elsewhere(const struct message *m, const struct conversation *conv)
{
    if (strcmp(m->scope, conv->scope) != 0)
        return true;
    return m->chat_id && conv->chat_id && strcmp(m->chat_id, conv->chat_id) != 0;
}

static const struct reg_channel *channel_of(const struct core *c, const struct resolved *r)
{
    return registry_channel(c->turn->registry,
                            registry_scope_channel(view_of(r->conversation.scope)));
}

/* Our name of its chat leads to another, or nowhere. */
static bool needs_amos_name(const struct message *m, const struct conversation *conv)
{
    return (conv->chat_id && !conv->linked) || stands_elsewhere(m, conv);
}

/* By amo's id, else by ours; a message of another chat, or one that amo never got, is quoted by
 * its words, if the service gave them. */
static int resolve_quote_for_amo(struct core *c, struct resolved *r)
{
    const struct reg_channel *channel = channel_of(c, r);
    struct content *t = &r->body.content;
    struct view id = t->reply_id;
    int rc = 0;

    if (channel && channel->no_quotes)
        return fallback_quote(t, &r->text);
    t->reply_id = VIEW_NONE;
    t->reply_client_id = VIEW_NONE;
    rc = lookup_message(c,
                        &(struct wanted){.connector = view_of(r->conversation.connector),
                                         .conversation = r->conversation.id},
                        id, &r->quoted);
    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    if (is_lost(&r->quoted) || stands_elsewhere(&r->quoted, &r->conversation))
        return 0;
    if (r->quoted.amo_id)
        t->reply_id = view_of(r->quoted.amo_id);
    else
        t->reply_client_id = view_of(r->quoted.mid);
    return 0;
}

/* Will amo know it when it sees its name? One of another lane may still wait there. */
static bool amo_has(const struct message *m, int64_t conversation)
{
    return m->amo_id || (!is_lost(m) && m->conversation == conversation) ||
           m->state == MESSAGE_DELIVERED_TO_AMO;
}

/* What is forwarded has neither a name for amo nor words: a sign stands for it. */
static int forward_by_sign(struct resolved *r)
{
    struct content *t = &r->body.content;

    if (t->forward_text.len || t->forward_media.len ||
        (t->forward_type.len && !view_is(t->forward_type, "text")))
        return 0;
    if (r->text.len == 0)                      /* else the text was made here already */
        (void)buf_add_view(&r->text, t->text); /* asked once, below */
    (void)buf_add_str(&r->text, r->text.len ? "\n\xe2\x86\xaa" : "\xe2\x86\xaa"); /* ↪ */
    t->text = buf_view(&r->text);
    return buf_error(&r->text);
}

/* The same for what is forwarded, which may come from any chat of the account. */
static int resolve_forward_for_amo(struct core *c, struct resolved *r)
{
    struct content *t = &r->body.content;
    struct view id = t->forward_id;
    int rc = 0;

    t->forward_id = VIEW_NONE;
    t->forward_client_id = VIEW_NONE;
    if (id.len == 0)
        return 0;
    rc = lookup_message(c,
                        &(struct wanted){.connector = view_of(r->conversation.connector),
                                         .scope = view_of(r->conversation.scope)},
                        id, &r->forwarded);
    if (rc < 0)
        return rc;
    if (rc == STORE_E_NONE || !amo_has(&r->forwarded, r->conversation.id))
        return forward_by_sign(r);
    if (r->forwarded.amo_id)
        t->forward_id = view_of(r->forwarded.amo_id);
    else
        t->forward_client_id = view_of(r->forwarded.mid);
    rc = store_conversation(c->store, r->forwarded.conversation, &r->forwarded_from);
    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    if (r->forwarded_from.id != r->conversation.id) {
        r->body.forward_conversation_id = view_of(r->forwarded_from.client_id);
        r->body.forward_conversation_ref_id = view_of(r->forwarded_from.chat_id);
    }
    return 0;
}

static int resolve_status(struct resolved *r)
{
    /* "delivered" is dropped when "read" waits behind it */
    if (r->message.id && r->body.status_code == 1 && r->message.reported_status == 2)
        return RESOLVE_E_STALE;
    r->body.scope = view_of(r->row.scope);
    return r->body.message_id.len ? 0 : RESOLVE_E_PARENT;
}

/* A message born at amo is named by amo's id, and told ours on the way. */
static int resolve_edit(struct resolved *r)
{
    const struct message *m = &r->message;

    if (is_lost(m))
        return RESOLVE_E_PARENT;
    resolve_chat(r);
    r->body.conversation_ref_id = VIEW_NONE; /* an edit moves nothing */
    if (needs_amos_name(m, &r->conversation))
        r->body.conversation_ref_id = view_of(m->chat_id);
    r->body.message_client_id = view_of(m->mid);
    if (m->direction == MESSAGE_OUTBOUND)
        r->body.message_id = view_of(m->amo_id);
    return 0;
}

static int resolve_amo_reaction(struct resolved *r)
{
    const struct conversation *conv = &r->conversation;
    const struct message *m = &r->message;

    if (is_lost(m))
        return RESOLVE_E_PARENT;
    resolve_chat(r);
    if (needs_amos_name(m, conv)) {
        /* only a message links: amo knows no id of ours of that chat */
        r->body.conversation_id = VIEW_NONE;
        r->body.conversation_ref_id = view_of(m->chat_id ? m->chat_id : conv->chat_id);
    }
    r->body.message_id = view_of(m->amo_id);
    if (!m->amo_id)
        r->body.message_client_id = view_of(m->mid);
    if (r->body.sender_id.len == 0)
        r->body.sender_id = view_of(conv->user_id);
    return 0;
}

/* --- towards the service --------------------------------------------------------------------- */

static void resolve_thread(struct resolved *r)
{
    r->body.connector = view_of(r->conversation.connector);
    r->body.scope = view_of(r->conversation.scope);
    if (view_empty(r->body.source))
        r->body.source = view_of(r->conversation.source);
    r->body.conversation = view_of(r->conversation.service_id);
}

static int resolve_service_message(struct core *c, struct resolved *r)
{
    const struct conversation *conv = &r->conversation;
    struct command *b = &r->body;

    resolve_thread(r);
    b->write_first = conv->service_id == NULL;
    if (!b->receiver_id.ptr && !b->receiver_phone.ptr) { /* not known when it was queued */
        b->receiver_id = view_of(conv->contact);
        b->receiver_phone = conversation_phone(conv);
    }
    if (!conv->contact) /* the former service had a name for the client */
        b->receiver_id = VIEW_NONE;
    return resolve_parts_for_service(c, r);
}

/* What the service calls the message: its own id, else our mid. */
static struct view service_name(const struct message *m)
{
    return view_of(m->service_id ? m->service_id : m->mid);
}

/* A quoted message that the service knows is named; of another one the words lead the text. */
static int resolve_parts_for_service(struct core *c, struct resolved *r)
{
    struct content *t = &r->body.content;
    bool quote =
        t->reply_id.len || t->reply_client_id.len || t->reply_text.len || t->reply_type.len;
    struct view scope = view_of(r->conversation.scope);
    int rc = lookup_message_of_amo(c, scope, t->reply_id, t->reply_client_id, &r->quoted);
    int forward_rc = 0;

    if (rc < 0)
        return rc;
    t->reply_id = VIEW_NONE;
    t->reply_client_id = VIEW_NONE;
    if (rc == 0 && r->quoted.conversation == r->conversation.id && !is_lost_there(&r->quoted) &&
        view_is(view_of(r->quoted.connector), r->conversation.connector)) {
        t->reply_id = service_name(&r->quoted);
        quote = false;
    }
    forward_rc =
        lookup_message_of_amo(c, scope, t->forward_id, t->forward_client_id, &r->forwarded);
    if (forward_rc < 0)
        return forward_rc;
    t->forward_id = forward_rc == 0 && !is_lost_there(&r->forwarded) &&
                            view_is(view_of(r->forwarded.connector), r->conversation.connector)
                        ? service_name(&r->forwarded)
                        : VIEW_NONE;
    t->forward_client_id = VIEW_NONE;
    return fallback_outbound(t, quote, &r->text);
}

static int resolve_service_reaction(struct resolved *r)
{
    if (is_lost_there(&r->message))
        return RESOLVE_E_PARENT;
    resolve_thread(r);
    r->body.message_id = service_name(&r->message);
    return 0;
}

static int resolve_service_failed(struct resolved *r)
{
    /* its answer came after it had been given up; an edit of it may have failed all the same */
    if (r->message.state == MESSAGE_DELIVERED_TO_AMO && !view_is(r->body.reason, EDIT_FAILED))
        return RESOLVE_E_STALE;
    resolve_thread(r);
    r->body.connector = view_of(r->row.connector); /* who wrote it is told, wherever it went */
    r->body.message_id = view_of(r->message.service_id);
    r->body.message_client_id = view_of(r->message.mid);
    return 0;
}

static int resolve_kind(struct core *c, struct resolved *r)
{
    switch ((enum command_kind)r->body.kind) {
    case COMMAND_AMO_MESSAGE:
        return resolve_amo_message(c, r);
    case COMMAND_AMO_OUTGOING:
        return resolve_amo_outgoing(c, r);
    case COMMAND_AMO_STATUS:
        return resolve_status(r);
    case COMMAND_AMO_EDIT:
        return resolve_edit(r);
    case COMMAND_AMO_REACTION:
        return resolve_amo_reaction(r);
    case COMMAND_SERVICE_MESSAGE:
        return resolve_service_message(c, r);
    case COMMAND_SERVICE_REACTION:
        return resolve_service_reaction(r);
    case COMMAND_SERVICE_FAILED:
        return resolve_service_failed(r);
    case COMMAND_AMO_CONNECT:
    case COMMAND_AMO_DISCONNECT:
    case COMMAND_AMO_CREATE_CHAT:
    case COMMAND_AMO_HISTORY:
    case COMMAND_AMO_TYPING:
    case COMMAND_SERVICE_TYPING:
    case COMMAND_SERVICE_TEST:
    case COMMAND_AMO_REACH:
    case COMMAND_AMO_HOOK:
        break; /* never stored */
    }
    return -EINVAL;
}
