#pragma once

/* The second thread of core: moves WAL pages back into the database with a connection of its
 * own, so that the loop never waits for a checkpoint (measured: up to a tenth of a second at a
 * million rows), but for the last pages of a log that load does not let end. Shares nothing with the
 * loop but a stop flag, the wish to clean and that gap, under its lock. */

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct checkpoint;

/* -ENOMEM, -EAGAIN when no thread can be made, -EIO. */
AMO_MUSTCHECK int checkpoint_start(const char *db_path, int64_t log_max_bytes,
                                   struct checkpoint **ret_checkpoint);
/* The loop, behind each commit: so much stands in the log. Beyond half of its bound, or when the thread
 * asks for it, this waits for as long as it takes to move what is left, so that the next commit begins
 * the log anew: no load lets it grow beyond its bound and one turn. Accepts NULL. */
void checkpoint_after_commit(struct checkpoint *c, int64_t log_bytes);
/* Waits for the thread, a last checkpoint included. Accepts NULL. */
void checkpoint_stop(struct checkpoint *c);
/* Nothing of what was overwritten or deleted up to now may be left in the log; with @rebuild nor
 * in unused parts of the database's pages, for which the whole of it is written anew while nobody
 * else can write: for small databases only. Begun as soon as nobody writes, and tried again until
 * it stands. A ticket for checkpoint_is_clean(). */
uint64_t checkpoint_clean(struct checkpoint *c, bool rebuild);
/* Nobody waits any more: whoever is in the way is left alone. */
void checkpoint_withdraw(struct checkpoint *c);
bool checkpoint_is_clean(struct checkpoint *c, uint64_t ticket);
