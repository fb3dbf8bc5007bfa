/* Conversations and the chats amo knows them by. */

#include <errno.h>

#include "base/json.h"
#include "base/mem.h"
#include "core/store/erase.h"
#include "core/store/private.h"
#include "core/store/store.h"
#include "proto/limits.h"

#define COLUMNS                                                                                \
    "id,connector,source,service_id,scope,client_id,chat_id,user_id,user_ref,phone,name,"      \
    "contact,linked,amo_born,number,shared"

static int conversation_read(struct db_rows *r, struct conversation *ret)
{
    struct conversation c = {.id = db_int(r, 0),
                             .linked = db_int(r, 12) != 0,
                             .amo_born = db_int(r, 13) != 0,
                             .shared = db_int(r, 15) != 0};
    char **const texts[] = {&c.connector, &c.source,  &c.service_id, &c.scope,
                            &c.client_id, &c.chat_id, &c.user_id,    &c.user_ref,
                            &c.phone,     &c.name,    &c.contact};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < AMO_COUNT(texts); i++)
        rc = db_string(r, (int)i + 1, texts[i]);
    rc = rc ? rc : db_string(r, 14, &c.number);
    if (rc) {
        conversation_fini(&c);
        return rc;
    }
    *ret = c;
    return 0;
}

static int conversation_one(int query_rc, struct db_rows *r, struct conversation *ret)
{
    int rc = store_one(query_rc, r);

    if (rc)
        return rc;
    rc = conversation_read(r, ret);
    db_end(r);
    return rc;
}

int store_conversation(struct store *s, int64_t id, struct conversation *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT " COLUMNS " FROM conversations WHERE id=(SELECT"
                      " coalesce(merged,id) FROM conversations WHERE id=?)",
                      "i", id);

    return conversation_one(rc, r, ret);
}

int store_conversations_walk(struct store *s, int64_t limit, store_conversation_fn *fn,
                             void *arg, int64_t *at, bool *ret_more)
{
    struct db_rows *r = NULL;
    int64_t n = 0;
    int rc = db_query(s->db, &r,
                      "SELECT " COLUMNS " FROM conversations WHERE id>? AND merged IS NULL"
                      " ORDER BY id LIMIT ?",
                      "ii", *at, limit);

    while (rc == 0 && (rc = db_next(r)) == 1) {
        struct conversation conv;

        n++;
        rc = conversation_read(r, &conv);
        if (rc == 0) {
            *at = conv.id;
            rc = fn(arg, &conv);
            conversation_fini(&conv);
        }
        if (rc)
            db_end(r);
    }
    *ret_more = n == limit;
    return rc;
}

int store_conversation_by_service(struct store *s, struct view connector, struct view source,
                                  struct view service_id, struct conversation *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT " COLUMNS " FROM conversations WHERE connector=? AND source=? AND"
                      " service_id=?",
                      "ttt", connector, source, service_id);

    return conversation_one(rc, r, ret);
}

int store_conversation_by_chat(struct store *s, struct view scope, struct view chat_id,
                               struct conversation *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT " COLUMNS " FROM conversations WHERE id=(SELECT"
                      " coalesce(c.merged,c.id) FROM chats JOIN conversations c ON"
                      " c.id=chats.conversation WHERE chats.scope=? AND chats.chat_id=?)",
                      "tt", scope, chat_id);

    return conversation_one(rc, r, ret);
}

int store_conversation_by_client(struct store *s, struct view scope, struct view client_id,
                                 struct conversation *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT " COLUMNS " FROM conversations WHERE id=(SELECT"
                      " coalesce(merged,id) FROM conversations WHERE scope=? AND client_id=?)",
                      "tt", scope, client_id);

    return conversation_one(rc, r, ret);
}

int store_conversation_by_phone(struct store *s, struct view connector, struct view source,
                                struct view phone, struct conversation *ret)
{
    struct db_rows *r = NULL;
    int rc =
        db_query(s->db, &r,
                 "SELECT " COLUMNS " FROM conversations c WHERE connector=?1 AND phone=?3 AND"
                 " shared=0 AND (source IN (?2,'') OR ?2='') AND (service_id IS NULL OR"
                 " NOT EXISTS(SELECT 1 FROM conversations o WHERE o.connector=?1 AND"
                 " o.phone=?3 AND o.source=c.source AND o.shared=0 AND"
                 " o.service_id IS NOT NULL AND o.user_id<>c.user_id)) ORDER BY service_id IS "
                 "NULL DESC, id DESC"
                 " LIMIT 1",
                 "ttt", connector, source, phone);

    return conversation_one(rc, r, ret);
}

int store_conversation_add(struct store *s, struct conversation *c)
{
    int rc =
        db_run(s->db,
               "INSERT INTO conversations(connector,source,service_id,scope,client_id,"
               "chat_id,user_id,user_ref,phone,name,contact,linked,amo_born,number,shared)"
               " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
               "sssssssssssiisi", c->connector, c->source, c->service_id, c->scope,
               c->client_id, c->chat_id, c->user_id, c->user_ref, c->phone, c->name, c->contact,
               (int64_t)c->linked, (int64_t)c->amo_born, c->number, (int64_t)c->shared);

    if (rc == 0)
        c->id = db_last_id(s->db);
    return rc;
}

