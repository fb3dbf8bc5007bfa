/* What: new_message and edit_message: finds or makes chat, participants and message.
 * From: api, through the gate; signature and scope are right.
 * To:   store; hooks, when amojo shall echo what a CRM user "wrote".
 * Holds: nothing. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "tools/sandbox/amojo/calls.h"
#include "tools/sandbox/amojo/check.h"
#include "tools/sandbox/amojo/hook_body.h"
#include "tools/sandbox/amojo/hooks.h"
#include "tools/sandbox/amojo/notes.h"
#include "tools/sandbox/amojo/reply.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/kit/text.h"
#include "tools/sandbox/record/gate.h"
#include "tools/sandbox/record/settings.h"
#include "tools/sandbox/record/world.h"

/* Crossed once more: msgid is amo's id, ref_id is the bridge's. */
static struct json_object *message_reply(const struct amojo_message *m)
{
    struct json_object *o = json_object_new_object();
    struct json_object *n = json_object_new_object();

    jread_add_str(n, "conversation_id", m->chat->id);
    jread_add_str(n, "sender_id", m->speaker_id);
    if (m->from != FROM_CLIENT && m->client)
        jread_add_str(n, "receiver_id", m->client->id);
    jread_add_str(n, "msgid", m->id);
    jread_add_str(n, "ref_id", m->client_id);
    json_object_object_add(o, "new_message", n);
    return o;
}

/* The client of a call, known by the bridge's id or by amojo's; made when new: an id that is
 * new each time makes a participant each time. NULL with words in @r. */
static struct amojo_user *message_client(struct sandbox *s, struct amojo_scope *sc,
                                         const struct amojo_call *call, struct reply *r)
{
    const struct amojo_party *p = call->receiver.given ? &call->receiver : &call->sender;
    struct amojo_user *u = names_get(&sc->users_by_id, p->ref_id);
    int rc = 0;

    if (p->ref_id && !u && !s->settings.adopt_unknown) {
        amojo_reply_error(r, 400,
                          call->receiver.given ? "receiver: user not found"
                                               : "sender: user not found");
        return NULL;
    }
    if (!u && !p->ref_id)
        u = names_get(&sc->users_by_client, p->id);
    if (!u)
        rc = amojo_user_add(s->amojo, sc, p->ref_id, p->id, &u);
    else if (p->id && names_get(&sc->users_by_client, p->id) != u)
        rc = amojo_user_name(sc, u, p->id);
    if (rc) {
        amojo_reply_error(r, 500, "no memory");
        return NULL;
    }
    text_set(&u->name, p->name);
    if (p->phone)
        text_set(&u->phone, p->phone);
    if (p->email)
        text_set(&u->email, p->email);
    if (p->avatar)
        text_set(&u->avatar, p->avatar);
    return u;
}

/* May @ref_id speak for the company? */
static bool message_may_speak(struct sandbox *s, struct amojo_scope *sc, const char *ref_id,
                              enum amojo_from *ret_from)
{
    *ret_from = strcmp(ref_id, sc->channel->bot_id) == 0 ? FROM_BOT : FROM_USER;
    return *ret_from == FROM_BOT || names_get(&sc->channel->speakers, ref_id) ||
           s->settings.adopt_unknown;
}

/* The chat of a message: amojo's id wins; the bridge's id then names that chat too. */
static struct amojo_chat *message_chat(struct sandbox *s, struct amojo_scope *sc,
                                       const struct amojo_call *call, struct amojo_user *client,
                                       struct reply *r)
{
    struct amojo_chat *c = names_get(&sc->chats_by_id, call->conversation_ref_id);
    int rc = 0;

    if (call->conversation_ref_id && !c && !s->settings.adopt_unknown) {
        amojo_reply_error(r, 400, "payload.conversation_ref_id: chat not found");
        return NULL;
    }
    if (!c && !call->conversation_ref_id)
        c = names_get(&sc->chats_by_client, call->conversation_id);
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
    if (rc || amojo_chat_join(c, client)) {
        amojo_reply_error(r, 500, "no memory");
        return NULL;
    }
    if (!c->user)
        c->user = client;
    if (call->source && !c->source)
        text_set(&c->source, call->source);
    return c;
}

