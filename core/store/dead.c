/* Dead letters. */

#include "base/json.h"
#include "base/mem.h"
#include "core/model/command.h"
#include "core/store/private.h"
#include "core/store/store.h"
#include "proto/command.h"
#include "proto/event.h"
#include "proto/limits.h"

int store_dead_add(struct store *s, int64_t command, const char *reason, int64_t now_ms)
{
    int rc =
        db_run(s->db,
               "INSERT OR REPLACE INTO dead SELECT id,lane,kind,message,scope,connector,body,"
               "taken_ms,attempts,?,?,NULL FROM commands WHERE id=?",
               "sii", reason, now_ms, command);

    return rc ? rc : store_command_settle(s, command);
}

int store_dead_by(struct store *s, int64_t id, const char *user)
{
    return db_run(s->db, "UPDATE dead SET dropped_by=? WHERE id=?", "si", user, id);
}

int store_dead_by_whom(struct store *s, int64_t id, struct buf *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT dropped_by FROM dead WHERE id=?", "i", id);

    rc = store_one(rc, r);
    if (rc)
        return rc;
    rc = buf_add_view(ret, db_view(r, 0));
    db_end(r);
    return rc;
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

int store_dead_of_message(struct store *s, int64_t message, int64_t *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT id FROM dead WHERE message=? AND kind IN(?,?,?)"
                      " ORDER BY id DESC LIMIT 1",
                      "iiii", message, (int64_t)COMMAND_AMO_MESSAGE,
                      (int64_t)COMMAND_AMO_OUTGOING, (int64_t)COMMAND_SERVICE_MESSAGE);

    return store_one_int(rc, r, ret);
}

int store_dead(struct store *s, int64_t id, struct command_row *ret)
{
    struct db_rows *r = NULL;
    int rc = store_dead_whole(s, id);

    if (rc)
        return rc;
    rc = db_query(
        s->db, &r,
        "SELECT id,lane,kind,message,scope,connector,taken_ms,0,0,0,0,0,0,"
        "(SELECT trace FROM messages WHERE messages.id=dead.message),body FROM dead WHERE id=?",
        "i", id);

    rc = store_one(rc, r);
    if (rc)
        return rc;
    rc = store_command_read(r, ret);
    if (rc == 0 && (rc = store_command_body(r, 14, ret)) != 0)
        command_row_fini(ret);
    db_end(r);
    return rc;
}

int store_dead_retry(struct store *s, int64_t id, int64_t now_ms, struct command_row *ret)
{
    int64_t since = 0;
    struct command_row c;
    int rc = store_dead(s, id, &c);

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
    rc = db_query(
        s->db, &r,
        "SELECT kind=?2 AND ((reason IN('workers_lost','core_lost') AND died_ms<?3) OR EXISTS("
        "SELECT 1 FROM attempts a WHERE a.message=dead.message AND a.kind=?2 AND"
        " a.outcome IN(?4,?5) AND a.began_ms<?3)) FROM dead WHERE id=?1",
        "iiiii", id, (int64_t)COMMAND_SERVICE_MESSAGE, before_ms, (int64_t)OUTCOME_UNKNOWN,
        (int64_t)OUTCOME_RETRY);

    rc = store_one(rc, r);
    if (rc)
        return rc;
    *ret_may = db_int(r, 0) != 0;
    db_end(r);
    return 0;
}

int store_dead_has_arrived(struct store *s, int64_t id, bool *ret_has)
{
    struct db_rows *r = NULL;
    enum message_state state = MESSAGE_ACCEPTED;
    int rc = db_query(s->db, &r,
                      "SELECT m.state, dead.kind FROM dead LEFT JOIN messages m ON"
                      " m.id=dead.message WHERE dead.id=?",
                      "i", id);

    rc = store_one(rc, r);
    if (rc)
        return rc;
    state = message_state_of(db_view(r, 0));
    *ret_has = command_is_message((enum command_kind)db_int(r, 1)) &&
               (state == MESSAGE_DELIVERED_TO_AMO || state == MESSAGE_DELIVERED_TO_SERVICE);
    db_end(r);
    return 0;
}

int store_dead_arrived(struct store *s, int64_t *ret)
{
    struct db_rows *r = NULL;
    int rc =
        db_query(s->db, &r,
                 "SELECT count(*) FROM (SELECT m.state,d.kind FROM dead d LEFT JOIN messages m"
                 " ON m.id=d.message ORDER BY d.id DESC LIMIT ?6)"
                 " WHERE state IN(?1,?2) AND kind IN(?3,?4,?5)",
                 "ssiiii", message_state_name(MESSAGE_DELIVERED_TO_AMO),
                 message_state_name(MESSAGE_DELIVERED_TO_SERVICE), (int64_t)COMMAND_AMO_MESSAGE,
                 (int64_t)COMMAND_AMO_OUTGOING, (int64_t)COMMAND_SERVICE_MESSAGE,
                 (int64_t)LIMIT_LIST_ROWS);

    return store_one_int(rc, r, ret);
}

