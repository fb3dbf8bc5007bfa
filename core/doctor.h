#pragma once

/* Test webhooks on their way: sent by a worker to the public address, and waited for at the other
 * end of the ordinary road: door, spool, core. */

#include "core/core.h"

/* One came through. Nothing happens unless somebody waits for this very one. */
void doctor_heard(struct core *c, struct view nonce);
