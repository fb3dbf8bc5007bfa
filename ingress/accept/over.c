/* Who is over a share of core.
 *
 * From: push.c (SHARES). To: the connector routes, at the head of a request and when a message's source is known.
 * Holds: core's last list. */

#include "ingress/accept/over.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "proto/limits.h"
#include "proto/session.h"

/* of one list; an honest core has some tens of connectors */
#define ROWS_MAX    4096U
/* no longer than this, whatever core says: it says it again */
#define RETRY_S_MAX 3600U
/* A row holds no shorter than this, however soon the caller may ask again: core says it again only so often,
 * and between two lists nobody may get past a share. Twice, because a list may be late. */
#define HOLDS_MS    (2LL * LIMIT_SHARES_TOLD_MS)

void over_init(struct over *o)
{
    memset(o, 0, sizeof(*o));
}

void over_fini(struct over *o)
{
    over_forget(o);
}

void over_forget(struct over *o)
{
    mem_free(o->rows);
    o->rows = NULL;
    o->n = o->cap = 0;
}

struct hearing {
    struct over *over;
    int64_t now_mono_ms;
};

static int grow(struct over *o)
{
    size_t cap = o->cap ? o->cap * 2 : 16;
    struct over_row *rows = mem_realloc(o->rows, cap * sizeof(*rows));

    if (!rows)
        return -ENOMEM;
    o->rows = rows;
    o->cap = cap;
    return 0;
}

static void hear_one(void *arg, const struct share_over *told)
{
    const struct hearing *h = arg;
    struct over *o = h->over;
    struct over_row row = {.reports = told->reports};
    int64_t ms = (int64_t)num_min(told->retry_s, RETRY_S_MAX) * 1000;

    if (o->n == ROWS_MAX || view_copy(told->connector, row.connector, sizeof(row.connector)) ||
        view_copy(told->scope, row.scope, sizeof(row.scope)) ||
        view_copy(told->share, row.share, sizeof(row.share)))
        return;
    row.retry_ms = h->now_mono_ms + ms;
    row.until_ms = h->now_mono_ms + (ms > HOLDS_MS ? ms : HOLDS_MS);
    if (o->n == o->cap && grow(o))
        return;
    o->rows[o->n++] = row;
}

void over_hear(struct over *o, struct view body, int64_t now_mono_ms)
{
    struct hearing h = {o, now_mono_ms};

    over_forget(o);
    if (shares_decode(body, hear_one, &h))
        log_line(LOG_LEVEL_ERROR, "shares.malformed", NULL);
}

static const struct over_row *find(const struct over *o, struct view connector,
                                   const char *scope, bool report, int64_t now_mono_ms)
{
    const struct over_row *found = NULL;

    for (size_t i = 0; i < o->n; i++) {
        const struct over_row *row = &o->rows[i];

        if (now_mono_ms < row->until_ms && (report || !row->reports) &&
            view_is(connector, row->connector) && strcmp(row->scope, scope) == 0 &&
            (!found || row->retry_ms > found->retry_ms))
            found = row;
    }
    return found;
}

const struct over_row *over_find(const struct over *o, struct view connector, bool report,
                                 int64_t now_mono_ms)
{
    return find(o, connector, "", report, now_mono_ms);
}

const struct over_row *over_find_account(const struct over *o, struct view connector,
                                         const char *scope, int64_t now_mono_ms)
{
    return scope[0] ? find(o, connector, scope, false, now_mono_ms) : NULL;
}

unsigned over_retry_s(const struct over_row *row, int64_t now_mono_ms)
{
    int64_t ms = row->retry_ms - now_mono_ms;

    return ms > 1000 ? (unsigned)((ms + 999) / 1000) : 1;
}
