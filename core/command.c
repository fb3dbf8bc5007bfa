#include "core/command.h"

const char *command_state_name(enum command_state s)
{
    switch (s) {
#define STATE_CASE(name, meaning)                                                              \
    case COMMAND_##name:                                                                       \
        return #name;
        COMMAND_STATES(STATE_CASE)
#undef STATE_CASE
    }
    return "?";
}

bool command_may_move(enum command_state from, enum command_state to)
{
    static const struct {
        enum command_state from;
        enum command_state to;
    } moves[] = {
#define MOVE_ROW(from, to, why) {COMMAND_##from, COMMAND_##to},
        COMMAND_MOVES(MOVE_ROW)
#undef MOVE_ROW
    };

    for (size_t i = 0; i < AMO_COUNT(moves); i++) {
        if (moves[i].from == from && moves[i].to == to)
            return true;
    }
    return false;
}

bool command_is_message(enum command_kind kind)
{
    switch (kind) {
    case COMMAND_AMO_MESSAGE:
    case COMMAND_SERVICE_MESSAGE:
        return true;
    case COMMAND_AMO_STATUS:
    case COMMAND_AMO_CONNECT:
    case COMMAND_AMO_CREATE_CHAT:
    case COMMAND_AMO_HISTORY:
        return false;
    }
    return false;
}

int64_t command_life_ms(enum command_kind kind)
{
    return command_is_message(kind) ? 24LL * 3600 * 1000 : 3600LL * 1000;
}