int store_conversation_update(struct store *s, const struct conversation *c)
{
    return db_run(
        s->db,
        "UPDATE conversations SET connector=?,source=?,service_id=?,scope=?,"
        "client_id=?,chat_id=?,user_id=?,user_ref=?,phone=?,name=?,contact=?,linked=?,"
        "amo_born=?,number=?,shared=? WHERE id=?",
        "sssssssssssiisii", c->connector, c->source, c->service_id, c->scope, c->client_id,
        c->chat_id, c->user_id, c->user_ref, c->phone, c->name, c->contact, (int64_t)c->linked,
        (int64_t)c->amo_born, c->number, (int64_t)c->shared, c->id);
}

int store_chat_put(struct store *s, struct view scope, struct view chat_id,
                   int64_t conversation)
{
    return db_run(s->db,
                  "INSERT INTO chats(scope,chat_id,conversation) VALUES(?,?,?) ON"
                  " CONFLICT(scope,chat_id) DO UPDATE SET conversation=excluded.conversation",
                  "tti", scope, chat_id, conversation);
}

int store_chat_by_phone(struct store *s, struct view scope, struct view chat_id)
{
    return db_run(s->db, "UPDATE chats SET by_phone=1 WHERE scope=? AND chat_id=?", "tt", scope,
                  chat_id);
}

int store_chat_of(struct store *s, int64_t conversation, bool by_phone, struct buf *ret_chat_id)
{
    /* those of a phone have an index; of the others the newest messages tell */
    static const char *const sql[] = {
        "SELECT m.chat_id FROM (SELECT id,taken_ms,scope,chat_id FROM messages WHERE"
        " conversation=?1 ORDER BY taken_ms DESC,id DESC LIMIT 1000) m JOIN chats c ON"
        " c.scope=m.scope AND c.chat_id=m.chat_id WHERE c.by_phone=0 ORDER BY m.taken_ms DESC,"
        " m.id DESC LIMIT 1",
        "SELECT chat_id FROM chats WHERE by_phone<>0 AND conversation IN (SELECT id FROM"
        " conversations WHERE id=?1 OR merged=?1) ORDER BY chat_id=(SELECT chat_id FROM"
        " conversations WHERE id=?1) DESC LIMIT 1",
    };
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, sql[by_phone], "i", conversation);

    rc = store_one(rc, r);
    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    rc = buf_add_view(ret_chat_id, db_view(r, 0));
    db_end(r);
    return rc;
}

int store_chats_move(struct store *s, int64_t conversation, int64_t to)
{
    int rc =
        db_run(s->db,
               "UPDATE messages SET conversation=?2 WHERE id IN (SELECT message FROM"
               " commands WHERE lane=2*?1+1) AND chat_id IN (SELECT chat_id FROM chats WHERE"
               " by_phone<>0 AND conversation IN (SELECT id FROM conversations WHERE id=?1 OR"
               " merged=?1))",
               "ii", conversation, to);

    return rc ? rc
              : db_run(s->db,
                       "UPDATE chats SET conversation=?2 WHERE by_phone<>0 AND conversation IN"
                       " (SELECT id FROM conversations WHERE id=?1 OR merged=?1)",
                       "ii", conversation, to);
}

int store_conversations_newest(struct store *s, struct view scope, int64_t before,
                               int64_t limit, store_conversation_fn *fn, void *arg)
{
    struct db_rows *r = NULL;
    int rc = scope.ptr ? db_query(s->db, &r,
                                  "SELECT " COLUMNS " FROM conversations WHERE scope=? AND id<?"
                                  " AND merged IS NULL ORDER BY id DESC LIMIT ?",
                                  "tii", scope, before, limit)
                       : db_query(s->db, &r,
                                  "SELECT " COLUMNS " FROM conversations WHERE id<? AND"
                                  " merged IS NULL ORDER BY id DESC LIMIT ?",
                                  "ii", before, limit);

    while (rc == 0 && (rc = db_next(r)) == 1) {
        struct conversation conv;

        rc = conversation_read(r, &conv);
        if (rc == 0) {
            rc = fn(arg, &conv);
            conversation_fini(&conv);
        }
        if (rc)
            db_end(r);
    }
    return rc;
}

int store_conversation_names(struct store *s, int64_t before, int64_t limit,
                             store_conversation_name_fn *fn, void *arg)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT id,name FROM conversations WHERE id<? AND merged IS NULL ORDER BY"
                      " id DESC LIMIT ?",
                      "ii", before, limit);

    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = fn(arg, db_int(r, 0), db_view(r, 1));
        if (rc)
            db_end(r);
    }
    return rc;
}

static int add_ids(int query_rc, struct db_rows *r, struct conversation_ids *ids)
{
    int rc = query_rc;

    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = 0;
        ids->ids[ids->n++] = db_int(r, 0);
    }
    return rc;
}

