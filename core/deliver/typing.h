#pragma once

/* Events that live for seconds: somebody types. They come outside the spool, are written nowhere,
 * take no lane and are never tried twice; what cannot go at once, or within its few seconds, is
 * dropped. */

#include "core/turn/turn.h"

/* EVENT_HINT of an ingress. */
void hint_take(struct core *c, struct view body);
