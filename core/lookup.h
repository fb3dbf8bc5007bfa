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
/* A message by what a service calls it: our mid or, with a @connector, its own id. STORE_E_NONE. */
AMO_MUSTCHECK int lookup_message(struct core *c, struct view connector, struct view id,
                                 struct message *ret);
/* By what amo calls it, or by our id when amo names that. */
AMO_MUSTCHECK int lookup_message_of_amo(struct core *c, struct view amo_id, struct view our_id,
                                        struct message *ret);
