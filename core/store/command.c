/* Commands, their attempts, dead letters, quarantine and events that wait. */

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "core/model/command.h"
#include "core/store/private.h"
#include "core/store/store.h"
#include "proto/command.h"
#include "proto/event.h"
#include "proto/limits.h"

int store_command_add(struct store *s, const struct command_row *c, int64_t *ret_id)
{
    int rc = db_run(s->db,
                    "INSERT INTO commands(lane,kind,message,scope,connector,body,taken_ms,"
                    "attempts,next_ms,lost,paused_ms,unsure,trace)"
                    " VALUES(?,?,?,?,?,?,?,?,?,0,?,?,?)",
                    "iiissbiiiiib", c->lane, c->kind, c->message, c->scope, c->connector,
                    view_make(c->body, c->body_len), c->taken_ms, c->attempts, c->next_ms,
                    c->paused_ms, (int64_t)c->unsure, id_view(&c->trace));

    if (rc == 0)
        *ret_id = db_last_id(s->db);
    return rc;
}

#define COLUMNS                                                                                \
    "id,lane,kind,message,scope,connector,taken_ms,attempts,next_ms,lost,paused_ms,erased,"    \
    "unsure,trace"

static int command_read(struct db_rows *r, struct command_row *ret)
{
    struct command_row c = {.id = db_int(r, 0),
                            .lane = db_int(r, 1),
                            .kind = db_int(r, 2),
                            .message = db_int(r, 3),
                            .taken_ms = db_int(r, 6),
                            .attempts = db_int(r, 7),
                            .next_ms = db_int(r, 8),
                            .lost = db_int(r, 9),
                            .paused_ms = db_int(r, 10),
                            .erased = db_int(r, 11) != 0,
                            .unsure = db_int(r, 12) != 0};
    int rc = db_string(r, 4, &c.scope);

    rc = rc ? rc : db_string(r, 5, &c.connector);
    if (rc) {
        command_row_fini(&c);
        return rc;
    }
    /* of a row of before it was kept: none */
    (void)!id_from_view(db_view(r, 13), &c.trace);
    *ret = c;
    return 0;
}

static int command_body(struct db_rows *r, int column, struct command_row *c)
{
    c->body_len = db_view(r, column).len;
    return db_string(r, column, &c->body);
}

int store_command(struct store *s, int64_t id, struct command_row *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT " COLUMNS ",body FROM commands WHERE id=?", "i", id);

    rc = store_one(rc, r);
    if (rc)
        return rc;
    rc = command_read(r, ret);
    if (rc == 0 && (rc = command_body(r, 14, ret)) != 0)
        command_row_fini(ret);
    db_end(r);
    return rc;
}

int store_command_progress(struct store *s, int64_t id, int64_t attempts, int64_t next_ms,
                           int64_t lost)
{
    return db_run(s->db, "UPDATE commands SET attempts=?, next_ms=?, lost=? WHERE id=?", "iiii",
                  attempts, next_ms, lost, id);
}

int store_command_acquit(struct store *s, int64_t id)
{
    return db_run(s->db, "UPDATE commands SET lost=0 WHERE id=?", "i", id);
}

int store_command_settle(struct store *s, int64_t id)
{
    return db_run(s->db, "DELETE FROM commands WHERE id=?", "i", id);
}

int store_commands_walk(struct store *s, store_command_fn *fn, void *arg)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT " COLUMNS " FROM commands ORDER BY id", "");

    while (rc == 0 && (rc = db_next(r)) == 1) {
        struct command_row c;

        rc = command_read(r, &c);
        if (rc == 0) {
            rc = fn(arg, &c);
            command_row_fini(&c);
        }
        if (rc)
            db_end(r);
    }
    return rc;
}

