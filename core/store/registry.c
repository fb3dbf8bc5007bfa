/* Channels, connectors, scopes and sources at rest: secrets only sealed. */

#include <errno.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/secret.h"
#include "core/model/channel_flags.h"
#include "core/store/keys.h"
#include "core/store/peers.h"
#include "core/store/private.h"
#include "core/store/store.h"

#define REGISTRY_VERSION_META "registry_version"

int store_registry_bump(struct store *s)
{
    return db_run(s->db,
                  "INSERT INTO meta VALUES('registry_version', '1') ON CONFLICT(key) DO UPDATE"
                  " SET value=CAST(CAST(value AS INTEGER)+1 AS TEXT)",
                  "");
}

/* Seals @secret for "<table>/<row>/<field>"; an empty one stays NULL. */
static int seal_field(const struct keys *keys, const char *table, const char *row,
                      const char *field, const struct secret *secret, struct buf *out)
{
    struct buf context;
    int rc = 0;

    buf_reset(out);
    if (!secret->bytes)
        return 0;
    buf_init(&context, 1024);
    rc = buf_add_f(&context, "%s/%s/%s", table, row, field);
    rc = rc ? rc : keys_seal(keys, buf_str(&context), secret_view(secret), out);
    buf_fini(&context);
    return rc;
}

static int unseal_field(const struct keys *keys, const char *table, const char *row,
                        const char *field, struct view sealed, struct secret *ret)
{
    struct buf context;
    struct buf text;
    int rc = 0;

    if (!sealed.ptr)
        return 0;
    buf_init(&context, 1024);
    buf_init(&text, 4096);
    rc = buf_add_f(&context, "%s/%s/%s", table, row, field);
    rc = rc ? rc : keys_unseal(keys, buf_str(&context), sealed, &text);
    rc = rc ? rc : secret_init(ret, buf_view(&text));
    secret_wipe(text.ptr, text.len);
    buf_fini(&text);
    buf_fini(&context);
    return rc;
}

static struct view sealed_view(const struct buf *b)
{
    return b->len ? buf_view(b) : VIEW_NONE;
}

int store_channel_put(struct store *s, const struct keys *keys, const struct reg_channel *c,
                      struct view answer)
{
    struct buf first;
    struct buf second;
    int rc = 0;

    buf_init(&first, 4096);
    buf_init(&second, 4096);
    rc = seal_field(keys, "channels", c->id, "secret", &c->secrets[0], &first);
    rc = rc ? rc : seal_field(keys, "channels", c->id, "old_secret", &c->secrets[1], &second);
    rc = rc ? rc
            : db_run(s->db,
                     "INSERT INTO channels(id,code,name,url,bot_id,secret,old_secret,"
                     "old_until_ms,answer,secret_set_ms,secret_set_by)"
                     " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)"
                     " ON CONFLICT(id) DO UPDATE SET code=?2, name=?3, url=?4, bot_id=?5,"
                     " secret=?6, old_secret=?7, old_until_ms=?8,"
                     " answer=coalesce(?9, answer), secret_set_ms=?10, secret_set_by=?11",
                     "sssssbbitis", c->id, c->code, c->name, c->url, c->bot_id,
                     sealed_view(&first), sealed_view(&second), c->old_until_ms, answer,
                     c->secret_set.ms, c->secret_set.by);
    buf_fini(&first);
    buf_fini(&second);
    return rc;
}

int store_channel_answer(struct store *s, struct view id, struct buf *ret_json)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT answer FROM channels WHERE id=?", "t", id);

    rc = store_one(rc, r);
    if (rc)
        return rc;
    rc = buf_add_view(ret_json, db_view(r, 0));
    db_end(r);
    return rc;
}

