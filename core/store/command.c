/* Commands that wait; and the times of all that waits, where a clock was wrong. */

#include "core/model/command.h"
#include "base/json.h"
#include "base/mem.h"
#include "core/store/private.h"
#include "core/store/store.h"
#include "proto/command.h"
#include "proto/event.h"

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

int store_command_read(struct db_rows *r, struct command_row *ret)
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

int store_command_body(struct db_rows *r, int column, struct command_row *c)
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
    rc = store_command_read(r, ret);
    if (rc == 0 && (rc = store_command_body(r, 14, ret)) != 0)
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

/* From lane to lane along the index, however many commands each of them has. */
int store_lanes(struct store *s, int64_t after, int64_t *ret, size_t max, size_t *ret_n)
{
    struct db_rows *r = NULL;
    int rc =
        db_query(s->db, &r,
                 "WITH RECURSIVE lanes(lane) AS (SELECT min(lane) FROM commands WHERE"
                 " lane>?1 UNION ALL SELECT (SELECT min(lane) FROM commands WHERE"
                 " lane>lanes.lane) FROM lanes WHERE lane IS NOT NULL LIMIT ?2) SELECT lane"
                 " FROM lanes WHERE lane IS NOT NULL",
                 "ii", after, (int64_t)max);

    *ret_n = 0;
    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = 0;
        ret[(*ret_n)++] = db_int(r, 0);
    }
    return rc;
}

int store_command_of_message(struct store *s, int64_t message, int64_t *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT id FROM commands WHERE message=? AND kind IN(?,?,?)"
                      " ORDER BY id DESC LIMIT 1",
                      "iiii", message, (int64_t)COMMAND_AMO_MESSAGE,
                      (int64_t)COMMAND_AMO_OUTGOING, (int64_t)COMMAND_SERVICE_MESSAGE);

    return store_one_int(rc, r, ret);
}

int store_commands_behind(struct store *s, int64_t message, int64_t after, int64_t newest,
                          struct command_ids *ret)
{
    struct db_rows *r = NULL;
    int rc = message ? db_query(s->db, &r,
                                "SELECT id FROM commands WHERE id>? AND id<=? AND message=?"
                                " ORDER BY id LIMIT ?",
                                "iiii", after, newest, message, (int64_t)ret->max)
                     : db_query(s->db, &r,
                                "SELECT id FROM commands WHERE id>? AND id<=?"
                                " ORDER BY id LIMIT ?",
                                "iii", after, newest, (int64_t)ret->max);

    ret->n = 0;
    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = 0;
        ret->ids[ret->n++] = db_int(r, 0);
    }
    return rc;
}

int store_command_newest(struct store *s, int64_t *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT max(id) FROM commands", "");

    *ret = 0;
    rc = store_one_int(rc, r, ret);
    return rc == STORE_E_NONE ? 0 : rc;
}

int store_message_commands(struct store *s, int64_t message, int64_t *ret_ids, size_t max,
                           size_t *ret_n)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT id FROM commands WHERE message=? ORDER BY id LIMIT ?",
                      "ii", message, (int64_t)max);

    *ret_n = 0;
    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = 0;
        ret_ids[(*ret_n)++] = db_int(r, 0);
    }
    return rc;
}

int store_commands_walk(struct store *s, store_command_fn *fn, void *arg)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT " COLUMNS " FROM commands ORDER BY id", "");

    while (rc == 0 && (rc = db_next(r)) == 1) {
        struct command_row c;

        rc = store_command_read(r, &c);
        if (rc == 0) {
            rc = fn(arg, &c);
            command_row_fini(&c);
        }
        if (rc)
            db_end(r);
    }
    return rc;
}

int store_command_unsure(struct store *s, int64_t id, bool unsure)
{
    return db_run(s->db, "UPDATE commands SET unsure=? WHERE id=?", "ii", (int64_t)unsure, id);
}

int store_commands_unsure(struct store *s, int64_t id)
{
    return db_run(s->db, "UPDATE commands SET unsure=1 WHERE id<=?", "i", id);
}

/* --- times that were stamped by a clock which is now proven wrong ------------------------------- */

/* in the future, or in what the clock showed while it was in doubt */
#define DOUBTED(column) "(" column ">?3 OR " column " BETWEEN ?1 AND ?2)"
/* an event waits for what it is about so long, at most */
#define WAIT_MS         "3600000"
/* an overlap of secrets lasts so long, at most */
#define OVERLAP_MAX_MS  "2592000000"

