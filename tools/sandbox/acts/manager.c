/* What: acts of managers in amoCRM, and webhooks made by hand.
 * From: control.
 * To:   amojo/store, amojo/hooks.
 * Holds: nothing. */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "tools/sandbox/acts/answer.h"
#include "tools/sandbox/acts/content.h"
#include "tools/sandbox/acts/control.h"
#include "tools/sandbox/amojo/hook_body.h"
#include "tools/sandbox/amojo/hooks.h"
#include "tools/sandbox/amojo/notes.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/digest.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/kit/text.h"
#include "tools/sandbox/record/world.h"

/* hooks_send's errors as a status with words. */
static int manager_status(int rc, struct jcheck *c)
{
    if (rc == 0)
        return 0;
    if (rc == -ENOTCONN) {
        jcheck_fail(c, "", "webhook_url", "is not set on this channel");
        return 409;
    }
    if (rc == -ENETDOWN) {
        jcheck_fail(c, "", "scope_id", "is not connected");
        return 409;
    }
    jcheck_fail(c, "", "limit",
                rc == -ENOSPC ? "max_log or queued calls reached" : "no memory");
    return 507;
}

/* All chats in turn: the first one for the first act of a run. */
static struct amojo_chat *manager_next_chat(struct amojo_scope *sc, bool first)
{
    sc->turn = first || !sc->turn ? NULL : names_next(&sc->chats_by_id, sc->turn);
    if (!sc->turn)
        sc->turn = names_first(&sc->chats_by_id);
    return sc->turn->value;
}

/* The chat an act names. */
static struct amojo_chat *manager_chat(struct amojo_scope *sc, struct json_object *act,
                                       struct jcheck *c)
{
    const char *id = jread_str(act, "chat");
    const char *conversation = jread_str(act, "conversation_id");
    struct json_object *chats = jread_array(act, "chats");
    size_t turn = (size_t)jread_int(act, "_turn", 0);
    struct amojo_chat *chat = NULL;

    if (jread_bool(act, "all_chats", false) && sc->chats_by_id.n > 0)
        return manager_next_chat(sc, turn == 0);
    if (chats && json_object_array_length(chats) > 0)
        id = json_object_get_string(
            json_object_array_get_idx(chats, turn % json_object_array_length(chats)));
    chat = id ? names_get(&sc->chats_by_id, id) : names_get(&sc->chats_by_client, conversation);
    if (!chat)
        jcheck_fail(c, "", id || conversation ? "chat" : "chat or conversation_id",
                    id || conversation ? "is not known" : "is required");
    return chat;
}

static struct json_object *manager_item(uint64_t number, const struct amojo_message *m,
                                        const struct amojo_chat *chat)
{
    struct json_object *o = json_object_new_object();

    jread_add_uint(o, "webhook", number);
    if (m)
        jread_add_str(o, "id", m->id);
    if (chat)
        jread_add_str(o, "chat", chat->id);
    return o;
}

/* A new message born in amo, said by the act's manager. NULL with a status. */
static struct amojo_message *manager_message(struct sandbox *s, struct amojo_chat *chat,
                                             struct json_object *act, struct jcheck *c,
                                             int *ret_status)
{
    const char *id = jread_str(act, "id");
    const char *manager = jread_str(act, "manager");
    struct amojo_scope *sc = chat->scope;
    struct amojo_message *m = NULL;

    *ret_status = 409;
    if (!sc->channel->webhook_url) {
        jcheck_fail(c, "", "webhook_url", "is not set on this channel");
        return NULL;
    }
    if (!sc->connected) {
        jcheck_fail(c, "", "scope_id", "is not connected");
        return NULL;
    }
    *ret_status = 507;
    if (!sandbox_has_message_room(s)) {
        jcheck_fail(c, "", "limit", "max_messages reached");
        return NULL;
    }
    if (names_get(&sc->messages_by_id, id)) {
        *ret_status = 409;
        jcheck_fail(c, "", "id", "is taken");
        return NULL;
    }
    if ((manager && names_put(&sc->channel->speakers, manager, sc->channel)) ||
        amojo_message_add(s->amojo, chat, id, NULL, NULL, &m)) {
        jcheck_fail(c, "", "memory", "is short");
        return NULL;
    }
    amojo_message_born(s, m, FROM_MANAGER);
    m->client = chat->user;
    text_set(&m->speaker_id, manager ? manager : sc->manager_id);
    return m;
}

/* Send the webhook of @m; its body becomes the message's. @content is what the act says. */
static int manager_send(struct sandbox *s, struct amojo_message *m, struct json_object *act,
                        struct json_object *content, struct jcheck *c,
                        struct json_object **ret_item)
{
    const char *text = jread_str(act, "text");
    const char *source = jread_str(act, "source");
    struct json_object *o =
        hook_body_message(s, m, text ? text : "", source ? source : m->chat->source, content);
    const char *bytes = jread_text(o);
    uint64_t number = 0;
    int rc = 0;

