#pragma once

/* What is done when a run of core ends because of a failure; core.c hands it to the turn
 * (core->turn->ending). */

#include "core/turn/turn.h"

/* @rc of the store has ended this run: puts aside what was being handled if the store is damaged, informs
 * every ingress, and returns the exit code. */
AMO_MUSTCHECK int aside_ending(struct core *c, int rc);
