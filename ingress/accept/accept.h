#pragma once

/* Accepting: a request that was found good becomes an event in the spool, and its connection waits for the
 * flush. Here is also what all routes share. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "base/list.h"
#include "ingress/accept/refused.h"
#include "ingress/http/figures.h"
#include "proto/bus/loop.h"

struct admin;
struct config;
struct door;
struct exchange;
struct guard;
struct push;
struct registry_copy;
struct repeat;
struct spool;
struct tap;

/* Questions of services that wait for core's answer (ingress/connector/query.h). */
struct queries {
    struct list waiting; /* of exchanges, the oldest first */
    uint64_t last;       /* number given */
};

struct ingress {
    const struct config *config; /* borrowed */
    const char *name;            /* borrowed */
    const char *config_path;     /* read again on SIGHUP; NULL none. Borrowed */
    int signal_fd;
    struct loop *loop;
    struct id boot; /* of this process */

    struct guard *guard;            /* addresses */
    struct door *door;              /* HTTP; NULL when only draining a spool */
    struct registry_copy *registry; /* who may, and with which secrets */
    struct repeat *repeat;          /* idempotency keys of connectors */
    struct buf event;               /* one at a time, encoded */
    struct spool *spool;            /* events until core has them */
    struct list batch;              /* exchanges that wait for the flush */
    uint64_t n_batch;               /* events appended for them */
    struct loop_deferred flush;
    struct push *push;      /* the session with core */
    struct queries queries; /* exchanges that wait for core's answer */

    struct tap *tap;
    struct figures figures;
    struct refused refused; /* sources that belong to no account */
    struct admin *admin;

    const char *drain_spool; /* --drain: deliver this spool and end */
    bool stopping;
    int64_t stop_by_ms; /* monotonic */
    int repeat_rc;      /* why the repeat log was not written, logged once; 0 it was */
    int64_t tidied_ms;  /* monotonic */
    int exit_code;
};

/* An event into the spool, for an exchange that then waits. @aux as in spool_append(). Stamps the
 * event with trace id and time. 0; otherwise the answer is decided: 503, or 413 for an event that
 * fits no frame. */
struct event;
AMO_MUSTCHECK int ingress_append(struct ingress *in, struct exchange *x, struct event *e,
                                 struct view aux);
/* An event that lives for seconds, to core at once; when core is away it is dropped, which
 * @x counts. Stamped as above. */
void ingress_hint(struct ingress *in, struct exchange *x, struct event *e);
/* Into the spool; it is promised with the next flush. SPOOL_E_*, -ENOMEM, -ENOSPC when it is
 * larger than a frame, -EIO. */
struct event;
AMO_MUSTCHECK int ingress_keep(struct ingress *in, struct event *e, struct view aux);
