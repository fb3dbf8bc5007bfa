#pragma once

/* What an answer teaches: by which ids the other side knows the message, its conversation and its client. */

#include "core/turn/turn.h"
#include "proto/command.h"

/* The answer's ids are crossed: `msgid` is amo's of the message, `conversation_id` amo's of the chat, and of sender
 * and receiver one is the client. @kind: which of them it is. -errno, STORE_E_*. */
AMO_MUSTCHECK int learn_from_amo(struct core *c, enum command_kind kind,
                                 const struct message *m, const struct result *r);
AMO_MUSTCHECK int learn_from_service(struct core *c, const struct message *m,
                                     const struct result *r);
