#pragma once

/* Conversations follow the registry: one function for every caller that meets one that has moved. */

#include "core/intake/follow.h"
#include "core/intake/lookup.h"
#include "core/model/reach.h"
#include "core/turn/turn.h"

/* Moves the conversation as @to says: its row and @conv. Its amo chat stays with the previous account; at
 * a new connector it has no service id yet. Writes in the turn or
 * savepoint that is open; what waits in the queue follows later (reach_queue, reach_stray). */
AMO_MUSTCHECK int reach_follow(struct core *c, struct conversation *conv,
                               const struct reach *to);
/* The same if it has moved at all; @ret_nobody (may be NULL): its number belongs to no account. */
AMO_MUSTCHECK int reach_follow_found(struct core *c, struct conversation *conv,
                                     bool *ret_nobody);
/* The conversations that were looked up for @e follow, and @l's facts learns what of it the
 * router must know. */
AMO_MUSTCHECK int reach_event(struct core *c, const struct event *e, struct lookup *l);
/* Is something of lane @of still in flight to the account that its conversation has left? */
bool reach_is_leaving(const struct core *c, int64_t of);
/* It is: @command is such a one, 0 if its row is still to come. -ENOMEM. */
AMO_MUSTCHECK int reach_note_leaving(struct core *c, int64_t lane, int64_t command);
/* What stands in one of lane @of's lanes under its previous accounts; NULL: nothing any more, or not known yet. */
const struct core_command *reach_leaving_one(const struct core *c, int64_t of);
