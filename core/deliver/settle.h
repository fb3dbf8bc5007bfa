#pragma once

/* RESULT_PUSH → store: what an outcome means for its command, its lane and its destination. */

#include "core/turn/turn.h"
#include "proto/command.h"

/* One frame of @p; RESULT_TAKEN leaves after the commit. */
void settle_push(struct core *c, struct peer *p, struct view body);
/* Done, with the ids from the answer or the history. A message to amo is done only with amo's id of it:
 * any other @r is a bug. NULL only for a command that is not a message. */
void settle_done(struct core *c, struct core_command *cmd, const struct result *r);
/* Give up: a dead letter, an error in the log, and a notice to the sender. @words (the remote side's own)
 * may be VIEW_NONE. */
void settle_dead(struct core *c, struct core_command *cmd, const char *reason,
                 struct view words);
/* What belongs to it could not be stored, for a reason of its own, or may not be touched: it leaves the queue alone,
 * so that it ends neither core nor its lane, and nobody is told. Of a delivered one nothing may say that it was not.
 * @reason is the letter's; NULL when @to is COMMAND_DONE. */
void settle_left(struct core *c, struct core_command *cmd, enum command_state to,
                 const char *reason);
/* Its person was erased, and so was its text: its message has failed, the side that wrote it is
 * informed, and there is no dead letter. */
void settle_erased(struct core *c, struct core_command *cmd);
/* Not needed any more. */
void settle_drop(struct core *c, struct core_command *cmd);
