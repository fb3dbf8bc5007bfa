/* Who has how much of core, and who has too much.
 *
 * From: intake.c, after each frame; the tick. To: every ingress (SHARES); the log; amoctl; figures.
 * Holds: who is over a share. The sums are the store's. */

#include "core/intake/shares.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/stats.h"
#include "core/intake/intake.h"
#include "core/peers/peers.h"
#include "core/store/shares.h"
#include "proto/limits.h"
#include "proto/session.h"

/* a look asks for every connector: 3 us each, so it takes a hundredth of core at most, or two */
#define LOOK_EVERY_MS 20
#define LOOK_PER_MS   5
/* who was over a share is so until this part of it is free again */
#define FREE_PART     8
/* a connector's name may have 20 signs */
#define NAME_ROOM     64
/* Retry-After, seconds: of what empties by itself within the hour, and of what a person empties */
#define RETRY_SOON_S  60
#define RETRY_LATE_S  600
#define RETRY_MAX_S   3600

/* One connector over one of its shares. */
struct over {
    char connector[NAME_ROOM];
    enum share share;
    int64_t since_unix_ms;
    int64_t retry_s;
    bool still; /* found again */
};

struct shares {
    struct over *over; /* owned */
    size_t n_over;
    size_t cap_over;
    bool changed;
    int64_t looked_mono_ms;
    int64_t told_mono_ms;
};

static const struct {
    const char *name;
    bool reports; /* being over it closes the door to statuses, edits and reactions alone */
} kinds[SHARES] = {
    [SHARE_QUEUE] = {"queue",      false},
      [SHARE_WAITING] = {"waiting",    true },
    [SHARE_QUARANTINE] = {"quarantine", false},
      [SHARE_REPORTS] = {"reports",    true },
    [SHARE_BYTES] = {"bytes",      false},
};

const char *share_name(enum share share)
{
    return kinds[share].name;
}

int shares_new(struct core *c)
{
    c->intake->shares = mem_zalloc(sizeof(*c->intake->shares));
    return c->intake->shares ? 0 : -ENOMEM;
}

void shares_free(struct core *c)
{
    if (!c->intake->shares)
        return;
    mem_free(c->intake->shares->over);
    mem_free(c->intake->shares);
    c->intake->shares = NULL;
}

void shares_who(struct view connector, struct view scope, char ret[LIMIT_ID + 2])
{
    struct view name = connector.len ? connector : scope;

    (void)snprintf(ret, LIMIT_ID + 2, "%c%.*s", connector.len ? 'c' : 's', (int)name.len,
                   name.ptr ? name.ptr : ""); /* event_decode bounds both */
}

/* --- limits --------------------------------------------------------------------------------- */

/* None. */
#define UNLIMITED INT64_MAX

static int64_t part_of(const struct core *c, int64_t whole)
{
    uint64_t percent = config_number(c->config, "share/percent");

    return percent && percent < 100 ? (int64_t)((double)whole / 100 * (double)percent) : whole;
}

static int64_t n_accounts(const struct registry *r, const char *connector)
{
    int64_t n = 0;

    for (size_t i = 0; i < r->n_scopes; i++)
        n += !r->scopes[i].disconnected && strcmp(r->scopes[i].connector, connector) == 0;
    return n;
}

/* What its accounts take in the time that is allowed, but no more than the part of the queue that one may
 * have, nor, all connectors together, than half of it. Nobody has less than the floor. */
static int64_t queue_limit(const struct core *c, const char *connector)
{
    const struct registry *r = c->turn->registry;
    uint64_t whole = c->queue->max ? c->queue->max : LIMIT_COMMANDS;
    uint64_t floor = config_number(c->config, "share/commands");
    uint64_t rate = config_number(c->config, "scope/rate") * (uint64_t)n_accounts(r, connector);
    uint64_t limit = (uint64_t)part_of(c, (int64_t)whole);
    uint64_t wanted = 0;

    if (floor == 0)
        return UNLIMITED;
    limit = num_min(limit, whole / 2 / num_max(r->n_connectors, 1));
    if (rate && num_mul(rate, config_number(c->config, "share/queue_s"), &wanted) == 0 &&
        wanted)
        limit = num_min(limit, wanted);
    return (int64_t)num_min(num_max(limit, floor), UNLIMITED);
}

