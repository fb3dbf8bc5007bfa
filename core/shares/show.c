/* Shares, for people: amoctl, doctor, figures.
 *
 * From: control, doctor, watch.c. To: nobody. Holds: nothing. */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
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

void shares_words(const struct core *c, struct view connector, struct view scope,
                  struct buf *ret_words)
{
    const struct over_list *l = &c->shares->over;
    char iso[CLOCK_ISO_LEN + 1];

    for (size_t i = 0; i < l->n; i++) {
        const struct over *o = &l->rows[i];

        if (!view_is(connector, o->connector) || (scope.len && !view_is(scope, o->scope)))
            continue;
        clock_format_iso(o->since_unix_ms, iso);
        (void)buf_add_f(ret_words, "over its share of the %s since %s", share_name(o->share),
                        iso); /* cut is fine, here and below */
        if (o->scope[0] && !scope.len)
            (void)buf_add_f(ret_words, " for account %s", o->scope);
        (void)buf_add_f(ret_words, ": %s", words_of(o));
        return;
    }
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

/* What a connector has now. */
struct having {
    const char *connector;
    struct parts parts;
    struct amount amounts[SHARES];
};

/* Cleared before; parts_fini() in any case. */
static bool having_now(struct core *c, const char *connector, struct having *ret)
{
    struct store_share rooms[STORE_ROOMS];

    ret->connector = connector;
    if (shares_rooms(c, connector, rooms) || parts_read(c, connector, &ret->parts))
        return false;
    shares_amounts(c, connector, rooms, &ret->parts, ret->amounts);
    return true;
}

void shares_json(struct core *c, struct view connector, struct json_writer *w)
{
    const struct reg_connector *con = registry_connector(c->turn->registry, connector);
    struct having h = {0};
    bool fine = con && having_now(c, con->name, &h);

    for (int i = 0; fine && i < SHARES; i++) {
        const struct amount *a = &h.amounts[i];

        json_open_object(w, NULL);
        add_share(w, (enum share)i, a->used, a->limit,
                  over_find(c->shares, con->name, "", (enum share)i));
        if (a->counted != a->used)
            json_add_int(w, "counted", a->counted);
        json_close_object(w);
    }
    parts_fini(&h.parts);
}

static void add_part(struct core *c, const struct having *h, const struct part *part,
                     enum share share, struct json_writer *w)
{
    const struct amount *a = &h->amounts[share];
    int64_t used = part->used[share];
    int64_t limit = share_is_of_accounts(share)
                        ? limit_account(a->limit, a->used - used, h->parts.accounts)
                        : SHARE_UNLIMITED;

    add_share(w, share, used, limit, over_find(c->shares, h->connector, part->scope, share));
}

/* Is it over, or has it an even part or more? */
static bool is_worth_showing(struct core *c, const struct having *h, const struct part *part,
                             enum share share)
{
    return part->used[share] >= limit_even(h->amounts[share].limit, h->parts.accounts) ||
           over_find(c->shares, h->connector, part->scope, share);
}

void shares_accounts_json(struct core *c, struct view connector, struct json_writer *w)
{
    const struct reg_connector *con = registry_connector(c->turn->registry, connector);
    struct having h = {0};
    size_t n = 0;

    if (!con || !having_now(c, con->name, &h) || h.parts.accounts < 2)
        h.parts.n = 0;
    for (size_t k = 0; k < h.parts.n && n < LIMIT_LIST_ROWS; k++) {
        const struct part *part = &h.parts.rows[k];

        for (int i = 0; i < SHARES && n < LIMIT_LIST_ROWS; i++) {
            if (!is_worth_showing(c, &h, part, (enum share)i))
                continue;
            n++;
            json_open_object(w, NULL);
            json_add_text(w, "scope_id", view_of(part->scope));
            add_part(c, &h, part, (enum share)i, w);
            json_close_object(w);
        }
    }
    parts_fini(&h.parts);
}

void shares_account_json(struct core *c, const struct reg_scope *scope, struct json_writer *w)
{
    struct part part = {.scope = ""};
    struct having h = {0};

    if (view_copy(view_of(scope->id), part.scope, sizeof(part.scope)) ||
        !having_now(c, scope->connector, &h))
        goto out;
    for (size_t k = 0; k < h.parts.n; k++) {
        if (strcmp(h.parts.rows[k].scope, scope->id) == 0)
            part = h.parts.rows[k];
    }
    for (int i = 0; i < SHARES; i++) {
        if (i == SHARE_WAITING)
            continue; /* nobody knows whom it is for */
        json_open_object(w, NULL);
        add_part(c, &h, &part, (enum share)i, w);
        json_close_object(w);
    }
out:
    parts_fini(&h.parts);
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
