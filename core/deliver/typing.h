#pragma once

/* Events that live for seconds: typing. They come outside the spool, are stored nowhere, enter no lane
 * and are never tried twice; what cannot be sent at once, or within its few seconds, is dropped. */

#include "core/turn/turn.h"

/* EVENT_EPHEMERAL of an ingress. */
void ephemeral_take(struct core *c, struct view body);
