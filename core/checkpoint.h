#pragma once

/* The second thread of core: moves WAL pages back into the database with a connection of its
 * own, so that the loop never waits for a checkpoint (measured: up to a tenth of a second at a
 * million rows). Shares nothing with the loop but a stop flag and the wish to clean, under its
 * lock. */

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct checkpoint;

/* -ENOMEM, -EAGAIN when no thread can be made, -EIO. */
AMO_MUSTCHECK int checkpoint_start(const char *db_path, struct checkpoint **ret_checkpoint);
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
