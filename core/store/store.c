/* The store's frame: opening, migrations, transactions, meta, spools, workers, counts. */

#include "core/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/process.h"
#include "core/store/db.h"
#include "core/store/erase.h"
#include "core/store/mend.h"
#include "core/store/private.h"
#include "core/store/schema.h"
#include "proto/limits.h"

/* for who reads the file at a start */
#define REWRITE_WAIT_MS 1000
/* a store that seems damaged before it is open is opened so often */
#define OPEN_TRIES      5
#define OPEN_PAUSE_NS   200000000L

int store_schema_version(void)
{
    return schema_count();
}

/* 0 for a new file. */
static int store_version(struct store *s, int64_t *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "PRAGMA user_version", "");

    return store_one_int(rc, r, ret);
}

static int store_migrate(struct store *s, struct buf *ret_why, bool *ret_fresh)
{
    int64_t have = 0;
    int rc = store_version(s, &have);

    if (rc)
        return rc;
    *ret_fresh = have == 0;
    if (have > schema_count()) {
        (void)buf_add_f(ret_why,
                        "the store was written by a newer program (schema %lld, here %d)",
                        (long long)have, schema_count());
        return -EPROTO;
    }
    for (int n = (int)have + 1; rc == 0 && n <= schema_count(); n++) {
        struct buf version;

        buf_init(&version, 64);
        rc = buf_add_f(&version, "PRAGMA user_version=%d", n);
        rc = rc ? rc : db_begin(s->db);
        rc = rc ? rc : db_exec(s->db, schema_migration(n));
        rc = rc ? rc : db_exec(s->db, buf_str(&version));
        rc = rc ? rc : db_exec(s->db, "COMMIT");
        buf_fini(&version);
    }
    return rc;
}

/* What an erasure works on: of this process, in memory. */
static const char erase_tables[] =
    "CREATE TEMP TABLE erase_conversations(id INTEGER PRIMARY KEY);"
    "CREATE TEMP TABLE erase_clients(id INTEGER PRIMARY KEY);"
    "CREATE TEMP TABLE erase_messages(id INTEGER PRIMARY KEY);"
    "CREATE TEMP TABLE erase_dead(id INTEGER PRIMARY KEY);"
    "CREATE TEMP TABLE erase_events(id INTEGER PRIMARY KEY);"
    "CREATE TEMP TABLE erase_evidence(id INTEGER PRIMARY KEY);";

/* Rewritten when a migration or an erasure asked for it: what was deleted before is nowhere in
 * the file then. A database larger than memory needs room beside it. What cannot be done now is
 * wished for on: messages must not wait for it. */
static int store_rebuild(struct store *s, bool fresh)
{
    bool wished = false;
    int kept = 0;
    int rc = store_rebuild_is_wished(s, &wished);

    if (rc || !wished)
        return rc;
    if (!fresh)
        kept = db_rewrite(s->db, REWRITE_WAIT_MS);
    if (kept)
        log_failed(LOG_LEVEL_WARN, "store.not_rewritten", store_errno(kept),
                   "file=%s sqlite=\"%s\"", store_path(s), store_error(s, kept));
    return kept ? 0 : store_rebuild_is_done(s);
}

/* After a damaged page was met, and before a migration: the whole of it is read before anybody relies on it, and
 * repaired when only indexes are hurt. What cannot be repaired is told and worked around (core_give_up). */
static void store_emptied(void *arg, const char *table, const char *words)
{
    struct store *s = arg;

    s->emptied = true;
    log_line(LOG_LEVEL_ERROR, "store.emptied", "table=%s file=%s sqlite=\"%s\"", table,
             store_path(s), words);
}

/* What is read or written for every message, and can be gone without. */
static int store_find_hurt(struct store *s)
{
    int rc =
        mend_is_hurt(s->db, "attempts", "PRAGMA quick_check('attempts')", &s->hurt_attempts);

    rc = rc ? rc
            : mend_is_hurt(s->db, "conversations", "PRAGMA quick_check('conversations')",
                           &s->hurt_conversations);
    return rc ? rc
              : mend_is_hurt(s->db, "waiting", "PRAGMA quick_check('waiting')",
                             &s->hurt_waiting);
}

