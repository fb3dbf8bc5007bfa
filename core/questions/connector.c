/* `amoctl connector list` and `show`.
 *
 * From: control.c. To: the registry, the queue and the shares, which are only read. Holds: nothing. */

#include <string.h>

#include "base/process.h"
#include "core/control/control.h"
#include "core/control/rotation.h"
#include "core/control/verbs.h"
#include "core/questions/waiting.h"
#include "core/shares/shares.h"
#include "proto/limits.h"

static int64_t scopes_of(const struct registry *r, const char *connector)
{
    int64_t n = 0;

    for (size_t i = 0; i < r->n_scopes; i++)
        n += !r->scopes[i].disconnected && strcmp(r->scopes[i].connector, connector) == 0;
    return n;
}

static void connector_row(struct control_ask *ask, const struct reg_connector *con)
{
    json_add_text(ask->w, "name", view_of(con->name));
    json_add_text(ask->w, "kind", VIEW_LIT("http"));
    json_add_text(ask->w, "url", view_of(con->url));
    json_add_bool(ask->w, "allow_private", con->allow_private);
    json_add_bool(ask->w, "off", con->off);
    json_add_int(ask->w, "scopes", scopes_of(ask->core->turn->registry, con->name));
    rotation_json(ask->w, con->old_until_ms);
}

int verb_connector_list(struct control_ask *ask)
{
    const struct registry *r = ask->core->turn->registry;

    struct view behind = control_arg(ask, "page");
    struct control_page page = {0};
    size_t i = 0;

    while (behind.len && i < r->n_connectors && !view_is(behind, r->connectors[i++].name))
        continue;
    json_open_array(ask->w, NULL);
    for (; i < r->n_connectors && !control_page_is_full(&page); i++) {
        json_open_object(ask->w, NULL);
        connector_row(ask, &r->connectors[i]);
        json_close_object(ask->w);
    }
    json_close_array(ask->w);
    if (i < r->n_connectors)
        control_go_on(ask, view_of(r->connectors[i - 1].name));
    return EXIT_FINE;
}

/* The first ones; all are in the lists of accounts and of sources. */
static void accounts_json(struct control_ask *ask, const struct reg_connector *con)
{
    const struct registry *r = ask->core->turn->registry;
    size_t n = 0;

    json_open_array(ask->w, "accounts");
    for (size_t i = 0; i < r->n_scopes; i++) {
        if (r->scopes[i].disconnected || strcmp(r->scopes[i].connector, con->name) != 0)
            continue;
        if (n++ < LIMIT_LIST_ROWS)
            json_add_text(ask->w, NULL, view_of(r->scopes[i].id));
    }
    json_close_array(ask->w);
    if (n > LIMIT_LIST_ROWS)
        json_add_int(ask->w, "accounts_more", (int64_t)n - LIMIT_LIST_ROWS);
}

static void sources_json(struct control_ask *ask, const struct reg_connector *con)
{
    const struct registry *r = ask->core->turn->registry;
    size_t n = 0;

    json_open_array(ask->w, "sources");
    for (size_t i = 0; i < r->n_sources; i++) {
        if (strcmp(r->sources[i].connector, con->name) != 0)
            continue;
        if (n++ < LIMIT_LIST_ROWS)
            json_add_text(ask->w, NULL, view_of(r->sources[i].source));
    }
    json_close_array(ask->w);
    if (n > LIMIT_LIST_ROWS)
        json_add_int(ask->w, "sources_more", (int64_t)n - LIMIT_LIST_ROWS);
}

int verb_connector_show(struct control_ask *ask)
{
    struct dest *d = NULL;
    int rc = 0;
    const struct reg_connector *con = control_connector_named(ask, &rc);

    if (!con)
        return rc;
    d = queue_dest(ask->core->queue, DEST_CONNECTOR, view_of(con->name));
    json_open_object(ask->w, NULL);
    connector_row(ask, con);
    rotation_set_json(ask->w, "secret", &con->secret_set);
    rotation_set_json(ask->w, "token", &con->token_set);
    json_add_text(ask->w, "held",
                  d && dest_is_held(d) ? view_of(hold_reason_name(d->hold)) : VIEW_NONE);
    rc = d ? waiting_why_destination(ask->core, d, ask->w) : 0;
    json_add_int(ask->w, "waiting", d ? (int64_t)d->n_waiting : 0);
    accounts_json(ask, con);
    sources_json(ask, con);
    json_open_array(ask->w, "shares");
    shares_json(ask->core, view_of(con->name), ask->w);
    json_close_array(ask->w);
    json_open_array(ask->w, "account_shares");
    shares_accounts_json(ask->core, view_of(con->name), ask->w);
    json_close_array(ask->w);
    json_close_object(ask->w);
    return rc;
}
