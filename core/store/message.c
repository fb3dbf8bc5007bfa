/* Messages, and the one table of all the ids they are known by. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "core/model/key.h"
#include "core/store/private.h"
#include "core/store/store.h"
#include "proto/command.h"
#include "proto/foreign_id.h"
#include "proto/limits.h"

#define COLUMNS                                                                                \
    "id,direction,coalesce((SELECT c.merged FROM conversations c WHERE"                        \
    " c.id=messages.conversation),conversation),mid,scope,connector,amo_id,service_id,state,"  \
    "told,taken_ms,"                                                                           \
    "settled_ms,trace,type,chat_id,reason,words,told_code,told_why,told_words,told_ms"

static int message_read(struct db_rows *r, struct message *ret)
{
    struct message m = {.id = db_int(r, 0),
                        .direction = db_int(r, 1),
                        .conversation = db_int(r, 2),
                        .reported_status = db_int(r, 9),
                        .taken_ms = db_int(r, 10),
                        .settled_ms = db_int(r, 11),
                        .reported_code = db_int(r, 17),
                        .reported_ms = db_int(r, 20)};
    int rc = db_string(r, 3, &m.mid);

    rc = rc ? rc : db_string(r, 4, &m.scope);
    rc = rc ? rc : db_string(r, 5, &m.connector);
    rc = rc ? rc : db_string(r, 6, &m.amo_id);
    rc = rc ? rc : db_string(r, 7, &m.service_id);
    m.state = message_state_of(db_view(r, 8));
    rc = rc ? rc : db_string(r, 13, &m.type);
    rc = rc ? rc : db_string(r, 14, &m.chat_id);
    rc = rc ? rc : db_string(r, 15, &m.reason);
    rc = rc ? rc : db_string(r, 16, &m.words);
    rc = rc ? rc : db_string(r, 18, &m.reported_why);
    rc = rc ? rc : db_string(r, 19, &m.reported_words);
    if (rc == 0 && id_from_view(db_view(r, 12), &m.trace))
        rc = -EIO;
    if (rc) {
        message_fini(&m);
        return rc;
    }
    *ret = m;
    return 0;
}

static int message_one(int query_rc, struct db_rows *r, struct message *ret)
{
    int rc = store_one(query_rc, r);

    if (rc)
        return rc;
    rc = message_read(r, ret);
    db_end(r);
    return rc;
}

int store_message(struct store *s, int64_t id, struct message *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT " COLUMNS " FROM messages WHERE id=?", "i", id);

    return message_one(rc, r, ret);
}

int store_message_by_key(struct store *s, const struct key *key, struct message *ret)
{
    struct db_rows *r = NULL;
    int rc =
        db_query(s->db, &r,
                 "SELECT " COLUMNS " FROM messages WHERE id=(SELECT message FROM message_ids"
                 " WHERE id=?)",
                 "s", key->text);

    return message_one(rc, r, ret);
}

/* so many ids that were answered are compared with what was sent */
#define ALIKE_MAX 100

/* Letters of spaces, connectors and ids stand as core/model/key.c spells them. */
int store_id_is_ambiguous(struct store *s, const char *key, bool *ret)
{
    struct db_rows *r = NULL;
    int rc =
        db_query(s->db, &r,
                 "WITH k(id,low,high) AS (SELECT 't'||substr(?1,2),"
                 " 't'||substr(?1,2,instr(?1,'/')-1),'t'||substr(?1,2,instr(?1,'/')-2)||'0')"
                 " SELECT EXISTS(SELECT 1 FROM k CROSS JOIN message_ids i ON i.id=k.id) AND ("
                 "EXISTS(SELECT 1 FROM (SELECT i.id FROM k CROSS JOIN message_ids i"
                 " WHERE i.id>=k.low AND i.id<=k.id ORDER BY i.id DESC LIMIT ?2) t"
                 " CROSS JOIN message_ids s ON s.id='s'||substr(t.id,2)"
                 " WHERE abs(length(t.id)-length(?1))<2) OR "
                 "EXISTS(SELECT 1 FROM (SELECT i.id FROM k CROSS JOIN message_ids i"
                 " WHERE i.id>=k.low AND i.id<k.high ORDER BY i.id LIMIT ?2) t"
                 " CROSS JOIN message_ids s ON s.id='s'||substr(t.id,2)"
                 " WHERE abs(length(t.id)-length(?1))<2))",
                 "si", key, (int64_t)ALIKE_MAX);

    rc = store_one(rc, r);
    if (rc)
        return rc;
    *ret = db_int(r, 0) != 0;
    db_end(r);
    return 0;
}