static int store_look(struct store *s)
{
    struct buf words;
    bool whole = false;
    bool mended = false;
    bool wrong = false;
    int rc = 0;

    buf_init(&words, 1024);
    s->looked_at = true;
    rc = mend_helpers(s->db, store_emptied, s);
    rc = rc ? rc : mend_look(s->db, &whole, &mended, &words);
    rc = rc ? rc : mend_sums(s->db, &wrong);
    if (wrong)
        log_line(LOG_LEVEL_WARN, "store.recounted", "table=shares file=%s", store_path(s));
    if (words.len)
        log_line(LOG_LEVEL_ERROR, "store.damaged", "file=%s mended=%s sqlite=\"%s\"",
                 store_path(s), mended ? "yes" : "no", buf_str(&words));
    (void)snprintf(s->damage, sizeof(s->damage), "%s", whole ? "" : buf_str(&words));
    rc = rc || whole ? rc : store_find_hurt(s);
    if (rc == 0 && (mended || s->emptied)) /* what the old pages took up is given back */
        rc = store_meta_put(s, STORE_META_REBUILD, VIEW_LIT("1"));
    if (rc == 0 && whole)
        mend_unmark(store_path(s));
    buf_fini(&words);
    return rc;
}

/* The pages that the last life may have failed to flush can be read all the same: they are written
 * into the file and synced anew before anybody is told that they are there. */
static int store_settle_log(struct store *s)
{
    int rc = db_empty_log(s->db, REWRITE_WAIT_MS);

    if (rc == STORE_BUSY) { /* a reader, a backup perhaps: the log is as it was */
        log_failed(LOG_LEVEL_WARN, "store.log_not_emptied", store_errno(rc),
                   "file=%s-wal sqlite=\"%s\"", store_path(s), store_error(s, rc));
        return 0;
    }
    return rc;
}

static int store_make_ready(struct store *s, struct buf *ret_why)
{
    bool fresh = false;
    int rc = store_migrate(s, ret_why, &fresh);

    return rc ? rc : store_rebuild(s, fresh);
}

/* A migration goes by what is there, and what is wrong with it is wrong for good then. */
static bool store_is_of_before(struct store *s)
{
    int64_t have = 0;

    return store_version(s, &have) == 0 && have > 0 && have < schema_count();
}

/* What reads and writes here may be the first to meet damage, or what SQLite calls so: the root of a
 * table or an index that the disk does not read for a moment. Only a look at all of it tells which. */
static int store_prepare(struct store *s, struct buf *ret_why)
{
    int rc = 0;

    if (mend_is_marked(store_path(s)) || store_is_of_before(s))
        rc = store_look(s);
    rc = rc ? rc : store_make_ready(s, ret_why);
    if (rc != STORE_DAMAGED || s->looked_at)
        return rc;
    store_found_damaged(s, rc);
    rc = store_look(s);
    return rc ? rc : store_make_ready(s, ret_why);
}

