#pragma once

/* Why something is not where it should be, as a line of words: the one place that gives it. Whoever shows a message, a
 * command, a conversation, an account or a connector asks here, so that all of them say the same.
 *
 * A line names who or what it is because of, since when, and what comes next. It is a part of a sentence and ends without
 * a full stop. What a remote side answered is quoted, cut; of messages' own texts, and of people, it has nothing. A
 * few rows are read, each by its key, and nothing is changed.
 *
 * All functions append to @ret_words, as much as there is room for; -Exxx of the store, -ENOMEM. */

#include "core/model/rows.h"
#include "core/turn/turn.h"

struct waiting_row;

/* room for any line */
#define WHY_MAX 1024

/* What @cmd waits for. */
AMO_MUSTCHECK int why_command(struct core *c, const struct core_command *cmd,
                              struct buf *ret_words);
/* Why nothing can leave for @d now, or may come of it; nothing is appended when it is only its turn that is waited
 * for. */
AMO_MUSTCHECK int why_destination(struct core *c, const struct dest *d, struct buf *ret_words);
/* " since …": when and because of whom @d, which is held, is, what it answered, and when it is tried again. */
AMO_MUSTCHECK int why_held(struct core *c, const struct dest *d, struct buf *ret_words);
/* What became of @m, or what it waits for. */
AMO_MUSTCHECK int why_message(struct core *c, const struct message *m, struct buf *ret_words);
/* Entry @id of the quarantine. */
void why_quarantined(int64_t id, struct view reason, struct buf *ret_words);
/* An event that waits in the store for what it is about, or for its turn. */
void why_waiting(const struct waiting_row *row, struct buf *ret_words);
