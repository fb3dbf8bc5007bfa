#pragma once

/* The one mover of messages: the row and the line in the log. */

#include "core/turn/turn.h"

/* Moves @m to @to, settled at @settled_ms (0: no longer), in the store and in @m. A move that is not in
 * the table is logged and made: rows may be older than the program. -Exxx of the store. */
AMO_MUSTCHECK int message_move(struct core *c, struct message *m, enum message_state to,
                               int64_t settled_ms);
/* The other side has named @m: it has it, whatever became of our calls. -Exxx of the store. */
AMO_MUSTCHECK int message_arrived(struct core *c, const struct message *m);
/* To MESSAGE_FAILED, with a word for why and the remote side's own words. */
AMO_MUSTCHECK int message_fail(struct core *c, struct message *m, const char *reason,
                               struct view words);
