/* What: every call to amojo but messages: connect, disconnect, chats, statuses, typing,
 *       reactions.
 * From: api, through the gate; signature and scope are right.
 * To:   store.
 * Holds: nothing. */
#include "tools/sandbox/amojo/calls.h"

#include <string.h>

#include "tools/sandbox/amojo/check.h"
#include "tools/sandbox/amojo/notes.h"
#include "tools/sandbox/amojo/reply.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/kit/text.h"
#include "tools/sandbox/record/gate.h"
#include "tools/sandbox/record/settings.h"
#include "tools/sandbox/record/world.h"

/* The end of every check: 400 with the words, true when the call is refused. */
static bool call_refused(const struct jcheck *c, struct json_object *body, struct reply *r)
{
    if (!body)
        amojo_reply_error(r, 400, "body: is not JSON");
    else if (jcheck_bad(c))
        amojo_reply_error(r, 400, c->words);
    return !body || jcheck_bad(c);
}

static struct json_object *connect_reply(const struct amojo_scope *sc)
{
    struct json_object *o = json_object_new_object();

    jread_add_str(o, "account_id", sc->account_id);
    jread_add_str(o, "scope_id", sc->id);
    jread_add_str(o, "title", sc->title);
    jread_add_str(o, "hook_api_version", sc->hook_api_version);
    jread_add_bool(o, "is_time_window_disabled", sc->time_window_disabled);
    return o;
}

static struct amojo_scope *connect_scope(struct sandbox *s, struct amojo_channel *ch,
                                         const char *account)
{
    struct amojo_scope *sc = amojo_scope_find(s->amojo, ch, account);

    if (sc)
        return sc;
    if (!sandbox_has_room(s, amojo_count_objects(s->amojo), SANDBOX_OBJECTS_MAX, "objects"))
        return NULL;
    return amojo_scope_add(s->amojo, ch, account, &sc) ? NULL : sc;
}

void amojo_call_connect(struct sandbox *s, struct amojo_channel *ch, struct json_object *body,
                        struct reply *r)
{
    struct jcheck c = {""};
    const char *account = jcheck_str(&c, body, "", "account_id", JCHECK_REQUIRED, 64);
    const char *version = jcheck_str(&c, body, "", "hook_api_version", JCHECK_REQUIRED, 0);
    const char *title = jcheck_str(&c, body, "", "title", JCHECK_OPTIONAL, 0);
    bool window = jcheck_bool(&c, body, "", "is_time_window_disabled");
    struct amojo_scope *sc = NULL;

    if (version && strcmp(version, "v2") != 0)
        jcheck_fail(&c, "", "hook_api_version", "must be v2");
    if (call_refused(&c, body, r))
        return;
    if (ch->restricted && !names_get(&ch->allowed, account)) {
        amojo_reply_error(r, 403, "account is not allowed on this channel");
        return;
    }
    sc = connect_scope(s, ch, account);
    if (!sc) {
        amojo_reply_error(r, 507, "sandbox_full");
        return;
    }
    if (title)
        text_set(&sc->title, title);
    sc->time_window_disabled = window;
    sc->connected = true;
    sc->connects++;
    s->counters.amojo_connects++;
    amojo_reply_json(r, connect_reply(sc));
}

void amojo_call_disconnect(struct sandbox *s, struct amojo_channel *ch,
                           struct json_object *body, struct reply *r)
{
    struct jcheck c = {""};
    const char *account = jcheck_str(&c, body, "", "account_id", JCHECK_REQUIRED, 64);
    struct amojo_scope *sc = NULL;

    if (call_refused(&c, body, r))
        return;
    sc = amojo_scope_find(s->amojo, ch, account);
    if (!sc) {
        amojo_reply_error(r, 404, "account was never connected");
        return;
    }
    sc->connected = false; /* again: it stays so */
    s->counters.amojo_disconnects++;
    r->status = 200;
}

static struct json_object *chats_reply(const struct amojo_chat *chat, bool only_ids)
{
    struct json_object *o = json_object_new_object();
    struct json_object *u = json_object_new_object();
    const struct amojo_user *user = chat->user;

    jread_add_str(o, "id", chat->id);
    jread_add_str(u, "id", user->id);
    if (!only_ids) {
        jread_add_str(u, "client_id", user->client_id);
        jread_add_str(u, "name", user->name);
        jread_add_str(u, "avatar", user->avatar ? user->avatar : "");
        jread_add_str(u, "phone", user->phone);
        jread_add_str(u, "email", user->email);
    }
    json_object_object_add(o, "user", u);
    return o;
}

/* The participant of a chat that is being made: ours by id, or (seen live) a CRM user by
 * ref_id alone, who then gets a participant of his own. One who is known stays as he is. */
static struct amojo_user *chats_user(struct sandbox *s, struct amojo_scope *sc,
                                     const struct amojo_party *p)
{
    struct amojo_user *u = p->id ? names_get(&sc->users_by_client, p->id) : NULL;

    if (u)
        return u;
    if (amojo_user_add(s->amojo, sc, NULL, p->id, &u))
        return NULL;
    text_set(&u->name, p->name);
    text_set(&u->phone, p->phone);
    text_set(&u->email, p->email);
    text_set(&u->avatar, p->avatar);
    return u;
}

