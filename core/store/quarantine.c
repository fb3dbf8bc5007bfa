/* Quarantine, and events that wait. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/num.h"
#include "core/store/erase.h"
#include "core/store/private.h"
#include "core/store/schema.h"
#include "core/store/shares.h"
#include "core/store/store.h"
#include "proto/command.h"
#include "proto/event.h"
#include "proto/foreign_id.h"
#include "proto/limits.h"

/* NOLINTNEXTLINE(readability-function-size): the arguments are the fields of one row */
int store_quarantine_add(struct store *s, const char *reason, struct view event,
                         struct view scope, struct view connector, uint64_t kind,
                         const struct id *trace, struct view same, struct view key_hash,
                         int64_t now_ms)
{
    struct kept_names names = {.message_id = VIEW_NONE};
    int rc = 0;

    if (kind) /* else it may not be read */
        kept_names_read(event, &names);
    rc = db_run(s->db,
                "INSERT OR IGNORE INTO quarantine(kind,reason,scope,connector,event,trace,"
                "same,key_hash,at_ms,message_id,chat,phone) VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
                "isttbbbbittt", (int64_t)kind, reason, scope, connector, event, id_view(trace),
                same, key_hash, now_ms, names.message_id, names.chat, kept_names_phone(&names));

    return rc == 0 && db_changes(s->db) == 0 ? STORE_E_KNOWN : rc;
}

int store_quarantine_has(struct store *s, struct view key_hash, bool *ret)
{
    struct db_rows *r = NULL;
    int rc =
        db_query(s->db, &r, "SELECT 1 FROM quarantine WHERE key_hash=? LIMIT 1", "b", key_hash);

    rc = store_one(rc, r);
    *ret = rc == 0;
    if (rc == 0)
        db_end(r);
    return rc == STORE_E_NONE ? 0 : rc;
}

/* What a replay changes is left out: an entry may have been replayed in vain. */
static int as_it_came(struct view bytes, struct buf *ret)
{
    struct event e;

    buf_reset(ret);
    if (event_decode(bytes, &e))
        return buf_add_view(ret, bytes); /* kept unread */
    e.taken_ms = 0;
    e.replay = 0;
    return event_encode(&e, ret);
}

static int is_this_event(struct view came, struct view kept, bool *ret)
{
    struct buf event;
    int rc = 0;

    buf_init(&event, LIMIT_FRAME_BYTES);
    rc = kept.ptr ? as_it_came(kept, &event) : 0;
    *ret = rc == 0 && (!kept.ptr || view_equal(came, buf_view(&event)));
    buf_fini(&event);
    return rc;
}

int store_quarantine_stands(struct store *s, const struct id *trace, struct view event,
                            bool *ret)
{
    struct db_rows *r = NULL;
    struct buf came;
    int rc = 0;

    *ret = false;
    buf_init(&came, LIMIT_FRAME_BYTES);
    rc = as_it_came(event, &came);
    rc = rc ? rc
            : db_query(s->db, &r, "SELECT event FROM quarantine WHERE trace=?", "b",
                       id_view(trace));
    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = is_this_event(buf_view(&came), db_view(r, 0), ret);
        if (rc == 0 && !*ret)
            continue;
        db_end(r);
        break;
    }
    buf_fini(&came);
    return rc;
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
    json_add_time(w, "at", db_int(r, 5));
    if (id_from_view(db_view(r, 6), &trace) == 0)
        id_format(&trace, text);
    json_add_text(w, "trace", view_of(text));
    if (!db_view(r, 7).ptr)
        json_add_bool(w, "erased", true);
}

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

