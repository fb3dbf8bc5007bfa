/* What: new_message and edit_message: finds or makes chat, participants and message.
 * From: amojo_api, through the gate; signature and scope are right.
 * To:   amojo_store; hooks, when amojo shall echo what a CRM user "wrote".
 * Holds: nothing. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tools/sandbox/amojo_api.h"
#include "tools/sandbox/amojo_check.h"
#include "tools/sandbox/sandbox.h"

struct amojo_chat *amojo_find_chat(const struct amojo_scope *sc, const char *id,
                                   const char *client_id)
{
    struct amojo_chat *c = strmap_get(&sc->chats_by_id, id);

    return c ? c : strmap_get(&sc->chats_by_client, client_id);
}

struct amojo_message *amojo_find_message(const struct amojo_scope *sc, const char *id,
                                         const char *msgid)
{
    struct amojo_message *m = strmap_get(&sc->messages_by_id, id);

    return m || id ? m : strmap_get(&sc->messages_by_client, msgid);
}

struct json_object *amojo_message_payload(const struct amojo_message *m,
                                          struct json_object **ret_whole)
{
    const struct blob *b = m->edit ? m->edit : m->body;
    struct json_object *payload = NULL;

    *ret_whole = b ? jread_parse(view_make(b->bytes, b->len)) : NULL;
    payload = jread_object(*ret_whole, "payload");
    return payload ? payload : jread_object(*ret_whole, "message");
}

char *amojo_message_text(const struct amojo_message *m)
{
    struct json_object *whole = NULL;
    struct json_object *payload = amojo_message_payload(m, &whole);
    const char *text = jread_str(jread_object(payload, "message"), "text");
    char *copy = text ? mem_strdup(text) : NULL;

    json_object_put(whole);
    return copy;
}

struct json_object *amojo_message_json(const struct amojo_message *m)
{
    struct json_object *o = json_object_new_object();
    struct json_object *whole = NULL;
    struct json_object *payload = amojo_message_payload(m, &whole);
    struct json_object *content = jread_object(payload, "message");
    const struct amojo_scope *sc = m->chat->scope;

    json_object_object_add(o, "seq", json_object_new_uint64(m->seq));
    jread_add_int(o, "at_ms", m->at_ms);
    jread_add_str(o, "scope_id", sc->id);
    jread_add_str(o, "chat", m->chat->id);
    jread_add_str_or_null(o, "conversation_id", m->chat->client_id);
    jread_add_str_or_null(o, "msgid", m->client_id);
    jread_add_str(o, "id", m->id);
    jread_add_str(o, "from", amojo_from_name(m->from));
    jread_add_str_or_null(o, "type", jread_str(content, "type"));
    jread_add_str_or_null(o, "text", jread_str(content, "text"));
    jread_add_int(o, "effects", 1);
    json_object_object_add(o, "calls", json_object_new_uint64(amojo_tries(sc, m->client_id)));
    json_object_object_add(o, "repeats", json_object_new_uint64(m->repeats));
    json_object_object_add(o, "edits", json_object_new_uint64(m->edits));
    json_object_object_add(o, "status",
                           m->has_status ? json_object_new_int64(m->status) : NULL);
    json_object_object_add(o, "error_code",
                           m->error_code ? json_object_new_int64(m->error_code) : NULL);
    json_object_object_add(o, "payload", json_object_get(payload));
    json_object_put(whole);
    return o;
}

/* Crossed once more: msgid is amo's id, ref_id is the bridge's. */
static struct json_object *message_reply(const struct amojo_message *m)
{
    struct json_object *o = json_object_new_object();
    struct json_object *n = json_object_new_object();
    const struct amojo_user *client = m->chat->user;

    jread_add_str(n, "conversation_id", m->chat->id);
    jread_add_str(n, "sender_id", m->speaker_id);
    if (m->from != FROM_CLIENT && client)
        jread_add_str(n, "receiver_id", client->id);
    jread_add_str(n, "msgid", m->id);
    jread_add_str(n, "ref_id", m->client_id);
    json_object_object_add(o, "new_message", n);
    return o;
}

/* The client named by @p, known by the bridge's id or by amojo's; made when new. NULL with
 * words in @r. */
static struct amojo_user *message_client(struct sandbox *s, struct amojo_scope *sc,
                                         const struct amojo_party *p, struct reply *r)
{
    struct amojo_user *u = strmap_get(&sc->users_by_id, p->ref_id);
    int rc = 0;

    if (p->ref_id && !u && !s->settings.adopt_unknown) {
        amojo_reply_error(r, 400, "sender: user not found");
        return NULL;
    }
    if (!u && !p->ref_id)
        u = strmap_get(&sc->users_by_client, p->id);
    if (!u)
        rc = amojo_user_add(&s->amojo, sc, p->ref_id, p->id, &u);
    else if (p->id && strmap_get(&sc->users_by_client, p->id) != u)
        rc = amojo_user_name(sc, u, p->id);
    if (rc) {
        amojo_reply_error(r, 500, "no memory");
        return NULL;
    }
    amojo_set(&u->name, p->name);
    if (p->phone)
        amojo_set(&u->phone, p->phone);
    return u;
}

