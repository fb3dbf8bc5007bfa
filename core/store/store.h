#pragma once

/* Core's store, in the words of the bridge: registry, spools, conversations, messages, commands,
 * dead letters, quarantine. SQLite behind it (core/store/db.h). Everything a turn changes is one
 * transaction; every event has a savepoint inside it.
 *
 * One header for each group of tables; this one includes them all.
 *
 * Functions return 0, STORE_E_NONE where "not there" is an answer, -Exxx otherwise. Rows that are
 * handed out own their texts (x_fini). */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "core/model/rows.h"
#include "core/store/attempt.h"
#include "core/store/command.h"
#include "core/store/conversation.h"
#include "core/store/dead.h"
#include "core/store/kept.h"
#include "core/store/message.h"
#include "core/store/peers.h"
#include "core/store/quarantine.h"
#include "core/store/registry.h"

struct json_writer;
struct store;

enum {
    STORE_E_NONE = 1, /* no such row */
    STORE_E_KNOWN,    /* the row was there before */
    STORE_E_ERASED,   /* it is there, without its content: a person was erased */
};

/* Failures of the store that are distinguished because what is to be done differs
 * (adr/0016-error-classes.md): -Exxx like any other. */
#define STORE_BUSY     (-EAGAIN)  /* another process kept it locked */
#define STORE_FULL     (-EDQUOT)  /* no room on the disk */
#define STORE_READONLY (-EROFS)   /* it may not be written */
#define STORE_DAMAGED  (-EUCLEAN) /* the file does not contain what was written */

/* @url is "sqlite:<path>". Runs the migrations that are missing; refuses a database of a newer
 * program (-EPROTO) in words. Other schemes: -EPROTONOSUPPORT. */
AMO_MUSTCHECK int store_open(const char *url, struct buf *ret_why, struct store **ret_store);
void store_close(struct store *s);
const char *store_path(const struct store *s);
/* SQLite's words about the last failure if it was @rc, for the log; "-" if it came from elsewhere. And
 * the errno that says the same as @rc. */
const char *store_error(const struct store *s, int rc);
int store_errno(int rc);
/* A damaged page was met (@rc is STORE_DAMAGED): the next start looks at the whole store before it is
 * used. */
void store_found_damaged(struct store *s, int rc);
/* Was it checked when it was opened? Then another start would find nothing new. */
bool store_is_looked_at(const struct store *s);
/* SQLite's complaint about damage that could not be repaired; NULL: none is known. */
const char *store_damage(const struct store *s);
/* Are rows of conversations damaged? A walk through all of them would meet it every time. */
bool store_conversations_are_hurt(const struct store *s);
/* Are rows of deferred events damaged? Core walks through these by itself, so none is taken out, and none
 * may be added, until the store is repaired. */
bool store_deferred_is_hurt(const struct store *s);
/* How many migrations this program knows, and the number in the database. */
int store_schema_version(void);

/* --- transactions --------------------------------------------------------------------------- */
/* Begins when not begun; cheap to call again. */
AMO_MUSTCHECK int store_begin(struct store *s);
bool store_in_transaction(const struct store *s);
AMO_MUSTCHECK int store_commit(struct store *s);
/* The size of the store's log, as of the last commit. */
int64_t store_log_bytes(const struct store *s);
/* Commits that wrote to it; one that changes nothing does not. */
uint64_t store_logged(const struct store *s);
/* Rolls back the transaction. Only before the process ends: what is in memory no longer fits. */
AMO_MUSTCHECK int store_abandon(struct store *s);
/* Rows changed since the store was opened: who finds the same number again has only read. */
int64_t store_changes(const struct store *s);
AMO_MUSTCHECK int store_savepoint(struct store *s);
AMO_MUSTCHECK int store_release(struct store *s);
/* Undo what came since the savepoint; the transaction continues. */
AMO_MUSTCHECK int store_rollback_to(struct store *s);

/* --- meta ----------------------------------------------------------------------------------- */
AMO_MUSTCHECK int store_meta_get(struct store *s, const char *key, struct buf *ret);
AMO_MUSTCHECK int store_meta_drop(struct store *s, const char *key);
AMO_MUSTCHECK int store_meta_put(struct store *s, const char *key, struct view value);
/* Do sealed rows exist? Then a missing master key must not be replaced by a new one. */
AMO_MUSTCHECK int store_has_sealed(struct store *s, bool *ret);

/* --- counts, lists, pruning ----------------------------------------------------------------- */
AMO_MUSTCHECK int store_counts(struct store *s, int64_t *ret_dead, int64_t *ret_quarantine,
                               int64_t *ret_waiting);
/* Rows stamped by a clock that is now proven wrong: everything that expires and whose time is within what
 * the clock showed then, or in the future, starts again from now. */
struct store_stamps {
    int64_t low_ms;
    int64_t high_ms;
    int64_t row; /* messages up to this number are older */
    int64_t now_ms;
    int64_t overlap_ms; /* secrets that are being rotated out stay at least so long */
};
/* @ret_registry: the registry was changed. */
AMO_MUSTCHECK int store_stamp_anew(struct store *s, const struct store_stamps *t,
                                   bool *ret_registry);
/* Number of the newest message; 0 none. */
AMO_MUSTCHECK int store_message_newest(struct store *s, int64_t *ret_id);
/* At most @limit rows of each kind older than the given times. */
AMO_MUSTCHECK int store_prune(struct store *s, int64_t messages_before_ms,
                              int64_t dead_before_ms, int64_t limit);
