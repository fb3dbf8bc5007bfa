#pragma once

/* Dead letters. Errors and ownership: core/store/store.h. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "core/model/rows.h"

struct json_writer;
struct store;

AMO_MUSTCHECK int store_dead_add(struct store *s, int64_t command, const char *reason,
                                 int64_t now_ms);
/* The command that it was, by its id; attempts 0. STORE_E_NONE, STORE_E_ERASED. */
AMO_MUSTCHECK int store_dead(struct store *s, int64_t id, struct command_row *ret);
/* Back to the lane's tail as a new command: its row (attempts 0). STORE_E_NONE, STORE_E_ERASED. */
AMO_MUSTCHECK int store_dead_retry(struct store *s, int64_t id, int64_t now_ms,
                                   struct command_row *ret);
/* An operator has dropped it; who that was is appended, nothing when it was nobody. STORE_E_NONE. */
AMO_MUSTCHECK int store_dead_by(struct store *s, int64_t id, const char *user);
AMO_MUSTCHECK int store_dead_by_whom(struct store *s, int64_t id, struct buf *ret);
/* The newest letter of @message itself, not of what is about it. STORE_E_NONE. */
AMO_MUSTCHECK int store_dead_of_message(struct store *s, int64_t message, int64_t *ret);
/* 0 when it has its content, STORE_E_NONE, STORE_E_ERASED. */
AMO_MUSTCHECK int store_dead_whole(struct store *s, int64_t id);
/* A message to a service that was called for it before @before_ms without a clear answer: it may have
 * had its effect. STORE_E_NONE when there is no such letter. */
AMO_MUSTCHECK int store_dead_may_double(struct store *s, int64_t id, int64_t before_ms,
                                        bool *ret_may);
/* A message that has arrived all the same, as the other side has shown since. STORE_E_NONE. */
AMO_MUSTCHECK int store_dead_has_arrived(struct store *s, int64_t id, bool *ret_has);
/* How many of the newest LIMIT_LIST_ROWS are of such messages. */
AMO_MUSTCHECK int store_dead_arrived(struct store *s, int64_t *ret);
AMO_MUSTCHECK int store_dead_drop(struct store *s, int64_t id);
AMO_MUSTCHECK int store_dead_json(struct store *s, int64_t id, struct json_writer *w);
/* Letters of these times of death and later; INT64_MAX: none. Never those that were refused. */
struct unclear_since {
    int64_t unclear_ms; /* given up as unclear; wall time */
    int64_t other_ms;   /* for another reason */
    int64_t begun_ms; /* … and first tried or taken no later than this; INT64_MAX: whenever */
};
/* Messages of that kind that were given up in @lane @since then, and whose id at the other side is not known: each with
 * its packed command, oldest first; of the newest LIMIT_LIST_ROWS that were given up so, whatever else is there.
 * Another number than 0 ends the walk and comes back. */
typedef int store_unclear_fn(void *arg, int64_t message, struct view body);
AMO_MUSTCHECK int store_dead_unclear_walk(struct store *s, int64_t lane, int64_t kind,
                                          const struct unclear_since *since,
                                          store_unclear_fn *fn, void *arg);
