/* What: new_message and edit_message: finds or makes chat, participants and message.
 * From: api, through the gate; signature and scope are right.
 * To:   store; hooks, when amojo shall echo what a CRM user "wrote".
 * Holds: nothing. */
#include <string.h>

#include "base/buf.h"
#include "tools/sandbox/amojo/calls.h"
#include "tools/sandbox/amojo/check.h"
#include "tools/sandbox/amojo/hook_body.h"
#include "tools/sandbox/amojo/hooks.h"
#include "tools/sandbox/amojo/notes.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/http/request.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/kit/text.h"
#include "tools/sandbox/record/gate.h"
#include "tools/sandbox/record/settings.h"
#include "tools/sandbox/record/world.h"

/* Crossed once more: msgid is amo's id, ref_id is the bridge's. */
static struct json_object *message_reply(const struct amojo_message *m)
{
    struct json_object *o = json_object_new_object();
    struct json_object *n = jread_add_object(o, "new_message");

    jread_add_str(n, "conversation_id", m->chat->id);
    jread_add_str(n, "sender_id", m->speaker_id);
    if (m->from != FROM_CLIENT && m->client)
        jread_add_str(n, "receiver_id", m->client->id);
    jread_add_str(n, "msgid", m->id);
    jread_add_str(n, "ref_id", m->client_id);
    return o;
}

/* The client of a call, known by the bridge's id or by amojo's; made when new: an id that is
 * new each time makes a participant each time. Or the status of the refusal. */
static int message_client(struct amojo_ask *q, const struct amojo_call *call,
                          struct amojo_user **ret_user)
{
    struct sandbox *s = q->sandbox;
    struct amojo_scope *sc = q->scope;
    const struct amojo_party *p = call->receiver.given ? &call->receiver : &call->sender;
    struct amojo_user *u = names_get(&sc->users_by_id, p->ref_id);
    int rc = 0;

    if (p->ref_id && !u && !s->settings.adopt_unknown)
        return amojo_refuse(q, 400,
                            call->receiver.given ? "receiver: user not found"
                                                 : "sender: user not found");
    if (!u && !p->ref_id)
        u = names_get(&sc->users_by_client, p->id);
    if (!u)
        rc = amojo_user_add(s->amojo, sc, p->ref_id, p->id, &u);
    else if (p->id && names_get(&sc->users_by_client, p->id) != u)
        rc = amojo_user_name(sc, u, p->id);
    if (rc)
        return amojo_refuse(q, 500, "no memory");
    text_set(&u->name, p->name);
    if (p->phone)
        text_set(&u->phone, p->phone);
    if (p->email)
        text_set(&u->email, p->email);
    if (p->avatar)
        text_set(&u->avatar, p->avatar);
    *ret_user = u;
    return 0;
}

/* May @ref_id speak for the company? */
static bool message_may_speak(struct sandbox *s, struct amojo_scope *sc, const char *ref_id,
                              enum amojo_from *ret_from)
{
    *ret_from = strcmp(ref_id, sc->channel->bot_id) == 0 ? FROM_BOT : FROM_USER;
    return *ret_from == FROM_BOT || names_get(&sc->channel->speakers, ref_id) ||
           s->settings.adopt_unknown;
}

/* The chat of a message: amojo's id wins; the bridge's id then names that chat too. Or the status
 * of the refusal. */
static int message_chat(struct amojo_ask *q, const struct amojo_call *call,
                        struct amojo_user *client, struct amojo_chat **ret_chat)
{
    struct sandbox *s = q->sandbox;
    struct amojo_scope *sc = q->scope;
    struct amojo_chat *c =
        amojo_find_chat(sc, call->conversation_ref_id, call->conversation_id);
    int rc = 0;