int store_dead_drop(struct store *s, int64_t id)
{
    int rc = db_run(s->db, "DELETE FROM dead WHERE id=?", "i", id);

    return rc == 0 && db_changes(s->db) == 0 ? STORE_E_NONE : rc;
}

/* What the card would say. */
static void add_status(struct db_rows *r, struct json_writer *w)
{
    struct command body;

    if (db_view(r, 12).len && command_decode(db_view(r, 12), &body) == 0)
        json_add_int(w, "status", body.status_code);
}

static void dead_json_row(struct db_rows *r, struct json_writer *w)
{
    json_add_int(w, "id", db_int(r, 0));
    json_add_text(w, "kind", view_of(command_kind_name((uint64_t)db_int(r, 1))));
    json_add_text(w, "reason", db_view(r, 2));
    json_add_text(w, "scope_id", db_view(r, 3));
    json_add_text(w, "connector", db_view(r, 4));
    json_add_int(w, "attempts", db_int(r, 5));
    json_add_time(w, "taken_at", db_int(r, 6));
    json_add_time(w, "died_at", db_int(r, 7));
    json_add_text(w, "mid", db_view(r, 8));
    json_add_text(w, "amo_id", db_view(r, 9));
    json_add_text(w, "service_id", db_view(r, 10));
    if (db_int(r, 11))
        json_add_bool(w, "erased", true);
    add_status(r, w);
    json_add_text_if(w, "dropped_by", db_view(r, 14));
}

#define DEAD_SELECT                                                                            \
    "SELECT d.id,d.kind,d.reason,d.scope,d.connector,CASE ?3 WHEN 0 THEN"                      \
    " max(d.attempts,(SELECT count(*) FROM attempts a WHERE a.command=d.id AND a.probe IS"     \
    " NULL)) ELSE d.attempts END,d.taken_ms,d.died_ms,m.mid,"                                  \
    "m.amo_id,m.service_id,d.body IS NULL,CASE d.kind WHEN ?1 THEN d.body END,d.attempts,"     \
    "d.dropped_by"                                                                             \
    " FROM dead d LEFT JOIN messages m ON m.id=d.message"

int store_dead_json(struct store *s, int64_t id, struct json_writer *w)
{
    struct db_rows *r = NULL;
    int rc = 0;

    if (id) {
        rc = db_query(s->db, &r, DEAD_SELECT " WHERE d.id=?2", "iii",
                      (int64_t)COMMAND_AMO_STATUS, id, (int64_t)s->hurt_attempts);
        rc = store_one(rc, r);
        if (rc)
            return rc;
        dead_json_row(r, w);
        json_add_int(w, "counted", db_int(r, 13));
        db_end(r);
        json_open_array(w, "tries");
        rc = store_attempts_json(s, id, w);
        json_close_array(w);
        return rc;
    }
    rc = db_query(s->db, &r, DEAD_SELECT " ORDER BY d.id DESC LIMIT ?2", "iii",
                  (int64_t)COMMAND_AMO_STATUS, (int64_t)LIMIT_LIST_ROWS,
                  (int64_t)s->hurt_attempts);
    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = 0;
        json_open_object(w, NULL);
        dead_json_row(r, w);
        json_close_object(w);
    }
    return rc;
}

int store_dead_unclear_walk(struct store *s, int64_t lane, int64_t kind,
                            const struct unclear_since *since, store_unclear_fn *fn, void *arg)
{
    struct db_rows *r = NULL;
    int rc = db_query(
        s->db, &r,
        "SELECT d.message,d.body FROM (SELECT id,message,body,taken_ms FROM dead WHERE lane=?1 "
        "AND"
        " kind=?2 AND CASE reason WHEN 'refused' THEN 0 WHEN 'unclear' THEN died_ms>=?5"
        " ELSE died_ms>=?6 END ORDER BY id DESC LIMIT ?4) d JOIN messages m ON"
        " m.id=d.message WHERE CASE ?2 WHEN ?3 THEN m.service_id ELSE m.amo_id END IS NULL"
        " AND d.body IS NOT NULL AND (d.taken_ms<=?7 OR EXISTS(SELECT 1 FROM attempts WHERE"
        " message=d.message AND kind=?2 AND began_ms<=?7)) ORDER BY d.id",
        "iiiiiii", lane, kind, (int64_t)COMMAND_SERVICE_MESSAGE, (int64_t)LIMIT_LIST_ROWS,
        since->unclear_ms, since->other_ms, since->begun_ms);

    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = fn(arg, db_int(r, 0), db_view(r, 1));
        if (rc)
            db_end(r);
    }
    return rc;
}
