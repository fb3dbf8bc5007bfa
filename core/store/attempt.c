/* Attempts: the evidence of what was called and answered. */

#include "base/json.h"
#include "base/mem.h"
#include "core/model/command.h"
#include "core/model/message.h"
#include "core/store/private.h"
#include "core/store/store.h"
#include "proto/command.h"
#include "proto/event.h"
#include "proto/limits.h"
#include <errno.h>

int store_attempt_add(struct store *s, const struct attempt_row *a)
{
    if (s->hurt_attempts)
        return 0; /* what a message came to must not hang on what can be told of the way there */
    return db_run(s->db,
                  "INSERT INTO attempts(command,message,kind,number,began_ms,took_ms,outcome,"
                  "cause,status,evidence,worker,scope,chat,tells,tells_code) "
                  "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,nullif(?,0),nullif(?,0))",
                  "iiiiiiiiittttii", a->command, a->message, a->kind, a->number, a->began_ms,
                  a->took_ms, a->outcome, a->cause, a->status, a->evidence, a->worker, a->scope,
                  a->chat.len ? a->chat : VIEW_NONE, a->tells, a->tells_code);
}

/* ?1 the message, ?2 its conversation */
#define PLACES_OF_CONVERSATION                                                                 \
    "SELECT scope,chat_id FROM chats WHERE ?1<>0 AND conversation IN (SELECT id FROM"          \
    " conversations WHERE id=?2 OR merged=?2) UNION SELECT scope,chat_id FROM left_chats"      \
    " WHERE conversation=?2 AND chat_id IS NOT NULL"

int store_message_places(struct store *s, const struct message *m, store_place_fn *fn,
                         void *arg)
{
    struct db_rows *r = NULL;
    int rc = s->hurt_attempts
                 ? db_query(s->db, &r, PLACES_OF_CONVERSATION, "ii", m->id, m->conversation)
                 : db_query(s->db, &r,
                            "SELECT scope,chat FROM attempts WHERE message=?1 AND chat IS NOT"
                            " NULL UNION " PLACES_OF_CONVERSATION,
                            "ii", m->id, m->conversation);

    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = fn(arg, db_view(r, 0), db_view(r, 1));
        if (rc)
            db_end(r);
    }
    return rc;
}

int store_message_unplaced(struct store *s, int64_t message, bool *ret)
{
    struct db_rows *r = NULL;
    int rc = 0;

    *ret = true;
    if (s->hurt_attempts)
        return 0; /* nobody can say that it is not so */
    rc = db_query(s->db, &r,
                  "SELECT count(*),count(chat) FROM attempts WHERE message=? AND kind IN(?,?)",
                  "iii", message, (int64_t)COMMAND_AMO_MESSAGE, (int64_t)COMMAND_AMO_OUTGOING);

    rc = store_one(rc, r);
    if (rc)
        return rc == STORE_E_NONE ? -EIO : rc; /* sums always have a row */
    *ret = db_int(r, 0) == 0 || db_int(r, 0) > db_int(r, 1);
    db_end(r);
    return 0;
}

int store_merged_unplaced(struct store *s, int64_t conversation, struct view scope, bool *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT 1 FROM conversations WHERE merged=?1 AND scope=?2 AND client_id"
                      " IS NOT NULL AND chat_id IS NULL LIMIT 1",
                      "it", conversation, scope);

    rc = store_one(rc, r);
    *ret = rc == 0;
    if (rc == 0)
        db_end(r);
    return rc == STORE_E_NONE ? 0 : rc;
}

int store_chat_took_name(struct store *s, const struct message *m, struct view scope,
                         struct view chat, bool *ret)
{
    static const char sql[] =
        "SELECT 1 FROM chats WHERE scope=?1 AND chat_id=?2 AND by_phone<>0 AND NOT "
        "EXISTS(SELECT"
        " 1 FROM chats WHERE scope=?1 AND by_phone=0 AND conversation IN (SELECT id FROM"
        " conversations WHERE id=?3 OR merged=?3)) AND NOT EXISTS(SELECT 1 FROM messages WHERE"
        " conversation=?3 AND id<?4 AND chat_id=?2)";
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, sql, "ttii", scope, chat, m->conversation, m->id);

    rc = store_one(rc, r);
    *ret = rc == 0;
    if (rc == 0)
        db_end(r);
    return rc == STORE_E_NONE ? 0 : rc;
}

