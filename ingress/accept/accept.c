/* Events are encoded and appended to the spool.
 *
 * From: the routes (amojo, connector). To: the spool, or push for what lives for seconds.
 * Holds: nothing; the request waits until the flush. */

#include "ingress/accept/accept.h"

#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "ingress/accept/push.h"
#include "ingress/accept/share.h"
#include "ingress/http/request.h"
#include "ingress/spool/spool.h"
#include "proto/event.h"

#define EVENT_KEEP (256U << 10) /* bytes of the encoding buffer kept between events */

void accept_init(struct accept *a, loop_fn *flush, void *arg)
{
    list_init(&a->batch);
    buf_init(&a->event, LIMIT_FRAME_BYTES / 2);
    loop_deferred_init(&a->flush, flush, arg);
    over_init(&a->over);
}

void accept_fini(struct accept *a)
{
    loop_cancel(&a->flush);
    buf_fini(&a->event);
    over_fini(&a->over);
}

static void spool_refused(struct ingress *in, struct request *x, int rc)
{
    if (rc == SPOOL_E_SHARE) {
        share_refused(in, x);
    } else if (rc == SPOOL_E_FULL || rc == SPOOL_E_DISK) {
        request_unavailable(x, "spool_full", "no room to keep it; try again later");
    } else if (rc == -ENOMEM) {
        request_unavailable(x, "busy", "there is no memory for it now");
    } else if (rc == -ENOSPC) {
        request_fault(x, 413, "too_large", "its parts are larger than allowed", NULL);
    } else {
        request_unavailable(x, "spool_failed", "it could not be kept; try again later");
    }
    loop_defer(in->loop, &in->accept->flush); /* closes the listener, or ends */
}

/* Trace id and time. */
static int stamp(struct event *e)
{
    e->taken_ms = clock_unix_ms();
    return id_uuid7(e->taken_ms, &e->trace) ? -ENOMEM : 0;
}

int ingress_keep(struct ingress *in, struct event *e, struct view aux)
{
    struct spool_writer writer;
    uint64_t number = 0;
    int rc = stamp(e);

    buf_reset(&in->accept->event);
    rc = rc ? rc : event_encode(e, &in->accept->event);
    share_writer(in, e, &writer);
    rc = rc ? rc : spool_append(in->spool, &writer, aux, buf_view(&in->accept->event), &number);
    if (in->accept->event.cap > EVENT_KEEP)
        buf_fini(&in->accept->event);
    if (rc)
        return rc;
    in->accept->n_batch++;
    if (log_enabled(LOG_LEVEL_DEBUG)) {
        char trace[ID_TEXT_LEN + 1];

        id_format(&e->trace, trace);
        log_line(LOG_LEVEL_DEBUG, "event.appended", "trace=%s kind=%s number=%" PRIu64, trace,
                 event_kind_name(e->kind), number);
    }
    return 0;
}

int ingress_append(struct ingress *in, struct request *x, struct event *e, struct view aux)
{
    int rc = ingress_keep(in, e, aux);

    if (rc)
        spool_refused(in, x, rc);
    else
        x->waits = true;
    return rc;
}

void ingress_ephemeral(struct ingress *in, struct request *x, struct event *e)
{
    if (stamp(e) || !push_ephemeral(in->push, e))
        x->result = "dropped";
}