int store_connector_put(struct store *s, const struct keys *keys, const struct reg_connector *c)
{
    struct buf sealed[4];
    int rc = 0;

    for (size_t i = 0; i < AMO_COUNT(sealed); i++)
        buf_init(&sealed[i], 4096);
    rc = seal_field(keys, "connectors", c->name, "secret", &c->secrets[0], &sealed[0]);
    rc = rc ? rc
            : seal_field(keys, "connectors", c->name, "old_secret", &c->secrets[1], &sealed[1]);
    rc = rc ? rc : seal_field(keys, "connectors", c->name, "token", &c->tokens[0], &sealed[2]);
    rc = rc ? rc
            : seal_field(keys, "connectors", c->name, "old_token", &c->tokens[1], &sealed[3]);
    rc = rc ? rc
            : db_run(s->db,
                     "INSERT OR REPLACE INTO connectors(name,url,allow_private,off,secret,"
                     "old_secret,token,old_token,old_until_ms,secret_set_ms,secret_set_by,"
                     "token_set_ms,token_set_by) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
                     "ssiibbbbiisis", c->name, c->url, (int64_t)c->allow_private,
                     (int64_t)c->off, sealed_view(&sealed[0]), sealed_view(&sealed[1]),
                     sealed_view(&sealed[2]), sealed_view(&sealed[3]), c->old_until_ms,
                     c->secret_set.ms, c->secret_set.by, c->token_set.ms, c->token_set.by);
    for (size_t i = 0; i < AMO_COUNT(sealed); i++)
        buf_fini(&sealed[i]);
    return rc;
}

int store_connector_off(struct store *s, struct view name, bool off)
{
    return db_run(s->db, "UPDATE connectors SET off=? WHERE name=?", "it", (int64_t)off, name);
}

int store_scope_put(struct store *s, const struct reg_scope *scope)
{
    return db_run(
        s->db,
        "INSERT INTO scopes(id,channel,account,connector,title,paused,window_off,connected_ms)"
        " VALUES(?,?,?,?,?,0,?,?) ON CONFLICT(id) DO UPDATE SET"
        " channel=excluded.channel, account=excluded.account,"
        " connector=excluded.connector, title=excluded.title,"
        " window_off=excluded.window_off,"
        " connected_ms=max(connected_ms, excluded.connected_ms)",
        "sssssii", scope->id, scope->channel, scope->account, scope->connector, scope->title,
        (int64_t)scope->window_off, scope->connected_ms);
}

int store_scope_reconnecting(struct store *s, struct view id, int64_t now_ms)
{
    return db_run(s->db, "UPDATE scopes SET connected_ms=?1, reconnected_ms=?1 WHERE id=?2",
                  "it", now_ms, id);
}

int store_scope_leave(struct store *s, struct view id, int64_t now_ms)
{
    int rc = store_scope_pause(s, id, VIEW_NONE, now_ms);

    /* wall time since when; 1: it left when that was not written down yet */
    return rc ? rc
              : db_run(s->db, "UPDATE scopes SET disconnected=max(?,1) WHERE id=?", "it",
                       now_ms, id);
}

int store_scope_come_back(struct store *s, struct view id, int64_t now_ms)
{
    struct db_rows *r = NULL;
    int rc =
        db_query(s->db, &r, "SELECT 1 FROM scopes WHERE id=? AND disconnected<>0", "t", id);

    rc = store_one(rc, r);
    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    db_end(r);
    rc = store_scope_resume(s, id, now_ms);
    return rc ? rc : db_run(s->db, "UPDATE scopes SET disconnected=0 WHERE id=?", "t", id);
}

int store_scope_default_source(struct store *s, struct view id, struct view source)
{
    return db_run(s->db, "UPDATE scopes SET default_source=? WHERE id=?", "tt",
                  source.len ? source : VIEW_NONE, id);
}

/* scopes.paused: wall time since when, 0 not. */
int store_scope_pause(struct store *s, struct view id, struct view who, int64_t now_ms)
{
    return db_run(s->db, "UPDATE scopes SET paused=?, paused_by=? WHERE id=? AND paused=0",
                  "itt", now_ms, who, id);
}

