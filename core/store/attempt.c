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
                  "cause,status,evidence,worker,scope,chat,tells,tells_code,probe) "
                  "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,nullif(?,0),nullif(?,0),nullif(?,0))",
                  "iiiiiiiiittttiii", a->command, a->message, a->kind, a->number, a->began_ms,
                  a->took_ms, a->outcome, a->cause, a->status, a->evidence, a->worker, a->scope,
                  a->chat.len ? a->chat : VIEW_NONE, a->tells, a->tells_code,
                  (int64_t)a->probe);
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

int store_message_maybe_at_service(struct store *s, int64_t message, bool *ret)
{
    struct db_rows *r = NULL;
    int64_t kind = COMMAND_SERVICE_MESSAGE;
    int rc = 0;

    *ret = true;
    if (s->hurt_attempts)
        return 0; /* nobody can say that it was not tried */
    rc =
        db_query(s->db, &r,
                 "SELECT 1 FROM attempts WHERE message=?1 AND kind=?2 AND outcome IN(?3,?4)"
                 " AND cause<>?5 AND status NOT IN(408,429,503) AND id>coalesce((SELECT max(id)"
                 " FROM attempts WHERE message=?1 AND kind=?2 AND outcome=?6),0) LIMIT 1",
                 "iiiiii", message, kind, (int64_t)OUTCOME_RETRY, (int64_t)OUTCOME_UNKNOWN,
                 (int64_t)CAUSE_CONNECT, (int64_t)OUTCOME_DEAD);
    rc = store_one(rc, r);
    *ret = rc == 0;
    if (rc == 0)
        db_end(r);
    return rc == STORE_E_NONE ? 0 : rc;
}

int store_command_unclear(struct store *s, int64_t id, const char *scope,
                          enum unclear_attempts *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT count(*),count(CASE WHEN status NOT IN(408,503) THEN 1 END) FROM"
                      " attempts WHERE command=?1 AND outcome IN(?2,?3,?4) AND cause<>?5 AND"
                      " coalesce(scope,?6)=?6",
                      "iiiiis", id, (int64_t)OUTCOME_RETRY, (int64_t)OUTCOME_UNKNOWN,
                      (int64_t)OUTCOME_DEAD, (int64_t)CAUSE_CONNECT, scope);

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

/* The newest of them, in the order in which they began. Each is counted as people count: probes separately. One text
 * each, so that each has its index. */
#define ATTEMPTS_SELECT(which)                                                                 \
    "SELECT * FROM (SELECT command,kind,began_ms,took_ms,outcome,cause,status,evidence,"       \
    "worker,tells,tells_code,probe,sum(probe IS NULL) OVER w,sum(probe IS NOT NULL) OVER w,id" \
    " FROM attempts WHERE " which "=?1 WINDOW w AS (PARTITION BY command ORDER BY id)"         \
    " ORDER BY id DESC LIMIT ?2) ORDER BY began_ms,id"

static void attempt_json(struct db_rows *r, struct json_writer *w)
{
    bool probe = db_int(r, 11) != 0;

    json_open_object(w, NULL);
    json_add_time(w, "at", db_int(r, 2));
    json_add_text(w, "what", view_of(command_kind_name((uint64_t)db_int(r, 1))));
    store_add_tells(w, db_int(r, 9), db_int(r, 10));
    json_add_int(w, "command", db_int(r, 0));
    json_add_int(w, probe ? "probe" : "attempt", db_int(r, probe ? 13 : 12));
    json_add_text(w, "outcome", view_of(outcome_name((uint64_t)db_int(r, 4))));
    json_add_text(w, "cause", view_of(cause_name((uint64_t)db_int(r, 5))));
    json_add_int(w, "status", db_int(r, 6));
    json_add_int(w, "ms", db_int(r, 3));
    json_add_text(w, "worker", db_view(r, 8));
    json_add_text(w, "evidence", db_view(r, 7));
    json_close_object(w);
}

