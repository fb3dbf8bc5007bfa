/* Who is over a share, told to the ingresses.
 *
 * From: shares.c, frames.c at a WELCOME. To: every ingress (SHARES).
 * Holds: nothing. */

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "core/peers/peers.h"
#include "core/shares/private.h"
#include "proto/limits.h"
#include "proto/session.h"

/* Rows for one account alone; of more than these those are told which are over their limit by most. Whoever is
 * not told goes on until that is he. */
#define TOLD_ACCOUNTS_MAX 1024
/* A long list is told less often: it has about a hundred bytes a row. */
#define TOLD_PER_MS       8

static size_t n_wholes(const struct shares *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->over.n; i++)
        n += s->over.rows[i].scope[0] == '\0';
    return n;
}

static double times_over(const struct over *o)
{
    return (double)o->used / (double)(o->limit > 0 ? o->limit : 1);
}

static int by_excess(const void *a, const void *b)
{
    double left = times_over(*(const struct over *const *)a);
    double right = times_over(*(const struct over *const *)b);

    return left < right ? 1 : left > right ? -1 : 0;
}

static int add_row(struct buf *out, const struct over *o)
{
    const struct share_over told = {.connector = view_of(o->connector),
                                    .scope = view_of(o->scope),
                                    .share = view_of(share_name(o->share)),
                                    .reports = share_is_of_reports(o->share),
                                    .retry_s = (uint64_t)o->retry_s};

    return shares_add(out, &told);
}

static int add_accounts(const struct shares *s, size_t n, struct buf *out)
{
    size_t told = n < TOLD_ACCOUNTS_MAX ? n : TOLD_ACCOUNTS_MAX;
    const struct over **rows = mem_zalloc_array(n, sizeof(struct over *));
    size_t k = 0;
    int rc = rows ? shares_accounts(out, told) : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < s->over.n; i++) {
        if (s->over.rows[i].scope[0])
            rows[k++] = &s->over.rows[i];
    }
    if (rc == 0 && n > told)
        qsort(rows, n, sizeof(struct over *), by_excess);
    for (size_t i = 0; rc == 0 && i < told; i++)
        rc = add_row(out, rows[i]);
    mem_free(rows);
    return rc;
}

static int encode(const struct shares *s, struct buf *out)
{
    size_t wholes = n_wholes(s);
    size_t accounts = s->over.n - wholes;
    int rc = shares_begin(out, wholes, accounts > 0);

    for (size_t i = 0; rc == 0 && i < s->over.n; i++) {
        if (!s->over.rows[i].scope[0])
            rc = add_row(out, &s->over.rows[i]);
    }
    return rc == 0 && accounts ? add_accounts(s, accounts, out) : rc;
}

void shares_tell(struct core *c, struct peer *p)
{
    struct buf body;

    if (p->role != ROLE_INGRESS)
        return;
    if (c->shares->looked_mono_ms == 0)
        shares_find(
            c, clock_mono_ms()); /* what was left by core's last life; the tick is to come */
    if (c->shares->over.n == 0)
        return; /* at a WELCOME an ingress forgets what it was told before */
    buf_init(&body, LIMIT_FRAME_BYTES);
    /* no memory: it is told again */
    if (encode(c->shares, &body) == 0)
        (void)!peer_post(c, p, MSG_SHARES, NULL, buf_view(&body));
    buf_fini(&body);
}

bool shares_is_to_tell(const struct shares *s, int64_t now_mono_ms)
{
    int64_t since_ms = now_mono_ms - s->told_mono_ms;

    return (s->changed && since_ms >= (int64_t)(s->over.n / TOLD_PER_MS)) ||
           (s->over.n && since_ms >= LIMIT_SHARES_TOLD_MS);
}

void shares_tell_all(struct core *c, int64_t now_mono_ms)
{
    struct shares *s = c->shares;
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