int store_quarantine_forget_statuses(struct store *s, int64_t before_ms)
{
    return db_run(s->db,
                  "DELETE FROM quarantine WHERE kind=5 AND at_ms < ?"
                  " AND reason IN('unknown_message','too_many_waiting')",
                  "i", before_ms);
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

#define QUARANTINE_SELECT                                                                      \
    "SELECT id,kind,reason,scope,connector,at_ms,trace,event FROM quarantine"

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

/* meta: the last row that may have been done before the store was put back; there may be very many rows */
#define FORGOTTEN_META "waiting_forgotten"

static int begin_waiting(struct store *s)
{
    struct buf last;
    int64_t forgotten = 0;
    int64_t newest = 0;
    int rc = 0;

    if (s->waiting_next || s->hurt_waiting)
        return 0;
    buf_init(&last, 32);
    rc = store_meta_get(s, FORGOTTEN_META, &last);
    if (rc == 0 && num_parse_i64(buf_view(&last), &forgotten))
        rc = -EINVAL;
    buf_fini(&last);
    rc = rc == STORE_E_NONE ? 0 : rc;
    rc = rc ? rc : store_waiting_newest(s, &newest);
    if (rc)
        return rc;
    s->waiting_forgotten = forgotten;
    s->waiting_next = 1 + (newest > s->waiting_forgotten ? newest : s->waiting_forgotten);
    return 0;
}

/* No number comes twice in a life of core, nor one that is forgotten: SQLite itself would give that of a last row
 * again, and what is new would pass for it. */
static int next_waiting(struct store *s, int64_t *ret)
{
    int rc = begin_waiting(s);

    *ret = rc || s->hurt_waiting ? 0 : s->waiting_next++;
    return rc;
}

static bool is_forgotten(const struct store *s, int64_t id, int64_t column)
{
    return (column & 1) != 0 || id <= s->waiting_forgotten;
}

int store_waiting_forgotten(struct store *s, int64_t id)
{
    char text[24];
    int rc = begin_waiting(s);

    if (rc || s->hurt_waiting || id <= s->waiting_forgotten)
        return rc;
    s->waiting_forgotten = id; /* known until the next start at least */
    (void)snprintf(text, sizeof(text), "%lld", (long long)id); /* fits */
    return store_meta_put(s, FORGOTTEN_META, view_of(text));
}

int store_deferred_add(struct store *s, const char *key, struct view event, const char *who,
                       int64_t until_ms)
{
    struct kept_names names;
    int64_t id = 0;
    int rc = next_waiting(s, &id);

    if (rc)
        return rc;
    kept_names_read(event, &names);
    return db_run(
        s->db,
        "INSERT INTO waiting(id,key,event,who,until_ms,message_id,trace,taken_ms,chat,"
        "phone) VALUES(NULLIF(?,0),?,?,?,?,?,?,?,?,?)",
        "isbsitbitt", id, key, event, who, until_ms, names.message_id, names.trace,
        names.taken_ms, names.chat, kept_names_phone(&names));
}

static int deferred_take(struct store *s, struct db_rows *r, int query_rc,
                         struct buf *ret_event)
{
    int rc = store_one(query_rc, r);
    int64_t id = 0;

    if (rc)
        return rc;
    id = db_int(r, 0);
    rc = buf_add_view(ret_event, db_view(r, 1));
    db_end(r);
    return rc ? rc : store_deferred_remove(s, id);
}

int store_deferred_take(struct store *s, const char *key, struct buf *ret_event)
{
    struct db_rows *r = NULL;
    int rc = 0;

    if (s->hurt_waiting)
        return STORE_E_NONE;
    rc = db_query(s->db, &r, "SELECT id,event FROM waiting WHERE key=? ORDER BY id LIMIT 1",
                  "s", key);
    return deferred_take(s, r, rc, ret_event);
}

int store_deferred_has(struct store *s, const char *key, bool *ret)
{
    struct db_rows *r = NULL;
    int rc = 0;

    *ret = false;
    if (s->hurt_waiting)
        return 0;
    rc = db_query(s->db, &r, "SELECT EXISTS(SELECT 1 FROM waiting WHERE key=?)", "s", key);
    rc = store_one(rc, r);
    if (rc)
        return rc;
    *ret = db_int(r, 0) != 0;
    db_end(r);
    return 0;
}

int store_deferred_move(struct store *s, int64_t id, const char *key)
{
    return db_run(s->db, "UPDATE waiting SET key=? WHERE id=?", "si", key, id);
}

int store_deferred_drop(struct store *s, struct view event)
{
    return db_run(s->db, "DELETE FROM waiting WHERE id=(SELECT id FROM waiting WHERE event=?)",
                  "b", event);
}

int store_deferred_overdue(struct store *s, int64_t now_ms, int64_t *ret_id,
                           struct buf *ret_event)
{
    struct db_rows *r = NULL;
    int rc = 0;

    if (s->hurt_waiting)
        return STORE_E_NONE;
    rc = db_query(s->db, &r,
                  "SELECT id,event FROM waiting WHERE until_ms<? ORDER BY until_ms,id LIMIT 1",
                  "i", now_ms);
    rc = store_one(rc, r);
    if (rc)
        return rc;
    *ret_id = db_int(r, 0);
    rc = buf_add_view(ret_event, db_view(r, 1));
    db_end(r);
    return rc;
}

int store_deferred_remove(struct store *s, int64_t id)
{
    return db_run(s->db, "DELETE FROM waiting WHERE id=?", "i", id);
}

int store_deferred_put_off(struct store *s, int64_t id, int64_t until_ms)
{
    return db_run(s->db, "UPDATE waiting SET until_ms=? WHERE id=?", "ii", until_ms, id);
}

/* --- what was set aside ----------------------------------------------------------------------- */

/* Its key, and in the sums who it is: nobody's share of the waiting room. It is never overdue for those who look
 * for that. */
#define ASIDE_KEY     "b"
#define ASIDE_KEY_END "c"

static int aside_key(struct view scope, char ret[LIMIT_ID + 2])
{
    return snprintf(ret, LIMIT_ID + 2, ASIDE_KEY "%.*s", (int)view_cut(scope, LIMIT_ID).len,
                    scope.len ? scope.ptr : "") < 0
               ? -EINVAL
               : 0;
}

int store_aside_add(struct store *s, struct view scope, struct view event,
                    const struct aside_row *row)
{
    struct kept_names names;
    char key[LIMIT_ID + 2];
    int64_t id = 0;
    int rc = aside_key(scope, key);

    kept_names_read(event, &names);
    rc = rc ? rc : next_waiting(s, &id);
    return rc ? rc
              : db_run(s->db,
                       "INSERT INTO waiting(key,who,event,until_ms,at_ms,forgotten,message_id,"
                       "trace,same,id,taken_ms,chat,phone) VALUES(?1,?1,?2,?3,?4,?5,?6,?7,?8,"
                       "NULLIF(?9,0),?10,?11,?12)",
                       "sbiiitbbiitt", key, event, INT64_MAX, row->at_ms,
                       (int64_t)row->forgotten + 2 * (int64_t)row->again, names.message_id,
                       names.trace, row->same, id, names.taken_ms, names.chat,
                       kept_names_phone(&names));
}

int store_aside_has(struct store *s, struct view same, bool *ret)
{
    struct db_rows *r = NULL;
    int rc = 0;

    *ret = false;
    if (s->hurt_waiting)
        return 0;
    rc = db_query(s->db, &r, "SELECT EXISTS(SELECT 1 FROM waiting WHERE same=?)", "b", same);
    rc = store_one(rc, r);
    if (rc)
        return rc;
    *ret = db_int(r, 0) != 0;
    db_end(r);
    return 0;
}

int store_aside_first(struct store *s, struct view scope, struct buf *ret_event,
                      struct aside_row *ret_row)
{
    struct db_rows *r = NULL;
    char key[LIMIT_ID + 2];
    int rc = aside_key(scope, key);

    rc = rc ? rc : begin_waiting(s);
    if (rc || s->hurt_waiting)
        return rc ? rc : STORE_E_NONE;
    rc =
        db_query(s->db, &r,
                 "SELECT id,event,at_ms,forgotten FROM waiting WHERE key=? ORDER BY id LIMIT 1",
                 "s", key);
    rc = store_one(rc, r);
    if (rc)
        return rc;
    *ret_row = (struct aside_row){.id = db_int(r, 0),
                                  .at_ms = db_int(r, 2),
                                  .again = (db_int(r, 3) & 2) != 0,
                                  .forgotten = is_forgotten(s, db_int(r, 0), db_int(r, 3))};
    rc = buf_add_view(ret_event, db_view(r, 1));
    db_end(r);
    return rc;
}

int store_aside_walk(struct store *s, store_aside_fn *fn, void *arg)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT substr(who,2),n FROM shares WHERE who>='" ASIDE_KEY
                      "' AND who<'" ASIDE_KEY_END "' AND room=2 AND n>0",
                      "");

    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = fn(arg, db_view(r, 0), db_int(r, 1));
        if (rc)
            db_end(r);
    }
    return rc;
}

