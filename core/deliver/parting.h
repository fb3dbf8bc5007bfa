#pragma once

/* A command leaves an account, since its conversation is another one's now. Amo's msgid holds within an
 * account, so what that account may have already must not simply go to the other one: its history is
 * asked first, as long as it can be. Nothing here is asked of what does not move.
 *
 * From: reach.c. To: the store (attempts). Holds: nothing.
 * Source: docs/delivery.md, "Who is reached"; docs/adr/0014-who-is-reached.md. */

#include "core/turn/turn.h"

enum parting {
    PARTING_FREE,    /* no sign that it is there; or hardly any, and it cannot be looked up */
    PARTING_ASK,     /* it may be there: the history is to be asked */
    PARTING_UNCLEAR, /* it was tried there with an unknown outcome, and cannot be looked up */
};

/* @row is @cmd's, with the account that it leaves. -Exxx. */
AMO_MUSTCHECK int parting_of(struct core *c, const struct core_command *cmd,
                             const struct command_row *row, enum parting *ret);
/* A manager's message that cannot move along: may its service have it already, although its answer never
 * arrived? -Exxx. */
AMO_MUSTCHECK int parting_may_be_at_client(struct core *c, const struct core_command *cmd,
                                           bool *ret);
/* The same of one that goes along to another service, which cannot know what the one before has. What only stood
 * first in its lane when core started goes: there is no sign that it was tried. -Exxx. */
AMO_MUSTCHECK int parting_may_be_at_old_service(struct core *c, const struct core_command *cmd,
                                                bool *ret);
/* Of any that is given up: is it not known whether the other side has it? Of what stood at the head of its lane
 * when core started, or comes again, an attempt may have been under way that nobody knows of; amo's history is
 * asked for such, a service cannot be. An error of the store is noted, and counts as yes. */
bool parting_may_have_arrived(struct core *c, const struct core_command *cmd);
/* It is in flight to an account that its conversation leaves, or that is left: a restart would not know,
 * so it is written down. -Exxx. */
AMO_MUSTCHECK int parting_note(struct core *c, struct core_command *cmd);
/* That attempt came home: what it says counts. */
void parting_home(struct core *c, struct core_command *cmd);
/* The account was asked for so long that it does not count as one that can be asked any more. */
bool parting_is_over(const struct core *c, const struct core_command *cmd);
