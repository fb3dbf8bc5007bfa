/* Shares, for people: amoctl, doctor, figures.
 *
 * From: control, doctor, watch.c. To: nobody. Holds: nothing. */

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/stats.h"
#include "core/shares/limits.h"
#include "core/shares/private.h"
#include "proto/limits.h"

size_t shares_over(const struct core *c, struct buf *ret_names)
{
    const struct over_list *l = &c->shares->over;

    for (size_t i = 0; i < l->n; i++)
        (void)buf_add_f(ret_names, " %s%s%s (%s)", l->rows[i].connector,
                        l->rows[i].scope[0] ? " for " : "", l->rows[i].scope,
                        share_name(l->rows[i].share)); /* cut is fine */
    return l->n;
}

/* Who hears 429. */
static const char *words_of(const struct over *o)
{
    if (!o)
        return "";
    if (o->scope[0])
        return "its messages hear 429; the connector's other accounts go on";
    return share_is_of_reports(o->share) ? "statuses, edits and reactions hear 429"
                                         : "all that brings something hears 429";
}

static void add_share(struct json_writer *w, enum share share, int64_t used, int64_t limit,
                      const struct over *o)
{
    json_add_text(w, "share", view_of(share_name(share)));
    json_add_int(w, "used", used);
    if (limit != SHARE_UNLIMITED)
        json_add_int(w, "limit", limit);
    json_add_time(w, "over_since", o ? o->since_unix_ms : 0);
    if (o)
        json_add_text(w, "refused", view_of(words_of(o)));
}

/* What a connector has, and its parts; parts_fini() in any case. */
static bool amounts_now(struct core *c, const char *connector, struct parts *p,
                        struct amount ret[SHARES])
{
    struct store_share rooms[STORE_ROOMS];

    if (shares_rooms(c, connector, rooms) || parts_read(c, connector, p))
        return false;
    shares_amounts(c, connector, rooms, p, ret);
    return true;
}

void shares_json(struct core *c, struct view connector, struct json_writer *w)
{
    const struct reg_connector *con = registry_connector(c->turn->registry, connector);
    struct amount a[SHARES];
    struct parts p = {0};
    bool fine = con && amounts_now(c, con->name, &p, a);

    for (int i = 0; fine && i < SHARES; i++) {
        json_open_object(w, NULL);
        add_share(w, (enum share)i, a[i].used, a[i].limit,
                  over_find(c->shares, con->name, "", (enum share)i));
        if (a[i].counted != a[i].used)
            json_add_int(w, "counted", a[i].counted);
        json_close_object(w);
    }
    parts_fini(&p);
}

static void add_part(struct core *c, const char *connector, const struct part *part,
                     const struct parts *p, const struct amount a[SHARES], int i,
                     struct json_writer *w)
{
    int64_t limit = share_is_of_accounts((enum share)i)
                        ? limit_account(a[i].limit, a[i].used - part->used[i], p->accounts)
                        : SHARE_UNLIMITED;

    add_share(w, (enum share)i, part->used[i], limit,
              over_find(c->shares, connector, part->scope, (enum share)i));
}

void shares_accounts_json(struct core *c, struct view connector, struct json_writer *w)
{
    const struct reg_connector *con = registry_connector(c->turn->registry, connector);
    struct amount a[SHARES];
    struct parts p = {0};
    size_t n = 0;

    if (!con || !amounts_now(c, con->name, &p, a) || p.accounts < 2)
        p.n = 0;
    for (size_t k = 0; k < p.n; k++) {
        for (int i = 0; i < SHARES; i++) {
            const struct part *part = &p.rows[k];
            bool is_over = over_find(c->shares, con->name, part->scope, (enum share)i) != NULL;

            if ((!is_over && part->used[i] < limit_even(a[i].limit, p.accounts)) ||
                n++ >= LIMIT_LIST_ROWS)
                continue;
            json_open_object(w, NULL);
            json_add_text(w, "scope_id", view_of(part->scope));
            add_part(c, con->name, part, &p, a, i, w);
            json_close_object(w);
        }
    }
    parts_fini(&p);
}

