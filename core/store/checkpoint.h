#pragma once

/* The second thread of core: moves WAL pages back into the database with a connection of its
 * own, so that the loop never waits for a checkpoint (measured: up to a tenth of a second at a
 * million rows), except for the last pages of a log that never ends under load. Shares nothing with
 * the loop but a stop flag, the request to clean, that gap and the count of its commits, under its lock. */

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct checkpoint;

/* -ENOMEM, -EAGAIN when no thread can be made, -EIO. */
AMO_MUSTCHECK int checkpoint_start(const char *db_path, int64_t log_max_bytes,
                                   struct checkpoint **ret_checkpoint);
/* Called by the loop before each commit that checkpoint_after_commit() follows: the thread looks at the log only when
 * one of these has come since. Accepts NULL. */
void checkpoint_before_commit(struct checkpoint *c);
/* Called by the loop after each commit, with the size of the log; @logged: it wrote to it. Beyond half of its limit, or when the
 * thread asks for it, this waits until what is left has been moved, so that the next commit starts the
 * log again from its beginning: under no load does it exceed its limit by more than one turn. Accepts
 * NULL. */
void checkpoint_after_commit(struct checkpoint *c, int64_t log_bytes, bool logged);
/* Waits for the thread, a last checkpoint included. Accepts NULL. */
void checkpoint_stop(struct checkpoint *c);
/* Removes from the log everything that was overwritten or deleted up to now; with @rebuild also from
 * unused parts of the database's pages. For that the whole file is rewritten while nothing else can
 * write: for small databases only. Begins as soon as there is no writer, and is repeated until it
 * succeeds. Returns a ticket for checkpoint_is_clean(). */
uint64_t checkpoint_clean(struct checkpoint *c, bool rebuild);
/* The result is no longer needed: other readers and writers are not waited for. */
void checkpoint_withdraw(struct checkpoint *c);
bool checkpoint_is_clean(struct checkpoint *c, uint64_t ticket);