static int64_t limit_or_none(const struct core *c, const char *key)
{
    uint64_t n = config_number(c->config, key);

    return n ? (int64_t)num_min(n, UNLIMITED) : UNLIMITED;
}

static int64_t share_limit(const struct core *c, enum share share, const char *connector)
{
    switch (share) {
    case SHARE_QUEUE:
        return queue_limit(c, connector);
    case SHARE_WAITING:
        return part_of(c, LIMIT_WAITING);
    case SHARE_QUARANTINE:
    case SHARE_REPORTS:
        return limit_or_none(c, "share/quarantine");
    case SHARE_BYTES:
        return limit_or_none(c, "share/bytes");
    case SHARES:
        break;
    }
    return UNLIMITED;
}

/* --- how much ------------------------------------------------------------------------------- */

static int64_t share_used(const struct store_share rooms[STORE_ROOMS], enum share share)
{
    int64_t bytes = 0;

    switch (share) {
    case SHARE_QUEUE:
        return rooms[STORE_ROOM_QUEUE].n;
    case SHARE_WAITING:
        return rooms[STORE_ROOM_WAITING].n;
    case SHARE_QUARANTINE:
        return rooms[STORE_ROOM_QUARANTINE].n;
    case SHARE_REPORTS:
        return rooms[STORE_ROOM_REPORTS].n;
    case SHARE_BYTES:
        for (int i = 1; i < STORE_ROOMS; i++)
            bytes += rooms[i].bytes;
        return bytes;
    case SHARES:
        break;
    }
    return 0;
}

static int connector_rooms(struct core *c, const char *connector,
                           struct store_share ret[STORE_ROOMS])
{
    char who[LIMIT_ID + 2];

    shares_who(view_cut(view_of(connector), LIMIT_ID), VIEW_NONE, who);
    return store_shares_of(c->store, who, ret);
}

bool shares_may_wait(struct core *c, bool echo)
{
    const struct registry *r = c->turn->registry;
    int64_t more = echo ? LIMIT_WAITING_ECHO : 0;
    int64_t even = LIMIT_WAITING / (int64_t)(r->n_connectors + r->n_scopes + 1);
    struct store_share rooms[STORE_ROOMS];
    int64_t n = 0;

    if (store_shares_of(c->store, c->intake->who, rooms))
        return false; /* what is wrong with the store is told by what is written next */
    n = rooms[STORE_ROOM_WAITING].n;
    return n < part_of(c, LIMIT_WAITING + more) &&
           (c->intake->n_deferred < LIMIT_WAITING + more ||
            (n < even && c->intake->n_deferred < LIMIT_WAITING_ALL + more));
}

/* --- who is over ---------------------------------------------------------------------------- */

static struct over *over_find(struct shares *s, const char *connector, enum share share)
{
    for (size_t i = 0; i < s->n_over; i++) {
        if (s->over[i].share == share && strcmp(s->over[i].connector, connector) == 0)
            return &s->over[i];
    }
    return NULL;
}

/* NULL: no memory; it is found again. */
static struct over *over_add(struct shares *s, const char *connector, enum share share)
{
    size_t cap = s->cap_over ? s->cap_over * 2 : 16;
    struct over *o = NULL;

    if (s->n_over == s->cap_over) {
        o = mem_realloc(s->over, cap * sizeof(*o));
        if (!o)
            return NULL;
        s->over = o;
        s->cap_over = cap;
    }
    o = &s->over[s->n_over++];
    *o = (struct over){.share = share, .since_unix_ms = clock_unix_ms()};
    (void)snprintf(o->connector, sizeof(o->connector), "%s", connector); /* was measured */
    s->changed = true;
    return o;
}