static void step_json(const struct journey_step *s, struct json_writer *w)
{
    json_open_object(w, NULL);
    json_add_time(w, "at", s->at_ms);
    json_add_text(w, "what", view_of(s->what));
    json_add_text_if(w, "words", s->words);
    json_close_object(w);
}

static int attempts_json(struct db_rows *r, const struct journey_step *steps, size_t n,
                         struct json_writer *w)
{
    size_t done = 0;
    int rc = 0;

    while (r && (rc = db_next(r)) == 1) {
        rc = 0;
        /* the first one is how it began; what others are of one time with came of an attempt */
        while (steps && done < n && steps[done].at_ms < db_int(r, 2) + (done == 0))
            step_json(&steps[done++], w);
        attempt_json(r, w);
    }
    while (steps && done < n)
        step_json(&steps[done++], w);
    return rc;
}

int store_attempts_json(struct store *s, int64_t command, struct json_writer *w)
{
    struct db_rows *r = NULL;
    int rc = 0;

    if (s->hurt_attempts)
        return 0; /* the rest of the story is worth telling */
    rc = db_query(s->db, &r, ATTEMPTS_SELECT("command"), "ii", command,
                  (int64_t)LIMIT_LIST_ROWS);
    return rc ? rc : attempts_json(r, NULL, 0, w);
}

int store_journey_json(struct store *s, int64_t message, const struct journey_step *steps,
                       size_t n, struct json_writer *w)
{
    struct db_rows *r = NULL;
    int rc = 0;

    if (!s->hurt_attempts)
        rc = db_query(s->db, &r, ATTEMPTS_SELECT("message"), "ii", message,
                      (int64_t)LIMIT_LIST_ROWS);
    return rc ? rc : attempts_json(r, steps, n, w);
}

int store_attempts_count(struct store *s, int64_t command, int64_t *ret_n, int64_t *ret_probes)
{
    struct db_rows *r = NULL;
    int rc = 0;

    *ret_n = *ret_probes = 0;
    if (s->hurt_attempts)
        return 0;
    rc = db_query(s->db, &r, "SELECT count(*),count(probe) FROM attempts WHERE command=?", "i",
                  command);
    rc = store_one(rc, r);
    if (rc)
        return rc == STORE_E_NONE ? -EIO : rc; /* sums always have a row */
    *ret_probes = db_int(r, 1);
    *ret_n = db_int(r, 0) - *ret_probes;
    db_end(r);
    return 0;
}

static int last_attempt(int query_rc, struct db_rows *r, struct last_attempt *ret,
                        struct buf *ret_evidence)
{
    int rc = store_one(query_rc, r);

    if (rc)
        return rc;
    *ret = (struct last_attempt){
        .outcome = db_int(r, 0), .cause = db_int(r, 1), .status = db_int(r, 2)};
    rc = buf_add_view(ret_evidence, db_view(r, 3));
    db_end(r);
    return rc;
}

#define LAST_ATTEMPT "SELECT outcome,cause,status,evidence FROM attempts WHERE "

int store_attempt_last(struct store *s, int64_t command, struct last_attempt *ret,
                       struct buf *ret_evidence)
{
    struct db_rows *r = NULL;
    int rc = 0;

    if (s->hurt_attempts)
        return STORE_E_NONE;
    rc = db_query(s->db, &r, LAST_ATTEMPT "command=? ORDER BY id DESC LIMIT 1", "i", command);
    return last_attempt(rc, r, ret, ret_evidence);
}

int store_message_attempt_last(struct store *s, int64_t message, struct last_attempt *ret,
                               struct buf *ret_evidence)
{
    struct db_rows *r = NULL;
    int rc = 0;

    if (s->hurt_attempts)
        return STORE_E_NONE;
    rc = db_query(s->db, &r,
                  LAST_ATTEMPT "message=? AND kind IN(?,?,?) ORDER BY id DESC LIMIT 1", "iiii",
                  message, (int64_t)COMMAND_AMO_MESSAGE, (int64_t)COMMAND_AMO_OUTGOING,
                  (int64_t)COMMAND_SERVICE_MESSAGE);
    return last_attempt(rc, r, ret, ret_evidence);
}