int store_aside_share(struct store *s, struct view scope, struct store_share *ret)
{
    struct store_share rooms[STORE_ROOMS];
    char key[LIMIT_ID + 2];
    int rc = aside_key(scope, key);

    rc = rc ? rc : store_shares_of(s, key, rooms);
    if (rc == 0)
        *ret = rooms[STORE_ROOM_WAITING];
    return rc;
}

int store_waiting_newest(struct store *s, int64_t *ret_id)
{
    struct db_rows *r = NULL;
    int rc = 0;

    *ret_id = 0;
    if (s->hurt_waiting)
        return 0;
    rc = db_query(s->db, &r, "SELECT max(id) FROM waiting", "");
    rc = store_one(rc, r);
    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    *ret_id = db_int(r, 0);
    db_end(r);
    return 0;
}

/* --- what may be an echo ---------------------------------------------------------------------- */

void echo_row_fini(struct echo_row *r)
{
    mem_free(r->scope);
    *r = (struct echo_row){0};
}

static struct echo_came came_of(const struct store *s, int64_t id, struct db_rows *r, int first)
{
    struct echo_came ret = {.at_ms = db_int(r, first + 1),
                            .forgotten = is_forgotten(s, id, db_int(r, first + 2))};

    if (id_from_view(db_view(r, first), &ret.spool))
        ret.spool = (struct id){{0}}; /* kept by an older version */
    return ret;
}