/* @spelt is of the key's making; an id that makes no key is simply not found by. */
static int message_key(struct store *s, int64_t id, int spelt, const struct key *key,
                       bool newest)
{
    if (spelt)
        return 0;
    return db_run(s->db,
                  newest ? "INSERT OR REPLACE INTO message_ids VALUES(?,?)"
                         : "INSERT OR IGNORE INTO message_ids VALUES(?,?)",
                  "si", key->text, id);
}

/* The newest message that was answered with an id has it. The one that had it stays known by it in
 * its own conversation. */
static int answered_key(struct store *s, int64_t id, const struct message *m,
                        struct view service_id)
{
    struct view connector = view_of(m->connector);
    struct message old = {0};
    struct key within;
    struct key key;
    int rc = 0;

    if (key_answered(connector, service_id, &key))
        return 0;
    rc = store_message_by_key(s, &key, &old);
    if (rc == 0 && old.conversation != m->conversation)
        rc =
            message_key(s, old.id, key_within(connector, old.conversation, service_id, &within),
                        &within, true);
    message_fini(&old);
    rc = rc == STORE_E_NONE ? 0 : rc;
    return rc ? rc : message_key(s, id, 0, &key, true);
}

int store_message_add(struct store *s, const struct message *m, int64_t *ret_id)
{
    struct key key;
    int64_t id = 0;
    int rc = db_run(
        s->db,
        "INSERT INTO messages(direction,conversation,mid,scope,connector,amo_id,"
        "service_id,state,told,taken_ms,settled_ms,trace,type,chat_id) VALUES(?,?,?,?,?,?,?,?,"
        "0,?,0,?,?,?)",
        "iissssssibss", m->direction, m->conversation, m->mid, m->scope, m->connector,
        m->amo_id, m->service_id, message_state_name(m->state), m->taken_ms, id_view(&m->trace),
        m->type, m->chat_id);

    if (rc)
        return rc;
    id = db_last_id(s->db);
    rc = message_key(s, id, key_mid(view_of(m->mid), &key), &key, false);
    if (rc == 0 && m->amo_id)
        rc = message_key(s, id, key_amo(view_of(m->scope), view_of(m->amo_id), &key), &key,
                         false);
    if (rc == 0 && m->service_id && m->direction == MESSAGE_OUTBOUND)
        rc = answered_key(s, id, m, view_of(m->service_id));
    else if (rc == 0 && m->service_id)
        rc = message_key(s, id, key_sent(view_of(m->connector), view_of(m->service_id), &key),
                         &key, false);
    if (rc == 0)
        *ret_id = id;
    return rc;
}

int store_message_learn_amo(struct store *s, const struct message *m, struct view amo_id)
{
    struct key key;
    int rc = db_run(s->db, "UPDATE messages SET amo_id=? WHERE id=?", "ti", amo_id, m->id);

    return rc ? rc
              : message_key(s, m->id, key_amo(view_of(m->scope), amo_id, &key), &key, false);
}

int store_message_learn_answer(struct store *s, const struct message *m, struct view service_id)
{
    int rc =
        db_run(s->db, "UPDATE messages SET service_id=? WHERE id=?", "ti", service_id, m->id);

    return rc ? rc : answered_key(s, m->id, m, service_id);
}

int store_message_state(struct store *s, int64_t id, enum message_state state, int64_t now_ms)
{
    return db_run(
        s->db, "UPDATE messages SET state=?, settled_ms=?, reason=NULL, words=NULL WHERE id=?",
        "sii", message_state_name(state), now_ms, id);
}

