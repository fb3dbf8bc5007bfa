#pragma once

/* RESULT_PUSH → store: what an outcome means for its command, its lane and its destination. */

#include "core/turn/turn.h"
#include "proto/command.h"

/* One frame of @p; RESULT_TAKEN leaves after the commit. */
void settle_push(struct core *c, struct peer *p, struct view body);
/* Done, with what the answer or the history taught. A message is done at amo only with amo's id of
 * it in hand: any other @r is a mistake of ours. NULL only for what is no message. */
void settle_done(struct core *c, struct core_command *cmd, const struct result *r);
/* Give up: dead letter, alarm, and the manager is told when he wrote it. @words (the remote
 * side's own) may be VIEW_NONE. */
void settle_dead(struct core *c, struct core_command *cmd, const char *reason,
                 struct view words);
/* Its person was erased, and with him what it said: its message has failed, the side that wrote it
 * is told, and there is no dead letter. */
void settle_erased(struct core *c, struct core_command *cmd);
/* Not needed any more. */
void settle_drop(struct core *c, struct core_command *cmd);
