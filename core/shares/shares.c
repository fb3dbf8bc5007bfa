/* Who has too much of core.
 *
 * From: intake.c, after each frame; the tick. To: tell.c, and by it every ingress; the log.
 * Holds: who is over a share. The sums are the store's. */

#include "core/shares/shares.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/shares/limits.h"
#include "core/shares/private.h"

/* a look asks for every connector: 2 us each, and for the accounts of those that have much, so it takes a
 * hundredth of core at most, or two */
#define LOOK_EVERY_MS 20
#define LOOK_PER_MS   5
#define PARTS_PER_MS  5
/* who was over a share is so until this part of it is free again */
#define FREE_PART     8
/* Retry-After, seconds: of what empties by itself within the hour, and of what a person empties */
#define RETRY_SOON_S  60
#define RETRY_LATE_S  600
#define RETRY_MAX_S   3600

static const struct {
    const char *name;
    bool reports; /* being over it closes the door to statuses, edits and reactions alone */
    bool
        accounts; /* and to messages for one account alone; of a report the door cannot tell which it is for */
} kinds[SHARES] = {
    [SHARE_QUEUE] = {.name = "queue",      .accounts = true},
    [SHARE_WAITING] = {.name = "waiting",    .reports = true },
    [SHARE_QUARANTINE] = {.name = "quarantine", .accounts = true},
    [SHARE_REPORTS] = {.name = "reports",    .reports = true },
    [SHARE_BYTES] = {.name = "bytes",      .accounts = true},
};

const char *share_name(enum share share)
{
    return kinds[share].name;
}

bool share_is_of_accounts(enum share share)
{
    return kinds[share].accounts;
}

bool share_is_of_reports(enum share share)
{
    return kinds[share].reports;
}

int shares_new(struct core *c)
{
    c->shares = mem_zalloc(sizeof(*c->shares));
    return c->shares ? 0 : -ENOMEM;
}

void shares_free(struct core *c)
{
    if (!c->shares)
        return;
    parts_fini(&c->shares->parts);
    mem_free(c->shares->over.rows);
    mem_free(c->shares->next.rows);
    mem_free(c->shares);
    c->shares = NULL;
}

void shares_who(struct view connector, struct view scope, char ret[LIMIT_ID + 2])
{
    struct view name = connector.len ? connector : scope;

    (void)snprintf(ret, LIMIT_ID + 2, "%c%.*s", connector.len ? 'c' : 's', (int)name.len,
                   name.ptr ? name.ptr : ""); /* event_decode bounds both */
}

/* --- how much ------------------------------------------------------------------------------- */

int shares_rooms(struct core *c, const char *connector, struct store_share ret[STORE_ROOMS])
{
    char who[LIMIT_ID + 2];

    shares_who(view_cut(view_of(connector), LIMIT_ID), VIEW_NONE, who);
    return store_shares_of(c->store, who, ret);
}

/* What is left when of each account no more than an even part is counted: what waits for an account that
 * takes nothing must not be held against the others. */
static int64_t counted(const struct parts *p, enum share share, int64_t used, int64_t limit)
{
    int64_t even = limit_even(limit, p->accounts);

    for (size_t i = 0; i < p->n; i++) {
        if (p->rows[i].used[share] > even)
            used -= p->rows[i].used[share] - even;
    }
    return used;
}

void shares_amounts(struct core *c, const char *connector,
                    const struct store_share rooms[STORE_ROOMS], const struct parts *p,
                    struct amount ret[SHARES])
{
    size_t accounts = p ? p->accounts : 0;

    /* this goes through all accounts of the bridge, and limits the queue alone */
    if (!p && rooms[STORE_ROOM_QUEUE].n > 0)
        accounts = parts_connected(c->turn->registry, connector);
    for (int i = 0; i < SHARES; i++) {
        enum share share = (enum share)i;
        int64_t used = share_used(rooms, share);
        int64_t limit = limit_connector(c, share, accounts);

        ret[i] = (struct amount){.used = used,
                                 .counted = p ? counted(p, share, used, limit) : used,
                                 .limit = limit,
                                 .in_all = limit_in_all(c, share, limit)};
    }
}

