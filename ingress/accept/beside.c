/* Sends ephemeral events and questions to core, and hands its answers and the bodies it wants read again
 * to the functions that ingress registered for them. */

#include "ingress/accept/beside.h"

#include "base/log.h"
#include "ingress/accept/push.h"
#include "proto/bus/edge.h"
#include "proto/event.h"
#include "proto/limits.h"
#include "proto/query.h"

int beside_ephemeral(struct edge *edge, const struct event *e)
{
    struct buf event;
    struct buf frame;
    int rc = 0;

    buf_init(&event, LIMIT_EPHEMERAL_BYTES);
    buf_init(&frame, LIMIT_FRAME_BYTES);
    rc = event_encode(e, &event);
    rc = rc ? rc : ephemeral_encode(buf_view(&event), &frame);
    rc = rc ? rc : edge_send(edge, MSG_EVENT_EPHEMERAL, &e->trace, buf_view(&frame));
    buf_fini(&frame);
    buf_fini(&event);
    return rc;
}

int beside_query(struct edge *edge, const struct query *q)
{
    struct buf frame;
    int rc = 0;

    buf_init(&frame, LIMIT_FRAME_BYTES);
    rc = query_encode(q, &frame);
    rc = rc ? rc : edge_send(edge, MSG_QUERY, NULL, buf_view(&frame));
    buf_fini(&frame);
    return rc;
}

void beside_answered(const struct push_config *config, struct view body)
{
    struct answer a;

    if (answer_decode(body, &a))
        log_line(LOG_LEVEL_ERROR, "answer.malformed", NULL);
    else if (config->answer)
        config->answer(config->arg, &a);
}

void beside_replay(const struct push_config *config, struct view body)
{
    struct replay r;

    if (replay_decode(body, &r) || !r.raw.ptr || !r.scope.ptr)
        log_line(LOG_LEVEL_ERROR, "replay.malformed", NULL);
    else if (config->replay)
        config->replay(config->arg, &r);
}
