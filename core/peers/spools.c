/* What core knows of spools.
 *
 * From: frames.c at HELLO, intake.c (what is taken), core.c at the turn's end.
 * To: the store.
 * Holds: the numbers taken of every spool that was used lately. */

#include "core/peers/spools.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "core/peers/peers.h"
#include "core/store/erase.h"
#include "core/store/store.h"
#include "proto/limits.h"

/* in memory after its last session, so that a process thought dead is known when it comes back */
#define SPOOLS_KEEP_MS (10LL * 60 * 1000)
#define SPOOLS_GONE_MS (7LL * 24 * 3600 * 1000)
#define SPOOLS_MAX     64U /* without a session; each takes 16 KiB */

static struct spool *spool_of(struct list *link)
{
    return LIST_ENTRY(link, struct spool, link);
}

static struct spool *spools_find(struct core *c, const struct id *id)
{
    for (struct list *i = c->peers->spools.next; i != &c->peers->spools; i = i->next) {
        if (id_equal(&spool_of(i)->id, id))
            return spool_of(i);
    }
    return NULL;
}

struct spool *spools_load(struct core *c, const struct id *id)
{
    struct spool *s = spools_find(c, id);
    struct buf ranges;
    struct buf name;
    uint64_t mark = 0;
    uint64_t low = 0;
    int rc = 0;

    if (s)
        return s;
    spools_tick(c, clock_mono_ms()); /* however many come, few are kept */
    s = mem_zalloc(sizeof(*s));
    if (!s)
        return NULL;
    buf_init(&ranges, 1 << 16);
    buf_init(&name, sizeof(s->name) - 1);
    s->id = *id;
    taken_init(&s->taken);
    list_init(&s->link);
    rc = store_spool_get(c->store, id, &mark, &low, &ranges);
    rc = rc ? rc : store_spool_taker(c->store, id, &s->taker, &name);
    if (rc == 0) {
        s->kept = true;
        memcpy(s->name, buf_str(&name), name.len);
        s->taken.mark = mark;
        s->taken.low = low;
        rc = taken_decode_ranges(&s->taken, buf_view(&ranges));
    }
    buf_fini(&name);
    buf_fini(&ranges);
    if (rc && rc != STORE_E_NONE) {
        core_row_failed(c, "spools", rc); /* never alive and deaf to that process */
        mem_free(s);
        return NULL;
    }
    s->used_mono_ms = clock_mono_ms();
    list_add_tail(&c->peers->spools, &s->link);
    return s;
}

/* --- who speaks for it ---------------------------------------------------------------------- */

static bool another_lives(struct core *c, const struct spool *s, const struct hello *h,
                          int64_t now_mono_ms)
{
    for (const struct list *i = c->peers->list.next; i != &c->peers->list; i = i->next) {
        const struct peer *p = LIST_ENTRY_CONST(i, struct peer, link);

        /* the same name is the same place, started again: a name is locked */
        if (p->spool == s && !view_is(h->name, p->name) && peer_is_alive(p, now_mono_ms))
            return true;
    }
    return false;
}

/* Whoever opens a spool writes its boot id down in there. Is the process @who this one, or one that had
 * its folder before? */
static bool had_folder(const struct hello *h, const struct id *boot, const struct id *who)
{
    if (id_equal(who, boot))
        return true;
    for (size_t at = 0; at + sizeof(*who) <= h->lives.len; at += sizeof(*who)) {
        if (memcmp(h->lives.ptr + at, who->bytes, sizeof(*who)) == 0)
            return true;
    }
    return false;
}

/* If the process that sent last is not among those that had this folder, it had another one: a copy,
 * whatever the numbers say. */
static bool has_forked(const struct spool *s, const struct hello *h, const struct id *boot)
{
    return !id_is_zero(&s->taker) && h->lives.ptr && !had_folder(h, boot, &s->taker);
}

/* After a start: the ingress of this name was there before, and has not come yet. */
static bool is_awaited(const struct core *c, const char *name, int64_t now_mono_ms)
{
    if (now_mono_ms >= c->peers->settling_until_ms)
        return false;
    for (const struct list *i = c->peers->known_ingresses.next; i != &c->peers->known_ingresses;
         i = i->next) {
        if (strcmp(LIST_ENTRY_CONST(i, struct known_worker, link)->name, name) == 0)
            return true;
    }
    return false;
}

/* An ingress was renamed, or its disk is delivered elsewhere: then this process has the folder, and nobody
 * expects the owner. */
static bool is_owned(const struct core *c, const struct spool *s, const struct hello *h,
                     const struct id *boot, int64_t now_mono_ms)
{
    if (!s->name[0] || view_is(h->name, s->name))
        return false;
    return !had_folder(h, boot, &s->taker) || is_awaited(c, s->name, now_mono_ms);
}

