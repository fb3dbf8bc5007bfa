#pragma once

/* The states of a message, and the moves between them. core/turn/message.h moves it. */

#include <stdint.h>

#include "base/buf.h"

/* X(STATE, "word", "what is true of the message"). The word is what the store keeps and what
 * services and operators see. docs/states.md is checked against both tables. */
#define MESSAGE_STATES(X)                                                                      \
    X(ACCEPTED, "accepted", "taken from the spool; its command waits or is under way")         \
    X(DELIVERED_TO_AMO, "delivered_to_amo", "amojo has taken it")                              \
    X(DELIVERED_TO_SERVICE, "delivered_to_service", "the service has taken it")                \
    X(FAILED, "failed", "its command became a dead letter, or its person was erased")

enum message_state {
#define MESSAGE_STATE_ENUM(name, word, meaning) MESSAGE_##name,
    MESSAGE_STATES(MESSAGE_STATE_ENUM)
#undef MESSAGE_STATE_ENUM
};

/* X(FROM, TO, "why"). */
#define MESSAGE_MOVES(X)                                                                       \
    X(ACCEPTED, DELIVERED_TO_AMO, "amo's id is in hand")                                       \
    X(ACCEPTED, DELIVERED_TO_SERVICE, "the service answered for it, or has reported it")       \
    X(ACCEPTED, FAILED, "its command was given up")                                            \
    X(FAILED, ACCEPTED, "an operator tries it again")                                          \
    X(FAILED, DELIVERED_TO_AMO, "amo names it after all")                                      \
    X(FAILED, DELIVERED_TO_SERVICE, "its service names it after all")                          \
    X(DELIVERED_TO_SERVICE, ACCEPTED, "an operator sends it again all the same")               \
    X(DELIVERED_TO_AMO, ACCEPTED, "an operator sends it again all the same")

/* "accepted"; and the state of a word, MESSAGE_ACCEPTED for one that is none. */
const char *message_state_name(enum message_state s);
/* "delivered", "read", "failed": the status 1, 2, -1 that amo is told; "?" for another. */
const char *message_told_name(int64_t status);
enum message_state message_state_of(struct view word);
/* The table's word for a legal move; NULL for another. */
const char *message_move_why(enum message_state from, enum message_state to);
