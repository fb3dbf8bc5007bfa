#pragma once

/* Our ids of people towards amo. A service counts its clients and its own authors (operators, bots)
 * apart, and amo must not take one of the first for one of the second. Whoever is met first under a
 * name gets the readable id (docs/delivery.md, "Identity"); when the other kind comes under that name,
 * he gets a hashed one of his own kind, always the same. */

#include "base/ids.h"
#include "core/turn/turn.h"

/* Of a client whom the service, or his phone, calls @id. */
AMO_MUSTCHECK int person_client(struct core *c, struct view connector, struct view id,
                                char ret[ID_DERIVED_MAX + 1]);
/* The same of one who has no conversation of his own, as the second who speaks in one: that he was met
 * is written down. */
AMO_MUSTCHECK int person_speaker(struct core *c, struct view connector, struct view id,
                                 char ret[ID_DERIVED_MAX + 1]);
/* Of somebody on the service's own side. Writes down that he was met. */
AMO_MUSTCHECK int person_author(struct core *c, struct view connector, struct view id,
                                char ret[ID_DERIVED_MAX + 1]);
