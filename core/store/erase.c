/* What erasing a person needs of the store. */

#include "core/store/erase.h"

#include "core/store/private.h"
#include "proto/limits.h"

#define OF_CONVERSATIONS "IN (SELECT id FROM temp.erase_conversations)"
#define OF_MESSAGES      "IN (SELECT id FROM temp.erase_messages)"
/* lanes are two a conversation (command_lane_of), named one by one because that is how an index finds
 * them */
#define IN_LANE                                                                                \
    "lane IN (SELECT 2*id FROM temp.erase_conversations UNION ALL SELECT 2*id+1 FROM"          \
    " temp.erase_conversations)"

int store_erase_begin(struct store *s)
{
    int rc = db_run(s->db, "DELETE FROM temp.erase_conversations", "");

    rc = rc ? rc : db_run(s->db, "DELETE FROM temp.erase_clients", "");
    rc = rc ? rc : db_run(s->db, "DELETE FROM temp.erase_messages", "");
    rc = rc ? rc : db_run(s->db, "DELETE FROM temp.erase_dead", "");
    return rc ? rc : db_run(s->db, "DELETE FROM temp.erase_evidence", "");
}

int store_erase_add_conversation(struct store *s, int64_t id)
{
    return db_run(s->db,
                  "INSERT OR IGNORE INTO temp.erase_conversations SELECT id FROM conversations"
                  " WHERE id=?1 OR merged=?1",
                  "i", id);
}

int store_erase_add_client(struct store *s, int64_t id)
{
    return db_run(s->db, "INSERT OR IGNORE INTO temp.erase_clients VALUES(?)", "i", id);
}

int store_erase_has_conversation(struct store *s, int64_t id, bool *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT 1 FROM temp.erase_conversations WHERE id=?", "i", id);

    rc = store_one(rc, r);
    *ret = rc == 0;
    if (rc == 0)
        db_end(r);
    return rc == STORE_E_NONE ? 0 : rc;
}

int store_newest_message(struct store *s, int64_t *ret_id)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT max(id) FROM messages", "");

    return store_one_int(rc, r, ret_id);
}

int store_erase_find_messages(struct store *s, int64_t limit, int64_t *at, bool *ret_more)
{
    int64_t newest = 0;
    int64_t end = *at + limit;
    int rc = store_newest_message(s, &newest);

    if (rc)
        return rc;
    *ret_more = end < newest;
    if (!*ret_more)
        end = newest;
    /* by number: along the conversations each step would meet all of their messages */
    rc = db_run(s->db,
                "INSERT OR IGNORE INTO temp.erase_messages SELECT id FROM messages WHERE id>?1"
                " AND id<=?2 AND +conversation IN (SELECT id FROM temp.erase_conversations)",
                "ii", *at, end);
    if (rc == 0)
        *at = end;
    return rc;
}

int store_bodies_walk(struct store *s, int64_t limit, store_body_fn *fn, void *arg, int64_t *at,
                      bool *ret_more)
{
    struct db_rows *r = NULL;
    int64_t n = 0;
    int rc = db_query(s->db, &r,
                      "SELECT id,lane,body FROM commands WHERE id>? AND body IS NOT NULL"
                      " ORDER BY id LIMIT ?",
                      "ii", *at, limit);

    while (rc == 0 && (rc = db_next(r)) == 1) {
        *at = db_int(r, 0);
        n++;
        rc = fn(arg, *at, db_int(r, 1), db_view(r, 2));
        if (rc)
            db_end(r);
    }
    *ret_more = n == limit;
    return rc;
}

int store_events_walk(struct store *s, enum store_event_place place, store_event_fn *fn,
                      void *arg)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      place == STORE_EVENT_WAITING
                          ? "SELECT id,event FROM waiting ORDER BY id"
                          : "SELECT id,event FROM quarantine WHERE event IS NOT NULL"
                            " ORDER BY id",
                      "");

    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = fn(arg, db_int(r, 0), db_view(r, 1));
        if (rc)
            db_end(r);
    }
    return rc;
}

int store_erase_chats(struct store *s, store_chat_fn *fn, void *arg)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT DISTINCT chat_id FROM messages WHERE chat_id IS NOT NULL AND id"
                      " IN (SELECT id FROM temp.erase_messages)",
                      "");

    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = fn(arg, db_view(r, 0));
        if (rc)
            db_end(r);
    }
    return rc;
}

