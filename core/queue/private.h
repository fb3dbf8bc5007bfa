#pragma once

/* What core/queue/queue.c and core/queue/choose.c share. Private to them. */

#include "core/queue/queue.h"

/* The first command of a lane; NULL: it is empty. */
struct core_command *queue_lane_head(const struct lane *l);
/* Is a lane of @d ready? */
bool queue_dest_has_ready(const struct dest *d);
/* Into the list of destinations that have something, or of those that have nothing. */
void queue_dest_ring(struct queue *q, struct dest *d);
