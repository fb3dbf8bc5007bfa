#pragma once

/* A conversation in which a second person has spoken is no longer anybody's private one. What a manager
 * had begun by a phone, and what stood in it meanwhile, goes apart again. */

#include "core/turn/turn.h"

/* @conv has just become shared; its row is written by the caller. Chats that came to it by a phone become
 * a conversation of their own, with that phone and no thread at the service yet, or the one that has it
 * already; what of them waits to be sent goes with them. @conv keeps the others. core_keep() must
 * follow. */
AMO_MUSTCHECK int shared_split(struct core *c, struct conversation *conv);
