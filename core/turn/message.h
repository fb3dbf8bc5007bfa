#pragma once

/* The one mover of messages: the row and the line in the log. */

#include "core/turn/turn.h"

/* @m goes to @to, settled at @settled_ms (0: not any more), in the store and in @m. A move that is not in the
 * table is told in the log and made: rows are older than any program. -Exxx of the store. */
AMO_MUSTCHECK int message_move(struct core *c, struct message *m, enum message_state to,
                               int64_t settled_ms);
/* To MESSAGE_FAILED, with a word for why and the remote side's own words. */
AMO_MUSTCHECK int message_fail(struct core *c, struct message *m, const char *reason,
                               struct view words);