int store_conversations_by_service_id(struct store *s, struct view connector,
                                      struct view service_id, struct conversation_ids *ids)
{
    struct db_rows *r = NULL;
    int64_t max = (int64_t)(ids->max - ids->n);
    int rc =
        connector.len
            ? db_query(s->db, &r,
                       "SELECT id FROM conversations WHERE service_id=? AND connector=?"
                       " ORDER BY source LIMIT ?",
                       "tti", service_id, connector, max)
            : db_query(s->db, &r, "SELECT id FROM conversations WHERE service_id=? LIMIT ?",
                       "ti", service_id, max);

    return add_ids(rc, r, ids);
}

int store_conversations_by_phone(struct store *s, struct view connector, struct view key,
                                 struct conversation_ids *ids)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT id FROM conversations WHERE connector=? AND phone=? LIMIT ?",
                      "tti", connector, key, (int64_t)(ids->max - ids->n));

    return add_ids(rc, r, ids);
}

int store_conversations_by_amo(struct store *s, struct view word, struct conversation_ids *ids)
{
    struct db_rows *r = NULL;
    int rc =
        db_query(s->db, &r,
                 "SELECT coalesce(c.merged,c.id) FROM chats JOIN conversations c ON"
                 " c.id=chats.conversation WHERE chats.chat_id=?1 UNION"
                 " SELECT coalesce(merged,id) FROM conversations WHERE client_id=?1 UNION"
                 " SELECT coalesce(merged,id) FROM conversations WHERE user_id=?1 UNION"
                 " SELECT coalesce(merged,id) FROM conversations WHERE user_ref=?1 LIMIT ?2",
                 "ti", word, (int64_t)(ids->max - ids->n));

    return add_ids(rc, r, ids);
}

int store_conversations_by_contact(struct store *s, struct view connector, struct view word,
                                   struct conversation_ids *ids)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT id FROM conversations WHERE connector=? AND contact=? LIMIT ?",
                      "tti", connector, word, (int64_t)(ids->max - ids->n));

    return add_ids(rc, r, ids);
}

int store_conversations_unnamed(struct store *s, struct view connector,
                                struct conversation_ids *ids)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT id FROM conversations WHERE connector=? AND service_id IS NULL"
                      " AND merged IS NULL"
                      " ORDER BY id DESC LIMIT ?",
                      "ti", connector, (int64_t)(ids->max - ids->n));

    return add_ids(rc, r, ids);
}

int store_person(struct store *s, const char *user_id, bool *ret_author)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT author FROM people WHERE user_id=?", "s", user_id);

    rc = store_one(rc, r);
    if (rc)
        return rc;
    *ret_author = db_int(r, 0) != 0;
    db_end(r);
    return 0;
}

int store_person_add(struct store *s, const char *user_id, bool author)
{
    return db_run(s->db, "INSERT OR IGNORE INTO people VALUES(?,?)", "si", user_id,
                  (int64_t)author);
}

int store_person_has_conversation(struct store *s, const char *user_id, bool *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT 1 FROM conversations WHERE user_id=? LIMIT 1", "s",
                      user_id);

    rc = store_one(rc, r);
    *ret = rc == 0;
    if (rc == 0)
        db_end(r);
    return rc == STORE_E_NONE ? 0 : rc;
}

int store_conversation_merge(struct store *s, int64_t from, int64_t to)
{
    int rc = db_run(s->db,
                    "UPDATE conversations SET merged=?2, phone=NULL, number=NULL, name=NULL,"
                    " contact=NULL WHERE id=?1 OR merged=?1",
                    "ii", from, to);

    /* lanes are two a conversation (command_lane_of), and named one by one because that is how an index
     * finds them; what waits keeps its order by its number */
    rc = rc ? rc
            : db_run(s->db,
                     "UPDATE commands SET lane=lane+2*(?2-?1) WHERE lane IN (2*?1,2*?1+1)",
                     "ii", from, to);
    return rc ? rc
              : db_run(s->db, "UPDATE dead SET lane=lane+2*(?2-?1) WHERE lane IN (2*?1,2*?1+1)",
                       "ii", from, to);
}

int store_conversation_written_last(struct store *s, int64_t since_message, int64_t one,
                                    int64_t other, int64_t *ret)
{
    struct db_rows *r = NULL;
    /* by number, which is the order that counts, and not all that the two ever wrote */
    int rc = db_query(s->db, &r,
                      "SELECT conversation FROM messages WHERE id>=? AND +conversation IN (?,?)"
                      " AND direction=2 ORDER BY id DESC LIMIT 1",
                      "iii", since_message, one, other);

    return store_one_int(rc, r, ret);
}

int store_chats_json(struct store *s, const struct conversation *c, struct json_writer *w)
{
    struct db_rows *r = NULL;
    int rc =
        db_query(s->db, &r,
                 "SELECT chat_id FROM chats WHERE scope=?1 AND conversation IN (SELECT id FROM"
                 " conversations WHERE id=?2 OR merged=?2) LIMIT ?3",
                 "sii", c->scope, c->id, (int64_t)LIMIT_LIST_ROWS);

    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = 0;
        json_add_text(w, NULL, db_view(r, 0));
    }
    return rc;
}