void shares_account_json(struct core *c, const struct reg_scope *scope, struct json_writer *w)
{
    struct part part = {.scope = ""};
    struct amount a[SHARES];
    struct parts p = {0};

    if (view_copy(view_of(scope->id), part.scope, sizeof(part.scope)) ||
        !amounts_now(c, scope->connector, &p, a))
        goto out;
    for (size_t k = 0; k < p.n; k++) {
        if (strcmp(p.rows[k].scope, scope->id) == 0)
            part = p.rows[k];
    }
    for (int i = 0; i < SHARES; i++) {
        if (i == SHARE_WAITING)
            continue; /* nobody knows whom it is for */
        json_open_object(w, NULL);
        add_part(c, scope->connector, &part, &p, a, i, w);
        json_close_object(w);
    }
out:
    parts_fini(&p);
}

void shares_own_json(struct core *c, const struct reg_scope *scope, struct json_writer *w)
{
    struct store_share rooms[STORE_ROOMS];
    char who[LIMIT_ID + 2];

    shares_who(VIEW_NONE, view_cut(view_of(scope->id), LIMIT_ID), who);
    if (store_shares_of(c->store, who, rooms))
        return;
    for (int i = 0; i < SHARES; i++) {
        if (i == SHARE_REPORTS)
            continue; /* services have them */
        json_open_object(w, NULL);
        json_add_text(w, "share", view_of(share_name((enum share)i)));
        json_add_int(w, "used", share_used(rooms, (enum share)i));
        json_close_object(w);
    }
}

/* --- figures -------------------------------------------------------------------------------- */

static struct stat_rows *rows_of(struct core *c, const char *name, enum share share,
                                 const char *label, const char *help)
{
    struct stat_rows *ret = NULL;
    char labels[40];

    (void)snprintf(labels, sizeof(labels), "share=\"%s\"", share_name(share)); /* fits */
    ret = stats_gauge_rows(c->stats, name, labels, label, help);
    stat_rows_clear(ret);
    return ret;
}

static void gauge_over(struct core *c)
{
    const struct over_list *l = &c->shares->over;
    struct stat_rows *rows[SHARES];
    size_t accounts = 0;

    for (int i = 0; i < SHARES; i++)
        rows[i] = rows_of(c, "amo_account_share_used", (enum share)i, "scope",
                          "what a connector has for an account that is over it");
    for (size_t i = 0; i < l->n; i++) {
        if (!l->rows[i].scope[0])
            continue;
        accounts++;
        stat_rows_put(rows[l->rows[i].share], view_of(l->rows[i].scope),
                      (double)l->rows[i].used);
    }
    stat_set(stats_gauge(c->stats, "amo_shares_over", "",
                         "shares that some connector is over: it is refused with 429"),
             (double)(l->n - accounts));
    stat_set(stats_gauge(c->stats, "amo_account_shares_over", "",
                         "shares that some account is over: its messages are refused with 429"),
             (double)accounts);
}

void shares_gauges(struct core *c)
{
    const struct registry *r = c->turn->registry;
    struct stat_rows *rows[SHARES];

    for (int i = 0; i < SHARES; i++)
        rows[i] = rows_of(c, "amo_share_used", (enum share)i, "connector",
                          "what a connector has in core");
    gauge_over(c);
    for (size_t k = 0; k < r->n_connectors; k++) {
        struct store_share rooms[STORE_ROOMS];

        if (shares_rooms(c, r->connectors[k].name, rooms))
            return; /* the next commit says what is wrong with the store */
        for (int i = 0; i < SHARES; i++)
            stat_rows_put(rows[i], view_of(r->connectors[k].name),
                          (double)share_used(rooms, (enum share)i));
    }
}