int store_message_unclear(struct store *s, int64_t message, int64_t *ret_since_ms)
{
    struct db_rows *r = NULL;
    int64_t kind = COMMAND_SERVICE_MESSAGE;
    int rc = 0;

    *ret_since_ms = 1;
    if (s->hurt_attempts)
        return 0; /* as if it had been tried long ago: rather told to a person than sent twice */
    rc = db_query(s->db, &r,
                  "SELECT min(began_ms) FROM attempts WHERE message=? AND kind=? AND outcome"
                  " IN(?,?) AND id>coalesce((SELECT max(id) FROM attempts WHERE message=? AND"
                  " kind=? AND outcome=?),0)",
                  "iiiiiii", message, kind, (int64_t)OUTCOME_RETRY, (int64_t)OUTCOME_UNKNOWN,
                  message, kind, (int64_t)OUTCOME_DEAD);

    rc = store_one(rc, r);
    if (rc)
        return rc == STORE_E_NONE ? -EIO : rc; /* sums always have a row */
    *ret_since_ms = db_int(r, 0);
    db_end(r);
    return 0;
}

int store_command_unclear(struct store *s, int64_t id, const char *scope,
                          enum unclear_attempts *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT count(*),count(CASE WHEN status NOT IN(408,503) THEN 1 END) FROM"
                      " attempts WHERE command=?1 AND outcome IN(?2,?3) AND cause<>?4 AND"
                      " coalesce(scope,?5)=?5",
                      "iiiis", id, (int64_t)OUTCOME_RETRY, (int64_t)OUTCOME_UNKNOWN,
                      (int64_t)CAUSE_CONNECT, scope);

    rc = store_one(rc, r);
    if (rc)
        return rc == STORE_E_NONE ? -EIO : rc; /* sums always have a row */
    *ret = db_int(r, 1) ? UNCLEAR_ANY : db_int(r, 0) ? UNCLEAR_SLIGHT : UNCLEAR_NONE;
    db_end(r);
    return 0;
}

void store_add_tells(struct json_writer *w, int64_t status, int64_t code)
{
    if (!status)
        return;
    json_add_text(w, "tells", view_of(message_told_name(status)));
    if (code)
        json_add_int(w, "code", code);
}

/* one text each, so that each has its index */
#define ATTEMPTS_SELECT                                                                        \
    "SELECT command,kind,began_ms,took_ms,outcome,cause,status,evidence,worker,number,"        \
    "tells,tells_code FROM attempts WHERE "

int store_attempts_json(struct store *s, int64_t command, int64_t message,
                        struct json_writer *w)
{
    struct db_rows *r = NULL;
    int rc = 0;

    if (s->hurt_attempts)
        return 0; /* the rest of the story is worth telling */
    rc = db_query(s->db, &r,
                  command ? ATTEMPTS_SELECT "command=? ORDER BY id LIMIT ?"
                          : ATTEMPTS_SELECT "message=? ORDER BY id LIMIT ?",
                  "ii", command ? command : message, (int64_t)LIMIT_LIST_ROWS);

    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = 0;
        json_open_object(w, NULL);
        json_add_time(w, "at", db_int(r, 2));
        json_add_text(w, "what", view_of(command_kind_name((uint64_t)db_int(r, 1))));
        store_add_tells(w, db_int(r, 10), db_int(r, 11));
        json_add_int(w, "command", db_int(r, 0));
        json_add_int(w, "attempt", db_int(r, 9));
        json_add_text(w, "outcome", view_of(outcome_name((uint64_t)db_int(r, 4))));
        json_add_text(w, "cause", view_of(cause_name((uint64_t)db_int(r, 5))));
        json_add_int(w, "status", db_int(r, 6));
        json_add_int(w, "ms", db_int(r, 3));
        json_add_text(w, "worker", db_view(r, 8));
        json_add_text(w, "evidence", db_view(r, 7));
        json_close_object(w);
    }
    return rc;
}