/* A chat for @conversation; NULL with the answer in @r. */
static struct amojo_chat *chats_make(struct sandbox *s, struct amojo_scope *sc,
                                     const char *conversation, const struct amojo_party *p,
                                     struct reply *r)
{
    struct amojo_chat *chat = NULL;
    struct amojo_user *u = NULL;

    if (!sandbox_has_room(s, amojo_count_objects(s->amojo), SANDBOX_OBJECTS_MAX, "objects")) {
        amojo_reply_error(r, 507, "sandbox_full");
        return NULL;
    }
    u = chats_user(s, sc, p);
    if (!u || amojo_chat_add(s->amojo, sc, NULL, conversation, u, &chat)) {
        amojo_reply_error(r, 500, "no memory");
        return NULL;
    }
    chat->seq = sandbox_seq(s);
    s->counters.amojo_chats++;
    return chat;
}

void amojo_call_chats(struct sandbox *s, struct amojo_scope *sc, struct json_object *body,
                      struct reply *r)
{
    struct jcheck c = {""};
    const char *conversation =
        jcheck_str(&c, body, "", "conversation_id", JCHECK_REQUIRED, AMOJO_CLIENT_ID_MAX);
    const char *source = amojo_check_source(&c, body, "");
    struct json_object *user = jcheck_object(&c, body, "", "user", JCHECK_REQUIRED);
    bool by_ref = jread_str(user, "ref_id") && !jread_get(user, "id");
    struct amojo_party party = {0};
    struct amojo_chat *chat = NULL;

    if (!by_ref) {
        amojo_check_party(&c, user, "user", &party);
        (void)jcheck_str(&c, user, "user", "id", JCHECK_REQUIRED, 0); /* c keeps the mistake */
    }
    if (call_refused(&c, body, r))
        return;
    chat = names_get(&sc->chats_by_client, conversation);
    if (!chat) {
        chat = chats_make(s, sc, conversation, &party, r);
        if (!chat)
            return;
        text_set(&chat->source, source);
    }
    amojo_reply_json(r, chats_reply(chat, by_ref));
}

/* What one edition of the reference does not know is not there to it. */
static void status_check_spelling(struct jcheck *c, enum settings_spelling spelling,
                                  struct json_object *body)
{
    if (spelling == SPELLING_OLD && !jread_get(body, "delivery_status"))
        jcheck_fail(c, "", "delivery_status", "is required");
    if (spelling == SPELLING_OLD && !jread_get(body, "msgid"))
        jcheck_fail(c, "", "msgid", "is required");
    if (spelling == SPELLING_NEW && !jread_get(body, "status_code"))
        jcheck_fail(c, "", "status_code", "is required");
}

/* Either spelling, or both when they agree. */
static int64_t status_read(struct jcheck *c, struct json_object *body, const char *id)
{
    bool new_form = jread_get(body, "status_code");
    bool old_form = jread_get(body, "delivery_status");
    int64_t code = jcheck_int(c, body, "", "status_code", JCHECK_OPTIONAL);
    int64_t old = jcheck_int(c, body, "", "delivery_status", JCHECK_OPTIONAL);
    const char *msgid = jcheck_str(c, body, "", "msgid", JCHECK_OPTIONAL, 0);

    if (!new_form && !old_form)
        jcheck_fail(c, "", "status_code", "is required");
    if (new_form && old_form && code != old)
        jcheck_fail(c, "", "delivery_status", "differs from status_code");
    if (msgid && strcmp(msgid, id) != 0)
        jcheck_fail(c, "", "msgid", "differs from the address");
    if (!new_form)
        code = old;
    if (code != -1 && code != 1 && code != 2)
        jcheck_fail(c, "", "status_code", "must be -1, 1 or 2");
    amojo_check_error(c, body, "", code);
    return code;
}

void amojo_call_status(struct sandbox *s, struct amojo_scope *sc, const char *id,
                       struct json_object *body, struct reply *r)
{
    struct jcheck c = {""};
    int64_t code = status_read(&c, body, id);
    struct amojo_message *m = names_get(&sc->messages_by_id, id);

    status_check_spelling(&c, s->settings.status_spelling, body);
    if (call_refused(&c, body, r))
        return;
    if (!m && s->settings.adopt_unknown)
        m = amojo_adopt_message(s, sc, id, NULL);
    if (!m) {
        amojo_reply_error(r, 404, "message not found");
        return;
    }
    if (amojo_note_status(s, m, body, code, false))
        r->status = 200;
    else
        amojo_reply_error(r, 507, "sandbox_full");
}

void amojo_call_typing(struct sandbox *s, struct amojo_scope *sc, struct json_object *body,
                       struct reply *r)
{
    struct jcheck c = {""};
    const char *conversation = jcheck_str(&c, body, "", "conversation_id", JCHECK_REQUIRED, 0);
    struct json_object *sender = jcheck_object(&c, body, "", "sender", JCHECK_REQUIRED);
    struct amojo_chat *chat = names_get(&sc->chats_by_client, conversation);