/* When may there be room again? A guess: whoever comes too early hears it again. */
static int64_t retry_after(const struct core *c, const char *connector, enum share share,
                           int64_t too_many)
{
    int64_t rate = (int64_t)config_number(c->config, "scope/rate") *
                   n_accounts(c->turn->registry, connector);
    int64_t s = RETRY_SOON_S;

    if (share == SHARE_QUARANTINE || share == SHARE_REPORTS)
        s = RETRY_LATE_S;
    if (share == SHARE_QUEUE)
        s = rate > 0 ? 1 + too_many / rate : 1;
    return s < RETRY_MAX_S ? s : RETRY_MAX_S;
}

static void look_at_share(struct core *c, const char *connector, enum share share, int64_t used)
{
    struct shares *s = c->intake->shares;
    int64_t limit = share_limit(c, share, connector);
    int64_t enough = limit - limit / FREE_PART;
    struct over *o = over_find(s, connector, share);
    bool was = o != NULL;

    if (used < (was ? enough : limit) || used == 0)
        return;
    o = was ? o : over_add(s, connector, share);
    if (!o)
        return;
    o->still = true;
    o->retry_s = retry_after(c, connector, share, used - enough);
    if (!was)
        log_line(LOG_LEVEL_WARN, "share.over", "connector=%s share=%s used=%lld limit=%lld",
                 connector, share_name(share), (long long)used, (long long)limit);
}

static void look_at_connector(struct core *c, const char *connector)
{
    struct store_share rooms[STORE_ROOMS];

    if (strlen(connector) >= NAME_ROOM || connector_rooms(c, connector, rooms))
        return;
    for (int i = 0; i < SHARES; i++)
        look_at_share(c, connector, (enum share)i, share_used(rooms, (enum share)i));
}

static void drop_those_under(struct shares *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->n_over; i++) {
        if (s->over[i].still) {
            s->over[kept++] = s->over[i];
            continue;
        }
        log_line(LOG_LEVEL_INFO, "share.room", "connector=%s share=%s", s->over[i].connector,
                 share_name(s->over[i].share));
        s->changed = true;
    }
    s->n_over = kept;
}

/* --- telling -------------------------------------------------------------------------------- */

static int encode(const struct shares *s, struct buf *out)
{
    int rc = shares_begin(out, s->n_over);

    for (size_t i = 0; rc == 0 && i < s->n_over; i++) {
        const struct over *o = &s->over[i];
        const struct share_over told = {.connector = view_of(o->connector),
                                        .share = view_of(share_name(o->share)),
                                        .reports = kinds[o->share].reports,
                                        .retry_s = (uint64_t)o->retry_s};

        rc = shares_add(out, &told);
    }
    return rc;
}

void shares_tell(struct core *c, struct peer *p)
{
    struct shares *s = c->intake->shares;
    struct buf body;

    if (p->role != ROLE_INGRESS || s->n_over == 0)
        return; /* at a WELCOME an ingress forgets what it was told before */
    buf_init(&body, LIMIT_FRAME_BYTES);
    /* no memory: it is told again */
    if (encode(s, &body) == 0)
        (void)!peer_post(c, p, MSG_SHARES, NULL, buf_view(&body));
    buf_fini(&body);
}

static void tell_all(struct core *c, int64_t now_mono_ms)
{
    struct shares *s = c->intake->shares;
    struct buf body;

    buf_init(&body, LIMIT_FRAME_BYTES);
    if (encode(s, &body) == 0) {
        for (struct list *i = c->peers->list.next; i != &c->peers->list; i = i->next) {
            struct peer *p = LIST_ENTRY(i, struct peer, link);

            if (p->role == ROLE_INGRESS && !p->ended)
                peer_send(c, p, MSG_SHARES, NULL, buf_view(&body));
        }
        s->changed = false;
        s->told_mono_ms = now_mono_ms;
    }
    buf_fini(&body);
}

