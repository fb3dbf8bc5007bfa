/* `amoctl account list` and `show`.
 *
 * From: control.c. To: the registry, the queue and the shares, which are only read. Holds: nothing. */

#include <stdio.h>

#include "base/num.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/control/verbs.h"
#include "core/intake/room.h"
#include "core/model/brief.h"
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

static void account_listed(struct control_ask *ask, const struct reg_scope *s)
{
    char shown[BRIEF_MOST + 1];

    json_open_object(ask->w, NULL);
    account_row(ask, s);
    json_add_text(ask->w, "short",
                  brief_of_scope(ask->core->turn->registry, s, shown) ? view_of(shown)
                                                                      : VIEW_NONE);
    json_close_object(ask->w);
}

/* Those that argument `scope_ids` names, one after the other; the place is the number of the last one. */
static void accounts_named(struct control_ask *ask, const struct json_node *ids)
{
    struct control_page page = {0};
    char place[24];
    uint64_t i = 0;

    if (num_parse_u64(control_arg(ask, "page"), &i))
        i = 0;
    for (; i < json_array_len(ids) && !control_page_is_full(&page); i++) {
        struct view id = VIEW_NONE;
        const struct reg_scope *s = NULL;

        if (json_strict_text(json_array_at(ids, i), &id))
            s = registry_scope(ask->core->turn->registry, id);
        if (s)
            account_listed(ask, s);
    }
    (void)snprintf(place, sizeof(place), "%llu", (unsigned long long)i); /* fits */
    if (i < json_array_len(ids))
        control_go_on(ask, view_of(place));
}

int verb_account_list(struct control_ask *ask)
{
    const struct registry *r = ask->core->turn->registry;
    const struct json_node *ids = json_get(json_root(ask->args), "scope_ids");
    struct control_page page = {0};
    size_t i = registry_scopes_behind(r, control_arg(ask, "page"));

    json_open_array(ask->w, NULL);
    if (ids)
        accounts_named(ask, ids);
    for (; !ids && i < r->n_scopes && !control_page_is_full(&page); i++)
        account_listed(ask, &r->scopes[i]);
    json_close_array(ask->w);
    if (!ids && i < r->n_scopes)
        control_go_on(ask, view_of(r->scopes[i - 1].id));
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
