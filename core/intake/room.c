/* Events that the queue has no room for stay in their spools.
 *
 * From: intake.c, before an event is taken. To: the ingress, which asks again once a second.
 * Holds: nothing of an event; its number, in the spool it is of. */

#include "core/intake/room.h"

#include "base/log.h"
#include "proto/session.h"

bool room_is_there(struct core *c)
{
    bool was_full = c->queue->full;
    bool is_there = queue_has_room(c->queue);

    if (is_there == was_full)
        log_line(is_there ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR,
                 is_there ? "queue.room" : "queue.full", "commands=%zu max=%zu",
                 queue_count(c->queue), c->queue->max);
    return is_there;
}

bool room_for_event(struct core *c, struct spool *s, uint64_t number)
{
    if (s->later && number > s->later)
        return false;
    s->later = room_is_there(c) ? 0 : number;
    return s->later == 0;
}

void room_heed_low(struct spool *s, uint64_t low)
{
    if (low > s->later)
        s->later = 0;
}

void room_say_later(struct core *c, const struct peer *p)
{
    struct buf body;

    buf_init(&body, 64);
    /* no memory: its events are pushed again all the same, since nothing answers for them */
    if (taken_encode(&p->spool->id, VIEW_NONE, &body) == 0)
        (void)!peer_post(c, p, MSG_EVENT_LATER, NULL, buf_view(&body));
    buf_fini(&body);
}
