/* Events in quarantine and events that wait, as they are found and listed.
 *
 * From: core/questions. To: SQLite. Holds: nothing. */

#include "core/store/kept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "core/store/private.h"
#include "core/store/schema.h"
#include "core/store/store.h"
#include "proto/event.h"
#include "proto/foreign_id.h"

/* --- names ------------------------------------------------------------------------------------- */

/* Who is on the service's side of it, as far as it says. */
static struct view client_phone(const struct event *e)
{
    bool from_amo = e->connector.len == 0;

    return from_amo || e->outgoing ? e->receiver_phone : e->sender_phone;
}

/* As it counts in the segment ru, with the 7 that may be left out there: who looks for a phone does not know the segment. */
static void read_phone(struct view text, char ret[PHONE_DIGITS + 1])
{
    struct phone phone;
    bool lacks_country = false;

    phone_read(text, false, &phone);
    lacks_country = strlen(phone.key) == 10 && phone.number[0] != '+';
    ret[0] = '7';
    memcpy(ret + lacks_country, phone.key, sizeof(phone.key) - lacks_country);
}

void kept_names_read(struct view event, struct kept_names *ret)
{
    struct event e;

    *ret = (struct kept_names){.message_id = VIEW_NONE, .trace = VIEW_NONE, .chat = VIEW_NONE};
    if (event_decode(event, &e))
        return;
    if (foreign_id_is_fine(e.message_id))
        ret->message_id = e.message_id;
    if (foreign_id_is_fine(e.connector.len ? e.conversation : e.chat_id))
        ret->chat = e.connector.len ? e.conversation : e.chat_id;
    read_phone(client_phone(&e), ret->phone);
    ret->trace_id = e.trace;
    if (!id_is_zero(&e.trace))
        ret->trace = id_view(&ret->trace_id);
    ret->taken_ms = e.taken_ms;
}

struct view kept_names_phone(const struct kept_names *names)
{
    return names->phone[0] ? view_of(names->phone) : VIEW_NONE;
}

static int name_one(struct store *s, enum kept_place place, int64_t id, struct view event)
{
    struct kept_names names;

    kept_names_read(event, &names);
    return place == KEPT_WAITING
               ? db_run(s->db,
                        "UPDATE waiting SET message_id=?,trace=?,taken_ms=?,chat=?,phone=?"
                        " WHERE id=?",
                        "tbitti", names.message_id, names.trace, names.taken_ms, names.chat,
                        kept_names_phone(&names), id)
               : db_run(s->db, "UPDATE quarantine SET message_id=?,chat=?,phone=? WHERE id=?",
                        "ttti", names.message_id, names.chat, kept_names_phone(&names), id);
}

/* What is kept unread stays so. */
static int name_all(struct store *s, enum kept_place place)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      place == KEPT_WAITING
                          ? "SELECT id,event FROM waiting ORDER BY id"
                          : "SELECT id,event FROM quarantine WHERE event IS NOT NULL"
                            " AND kind<>0 ORDER BY id",
                      "");

    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = name_one(s, place, db_int(r, 0), db_view(r, 1));
        if (rc)
            db_end(r);
    }
    return rc;
}

int store_kept_name(struct store *s)
{
    struct buf wished;
    int rc = 0;

    buf_init(&wished, 16);
    rc = store_meta_get(s, SCHEMA_KEPT_UNNAMED, &wished);
    buf_fini(&wished);
    if (rc || s->damage[0]) /* then at a start after the repair */
        return rc == STORE_E_NONE ? 0 : rc;
    rc = store_begin(s);
    rc = rc ? rc : name_all(s, KEPT_WAITING);
    rc = rc ? rc : name_all(s, KEPT_QUARANTINE);
    rc = rc ? rc : store_meta_drop(s, SCHEMA_KEPT_UNNAMED);
    return rc ? rc : store_commit(s);
}

/* --- by an id ----------------------------------------------------------------------------------- */

int store_quarantine_find(struct store *s, struct view id, struct json_writer *w,
                          int64_t *ret_id, struct buf *ret_reason)
{
    struct db_rows *r = NULL;
    struct id trace;
    bool by_trace = id_parse(id, &trace) == 0;
    int rc =
        db_query(s->db, &r,
                 "SELECT id,kind,reason,at_ms FROM quarantine WHERE id IN(SELECT id FROM"
                 " (SELECT id FROM quarantine WHERE message_id=?1 ORDER BY id DESC LIMIT"
                 " ?3) UNION SELECT id FROM (SELECT id FROM quarantine WHERE trace=?2"
                 " ORDER BY id DESC LIMIT ?3)) ORDER BY id DESC LIMIT ?3",
                 "tbi", id, by_trace ? id_view(&trace) : VIEW_NONE, (int64_t)STORE_FOUND_MAX);

    *ret_id = 0;
    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = 0;
        json_open_object(w, NULL);
        json_add_int(w, "id", db_int(r, 0));
        json_add_text(w, "kind", view_of(event_kind_name((uint64_t)db_int(r, 1))));
        json_add_text(w, "reason", db_view(r, 2));
        json_add_time(w, "at", db_int(r, 3));
        json_close_object(w);
        if (*ret_id == 0)
            (void)buf_add_view(ret_reason, db_view(r, 2)); /* sticky */
        if (*ret_id == 0)
            *ret_id = db_int(r, 0);
    }
    return rc ? rc : buf_error(ret_reason);
}