int store_message_failed(struct store *s, int64_t id, const char *reason, struct view words,
                         int64_t now_ms)
{
    return db_run(
        s->db, "UPDATE messages SET state='failed', settled_ms=?, reason=?, words=? WHERE id=?",
        "isti", now_ms, reason, words, id);
}

int store_message_type(struct store *s, int64_t id, struct view type)
{
    return db_run(s->db, "UPDATE messages SET type=? WHERE id=?", "ti", type, id);
}

int store_message_chat(struct store *s, int64_t id, struct view chat_id)
{
    return db_run(s->db, "UPDATE messages SET chat_id=? WHERE id=?", "ti", chat_id, id);
}

int store_reaction_put(struct store *s, int64_t message, struct view person, struct view emoji)
{
    if (!emoji.ptr)
        return db_run(s->db, "DELETE FROM reactions WHERE message=? AND person=?", "it",
                      message, person);
    return db_run(s->db, "INSERT OR REPLACE INTO reactions VALUES(?,?,?)", "itt", message,
                  person, emoji);
}

int store_reaction_get(struct store *s, int64_t message, struct view person,
                       struct buf *ret_emoji)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT emoji FROM reactions WHERE message=? AND person=?",
                      "it", message, person);

    rc = store_one(rc, r);
    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    rc = buf_add_view(ret_emoji, db_view(r, 0));
    db_end(r);
    return rc;
}

int store_message_once(struct store *s, int64_t id, struct view key)
{
    int rc = db_run(s->db, "INSERT OR IGNORE INTO message_once VALUES(?,?)", "it", id, key);

    return rc == 0 && db_changes(s->db) == 0 ? STORE_E_KNOWN : rc;
}

int store_message_reported(struct store *s, int64_t id, const struct message_report *r)
{
    return db_run(s->db,
                  "UPDATE messages SET told=?, told_code=nullif(?,0), told_why=?, told_words=?,"
                  " told_ms=? WHERE id=?",
                  "iittii", r->status, r->code, r->why, r->words, r->at_ms, id);
}

/* --- lists, newest first ------------------------------------------------------------------------ */

/* conversations that were merged into one, and it itself: more are not looked at */
#define MERGED_MAX 32

/* Each along an index of its own, which is read from its end. */
#define NEWEST(which)                                                                          \
    "SELECT taken_ms,id FROM messages WHERE " which                                            \
    "taken_ms>=? AND (taken_ms,id)<(?,?) ORDER BY taken_ms DESC,id DESC LIMIT ?"

static int newest_read(int query_rc, struct db_rows *r, struct message_at *ret, size_t *n)
{
    int rc = query_rc;

    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = 0;
        ret[(*n)++] = (struct message_at){.taken_ms = db_int(r, 0), .id = db_int(r, 1)};
    }
    return rc;
}

static int newer_first(const void *a, const void *b)
{
    const struct message_at *x = a;
    const struct message_at *y = b;

    if (x->taken_ms != y->taken_ms)
        return x->taken_ms < y->taken_ms ? 1 : -1;
    return (x->id < y->id) - (x->id > y->id);
}

static int merged_into(struct store *s, int64_t conversation, int64_t ids[MERGED_MAX],
                       size_t *ret_n)
{
    struct db_rows *r = NULL;
    int rc =
        db_query(s->db, &r, "SELECT id FROM conversations WHERE id=?1 OR merged=?1 LIMIT ?2",
                 "ii", conversation, (int64_t)MERGED_MAX);

    *ret_n = 0;
    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = 0;
        ids[(*ret_n)++] = db_int(r, 0);
    }
    return rc;
}

/* The newest of each; among the newest of all of them are no others. */
static int newest_of_conversation(struct store *s, const struct messages_range *range,
                                  struct message_at *ret, size_t max, size_t *ret_n)
{
    int64_t ids[MERGED_MAX];
    size_t n_ids = 0;
    size_t n = 0;
    int rc = merged_into(s, range->conversation, ids, &n_ids);
    struct message_at *all = rc ? NULL : mem_zalloc_array(2 * max, sizeof(*all));

