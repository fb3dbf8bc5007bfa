#pragma once

/* A message was given up, and it is not known whether the other side has it: what comes from there with the same
 * text says that it has. Else a text of ours would be on the card as another person's, perhaps in another account,
 * or would reach the client a second time. */

#include "core/model/phone.h"
#include "core/model/router.h"
#include "core/model/rows.h"
#include "core/turn/turn.h"
#include "proto/event.h"

/* The given-up message of @conv that report or webhook @e is of; 0 none. What has waited came while the message was
 * tried, if that died only then: of a manager's, whatever it died of but a refusal. Of a colleague's a webhook that has
 * waited is only if it died unclear; and after a store was put back, one that has not. Of one that died before, the same
 * text may be said again. -Exxx. */
AMO_MUSTCHECK int given_up_words(struct core *c, const struct event *e,
                                 const struct conversation *conv, int64_t *ret_message);
/* The same of a manager's first words, whose thread nobody has named. Only a report that has waited is compared. */
AMO_MUSTCHECK int given_up_first_words(struct core *c, const struct event *e,
                                       const struct phone *client, int64_t *ret_message);
/* What the event is about had been given up, and the other side names it, other than to say that it failed: then it
 * is there, and its state says so. -Exxx. */
AMO_MUSTCHECK int given_up_arrived(struct core *c, const struct event *e, const struct facts *m,
                                   enum decision_kind decided);