    if (call->conversation_ref_id && !c && !s->settings.adopt_unknown)
        return amojo_refuse(q, 400, "payload.conversation_ref_id: chat not found");
    if (!c) {
        rc = amojo_chat_add(s->amojo, sc, call->conversation_ref_id, call->conversation_id,
                            client, &c);
        if (rc == 0) {
            c->seq = sandbox_seq(s);
            s->counters.amojo_chats++;
        }
    } else if (names_get(&sc->chats_by_client, call->conversation_id) != c) {
        rc = amojo_chat_name(c, call->conversation_id);
    }
    if (rc || amojo_chat_join(c, client))
        return amojo_refuse(q, 500, "no memory");
    if (!c->user)
        c->user = client;
    if (call->source && !c->source)
        text_set(&c->source, call->source);
    *ret_chat = c;
    return 0;
}

static int message_repeat(struct amojo_ask *q, struct amojo_message *m)
{
    q->sandbox->counters.amojo_repeats++;
    m->repeats++;
    return q->sandbox->settings.repeat == 200
               ? amojo_answer(q, message_reply(m))
               : amojo_refuse(q, 400, "message with this msgid already exists");
}

/* A quoted message must be known, or tell enough about itself. False with words in @c. */
static bool message_link(const struct amojo_ask *q, struct json_object *m, const char *path,
                         struct jcheck *c, const struct amojo_message **ret_message)
{
    const char *id = jread_str(m, "id");
    const char *msgid = jread_str(m, "msgid");
    struct jcheck described = {""};

    *ret_message = amojo_find_message(q->scope, id, msgid);
    if (!m || *ret_message || q->sandbox->settings.adopt_unknown || (!id && !msgid))
        return true;
    amojo_check_described(&described, m, path);
    if (jcheck_bad(&described))
        jcheck_fail(c, path, "", "message not found");
    return !jcheck_bad(c);
}

/* What a message leans on: a quote is of the same chat, a forward from the chat it names. False when
 * it is refused. */
static bool message_links(struct amojo_ask *q, const struct amojo_call *call)
{
    static const char quote[] = "payload.reply_to.message";
    static const char forward[] = "payload.forwards.messages";
    const struct amojo_scope *sc = q->scope;
    const struct amojo_chat *chat =
        amojo_find_chat(sc, call->conversation_ref_id, call->conversation_id);
    const char *from_ref = jread_str(call->forwards, "conversation_ref_id");
    const char *from = jread_str(call->forwards, "conversation_id");
    const struct amojo_message *m = NULL;
    struct jcheck *c = &q->check;

    if (message_link(q, call->quoted, quote, c, &m) && m && m->chat != chat)
        jcheck_fail(c, quote, "", "is of another chat");
    if (!jcheck_bad(c) && message_link(q, call->forwarded, forward, c, &m) && m &&
        ((from_ref && strcmp(m->chat->id, from_ref) != 0) ||
         (from && names_get(&sc->chats_by_client, from) != m->chat)))
        jcheck_fail(c, forward, "", "is not of the chat that is named");
    return amojo_is_right(q);
}

/* A call that was found right. */
struct message_kept {
    struct amojo_user *client;
    const struct amojo_call *call;
    enum amojo_from from;
};

/* A client's first word in a chat that was not begun from a card makes a contact and an unsorted
 * lead of it, unless it is silent. */
static void message_lead(struct sandbox *s, struct amojo_chat *chat,
                         const struct amojo_call *call)
{
    if (chat->lead || chat->write_first || call->silent)
        return;
    chat->lead = true;
    s->counters.amojo_leads++;
}

static int message_keep(struct amojo_ask *q, struct amojo_chat *chat,
                        const struct message_kept *k)
{
    struct sandbox *s = q->sandbox;
    struct view raw = request_body(q->x);
    struct blob *body = blob_new(raw.ptr, raw.len);
    struct amojo_message *m = NULL;
    int rc = body ? amojo_message_add(s->amojo, chat, NULL, k->call->msgid, body, &m) : -1;

    blob_drop(body);
    if (rc)
        return amojo_refuse(q, 500, "no memory");
    amojo_message_born(s, m, k->from);
    m->client = k->client;
    text_set(&m->speaker_id, k->from == FROM_CLIENT ? k->client->id : k->call->sender.ref_id);
    s->counters.amojo_messages++;
    if (k->from == FROM_CLIENT)
        message_lead(s, chat, k->call);
    if (k->from == FROM_USER && s->settings.echo != ECHO_OFF) {
        uint64_t number = hooks_echo(s, m);

        if (s->settings.echo == ECHO_EARLY) {
            q->reply->hold = hooks_is_under_way;
            q->reply->hold_number = number;
        }
    }
    return amojo_answer(q, message_reply(m));
}

