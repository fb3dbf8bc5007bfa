#pragma once

/* What is done at the end of a life of core that failed; core.c hands it to the turn (core->turn->ending). */

#include "core/turn/turn.h"

/* @rc of the store has ended this life: keeps aside what was in hand if the store is damaged, tells every
 * ingress, and says with which code to end. */
AMO_MUSTCHECK int aside_ending(struct core *c, int rc);