/* May @ref_id speak for the company? */
static bool message_may_speak(struct sandbox *s, struct amojo_scope *sc, const char *ref_id,
                              enum amojo_from *ret_from)
{
    *ret_from = strcmp(ref_id, sc->channel->bot_id) == 0 ? FROM_BOT : FROM_USER;
    return *ret_from == FROM_BOT || strmap_get(&sc->channel->speakers, ref_id) ||
           s->settings.adopt_unknown;
}

/* The chat of a message: amojo's id wins; the bridge's id then names that chat too. */
static struct amojo_chat *message_chat(struct sandbox *s, struct amojo_scope *sc,
                                       const struct amojo_call *call, struct amojo_user *client,
                                       struct reply *r)
{
    struct amojo_chat *c = strmap_get(&sc->chats_by_id, call->conversation_ref_id);
    int rc = 0;

    if (call->conversation_ref_id && !c && !s->settings.adopt_unknown) {
        amojo_reply_error(r, 400, "payload.conversation_ref_id: chat not found");
        return NULL;
    }
    if (!c && !call->conversation_ref_id)
        c = strmap_get(&sc->chats_by_client, call->conversation_id);
    if (!c) {
        rc = amojo_chat_add(&s->amojo, sc, call->conversation_ref_id, call->conversation_id,
                            client, &c);
        if (rc == 0) {
            c->seq = sandbox_seq(s);
            s->counters.amojo_chats++;
        }
    } else if (strmap_get(&sc->chats_by_client, call->conversation_id) != c) {
        rc = amojo_chat_name(c, call->conversation_id);
    }
    if (rc) {
        amojo_reply_error(r, 500, "no memory");
        return NULL;
    }
    if (!c->user)
        c->user = client;
    if (call->source && !c->source)
        amojo_set(&c->source, call->source);
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

static void message_keep(struct sandbox *s, struct amojo_chat *chat,
                         const struct amojo_call *call, enum amojo_from from, struct view raw,
                         struct reply *r)
{
    const char *speaker = from == FROM_CLIENT ? chat->user->id : call->sender.ref_id;
    struct blob *body = blob_new(raw.ptr, raw.len);
    struct amojo_message *m = NULL;
    int rc = body ? amojo_message_add(&s->amojo, chat, NULL, call->msgid, body, &m) : -1;

    blob_drop(body);
    if (rc) {
        amojo_reply_error(r, 500, "no memory");
        return;
    }
    m->seq = sandbox_seq(s);
    m->at_ms = sandbox_unix_ms(s);
    m->from = from;
    amojo_set(&m->speaker_id, speaker);
    s->counters.amojo_messages++;
    amojo_reply_json(r, message_reply(m));
    if (from == FROM_USER && s->settings.echo)
        hooks_echo(s, m);
}

static void message_new(struct sandbox *s, struct amojo_scope *sc,
                        const struct amojo_call *call, struct view raw, struct reply *r)
{
    struct amojo_message *m = strmap_get(&sc->messages_by_client, call->msgid);
    const struct amojo_party *client = call->receiver.given ? &call->receiver : &call->sender;
    enum amojo_from from = FROM_CLIENT;
    struct amojo_user *user = NULL;
    struct amojo_chat *chat = NULL;

    amojo_try_count(sc, call->msgid);
    if (m) {
        message_repeat(s, m, r);
        return;
    }
    if (!sandbox_has_room(s, s->amojo.messages.n + s->service.messages.n,
                          (size_t)s->settings.max_messages, "max_messages") ||
        !sandbox_has_room(s, amojo_count_objects(&s->amojo), SANDBOX_OBJECTS_MAX, "objects")) {
        amojo_reply_error(r, 507, "sandbox_full");
        return;
    }
    if (call->receiver.given && !message_may_speak(s, sc, call->sender.ref_id, &from)) {
        amojo_reply_error(r, 400, "sender: user not found");
        return;
    }
    user = message_client(s, sc, client, r);
    chat = user ? message_chat(s, sc, call, user, r) : NULL;
    if (chat)
        message_keep(s, chat, call, from, raw, r);
}

static void message_edit(struct sandbox *s, struct amojo_scope *sc,
                         const struct amojo_call *call, struct json_object *body,
                         struct view raw, struct reply *r)
{
    struct amojo_message *m = amojo_find_message(sc, call->id, call->msgid);
    struct json_object *st =
        jread_object(jread_object(jread_object(body, "payload"), "message"), "delivery_status");
    struct blob *edit = NULL;

    if (!m) {
        amojo_reply_error(r, 400, "message not found");
        return;
    }
    edit = blob_new(raw.ptr, raw.len);
    if (!edit || (call->id && call->msgid && amojo_message_name(m, call->msgid))) {
        blob_drop(edit);
        amojo_reply_error(r, 500, "no memory");
        return;
    }
    blob_drop(m->edit);
    m->edit = edit;
    m->edits++;
    if (st) {
        m->has_status = true;
        m->status = jread_int(st, "status_code", 0);
        m->error_code = jread_int(st, "error_code", 0);
    }
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
    amojo_check_message(&c, body, &call);
    if (jcheck_bad(&c))
        amojo_reply_error(r, 400, c.words);
    else if (call.edit)
        message_edit(s, sc, &call, body, raw, r);
    else
        message_new(s, sc, &call, raw, r);
}