/* --- dead letters, evidence ----------------------------------------------------------------- */

int store_dead_walk(struct store *s, store_dead_fn *fn, void *arg)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT id,ifnull(message " OF_MESSAGES ",0) OR (" IN_LANE "),body"
                      " FROM dead WHERE body IS NOT NULL ORDER BY id",
                      "");

    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = fn(arg, db_int(r, 0), db_int(r, 1) != 0, db_view(r, 2));
        if (rc)
            db_end(r);
    }
    return rc;
}

int store_erase_add_dead(struct store *s, int64_t id)
{
    return db_run(s->db, "INSERT OR IGNORE INTO temp.erase_dead VALUES(?)", "i", id);
}

int store_evidence_walk(struct store *s, int64_t limit, store_evidence_fn *fn, void *arg,
                        int64_t *at, bool *ret_more)
{
    struct db_rows *r = NULL;
    int64_t end = *at + limit;
    int rc = db_query(s->db, &r, "SELECT ifnull(max(id),0) FROM attempts", "");

    rc = store_one(rc, r);
    if (rc)
        return rc;
    *ret_more = end < db_int(r, 0);
    if (!*ret_more)
        end = db_int(r, 0);
    db_end(r);
    rc = db_query(s->db, &r,
                  "SELECT id,evidence FROM attempts WHERE id>? AND id<=? AND evidence IS NOT"
                  " NULL ORDER BY id",
                  "ii", *at, end);
    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = fn(arg, db_int(r, 0), db_view(r, 1));
        if (rc)
            db_end(r);
    }
    if (rc == 0)
        *at = end;
    return rc;
}

int store_erase_add_evidence(struct store *s, int64_t attempt)
{
    return db_run(s->db, "INSERT OR IGNORE INTO temp.erase_evidence VALUES(?)", "i", attempt);
}

int store_erase_add_evidence_of(struct store *s, int64_t command)
{
    return db_run(s->db,
                  "INSERT OR IGNORE INTO temp.erase_evidence SELECT id FROM attempts WHERE"
                  " command=? AND evidence IS NOT NULL",
                  "i", command);
}

/* --- what goes ------------------------------------------------------------------------------ */

#define HAS_NAME                                                                               \
    "(name IS NOT NULL OR phone IS NOT NULL) AND (id " OF_CONVERSATIONS                        \
    " OR id IN (SELECT id FROM temp.erase_clients))"
#define IS_DEAD "body IS NOT NULL AND id IN (SELECT id FROM temp.erase_dead)"
#define HAS_WORDS                                                                              \
    "coalesce(words,told_words) IS NOT NULL AND (id " OF_MESSAGES                              \
    " OR id IN (SELECT message FROM dead WHERE id IN"                                          \
    " (SELECT id FROM temp.erase_dead)) OR id IN (SELECT message FROM attempts WHERE id IN"    \
    " (SELECT id FROM temp.erase_evidence)))"
#define HAS_EVIDENCE                                                                           \
    "evidence IS NOT NULL AND (message " OF_MESSAGES " OR id IN (SELECT id FROM"               \
    " temp.erase_evidence) OR command IN (SELECT id FROM temp.erase_dead) OR command IN"       \
    " (SELECT id FROM dead WHERE " IN_LANE                                                     \
    ") OR command IN (SELECT id FROM commands WHERE " IN_LANE "))"

int store_erase_count(struct store *s, struct store_erased *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT (SELECT count(*) FROM conversations WHERE " HAS_NAME "),"
                      "(SELECT count(*) FROM temp.erase_messages),"
                      "(SELECT count(*) FROM messages WHERE " HAS_WORDS "),"
                      "(SELECT count(*) FROM attempts WHERE " HAS_EVIDENCE "),"
                      "(SELECT count(*) FROM reactions WHERE message " OF_MESSAGES "),"
                      "(SELECT count(*) FROM dead WHERE " IS_DEAD ")",
                      "");

    rc = store_one(rc, r);
    if (rc)
        return rc;
    *ret = (struct store_erased){.names = db_int(r, 0),
                                 .messages = db_int(r, 1),
                                 .words = db_int(r, 2),
                                 .evidence = db_int(r, 3),
                                 .reactions = db_int(r, 4),
                                 .dead = db_int(r, 5)};
    db_end(r);
    return 0;
}

