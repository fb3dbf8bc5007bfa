#pragma once

/* Our ids of people towards amo. A service counts its clients and its own authors (operators, bots)
 * separately, and amo must not take one of the first for one of the second. The first person with
 * a service's id gets the readable id (docs/delivery.md, "Identity"); one of the other kind with the same
 * service's id gets a hashed id of that kind, always the same. */

#include "base/ids.h"
#include "core/turn/turn.h"

/* For a client; @id is the service's id or the phone. */
AMO_MUSTCHECK int person_client(struct core *c, struct view connector, struct view id,
                                char ret[ID_DERIVED_MAX + 1]);
/* The same for one without a conversation, such as the second who speaks in one; the person is
 * recorded. */
AMO_MUSTCHECK int person_speaker(struct core *c, struct view connector, struct view id,
                                 char ret[ID_DERIVED_MAX + 1]);
/* For a person on the service's own side, who is recorded. */
AMO_MUSTCHECK int person_author(struct core *c, struct view connector, struct view id,
                                char ret[ID_DERIVED_MAX + 1]);