/* Two cores on one store, whatever their names, would each think that they own every queue. */
static int store_lock(struct store *s, const char *path, struct buf *ret_why)
{
    struct buf lock;
    int rc = 0;

    buf_init(&lock, 4096);
    rc = buf_add_f(&lock, "%s.lock", path);
    if (rc == 0) {
        s->lock_fd = open(buf_str(&lock), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        rc = s->lock_fd < 0 ? -errno : 0;
    }
    if (rc == 0 && flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        rc = -EBUSY;
        (void)buf_add_f(ret_why, "%s: another core has this store open", path); /* fits */
    }
    buf_fini(&lock);
    return rc;
}

/* A page of the schema that the disk does not read for a moment is damage in SQLite's words, and core
 * would end for good over it. What is damaged is so every time. */
static int store_open_db(const char *path, struct buf *ret_why, struct db **ret)
{
    const struct timespec pause = {.tv_nsec = OPEN_PAUSE_NS};
    int rc = db_open(path, ret_why, ret);

    for (int i = 1; rc == STORE_DAMAGED && i < OPEN_TRIES; i++) {
        log_failed(LOG_LEVEL_WARN, "store.opened_again", rc, "sqlite=\"%s\"", buf_str(ret_why));
        buf_reset(ret_why);
        (void)nanosleep(&pause, NULL); /* shorter is harmless */
        rc = db_open(path, ret_why, ret);
    }
    return rc;
}

int store_open(const char *url, struct buf *ret_why, struct store **ret_store)
{
    struct store *s = NULL;
    int rc = 0;

    if (strncmp(url, "sqlite:", 7) != 0 || url[7] == '\0') {
        (void)buf_add_f(ret_why, "core/store: only sqlite:<path> is understood");
        return -EPROTONOSUPPORT;
    }
    s = mem_zalloc(sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->lock_fd = -1;
    rc = process_make_parent(url + 7);
    rc = rc ? rc : store_lock(s, url + 7, ret_why);
    rc = rc ? rc : mend_fits(url + 7, OPEN_TRIES, ret_why);
    rc = rc ? rc : store_open_db(url + 7, ret_why, &s->db);
    rc = rc ? rc : store_settle_log(s);
    /* the keys of a new index are sorted, and those of a large store need not fit into memory */
    rc = rc ? rc : db_exec(s->db, "PRAGMA temp_store=FILE");
    rc = rc ? rc : store_prepare(s, ret_why);
    rc = rc ? rc : db_exec(s->db, "PRAGMA temp_store=MEMORY");
    rc = rc ? rc : db_exec(s->db, erase_tables);
    if (rc) {
        if (buf_view(ret_why).len == 0)
            (void)buf_add_f(ret_why, "%s: %s", url + 7,
                            s->db ? db_error(s->db, rc) : "cannot open"); /* cut is fine */
        store_close(s);
        return rc;
    }
    *ret_store = s;
    return 0;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    db_close(s->db);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd); /* gives the lock back */
    mem_free(s);
}

const char *store_path(const struct store *s)
{
    return db_path(s->db);
}

const char *store_error(const struct store *s, int rc)
{
    return db_error(s->db, rc);
}

int store_errno(int rc)
{
    return rc == STORE_FULL ? -ENOSPC : rc == STORE_BUSY ? -EBUSY : rc;
}

bool store_is_looked_at(const struct store *s)
{
    return s->looked_at;
}

const char *store_damage(const struct store *s)
{
    return s->damage[0] ? s->damage : NULL;
}

bool store_conversations_are_hurt(const struct store *s)
{
    return s->hurt_conversations;
}

bool store_deferred_is_hurt(const struct store *s)
{
    return s->hurt_waiting;
}

void store_found_damaged(struct store *s, int rc)
{
    int failed = 0;

    (void)snprintf(s->damage, sizeof(s->damage), "%s", store_error(s, rc)); /* cut is fine */
    failed = mend_mark(store_path(s), s->damage);
    if (failed)
        log_failed(LOG_LEVEL_ERROR, "store.not_marked", failed, "file=%s.damaged",
                   store_path(s));
}

int store_begin(struct store *s)
{
    int rc = 0;

    if (s->in_transaction)
        return 0;
    rc = db_run(s->db, "BEGIN IMMEDIATE", "");
    if (rc == 0)
        s->in_transaction = true;
    s->changes = db_all_changes(s->db);
    return rc;
}

bool store_in_transaction(const struct store *s)
{
    return s->in_transaction;
}

int store_commit(struct store *s)
{
    int rc = 0;

    if (!s->in_transaction)
        return 0;
    rc = s->changes != db_all_changes(s->db) ? db_link(s->db) : 0;
    rc = rc ? rc : db_run(s->db, "COMMIT", "");
    if (rc == 0)
        s->in_transaction = false;
    return rc;
}

int64_t store_log_bytes(const struct store *s)
{
    return db_log_bytes(s->db);
}

uint64_t store_logged(const struct store *s)
{
    return db_logged(s->db);
}

int store_abandon(struct store *s)
{
    int rc = 0;

    if (!s->in_transaction)
        return 0;
    s->in_transaction = false;
    rc = db_exec(s->db, "ROLLBACK");
    return rc == -EIO ? 0 : rc; /* "no transaction is active": the failure has ended it */
}

int64_t store_changes(const struct store *s)
{
    return db_all_changes(s->db);
}

int store_savepoint(struct store *s)
{
    return db_run(s->db, "SAVEPOINT one", "");
}

int store_release(struct store *s)
{
    return db_run(s->db, "RELEASE one", "");
}

int store_rollback_to(struct store *s)
{
    int rc = db_run(s->db, "ROLLBACK TO one", "");

    return rc ? rc : db_run(s->db, "RELEASE one", "");
}

int store_meta_get(struct store *s, const char *key, struct buf *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT value FROM meta WHERE key=?", "s", key);

    rc = store_one(rc, r);
    if (rc)
        return rc;
    rc = buf_add_view(ret, db_view(r, 0));
    db_end(r);
    return rc;
}

int store_meta_drop(struct store *s, const char *key)
{
    return db_run(s->db, "DELETE FROM meta WHERE key=?", "s", key);
}

int store_meta_put(struct store *s, const char *key, struct view value)
{
    return db_run(s->db, "INSERT OR REPLACE INTO meta VALUES(?,?)", "sb", key, value);
}

int store_has_sealed(struct store *s, bool *ret)
{
    struct db_rows *r = NULL;
    int rc =
        db_query(s->db, &r,
                 "SELECT EXISTS(SELECT 1 FROM channels) OR EXISTS(SELECT 1 FROM connectors)"
                 " OR EXISTS(SELECT 1 FROM meta WHERE key='key_check')",
                 "");

    rc = store_one(rc, r);
    if (rc)
        return rc;
    *ret = db_int(r, 0) != 0;
    db_end(r);
    return 0;
}

int store_spool_get(struct store *s, const struct id *spool, uint64_t *ret_mark,
                    uint64_t *ret_low, struct buf *ret_ranges)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT mark, low, ranges FROM spools WHERE id=?", "b",
                      id_view(spool));

    rc = store_one(rc, r);
    if (rc)
        return rc;
    *ret_mark = (uint64_t)db_int(r, 0);
    *ret_low = (uint64_t)db_int(r, 1);
    rc = buf_add_view(ret_ranges, db_view(r, 2));
    db_end(r);
    return rc;
}