    m->body = blob_new(bytes, strlen(bytes));
    rc = hooks_send(s,
                    &(struct hook_send){.kind = "message",
                                        .scope = m->chat->scope,
                                        .chat = m->chat->id,
                                        .id = m->id,
                                        .newline = s->settings.webhook_newline,
                                        .body = view_of(bytes)},
                    &number);
    json_object_put(o);
    if (rc == 0)
        *ret_item = manager_item(number, m, m->chat);
    return manager_status(rc, c);
}

int control_manager_write(struct sandbox *s, struct json_object *act, struct jcheck *c,
                          struct json_object **ret_item)
{
    struct amojo_scope *sc = control_scope(s, act, c);
    struct amojo_chat *chat = sc ? manager_chat(sc, act, c) : NULL;
    struct json_object *content = chat ? control_content(sc, act, c) : NULL;
    struct amojo_message *m = NULL;
    int status = 404;

    if (content)
        m = manager_message(s, chat, act, c, &status);
    if (m)
        status = manager_send(s, m, act, content, c, ret_item);
    json_object_put(content);
    return status;
}

int control_manager_write_first(struct sandbox *s, struct json_object *act, struct jcheck *c,
                                struct json_object **ret_item)
{
    struct amojo_scope *sc = control_scope(s, act, c);
    const char *phone = jcheck_str(c, act, "", "phone", JCHECK_REQUIRED, 64);
    struct json_object *content = NULL;
    struct amojo_user *u = NULL;
    struct amojo_chat *chat = NULL;
    struct amojo_message *m = NULL;
    int status = 507;

    if (!sc || !phone)
        return sc ? 400 : 404;
    content = control_content(sc, act, c);
    if (!content)
        return 404;
    if (!sandbox_has_room(s, amojo_count_objects(s->amojo), SANDBOX_OBJECTS_MAX, "objects") ||
        amojo_user_add(s->amojo, sc, NULL, NULL, &u) ||
        amojo_chat_add(s->amojo, sc, jread_str(act, "chat"), NULL, u, &chat)) {
        jcheck_fail(c, "", "limit", "objects reached");
        goto out;
    }
    text_set(&u->phone, phone);
    text_set(&u->name, phone);
    text_set(&chat->source, jread_str(act, "source"));
    chat->seq = sandbox_seq(s);
    chat->write_first = true;
    m = manager_message(s, chat, act, c, &status);
    if (m)
        status = manager_send(s, m, act, content, c, ret_item);
out:
    json_object_put(content);
    return status;
}

/* Send the webhook @h, which is no message, with the body @o (taken over). */
static int manager_send_action(struct sandbox *s, struct hook_send *h, struct amojo_chat *chat,
                               struct json_object *o, struct jcheck *c,
                               struct json_object **ret_item)
{
    uint64_t number = 0;
    int rc = 0;

    h->scope = chat->scope;
    h->chat = chat->id;
    h->newline = s->settings.webhook_newline;
    h->body = view_of(jread_text(o));
    rc = hooks_send(s, h, &number);
    json_object_put(o);
    if (rc == 0)
        *ret_item = manager_item(number, NULL, chat);
    return manager_status(rc, c);
}

int control_manager_react(struct sandbox *s, struct json_object *act, struct jcheck *c,
                          struct json_object **ret_item)
{
    struct hook_send h = {.kind = "reaction"};
    struct amojo_scope *sc = control_scope(s, act, c);
    const struct amojo_message *m =
        sc ? amojo_find_message(sc, jread_str(act, "id"), jread_str(act, "msgid")) : NULL;

    if (!m) {
        jcheck_fail(c, "", "id", "no such message");
        return 404;
    }
    h.id = m->id;
    return manager_send_action(s, &h, m->chat, hook_body_reaction(s, m, act), c, ret_item);
}

int control_manager_type(struct sandbox *s, struct json_object *act, struct jcheck *c,
                         struct json_object **ret_item)
{
    struct hook_send h = {.kind = "typing"};
    struct amojo_scope *sc = control_scope(s, act, c);
    struct amojo_chat *chat = sc ? manager_chat(sc, act, c) : NULL;

    if (!chat)
        return 404;
    return manager_send_action(s, &h, chat, hook_body_typing(s, chat, act), c, ret_item);
}

/* The chat a raw webhook speaks of becomes known, with its client. NULL: no memory. */
static struct amojo_chat *raw_learn_chat(struct sandbox *s, struct amojo_scope *sc,
                                         struct json_object *msg, const char *chat_id)
{
    struct json_object *receiver = jread_object(msg, "receiver");
    const char *client_id = jread_str(jread_object(msg, "conversation"), "client_id");
    const char *user_id = jread_str(receiver, "id");
    const char *user_client = jread_str(receiver, "client_id");
    struct amojo_chat *chat = names_get(&sc->chats_by_id, chat_id);
    struct amojo_user *u = names_get(&sc->users_by_id, user_id);

