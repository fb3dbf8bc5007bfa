/* What: acts of managers in amoCRM, and webhooks made by hand.
 * From: control.
 * To:   amojo/store, amojo/hooks.
 * Holds: nothing. */
#include <errno.h>
#include <string.h>

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

/* Send the webhook @h, and the item of the act: the webhook's number, and what it is about (NULL:
 * not said). */
static int manager_send(struct act *a, const struct hook_send *h, const struct amojo_message *m,
                        const struct amojo_chat *chat)
{
    uint64_t number = 0;
    int rc = hooks_send(a->sandbox, h, &number);

    if (rc == -ENOTCONN)
        return act_fail(a, 409, "webhook_url", "is not set on this channel");
    if (rc == -ENETDOWN)
        return act_fail(a, 409, "scope_id", "is not connected");
    if (rc)
        return act_fail(a, 507, "limit",
                        rc == -ENOSPC ? "max_log or queued calls reached" : "no memory");
    a->item = json_object_new_object();
    jread_add_uint(a->item, "webhook", number);
    jread_add_str(a->item, "id", m ? m->id : NULL);
    jread_add_str(a->item, "chat", chat ? chat->id : NULL);
    return 0;
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
static struct amojo_chat *manager_chat(struct act *a, struct amojo_scope *sc)
{
    const char *id = jread_str(a->body, "chat");
    const char *conversation = jread_str(a->body, "conversation_id");
    struct json_object *chats = jread_array(a->body, "chats");
    size_t turn = (size_t)jread_int(a->body, "_turn", 0);
    struct amojo_chat *chat = NULL;

    if (jread_bool(a->body, "all_chats", false) && sc->chats_by_id.n > 0)
        return manager_next_chat(sc, turn == 0);
    if (jread_len(chats) > 0)
        id = json_object_get_string(jread_at(chats, turn % jread_len(chats)));
    chat = id ? names_get(&sc->chats_by_id, id) : names_get(&sc->chats_by_client, conversation);
    if (!chat)
        (void)act_fail(a, 404, id || conversation ? "chat" : "chat or conversation_id",
                       id || conversation ? "is not known" : "is required");
    return chat;
}

/* A new message born in amo, said by the act's manager. 0, or a status with words. */
static int manager_message(struct act *a, struct amojo_chat *chat,
                           struct amojo_message **ret_message)
{
    const char *id = jread_str(a->body, "id");
    const char *manager = jread_str(a->body, "manager");
    struct amojo_scope *sc = chat->scope;
    struct amojo_message *m = NULL;

    if (!sc->channel->webhook_url)
        return act_fail(a, 409, "webhook_url", "is not set on this channel");
    if (!sc->connected)
        return act_fail(a, 409, "scope_id", "is not connected");
    if (!sandbox_has_message_space(a->sandbox))
        return act_fail(a, 507, "limit", "max_messages reached");
    if (names_get(&sc->messages_by_id, id))
        return act_fail(a, 409, "id", "is taken");
    if ((manager && names_put(&sc->channel->speakers, manager, sc->channel)) ||
        amojo_message_add(a->sandbox->amojo, chat, id, NULL, NULL, &m))
        return act_fail(a, 507, "memory", "is short");
    amojo_message_born(a->sandbox, m, FROM_MANAGER);
    m->client = chat->user;
    text_set(&m->speaker_id, manager ? manager : sc->manager_id);
    *ret_message = m;
    return 0;
}

/* A new message in @chat, and its webhook, whose body becomes the message's. @content (taken
 * over) is what the act says. */
static int manager_write(struct act *a, struct amojo_chat *chat, struct json_object *content)
{
    const char *text = jread_str(a->body, "text");
    const char *source = jread_str(a->body, "source");
    struct amojo_message *m = NULL;
    int status = manager_message(a, chat, &m);
    struct json_object *o = NULL;

    if (m) {
        o = hook_body_message(a->sandbox, m, text ? text : "", source ? source : chat->source,
                              content);
        m->body = blob_new(jread_text(o), strlen(jread_text(o)));
        status =
            manager_send(a,
                         &(struct hook_send){.kind = "message",
                                             .scope = chat->scope,
                                             .chat = chat->id,
                                             .id = m->id,
                                             .newline = a->sandbox->settings.webhook_newline,
                                             .body = view_of(jread_text(o))},
                         m, chat);
    }
    json_object_put(o);
    json_object_put(content);
    return status;
}

int act_manager_write(struct act *a)
{
    struct amojo_scope *sc = act_scope(a);
    struct amojo_chat *chat = sc ? manager_chat(a, sc) : NULL;
    struct json_object *content = chat ? control_content(sc, a->body, &a->check) : NULL;

    return content ? manager_write(a, chat, content) : 404;
}

int act_manager_write_first(struct act *a)
{
    struct sandbox *s = a->sandbox;
    struct amojo_scope *sc = act_scope(a);
    const char *phone = jcheck_str(&a->check, a->body, "", "phone", JCHECK_REQUIRED, 64);
    struct json_object *content = NULL;
    struct amojo_user *u = NULL;
    struct amojo_chat *chat = NULL;

    if (!sc || !phone)
        return sc ? 400 : 404;
    content = control_content(sc, a->body, &a->check);
    if (!content)
        return 404;
    if (!amojo_has_room(s) || amojo_user_add(s->amojo, sc, NULL, NULL, &u) ||
        amojo_chat_add(s->amojo, sc, jread_str(a->body, "chat"), NULL, u, &chat)) {
        json_object_put(content);
        return act_fail(a, 507, "limit", "objects reached");
    }
    text_set(&u->phone, phone);
    text_set(&u->name, phone);
    text_set(&chat->source, jread_str(a->body, "source"));
    chat->seq = sandbox_seq(s);
    chat->write_first = true;
    return manager_write(a, chat, content);
}

/* Send the webhook @h, which is no message, with the body @o (taken over). */
static int manager_send_action(struct act *a, struct hook_send *h, struct amojo_chat *chat,
                               struct json_object *o)
{
    int status = 0;

    h->scope = chat->scope;
    h->chat = chat->id;
    h->newline = a->sandbox->settings.webhook_newline;
    h->body = view_of(jread_text(o));
    status = manager_send(a, h, NULL, chat);
    json_object_put(o);
    return status;
}

int act_manager_react(struct act *a)
{
    struct hook_send h = {.kind = "reaction"};
    struct amojo_scope *sc = act_scope(a);
    const struct amojo_message *m =
        sc ? amojo_find_message(sc, jread_str(a->body, "id"), jread_str(a->body, "msgid"))
           : NULL;

    if (!m)
        return act_fail(a, 404, "id", "no such message");
    h.id = m->id;
    return manager_send_action(a, &h, m->chat, hook_body_reaction(a->sandbox, m, a->body));
}

int act_manager_type(struct act *a)
{
    struct hook_send h = {.kind = "typing"};
    struct amojo_scope *sc = act_scope(a);
    struct amojo_chat *chat = sc ? manager_chat(a, sc) : NULL;

    if (!chat)
        return 404;
    return manager_send_action(a, &h, chat, hook_body_typing(a->sandbox, chat, a->body));
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
                      struct blob *body)
{
    struct json_object *msg = jread_object(whole, "message");
    const char *chat_id = jread_str(jread_object(msg, "conversation"), "id");
    const char *id = jread_str(jread_object(msg, "message"), "id");
    const char *sender = jread_str(jread_object(msg, "sender"), "id");
    struct amojo_chat *chat = NULL;
    struct amojo_message *m = NULL;

    if (!chat_id || !id || !*chat_id || !*id || names_get(&sc->messages_by_id, id))
        return;
    if (sender && names_put(&sc->channel->speakers, sender, sc->channel))
        return;
    chat = raw_learn_chat(s, sc, msg, chat_id);
    if (!chat || amojo_message_add(s->amojo, chat, id, NULL, body, &m))
        return;
    amojo_message_born(s, m, FROM_MANAGER);
    m->client = chat->user;
    text_set(&m->speaker_id, sender);
}

/* The bytes of an act: body or body_base64, as a new blob. NULL with words. */
static struct blob *raw_body(struct act *a)
{
    struct json_object *text = jread_get(a->body, "body");
    const char *base64 = jcheck_str(&a->check, a->body, "", "body_base64", JCHECK_OPTIONAL, 0);
    struct blob *b = NULL;
    size_t n = 0;

    if (json_object_is_type(text, json_type_string))
        return blob_new(json_object_get_string(text), (size_t)json_object_get_string_len(text));
    if (base64)
        b = blob_new(base64, strlen(base64)); /* more than enough room */
    if (!b || digest_base64_decode(base64, strlen(base64), (uint8_t *)b->bytes, b->len, &n)) {
        (void)act_fail(a, 400, base64 ? "body_base64" : "body",
                       base64 ? "is not base64" : "or body_base64 is required");
        blob_drop(b);
        return NULL;
    }
    b->len = n;
    b->bytes[n] = '\0';
    return b;
}

int act_webhook(struct act *a)
{
    struct amojo_scope *sc = act_scope(a);
    struct blob *body = sc ? raw_body(a) : NULL;
    struct json_object *whole = jread_blob(body);
    struct json_object *msg = jread_object(whole, "message");
    struct json_object *signature = NULL;
    bool given = json_object_object_get_ex(a->body, "signature", &signature);
    int status = 0;

    if (!body)
        return sc ? 400 : 404;
    if (jread_bool(a->body, "learn", true))
        raw_learn(a->sandbox, sc, whole, body);
    status = manager_send(
        a,
        &(struct hook_send){
            .kind = "raw",
            .by_hand = true,
            .scope = sc,
            .chat = jread_str(jread_object(msg, "conversation"), "id"),
            .id = jread_str(jread_object(msg, "message"), "id"),
            .url = jread_str(a->body, "url"),
            .secret = jread_str(a->body, "secret"),
            .signature = given ? (signature ? json_object_get_string(signature) : "") : NULL,
            .lane = jread_str(a->body, "lane"),
            .newline = jread_bool(a->body, "newline", a->sandbox->settings.webhook_newline),
            .body = blob_view(body),
        },
        NULL, NULL);
    json_object_put(whole);
    blob_drop(body);
    return status;
}
