#pragma once

/* The second thread of core: moves WAL pages back into the database with a connection of its
 * own, so that the loop never waits for a checkpoint (measured: up to a tenth of a second at a
 * million rows). Shares nothing with the loop but a stop flag under its lock. */

#include "base/compiler.h"

struct checkpoint;

/* -ENOMEM, -EAGAIN when no thread can be made, -EIO. */
AMO_MUSTCHECK int checkpoint_start(const char *db_path, struct checkpoint **ret_checkpoint);
/* Waits for the thread, a last checkpoint included. Accepts NULL. */
void checkpoint_stop(struct checkpoint *c);
