#pragma once

/* Calls of the connector API that come again: the first is kept and answered 202 `accepted`, the same again
 * 200 `duplicate`, another one under the same name 409. What names a call is its `webhook-id`, if it is
 * signed, whatever path it comes by; and what the call itself says. */

#include <stdbool.h>

#include "base/buf.h"

struct connector_words;
struct event;
struct ingress;
struct repeat_entry;
struct repeat_name;
struct request;

/* @name is what makes a repeat beside the webhook-id; NULL: nothing. The answer is decided in any case. */
void connector_append_once(struct ingress *in, struct request *x, struct event *e,
                           const struct repeat_name *name, const struct connector_words *words);

/* Is the call's webhook-id new? 0: yes, or it is not signed. REPEAT_E_SAME: the caller answers that it is a
 * repeat. Anything else: the answer is decided. @ret is for connector_webhook_seen(). */
AMO_MUSTCHECK int connector_webhook_check(struct ingress *in, struct request *x,
                                          struct repeat_entry *ret);
/* What is kept beside the event that the call leaves, VIEW_NONE for one that is not signed. */
struct view connector_webhook_aux(const struct request *x, const struct repeat_entry *entry,
                                  unsigned char *space);
#define CONNECTOR_WEBHOOK_AUX 32U /* bytes of @space */
/* The call took effect. */
void connector_webhook_seen(struct ingress *in, const struct request *x,
                            const struct repeat_entry *entry);
/* A signed question is of the one message it was first about: the signature does not cover the path. False: the
 * answer is decided. */
bool connector_question_fits(struct ingress *in, struct request *x);
