/* Names and legal moves of a message's states, taken from the tables of its header. */

#include "core/model/message.h"

#include "base/compiler.h"

const char *message_state_name(enum message_state s)
{
    switch (s) {
#define STATE_CASE(name, word, meaning)                                                        \
    case MESSAGE_##name:                                                                       \
        return word;
        MESSAGE_STATES(STATE_CASE)
#undef STATE_CASE
    }
    return "?";
}

enum message_state message_state_of(struct view word)
{
    static const enum message_state all[] = {
#define STATE_ROW(name, word, meaning) MESSAGE_##name,
        MESSAGE_STATES(STATE_ROW)
#undef STATE_ROW
    };

    for (size_t i = 0; i < AMO_COUNT(all); i++) {
        if (view_is(word, message_state_name(all[i])))
            return all[i];
    }
    return MESSAGE_ACCEPTED;
}

const char *message_move_why(enum message_state from, enum message_state to)
{
    static const struct {
        enum message_state from;
        enum message_state to;
        const char *why;
    } moves[] = {
#define MOVE_ROW(from, to, why) {MESSAGE_##from, MESSAGE_##to, why},
        MESSAGE_MOVES(MOVE_ROW)
#undef MOVE_ROW
    };

    for (size_t i = 0; i < AMO_COUNT(moves); i++) {
        if (moves[i].from == from && moves[i].to == to)
            return moves[i].why;
    }
    return NULL;
}

const char *message_told_name(int64_t status)
{
    switch (status) {
    case 1:
        return "delivered";
    case 2:
        return "read";
    case -1:
        return "failed";
    }
    return "?";
}