int store_scope_resume(struct store *s, struct view id, int64_t now_ms)
{
    int64_t since = 0;
    int rc = store_scope_paused_since(s, id, &since);

    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    rc = db_run(
        s->db,
        "UPDATE commands SET paused_ms=paused_ms+max(0,?1-max(taken_ms,?2)) WHERE scope=?3",
        "iit", now_ms, since, id);
    return rc ? rc
              : db_run(s->db, "UPDATE scopes SET paused=0, paused_by=NULL WHERE id=?", "t", id);
}

int store_scope_paused_since(struct store *s, struct view id, int64_t *ret_ms)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT paused FROM scopes WHERE id=? AND paused<>0", "t", id);

    return store_one_int(rc, r, ret_ms);
}

int store_scope_paused_by(struct store *s, struct view id, struct buf *ret_who)
{
    struct db_rows *r = NULL;
    int rc =
        db_query(s->db, &r, "SELECT paused_by FROM scopes WHERE id=? AND paused_by IS NOT NULL",
                 "t", id);

    rc = store_one(rc, r);
    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    rc = buf_add_view(ret_who, db_view(r, 0));
    db_end(r);
    return rc;
}

int store_source_put(struct store *s, struct view connector, struct view source,
                     struct view scope)
{
    /* nobody else writes from it by default any more */
    int rc =
        db_run(s->db,
               "UPDATE scopes SET default_source=NULL WHERE default_source=?2 AND id IN"
               " (SELECT scope FROM sources WHERE connector=?1 AND source=?2 AND scope<>?3)",
               "ttt", connector, source, scope);

    return rc ? rc
              : db_run(s->db, "INSERT OR REPLACE INTO sources VALUES(?,?,?)", "ttt", connector,
                       source, scope);
}

int store_source_remove(struct store *s, struct view connector, struct view source)
{
    int rc = db_run(s->db,
                    "UPDATE scopes SET default_source=NULL WHERE default_source=?2 AND id IN"
                    " (SELECT scope FROM sources WHERE connector=?1 AND source=?2)",
                    "tt", connector, source);

    return rc ? rc
              : db_run(s->db, "DELETE FROM sources WHERE connector=? AND source=?", "tt",
                       connector, source);
}

int store_channel_remove(struct store *s, struct view id)
{
    int rc = db_run(
        s->db, "DELETE FROM sources WHERE scope IN (SELECT id FROM scopes WHERE channel=?)",
        "t", id);

    rc = rc ? rc : db_run(s->db, "DELETE FROM scopes WHERE channel=?", "t", id);
    return rc ? rc : db_run(s->db, "DELETE FROM channels WHERE id=?", "t", id);
}

int store_connector_remove(struct store *s, struct view name)
{
    int rc = db_run(s->db, "DELETE FROM sources WHERE connector=?", "t", name);

    rc = rc ? rc : db_run(s->db, "DELETE FROM source_moves WHERE connector=?", "t", name);
    rc = rc ? rc : db_run(s->db, "DELETE FROM scopes WHERE connector=?", "t", name);
    return rc ? rc : db_run(s->db, "DELETE FROM connectors WHERE name=?", "t", name);
}

/* Columns @at and the next one. */
static int load_set(struct db_rows *r, int at, struct reg_set *ret)
{
    ret->ms = db_int(r, at);
    return db_string(r, at + 1, &ret->by);
}

static int load_channels(struct store *s, const struct keys *keys, struct registry *reg)
{
    static const char *const fields[] = {"secret", "old_secret"};
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT id,code,name,url,bot_id,secret,old_secret,old_until_ms,answer,"
                      "secret_set_ms,secret_set_by FROM channels ORDER BY id",
                      "");

    while (rc == 0 && (rc = db_next(r)) == 1) {
        struct reg_channel *c = registry_add_channel(reg);

        rc = c ? 0 : -ENOMEM;
        rc = rc ? rc : db_string(r, 0, &c->id);
        rc = rc ? rc : db_string(r, 1, &c->code);
        rc = rc ? rc : db_string(r, 2, &c->name);
        rc = rc ? rc : db_string(r, 3, &c->url);
        rc = rc ? rc : db_string(r, 4, &c->bot_id);
        for (int i = 0; rc == 0 && i < 2; i++)
            rc = unseal_field(keys, "channels", c->id, fields[i], db_view(r, 5 + i),
                              &c->secrets[i]);
        rc = rc ? rc : channel_flags_apply(db_view(r, 8), c);
        rc = rc ? rc : load_set(r, 9, &c->secret_set);
        if (rc == 0)
            c->old_until_ms = db_int(r, 7);
    }
    if (rc && r)
        db_end(r); /* left in the middle of a row */
    return rc;
}

