/* What: the JSON of amojo's webhooks, version 2.
 * From: acts/manager, message.
 * To:   hooks_send.
 * Holds: nothing.
 * Source: docs/amojo.md, "Webhooks". */
#include "tools/sandbox/amojo/hook_body.h"

#include <string.h>

#include "base/log.h"
#include "tools/sandbox/amojo/hooks.h"
#include "tools/sandbox/amojo/show.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/record/world.h"

enum {
    TYPING_MS = 5000
};

static struct json_object *body_envelope(const struct sandbox *s, const struct amojo_scope *sc)
{
    struct json_object *o = json_object_new_object();

    jread_add_str(o, "account_id", sc->account_id);
    jread_add_int(o, "time", sandbox_unix_ms(s) / 1000);
    return o;
}

static void body_conversation(struct json_object *o, const struct amojo_chat *chat)
{
    struct json_object *c = jread_add_object(o, "conversation");

    jread_add_str(c, "id", chat->id);
    jread_add_str(c, "client_id", chat->client_id); /* absent until linked */
}

static void body_receiver(struct json_object *msg, const struct amojo_user *u)
{
    struct json_object *o = jread_add_object(msg, "receiver");

    if (!u)
        return;
    jread_add_str(o, "id", u->id);
    jread_add_str(o, "name", u->name ? u->name : "");
    jread_add_str(o, "phone", u->phone ? u->phone : "");
    jread_add_str(o, "client_id", u->client_id);
    if (u->client_id)
        jread_add_str(o, "email", "");
}

/* The manager of an act, or the scope's own. */
static void body_user(struct json_object *o, const struct amojo_scope *sc,
                      struct json_object *act)
{
    const char *manager = jread_str(act, "manager");

    jread_add_id(o, "user", manager ? manager : sc->manager_id);
}

static void body_content(struct json_object *msg, const struct amojo_message *m,
                         const char *text, struct json_object *overlay)
{
    static const char *const blanks[] = {"tag", "media", "thumbnail", "file_name"};
    struct json_object *o = jread_add_object(msg, "message");

    jread_add_str(o, "id", m->id);
    jread_add_str(o, "type", "text");
    jread_add_str(o, "text", text);
    json_object_object_add(o, "markup", NULL);
    for (size_t i = 0; i < AMO_COUNT(blanks); i++)
        jread_add_str(o, blanks[i], "");
    jread_add_int(o, "file_size", 0);
    jread_lay_over(o, overlay);
}

struct json_object *hook_body_message(const struct sandbox *s, const struct amojo_message *m,
                                      const char *text, const char *source,
                                      struct json_object *overlay)
{
    const struct amojo_chat *chat = m->chat;
    struct json_object *o = body_envelope(s, chat->scope);
    struct json_object *msg = jread_add_object(o, "message");
    struct json_object *sender = NULL;
    int64_t now_ms = sandbox_unix_ms(s);

    body_receiver(msg, m->client ? m->client : chat->user);
    sender = jread_add_object(msg, "sender");
    jread_add_str(sender, "id", m->speaker_id);
    jread_add_str(sender, "name", "Sandbox manager");
    body_conversation(msg, chat);
    if (source)
        jread_add_str(jread_add_object(msg, "source"), "external_id", source);
    jread_add_int(msg, "timestamp", now_ms / 1000);
    jread_add_int(msg, "msec_timestamp", now_ms);
    body_content(msg, m, text, overlay);
    return o;
}

struct json_object *hook_body_reaction(const struct sandbox *s, const struct amojo_message *m,
                                       struct json_object *act)
{
    struct json_object *o = body_envelope(s, m->chat->scope);
    struct json_object *r = jread_add_object(jread_add_object(o, "action"), "reaction");
    const char *type = jread_str(act, "type");
    const char *form = jread_str(act, "form");
    struct json_object *msg = NULL;

    jread_add_str(r, "type", type ? type : "react");
    jread_add_str(r, "emoji", jread_str(act, "emoji"));
    body_user(r, m->chat->scope, act);
    body_conversation(r, m->chat);
    if (form && strcmp(form, "msgid") == 0) {
        jread_add_str(r, "msgid", m->id); /* the other documented form: amo's id */
        return o;
    }
    msg = jread_add_object(r, "message");
    jread_add_str(msg, "id", m->id);
    jread_add_str(msg, "client_id", m->client_id);
    return o;
}

struct json_object *hook_body_typing(const struct sandbox *s, const struct amojo_chat *chat,
                                     struct json_object *act)
{
    struct json_object *o = body_envelope(s, chat->scope);
    struct json_object *action = jread_add_object(o, "action");
    struct json_object *t = jread_add_object(action, "typing");
    const char *form = jread_str(act, "form");

    /* Two places are documented for the user. */
    body_user(form && strcmp(form, "action") == 0 ? action : t, chat->scope, act);
    body_conversation(t, chat);
    jread_add_int(t, "expired_at",
                  (sandbox_unix_ms(s) + jread_int(act, "duration_ms", TYPING_MS)) / 1000);
    return o;
}

uint64_t hooks_echo(struct sandbox *s, const struct amojo_message *m)
{
    struct json_object *content = amojo_message_content(m);
    struct json_object *o = hook_body_message(s, m, "", m->chat->source, content);
    const char *text = jread_text(o);
    uint64_t number = 0;

    if (hooks_send(s,
                   &(struct hook_send){.kind = "echo",
                                       .scope = m->chat->scope,
                                       .chat = m->chat->id,
                                       .id = m->id,
                                       .newline = s->settings.webhook_newline,
                                       .body = view_of(text)},
                   &number))
        log_line(LOG_LEVEL_WARN, "echo.dropped", NULL);
    json_object_put(o);
    json_object_put(content);
    return number;
}