static int message_new(struct amojo_ask *q, const struct amojo_call *call)
{
    struct sandbox *s = q->sandbox;
    struct amojo_message *m = names_get(&q->scope->messages_by_client, call->msgid);
    struct message_kept k = {.call = call, .from = FROM_CLIENT};
    struct amojo_chat *chat = NULL;
    int refused = 0;

    amojo_try_count(q->scope, call->msgid);
    if (m)
        return message_repeat(q, m);
    if (!sandbox_has_message_space(s) || !amojo_has_room(s))
        return amojo_refuse(q, 507, "sandbox_full");
    if (call->receiver.given && !message_may_speak(s, q->scope, call->sender.ref_id, &k.from))
        return amojo_refuse(q, 400, "sender: user not found");
    if (!message_links(q, call))
        return 400;
    refused = message_client(q, call, &k.client);
    if (k.client)
        refused = message_chat(q, call, k.client, &chat);
    return chat ? message_keep(q, chat, &k) : refused;
}

/* Why this edit may not be made; NULL: it may. The message is found by amojo's id or the bridge's;
 * given both, the bridge's becomes its name. */
static const char *message_no_edit(struct amojo_scope *sc, const struct amojo_call *call,
                                   const struct amojo_message *m)
{
    const struct amojo_message *taken = names_get(&sc->messages_by_client, call->msgid);
    const struct amojo_chat *chat =
        amojo_find_chat(sc, call->conversation_ref_id, call->conversation_id);

    if (!m)
        return "message not found";
    if (call->msgid && taken && taken != m)
        return "message with this msgid already exists";
    if (chat && m->body && chat != m->chat) /* one adopted has no chat of its own */
        return "payload.conversation_id: the message is of another chat";
    return NULL;
}

/* Notes the edit; @edit, which gets one more owner, is the newest form of @m then. 0, or the status of the
 * refusal. */
static int message_note_edit(struct amojo_ask *q, const struct amojo_call *call,
                             struct amojo_message *m, struct blob *edit)
{
    struct sandbox *s = q->sandbox;
    struct json_object *st = jread_object(
        jread_object(jread_object(q->body, "payload"), "message"), "delivery_status");

    if (!edit || (call->id && call->msgid && amojo_message_name(m, call->msgid)))
        return amojo_refuse(q, 500, "no memory");
    if (!amojo_note_action(s, "edit", m->chat, m, q->body) ||
        (st && !amojo_note_status(s, m, st, jread_int(st, "status_code", 0), true)))
        return amojo_refuse(q, 507, "sandbox_full");
    blob_drop(m->edit);
    m->edit = blob_hold(edit);
    m->edits++;
    s->counters.amojo_edits++;
    return 0;
}

static int message_edit(struct amojo_ask *q, const struct amojo_call *call)
{
    struct view raw = request_body(q->x);
    struct amojo_message *m = amojo_find_message(q->scope, call->id, call->msgid);
    const char *why_not = NULL;
    struct blob *edit = NULL;
    int refused = 0;

    if (!m && q->sandbox->settings.adopt_unknown)
        m = amojo_adopt_message(q->sandbox, q->scope, call->id, call->msgid);
    why_not = message_no_edit(q->scope, call, m);
    if (why_not)
        return amojo_refuse(q, 400, why_not);
    edit = blob_new(raw.ptr, raw.len);
    refused = message_note_edit(q, call, m, edit);
    blob_drop(edit);
    return refused ? refused : amojo_answer(q, message_reply(m));
}

int amojo_call_message(struct amojo_ask *q)
{
    struct amojo_call call = {0};

    if (q->body)
        amojo_check_message(&q->check, q->body, q->sandbox->settings.lenient_files, &call);
    if (!amojo_is_right(q))
        return 400;
    return call.edit ? message_edit(q, &call) : message_new(q, &call);
}
