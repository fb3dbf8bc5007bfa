#pragma once

/* Which conversation an event belongs to, as the router planned it: made, or brought up to date
 * with what the event newly says about it. */

#include "core/model/router.h"
#include "core/turn/turn.h"
#include "proto/event.h"

/* The conversation of the decision @p for a message @e. @conv is filled in any case (finish it). */
AMO_MUSTCHECK int conversation_for(struct core *c, const struct event *e,
                                   const struct decision *p, struct conversation *conv);
/* What a client wrote in @conversation waits: that somebody else speaks there counts at once, since a manager who
 * writes to the phone of the first must not reach all of them. */
AMO_MUSTCHECK int conversation_heard(struct core *c, const struct event *e,
                                     int64_t conversation);
/* The service has said what it calls @conv, whose id there was not known, since the message @since. Does
 * it call another one so that is known, the two become one: @conv is that one then, and answers go to
 * the chat that was written to last. core_commit_staged() must follow. */
AMO_MUSTCHECK int conversation_learn_thread(struct core *c, struct conversation *conv,
                                            struct view service_id, int64_t since);
/* Once this event is applied, new commands in the lanes of @to are sent after those that are in the lanes
 * of @from. -ENOMEM. */
AMO_MUSTCHECK int conversation_join(struct core *c, int64_t from, int64_t to);
/* The phone of its client, as it came, for others. VIEW_NONE unknown. */
struct view conversation_phone(const struct conversation *conv);
/* Is this the service's id of the conversation's client? The first who wrote in it is. */
bool conversation_is_client(const struct conversation *conv, struct view person);
