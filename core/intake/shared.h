#pragma once

/* A conversation in which a second person has spoken is a group from then on. What a manager began there
 * by a phone, and what still waits for it, is moved to a separate conversation. */

#include "core/turn/turn.h"

/* @conv has just become shared; its row is written by the caller. Chats that found it by a phone are
 * moved, with what waits to be sent for them, to the conversation that has the phone already, or to a new
 * one with that phone and no thread at the service yet. @conv keeps the others. core_commit_staged() must
 * follow. */
AMO_MUSTCHECK int shared_split(struct core *c, struct conversation *conv);