    if (chat)
        return chat;
    if (!u && user_id &&
        amojo_user_add(s->amojo, sc, user_id, user_client && *user_client ? user_client : NULL,
                       &u))
        return NULL;
    if (u && jread_str(receiver, "phone"))
        text_set(&u->phone, jread_str(receiver, "phone"));
    if (amojo_chat_add(s->amojo, sc, chat_id, client_id && *client_id ? client_id : NULL, u,
                       &chat))
        return NULL;
    chat->seq = sandbox_seq(s);
    chat->write_first = !client_id || !*client_id;
    text_set(&chat->source, jread_str(jread_object(msg, "source"), "external_id"));
    return chat;
}

/* So that calls about what a raw webhook speaks of are answered like those about our own. */
static void raw_learn(struct sandbox *s, struct amojo_scope *sc, struct json_object *whole,
                      struct view body)
{
    struct json_object *msg = jread_object(whole, "message");
    const char *chat_id = jread_str(jread_object(msg, "conversation"), "id");
    const char *id = jread_str(jread_object(msg, "message"), "id");
    const char *sender = jread_str(jread_object(msg, "sender"), "id");
    struct amojo_chat *chat = NULL;
    struct amojo_message *m = NULL;
    struct blob *kept = NULL;

    if (!chat_id || !id || !*chat_id || !*id || names_get(&sc->messages_by_id, id))
        return;
    if (sender && names_put(&sc->channel->speakers, sender, sc->channel))
        return;
    chat = raw_learn_chat(s, sc, msg, chat_id);
    kept = chat ? blob_new(body.ptr, body.len) : NULL;
    if (kept && amojo_message_add(s->amojo, chat, id, NULL, kept, &m) == 0) {
        amojo_message_born(s, m, FROM_MANAGER);
        m->client = chat->user;
        text_set(&m->speaker_id, sender);
    }
    blob_drop(kept);
}

/* The bytes of an act: body or body_base64, as a new blob. NULL with words. */
static struct blob *raw_body(struct json_object *act, struct jcheck *c)
{
    struct json_object *text = jread_get(act, "body");
    const char *base64 = jcheck_str(c, act, "", "body_base64", JCHECK_OPTIONAL, 0);
    struct blob *b = NULL;
    size_t n = 0;

    if (json_object_is_type(text, json_type_string))
        return blob_new(json_object_get_string(text), (size_t)json_object_get_string_len(text));
    if (!base64) {
        jcheck_fail(c, "", "body", "or body_base64 is required");
        return NULL;
    }
    b = blob_new(base64, strlen(base64)); /* more than enough room */
    if (!b || digest_base64_decode(base64, strlen(base64), (uint8_t *)b->bytes, b->len, &n)) {
        jcheck_fail(c, "", "body_base64", "is not base64");
        blob_drop(b);
        return NULL;
    }
    b->len = n;
    b->bytes[n] = '\0';
    return b;
}

int control_webhook(struct sandbox *s, struct json_object *act, struct jcheck *c,
                    struct json_object **ret_item)
{
    struct amojo_scope *sc = control_scope(s, act, c);
    struct blob *body = sc ? raw_body(act, c) : NULL;
    struct json_object *whole = body ? jread_parse(view_make(body->bytes, body->len)) : NULL;
    struct json_object *msg = jread_object(whole, "message");
    struct json_object *signature = NULL;
    bool given = json_object_object_get_ex(act, "signature", &signature);
    uint64_t number = 0;
    int rc = 0;

    if (!body)
        return sc ? 400 : 404;
    if (jread_bool(act, "learn", true))
        raw_learn(s, sc, whole, view_make(body->bytes, body->len));
    rc = hooks_send(
        s,
        &(struct hook_send){
            .kind = "raw",
            .by_hand = true,
            .scope = sc,
            .chat = jread_str(jread_object(msg, "conversation"), "id"),
            .id = jread_str(jread_object(msg, "message"), "id"),
            .url = jread_str(act, "url"),
            .secret = jread_str(act, "secret"),
            .signature = given ? (signature ? json_object_get_string(signature) : "") : NULL,
            .lane = jread_str(act, "lane"),
            .newline = jread_bool(act, "newline", s->settings.webhook_newline),
            .body = view_make(body->bytes, body->len),
        },
        &number);
    json_object_put(whole);
    blob_drop(body);
    if (rc == 0)
        *ret_item = manager_item(number, NULL, NULL);
    return manager_status(rc, c);
}
