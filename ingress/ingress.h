#pragma once

/* The map of amo-ingress: its parts in the order a message meets them.
 *
 * A webhook comes in at the door, its route verifies it against the registry, normalizes it and
 * appends the event to the spool; the connection waits. At the end of the loop's turn the batch
 * is flushed, once for all, and every waiting answer leaves. Then push sends what core will take,
 * and the spool forgets what core has. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "base/list.h"
#include "ingress/connector_query.h"
#include "ingress/figures.h"
#include "ingress/refused.h"
#include "proto/bus/loop.h"

struct admin;
struct config;
struct door;
struct exchange;
struct guard;
struct process;
struct push;
struct registry_copy;
struct repeat;
struct spool;
struct tap;

struct ingress {
    const struct config *config; /* borrowed */
    const char *name;            /* borrowed */
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
    struct refused refused; /* sources that are nobody's */
    struct admin *admin;

    const char *drain_spool; /* --drain: deliver this spool and end */
    bool stopping;
    int64_t stop_by_ms; /* monotonic */
    int repeat_rc;      /* why the repeat log was not written, logged once; 0 it was */
    int64_t tidied_ms;  /* monotonic */
    int exit_code;
};

/* Everything up to the listeners. One line on stderr says what is wrong. Returns 0 or the exit
 * code. */
AMO_MUSTCHECK int ingress_init(struct ingress *in, const struct process *p,
                               const char *drain_spool);
void ingress_fini(struct ingress *in);
/* "listen=… admin=…" of the line `ready`. */
void ingress_describe(const struct ingress *in, struct buf *out);
/* No new work; ends the loop when nothing is under way, or after drain_ms. */
void ingress_stop(struct ingress *in);
/* Can it do its work? Lines of reasons, or of remarks. */
bool ingress_ready(void *arg, struct buf *reasons);

/* An event into the spool, for an exchange that then waits. @aux as in spool_append(). Stamps the
 * event with trace id and time. 0; otherwise the answer is decided: 503, or 413 for an event that
 * fits no frame. */
struct event;
AMO_MUSTCHECK int ingress_append(struct ingress *in, struct exchange *x, struct event *e,
                                 struct view aux);
/* An event that lives for seconds, to core at once; when core is away it is dropped, which
 * @x counts. Stamped as above. */
void ingress_hint(struct ingress *in, struct exchange *x, struct event *e);
