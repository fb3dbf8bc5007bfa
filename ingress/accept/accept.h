#pragma once

/* Accepting: a request that was found good becomes an event in the spool, and its connection waits for the
 * flush. */

#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/list.h"
#include "ingress/accept/over.h"
#include "ingress/ingress.h"
#include "proto/bus/loop.h"

struct request;

struct accept {
    struct buf event;  /* one at a time, encoded */
    struct list batch; /* requests that wait for the flush */
    uint64_t n_batch;  /* events appended for them */
    struct loop_deferred flush;
    struct over over; /* connectors that are over a share of core */
};

/* @flush is called with @arg at the end of a turn in which something waits. */
void accept_init(struct accept *a, loop_fn *flush, void *arg);
void accept_fini(struct accept *a);

/* An event into the spool, for a request that then waits. @aux as in spool_append(). Stamps the
 * event with trace id and time. 0; otherwise the answer is decided: 503, or 413 for an event that
 * fits no frame. */
struct event;
AMO_MUSTCHECK int ingress_append(struct ingress *in, struct request *x, struct event *e,
                                 struct view aux);
/* An event that lives for seconds, to core at once; when core is away it is dropped, which
 * @x counts. Stamped as above. */
void ingress_ephemeral(struct ingress *in, struct request *x, struct event *e);
/* Into the spool; it is promised with the next flush. SPOOL_E_*, -ENOMEM, -ENOSPC when it is
 * larger than a frame, -EIO. */
struct event;
AMO_MUSTCHECK int ingress_keep(struct ingress *in, struct event *e, struct view aux);
