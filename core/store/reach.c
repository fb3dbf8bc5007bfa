/* Numbers, their conversations, and chats that were left behind. */

#include "core/store/reach.h"

#include "base/mem.h"
#include "core/store/private.h"

int store_reach_walk(struct store *s, store_reach_fn *fn, void *arg)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT connector,source,scope,count(*) FROM conversations"
                      " WHERE merged IS NULL GROUP BY connector,source,scope",
                      "");

    while (rc == 0 && (rc = db_next(r)) == 1) {
        struct conversation of = {0};

        rc = db_string(r, 0, &of.connector);
        rc = rc ? rc : db_string(r, 1, &of.source);
        rc = rc ? rc : db_string(r, 2, &of.scope);
        rc = rc ? rc : fn(arg, &of, db_int(r, 3));
        conversation_fini(&of);
        if (rc)
            db_end(r);
    }
    return rc;
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

    rc = store_one(rc, r);
    if (rc)
        return rc;
    *ret_ms = db_int(r, 0);
    db_end(r);
    return 0;
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