    if (rc || !all)
        return rc ? rc : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < n_ids; i++) {
        struct db_rows *r = NULL;

        rc = db_query(s->db, &r, NEWEST("conversation=? AND "), "iiiii", ids[i],
                      range->since_ms, range->before.taken_ms, range->before.id, (int64_t)max);
        rc = newest_read(rc, r, all, &n);
        if (n_ids > 1)
            qsort(all, n, sizeof(*all), newer_first);
        n = n < max ? n : max;
    }
    for (size_t i = 0; rc == 0 && i < n; i++)
        ret[i] = all[i];
    mem_free(all);
    if (rc == 0)
        *ret_n = n;
    return rc;
}

int store_messages_newest(struct store *s, const struct messages_range *range,
                          struct message_at *ret, size_t max, size_t *ret_n)
{
    static const char *const sql[] = {
        [MESSAGES_ALL] = NEWEST(""),
        [MESSAGES_OF_CONVERSATION] = "",
        [MESSAGES_ACCEPTED] = NEWEST("state='accepted' AND "),
        [MESSAGES_FAILED] = NEWEST("(state='failed' OR told=-1) AND "),
    };
    struct db_rows *r = NULL;
    int rc = 0;

    if (range->of == MESSAGES_OF_CONVERSATION)
        return newest_of_conversation(s, range, ret, max, ret_n);
    *ret_n = 0;
    rc = db_query(s->db, &r, sql[range->of], "iiii", range->since_ms, range->before.taken_ms,
                  range->before.id, (int64_t)max);
    return newest_read(rc, r, ret, ret_n);
}

static int count_more(struct store *s, int64_t conversation, int64_t newest,
                      struct message_counts *sum)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT count(*) FILTER (WHERE direction=1),"
                      " count(*) FILTER (WHERE direction=2),"
                      " count(*) FILTER (WHERE direction=3), max(taken_ms) FROM (SELECT"
                      " direction,taken_ms FROM messages WHERE conversation=? ORDER BY"
                      " taken_ms DESC,id DESC LIMIT ?)",
                      "ii", conversation, newest);

    rc = store_one(rc, r);
    if (rc)
        return rc == STORE_E_NONE ? -EIO : rc; /* sums always have a row */
    sum->inbound += db_int(r, 0);
    sum->outbound += db_int(r, 1);
    sum->imported += db_int(r, 2);
    if (db_int(r, 3) > sum->last_ms)
        sum->last_ms = db_int(r, 3);
    db_end(r);
    return 0;
}

int store_messages_count(struct store *s, int64_t conversation, int64_t newest,
                         struct message_counts *ret)
{
    struct message_counts sum = {0};
    int64_t ids[MERGED_MAX];
    size_t n = 0;
    int rc = merged_into(s, conversation, ids, &n);

    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = count_more(s, ids[i], newest, &sum);
    if (rc == 0)
        *ret = sum;
    return rc;
}

int store_message_fits(struct store *s, int64_t id, const struct message_filter *filter,
                       bool *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(
        s->db, &r,
        "SELECT 1 FROM messages WHERE id=?1 AND (?2 IS NULL OR scope=?2) AND"
        " (?3 IS NULL OR connector=?3) AND (?4 IS NULL OR state=?4 OR (?4='failed' AND"
        " told=-1 AND told_why IS NOT NULL AND state<>'accepted')) AND"
        " (?5 IS NULL OR reason=?5) AND (?6=0 OR (direction=1)=(?6=1)) AND (?7 IS NULL OR"
        " (SELECT source FROM conversations c WHERE c.id=messages.conversation)=?7)",
        "ittttit", id, filter->scope, filter->connector, filter->state, filter->reason,
        filter->direction, filter->source);

    rc = store_one(rc, r);
    *ret = rc == 0;
    if (rc == 0)
        db_end(r);
    return rc == STORE_E_NONE ? 0 : rc;
}