static bool was_ended(const struct spool *s, const struct id *boot)
{
    for (size_t i = 0; i < AMO_COUNT(s->former); i++) {
        if (id_equal(&s->former[i], boot))
            return true;
    }
    return false;
}

int spools_claim(struct core *c, struct spool *s, const struct hello *h, const struct id *boot,
                 int64_t now_mono_ms)
{
    uint64_t fresh = h->fresh ? h->fresh : h->next;

    s->used_mono_ms = now_mono_ms;
    if (fresh && s->taken.mark >= fresh)
        return SPOOLS_E_COPY;
    if (has_forked(s, h, boot))
        return SPOOLS_E_FORKED;
    if (another_lives(c, s, h, now_mono_ms))
        return SPOOLS_E_HELD;
    if (is_owned(c, s, h, boot, now_mono_ms))
        return SPOOLS_E_OWNED;
    if (was_ended(s, boot))
        return SPOOLS_E_ENDED;
    if (!id_equal(&s->holder, boot)) {
        if (!id_is_zero(&s->holder))
            s->former[s->n_former++ % AMO_COUNT(s->former)] = s->holder;
        s->holder = *boot;
    }
    peers_end_others(c, s, boot);
    return 0;
}

uint64_t spools_sent_before(struct spool *s, const struct hello *h, const struct id *boot)
{
    uint64_t fresh = h->fresh ? h->fresh : h->next;

    if (s->sent_before && had_folder(h, boot, &s->sender))
        return s->sent_before;
    s->sent_before = num_max(s->sent_before, fresh);
    s->sender = *boot;
    return s->sent_before;
}

void spools_took(struct spool *s, const struct id *boot, const char *name)
{
    if (id_equal(&s->taker, boot) && strcmp(s->name, name) == 0)
        return;
    s->taker = *boot;
    (void)snprintf(s->name, sizeof(s->name), "%s", name); /* a peer's name has that length */
    s->taker_dirty = true;
}

/* Against mistakes, not against somebody who makes two events of one sum (FNV-1a). */
static uint32_t sum_of(struct view bytes)
{
    uint32_t sum = 2166136261U;

    for (size_t i = 0; i < bytes.len; i++)
        sum = (sum ^ (unsigned char)bytes.ptr[i]) * 16777619U;
    return sum;
}

void spools_note(struct spool *s, uint64_t number, struct view bytes)
{
    size_t i = number % AMO_COUNT(s->sums);

    s->sums[i].number = number;
    s->sums[i].sum = sum_of(bytes);
}

bool spools_differ(const struct spool *s, uint64_t number, struct view bytes)
{
    size_t i = number % AMO_COUNT(s->sums);

    return s->sums[i].number == number && s->sums[i].sum != sum_of(bytes);
}

const char *spools_words(int rc)
{
    switch (rc) {
    case SPOOLS_E_COPY:
        return "events were taken from this spool that this process never sent: its folder is "
               "a copy";
    case SPOOLS_E_FORKED:
        return "the last events of this spool came from a process that never had this folder: "
               "one folder is a copy of the other";
    case SPOOLS_E_OWNED:
        return "this spool belongs to an ingress of another name, which may still come or "
               "whose "
               "folder this process does not have";
    case SPOOLS_E_HELD:
        return "another process that is alive has a spool of this id: one folder is a copy of "
               "the other";
    default:
        return "another process took this spool over, and both are alive: one folder is a copy "
               "of the other";
    }
}

/* --- what comes again ----------------------------------------------------------------------- */

static void await_one(void *arg, struct view name, int64_t seen_ms)
{
    struct core *c = arg;
    struct known_worker *k = mem_zalloc(sizeof(*k));

    (void)seen_ms;
    if (!k || view_copy(name, k->name, sizeof(k->name))) {
        mem_free(k); /* not waited for */
        return;
    }
    list_init(&k->link);
    list_add_tail(&c->peers->known_ingresses, &k->link);
}

int spools_await(struct core *c)
{
    return store_ingresses_walk(c->store, await_one, c);
}

void spools_came(struct core *c, const char *name)
{
    struct list *next = NULL;

    for (struct list *i = c->peers->known_ingresses.next; i != &c->peers->known_ingresses;
         i = next) {
        struct known_worker *k = LIST_ENTRY(i, struct known_worker, link);

        next = i->next;
        if (strcmp(k->name, name) != 0)
            continue;
        known_worker_free(k);
    }
}

const char *spools_missed(const struct core *c, int64_t now_mono_ms)
{
    if (now_mono_ms >= c->peers->settling_until_ms || list_is_empty(&c->peers->known_ingresses))
        return NULL;
    return LIST_ENTRY_CONST(c->peers->known_ingresses.next, struct known_worker, link)->name;
}