    (void)jcheck_str(&c, sender, "sender", "id", JCHECK_REQUIRED, 0); /* c keeps the mistake */
    if (jcheck_int(&c, body, "", "duration_ms", JCHECK_OPTIONAL) < 0)
        jcheck_fail(&c, "", "duration_ms", "is negative");
    if (call_refused(&c, body, r))
        return;
    if (!chat && !s->settings.adopt_unknown) {
        amojo_reply_error(r, 404, "chat not found");
        return;
    }
    if (!amojo_note_action(s, ACTION_TYPING, chat, NULL, body)) {
        amojo_reply_error(r, 507, "sandbox_full");
        return;
    }
    s->counters.amojo_typings++;
    r->status = 204;
}

static void react_check(struct jcheck *c, struct json_object *body)
{
    const char *type = jcheck_str(c, body, "", "type", JCHECK_REQUIRED, 0);
    struct json_object *user = jcheck_object(c, body, "", "user", JCHECK_REQUIRED);

    if (!jcheck_str(c, body, "", "conversation_id", JCHECK_OPTIONAL, 0) &&
        !jcheck_str(c, body, "", "conversation_ref_id", JCHECK_OPTIONAL, 0))
        jcheck_fail(c, "", "conversation_id", "or conversation_ref_id is required");
    if (!jcheck_str(c, body, "", "id", JCHECK_OPTIONAL, 0) &&
        !jcheck_str(c, body, "", "msgid", JCHECK_OPTIONAL, 0))
        jcheck_fail(c, "", "msgid", "or id is required");
    (void)jcheck_str(c, user, "user", "id", JCHECK_REQUIRED, 0); /* c keeps the mistake */
    (void)jcheck_str(c, user, "user", "ref_id", JCHECK_OPTIONAL, 0);
    if (type && strcmp(type, "react") != 0 && strcmp(type, "unreact") != 0)
        jcheck_fail(c, "", "type", "must be react or unreact");
    amojo_check_emoji(
        c,
        jcheck_str(c, body, "", "emoji",
                   type && strcmp(type, "react") == 0 ? JCHECK_REQUIRED : JCHECK_OPTIONAL, 0));
}

/* Who is named must be known; the words when not, else NULL. */
static const char *react_unknown(const struct sandbox *s, const struct amojo_scope *sc,
                                 struct json_object *body, const struct amojo_message *m)
{
    const char *ref = jread_str(jread_object(body, "user"), "ref_id");
    const char *chat_id = jread_str(body, "conversation_ref_id");
    const char *conversation = jread_str(body, "conversation_id");
    const struct amojo_chat *chat = chat_id ? names_get(&sc->chats_by_id, chat_id)
                                            : names_get(&sc->chats_by_client, conversation);

    if (s->settings.adopt_unknown)
        return NULL;
    if (!chat)
        return "chat not found";
    if (!m)
        return "message not found";
    if (m->chat != chat)
        return "message is of another chat";
    if (ref && strcmp(ref, sc->channel->bot_id) != 0 &&
        !names_get(&sc->channel->speakers, ref) && !names_get(&sc->users_by_id, ref))
        return "user not found";
    return NULL;
}

/* One reaction a user and message: the new one takes the place of the old. */
static void react_remember(struct amojo_message *m, struct json_object *body)
{
    struct json_object *user = jread_object(body, "user");
    const char *id = jread_str(user, "id");
    const char *type = jread_str(body, "type");
    struct json_object *left = json_object_new_array();
    struct json_object *mine = NULL;

    for (size_t i = 0; m->reactions && i < json_object_array_length(m->reactions); i++) {
        struct json_object *one = json_object_array_get_idx(m->reactions, i);

        if (strcmp(jread_str(one, "user"), id) != 0)
            json_object_array_add(left, json_object_get(one));
    }
    if (strcmp(type, "react") == 0) {
        mine = json_object_new_object();
        jread_add_str(mine, "user", id);
        jread_add_str_or_null(mine, "author", jread_str(user, "ref_id"));
        jread_add_str(mine, "emoji", jread_str(body, "emoji"));
        json_object_array_add(left, mine);
    }
    json_object_put(m->reactions);
    m->reactions = left;
}

void amojo_call_react(struct sandbox *s, struct amojo_scope *sc, struct json_object *body,
                      struct reply *r)
{
    struct amojo_message *m =
        amojo_find_message(sc, jread_str(body, "id"), jread_str(body, "msgid"));
    struct jcheck c = {""};
    const char *unknown = NULL;

    react_check(&c, body);
    if (call_refused(&c, body, r))
        return;
    unknown = react_unknown(s, sc, body, m);
    if (unknown) {
        amojo_reply_error(r, 404, unknown);
        return;
    }
    if (!m)
        m = amojo_adopt_message(s, sc, jread_str(body, "id"), jread_str(body, "msgid"));
    if (!m || !amojo_note_action(s, ACTION_REACTION, m->chat, m, body)) {
        amojo_reply_error(r, 507, "sandbox_full");
        return;
    }
    react_remember(m, body);
    s->counters.amojo_reactions++;
    r->status = 200;
}
