/* The steps of one SPOOL_ROTATE: close the present segment, wait until it and all before it are
 * deleted, and answer core. */

#include "ingress/accept/spool_rotate.h"

#include "base/log.h"
#include "ingress/spool/spool.h"
#include "proto/bus/edge.h"
#include "proto/session.h"

#define TURN_BODY 256

static int turn_tell(const struct turn *t, struct spool *spool, struct edge *edge)
{
    struct spool_rotate answer = {.number = t->number};
    struct buf body;
    int rc = 0;

    buf_init(&body, TURN_BODY);
    rc = spool_count_kept(spool, &answer.kept);
    rc = rc ? rc : spool_rotate_encode(&answer, &body);
    rc = rc ? rc : edge_send(edge, MSG_SPOOL_ROTATED, NULL, buf_view(&body));
    buf_fini(&body);
    return rc;
}

void turn_step(struct turn *t, struct spool *spool, struct edge *edge)
{
    int rc = 0;

    if (!t->number || t->told)
        return;
    if (!t->closed) {
        rc = spool_rotate(spool);
        if (rc && rc != t->trouble)
            log_failed(LOG_LEVEL_WARN, "spool.not_turned", rc, NULL); /* tried again */
        t->trouble = rc;
        t->closed = rc == 0;
    }
    if (rc == 0 && spool_is_gone(spool, t->before))
        t->told = turn_tell(t, spool, edge) == 0;
}

void turn_asked(struct turn *t, struct spool *spool, struct edge *edge, struct view body)
{
    struct spool_rotate asked;

    if (spool_rotate_decode(body, &asked) || asked.number == 0) {
        log_line(LOG_LEVEL_ERROR, "spool.turn_malformed", NULL);
        return;
    }
    t->told = false;
    if (asked.number != t->number)
        *t = (struct turn){.number = asked.number, .before = spool_next(spool)};
    turn_step(t, spool, edge);
}