int store_spool_put(struct store *s, const struct id *spool, uint64_t mark, uint64_t low,
                    struct view ranges)
{
    return db_run(s->db,
                  "INSERT INTO spools(id, mark, low, ranges) VALUES(?,?,?,?)"
                  " ON CONFLICT(id) DO UPDATE SET mark=excluded.mark, low=excluded.low,"
                  " ranges=excluded.ranges",
                  "biib", id_view(spool), (int64_t)mark, (int64_t)low, ranges);
}

int store_spool_taker(struct store *s, const struct id *spool, struct id *ret_boot,
                      struct buf *ret_name)
{
    struct db_rows *r = NULL;
    int rc =
        db_query(s->db, &r, "SELECT taker, name FROM spools WHERE id=?", "b", id_view(spool));

    rc = store_one(rc, r);
    if (rc)
        return rc;
    if (id_from_view(db_view(r, 0), ret_boot))
        *ret_boot = (struct id){{0}};
    rc = buf_add_view(ret_name, db_view(r, 1));
    db_end(r);
    return rc;
}

int store_spool_taken_from(struct store *s, const struct id *spool, const struct id *boot,
                           struct view name)
{
    return db_run(s->db, "UPDATE spools SET taker=?, name=? WHERE id=?", "btb", id_view(boot),
                  name, id_view(spool));
}

int store_spool_used(struct store *s, const struct id *spool, int64_t now_ms)
{
    return db_run(s->db, "UPDATE spools SET used_ms=? WHERE id=?", "ib", now_ms,
                  id_view(spool));
}

int store_spools_cap(struct store *s, size_t n)
{
    return db_run(s->db,
                  "DELETE FROM spools WHERE id NOT IN (SELECT id FROM spools"
                  " ORDER BY used_ms DESC LIMIT ?)",
                  "i", (int64_t)n);
}

int store_worker_seen(struct store *s, struct view name, const struct id *boot, int64_t now_ms)
{
    int rc = db_run(s->db, "INSERT OR REPLACE INTO workers VALUES(?,?,?)", "tbi", name,
                    id_view(boot), now_ms);

    return rc ? rc
              : db_run(s->db,
                       "DELETE FROM workers WHERE name NOT IN (SELECT name FROM workers"
                       " ORDER BY seen_ms DESC LIMIT ?)",
                       "i", (int64_t)LIMIT_PEERS);
}

int store_worker_forget(struct store *s, struct view name)
{
    return db_run(s->db, "DELETE FROM workers WHERE name=?", "t", name);
}