/* What waits for the end of something has no name of its own. */
int store_waiting_find(struct store *s, struct view id, store_waiting_fn *fn, void *arg)
{
    struct db_rows *r = NULL;
    struct id trace;
    bool by_trace = id_parse(id, &trace) == 0;
    int rc = 0;

    if (s->hurt_waiting)
        return 0;
    rc = db_query(
        s->db, &r,
        "SELECT id,key,event,until_ms FROM waiting WHERE id IN(SELECT id FROM"
        " (SELECT id FROM waiting WHERE key IN(" STORE_SERVICE_KEYS ") LIMIT ?3)"
        " UNION SELECT id FROM (SELECT id FROM waiting WHERE " STORE_AMO_KEYS(
            "key") " LIMIT ?3)"
                   " UNION SELECT id FROM (SELECT id FROM waiting WHERE message_id=?1 LIMIT ?3)"
                   " UNION SELECT id FROM (SELECT id FROM waiting WHERE trace=?2 LIMIT ?3))"
                   " ORDER BY id LIMIT ?3",
        "tbi", id, by_trace ? id_view(&trace) : VIEW_NONE, (int64_t)STORE_FOUND_MAX);
    while (rc == 0 && (rc = db_next(r)) == 1) {
        const struct waiting_row row = {.id = db_int(r, 0),
                                        .key = db_view(r, 1),
                                        .event = db_view(r, 2),
                                        .until_ms = db_int(r, 3)};

        rc = fn(arg, &row);
        if (rc)
            db_end(r);
    }
    return rc;
}

int store_waiting_walk(struct store *s, int64_t after, int64_t max, store_waiting_fn *fn,
                       void *arg)
{
    struct db_rows *r = NULL;
    int rc = 0;

    if (s->hurt_waiting)
        return 0;
    rc = db_query(s->db, &r,
                  "SELECT id,key,event,until_ms FROM waiting WHERE id>? ORDER BY id LIMIT ?",
                  "ii", after, max);
    while (rc == 0 && (rc = db_next(r)) == 1) {
        struct waiting_row row = {.id = db_int(r, 0),
                                  .key = db_view(r, 1),
                                  .event = db_view(r, 2),
                                  .until_ms = db_int(r, 3)};

        rc = fn(arg, &row);
        if (rc)
            db_end(r);
    }
    return rc;
}

/* --- whom they are about ------------------------------------------------------------------------ */

static int who_add(struct kept_who *w, struct view chat)
{
    if (chat.len == 0 || w->n == KEPT_CHATS || kept_who_has(w, chat))
        return 0;
    w->chats[w->n] = mem_strndup(chat.ptr, chat.len);
    if (!w->chats[w->n])
        return -ENOMEM;
    w->n++;
    return 0;
}

bool kept_who_has(const struct kept_who *w, struct view chat)
{
    for (size_t i = 0; i < w->n; i++) {
        if (view_is(chat, w->chats[i]))
            return true;
    }
    return false;
}

void kept_who_fini(struct kept_who *w)
{
    for (size_t i = 0; i < w->n; i++)
        mem_free(w->chats[i]);
    *w = (struct kept_who){.n = 0};
}

/* The chat last written to comes first, and what it was called before it was merged last. */
int store_kept_who(struct store *s, const struct conversation *c, struct kept_who *ret)
{
    struct kept_who w = {.n = 0};
    struct db_rows *r = NULL;
    int rc = who_add(&w, view_of(c->service_id));

    rc = rc ? rc : who_add(&w, view_of(c->chat_id));
    rc = rc ? rc
            : db_query(s->db, &r,
                       "SELECT chat_id FROM chats WHERE conversation=?1 UNION ALL SELECT"
                       " service_id FROM conversations WHERE merged=?1 LIMIT ?2",
                       "ii", c->id, (int64_t)KEPT_CHATS);
    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = who_add(&w, db_view(r, 0));
        if (rc)
            db_end(r);
    }
    read_phone(view_of(c->phone), w.phone);
    if (rc)
        kept_who_fini(&w);
    else
        *ret = w; /* handed over */
    return rc;
}

/* A service may call its conversations by the phone. */
int kept_who_word(struct view word, struct kept_who *ret)
{
    struct kept_who w = {.n = 0};
    int rc = who_add(&w, word);

    read_phone(word, w.phone);
    rc = rc ? rc : who_add(&w, view_of(w.phone));
    if (rc)
        kept_who_fini(&w);
    else
        *ret = w; /* handed over */
    return rc;
}

/* --- lists, newest first ------------------------------------------------------------------------ */

