#pragma once

/* Is a message whose outcome is unclear in amo's history? Only amo's id proves that it was
 * delivered, and only three complete looks that it was not (docs/delivery.md, "amojo").
 *
 * One look reads every chat in which the message may be: those its attempts were sent to, those of its
 * conversation, and the one that amo knows by our own id; page by page, until the entries are older
 * than the message. Looks obey the destination's pauses, holds, rate and share as commands do, and come
 * after messages. */

#include "core/turn/turn.h"

enum look_reason {
    LOOK_REFUSED,  /* 400, but it may have been taken before: absent = dead */
    LOOK_GIVEN_UP, /* attempts used up: absent = dead */
    LOOK_UNPROVEN, /* 2xx without amo's id: absent = again, under the same msgid */
    LOOK_LEAVING,  /* in the account that it leaves, only there: absent = it moves along */
};

/* Moves the command to CHECKING; settle_done, blame_unproven or settle_dead ends that. A message that
 * cannot be looked up (refused, or without an end) is also "unclear" after three looks. @words is
 * copied. */
void look_begin(struct core *c, struct core_command *cmd, enum look_reason why,
                struct view words);
