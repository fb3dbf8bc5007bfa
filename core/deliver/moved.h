#pragma once

/* What waits follows its conversation to whom the registry says it belongs, or is given up with words.
 * The rule itself: core/model/reach.h. Source: docs/delivery.md, "Who is reached". */

#include "core/intake/follow.h"
#include "core/turn/turn.h"

/* May the command go as its row says, or has its conversation moved? Commands that only tell
 * the side that wrote are about the past and stay. */
bool reach_is_current(const struct core *c, const struct command_row *row,
                      const struct conversation *conv);
/* A command whose conversation moved: it moves along, or is given up with an explanation. It must not be
 * in flight or being looked for. If the account that it leaves may have it, that is asked first. */
void reach_stray(struct core *c, struct core_command *cmd);
/* The account that @cmd leaves does not have it: it moves along, or is given up, without another look. */
void reach_go_along(struct core *c, struct core_command *cmd);
/* @row, a manager's words that are not in the queue, is to go again: by another service than before? If @takes it is
 * brought in line, as somebody has said that it goes although the one before may have it. -Exxx. */
AMO_MUSTCHECK int reach_by_now(struct core *c, struct command_row *row, bool takes,
                               bool *ret_leaves);
/* Is something of the same conversation still under way to whom it has left? Then @cmd waits: it would
 * overtake. */
bool reach_must_wait(const struct core *c, const struct core_command *cmd);
/* Everything that waits is looked at once: after the registry has changed. */
void reach_queue(struct core *c);
/* Once a second, and at once after a change: some more of the conversations are brought in line, until
 * all are. */
void reach_tick(struct core *c);