static int load_connectors(struct store *s, const struct keys *keys, struct registry *reg)
{
    static const char *const fields[] = {"secret", "old_secret", "token", "old_token"};
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT name,url,allow_private,off,secret,old_secret,token,old_token,"
                      "old_until_ms,secret_set_ms,secret_set_by,token_set_ms,token_set_by"
                      " FROM connectors ORDER BY name",
                      "");

    while (rc == 0 && (rc = db_next(r)) == 1) {
        struct reg_connector *c = registry_add_connector(reg);

        rc = c ? 0 : -ENOMEM;
        rc = rc ? rc : db_string(r, 0, &c->name);
        rc = rc ? rc : db_string(r, 1, &c->url);
        for (int i = 0; rc == 0 && i < 4; i++)
            rc = unseal_field(keys, "connectors", c->name, fields[i], db_view(r, 4 + i),
                              i < 2 ? &c->secrets[i] : &c->tokens[i - 2]);
        rc = rc ? rc : load_set(r, 9, &c->secret_set);
        rc = rc ? rc : load_set(r, 11, &c->token_set);
        if (rc == 0) {
            c->allow_private = db_int(r, 2) != 0;
            c->off = db_int(r, 3) != 0;
            c->old_until_ms = db_int(r, 8);
        }
    }
    if (rc && r)
        db_end(r); /* left in the middle of a row */
    return rc;
}

static int load_scopes(struct store *s, struct registry *reg)
{
    struct db_rows *r = NULL;
    int rc =
        db_query(s->db, &r,
                 "SELECT id,channel,account,connector,title,paused,disconnected,window_off,"
                 "connected_ms,default_source,reconnected_ms FROM scopes ORDER BY id",
                 "");

    while (rc == 0 && (rc = db_next(r)) == 1) {
        struct reg_scope *p = registry_add_scope(reg);

        rc = p ? 0 : -ENOMEM;
        rc = rc ? rc : db_string(r, 0, &p->id);
        rc = rc ? rc : db_string(r, 1, &p->channel);
        rc = rc ? rc : db_string(r, 2, &p->account);
        rc = rc ? rc : db_string(r, 3, &p->connector);
        rc = rc ? rc : db_string(r, 4, &p->title);
        rc = rc ? rc : db_string(r, 9, &p->default_source);
        if (rc == 0) {
            p->paused = db_int(r, 5) != 0;
            p->disconnected = db_int(r, 6) != 0;
            p->left_ms = db_int(r, 6) == 1 ? db_int(r, 5) : db_int(r, 6); /* since its pause */
            p->window_off = db_int(r, 7) != 0;
            p->connected_ms = db_int(r, 8);
            p->reconnected_ms = db_int(r, 10);
        }
    }
    if (rc && r)
        db_end(r); /* left in the middle of a row */
    return rc;
}

static int load_sources(struct store *s, struct registry *reg)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT connector,source,scope FROM sources ORDER BY 1,2", "");

    while (rc == 0 && (rc = db_next(r)) == 1) {
        struct reg_source *p = registry_add_source(reg);

        rc = p ? 0 : -ENOMEM;
        rc = rc ? rc : db_string(r, 0, &p->connector);
        rc = rc ? rc : db_string(r, 1, &p->source);
        rc = rc ? rc : db_string(r, 2, &p->scope);
    }
    if (rc && r)
        db_end(r); /* left in the middle of a row */
    return rc;
}

int store_registry_load(struct store *s, const struct keys *keys,
                        struct registry **ret_registry)
{
    struct registry *reg = NULL;
    struct buf version;
    int rc = registry_new(&reg);

