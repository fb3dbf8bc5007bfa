/* Numbers, their conversations, and chats that were left behind. */

#include "core/store/reach.h"

#include <string.h>

#include "base/mem.h"
#include "core/store/private.h"

static const char *text_or_none(const char *text)
{
    return text ? text : "";
}

int store_reach_next(struct store *s, struct conversation *at)
{
    /* by the smallest text above: with > SQLite would go through all rows of @at to find the first one behind them */
    struct conversation next = {0};
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT connector,source,scope FROM conversations WHERE merged IS NULL"
                      " AND (connector,source,scope)>=(?,?,?||char(0))"
                      " ORDER BY connector,source,scope LIMIT 1",
                      "sss", text_or_none(at->connector), text_or_none(at->source),
                      text_or_none(at->scope));

    rc = store_one(rc, r);
    if (rc)
        return rc;
    rc = db_string(r, 0, &next.connector);
    rc = rc ? rc : db_string(r, 1, &next.source);
    rc = rc ? rc : db_string(r, 2, &next.scope);
    db_end(r);
    if (rc) {
        conversation_fini(&next);
        return rc;
    }
    conversation_fini(at);
    *at = next; /* handed over */
    return 0;
}

int store_reach_count(struct store *s, const struct conversation *of, int64_t limit,
                      int64_t *after, int64_t *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT count(*),coalesce(max(id),?4) FROM (SELECT id FROM conversations"
                      " WHERE merged IS NULL AND connector=?1 AND source=?2 AND scope=?3 AND"
                      " id>?4 ORDER BY id LIMIT ?5)",
                      "sssii", of->connector, of->source, of->scope, *after, limit);

    rc = store_one(rc, r);
    if (rc)
        return rc;
    *ret = db_int(r, 0);
    *after = db_int(r, 1);
    db_end(r);
    return 0;
}

int store_source_last(struct store *s, struct view connector, struct view source,
                      int64_t *ret_ms)
{
    struct db_rows *r = NULL;
    /* of these alone: along the index of times the search would go on through all messages */
    int rc = db_query(s->db, &r,
                      "SELECT max(+m.taken_ms) FROM messages m JOIN conversations c ON"
                      " c.id=m.conversation WHERE m.id>(SELECT max(id) FROM messages)-100000"
                      " AND c.connector=? AND c.source=?",
                      "tt", connector, source);

    return store_one_int(rc, r, ret_ms);
}

int store_chat_leave(struct store *s, const struct conversation *c)
{
    if (!c->chat_id)
        return 0;
    return db_run(s->db, "INSERT OR REPLACE INTO left_chats VALUES(?,?,?,?,?,?)", "isssii",
                  c->id, c->scope, c->chat_id, c->user_ref, (int64_t)c->linked,
                  (int64_t)c->amo_born);
}

int store_chat_return(struct store *s, struct conversation *c)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT chat_id,user_ref,linked,amo_born FROM left_chats WHERE"
                      " conversation=? AND scope=?",
                      "is", c->id, c->scope);

    rc = store_one(rc, r);
    mem_free(c->chat_id);
    mem_free(c->user_ref);
    c->chat_id = c->user_ref = NULL;
    c->linked = c->amo_born = false;
    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    rc = db_string(r, 0, &c->chat_id);
    rc = rc ? rc : db_string(r, 1, &c->user_ref);
    c->linked = db_int(r, 2) != 0;
    c->amo_born = db_int(r, 3) != 0;
    db_end(r);
    return rc;
}

int store_command_redirect(struct store *s, int64_t id, const char *scope,
                           const char *connector)
{
    return db_run(s->db,
                  "UPDATE commands SET scope=?, connector=?, attempts=0, next_ms=0, lost=0,"
                  " unsure=0"
                  " WHERE id=?",
                  "ssi", scope, connector, id);
}

int store_message_redirect(struct store *s, int64_t id, const char *scope,
                           const char *connector)
{
    return db_run(s->db, "UPDATE messages SET scope=coalesce(?,scope), connector=? WHERE id=?",
                  "ssi", scope, connector, id);
}

int store_sources_follow(struct store *s, const struct reg_scope *scope)
{
    /* whoever left as the same account of amoCRM, under another channel */
    int rc = db_run(s->db,
                    "UPDATE sources SET scope=?1 WHERE scope IN (SELECT id FROM scopes WHERE"
                    " account=?2 AND disconnected<>0 AND id<>?1)",
                    "ss", scope->id, scope->account);

    rc = rc ? rc
            : db_run(s->db,
                     "INSERT OR IGNORE INTO sources(connector,source,scope) SELECT"
                     " ?2,source,scope FROM sources WHERE scope=?1 AND connector<>?2",
                     "ss", scope->id, scope->connector);
    return rc ? rc
              : db_run(s->db, "DELETE FROM sources WHERE scope=? AND connector<>?", "ss",
                       scope->id, scope->connector);
}

/* --- numbers that were moved ------------------------------------------------------------------ */

/* messages that are looked through: some ten milliseconds */
#define NEWEST  "100000"
/* dead letters, for the same reason: some milliseconds */
#define LETTERS "2000"

void source_move_fini(struct source_move *m)
{
    mem_free(m->from);
    mem_free(m->space);
    *m = (struct source_move){.from = NULL};
}