bool spools_are_missed(const struct core *c, int64_t now_mono_ms)
{
    return spools_missed(c, now_mono_ms);
}

struct gone {
    const struct core *c;
    spools_gone_fn *fn;
    void *arg;
};

static void gone_one(void *arg, struct view name, int64_t seen_ms)
{
    const struct gone *g = arg;

    if (clock_unix_ms() - seen_ms >= SPOOLS_GONE_MS)
        return;
    for (const struct list *i = g->c->peers->list.next; i != &g->c->peers->list; i = i->next) {
        const struct peer *p = LIST_ENTRY_CONST(i, struct peer, link);

        if (p->role == ROLE_INGRESS && view_is(name, p->name))
            return; /* here, or shown as silent */
    }
    g->fn(g->arg, name, seen_ms);
}

int spools_gone(struct core *c, spools_gone_fn *fn, void *arg)
{
    struct gone g = {c, fn, arg};

    return store_ingresses_walk(c->store, gone_one, &g);
}

uint64_t spools_left(const struct peer *p)
{
    uint64_t gap = p->spool ? taken_gap_from(&p->spool->taken, p->sends_from) : p->sent_before;

    return gap < p->sent_before ? p->sent_before - gap : 0;
}

const struct peer *spools_sending_again(const struct core *c, const struct spool *but,
                                        int64_t now_mono_ms)
{
    for (const struct list *i = c->peers->list.next; i != &c->peers->list; i = i->next) {
        const struct peer *p = LIST_ENTRY_CONST(i, struct peer, link);

        if (p->spool && p->spool != but && !p->ended && peer_is_alive(p, now_mono_ms) &&
            spools_left(p) > 0)
            return p;
    }
    return NULL;
}

bool spools_send_again(const struct core *c, const struct spool *but, int64_t now_mono_ms)
{
    return spools_sending_again(c, but, now_mono_ms);
}

/* --- keeping -------------------------------------------------------------------------------- */

/* One more than before: whoever comes with ever new ids takes the place of what is not used. */
static int make_place(struct core *c)
{
    int rc = 0;

    for (struct list *i = c->peers->list.next; rc == 0 && i != &c->peers->list; i = i->next) {
        const struct peer *p = LIST_ENTRY_CONST(i, struct peer, link);

        if (p->spool && p->spool->kept)
            rc = store_spool_used(c->store, &p->spool->id, clock_unix_ms());
    }
    return rc ? rc : store_spools_cap(c->store, LIMIT_SPOOLS);
}

static int spool_write(struct core *c, struct spool *s)
{
    bool kept = s->kept;
    struct buf ranges;
    int rc = 0;

    buf_init(&ranges, (size_t)TAKEN_RANGES_MAX * 16);
    rc = taken_encode_ranges(&s->taken, &ranges);
    rc = rc ? rc
            : store_spool_put(c->store, &s->id, s->taken.mark, s->taken.low, buf_view(&ranges));
    if (rc == 0 && s->taker_dirty) {
        rc = store_spool_taken_from(c->store, &s->id, &s->taker, view_of(s->name));
        rc = rc ? rc : store_spool_used(c->store, &s->id, clock_unix_ms());
    }
    buf_fini(&ranges);
    if (rc)
        return rc;
    s->kept = true;
    s->dirty = false;
    s->taker_dirty = false;
    return kept ? 0 : make_place(c);
}

int spools_write(struct core *c)
{
    int rc = 0;

    for (struct list *i = c->peers->spools.next; rc == 0 && i != &c->peers->spools;
         i = i->next) {
        if (spool_of(i)->dirty)
            rc = spool_write(c, spool_of(i));
    }
    return rc;
}

static bool is_spoken_for(struct core *c, const struct spool *s)
{
    for (const struct list *i = c->peers->list.next; i != &c->peers->list; i = i->next) {
        if (LIST_ENTRY_CONST(i, struct peer, link)->spool == s)
            return true;
    }
    return false;
}

void spools_tick(struct core *c, int64_t now_mono_ms)
{
    struct list *before = NULL;
    size_t n = 0;

    for (struct list *i = c->peers->spools.prev; i != &c->peers->spools; i = before) {
        struct spool *s = spool_of(i);

        before = i->prev;
        if (s->dirty || is_spoken_for(c, s)) {
            s->used_mono_ms = now_mono_ms;
            continue;
        }
        if (++n <= SPOOLS_MAX && now_mono_ms - s->used_mono_ms < SPOOLS_KEEP_MS)
            continue;
        list_remove(&s->link);
        mem_free(s);
    }
}

void spools_free(struct core *c)
{
    while (!list_is_empty(&c->peers->spools)) {
        struct spool *s = spool_of(c->peers->spools.next);

        list_remove(&s->link);
        mem_free(s);
    }
}
