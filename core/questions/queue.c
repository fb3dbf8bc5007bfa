/* `amoctl queue`: what waits, for whom.
 *
 * From: control.c. To: the store and the queue. Holds: nothing. */

#include "core/queue/queue.h"
#include "base/clock.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/control/verbs.h"
#include "core/questions/waiting.h"

/* How long the oldest of them has waited, before core as well. */
static int64_t oldest_s(const struct dest *d)
{
    const struct core_command *cmd = NULL;

    if (list_is_empty(&d->commands))
        return 0;
    cmd = LIST_ENTRY_CONST(d->commands.next, struct core_command, in_dest);
    return (clock_unix_ms() - cmd->taken_ms + cmd->waited_ms) / 1000;
}

static int dest_row(struct control_ask *ask, const struct dest *d)
{
    int rc = 0;

    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "destination", view_of(d->key));
    json_add_int(ask->w, "waiting", (int64_t)d->n_waiting);
    json_add_int(ask->w, "oldest_s", oldest_s(d));
    json_add_text(ask->w, "held",
                  dest_is_held(d) ? view_of(hold_reason_name(d->hold)) : VIEW_NONE);
    json_add_bool(ask->w, "paused", d->paused && !d->left_unix_ms);
    json_add_int(ask->w, "under_way", (int64_t)d->n_in_flight);
    json_add_text(ask->w, "answers", view_of(dest_class_name(d->class)));
    json_add_text(ask->w, "waits_for", view_of(dest_waits_for(d)));
    rc = waiting_why_destination(ask->core, d, ask->w);
    json_close_object(ask->w);
    return rc;
}

/* In the order in which they came; none goes, so that a place among them stays one. */
int verb_queue(struct control_ask *ask)
{
    const struct queue *q = ask->core->queue;
    const struct dest *behind = queue_dest_of(q, control_arg(ask, "page"));
    const struct list *i = behind ? behind->in_all.next : q->all_dests.next;
    const struct dest *d = NULL;
    struct control_page page = {0};
    int rc = 0;

    json_open_array(ask->w, NULL);
    for (; rc == 0 && i != &q->all_dests && !control_page_is_full(&page); i = i->next) {
        d = LIST_ENTRY_CONST(i, struct dest, in_all);
        if (d->n_waiting > 0 || dest_is_held(d) || (d->paused && d->n_account > 0))
            rc = dest_row(ask, d);
    }
    json_close_array(ask->w);
    if (d && i != &q->all_dests)
        control_go_on(ask, view_of(d->key));
    return rc;
}
