#pragma once

/* Who is reached. The registry says it, not what a conversation remembers: a number that was given
 * to another account, an account that came back under another channel and a connector that was
 * replaced take their conversations with them, by the functions here and by no others.
 *
 * From: intake (an event), dispatch (a command), core (a registry that changed).
 * To: the store and the queue. Holds: nothing.
 * Source: docs/delivery.md, "Who is reached"; docs/adr/0014-who-is-reached.md. */

#include "core/core.h"
#include "core/lookup.h"

enum reach_way {
    REACH_STAYS,   /* as the conversation remembers it */
    REACH_FOLLOWS, /* to another account, or to another connector of its own */
    REACH_NOBODY,  /* nobody has its number now */
};

struct reach {
    enum reach_way way;
    const struct reg_scope *scope; /* who has it, by scope->connector; NULL nobody. Borrowed */
};

/* Whom the conversation reaches by @r. Pure; looks at connector, source and scope of @conv alone.
 *
 * A listed source is its account's. Else the conversation stays with its account, also under
 * another channel or connector, as long as that one may use the source there. Else, as at the
 * door, it is the only account's of its connector. */
struct reach reach_of(const struct registry *r, const struct conversation *conv);
/* The account as it is connected now: as before, or under one other channel. NULL: it left. */
const struct reg_scope *reach_home(const struct registry *r, const char *scope);
/* Are the two of one account of amoCRM, under whichever channel? */
bool reach_is_same_account(const char *scope, const char *other);
/* Can the client be named to the service: by its own id, or by his phone? */
bool reach_has_address(const struct conversation *conv);

/* The conversation goes where @to says: its row and @conv. Amo's chat of before stays with the
 * account of before; at a new connector it has no id of the service's yet. Writes in the turn or
 * savepoint that is open; what waits in the queue follows later (reach_queue, reach_stray). */
AMO_MUSTCHECK int reach_follow(struct core *c, struct conversation *conv,
                               const struct reach *to);
/* The conversations that were looked up for @e follow, and @l's mapping learns what of it the
 * router must know. */
AMO_MUSTCHECK int reach_event(struct core *c, const struct event *e, struct lookup *l);

/* May the command go as its row says, or has its conversation moved? Commands that only tell
 * the side that wrote are about the past and stay. */
bool reach_is_current(const struct core *c, const struct command_row *row,
                      const struct conversation *conv);
/* A command whose conversation moved: it goes along or is given up with words. Not in flight, not
 * being asked about. What the account that it leaves may have is asked for there first. */
void reach_stray(struct core *c, struct core_command *cmd);
/* The account that @cmd leaves does not have it: it goes along, or is given up, without another look. */
void reach_go_along(struct core *c, struct core_command *cmd);
/* Is something of lane @of still under way to whom its conversation has left? */
bool reach_is_leaving(const struct core *c, int64_t of);
/* Is something of the same conversation still under way to whom it has left? Then @cmd waits: it would
 * overtake. */
bool reach_must_wait(const struct core *c, const struct core_command *cmd);
/* Everything that waits is looked at once: after the registry has changed. */
void reach_queue(struct core *c);
/* Once a second, and at once after a change: some more of the conversations are brought in line, until
 * all are. */
void reach_tick(struct core *c);
/* What of the registry decides who is reached, as one number. */
uint64_t reach_fingerprint(const struct registry *r);
