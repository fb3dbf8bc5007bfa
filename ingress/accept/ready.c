/* Whether the door is open.
 *
 * From: ingress.c, at every look of its timer; push, with each heartbeat. To: /readyz, core.
 * Holds: when it was closed last, and why. */

#include "ingress/accept/ready.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ingress/accept/push.h"
#include "ingress/accept/registry_copy.h"
#include "ingress/http/listener.h"
#include "ingress/ingress.h"
#include "ingress/spool/spool.h"
#include "proto/session.h"

#define STATE_MAX 512U /* of the lines, as core is told them */

void ready_init(struct ready *r)
{
    memset(r, 0, sizeof(*r));
    buf_init(&r->state, STATE_MAX);
}

void ready_fini(struct ready *r)
{
    buf_fini(&r->state);
}

/* Why nothing of what comes can be kept; NULL: it can. */
static const char *no_room(const struct ingress *in, bool stopping)
{
    switch (spool_space(in->spool, 0)) {
    case 0:
        return listener_is_open(in->listener) || stopping ? NULL : "not listening";
    case SPOOL_E_DISK:
        return "disk full";
    default:
        return "spool full";
    }
}

bool ready_say(const struct ingress *in, bool stopping, struct buf *reasons)
{
    const char *room = no_room(in, stopping);
    bool known = registry_copy_get(in->registry) != NULL;
    bool ready = known && !room && !stopping;
    struct spool_stats f;

    /* what does not fit says less, nothing more */
    if (!known)
        (void)buf_add_str(reasons, "no registry\n");
    if (room)
        (void)buf_add_f(reasons, "%s\n", room);
    if (stopping)
        (void)buf_add_str(reasons, "stopping\n");
    if (ready && !push_is_up(in->push) && *push_refused(in->push))
        (void)buf_add_f(reasons, "core refuses this process: %s\n", push_refused(in->push));
    else if (ready && !push_is_up(in->push))
        (void)buf_add_str(reasons, "core is away: events are kept in the spool\n");
    else if (ready && push_waits(in->push))
        (void)buf_add_str(reasons, "core has no room: events are kept in the spool\n");
    spool_stats(in->spool, &f);
    if (f.lost > 0 || f.unreadable)
        (void)buf_add_f(reasons, "spool damaged: %" PRIu64 " events could not be read%s\n",
                        f.lost, f.unreadable ? ", the disk does not read its files" : "");
    return ready;
}

void ready_look(struct ingress *in, bool stopping, int64_t now_ms)
{
    struct ready *r = in->ready;
    const char *why = NULL;

    if (!in->listener || stopping)
        return; /* it only empties a spool; or another one takes its place */
    why = registry_copy_get(in->registry) ? no_room(in, stopping) : "no registry";
    /* a spool that is full from the start on is closed like any other */
    r->begun = r->begun || !why || spool_space(in->spool, 0);
    if (!why || !r->begun) {
        r->closed = false;
        return;
    }
    if (!r->closed)
        r->from_ms = now_ms;
    r->closed = true;
    r->to_ms = now_ms;
    (void)snprintf(r->why, sizeof(r->why), "%s", why); /* short */
}

void ready_tell(const struct ingress *in, bool stopping, struct heartbeat *ret)
{
    struct ready *r = in->ready;
    struct spool_stats f;

    spool_stats(in->spool, &f);
    ret->spool_max = f.max_bytes;
    (void)!spool_disk(in->spool, &ret->disk_free, &ret->disk_size); /* else not said */
    if (!in->listener)
        return;
    buf_reset(&r->state);
    ret->closed = !ready_say(in, stopping, &r->state);
    ret->state = buf_view(&r->state);
    ret->closed_from_ms = r->from_ms;
    ret->closed_to_ms = r->to_ms;
    ret->closed_why = view_of(r->why);
}