int store_message_command(struct store *s, int64_t id, int64_t *ret_command,
                          struct buf *ret_body)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT id,body FROM commands WHERE message=?1 AND kind IN(?2,?3,?4)"
                      " UNION ALL SELECT 0,body FROM dead WHERE message=?1 AND"
                      " kind IN(?2,?3,?4) LIMIT 1",
                      "iiii", id, (int64_t)COMMAND_AMO_MESSAGE,
                      (int64_t)COMMAND_SERVICE_MESSAGE, (int64_t)COMMAND_AMO_OUTGOING);

    rc = store_one(rc, r);
    if (rc)
        return rc;
    *ret_command = db_int(r, 0);
    rc = buf_add_view(ret_body, db_view(r, 1));
    db_end(r);
    return rc;
}

static int ids_read(int query_rc, struct db_rows *r, int64_t *ret, size_t *n)
{
    int rc = query_rc;

    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = 0;
        ret[(*n)++] = db_int(r, 0);
    }
    return rc;
}

/* Trace id and mid are ours, of one message each: who takes one from a list has that message, whatever others call theirs. */
int store_messages_by_any(struct store *s, struct view id, int64_t *ret, size_t max,
                          size_t *ret_n)
{
    struct db_rows *r = NULL;
    struct id trace;
    bool traced = id_parse(id, &trace) == 0;
    int rc = db_query(s->db, &r,
                      "SELECT id FROM messages WHERE trace=?1 UNION ALL SELECT id FROM messages"
                      " WHERE id=(SELECT message FROM message_ids WHERE id='m'||?2) LIMIT 1",
                      "bt", traced ? id_view(&trace) : VIEW_NONE, id);

    *ret_n = 0;
    rc = ids_read(rc, r, ret, ret_n);
    if (rc || *ret_n)
        return rc;
    rc = db_query(s->db, &r,
                  "WITH named(key) AS (" STORE_SERVICE_KEYS ")"
                  " SELECT id FROM messages WHERE id IN (SELECT i.message FROM named JOIN"
                  " message_ids i ON i.id=named.key UNION SELECT message FROM message_ids"
                  " WHERE " STORE_AMO_KEYS("id") ") ORDER BY id DESC LIMIT ?2",
                  "ti", id, (int64_t)max);
    return ids_read(rc, r, ret, ret_n);
}

/* --- ids of which only the beginning is known ----------------------------------------------------- */

void ids_found_fini(struct ids_found *f)
{
    for (size_t i = 0; i < f->n; i++)
        mem_free(f->ids[i].id);
    *f = (struct ids_found){.n = 0};
}

static int found_add(struct ids_found *f, struct view id, int64_t message)
{
    char *copy = NULL;

    for (size_t i = 0; i < f->n; i++) {
        if (view_is(id, f->ids[i].id) || (message && f->ids[i].message == message))
            return 0;
    }
    if (f->n == IDS_FOUND_MAX) {
        f->more = true;
        return 0;
    }
    copy = mem_strndup(id.ptr, id.len);
    if (!copy)
        return -ENOMEM;
    f->ids[f->n++] = (struct id_found){.id = copy, .message = message};
    return 0;
}

static int found_add_trace(struct ids_found *f, struct view bytes, int64_t message)
{
    char text[ID_TEXT_LEN + 1];
    struct id trace;

    if (id_from_view(bytes, &trace))
        return 0;
    id_format(&trace, text);
    return found_add(f, view_of(text), message);
}

/* The id of amo's in the rest of a key: before the last '/', behind which its account stands. */
static struct view before_account(struct view rest)
{
    size_t n = rest.len;

    while (n > 0 && rest.ptr[n - 1] != '/')
        n--;
    return view_make(rest.ptr, n ? n - 1 : 0);
}

/* Along the index of all ids, from the place of @begin in each space on. Nothing comes after the last character that
 * there is. */
