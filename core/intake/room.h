#pragma once

/* Whether there is room in the queue for what events bring. There is none from `core/commands_max` waiting
 * commands on until an eighth of them is settled; events stay in their spools meanwhile.
 *
 * Asked for events of spools alone. Results, deferred events that are woken, what only time brings and
 * operators' verbs put into the queue what they have to: all that empties it must go on. */

#include "core/peers/peers.h"
#include "core/peers/spools.h"

/* Said in the log when it changes. */
bool room_is_there(struct core *c);
/* May event @number of @s be taken now? Not behind one that had to stay: it would overtake that. */
bool room_for_event(struct core *c, struct spool *s, uint64_t number);
/* What is below @low is taken or lost: nothing waits for it to come again. */
void room_heed_low(struct spool *s, uint64_t low);
/* EVENT_LATER, behind the acknowledgement of what this turn has taken. */
void room_say_later(struct core *c, const struct peer *p);
