#pragma once

/* Questions of an ingress to core, their answers, and bodies that core hands back to be
 * normalized again. None of this is stored: the asker waits a few seconds and then does without.
 * All texts are borrowed. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "proto/pack.h"

/* QUERY: where is this message of this connector? */
struct query {
    uint64_t number; /* the asker's; comes back in the answer */
    struct view connector;
    struct view message_id; /* the service's own id or the mid */
};

/* ANSWER */
struct answer {
    uint64_t number;
    bool found;
    struct view mid;
    struct view direction; /* "in", "out" */
    struct view state;  /* "accepted", "delivered_to_amo", "delivered_to_service", "failed" */
    struct view reason; /* of "failed": the dead letter's word, or the service's own code */
    struct view words;  /* of "failed": the remote side's own, if it gave any */
    struct view amo_id;
    struct view service_id;
    int64_t taken_ms;
    int64_t settled_ms;
    /* What the service itself reported of it last; empty: nothing, or core is of an older version */
    struct view reported; /* "delivered", "read", "failed" */
    int64_t reported_ms;
};

/* REPLAY: entry @number of the quarantine. */
struct replay {
    uint64_t number;
    struct view scope;
    struct view raw;
};

AMO_MUSTCHECK int query_encode(const struct query *q, struct buf *out);
AMO_MUSTCHECK int query_decode(struct view body, struct query *ret);
AMO_MUSTCHECK int answer_encode(const struct answer *a, struct buf *out);
AMO_MUSTCHECK int answer_decode(struct view body, struct answer *ret);
AMO_MUSTCHECK int replay_encode(const struct replay *r, struct buf *out);
AMO_MUSTCHECK int replay_decode(struct view body, struct replay *ret);

/* EVENT_EPHEMERAL: {event}. */
AMO_MUSTCHECK int ephemeral_encode(struct view event, struct buf *out);
/* Borrows @body. */
AMO_MUSTCHECK int ephemeral_decode(struct view body, struct view *ret_event);