int store_workers_walk(struct store *s, store_worker_fn *fn, void *arg)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT name, boot FROM workers", "");

    while (rc == 0 && (rc = db_next(r)) == 1) {
        struct id boot;

        rc = 0;
        if (id_from_view(db_view(r, 1), &boot) == 0)
            fn(arg, db_view(r, 0), &boot);
    }
    return rc;
}

int store_counts(struct store *s, int64_t *ret_dead, int64_t *ret_quarantine,
                 int64_t *ret_waiting)
{
    struct db_rows *r = NULL;
    int rc = db_query(
        s->db, &r,
        "SELECT (SELECT count(*) FROM dead), (SELECT count(*) FROM quarantine),"
        " (SELECT coalesce(sum(n),0) FROM shares WHERE room=2 AND (who<'b' OR who>='c'))",
        "");

    rc = store_one(rc, r);
    if (rc)
        return rc;
    *ret_dead = db_int(r, 0);
    *ret_quarantine = db_int(r, 1);
    *ret_waiting = db_int(r, 2);
    db_end(r);
    return 0;
}

/* The oldest messages that are too old: what the statements below begin with. */
#define OLD_MESSAGES                                                                           \
    "WITH old AS (SELECT * FROM (SELECT * FROM messages ORDER BY id LIMIT ?1) WHERE"           \
    " taken_ms < ?2) "

/* Is the oldest message old enough? Mostly not, and then nothing is searched. */
static int store_has_old(struct store *s, int64_t messages_before_ms, bool *ret)
{
    struct db_rows *r = NULL;
    int rc = db_query(s->db, &r, "SELECT taken_ms FROM messages ORDER BY id LIMIT 1", "");

    rc = store_one(rc, r);
    *ret = rc == 0 && db_int(r, 0) < messages_before_ms;
    if (rc == 0)
        db_end(r);
    return rc == STORE_E_NONE ? 0 : rc;
}

static int store_prune_messages(struct store *s, int64_t before_ms, int64_t limit)
{
    /* by their keys: the table of ids has no index on the message */
    int rc = db_run(s->db,
                    OLD_MESSAGES
                    "DELETE FROM message_ids WHERE id IN (SELECT 'm'||mid FROM old"
                    " UNION ALL SELECT 'a'||amo_id||'/'||scope FROM old"
                    " UNION ALL SELECT CASE direction WHEN 2 THEN 't' ELSE 's' END||connector"
                    "||'/'||service_id FROM old UNION ALL SELECT 'c'||connector||'/'||"
                    "conversation||'/'||service_id FROM old WHERE direction=2) AND message IN"
                    " (SELECT id FROM old)",
                    "ii", limit, before_ms);

    rc = rc ? rc
            : db_run(s->db,
                     OLD_MESSAGES
                     "DELETE FROM message_once WHERE message IN (SELECT id FROM old)",
                     "ii", limit, before_ms);
    rc = rc ? rc
            : db_run(s->db,
                     OLD_MESSAGES "DELETE FROM reactions WHERE message IN (SELECT id FROM old)",
                     "ii", limit, before_ms);
    rc = rc ? rc
            : db_run(s->db,
                     OLD_MESSAGES "DELETE FROM attempts WHERE message IN (SELECT id FROM old)",
                     "ii", limit, before_ms);
    return rc ? rc
              : db_run(s->db,
                       OLD_MESSAGES "DELETE FROM messages WHERE id IN (SELECT id FROM old)",
                       "ii", limit, before_ms);
}

int store_prune(struct store *s, int64_t messages_before_ms, int64_t dead_before_ms,
                int64_t limit)
{
    bool old = false;
    int rc = store_has_old(s, messages_before_ms, &old);

    if (rc == 0 && old)
        rc = store_prune_messages(s, messages_before_ms, limit);
    /* of refusals, which have no message */
    rc = rc ? rc
            : db_run(s->db,
                     "DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE message=0"
                     " ORDER BY id LIMIT ?) AND began_ms < ?",
                     "ii", limit, messages_before_ms);
    rc = rc ? rc : db_run(s->db, "DELETE FROM dead WHERE died_ms < ?", "i", dead_before_ms);
    return rc ? rc
              : db_run(s->db, "DELETE FROM quarantine WHERE at_ms < ?", "i", dead_before_ms);
}
