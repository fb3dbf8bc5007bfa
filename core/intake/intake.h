#pragma once

/* EVENT_PUSH → store: each event under its own savepoint, through the router. What cannot be
 * applied is quarantined in the same commit and counts as taken. */

#include "core/turn/turn.h"

/* One frame of @p. The acknowledgement leaves after the commit. From the first event on that there is no
 * room for nothing is taken: EVENT_LATER. */
void intake_push(struct core *c, struct peer *p, struct view body);

enum intake_how {
    INTAKE_FRESH,   /* as it comes from a spool */
    INTAKE_SUSPECT, /* may have killed us: kept unread */
    INTAKE_LATE,    /* has waited for what it is about: waits no more */
    INTAKE_WOKEN, /* what it may be the echo of is settled; it may be another's, if that is unclear */
};

/* Apply one event under a savepoint of its own; what cannot be applied is quarantined, new
 * commands enter the queue. Returns only failures of the store. */
AMO_MUSTCHECK int intake_event(struct core *c, struct view bytes, enum intake_how how);
/* Reason of what could not be applied because a part of the store is damaged. */
#define INTAKE_DAMAGED "store_damaged"
/* Keep an event for a person. */
AMO_MUSTCHECK int intake_quarantine(struct core *c, struct view bytes, const char *reason);
