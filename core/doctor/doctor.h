#pragma once

/* What `amoctl doctor` looks at, beside one file for each kind of look. */

#include "core/control/control.h"

struct peer;

/* The lines about channels, and about accounts and connectors that are held or paused, into the open array. */
AMO_MUSTCHECK int doctor_registry(struct control_ask *ask);
/* The lines about what no longer reaches anyone, into the open array; conversations are a look of their own. */
void doctor_reach(struct control_ask *ask);
/* That look: the lines about conversations that reach nobody. CONTROL_LATER. */
AMO_MUSTCHECK int doctor_conversations(struct control_ask *ask);
/* Its next piece, if it is under way: of the index of conversations it looks at so many rows at most. */
#define DOCTOR_PIECE_ROWS 2000
void doctor_conversations_on(struct core *c);
/* The line about what operators changed within the day. */
AMO_MUSTCHECK int doctor_changed(struct control_ask *ask);
/* The lines about services that report most of what they take as failed. */
void doctor_fates(struct control_ask *ask);
/* How full the spools are. */
void doctor_spools(struct control_ask *ask);
/* The line about an ingress that is there, if it takes nothing, did not lately, or has a remark about itself; false:
 * it has not, and there is no line. */
bool doctor_ingress_state(struct control_ask *ask, const struct peer *p);
/* The lines about ingresses that are not here any more. */
AMO_MUSTCHECK int doctor_gone(struct control_ask *ask);
/* The lines about what the ingresses refused within the hour, and about who has fallen silent. */
AMO_MUSTCHECK int doctor_refused(struct control_ask *ask);
/* The line about conversations that stand still behind one message, as of the last time that core has gone through all that
 * waits (core/queue/stuck.h). */
AMO_MUSTCHECK int doctor_stuck(struct control_ask *ask);
