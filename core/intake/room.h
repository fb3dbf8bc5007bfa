#pragma once

/* Whether there is room in the queue for what events bring. There is none from `core/commands_max` waiting
 * commands on until an eighth of them is settled; events stay in their spools meanwhile.
 *
 * Asked for events of spools alone. Results, deferred events that are woken, what only time brings and
 * operators' verbs put into the queue what they have to: all that empties it must go on.
 *
 * One account alone, that is paused or whose service is away, does not fill the queue. What amo sends for it is
 * taken and set aside in the store while as many of its own commands wait as are free, and comes out in order once
 * there are fewer (docs/adr/0024-set-aside.md). Most accounts never have that many, and nothing is different for
 * them. */

#include "core/peers/peers.h"
#include "core/peers/spools.h"
#include "proto/event.h"

/* Said in the log when it changes. */
bool room_is_there(struct core *c);
/* May event @number of @s be taken now? Not behind one that had to stay: it would overtake that. */
bool room_for_event(struct core *c, struct spool *s, uint64_t number);
/* What is below @low is taken or lost: nothing waits for it to come again. */
void room_heed_low(struct spool *s, uint64_t low);
/* EVENT_LATER, behind the acknowledgement of what this turn has taken. */
void room_say_later(struct core *c, const struct peer *p);

/* Is @e, which has just come, of an account that has its share of the queue, or has something set aside already?
 * Never a message that is known: anybody may send it again as often as he likes, and it needs no room. */
AMO_MUSTCHECK int room_sets_aside(struct core *c, const struct event *e, bool *ret);
/* Then it waits behind what is; once, however often it comes. Kept for a person when the account has its share of the
 * room for that: as many as may still be set aside for all. */
AMO_MUSTCHECK int room_set_aside(struct core *c, const struct event *e, struct view bytes);
/* For whom something is set aside; at the start, and when rows were erased. -Exxx of the store. */
AMO_MUSTCHECK int room_count(struct core *c);
/* Once a second: what was set aside comes out, as far as there is room for it by now. After a start not before all
 * ingresses have said what they know, or are given up. What has been there for half
 * of a message's life comes out all the same, unless its account is paused, which stops the clock. */
void room_tick(struct core *c, int64_t now_unix_ms);
/* The store was put back: what was set aside in it may have been sent. It comes out as fast as it can, whatever the
 * share, because the queue alone tells what a service reports of it from a colleague's words. */
void room_put_back(struct core *c);
/* Is such still to come out? A report may be of that. */
bool room_may_be_reported(const struct core *c);
/* How many events are set aside for an account. */
int64_t room_n_aside(struct core *c, struct view scope);