static void message_repeat(struct sandbox *s, struct amojo_message *m, struct reply *r)
{
    s->counters.amojo_repeats++;
    m->repeats++;
    if (s->settings.repeat == 200)
        amojo_reply_json(r, message_reply(m));
    else
        amojo_reply_error(r, 400, "message with this msgid already exists");
}

/* A quoted message must be known, or tell enough about itself. False with words in @c. */
static bool message_link(struct sandbox *s, struct amojo_scope *sc, struct json_object *m,
                         const char *path, struct jcheck *c,
                         const struct amojo_message **ret_message)
{
    const char *id = jread_str(m, "id");
    const char *msgid = jread_str(m, "msgid");
    struct jcheck described = {""};

    *ret_message = amojo_find_message(sc, id, msgid);
    if (!m || *ret_message || s->settings.adopt_unknown || (!id && !msgid))
        return true;
    amojo_check_described(&described, m, path);
    if (jcheck_bad(&described))
        jcheck_fail(c, path, "", "message not found");
    return !jcheck_bad(c);
}

/* What a message leans on: a quote is of the same chat, a forward from the chat it names. */
static bool message_links(struct sandbox *s, struct amojo_scope *sc,
                          const struct amojo_call *call, struct reply *r)
{
    static const char quote[] = "payload.reply_to.message";
    static const char forward[] = "payload.forwards.messages";
    const struct amojo_chat *chat =
        call->conversation_ref_id ? names_get(&sc->chats_by_id, call->conversation_ref_id)
                                  : names_get(&sc->chats_by_client, call->conversation_id);
    const char *from_ref = jread_str(call->forwards, "conversation_ref_id");
    const char *from = jread_str(call->forwards, "conversation_id");
    const struct amojo_message *m = NULL;
    struct jcheck c = {""};

    if (message_link(s, sc, call->quoted, quote, &c, &m) && m && m->chat != chat)
        jcheck_fail(&c, quote, "", "is of another chat");
    if (!jcheck_bad(&c) && message_link(s, sc, call->forwarded, forward, &c, &m) && m &&
        ((from_ref && strcmp(m->chat->id, from_ref) != 0) ||
         (from && names_get(&sc->chats_by_client, from) != m->chat)))
        jcheck_fail(&c, forward, "", "is not of the chat that is named");
    if (jcheck_bad(&c))
        amojo_reply_error(r, 400, c.words);
    return !jcheck_bad(&c);
}