static int stamp(struct store *s, const char *sql, const struct store_stamps *t)
{
    return db_run(s->db, sql, "iii", t->low_ms, t->high_ms, t->now_ms);
}

/* One that was begun by a wrong clock must not end at once, nor in forty days. */
#define ROTATIONS(table)                                                                       \
    "UPDATE " table " SET old_until_ms=min(max(old_until_ms,?3+?4),?3+" OVERLAP_MAX_MS ")"     \
    " WHERE old_until_ms>0 AND (old_until_ms>?3+" OVERLAP_MAX_MS                               \
    " OR old_until_ms BETWEEN ?1 AND ?2+" OVERLAP_MAX_MS ")"

static int stamp_rotations(struct store *s, const struct store_stamps *t, bool *ret_changed)
{
    int64_t n = 0;
    int rc = db_run(s->db, ROTATIONS("channels"), "iiii", t->low_ms, t->high_ms, t->now_ms,
                    t->overlap_ms);

    n = rc ? 0 : db_changes(s->db);
    rc = rc ? rc
            : db_run(s->db, ROTATIONS("connectors"), "iiii", t->low_ms, t->high_ms, t->now_ms,
                     t->overlap_ms);
    if (rc == 0)
        *ret_changed = n + db_changes(s->db) > 0;
    return rc;
}

/* Since when an account is paused, or has left. */
static int stamp_scopes(struct store *s, const struct store_stamps *t, bool *ret_changed)
{
    int64_t n = 0;
    int rc = stamp(s, "UPDATE scopes SET paused=?3 WHERE paused<>0 AND " DOUBTED("paused"), t);

    n = rc ? 0 : db_changes(s->db);
    /* 1 stands for "since its pause" */
    rc = rc ? rc
            : stamp(s,
                    "UPDATE scopes SET disconnected=?3 WHERE disconnected>1 AND " DOUBTED(
                        "disconnected"),
                    t);
    if (rc == 0)
        *ret_changed = *ret_changed || n + db_changes(s->db) > 0;
    return rc;
}

int store_stamp_anew(struct store *s, const struct store_stamps *t, bool *ret_registry)
{
    int rc = stamp(s, "UPDATE commands SET taken_ms=?3 WHERE " DOUBTED("taken_ms"), t);

    rc = rc ? rc : stamp(s, "UPDATE quarantine SET at_ms=?3 WHERE " DOUBTED("at_ms"), t);
    rc = rc ? rc : stamp(s, "UPDATE dead SET died_ms=?3 WHERE " DOUBTED("died_ms"), t);
    rc = rc ? rc : stamp(s, "UPDATE source_owners SET at_ms=?3 WHERE " DOUBTED("at_ms"), t);
    rc = rc ? rc : stamp(s, "UPDATE orders SET at_ms=?3 WHERE " DOUBTED("at_ms"), t);
    /* of refusals: the others go with their message */
    rc = rc ? rc
            : stamp(s,
                    "UPDATE attempts SET began_ms=?3 WHERE message=0 AND " DOUBTED("began_ms"),
                    t);
    rc = rc ? rc
            : stamp(s,
                    "UPDATE waiting SET until_ms=?3+" WAIT_MS " WHERE (until_ms>?3+" WAIT_MS
                    " AND until_ms<9223372036854775807) OR until_ms BETWEEN ?1 AND ?2+" WAIT_MS,
                    t);
    /* what is set aside for an account, since when */
    rc = rc ? rc
            : stamp(s,
                    "UPDATE waiting SET at_ms=?3 WHERE key>='b' AND key<'c' AND " DOUBTED(
                        "at_ms"),
                    t);
    rc = rc ? rc : stamp(s, "UPDATE waiting SET taken_ms=?3 WHERE " DOUBTED("taken_ms"), t);
    rc =
        rc ? rc
           : db_run(
                 s->db,
                 /* by number: the newest alone may be meant, and these may be all of the index */
                 "UPDATE messages SET taken_ms=?1 WHERE id>?2 AND (+taken_ms>?1 OR +taken_ms"
                 " BETWEEN ?3 AND ?4)",
                 "iiii", t->now_ms, t->row, t->low_ms, t->high_ms);
    rc = rc ? rc : stamp_rotations(s, t, ret_registry);
    return rc ? rc : stamp_scopes(s, t, ret_registry);
}

int store_message_newest(struct store *s, int64_t *ret_id)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT max(id) FROM messages", "");

    rc = store_one(rc, r);
    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    *ret_id = db_int(r, 0);
    db_end(r);
    return 0;
}
