#pragma once

/* The map of amo-ingress: its rooms, in the order in which a message meets them. A room calls those below it in
 * the list of ingress/CMakeLists.txt and no others; each has a README.md.
 *
 *   http       the listener: heads and bodies, limits of an address, answers
 *   amojo      webhooks of amoCRM: verified against the registry, read, normalized
 *   connector  the connector API, in the same steps; repeats, and questions that core answers
 *   read       what both vendors write in the same way
 *   accept     the event is appended to the spool and its connection waits. At the end of the loop's turn the
 *              batch is flushed, once for all, and every waiting answer leaves. Then push sends what core
 *              will take, and the spool forgets what core has
 *   spool      events on disk until core has them; idempotency keys */

#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"

struct accept;
struct config;
struct listener;
struct metrics;
struct guard;
struct loop;
struct process;
struct push;
struct queries;
struct ready;
struct refused;
struct registry_copy;
struct repeat;
struct spool;
struct top;
struct trail;

/* What the rooms hold. Each struct is defined in its own room: a room reaches into those below it, and the
 * compiler knows nothing of those above. */
struct ingress {
    const struct config *config; /* borrowed */
    const char *name;            /* of this process; borrowed */
    struct loop *loop;           /* the only one; everything happens in its turns */

    struct guard *guard;            /* http: addresses */
    struct listener *listener;      /* http: the listener; NULL when only draining a spool */
    struct metrics *metrics;        /* http: what /metrics shows */
    struct repeat *repeat;          /* spool: idempotency keys of connectors */
    struct repeat *webhooks;        /* spool: webhook-ids of their signed calls */
    struct queries *queries;        /* connector: requests that wait for core's answer */
    struct registry_copy *registry; /* accept: who may, and with which secrets */
    struct refused *refused;        /* accept: sources that belong to no account */
    struct trail *trail;            /* accept: what was refused of whom, by kinds */
    struct ready *ready;            /* accept: whether the door is open, and when it was not */
    struct accept *accept;          /* the batch, and its flush */
    struct push *push;              /* accept: the session with core */
    struct spool *spool;            /* events until core has them */
    struct top *top;                /* ingress.c's own: signals, admin listener, the end */
};

/* Everything up to the listeners. One line on stderr says what is wrong. Returns 0 or the exit
 * code. */
AMO_MUSTCHECK int ingress_open(struct ingress *in, const struct process *p,
                               const char *drain_spool);
/* The session with core; signals arrive from now on. The same. */
AMO_MUSTCHECK int ingress_connect(struct ingress *in);
/* Until stopped, or the spool to be drained is empty; the exit code. */
AMO_MUSTCHECK int ingress_run(struct ingress *in);
void ingress_close(struct ingress *in);
/* "listen=… admin=…" of the line `ready`. */
void ingress_describe(const struct ingress *in, struct buf *out);
/* No new work; ends the loop when nothing is under way, or after drain_ms. */
void ingress_stop(struct ingress *in);
/* Can it do its work? Lines of reasons, or of remarks. */
bool ingress_ready(void *arg, struct buf *reasons);
