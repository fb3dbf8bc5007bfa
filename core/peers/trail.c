/* A table of kinds of refusals by ingress.
 *
 * From: frames.c, a heartbeat. To: doctor. Holds: the table. */

#include "core/peers/trail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "core/peers/peers.h"

#define HOUR_MS 3600000

void trail_free(struct core *c)
{
    mem_free(c->peers->trail.rows);
    c->peers->trail = (struct trail){0};
}

/* --- hearing ------------------------------------------------------------------------------ */

/* Whoever has taken over an ingress says what he likes: it is shown on a terminal. */
static void copy_plain(struct view v, char *to, size_t max)
{
    size_t n = 0;

    for (; n < v.len && n < max; n++)
        to[n] = (char)(v.ptr[n] > ' ' && v.ptr[n] <= '~' ? v.ptr[n] : '_');
    to[n] = '\0';
}

static bool is_known(const struct core *c, enum refusal_side side, struct view name)
{
    const struct registry *r = c->turn->registry;

    return side == REFUSAL_CHANNEL ? registry_channel(r, name) != NULL
                                   : registry_connector(r, name) != NULL;
}

static bool is_kind(const struct trail_row *a, const struct trail_row *b)
{
    return a->side == b->side && a->status == b->status && a->verified == b->verified &&
           strcmp(a->name, b->name) == 0 && strcmp(a->code, b->code) == 0 &&
           strcmp(a->field, b->field) == 0 && strcmp(a->reason, b->reason) == 0;
}

/* False: it is none. */
static bool row_of_refusal(const struct core *c, const struct peer *p, const struct refusal *r,
                           struct trail_row *ret)
{
    int64_t now = clock_unix_ms();

    memset(ret, 0, sizeof(*ret));
    if ((r->side != REFUSAL_CHANNEL && r->side != REFUSAL_CONNECTOR) || r->status < 400 ||
        r->status > 599 || r->n == 0 || r->name.len > TRAIL_NAME ||
        !is_known(c, (enum refusal_side)r->side, r->name))
        return false;
    memcpy(ret->ingress, p->name, sizeof(ret->ingress));
    memcpy(ret->name, r->name.ptr, r->name.len);
    ret->side = (enum refusal_side)r->side;
    ret->status = (unsigned)r->status;
    ret->verified = r->verified;
    copy_plain(r->code, ret->code, REFUSAL_WORD);
    copy_plain(r->field, ret->field, REFUSAL_TEXT);
    copy_plain(r->reason, ret->reason, REFUSAL_WORD);
    copy_plain(r->id, ret->id, REFUSAL_TEXT);
    copy_plain(r->from, ret->from, REFUSAL_TEXT);
    ret->n = r->n;
    ret->told_since_ms = r->since_ms;
    ret->last_unix_ms = r->last_ms < now ? r->last_ms : now; /* its clock may be ahead */
    ret->since_unix_ms = r->since_ms < ret->last_unix_ms ? r->since_ms : ret->last_unix_ms;
    return true;
}

/* The same kind is told again: the count of its process goes on, or that of a later one is added. */
static void row_go_on(struct trail_row *row, const struct trail_row *told)
{
    struct trail_row was = *row;

    *row = *told;
    if (told->told_since_ms == was.told_since_ms)
        row->before = was.before;
    else if (told->since_unix_ms - was.last_unix_ms < HOUR_MS)
        row->before = was.n;
    else
        return;
    row->n = row->before + told->n;
    row->since_unix_ms = was.since_unix_ms;
}

/* A free row, or the one that makes room; NULL: no memory. */
static struct trail_row *row_for(struct trail *t, const char *ingress)
{
    struct trail_row *oldest = NULL;
    struct trail_row *own = NULL;
    struct trail_row *rows = NULL;
    size_t n_own = 0;

    for (size_t i = 0; i < t->n; i++) {
        struct trail_row *row = &t->rows[i];

        if (!oldest || row->last_unix_ms < oldest->last_unix_ms)
            oldest = row;
        if (strcmp(row->ingress, ingress) != 0)
            continue;
        n_own++;
        if (!own || row->last_unix_ms < own->last_unix_ms)
            own = row;
    }
    if (n_own >= TRAIL_OF_INGRESS)
        return own;
    if (t->n >= TRAIL_MAX)
        return oldest;
    if (t->n == t->cap) {
        rows = mem_realloc(t->rows, (t->cap + 32) * sizeof(*rows));
        if (!rows)
            return NULL; /* told again in its turn */
        t->rows = rows;
        t->cap += 32;
    }
    return &t->rows[t->n++];
}

struct hearing {
    struct core *c;
    const struct peer *p;
};

static void hear_one(void *arg, const struct refusal *r)
{
    struct hearing *h = arg;
    struct trail *t = &h->c->peers->trail;
    struct trail_row told;
    struct trail_row *row = NULL;

    if (!row_of_refusal(h->c, h->p, r, &told))
        return;
    for (size_t i = 0; i < t->n; i++) {
        if (strcmp(t->rows[i].ingress, told.ingress) == 0 && is_kind(&t->rows[i], &told)) {
            row_go_on(&t->rows[i], &told);
            return;
        }
    }
    row = row_for(t, told.ingress);
    if (row)
        *row = told;
}

void trail_hear(struct core *c, const struct peer *p, struct view bytes)
{
    struct hearing h = {c, p};

    (void)!refusals_decode(bytes, hear_one, &h); /* told again in its turn */
}

/* --- reading ------------------------------------------------------------------------------ */

static void merge(struct trail *t, const struct trail_row *row)
{
    struct trail_row *all = NULL;

    for (size_t i = 0; i < t->n && !all; i++)
        all = is_kind(&t->rows[i], row) ? &t->rows[i] : NULL;
    if (!all) {
        t->rows[t->n++] = *row;
        return;
    }
    all->n += row->n;
    if (row->since_unix_ms < all->since_unix_ms)
        all->since_unix_ms = row->since_unix_ms;
    if (row->last_unix_ms <= all->last_unix_ms)
        return;
    all->last_unix_ms = row->last_unix_ms;
    memcpy(all->id, row->id, sizeof(all->id));
    memcpy(all->from, row->from, sizeof(all->from));
    memcpy(all->ingress, row->ingress, sizeof(all->ingress));
}

static int by_last(const void *a, const void *b)
{
    const struct trail_row *x = a;
    const struct trail_row *y = b;

    return (x->last_unix_ms < y->last_unix_ms) - (x->last_unix_ms > y->last_unix_ms);
}

int trail_read(const struct core *c, enum refusal_side side, struct view name,
               struct trail *ret)
{
    const struct trail *t = &c->peers->trail;

    *ret = (struct trail){0};
    if (t->n == 0)
        return 0;
    ret->rows = mem_alloc(t->n * sizeof(*ret->rows));
    if (!ret->rows)
        return -ENOMEM;
    ret->cap = t->n;
    for (size_t i = 0; i < t->n; i++) {
        const struct trail_row *row = &t->rows[i];

        if (name.ptr && (row->side != side || !view_is(name, row->name)))
            continue;
        if (is_known(c, row->side, view_of(row->name)))
            merge(ret, row);
    }
    qsort(ret->rows, ret->n, sizeof(*ret->rows), by_last);
    return 0;
}