/* Each along an index of its own, which is read from its end. */
#define NEWEST(table, at, which)                                                               \
    "SELECT " at ",id FROM " table " WHERE " which at ">=? AND (" at ",id)<(?,?) ORDER BY " at \
    " DESC,id DESC LIMIT ?"

enum kept_by {
    KEPT_ALL,
    KEPT_BY_CHAT,
    KEPT_BY_PHONE,
};

/* Those that were found so far. */
struct places {
    struct message_at *at;
    size_t n;
    size_t max; /* of one name */
};

static int newest_by(struct store *s, const struct kept_range *k, enum kept_by by,
                     const char *name, struct places *found)
{
    static const char *const sql[][3] = {
        [KEPT_QUARANTINE] = {[KEPT_ALL] = NEWEST("quarantine", "at_ms",    ""),
                             [KEPT_BY_CHAT] = NEWEST("quarantine", "at_ms",    "chat=? AND "),
                             [KEPT_BY_PHONE] = NEWEST("quarantine", "at_ms",    "phone=? AND ")},
        [KEPT_WAITING] = {[KEPT_ALL] = NEWEST("waiting",    "taken_ms", ""),
                             [KEPT_BY_CHAT] = NEWEST("waiting",    "taken_ms", "chat=? AND "),
                             [KEPT_BY_PHONE] = NEWEST("waiting",    "taken_ms", "phone=? AND ")}
    };
    const struct message_at *before = &k->before;
    struct db_rows *r = NULL;
    int rc = by == KEPT_ALL ? db_query(s->db, &r, sql[k->place][by], "iiii", k->since_ms,
                                       before->taken_ms, before->id, (int64_t)found->max)
                            : db_query(s->db, &r, sql[k->place][by], "siiii", name, k->since_ms,
                                       before->taken_ms, before->id, (int64_t)found->max);

    while (rc == 0 && (rc = db_next(r)) == 1) {
        rc = 0;
        found->at[found->n++] =
            (struct message_at){.taken_ms = db_int(r, 0), .id = db_int(r, 1)};
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

/* What is found by several names is there once; no more than `max` stay. */
static void keep_newest(struct places *found)
{
    size_t kept = 0;

    qsort(found->at, found->n, sizeof(*found->at), newer_first);
    for (size_t i = 0; i < found->n && kept < found->max; i++) {
        if (kept == 0 || found->at[i].id != found->at[kept - 1].id)
            found->at[kept++] = found->at[i];
    }
    found->n = kept;
}

/* The newest of each name; among the newest of all of them are no others. */
static int newest_of_who(struct store *s, const struct kept_range *range,
                         struct message_at *ret, size_t max, size_t *ret_n)
{
    struct places all = {.at = mem_zalloc_array(2 * max, sizeof(*all.at)), .max = max};
    const struct kept_who *who = range->who;
    int rc = all.at ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < who->n; i++) {
        rc = newest_by(s, range, KEPT_BY_CHAT, who->chats[i], &all);
        keep_newest(&all);
    }
    if (rc == 0 && who->phone[0]) {
        rc = newest_by(s, range, KEPT_BY_PHONE, who->phone, &all);
        keep_newest(&all);
    }
    for (size_t i = 0; rc == 0 && i < all.n; i++)
        ret[i] = all.at[i];
    mem_free(all.at);
    if (rc == 0)
        *ret_n = all.n;
    return rc;
}

int store_kept_newest(struct store *s, const struct kept_range *range, struct message_at *ret,
                      size_t max, size_t *ret_n)
{
    struct places found = {.at = ret, .max = max};
    int rc = 0;

    *ret_n = 0;
    if (range->place == KEPT_WAITING && s->hurt_waiting)
        return 0;
    if (range->who)
        return newest_of_who(s, range, ret, max, ret_n);
    rc = newest_by(s, range, KEPT_ALL, NULL, &found);
    *ret_n = rc ? 0 : found.n;
    return rc;
}

int store_kept_row(struct store *s, enum kept_place place, int64_t id, store_kept_fn *fn,
                   void *arg)
{
    struct db_rows *r = NULL;
    struct kept_row row;
    int rc = db_query(
        s->db, &r,
        place == KEPT_QUARANTINE
            ? "SELECT at_ms,reason,event,kind,scope,connector,0 FROM quarantine"
              " WHERE id=?"
            : "SELECT taken_ms,key,event,0,scope,NULL,until_ms FROM waiting WHERE id=?",
        "i", id);

    rc = store_one(rc, r);
    if (rc)
        return rc;
    row = (struct kept_row){.id = id,
                            .at_ms = db_int(r, 0),
                            .name = db_view(r, 1),
                            .event = db_view(r, 2),
                            .kind = (uint64_t)db_int(r, 3),
                            .scope = db_view(r, 4),
                            .connector = db_view(r, 5),
                            .until_ms = db_int(r, 6)};
    rc = fn(arg, &row);
    db_end(r);
    return rc;
}
