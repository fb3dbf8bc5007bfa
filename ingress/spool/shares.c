/* Accounts of who wrote what is in the spool.
 *
 * From: spool.c and read.c, which count every record. To: spool.c, which asks before it appends.
 * Holds: an account for each connector and each amojo account with something in the spool; none of it is on
 * disk. */

#include "ingress/spool/shares.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/table.h"
#include "ingress/spool/spool.h"
#include "proto/limits.h"

#define AMOJO_TIMES 8U /* of what is free, an account of amojo may hold */
/* A file holds such a part of the connectors' events at most. While core keeps up, two files count. */
#define FILE_PART   8U

struct account {
    size_t side;
    uint64_t bytes;
    uint64_t events;
    size_t n_files;
    size_t key_len;
    char key[1 + LIMIT_ID]; /* the side as a digit, and the name */
};

static size_t side_of(const struct spool_writer *w)
{
    return w->side == SPOOL_CONNECTOR;
}

int shares_init(struct shares *s, uint64_t max_events)
{
    int rc = table_new(&s->accounts);

    s->max_events = max_events;
    for (size_t i = 0; rc == 0 && i < AMO_COUNT(s->others); i++) {
        s->others[i] = mem_zalloc(sizeof(*s->others[i]));
        if (!s->others[i])
            return -ENOMEM;
        s->others[i]->side = i;
    }
    return rc;
}

void shares_fini(struct shares *s)
{
    for (size_t i = 0; i < AMO_COUNT(s->others); i++)
        mem_free(s->others[i]);
    table_free(s->accounts);
    *s = (struct shares){0};
}

static size_t key_of(const struct spool_writer *w, char ret[1 + LIMIT_ID])
{
    if (w->name.len > LIMIT_ID)
        return 0;
    ret[0] = (char)('0' + side_of(w));
    if (w->name.len)
        memcpy(ret + 1, w->name.ptr, w->name.len);
    return 1 + w->name.len;
}

/* NULL: it has none. */
static struct account *account_of(const struct shares *s, const struct spool_writer *w)
{
    char key[1 + LIMIT_ID];
    size_t len = key_of(w, key);

    return len ? table_get(s->accounts, view_make(key, len)) : NULL;
}

/* A new one while there is a place. */
static int account_open(struct shares *s, const struct spool_writer *w, struct account **ret)
{
    size_t side = side_of(w);
    struct account *a = account_of(s, w);
    int rc = 0;

    if (!a && (s->n[side] >= LIMIT_SHARES || w->name.len > LIMIT_ID))
        a = s->others[side];
    if (!a) {
        a = mem_zalloc(sizeof(*a));
        if (!a)
            return -ENOMEM;
        a->side = side;
        a->key_len = key_of(w, a->key);
        rc = table_add(s->accounts, view_make(a->key, a->key_len), a);
        if (rc) {
            mem_free(a);
            return rc;
        }
        s->n[side]++;
    }
    *ret = a;
    return 0;
}

static void account_leave(struct shares *s, struct account *a)
{
    if (--a->n_files > 0 || a == s->others[a->side])
        return;
    (void)table_remove(s->accounts, view_make(a->key, a->key_len)); /* it is @a */
    s->n[a->side]--;
    mem_free(a);
}

int shares_find(struct shares *s, struct held *h, const struct spool_writer *w,
                struct share **ret)
{
    struct account *a = NULL;
    struct share *list = NULL;
    int rc = 0;

    if (!h->counted && h->known)
        shares_drop(s, h); /* all that was in the file is taken: it begins anew */
    h->counted = true;
    rc = account_open(s, w, &a);
    if (rc)
        return rc;
    for (size_t i = 0; i < h->n; i++) {
        if (h->list[i].account == a) {
            *ret = &h->list[i];
            return 0;
        }
    }
    a->n_files++;
    list = mem_realloc(h->list, (h->n + 1) * sizeof(*list));
    if (!list) {
        account_leave(s, a);
        return -ENOMEM;
    }
    h->list = list;
    list[h->n] = (struct share){.account = a};
    *ret = &list[h->n++];
    return 0;
}

void shares_count(struct shares *s, struct held *h, struct share *share, uint64_t bytes)
{
    struct account *a = share->account;

    share->bytes += bytes;
    share->events++;
    a->bytes += bytes;
    a->events++;
    s->bytes[a->side] += bytes;
    s->events[a->side]++;
    h->events += a->side;
}

bool shares_crowded(const struct shares *s, const struct held *h)
{
    return s->max_events && h->events >= num_max(s->max_events / FILE_PART, 1);
}

/* It counts no more. */
static void share_leave(struct shares *s, const struct share *share)
{
    struct account *a = share->account;

    a->bytes -= share->bytes;
    a->events -= share->events;
    s->bytes[a->side] -= share->bytes;
    s->events[a->side] -= share->events;
}

static void share_return(struct shares *s, const struct share *share)
{
    struct account *a = share->account;

    a->bytes += share->bytes;
    a->events += share->events;
    s->bytes[a->side] += share->bytes;
    s->events[a->side] += share->events;
}

void shares_settle(struct shares *s, struct held *h, bool taken)
{
    if (h->counted == !taken)
        return;
    h->counted = !taken;
    for (size_t i = 0; i < h->n; i++)
        (taken ? share_leave : share_return)(s, &h->list[i]);
}

void shares_drop(struct shares *s, struct held *h)
{
    shares_settle(s, h, true);
    for (size_t i = 0; i < h->n; i++)
        account_leave(s, h->list[i].account);
    mem_free(h->list);
    *h = (struct held){.known = h->known};
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* One more event of a connector that has @own. */
static bool events_allow(const struct shares *s, uint64_t own)
{
    uint64_t all = s->events[SPOOL_CONNECTOR] + s->unknown_events + 1;

    return s->max_events == 0 || own + 1 <= less(s->max_events, all);
}

bool shares_allow(const struct shares *s, const struct spool_writer *w, uint64_t bytes,
                  uint64_t total, uint64_t max)
{
    const struct account *a = account_of(s, w);
    size_t side = side_of(w);
    uint64_t own = 0;

    if (!a && s->n[side] >= LIMIT_SHARES)
        a = s->others[side];
    own = (a ? a->bytes : 0) + bytes;
    if (side == 0)
        return w->alone || own / AMOJO_TIMES <= less(max, total);
    if (!events_allow(s, a ? a->events : 0))
        return false;
    /* of what is free when it has been written: so nobody gets more than his part by one large event */
    return own <= num_min(less(max / 2, s->bytes[side] + s->unknown + bytes),
                          less(max - max / 8, total + bytes));
}

void shares_each(const struct shares *s,
                 void (*fn)(void *arg, const struct spool_writer *w, uint64_t bytes,
                            uint64_t events),
                 void *arg)
{
    const struct account *a = NULL;
    size_t iter = 0;

    while ((a = table_next(s->accounts, &iter))) {
        const struct spool_writer w = {.side = a->side ? SPOOL_CONNECTOR : SPOOL_AMOJO,
                                       .name = view_make(a->key + 1, a->key_len - 1)};

        fn(arg, &w, a->bytes, a->events);
    }
}
