/* What: keeps what the calls of the bridge did, with number and time.
 * From: calls, message; acts, for what is born in amo.
 * To:   store. */
#include "tools/sandbox/amojo/notes.h"

#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/kit/text.h"
#include "tools/sandbox/record/world.h"

bool amojo_has_room(struct sandbox *s)
{
    return sandbox_has_space(s, amojo_count_objects(s->amojo), SANDBOX_OBJECTS_MAX, "objects");
}

void amojo_message_born(struct sandbox *s, struct amojo_message *m, enum amojo_from from)
{
    m->seq = sandbox_seq(s);
    m->at_ms = sandbox_unix_ms(s);
    m->from = from;
    s->n_messages++;
}

struct amojo_message *amojo_adopt_message(struct sandbox *s, struct amojo_scope *sc,
                                          const char *id, const char *msgid)
{
    struct amojo_chat *chat = names_get(&sc->chats_by_id, "adopted");
    struct amojo_message *m = NULL;

    if (!chat) {
        if (amojo_chat_add(s->amojo, sc, "adopted", NULL, NULL, &chat))
            return NULL;
        chat->seq = sandbox_seq(s);
    }
    if (amojo_message_add(s->amojo, chat, id, msgid, NULL, &m))
        return NULL;
    amojo_message_born(s, m, FROM_MANAGER);
    return m;
}

static bool amojo_log_has_room(struct sandbox *s, const struct journal *log)
{
    return sandbox_has_space(s, log->entries.n, (size_t)s->settings.max_log, "max_log");
}

bool amojo_note_status(struct sandbox *s, struct amojo_message *m, struct json_object *st,
                       int64_t code, bool by_edit)
{
    const char *error = jread_str(st, "error");
    int64_t error_code = jread_int(st, "error_code", 0);
    bool backwards = m->has_status && code < m->status;
    struct json_object *o = NULL;

    if (!amojo_log_has_room(s, &s->amojo->statuses))
        return false;
    o = sandbox_entry(s);
    jread_add_str(o, "scope_id", m->chat->scope->id);
    jread_add_str(o, "id", m->id);
    jread_add_int(o, "status", code);
    jread_add_int_or_null(o, "error_code", error_code != 0, error_code);
    jread_add_str_or_null(o, "error", error);
    jread_add_bool(o, "backwards", backwards);
    jread_add_bool(o, "by_edit", by_edit);
    if (journal_add(&s->amojo->statuses, o))
        return false;
    m->has_status = true;
    m->status = code;
    m->error_code = error_code;
    text_set(&m->error, error);
    s->counters.amojo_statuses++;
    s->counters.amojo_backwards += backwards;
    return true;
}

bool amojo_note_action(struct sandbox *s, const char *kind, const struct amojo_chat *chat,
                       const struct amojo_message *m, struct json_object *body)
{
    struct json_object *payload = jread_object(body, "payload");
    struct json_object *content = jread_object(payload, "message");
    struct json_object *who = jread_object(body, "user");
    struct json_object *o = NULL;

    if (!amojo_log_has_room(s, &s->amojo->actions))
        return false;
    who = who ? who : jread_object(body, "sender");
    o = sandbox_entry(s);
    jread_add_str(o, "kind", kind);
    jread_add_str_or_null(o, "chat", chat ? chat->id : NULL);
    jread_add_str_or_null(o, "conversation_id", chat ? chat->client_id : NULL);
    jread_add_str_or_null(o, "id", m ? m->id : NULL);
    jread_add_str_or_null(o, "msgid", m ? m->client_id : NULL);
    jread_add_str_or_null(o, "type", jread_str(content ? content : body, "type"));
    jread_add_str_or_null(o, "text", jread_str(content, "text"));
    jread_add_str_or_null(o, "emoji", jread_str(body, "emoji"));
    jread_add_str_or_null(o, "user", jread_str(who, "id"));
    jread_add_str_or_null(o, "author", jread_str(who, "ref_id"));
    jread_add(o, "body", payload ? payload : body);
    return journal_add(&s->amojo->actions, o) == 0;
}
