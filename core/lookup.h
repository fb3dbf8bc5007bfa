#pragma once

/* Looks up what the router must know about one event; decides nothing. */

#include "core/core.h"
#include "core/router.h"
#include "proto/event.h"

/* What was looked up for one event; owns the rows the mapping borrows. */
struct lookup {
    struct mapping mapping;
    struct conversation found;
    struct conversation by_client;
    struct conversation by_phone;
    struct message known;
    struct message named;
};

/* Fills a cleared @l; finish with lookup_fini in any case. -EINVAL for ids that cannot be looked
 * up, -Exxx of the store. */
AMO_MUSTCHECK int lookup_event(struct core *c, const struct event *e, struct lookup *l);
void lookup_fini(struct lookup *l);
