/* Replaces times that were stamped by a clock which is now proven wrong. */

#include "core/store/store.h"

#include "core/store/private.h"

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
