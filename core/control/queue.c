/* `amoctl queue`: what waits, for whom.
 *
 * From: control.c. To: the store and the queue. Holds: nothing. */

#include "base/clock.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/control/verbs.h"
#include "core/peers/peers.h"

int verb_queue(struct control_ask *ask)
{
    struct core *c = ask->core;
    struct core_command *cmd = NULL;
    struct dest *d = NULL;
    size_t iter = 0;

    json_open_array(ask->w, NULL);
    while ((d = table_next(c->queue->dests, &iter))) {
        int64_t oldest = 0;
        size_t inner = 0;

        if (d->n_waiting == 0 && !dest_is_held(d) && !d->paused)
            continue;
        while ((cmd = table_next(c->queue->commands, &inner))) {
            if (cmd->lane->dest == d && (!oldest || cmd->taken_ms < oldest))
                oldest = cmd->taken_ms;
        }
        json_open_object(ask->w, NULL);
        json_add_text(ask->w, "destination", view_of(d->key));
        json_add_int(ask->w, "waiting", (int64_t)d->n_waiting);
        json_add_int(ask->w, "oldest_s", oldest ? (clock_unix_ms() - oldest) / 1000 : 0);
        json_add_text(ask->w, "held",
                      dest_is_held(d) ? view_of(hold_reason_name(d->hold)) : VIEW_NONE);
        json_add_bool(ask->w, "paused", d->paused);
        json_close_object(ask->w);
    }
    json_close_array(ask->w);
    return EXIT_FINE;
}
