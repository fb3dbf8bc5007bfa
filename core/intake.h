#pragma once

/* EVENT_PUSH → store: each event under its own savepoint, through the router. What cannot be
 * applied goes to quarantine in the same commit and counts as taken. */

#include "core/core.h"

/* One frame of @p. The acknowledgement leaves after the commit. */
void intake_push(struct core *c, struct peer *p, const struct envelope *env, struct view body);

/* Apply one event inside the present savepoint: used by intake_push, and for statuses that
 * waited. New commands are left in core->fresh. */
AMO_MUSTCHECK int intake_apply(struct core *c, struct view bytes);
/* intake_apply with savepoint and quarantine around it; also enqueues what came out. Only
 * trouble of the store comes back. */
AMO_MUSTCHECK int intake_event(struct core *c, struct view bytes, bool suspect);
/* Tell amo the delivery status of an outbound message: a command in the conversation's lane
 * towards amo (in a lane of its own when @conversation is 0). The row is left in core->fresh. */
AMO_MUSTCHECK int intake_tell_status(struct core *c, struct view scope, int64_t conversation,
                                     int64_t message, struct view amo_id, int64_t code,
                                     int64_t error_code, struct view error_text,
                                     const struct id *trace, int64_t taken_ms);
/* Commands of core->fresh enter the queue; or are forgotten. */
AMO_MUSTCHECK int intake_keep(struct core *c);
void intake_forget(struct core *c);
