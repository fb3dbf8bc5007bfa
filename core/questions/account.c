/* `amoctl account list` and `show`.
 *
 * From: control.c. To: the registry, the queue and the shares, which are only read. Holds: nothing. */

#include "base/process.h"
#include "core/control/control.h"
#include "core/control/verbs.h"
#include "core/intake/room.h"
#include "core/questions/waiting.h"
#include "core/shares/shares.h"

static void account_row(struct control_ask *ask, const struct reg_scope *s)
{
    const struct dest *d = queue_dest(ask->core->queue, DEST_SCOPE, view_of(s->id));

    json_add_text(ask->w, "scope_id", view_of(s->id));
    json_add_text(ask->w, "channel", view_of(s->channel));
    json_add_text(ask->w, "account", view_of(s->account));
    json_add_text(ask->w, "connector", view_of(s->connector));
    json_add_text(ask->w, "title", view_of(s->title));
    json_add_bool(ask->w, "paused", s->paused && !s->disconnected);
    json_add_bool(ask->w, "disconnected", s->disconnected);
    json_add_text(ask->w, "held",
                  d && dest_is_held(d) ? view_of(hold_reason_name(d->hold)) : VIEW_NONE);
    json_add_time(ask->w, "connect_called_at", s->connected_ms);
    json_add_text(ask->w, "default_source",
                  s->default_source ? view_of(s->default_source) : VIEW_NONE);
    json_add_bool(ask->w, "no_time_window", s->window_off);
}

int verb_account_list(struct control_ask *ask)
{
    const struct registry *r = ask->core->turn->registry;

    json_open_array(ask->w, NULL);
    for (size_t i = 0; i < r->n_scopes; i++) {
        json_open_object(ask->w, NULL);
        account_row(ask, &r->scopes[i]);
        json_close_object(ask->w);
    }
    json_close_array(ask->w);
    return EXIT_FINE;
}

int verb_account_show(struct control_ask *ask)
{
    int rc = 0;
    const struct reg_scope *s = control_scope_named(ask, &rc);
    const struct dest *d = NULL;

    if (!s)
        return rc;
    d = queue_dest(ask->core->queue, DEST_SCOPE, view_of(s->id));
    json_open_object(ask->w, NULL);
    account_row(ask, s);
    rc = d ? waiting_why_destination(ask->core, d, ask->w) : 0;
    json_add_int(ask->w, "waiting", d ? (int64_t)d->n_account : 0);
    json_add_int(ask->w, "set_aside", room_n_aside(ask->core, view_of(s->id)));
    json_open_array(ask->w, "shares");
    shares_account_json(ask->core, s, ask->w);
    json_close_array(ask->w);
    json_open_array(ask->w, "own");
    shares_own_json(ask->core, s, ask->w);
    json_close_array(ask->w);
    json_close_object(ask->w);
    return rc;
}
