/* Which target a command is for. */

#include "egress/target.h"

enum target target_of_kind(uint64_t kind)
{
    switch ((enum command_kind)kind) {
    case COMMAND_SERVICE_MESSAGE:
    case COMMAND_SERVICE_REACTION:
    case COMMAND_SERVICE_TYPING:
    case COMMAND_SERVICE_FAILED:
    case COMMAND_SERVICE_TEST:
        return TARGET_WEBHOOK;
    case COMMAND_AMO_MESSAGE:
    case COMMAND_AMO_STATUS:
    case COMMAND_AMO_CONNECT:
    case COMMAND_AMO_CREATE_CHAT:
    case COMMAND_AMO_HISTORY:
    case COMMAND_AMO_OUTGOING:
    case COMMAND_AMO_EDIT:
    case COMMAND_AMO_REACTION:
    case COMMAND_AMO_TYPING:
    case COMMAND_AMO_DISCONNECT:
    case COMMAND_AMO_REACH:
    case COMMAND_AMO_HOOK:
        break;
    }
    return TARGET_AMOJO;
}

const struct target_ops *target_ops(enum target t)
{
    switch (t) {
    case TARGET_AMOJO:
        return &target_amojo;
    case TARGET_WEBHOOK:
        return &target_webhook;
    }
    return &target_webhook;
}