int store_attempt_add(struct store *s, const struct attempt_row *a)
{
    if (s->hurt_attempts)
        return 0; /* what a message came to must not hang on what can be told of the way there */
    return db_run(s->db,
                  "INSERT INTO attempts(command,message,kind,number,began_ms,took_ms,outcome,"
                  "cause,status,evidence,worker,scope,chat) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
                  "iiiiiiiiitttt", a->command, a->message, a->kind, a->number, a->began_ms,
                  a->took_ms, a->outcome, a->cause, a->status, a->evidence, a->worker, a->scope,
                  a->chat.len ? a->chat : VIEW_NONE);
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

static void add_time(struct json_writer *w, const char *key, int64_t unix_ms)
{
    char text[CLOCK_ISO_LEN + 1];

    clock_format_iso(unix_ms, text);
    json_add_text(w, key, unix_ms ? view_of(text) : VIEW_NONE);
}

/* one text each, so that each has its index */
#define ATTEMPTS_SELECT                                                                        \
    "SELECT command,kind,began_ms,took_ms,outcome,cause,status,evidence,worker,number FROM"    \
    " attempts WHERE "

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
        add_time(w, "at", db_int(r, 2));
        json_add_text(w, "what", view_of(command_kind_name((uint64_t)db_int(r, 1))));
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

int store_dead_add(struct store *s, int64_t command, const char *reason, int64_t now_ms)
{
    int rc =
        db_run(s->db,
               "INSERT OR REPLACE INTO dead SELECT id,lane,kind,message,scope,connector,body,"
               "taken_ms,attempts,?,? FROM commands WHERE id=?",
               "sii", reason, now_ms, command);

    return rc ? rc : store_command_settle(s, command);
}

int store_dead_whole(struct store *s, int64_t id)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT body IS NULL FROM dead WHERE id=?", "i", id);

    rc = store_one(rc, r);
    if (rc)
        return rc;
    rc = db_int(r, 0) ? STORE_E_ERASED : 0;
    db_end(r);
    return rc;
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

int store_command_unsure(struct store *s, int64_t id, bool unsure)
{
    return db_run(s->db, "UPDATE commands SET unsure=? WHERE id=?", "ii", (int64_t)unsure, id);
}

int store_commands_unsure(struct store *s, int64_t id)
{
    return db_run(s->db, "UPDATE commands SET unsure=1 WHERE id<=?", "i", id);
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

int store_dead_retry(struct store *s, int64_t id, int64_t now_ms, struct command_row *ret)
{
    struct db_rows *r = NULL;
    int64_t since = 0;
    struct command_row c;
    int rc = store_dead_whole(s, id);

    if (rc)
        return rc;
    rc = db_query(
        s->db, &r,
        "SELECT id,lane,kind,message,scope,connector,taken_ms,0,0,0,0,0,"
        "(SELECT trace FROM messages WHERE messages.id=dead.message),body FROM dead WHERE id=?",
        "i", id);

    rc = store_one(rc, r);
    if (rc)
        return rc;
    rc = command_read(r, &c);
    if (rc == 0 && (rc = command_body(r, 14, &c)) != 0)
        command_row_fini(&c);
    db_end(r);
    if (rc)
        return rc;
    rc = c.kind == COMMAND_SERVICE_MESSAGE ? store_message_unclear(s, c.message, &since) : 0;
    if (rc) {
        command_row_fini(&c);
        return rc;
    }
    /* a new life; what the service may have lives no longer than the service remembers it */
    c.taken_ms = since && !command_is_forgotten(since, now_ms) ? since : now_ms;
    rc = store_command_add(s, &c, &c.id);
    rc = rc ? rc : db_run(s->db, "DELETE FROM dead WHERE id=?", "i", id);
    if (rc)
        command_row_fini(&c);
    else
        *ret = c;
    return rc;
}

int store_dead_may_double(struct store *s, int64_t id, int64_t before_ms, bool *ret_may)
{
    struct db_rows *r = NULL;
    int rc = 0;

    *ret_may = true;
    if (s->hurt_attempts)
        return 0; /* nobody can say that it was not tried */
    rc = db_query(s->db, &r,
                  "SELECT kind=?2 AND ((reason='workers_lost' AND died_ms<?3) OR EXISTS("
                  "SELECT 1 FROM attempts a WHERE a.message=dead.message AND a.kind=?2 AND"
                  " a.outcome IN(?4,?5) AND a.began_ms<?3)) FROM dead WHERE id=?1",
                  "iiiii", id, (int64_t)COMMAND_SERVICE_MESSAGE, before_ms,
                  (int64_t)OUTCOME_UNKNOWN, (int64_t)OUTCOME_RETRY);

    rc = store_one(rc, r);
    if (rc)
        return rc;
    *ret_may = db_int(r, 0) != 0;
    db_end(r);
    return 0;
}

int store_dead_drop(struct store *s, int64_t id)
{
    int rc = db_run(s->db, "DELETE FROM dead WHERE id=?", "i", id);

    return rc == 0 && db_changes(s->db) == 0 ? STORE_E_NONE : rc;
}

static void dead_json_row(struct db_rows *r, struct json_writer *w)
{
    json_add_int(w, "id", db_int(r, 0));
    json_add_text(w, "kind", view_of(command_kind_name((uint64_t)db_int(r, 1))));
    json_add_text(w, "reason", db_view(r, 2));
    json_add_text(w, "scope_id", db_view(r, 3));
    json_add_text(w, "connector", db_view(r, 4));
    json_add_int(w, "attempts", db_int(r, 5));
    add_time(w, "taken_at", db_int(r, 6));
    add_time(w, "died_at", db_int(r, 7));
    json_add_text(w, "mid", db_view(r, 8));
    json_add_text(w, "amo_id", db_view(r, 9));
    json_add_text(w, "service_id", db_view(r, 10));
    if (db_int(r, 11))
        json_add_bool(w, "erased", true);
}

#define DEAD_SELECT                                                                            \
    "SELECT d.id,d.kind,d.reason,d.scope,d.connector,d.attempts,d.taken_ms,d.died_ms,m.mid,"   \
    "m.amo_id,m.service_id,d.body IS NULL FROM dead d LEFT JOIN messages m ON m.id=d.message"

int store_dead_json(struct store *s, int64_t id, struct json_writer *w)
{
    struct db_rows *r = NULL;
    int rc = 0;

    if (id) {
        rc = db_query(s->db, &r, DEAD_SELECT " WHERE d.id=?", "i", id);
        rc = store_one(rc, r);
        if (rc)
            return rc;
        dead_json_row(r, w);
        db_end(r);
        json_open_array(w, "tries");
        rc = store_attempts_json(s, id, 0, w);
        json_close_array(w);
        return rc;
    }
    rc = db_query(s->db, &r, DEAD_SELECT " ORDER BY d.id DESC LIMIT ?", "i",
                  (int64_t)LIMIT_LIST_ROWS);
    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = 0;
        json_open_object(w, NULL);
        dead_json_row(r, w);
        json_close_object(w);
    }
    return rc;
}

/* NOLINTNEXTLINE(readability-function-size): the arguments are the fields of one row */
int store_quarantine_add(struct store *s, const char *reason, struct view event,
                         struct view scope, struct view connector, uint64_t kind,
                         const struct id *trace, struct view same, int64_t now_ms)
{
    int rc = db_run(s->db,
                    "INSERT OR IGNORE INTO quarantine(kind,reason,scope,connector,event,trace,"
                    "same,at_ms) VALUES(?,?,?,?,?,?,?,?)",
                    "isttbbbi", (int64_t)kind, reason, scope, connector, event, id_view(trace),
                    same, now_ms);

    return rc == 0 && db_changes(s->db) == 0 ? STORE_E_KNOWN : rc;
}

static void quarantine_json_row(struct db_rows *r, struct json_writer *w)
{
    struct id trace;
    char text[ID_TEXT_LEN + 1] = "";

    json_add_int(w, "id", db_int(r, 0));
    json_add_text(w, "kind", view_of(event_kind_name((uint64_t)db_int(r, 1))));
    json_add_text(w, "reason", db_view(r, 2));
    json_add_text(w, "scope_id", db_view(r, 3));
    json_add_text(w, "connector", db_view(r, 4));
    add_time(w, "at", db_int(r, 5));
    if (id_from_view(db_view(r, 6), &trace) == 0)
        id_format(&trace, text);
    json_add_text(w, "trace", view_of(text));
    if (!db_view(r, 7).ptr)
        json_add_bool(w, "erased", true);
}

#define QUARANTINE_SELECT                                                                      \
    "SELECT id,kind,reason,scope,connector,at_ms,trace,event FROM quarantine"

static void quarantine_json_event(struct view bytes, struct json_writer *w)
{
    struct event e;

    if (!bytes.ptr)
        return;
    json_add_int(w, "bytes", (int64_t)bytes.len);
    if (event_decode(bytes, &e))
        return;
    json_add_text(w, "message_id", e.message_id);
    json_add_text(w, "chat_id", e.chat_id);
    json_add_text(w, "type", e.content.type);
    json_add_text(w, "text", e.content.text);
    if (e.raw.ptr && json_utf8_valid(e.raw))
        json_add_text(w, "raw", e.raw);
}

int store_quarantine_event(struct store *s, int64_t id, struct buf *ret_event)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT event FROM quarantine WHERE id=?", "i", id);

    rc = store_one(rc, r);
    if (rc)
        return rc;
    rc = db_view(r, 0).ptr ? buf_add_view(ret_event, db_view(r, 0)) : STORE_E_ERASED;
    db_end(r);
    return rc;
}

