/* What: keeps what the calls of the bridge did, with number and time.
 * From: calls, message; acts, for what is born in amo.
 * To:   store. */
#include "tools/sandbox/amojo/notes.h"

#include <string.h>

#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/kit/text.h"
#include "tools/sandbox/record/world.h"

bool amojo_has_room(struct sandbox *s)
{
    return sandbox_has_room(s, amojo_count_objects(s->amojo), SANDBOX_OBJECTS_MAX, "objects");
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

bool amojo_note_status(struct sandbox *s, struct amojo_message *m, struct json_object *st,
                       int64_t code, bool by_edit)
{
    const char *error = jread_str(st, "error");
    bool backwards = m->has_status && code < m->status;

    if (!sandbox_has_room(s, s->amojo->statuses.n, (size_t)s->settings.max_log, "max_log") ||
        amojo_status_add(s->amojo,
                         &(struct amojo_status){
                             .seq = sandbox_seq(s),
                             .at_ms = sandbox_unix_ms(s),
                             .scope = m->chat->scope,
                             .status = code,
                             .error_code = jread_int(st, "error_code", 0),
                             .backwards = backwards,
                             .by_edit = by_edit,
                         },
                         m->id, error))
        return false;
    m->has_status = true;
    m->status = code;
    m->error_code = jread_int(st, "error_code", 0);
    text_set(&m->error, error);
    s->counters.amojo_statuses++;
    s->counters.amojo_backwards += backwards;
    return true;
}

bool amojo_note_action(struct sandbox *s, enum amojo_action_kind kind, struct amojo_chat *chat,
                       struct amojo_message *m, struct json_object *body)
{
    const char *text = jread_text(body);
    struct blob *kept = NULL;
    int rc = 0;

    if (!sandbox_has_room(s, s->amojo->actions.n, (size_t)s->settings.max_log, "max_log"))
        return false;
    kept = blob_new(text, strlen(text));
    if (!kept)
        return false;
    rc = amojo_action_add(s->amojo,
                          &(struct amojo_action){
                              .seq = sandbox_seq(s),
                              .at_ms = sandbox_unix_ms(s),
                              .kind = kind,
                              .chat = chat,
                              .message = m,
                          },
                          kept);
    blob_drop(kept);
    return rc == 0;
}