static void look(struct core *c, int64_t now_mono_ms)
{
    const struct registry *r = c->turn->registry;
    struct shares *s = c->intake->shares;

    s->looked_mono_ms = now_mono_ms;
    for (size_t i = 0; i < s->n_over; i++)
        s->over[i].still = false;
    for (size_t i = 0; i < r->n_connectors; i++)
        look_at_connector(c, r->connectors[i].name);
    drop_those_under(s);
    if (s->changed || (s->n_over && now_mono_ms - s->told_mono_ms >= LIMIT_SHARES_TOLD_MS))
        tell_all(c, now_mono_ms);
}

void shares_look(struct core *c, int64_t now_mono_ms)
{
    int64_t every_ms = LOOK_EVERY_MS + (int64_t)c->turn->registry->n_connectors / LOOK_PER_MS;

    if (!c->turn->exit_code && now_mono_ms - c->intake->shares->looked_mono_ms >= every_ms)
        look(c, now_mono_ms);
}

void shares_tick(struct core *c, int64_t now_mono_ms)
{
    if (!c->turn->exit_code)
        look(c, now_mono_ms);
}

/* --- for people ----------------------------------------------------------------------------- */

size_t shares_over(const struct core *c, struct buf *ret_names)
{
    const struct shares *s = c->intake->shares;

    for (size_t i = 0; i < s->n_over; i++)
        (void)buf_add_f(ret_names, " %s (%s)", s->over[i].connector,
                        share_name(s->over[i].share)); /* cut is fine */
    return s->n_over;
}

void shares_json(struct core *c, struct view connector, struct json_writer *w)
{
    const struct reg_connector *con = registry_connector(c->turn->registry, connector);
    struct store_share rooms[STORE_ROOMS];

    if (!con || connector_rooms(c, con->name, rooms))
        return;
    for (int i = 0; i < SHARES; i++) {
        const struct over *o = over_find(c->intake->shares, con->name, (enum share)i);
        int64_t limit = share_limit(c, (enum share)i, con->name);
        char since[CLOCK_ISO_LEN + 1];

        clock_format_iso(o ? o->since_unix_ms : 0, since);
        json_open_object(w, NULL);
        json_add_text(w, "share", view_of(share_name((enum share)i)));
        json_add_int(w, "used", share_used(rooms, (enum share)i));
        if (limit != UNLIMITED)
            json_add_int(w, "limit", limit);
        json_add_text(w, "over_since", o ? view_of(since) : VIEW_NONE);
        json_close_object(w);
    }
}

void shares_gauges(struct core *c)
{
    const struct registry *r = c->turn->registry;
    struct stat_rows *rows[SHARES];

    for (int i = 0; i < SHARES; i++) {
        char labels[40];

        (void)snprintf(labels, sizeof(labels), "share=\"%s\"",
                       share_name((enum share)i)); /* fits */
        rows[i] = stats_gauge_rows(c->stats, "amo_share_used", labels, "connector",
                                   "what a connector has in core");
        stat_rows_clear(rows[i]);
    }
    for (size_t k = 0; k < r->n_connectors; k++) {
        struct store_share rooms[STORE_ROOMS];

        if (connector_rooms(c, r->connectors[k].name, rooms))
            return; /* the next commit says what is wrong with the store */
        for (int i = 0; i < SHARES; i++)
            stat_rows_put(rows[i], view_of(r->connectors[k].name),
                          (double)share_used(rooms, (enum share)i));
    }
    stat_set(stats_gauge(c->stats, "amo_shares_over", "",
                         "shares that some connector is over: it is refused with 429"),
             (double)c->intake->shares->n_over);
}
