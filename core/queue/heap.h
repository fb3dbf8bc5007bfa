#pragma once

/* The timer heap of a queue: heads of lanes that wait for a time, the earliest first. Of core/queue/queue.c
 * alone. */

#include "core/queue/queue.h"

/* Makes room for one more command, so that adding cannot fail. False: no memory. */
bool queue_heap_reserve(struct queue *q);
/* By its due_mono_ms. It is not in the heap. */
void queue_heap_add(struct queue *q, struct core_command *c);
/* It is in the heap. */
void queue_heap_remove(struct queue *q, struct core_command *c);