static int begin_named(struct store *s, struct view begin, struct ids_found *f)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "WITH named(key) AS (SELECT 'm'||?1 UNION ALL SELECT 'a'||?1 UNION ALL"
                      " " STORE_SERVICE_KEYS
                      ") SELECT substr(i.id,length(named.key)-length(?1)+1),i.message,"
                      " i.id<'b' FROM named CROSS JOIN message_ids i ON i.id>=named.key AND"
                      " i.id<named.key||char(1114111) LIMIT ?2",
                      "ti", begin, (int64_t)IDS_FOUND_MAX + 1);

    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = found_add(f, db_int(r, 2) ? before_account(db_view(r, 0)) : db_view(r, 0),
                       db_int(r, 1));
        if (rc)
            db_end(r);
    }
    return rc;
}

/* One after the other, each found from the one before it: one id may have very many rows. None has a character as small
 * as the one that is put behind it. */
static int begin_kept(struct store *s, const char *sql, struct view begin, struct ids_found *f)
{
    struct buf from;
    int rc = 0;

    buf_init(&from, LIMIT_ID + 16);
    rc = buf_add_view(&from, begin);
    while (rc == 0 && !f->more) {
        struct db_rows *r = NULL;

        rc = db_query(s->db, &r, sql, "tt", begin, buf_view(&from));
        rc = store_one(rc, r);
        if (rc)
            break;
        buf_reset(&from);
        if (db_view(r, 0).ptr) {
            rc = found_add(f, db_view(r, 0), 0);
            (void)buf_add_view(&from, db_view(r, 0)); /* sticky */
            (void)buf_add_char(&from, '\x01');
        }
        db_end(r);
        if (!from.len)
            break; /* there are no more */
        rc = rc ? rc : buf_error(&from);
    }
    buf_fini(&from);
    return rc;
}

/* The first and the last trace id that begin so; false: none does. */
static bool trace_bounds(struct view begin, struct id *ret_low, struct id *ret_high)
{
    char low[] = "00000000-0000-0000-0000-000000000000";
    char high[] = "ffffffff-ffff-ffff-ffff-ffffffffffff";

    if (begin.len >= sizeof(low))
        return false;
    memcpy(low, begin.ptr, begin.len);
    memcpy(high, begin.ptr, begin.len);
    return id_parse(view_of(low), ret_low) == 0 && id_parse(view_of(high), ret_high) == 0;
}

static int begin_traced(struct store *s, struct view begin, struct ids_found *f)
{
    static const char *const sql[] = {
        "SELECT trace,id FROM messages WHERE trace>=? AND trace<=? ORDER BY trace LIMIT ?",
        "SELECT trace,0 FROM quarantine WHERE trace>=? AND trace<=? ORDER BY trace LIMIT ?",
        "SELECT trace,0 FROM waiting WHERE trace>=? AND trace<=? ORDER BY trace LIMIT ?",
    };
    size_t n = s->hurt_waiting ? AMO_COUNT(sql) - 1 : AMO_COUNT(sql);
    struct id low;
    struct id high;
    int rc = 0;

    if (!trace_bounds(begin, &low, &high))
        return 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct db_rows *r = NULL;

        rc = db_query(s->db, &r, sql[i], "bbi", id_view(&low), id_view(&high),
                      (int64_t)IDS_FOUND_MAX + 1);
        while (rc == 0 && (rc = db_next(r)) == 1) {
            rc = found_add_trace(f, db_view(r, 0), db_int(r, 1));
            if (rc)
                db_end(r);
        }
    }
    return rc;
}

int store_ids_beginning(struct store *s, struct view begin, struct ids_found *ret)
{
    int rc = 0;

    *ret = (struct ids_found){.n = 0};
    if (begin.len < IDS_BEGIN_LEAST || !foreign_id_is_fine(begin))
        return 0;
    rc = begin_named(s, begin, ret);
    rc = rc ? rc : begin_traced(s, begin, ret);
    rc = rc ? rc
            : begin_kept(s,
                         "SELECT min(message_id) FROM quarantine WHERE message_id>=?2 AND"
                         " message_id<?1||char(1114111)",
                         begin, ret);
    if (rc == 0 && !s->hurt_waiting)
        rc = begin_kept(s,
                        "SELECT min(message_id) FROM waiting WHERE message_id>=?2 AND"
                        " message_id<?1||char(1114111)",
                        begin, ret);
    if (rc)
        ids_found_fini(ret);
    return rc;
}
