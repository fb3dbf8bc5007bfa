#pragma once

/* Test webhooks on their way: sent by a worker to the public address, and waited for at the other
 * end of the ordinary road: door, spool, core. */

#include "core/core.h"

struct control_ask;

/* One came through. Nothing happens unless somebody waits for this very one. */
void doctor_heard(struct core *c, struct view nonce);
/* The lines about what can reach nobody, into the open array. Walks the conversations once. */
AMO_MUSTCHECK int doctor_reach(struct control_ask *ask);
