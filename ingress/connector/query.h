#pragma once

/* Questions of services that core has the answer to: GET …/messages/{id}. The asker's connection
 * is put aside until core's ANSWER, the end of the session, or LIMIT_QUERY_MS. Nothing of it is
 * stored. A connection that ends takes itself out of the list (request_fini). */

#include <stdint.h>

#include "ingress/accept/accept.h"

struct request;
struct answer;

struct queries {
    struct list waiting; /* of requests, the oldest first */
    uint64_t last;       /* number given */
};

void queries_init(struct queries *q);
/* The request was put aside. */
void queries_wait(struct ingress *in, struct request *x);
/* Core's answer; dropped if its asker no longer waits. */
void queries_answer(struct ingress *in, const struct answer *a);
/* Those who waited too long. */
void queries_expire(struct ingress *in, int64_t mono_ms);
/* The session with core is over, or the process ends. */
void queries_give_up(struct ingress *in);