int store_source_move_note(struct store *s, struct view connector, struct view source,
                           const struct source_move *m)
{
    return db_run(s->db,
                  "INSERT OR REPLACE INTO source_moves(connector,source,was,now,was_default,"
                  "at_ms,message) VALUES(?,?,?,?,?,?,"
                  "(SELECT coalesce(max(id),0) FROM messages))",
                  "ttstii", connector, source, m->from, m->to, (int64_t)m->was_default,
                  m->at_ms);
}

int store_source_move(struct store *s, struct view connector, struct view source,
                      struct source_move *ret)
{
    struct source_move m = {.from = NULL};
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT was,now,was_default,at_ms,message FROM source_moves"
                      " WHERE connector=? AND source=?",
                      "tt", connector, source);

    rc = store_one(rc, r);
    if (rc)
        return rc;
    rc = db_string(r, 0, &m.from);
    rc = rc ? rc : db_string(r, 1, &m.space);
    m.to = view_of(m.space);
    m.was_default = db_int(r, 2) != 0;
    m.at_ms = db_int(r, 3);
    m.message = db_int(r, 4);
    db_end(r);
    if (rc)
        source_move_fini(&m);
    else
        *ret = m; /* handed over */
    return rc;
}

int store_source_move_forget(struct store *s, struct view connector, struct view source)
{
    return db_run(s->db, "DELETE FROM source_moves WHERE connector=? AND source=?", "tt",
                  connector, source);
}

static int read_flag(struct db_rows *r, int query_rc, bool *ret)
{
    int rc = store_one(query_rc, r);

    if (rc)
        return rc;
    *ret = db_int(r, 0) != 0;
    db_end(r);
    return 0;
}

int store_source_used(struct store *s, struct view connector, struct view source,
                      const struct source_move *m, bool *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT coalesce(max(id),0)-?>" NEWEST " FROM messages", "i",
                      m->message);

    rc = read_flag(r, rc, ret);
    if (rc || *ret)
        return rc;
    rc = db_query(s->db, &r,
                  "SELECT EXISTS(SELECT 1 FROM messages m JOIN conversations c ON"
                  " c.id=m.conversation WHERE m.id>(SELECT max(id) FROM messages)-" NEWEST
                  " AND c.connector=? AND c.source=? AND (m.id>? OR (m.settled_ms>=? AND"
                  " m.state GLOB 'delivered*')))",
                  "ttii", connector, source, m->message, m->at_ms);
    return read_flag(r, rc, ret);
}

int store_source_given_up(struct store *s, struct view connector, struct view source,
                          int64_t since_ms, int64_t *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT count(*) FROM (SELECT lane,reason FROM dead WHERE died_ms>=?"
                      " ORDER BY died_ms DESC LIMIT " LETTERS
                      ") d JOIN conversations c ON c.id=d.lane/2"
                      " WHERE d.reason IN('moved','nobody','unclear')"
                      " AND c.connector=? AND c.source=?",
                      "itt", since_ms, connector, source);

    return store_one_int(rc, r, ret);
}

bool store_source_is_known(struct store *s, struct view connector, struct view source)
{
    struct db_rows *r = NULL;
    bool known = false;
    int rc = db_query(s->db, &r,
                      "SELECT EXISTS(SELECT 1 FROM conversations WHERE connector=?1 AND"
                      " source=?2 AND service_id>'') OR EXISTS(SELECT 1 FROM conversations"
                      " WHERE connector=?1 AND source=?2 AND service_id IS NULL)",
                      "tt", connector, source);

    return read_flag(r, rc, &known) == 0 && known;
}

int store_source_met(struct store *s, struct view connector, struct view source, bool *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT EXISTS(SELECT 1 FROM conversations WHERE connector=? AND source=?"
                      " AND merged IS NULL)",
                      "tt", connector, source);

    return read_flag(r, rc, ret);
}

/* --- since when they are whose ------------------------------------------------------------------ */

void source_owner_fini(struct source_owner *o)
{
    mem_free(o->was);
    mem_free(o->user);
    *o = (struct source_owner){.at_ms = 0};
}

int store_source_given(struct store *s, struct view connector, struct view source,
                       const struct source_given *given)
{
    /* one that was taken away first was still somebody's before */
    return db_run(s->db,
                  "INSERT INTO source_owners(connector,source,scope,was,at_ms,user)"
                  " VALUES(?1,?2,?3,?4,?5,?6) ON CONFLICT(connector,source) DO UPDATE SET"
                  " was=coalesce(?4,CASE WHEN scope<>?3 THEN scope ELSE was END), scope=?3,"
                  " at_ms=?5, user=?6",
                  "tttsis", connector, source, given->scope, given->was, given->at_ms,
                  given->user);
}

int store_source_owner(struct store *s, struct view connector, struct view source,
                       const char *scope, struct source_owner *ret)
{
    struct source_owner o = {.at_ms = 0};
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT at_ms,was,user FROM source_owners WHERE connector=? AND source=?"
                      " AND scope=?",
                      "tts", connector, source, scope);

    rc = store_one(rc, r);
    if (rc)
        return rc;
    o.at_ms = db_int(r, 0);
    rc = db_string(r, 1, &o.was);
    rc = rc ? rc : db_string(r, 2, &o.user);
    db_end(r);
    if (rc)
        source_owner_fini(&o);
    else
        *ret = o; /* handed over */
    return rc;
}