/* A call that was found right. */
struct message_kept {
    struct amojo_user *client;
    const struct amojo_call *call;
    enum amojo_from from;
    struct view raw;
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

static void message_keep(struct sandbox *s, struct amojo_chat *chat,
                         const struct message_kept *k, struct reply *r)
{
    struct blob *body = blob_new(k->raw.ptr, k->raw.len);
    struct amojo_message *m = NULL;
    int rc = body ? amojo_message_add(s->amojo, chat, NULL, k->call->msgid, body, &m) : -1;

    blob_drop(body);
    if (rc) {
        amojo_reply_error(r, 500, "no memory");
        return;
    }
    amojo_message_born(s, m, k->from);
    m->client = k->client;
    text_set(&m->speaker_id, k->from == FROM_CLIENT ? k->client->id : k->call->sender.ref_id);
    s->counters.amojo_messages++;
    if (k->from == FROM_CLIENT)
        message_lead(s, chat, k->call);
    amojo_reply_json(r, message_reply(m));
    if (k->from == FROM_USER && s->settings.echo != ECHO_OFF) {
        uint64_t number = hooks_echo(s, m);

        if (s->settings.echo == ECHO_EARLY) {
            r->hold = hooks_is_under_way;
            r->hold_number = number;
        }
    }
}

static void message_new(struct sandbox *s, struct amojo_scope *sc,
                        const struct amojo_call *call, struct view raw, struct reply *r)
{
    struct amojo_message *m = names_get(&sc->messages_by_client, call->msgid);
    enum amojo_from from = FROM_CLIENT;
    struct amojo_user *user = NULL;
    struct amojo_chat *chat = NULL;

    amojo_try_count(sc, call->msgid);
    if (m) {
        message_repeat(s, m, r);
        return;
    }
    if (!sandbox_has_message_room(s) ||
        !sandbox_has_room(s, amojo_count_objects(s->amojo), SANDBOX_OBJECTS_MAX, "objects")) {
        amojo_reply_error(r, 507, "sandbox_full");
        return;
    }
    if (call->receiver.given && !message_may_speak(s, sc, call->sender.ref_id, &from)) {
        amojo_reply_error(r, 400, "sender: user not found");
        return;
    }
    if (!message_links(s, sc, call, r))
        return;
    user = message_client(s, sc, call, r);
    chat = user ? message_chat(s, sc, call, user, r) : NULL;
    if (chat)
        message_keep(s, chat, &(struct message_kept){user, call, from, raw}, r);
}

/* May this edit be made? The message is found by amojo's id or the bridge's; given both, the
 * bridge's becomes its name. False with the answer in @r. */
static bool message_may_edit(struct amojo_scope *sc, const struct amojo_call *call,
                             const struct amojo_message *m, struct reply *r)
{
    const struct amojo_message *taken = names_get(&sc->messages_by_client, call->msgid);
    /* as in a message: amo's id of the chat decides, when it is given */
    const struct amojo_chat *chat =
        call->conversation_ref_id ? names_get(&sc->chats_by_id, call->conversation_ref_id)
                                  : names_get(&sc->chats_by_client, call->conversation_id);
    const char *words = NULL;

    if (!m)
        words = "message not found";
    else if (call->msgid && taken && taken != m)
        words = "message with this msgid already exists";
    else if (chat && m->body && chat != m->chat) /* one adopted has no chat of its own */
        words = "payload.conversation_id: the message is of another chat";
    if (words)
        amojo_reply_error(r, 400, words);
    return !words;
}

static void message_edit(struct sandbox *s, struct amojo_scope *sc,
                         const struct amojo_call *call, struct json_object *body,
                         struct view raw, struct reply *r)
{
    struct amojo_message *m = amojo_find_message(sc, call->id, call->msgid);
    struct json_object *st =
        jread_object(jread_object(jread_object(body, "payload"), "message"), "delivery_status");
    struct blob *edit = NULL;

    if (!m && s->settings.adopt_unknown)
        m = amojo_adopt_message(s, sc, call->id, call->msgid);
    if (!message_may_edit(sc, call, m, r))
        return;
    edit = blob_new(raw.ptr, raw.len);
    if (!edit || (call->id && call->msgid && amojo_message_name(m, call->msgid))) {
        blob_drop(edit);
        amojo_reply_error(r, 500, "no memory");
        return;
    }
    if (!amojo_note_action(s, ACTION_EDIT, m->chat, m, body) ||
        (st && !amojo_note_status(s, m, st, jread_int(st, "status_code", 0), true))) {
        blob_drop(edit);
        amojo_reply_error(r, 507, "sandbox_full");
        return;
    }
    blob_drop(m->edit);
    m->edit = edit;
    m->edits++;
    s->counters.amojo_edits++;
    amojo_reply_json(r, message_reply(m));
}

void amojo_call_message(struct sandbox *s, struct amojo_scope *sc, struct json_object *body,
                        struct view raw, struct reply *r)
{
    struct jcheck c = {""};
    struct amojo_call call;

    if (!body) {
        amojo_reply_error(r, 400, "body: is not JSON");
        return;
    }
    amojo_check_message(&c, body, s->settings.lenient_files, &call);
    if (jcheck_bad(&c))
        amojo_reply_error(r, 400, c.words);
    else if (call.edit)
        message_edit(s, sc, &call, body, raw, r);
    else
        message_new(s, sc, &call, raw, r);
}
