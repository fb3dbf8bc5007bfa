#pragma once

/* What ingress sends to core and receives from it: events from the spool within core's credit,
 * EVENT_TAKEN, the registry; events that live for seconds, questions and their answers, bodies from
 * quarantine. Owns the session.
 *
 * An event that was in flight when core died twice travels alone from then on; if core dies with
 * it alone twice more, it is marked suspect and core quarantines it unread. When core ends
 * regularly because its store fails, three times while it handles the same event, the events that were
 * in flight then travel one by one; one over which core ends three times more is marked as well. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"

struct answer;
struct callers;
struct event;
struct heartbeat;
struct loop;
struct over;
struct push;
struct query;
struct replay;
struct spool;
struct tap;

struct push_config {
    struct loop *loop;
    struct spool *spool; /* borrowed, outlives the push */
    const char *endpoint;
    const struct callers *core; /* whose process core is; borrowed. NULL: anybody's */
    const char *name;           /* of this process */
    const struct id *boot;
    struct tap *tap; /* or NULL */
    /* The version held, and a newer one (registry_encode's bytes, borrowed). */
    uint64_t (*registry_version)(void *arg);
    void (*registry)(void *arg, struct view bytes);
    struct over
        *over; /* borrowed: who is over a share of core, as it tells; NULL: not of interest */
    /* What a heartbeat tells of the listener; borrowed until the next call. May be NULL. */
    struct view (*refused)(void *arg);
    struct view (*refusals)(void *arg);
    /* The rest that a heartbeat tells of the process; its texts are borrowed likewise. May be NULL. */
    void (*heartbeat)(void *arg, struct heartbeat *ret);
    /* Core took events: there may be room again. May be NULL. */
    void (*taken)(void *arg);
    /* Core's answer to a push_query(), and a body it wants normalized again; both borrow the
     * frame. The session is over: no answer will come. All may be NULL. */
    void (*answer)(void *arg, const struct answer *a);
    void (*replay)(void *arg, const struct replay *r);
    void (*lost)(void *arg);
    void *arg;
};

AMO_MUSTCHECK int push_new(const struct push_config *config, struct push **ret_push);
void push_free(struct push *p);
/* Events were flushed: send what credit allows. */
void push_wake(struct push *p);
/* An event past the spool: it is sent to core now or never. True: it was sent. */
bool push_ephemeral(struct push *p, const struct event *e);
/* A question. 0; anything else: it did not go, and no answer will come. */
AMO_MUSTCHECK int push_query(struct push *p, const struct query *q);
/* Why core gives no session, in words; "" when it did not refuse. */
const char *push_refused(const struct push *p);
/* A session with core is open. Accepts NULL, as the two above do: nothing is open. */
bool push_is_up(const struct push *p);
/* Core has no room for more events now. Accepts NULL. */
bool push_waits(const struct push *p);