/* NOLINTNEXTLINE(readability-function-size): the arguments are the fields of one row */
int store_echo_put(struct store *s, int64_t *place, const char *key, struct view event,
                   const char *who, const char *scope, const struct echo_came *came)
{
    struct kept_names names;
    int64_t id = *place;
    int rc = id ? 0 : next_waiting(s, &id);

    if (rc)
        return rc;
    kept_names_read(event, &names);
    rc = db_run(s->db,
                "INSERT INTO waiting(id,key,event,who,scope,spool,at_ms,forgotten,message_id,"
                "trace,taken_ms,chat,phone) VALUES(NULLIF(?,0),?,?,?,?,?,?,?,?,?,?,?,?)",
                "isbssbiitbitt", id, key, event, who, scope, id_view(&came->spool), came->at_ms,
                (int64_t)came->forgotten, names.message_id, names.trace, names.taken_ms,
                names.chat, kept_names_phone(&names));

    if (rc == 0)
        *place = db_last_id(s->db);
    return rc;
}

int store_echo_take(struct store *s, int64_t place, const char *key, struct buf *ret_event,
                    struct echo_row *ret_row)
{
    struct echo_row row = {.place = place};
    struct db_rows *r = NULL;
    int rc = begin_waiting(s);

    if (rc)
        return rc;
    rc = db_query(s->db, &r,
                  "SELECT event,scope,spool,at_ms,forgotten FROM waiting WHERE id=? AND key=?",
                  "is", place, key);

    rc = store_one(rc, r);
    if (rc)
        return rc;
    row.came = came_of(s, place, r, 2);
    rc = buf_add_view(ret_event, db_view(r, 0));
    rc = rc ? rc : db_string(r, 1, &row.scope);
    db_end(r);
    rc = rc ? rc : db_run(s->db, "DELETE FROM waiting WHERE id=?", "i", place);
    if (rc)
        echo_row_fini(&row);
    else
        *ret_row = row; /* handed over */
    return rc;
}

int store_echoes_walk(struct store *s, store_echo_fn *fn, void *arg)
{
    struct db_rows *r = NULL;
    int rc = begin_waiting(s);

    if (rc || s->hurt_waiting)
        return rc;
    rc = db_query(s->db, &r,
                  "SELECT key,event,id,spool,at_ms,forgotten FROM waiting"
                  " WHERE until_ms IS NULL ORDER BY id",
                  "");

    while (rc == 0 && (rc = db_next(r)) == 1) {
        struct echo_came came = came_of(s, db_int(r, 2), r, 3);
        char *key = NULL;

        rc = db_string(r, 0, &key);
        rc = rc ? rc : fn(arg, key ? key : "", db_view(r, 1), db_int(r, 2), &came);
        mem_free(key);
        if (rc)
            db_end(r);
    }
    return rc;
}
