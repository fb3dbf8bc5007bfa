/* Names and legal moves of a command's states, and the properties of each kind of command:
 * whether it is a message, whom it is for, how long it may live. */

#include "core/model/command.h"

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

const char *command_move_why(enum command_state from, enum command_state to)
{
    static const struct {
        enum command_state from;
        enum command_state to;
        const char *why;
    } moves[] = {
#define MOVE_ROW(from, to, why) {COMMAND_##from, COMMAND_##to, why},
        COMMAND_MOVES(MOVE_ROW)
#undef MOVE_ROW
    };

    for (size_t i = 0; i < AMO_COUNT(moves); i++) {
        if (moves[i].from == from && moves[i].to == to)
            return moves[i].why;
    }
    return NULL;
}

bool command_may_move(enum command_state from, enum command_state to)
{
    return command_move_why(from, to) != NULL;
}

const char *command_trace(const struct core_command *c, char ret[ID_TEXT_LEN + 1])
{
    id_format(&c->trace, ret);
    return ret;
}

/* What one kind of command is like. */
struct kind {
    bool message; /* protected by its own key */
    bool service; /* goes to a connector */
    bool new_amo; /* makes a message at amo: an unclear outcome asks the history */
    int64_t life_ms;
};

#define HOUR_MS (3600LL * 1000)
#define DAY_MS  (24 * HOUR_MS)

static struct kind kind_of(enum command_kind kind)
{
    switch (kind) {
    case COMMAND_AMO_MESSAGE:
    case COMMAND_AMO_OUTGOING:
        return (struct kind){.message = true, .new_amo = true, .life_ms = DAY_MS};
    case COMMAND_SERVICE_MESSAGE:
        return (struct kind){.message = true, .service = true, .life_ms = DAY_MS};
    case COMMAND_AMO_EDIT:
        return (struct kind){.life_ms = DAY_MS};
    case COMMAND_SERVICE_REACTION:
    case COMMAND_SERVICE_FAILED:
    case COMMAND_SERVICE_TYPING:
    case COMMAND_SERVICE_TEST:
        return (struct kind){.service = true, .life_ms = HOUR_MS};
    case COMMAND_AMO_STATUS:
    case COMMAND_AMO_REACTION:
    case COMMAND_AMO_TYPING:
    case COMMAND_AMO_CONNECT:
    case COMMAND_AMO_DISCONNECT:
    case COMMAND_AMO_CREATE_CHAT:
    case COMMAND_AMO_HISTORY:
    case COMMAND_AMO_REACH:
    case COMMAND_AMO_HOOK:
        break;
    }
    return (struct kind){.life_ms = HOUR_MS};
}

bool command_is_message(enum command_kind kind)
{
    return kind_of(kind).message;
}

bool command_is_new_at_amo(enum command_kind kind)
{
    return kind_of(kind).new_amo;
}

bool command_is_for_service(enum command_kind kind)
{
    return kind_of(kind).service;
}

bool command_survives_erasure(enum command_kind kind)
{
    return kind == COMMAND_AMO_STATUS || kind == COMMAND_SERVICE_FAILED;
}

int64_t command_life_ms(enum command_kind kind)
{
    return kind_of(kind).life_ms;
}

bool command_is_forgotten(int64_t since_ms, int64_t now_unix_ms)
{
    return since_ms && (since_ms > now_unix_ms || now_unix_ms - since_ms >= DAY_MS);
}

int64_t command_lane_of(int64_t conversation, bool to_amo)
{
    return conversation * 2 + (to_amo ? 0 : 1);
}