bool shares_may_wait(struct core *c, const char *who, int64_t n_waiting, bool echo)
{
    const struct registry *r = c->turn->registry;
    int64_t more = echo ? LIMIT_WAITING_ECHO : 0;
    int64_t even = LIMIT_WAITING / (int64_t)(r->n_connectors + r->n_scopes + 1);
    struct store_share rooms[STORE_ROOMS];
    int64_t n = 0;

    if (store_shares_of(c->store, who, rooms))
        return false; /* what is wrong with the store is told by what is written next */
    n = rooms[STORE_ROOM_WAITING].n;
    return n < limit_waiting(c, more) && (n_waiting < LIMIT_WAITING + more ||
                                          (n < even && n_waiting < LIMIT_WAITING_ALL + more));
}

/* --- who is over ---------------------------------------------------------------------------- */

static int over_compare(const struct over *a, const struct over *b)
{
    int order = strcmp(a->connector, b->connector);

    order = order ? order : strcmp(a->scope, b->scope);
    return order ? order : (int)a->share - (int)b->share;
}

const struct over *over_find(const struct shares *s, const char *connector, const char *scope,
                             enum share share)
{
    struct over wanted = {.share = share};
    size_t low = 0;
    size_t high = s->over.n;

    (void)snprintf(wanted.connector, sizeof(wanted.connector), "%s", connector);
    (void)snprintf(wanted.scope, sizeof(wanted.scope), "%s", scope); /* both were measured */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = over_compare(&s->over.rows[middle], &wanted);

