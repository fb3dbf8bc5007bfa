#pragma once

/* Commands that wait, as verbs show them: one object each, with the reason. */

#include "core/turn/turn.h"

struct json_writer;

/* {command, kind, [tells], [code], state, attempts, probes, destination, held, why}. -Exxx of the store. */
AMO_MUSTCHECK int waiting_json(struct core *c, const struct core_command *cmd,
                               struct json_writer *w);
/* Those of a conversation, both directions, in the order in which they go; so many at most, and no more once this
 * has taken so long in this turn. */
#define WAITING_SHOWN 100
#define WAITING_US    3000
AMO_MUSTCHECK int waiting_of_conversation(struct core *c, int64_t conversation,
                                          struct json_writer *w);
/* Those about a message. */
AMO_MUSTCHECK int waiting_of_message(struct core *c, int64_t message, struct json_writer *w);
/* Adds "why" of a destination to @w's open object. */
AMO_MUSTCHECK int waiting_why_destination(struct core *c, const struct dest *d,
                                          struct json_writer *w);
/* Adds "why" to @w's open object: what was written to @words, which ends with it. Null for nothing. */
AMO_MUSTCHECK int waiting_why(struct json_writer *w, int rc, struct buf *words);
