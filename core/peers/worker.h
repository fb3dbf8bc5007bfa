#pragma once

/* The places of a worker: the one book of what it has in hand. A command gives its place back by leaving
 * IN_FLIGHT, which the queue tells (queue->landed), so that no caller can forget it. */

#include "core/peers/peers.h"

/* @cmd is with @p; it has just become IN_FLIGHT, or a worker that came back holds it. */
void worker_take(struct peer *p, struct core_command *cmd);
/* @cmd is no longer with a worker. */
void worker_landed(struct core_command *cmd);
/* The same for a call outside lanes, which has no command. */
void worker_take_call(struct peer *p);
void worker_call_landed(struct peer *p);
