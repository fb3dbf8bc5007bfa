/* What: calls that say something of a message or a chat: statuses, typing, reactions.
 * From: api, through the gate; signature and scope are right.
 * To:   store, notes.
 * Holds: nothing. */
#include "tools/sandbox/amojo/calls.h"

#include <string.h>

#include "tools/sandbox/amojo/check.h"
#include "tools/sandbox/amojo/notes.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/record/settings.h"
#include "tools/sandbox/record/world.h"

/* What one edition of the reference does not know is not there to it. */
static void status_check_spelling(struct jcheck *c, int64_t spelling, struct json_object *body)
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

int amojo_call_status(struct amojo_ask *q)
{
    struct sandbox *s = q->sandbox;
    int64_t code = status_read(&q->check, q->body, q->id);
    struct amojo_message *m = names_get(&q->scope->messages_by_id, q->id);

    status_check_spelling(&q->check, s->settings.status_spelling, q->body);
    if (!amojo_is_right(q))
        return 400;
    if (!m && s->settings.adopt_unknown)
        m = amojo_adopt_message(s, q->scope, q->id, NULL);
    if (!m)
        return amojo_refuse(q, 404, "message not found");
    return amojo_note_status(s, m, q->body, code, false) ? 200
                                                         : amojo_refuse(q, 507, "sandbox_full");
}

int amojo_call_typing(struct amojo_ask *q)
{
    struct sandbox *s = q->sandbox;
    struct jcheck *c = &q->check;
    const char *conversation =
        jcheck_str(c, q->body, "", "conversation_id", JCHECK_REQUIRED, 0);
    struct json_object *sender = jcheck_object(c, q->body, "", "sender", JCHECK_REQUIRED);
    struct amojo_chat *chat = names_get(&q->scope->chats_by_client, conversation);

    (void)jcheck_str(c, sender, "sender", "id", JCHECK_REQUIRED, 0); /* c keeps the mistake */
    if (jcheck_int(c, q->body, "", "duration_ms", JCHECK_OPTIONAL) < 0)
        jcheck_fail(c, "", "duration_ms", "is negative");
    if (!amojo_is_right(q))
        return 400;
    if (!chat && !s->settings.adopt_unknown)
        return amojo_refuse(q, 404, "chat not found");
    if (!amojo_note_action(s, "typing", chat, NULL, q->body))
        return amojo_refuse(q, 507, "sandbox_full");
    s->counters.amojo_typings++;
    return 204;
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
static const char *react_unknown(const struct amojo_ask *q, const struct amojo_message *m)
{
    const struct amojo_scope *sc = q->scope;
    const char *ref = jread_str(jread_object(q->body, "user"), "ref_id");
    const struct amojo_chat *chat = amojo_find_chat(
        sc, jread_str(q->body, "conversation_ref_id"), jread_str(q->body, "conversation_id"));

    if (q->sandbox->settings.adopt_unknown)
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

    for (size_t i = 0; i < jread_len(m->reactions); i++) {
        struct json_object *one = jread_at(m->reactions, i);

        if (strcmp(jread_str(one, "user"), id) != 0)
            json_object_array_add(left, json_object_get(one));
    }
    if (strcmp(type, "react") == 0) {
        mine = jread_append_object(left);
        jread_add_str(mine, "user", id);
        jread_add_str_or_null(mine, "author", jread_str(user, "ref_id"));
        jread_add_str(mine, "emoji", jread_str(body, "emoji"));
    }
    json_object_put(m->reactions);
    m->reactions = left;
}

int amojo_call_react(struct amojo_ask *q)
{
    struct sandbox *s = q->sandbox;
    const char *id = jread_str(q->body, "id");
    const char *msgid = jread_str(q->body, "msgid");
    struct amojo_message *m = amojo_find_message(q->scope, id, msgid);
    const char *unknown = NULL;

    react_check(&q->check, q->body);
    if (!amojo_is_right(q))
        return 400;
    unknown = react_unknown(q, m);
    if (unknown)
        return amojo_refuse(q, 404, unknown);
    if (!m)
        m = amojo_adopt_message(s, q->scope, id, msgid);
    if (!m || !amojo_note_action(s, "reaction", m->chat, m, q->body))
        return amojo_refuse(q, 507, "sandbox_full");
    react_remember(m, q->body);
    s->counters.amojo_reactions++;
    return 200;
}
