#pragma once

/* What the files of core/queue share. Private to them. */

#include "core/queue/queue.h"

/* The first command of a lane; NULL: it is empty. */
struct core_command *queue_lane_head(const struct lane *l);
/* Is a lane of @d ready? */
bool queue_dest_has_ready(const struct dest *d);

/* Into its ring, or out of all of them when it has nothing ready: something about it has changed. */
void places_wake(struct dest *d);
/* The number of its calls under way has changed: it may have come into another ring. */
void places_counted(struct dest *d);
/* Those with the fewest calls under way, of those that have some (@more) or of those that have none; NULL:
 * there is nobody. */
struct list *places_ring(struct places *p, enum dest_kind kind, enum dest_class class,
                         bool more);
/* Out of its ring until something about it changes, @at_mono_ms at the latest. */
void places_sleep(struct dest *d, int64_t at_mono_ms);
/* What it is now; moves what it has taken, and itself, if that is news. */
void places_classify(struct dest *d, int64_t now_mono_ms);
/* Are those of @kind and @class that have calls under way (@more), or none, not to be looked at now? */
bool places_shut(const struct queue *q, enum dest_kind kind, enum dest_class class, bool more);
/* Out of its ring until the next run. */
void places_pass_over(struct dest *d);
/* Out of its ring until others than messages may go; and all of them back. */
void places_put_off(struct dest *d);
void places_put_off_no_more(struct queue *q);
void places_probing(struct dest *d, bool probing);