int store_erase_apply(struct store *s)
{
    int rc =
        db_run(s->db, "UPDATE messages SET words=NULL, told_words=NULL WHERE " HAS_WORDS, "");

    rc = rc ? rc : db_run(s->db, "UPDATE attempts SET evidence=NULL WHERE " HAS_EVIDENCE, "");
    rc = rc ? rc : db_run(s->db, "UPDATE dead SET body=NULL WHERE " IS_DEAD, "");
    rc = rc ? rc : db_run(s->db, "DELETE FROM reactions WHERE message " OF_MESSAGES, "");
    return rc ? rc
              : db_run(s->db,
                       "UPDATE conversations SET name=NULL, phone=NULL, number=NULL"
                       " WHERE " HAS_NAME,
                       "");
}

int store_erase_events(struct store *s, enum store_event_place place, const int64_t *ids,
                       size_t n)
{
    int rc = db_run(s->db, "DELETE FROM temp.erase_events", "");

    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = db_run(s->db, "INSERT OR IGNORE INTO temp.erase_events VALUES(?)", "i", ids[i]);
    /* in one statement: many in one transaction cost the more the more there were */
    if (rc == 0)
        rc = place == STORE_EVENT_WAITING
                 ? db_run(s->db,
                          "DELETE FROM waiting WHERE id IN (SELECT id FROM temp.erase_events)",
                          "")
                 : db_run(s->db,
                          "UPDATE quarantine SET event=NULL,chat=NULL,phone=NULL WHERE id IN"
                          " (SELECT id FROM temp.erase_events)",
                          "");
    return rc;
}

int store_command_erase(struct store *s, int64_t id, struct view body)
{
    return db_run(s->db, "UPDATE commands SET body=?, erased=1 WHERE id=?", "bi", body, id);
}

int store_erasure_add(struct store *s, int64_t now_ms, struct view report, int64_t *ret_id)
{
    int rc =
        db_run(s->db, "INSERT INTO erasures(at_ms,report) VALUES(?,?)", "it", now_ms, report);

    if (rc == 0)
        *ret_id = db_last_id(s->db);
    return rc;
}

int store_erasure_report(struct store *s, int64_t id, struct view report)
{
    return db_run(s->db, "UPDATE erasures SET report=? WHERE id=?", "ti", report, id);
}

/* --- the file, and who else holds something ------------------------------------------------- */

int store_size(struct store *s, int64_t *ret_bytes)
{
    struct db_rows *r = NULL;
    int rc = db_query(
        s->db, &r, "SELECT page_count*page_size FROM pragma_page_count(), pragma_page_size()",
        "");

    return store_one_int(rc, r, ret_bytes);
}

int store_wish_rebuild(struct store *s)
{
    return store_meta_put(s, STORE_META_REBUILD, VIEW_LIT("1"));
}

int store_rebuild_is_wished(struct store *s, bool *ret)
{
    struct buf wish;
    int rc = 0;

    buf_init(&wish, 64);
    rc = store_meta_get(s, STORE_META_REBUILD, &wish);
    buf_fini(&wish);
    if (rc < 0)
        return rc;
    *ret = rc == 0;
    return 0;
}

int store_rebuild_is_done(struct store *s)
{
    return db_run(s->db, "DELETE FROM meta WHERE key=?", "s", STORE_META_REBUILD);
}

int store_ingress_seen(struct store *s, struct view name, const struct id *spool,
                       int64_t now_ms)
{
    int rc = db_run(s->db, "INSERT OR REPLACE INTO ingresses VALUES(?,?,?)", "tbi", name,
                    id_view(spool), now_ms);

    return rc ? rc
              : db_run(s->db,
                       "DELETE FROM ingresses WHERE name NOT IN (SELECT name FROM ingresses"
                       " ORDER BY seen_ms DESC LIMIT ?)",
                       "i", (int64_t)LIMIT_PEERS);
}

int store_ingresses_walk(struct store *s, store_ingress_fn *fn, void *arg)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT name,seen_ms FROM ingresses ORDER BY name", "");

    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = 0;
        fn(arg, db_view(r, 0), db_int(r, 1));
    }
    return rc;
}