        if (order == 0)
            return &s->over.rows[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Without memory it is found again. */
static void over_add(struct over_list *l, const struct over *row)
{
    size_t cap = l->cap ? l->cap * 2 : 16;
    struct over *rows = NULL;

    if (l->n == l->cap) {
        rows = mem_realloc(l->rows, cap * sizeof(*rows));
        if (!rows)
            return;
        l->rows = rows;
        l->cap = cap;
    }
    l->rows[l->n++] = *row;
}

static int64_t enough(int64_t limit)
{
    return limit - limit / FREE_PART;
}

static bool exceeds(int64_t used, int64_t limit, bool was)
{
    return used > 0 && used >= (was ? enough(limit) : limit);
}

/* When may there be room again? A guess: whoever comes too early hears it again. */
static int64_t retry_after(enum share share, int64_t rate, int64_t too_many)
{
    int64_t s = RETRY_SOON_S;

    if (share == SHARE_QUARANTINE || share == SHARE_REPORTS)
        s = RETRY_LATE_S;
    if (share == SHARE_QUEUE)
        s = rate > 0 ? 1 + (too_many > 0 ? too_many : 0) / rate : 1;
    return s < RETRY_MAX_S ? s : RETRY_MAX_S;
}

static void look_at_whole(struct core *c, const char *connector, enum share share,
                          const struct amount *a)
{
    struct shares *s = c->shares;
    const struct over *was = over_find(s, connector, "", share);
    bool too_much = exceeds(a->used, a->in_all, was != NULL);
    struct over row = {.share = share, .used = a->counted, .limit = a->limit};
    int64_t rate = 0;

    if (!too_much && !exceeds(a->counted, a->limit, was != NULL))
        return;
    rate = (int64_t)(config_number(c->config, "scope/rate") *
                     parts_connected(c->turn->registry, connector));
    if (too_much) {
        row.used = a->used;
        row.limit = a->in_all;
    }
    row.since_unix_ms = was ? was->since_unix_ms : clock_unix_ms();
    row.retry_s = retry_after(share, rate, row.used - enough(row.limit));
    (void)snprintf(row.connector, sizeof(row.connector), "%s", connector); /* was measured */
    over_add(&s->next, &row);
}

/* Nothing of it goes before somebody has done something. */
static bool is_stopped(struct core *c, const char *scope)
{
    const struct reg_scope *r = registry_scope(c->turn->registry, view_of(scope));
    const struct dest *d =
        r ? queue_dest(c->queue, DEST_SCOPE, view_of(scope)) : NULL; /* it has one */

    return !r || r->paused || r->disconnected || (d && dest_is_held(d));
}

static void look_at_part(struct core *c, const char *connector, const struct part *p,
                         enum share share, const struct amount *a)
{
    struct shares *s = c->shares;
    int64_t limit = limit_account(a->limit, a->used - p->used[share], s->parts.accounts);
    struct over row = {.share = share, .used = p->used[share], .limit = limit};
    const struct over *was = NULL;

    if (!exceeds(row.used, limit, true))
        return;
    was = over_find(s, connector, p->scope, share);
    if (!exceeds(row.used, limit, was != NULL))
        return;
    row.since_unix_ms = was ? was->since_unix_ms : clock_unix_ms();
    row.retry_s = share == SHARE_QUEUE && is_stopped(c, p->scope)
                      ? RETRY_SOON_S
                      : retry_after(share, (int64_t)config_number(c->config, "scope/rate"),
                                    row.used - enough(limit));
    (void)snprintf(row.connector, sizeof(row.connector), "%s", connector); /* was measured */
    memcpy(row.scope, p->scope, sizeof(row.scope));
    over_add(&s->next, &row);
}

/* With less than half of a share no account can be over what it may have of it. */
static bool has_half(const struct amount a[SHARES])
{
    for (int i = 0; i < SHARES; i++) {
        if (a[i].limit != SHARE_UNLIMITED && a[i].used > 0 && a[i].used >= a[i].limit / 2)
            return true;
    }
    return false;
}

/* Parts behind the whole, so that the list is in order. */
static void look_at_connector(struct core *c, const char *connector)
{
    struct store_share rooms[STORE_ROOMS];
    struct shares *s = c->shares;
    struct amount a[SHARES];
    bool read = false;

    if (strlen(connector) >= NAME_ROOM || shares_rooms(c, connector, rooms))
        return;
    shares_amounts(c, connector, rooms, NULL, a);
    if (has_half(a)) {
        read = parts_read(c, connector, &s->parts) == 0; /* no memory: as a whole */
        s->n_read += s->parts.n;
    }
    if (read)
        shares_amounts(c, connector, rooms, &s->parts, a);
    for (int i = 0; i < SHARES; i++)
        look_at_whole(c, connector, (enum share)i, &a[i]);
    for (size_t k = 0; read && k < s->parts.n; k++) {
        for (int i = 0; i < SHARES; i++) {
            if (kinds[i].accounts)
                look_at_part(c, connector, &s->parts.rows[k], (enum share)i, &a[i]);
        }
    }
}

static void say(const struct over *o, bool over)
{
    char space[LOG_VALUE_MAX];
    const char *scope = log_value(view_of(o->scope), space);
    const char *share = share_name(o->share);

    if (!over && o->scope[0])
        log_often(LOG_LEVEL_INFO, "share.room", view_of(o->scope),
                  "connector=%s scope=%s share=%s", o->connector, scope, share);
    else if (!over)
        log_line(LOG_LEVEL_INFO, "share.room", "connector=%s share=%s", o->connector, share);
    else if (o->scope[0])
        log_often(LOG_LEVEL_WARN, "share.over", view_of(o->scope),
                  "connector=%s scope=%s share=%s used=%lld limit=%lld", o->connector, scope,
                  share, (long long)o->used, (long long)o->limit);
    else
        log_line(LOG_LEVEL_WARN, "share.over", "connector=%s share=%s used=%lld limit=%lld",
                 o->connector, share, (long long)o->used, (long long)o->limit);
}

/* What was found takes the place of what was. Both are in order, because registry and parts are. */
static void take_over(struct shares *s)
{
    struct over_list was = s->over;
    size_t i = 0;
    size_t k = 0;

    while (i < was.n || k < s->next.n) {
        int order = i == was.n       ? 1
                    : k == s->next.n ? -1
                                     : over_compare(&was.rows[i], &s->next.rows[k]);

        if (order)
            say(order < 0 ? &was.rows[i] : &s->next.rows[k], order > 0);
        s->changed = s->changed || order;
        i += order <= 0;
        k += order >= 0;
    }
    s->over = s->next;
    s->next = was;
}

void shares_find(struct core *c, int64_t now_mono_ms)
{
    const struct registry *r = c->turn->registry;
    struct shares *s = c->shares;

    s->looked_mono_ms = now_mono_ms;
    s->n_read = 0;
    s->next.n = 0;
    for (size_t i = 0; i < r->n_connectors; i++)
        look_at_connector(c, r->connectors[i].name);
    take_over(s);
}

static void look(struct core *c, int64_t now_mono_ms)
{
    shares_find(c, now_mono_ms);
    if (shares_is_to_tell(c->shares, now_mono_ms))
        shares_tell_all(c, now_mono_ms);
}

void shares_look(struct core *c, int64_t now_mono_ms)
{
    int64_t every_ms = LOOK_EVERY_MS + (int64_t)c->turn->registry->n_connectors / LOOK_PER_MS +
                       (int64_t)c->shares->n_read / PARTS_PER_MS;

    if (!c->turn->exit_code && now_mono_ms - c->shares->looked_mono_ms >= every_ms)
        look(c, now_mono_ms);
}

void shares_tick(struct core *c, int64_t now_mono_ms)
{
    if (!c->turn->exit_code)
        look(c, now_mono_ms);
}