int store_quarantine_drop(struct store *s, int64_t id)
{
    int rc = db_run(s->db, "DELETE FROM quarantine WHERE id=?", "i", id);

    return rc == 0 && db_changes(s->db) == 0 ? STORE_E_NONE : rc;
}

int store_quarantine_newest(struct store *s, int64_t *ret_id, struct buf *ret_reason)
{
    struct db_rows *r = NULL;
    int rc =
        db_query(s->db, &r, "SELECT id,reason FROM quarantine ORDER BY id DESC LIMIT 1", "");

    rc = store_one(rc, r);
    if (rc == STORE_E_NONE) {
        *ret_id = 0;
        return 0;
    }
    if (rc)
        return rc;
    *ret_id = db_int(r, 0);
    rc = buf_add_view(ret_reason, db_view(r, 1));
    db_end(r);
    return rc;
}

int store_quarantine_json(struct store *s, int64_t id, struct json_writer *w)
{
    struct db_rows *r = NULL;
    int rc = 0;

    if (id) {
        rc = db_query(s->db, &r, QUARANTINE_SELECT " WHERE id=?", "i", id);
        rc = store_one(rc, r);
        if (rc)
            return rc;
        quarantine_json_row(r, w);
        quarantine_json_event(db_view(r, 7), w);
        db_end(r);
        return 0;
    }
    rc = db_query(s->db, &r, QUARANTINE_SELECT " ORDER BY id DESC LIMIT ?", "i",
                  (int64_t)LIMIT_LIST_ROWS);
    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = 0;
        json_open_object(w, NULL);
        quarantine_json_row(r, w);
        json_close_object(w);
    }
    return rc;
}