    buf_init(&version, 64);
    rc = rc ? rc : store_meta_get(s, REGISTRY_VERSION_META, &version);
    if (rc == 0)
        rc = num_parse_u64(buf_view(&version), &reg->version);
    else if (rc == STORE_E_NONE)
        rc = 0;
    rc = rc ? rc : load_channels(s, keys, reg);
    rc = rc ? rc : load_connectors(s, keys, reg);
    rc = rc ? rc : load_scopes(s, reg);
    rc = rc ? rc : load_sources(s, reg);
    buf_fini(&version);
    if (rc) {
        registry_free(reg);
        return rc;
    }
    registry_ready(reg);
    *ret_registry = reg;
    return 0;
}

/* --- how much has come from whom ------------------------------------------------------------ */

int store_heard_put(struct store *s, const struct store_heard *h)
{
    return db_run(s->db, "INSERT OR REPLACE INTO heard VALUES(?,?,?,?,?)", "tiiib", h->who,
                  h->since_ms, h->last_ms, h->hour, h->counts);
}

int store_heard_walk(struct store *s, store_heard_fn *fn, void *arg)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT who, since_ms, last_ms, hour, counts FROM heard", "");

    while (rc == 0 && (rc = db_next(r)) == 1) {
        const struct store_heard h = {.who = db_view(r, 0),
                                      .since_ms = db_int(r, 1),
                                      .last_ms = db_int(r, 2),
                                      .hour = db_int(r, 3),
                                      .counts = db_view(r, 4)};

        rc = fn(arg, &h);
        if (rc)
            db_end(r);
    }
    return rc;
}

/* --- what operators ordered ------------------------------------------------------------------ */

int store_order_add(struct store *s, const struct store_order *o, int64_t most, int64_t *ret_id)
{
    int rc = db_run(s->db,
                    "INSERT INTO orders(at_ms,user,verb,args,outcome,words,changes,n) VALUES"
                    "(?1,?2,?3,?4,?5,?6,?7,"
                    "(SELECT coalesce(max(n),0)+1 FROM orders WHERE changes=?7))",
                    "ittttti", o->at_ms, o->user, o->verb, o->args, o->outcome, o->words,
                    (int64_t)o->changes);

    if (rc)
        return rc;
    *ret_id = db_last_id(s->db);
    return db_run(s->db,
                  "DELETE FROM orders WHERE changes=?1 AND n<="
                  "(SELECT max(n) FROM orders WHERE changes=?1)-?2",
                  "ii", (int64_t)o->changes, most);
}

int store_order_end(struct store *s, int64_t id, const char *outcome, struct view words)
{
    return db_run(s->db, "UPDATE orders SET outcome=?2, words=?3 WHERE id=?1", "ist", id,
                  outcome, words);
}

static int orders_told(int rc, struct db_rows *r, store_order_fn *fn, void *arg)
{
    while (rc == 0 && (rc = db_next(r)) == 1) {
        const struct store_order o = {.id = db_int(r, 0),
                                      .at_ms = db_int(r, 1),
                                      .user = db_view(r, 2),
                                      .verb = db_view(r, 3),
                                      .args = db_view(r, 4),
                                      .outcome = db_view(r, 5),
                                      .words = db_view(r, 6),
                                      .changes = db_int(r, 7) != 0};

        rc = fn(arg, &o);
        if (rc)
            db_end(r);
    }
    return rc;
}

int store_orders_walk(struct store *s, int64_t before, int64_t most, store_order_fn *fn,
                      void *arg)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT id,at_ms,user,verb,args,outcome,words,changes FROM orders"
                      " WHERE id<? ORDER BY id DESC LIMIT ?",
                      "ii", before, most);

    return orders_told(rc, r, fn, arg);
}

int store_orders_changed(struct store *s, int64_t most, store_order_fn *fn, void *arg)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r,
                      "SELECT id,at_ms,user,verb,args,outcome,words,changes FROM orders"
                      " WHERE changes=1 ORDER BY n DESC LIMIT ?",
                      "i", most);

    return orders_told(rc, r, fn, arg);
}
