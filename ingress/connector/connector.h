#pragma once

/* What all calls of the connector API have in common (docs/connector.md): proof of identity, and
 * the shapes of answers. The calls themselves: message.c, change.c,
 * query.c. */

#include <stdbool.h>

#include "base/buf.h"
#include "ingress/http/request.h"

struct ingress;
struct service_fault;
struct service_warnings;

/* What an answer says beside the outcome. */
struct connector_words {
    const char *name; /* of the id: {"mid":"…"}; NULL none */
    struct view id;
    const struct service_warnings *warnings; /* borrowed */
};

/* What a call leaves in core: who is over a share there is refused by it. */
enum connector_brings {
    BRINGS_NOTHING, /* a question, typing */
    BRINGS_MESSAGE,
    BRINGS_REPORT, /* statuses, an edit, a reaction */
};

/* The head of a call: what can be refused without the body is; else the body is wanted for
 * @whole. */
void connector_head(struct ingress *in, struct request *x, enum connector_brings brings,
                    request_fn *whole);
/* With the whole body: does the caller's proof hold? False: the answer is decided. */
bool connector_verified(struct ingress *in, struct request *x);

/* What a reader returned other than 0 becomes the answer: 400 or 422, or 503 without memory. */
void connector_fault(struct request *x, int rc, const struct service_fault *fault);
/* Is the source one we know where to take to, and is a message for that account not too much there? False: 422 or
 * 429 is decided. */
bool connector_source_takes(struct ingress *in, struct request *x, struct view source);
/* Is the header Idempotency-Key, if any, of a length we keep? False: 422 is decided. */
bool connector_key_fits(struct request *x);
/* {name: id, "status": word, "warnings": […]}: without a name the word, without warnings no list. */
void connector_answer(struct request *x, unsigned status, const struct connector_words *words,
                      const char *word);

/* --- the routes: as amo_route_head() (ingress/amojo/route.h) ------------------------------------- */
/* message.c */
void connector_route_messages(struct ingress *in, struct request *x);
void connector_route_statuses(struct ingress *in, struct request *x);
/* change.c */
void connector_route_edit(struct ingress *in, struct request *x);
void connector_route_reactions(struct ingress *in, struct request *x);
void connector_route_typing(struct ingress *in, struct request *x);
/* query.c */
void connector_route_query(struct ingress *in, struct request *x);