int store_waiting_add(struct store *s, const char *key, struct view event, int64_t until_ms)
{
    return db_run(s->db, "INSERT INTO waiting(key,event,until_ms) VALUES(?,?,NULLIF(?,0))",
                  "sbi", key, event, until_ms);
}

static int waiting_take(struct store *s, struct db_rows *r, int query_rc, struct buf *ret_event,
                        int64_t *ret_place)
{
    int rc = store_one(query_rc, r);

    if (rc)
        return rc;
    *ret_place = db_int(r, 0);
    rc = buf_add_view(ret_event, db_view(r, 1));
    db_end(r);
    return rc ? rc : db_run(s->db, "DELETE FROM waiting WHERE id=?", "i", *ret_place);
}

int store_waiting_take_first(struct store *s, const char *key, struct buf *ret_event,
                             int64_t *ret_place)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT id,event FROM waiting WHERE key=? ORDER BY id LIMIT 1",
                      "s", key);

    return waiting_take(s, r, rc, ret_event, ret_place);
}

int store_waiting_take(struct store *s, const char *key, struct buf *ret_event)
{
    int64_t place = 0;

    return store_waiting_take_first(s, key, ret_event, &place);
}

int store_waiting_put_back(struct store *s, int64_t place, const char *key, struct view event)
{
    return db_run(s->db, "INSERT INTO waiting(id,key,event) VALUES(?,?,?)", "isb", place, key,
                  event);
}

int store_waiting_move(struct store *s, int64_t id, const char *key)
{
    return db_run(s->db, "UPDATE waiting SET key=? WHERE id=?", "si", key, id);
}

int store_waiting_drop(struct store *s, struct view event)
{
    return db_run(s->db, "DELETE FROM waiting WHERE id=(SELECT id FROM waiting WHERE event=?)",
                  "b", event);
}

int store_waiting_take_overdue(struct store *s, int64_t now_ms, struct buf *ret_event)
{
    struct db_rows *r = NULL;
    int rc = db_query(
        s->db, &r, "SELECT id,event FROM waiting WHERE until_ms<? ORDER BY until_ms,id LIMIT 1",
        "i", now_ms);
    int64_t place = 0;

    return waiting_take(s, r, rc, ret_event, &place);
}

int store_echoes_walk(struct store *s, store_echo_fn *fn, void *arg)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT key,event FROM waiting WHERE until_ms IS NULL ORDER BY id", "");

    while (rc == 0 && (rc = db_next(r)) == 1) {
        char *key = NULL;

        rc = db_string(r, 0, &key);
        rc = rc ? rc : fn(arg, key ? key : "", db_view(r, 1));
        mem_free(key);
        if (rc)
            db_end(r);
    }
    return rc;
}
