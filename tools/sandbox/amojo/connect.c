/* What: calls that say who may speak where: connect, disconnect, chats.
 * From: api, through the gate; signature and scope are right.
 * To:   store.
 * Holds: nothing. */
#include "tools/sandbox/amojo/calls.h"

#include <string.h>

#include "tools/sandbox/amojo/check.h"
#include "tools/sandbox/amojo/notes.h"
#include "tools/sandbox/amojo/show.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/kit/text.h"
#include "tools/sandbox/record/world.h"

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

    if (sc || !amojo_has_room(s))
        return sc;
    return amojo_scope_add(s->amojo, ch, account, &sc) ? NULL : sc;
}

int amojo_call_connect(struct amojo_ask *q)
{
    struct jcheck *c = &q->check;
    const char *account = jcheck_str(c, q->body, "", "account_id", JCHECK_REQUIRED, 64);
    const char *version = jcheck_str(c, q->body, "", "hook_api_version", JCHECK_REQUIRED, 0);
    const char *title = jcheck_str(c, q->body, "", "title", JCHECK_OPTIONAL, 0);
    bool window = jcheck_bool(c, q->body, "", "is_time_window_disabled");
    struct amojo_scope *sc = NULL;

    if (version && strcmp(version, "v2") != 0)
        jcheck_fail(c, "", "hook_api_version", "must be v2");
    if (!amojo_is_right(q))
        return 400;
    if (q->channel->restricted && !names_get(&q->channel->allowed, account))
        return amojo_refuse(q, 403, "account is not allowed on this channel");
    sc = connect_scope(q->sandbox, q->channel, account);
    if (!sc)
        return amojo_refuse(q, 507, "sandbox_full");
    if (title)
        text_set(&sc->title, title);
    sc->time_window_disabled = window;
    sc->connected = true;
    sc->connects++;
    q->sandbox->counters.amojo_connects++;
    return amojo_answer(q, connect_reply(sc));
}

int amojo_call_disconnect(struct amojo_ask *q)
{
    const char *account = jcheck_str(&q->check, q->body, "", "account_id", JCHECK_REQUIRED, 64);
    struct amojo_scope *sc = NULL;

    if (!amojo_is_right(q))
        return 400;
    sc = amojo_scope_find(q->sandbox->amojo, q->channel, account);
    if (!sc)
        return amojo_refuse(q, 404, "account was never connected");
    sc->connected = false; /* again: it stays so */
    q->sandbox->counters.amojo_disconnects++;
    return 200;
}

static struct json_object *chats_reply(const struct amojo_chat *chat, bool only_ids)
{
    struct json_object *o = json_object_new_object();
    struct json_object *u = jread_add_object(o, "user");

    jread_add_str(o, "id", chat->id);
    jread_add_str(u, "id", chat->user->id);
    if (only_ids)
        return o;
    jread_add_str(u, "avatar", "");
    amojo_add_user(u, chat->user);
    return o;
}

/* The participant of a chat that is being made: ours by id, or (seen live) a CRM user by
 * ref_id alone, who then gets a new participant. One who is known stays unchanged. */
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

/* A chat for @conversation, or the status of the refusal. */
static int chats_make(struct amojo_ask *q, const char *conversation,
                      const struct amojo_party *p, struct amojo_chat **ret_chat)
{
    struct sandbox *s = q->sandbox;
    struct amojo_user *u = NULL;

    if (!amojo_has_room(s))
        return amojo_refuse(q, 507, "sandbox_full");
    u = chats_user(s, q->scope, p);
    if (!u || amojo_chat_add(s->amojo, q->scope, NULL, conversation, u, ret_chat))
        return amojo_refuse(q, 500, "no memory");
    (*ret_chat)->seq = sandbox_seq(s);
    s->counters.amojo_chats++;
    return 0;
}

int amojo_call_chats(struct amojo_ask *q)
{
    struct jcheck *c = &q->check;
    const char *conversation =
        jcheck_str(c, q->body, "", "conversation_id", JCHECK_REQUIRED, AMOJO_CLIENT_ID_MAX);
    const char *source = amojo_check_source(c, q->body, "");
    struct json_object *user = jcheck_object(c, q->body, "", "user", JCHECK_REQUIRED);
    bool by_ref = jread_str(user, "ref_id") && !jread_get(user, "id");
    struct amojo_party party = {0};
    struct amojo_chat *chat = NULL;
    int refused = 0;

    if (!by_ref) {
        amojo_check_party(c, user, "user", &party);
        (void)jcheck_str(c, user, "user", "id", JCHECK_REQUIRED, 0); /* c keeps the mistake */
    }
    if (!amojo_is_right(q))
        return 400;
    chat = names_get(&q->scope->chats_by_client, conversation);
    if (!chat) {
        refused = chats_make(q, conversation, &party, &chat);
        if (!chat)
            return refused;
        text_set(&chat->source, source);
    }
    return amojo_answer(q, chats_reply(chat, by_ref));
}
