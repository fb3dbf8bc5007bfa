/* What: the JSON of amojo's webhooks, version 2.
 * From: acts/manager, message.
 * To:   hooks_send.
 * Holds: nothing.
 * Source: docs/amojo.md, "Webhooks". */
#include "tools/sandbox/amojo/hook_body.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
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

static struct json_object *body_conversation(const struct amojo_chat *chat)
{
    struct json_object *o = json_object_new_object();

    jread_add_str(o, "id", chat->id);
    jread_add_str(o, "client_id", chat->client_id); /* absent until linked */
    return o;
}

static struct json_object *body_receiver(const struct amojo_user *u)
{
    struct json_object *o = json_object_new_object();

    if (!u)
        return o;
    jread_add_str(o, "id", u->id);
    jread_add_str(o, "name", u->name ? u->name : "");
    jread_add_str(o, "phone", u->phone ? u->phone : "");
    jread_add_str(o, "client_id", u->client_id);
    if (u->client_id)
        jread_add_str(o, "email", "");
    return o;
}

/* The manager of an act, or the scope's own. */
static struct json_object *body_user(const struct amojo_scope *sc, struct json_object *act)
{
    struct json_object *o = json_object_new_object();
    const char *manager = jread_str(act, "manager");

    jread_add_str(o, "id", manager ? manager : sc->manager_id);
    return o;
}

static struct json_object *body_content(const struct amojo_message *m, const char *text,
                                        struct json_object *overlay)
{
    static const char *const blanks[] = {"tag", "media", "thumbnail", "file_name"};
    struct json_object *o = json_object_new_object();

    jread_add_str(o, "id", m->id);
    jread_add_str(o, "type", "text");
    jread_add_str(o, "text", text);
    json_object_object_add(o, "markup", NULL);
    for (size_t i = 0; i < AMO_COUNT(blanks); i++)
        jread_add_str(o, blanks[i], "");
    jread_add_int(o, "file_size", 0);
    for (struct jread_walk w = jread_walk(overlay); jread_next(&w);)
        json_object_object_add(o, w.key, json_object_get(w.value));
    return o;
}

struct json_object *hook_body_message(const struct sandbox *s, const struct amojo_message *m,
                                      const char *text, const char *source,
                                      struct json_object *overlay)
{
    const struct amojo_chat *chat = m->chat;
    struct json_object *o = body_envelope(s, chat->scope);
    struct json_object *msg = json_object_new_object();
    struct json_object *sender = json_object_new_object();
    int64_t now_ms = sandbox_unix_ms(s);

    json_object_object_add(msg, "receiver", body_receiver(m->client ? m->client : chat->user));
    jread_add_str(sender, "id", m->speaker_id);
    jread_add_str(sender, "name", "Sandbox manager");
    json_object_object_add(msg, "sender", sender);
    json_object_object_add(msg, "conversation", body_conversation(chat));
    if (source) {
        struct json_object *src = json_object_new_object();

        jread_add_str(src, "external_id", source);
        json_object_object_add(msg, "source", src);
    }
    jread_add_int(msg, "timestamp", now_ms / 1000);
    jread_add_int(msg, "msec_timestamp", now_ms);
    json_object_object_add(msg, "message", body_content(m, text, overlay));
    json_object_object_add(o, "message", msg);
    return o;
}

struct json_object *hook_body_reaction(const struct sandbox *s, const struct amojo_message *m,
                                       struct json_object *act)
{
    struct json_object *o = body_envelope(s, m->chat->scope);
    struct json_object *action = json_object_new_object();
    struct json_object *r = json_object_new_object();
    struct json_object *msg = NULL;
    const char *type = jread_str(act, "type");
    const char *form = jread_str(act, "form");

    jread_add_str(r, "type", type ? type : "react");
    jread_add_str(r, "emoji", jread_str(act, "emoji"));
    json_object_object_add(r, "user", body_user(m->chat->scope, act));
    json_object_object_add(r, "conversation", body_conversation(m->chat));
    if (form && strcmp(form, "msgid") == 0) {
        jread_add_str(r, "msgid", m->id); /* the other documented form: amo's id */
    } else {
        msg = json_object_new_object();
        jread_add_str(msg, "id", m->id);
        jread_add_str(msg, "client_id", m->client_id);
        json_object_object_add(r, "message", msg);
    }
    json_object_object_add(action, "reaction", r);
    json_object_object_add(o, "action", action);
    return o;
}

struct json_object *hook_body_typing(const struct sandbox *s, const struct amojo_chat *chat,
                                     struct json_object *act)
{
    struct json_object *o = body_envelope(s, chat->scope);
    struct json_object *action = json_object_new_object();
    struct json_object *t = json_object_new_object();
    const char *form = jread_str(act, "form");

    /* Two places are documented for the user. */
    json_object_object_add(form && strcmp(form, "action") == 0 ? action : t, "user",
                           body_user(chat->scope, act));
    json_object_object_add(t, "conversation", body_conversation(chat));
    jread_add_int(t, "expired_at",
                  (sandbox_unix_ms(s) + jread_int(act, "duration_ms", TYPING_MS)) / 1000);
    json_object_object_add(action, "typing", t);
    json_object_object_add(o, "action", action);
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
