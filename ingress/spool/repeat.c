/* The index of repeats.
 *
 * From: ingress/connector/repeat.c asks and adds; after a restart it is filled from the spool.
 * To: the same.
 * Holds: hashes of keys and bodies, 24 hours or ten minutes. */

#include "ingress/spool/repeat.h"

#include <errno.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "base/num.h"
#include "ingress/spool/repeat_private.h"

/* A time has 48 bits on disk; above them stand its owner and its index. */
#define AT_BITS    48
#define OWNER_BITS 12

/* No name has a NUL in it. */
static int name_join(struct view connector, const struct repeat_name *name, struct buf *out)
{
    const char space = (char)name->space;

    (void)buf_add_view(out, connector); /* asked once, below */
    (void)buf_add_char(out, '\0');
    if (space) {
        (void)buf_add_char(out, space);
        (void)buf_add_char(out, '\0');
    } else if (name->within.len) {
        (void)buf_add_str(out, "edit ");
        (void)buf_add_view(out, name->within);
        (void)buf_add_char(out, ' ');
    }
    (void)buf_add_view(out, name->word);
    if (space == REPEAT_EDIT_KEY || space == REPEAT_KEYED_ID) {
        (void)buf_add_char(out, '\0');
        (void)buf_add_view(out, name->within);
    }
    return buf_error(out);
}

static int owner_of(struct view connector, uint16_t *ret)
{
    unsigned char digest[CRYPTO_SHA256_LEN];
    int rc = crypto_sha256(connector, digest);

    if (rc == 0)
        *ret = (uint16_t)(1 + ((unsigned)digest[0] << 8 | digest[1]) % (OWNERS - 1));
    return rc;
}

int repeat_entry_rename(struct view connector, const struct repeat_name *name,
                        struct repeat_entry *e)
{
    unsigned char digest[CRYPTO_SHA256_LEN];
    struct buf joined;
    int rc = 0;

    buf_init(&joined, connector.len + name->word.len + name->within.len + 8);
    rc = name_join(connector, name, &joined);
    rc = rc ? rc : crypto_sha256(buf_view(&joined), digest);
    buf_fini(&joined);
    if (rc)
        return rc;
    e->webhook = name->space == REPEAT_WEBHOOK || name->space == REPEAT_QUESTION;
    memcpy(e->key, digest, sizeof(e->key));
    return 0;
}

int repeat_entry_make(struct view connector, const struct repeat_name *name, struct view body,
                      int64_t now_ms, struct repeat_entry *ret)
{
    unsigned char digest[CRYPTO_SHA256_LEN];
    struct repeat_entry e = {.at_ms = now_ms};
    int rc = owner_of(connector, &e.owner);

    rc = rc ? rc : crypto_sha256(body, digest);
    rc = rc ? rc : repeat_entry_rename(connector, name, &e);
    if (rc)
        return rc;
    memcpy(e.body, digest, sizeof(e.body));
    *ret = e;
    return 0;
}

void repeat_entry_encode(const struct repeat_entry *e, unsigned char ret[REPEAT_AUX_LEN])
{
    memcpy(ret, e->key, REPEAT_KEY_LEN);
    memcpy(ret + REPEAT_KEY_LEN, e->body, REPEAT_BODY_LEN);
    put_le64(ret + REPEAT_KEY_LEN + REPEAT_BODY_LEN,
             ((uint64_t)e->at_ms & ((UINT64_C(1) << AT_BITS) - 1)) |
                 (uint64_t)e->owner << AT_BITS |
                 (uint64_t)e->webhook << (AT_BITS + OWNER_BITS));
}

void repeat_entry_decode(const unsigned char *p, struct repeat_entry *ret)
{
    uint64_t at = 0;

    *ret = (struct repeat_entry){0};
    memcpy(ret->key, p, REPEAT_KEY_LEN);
    memcpy(ret->body, p + REPEAT_KEY_LEN, REPEAT_BODY_LEN);
    at = get_le64(p + REPEAT_KEY_LEN + REPEAT_BODY_LEN);
    ret->at_ms = (int64_t)(at & ((UINT64_C(1) << AT_BITS) - 1));
    ret->owner = (uint16_t)(at >> AT_BITS & (OWNERS - 1));
    ret->webhook = at >> (AT_BITS + OWNER_BITS) & 1;
}

/* --- in memory ---------------------------------------------------------------------------- */

/* Keys are digests, so any eight bytes of them are a hash. */
static size_t slot_of(const struct repeat *r, const unsigned char *key)
{
    return (size_t)get_le64(key) & (2 * r->cap - 1);
}

static size_t find_slot(const struct repeat *r, const unsigned char *key)
{
    size_t i = slot_of(r, key);

    while (r->slots[i] && memcmp(r->ring[r->slots[i] - 1].key, key, REPEAT_KEY_LEN) != 0)
        i = (i + 1) & (2 * r->cap - 1);
    return i;
}

/* Takes the slot away and moves up what stood behind it because of it. */
static void clear_slot(struct repeat *r, size_t i)
{
    size_t mask = 2 * r->cap - 1;
    size_t j = i;

    r->slots[i] = 0;
    for (;;) {
        size_t home = 0;

        j = (j + 1) & mask;
        if (!r->slots[j])
            return;
        home = slot_of(r, r->ring[r->slots[j] - 1].key);
        if (((j - home) & mask) < ((j - i) & mask))
            continue;
        r->slots[i] = r->slots[j];
        r->slots[j] = 0;
        i = j;
    }
}

/* The entry counts no more; its place stays. */
static void let_go(struct repeat *r, uint64_t position)
{
    struct repeat_entry *e = entry_at(r, position);
    size_t i = find_slot(r, e->key);

    if (e->gone)
        return;
    if (r->slots[i] == (position & (r->cap - 1)) + 1)
        clear_slot(r, i);
    e->gone = true;
    r->owners[e->owner].n--;
    r->n--;
}

static void evict(struct repeat *r)
{
    let_go(r, r->tail);
    r->tail++;
    r->confirmed = num_max(r->confirmed, r->tail);
    r->logged = num_max(r->logged, r->tail);
}

/* The connector has as many as there are free places: it gives up its oldest. */
static void give_up_oldest(struct repeat *r, struct owner *o, uint16_t owner)
{
    uint64_t p = num_max(o->oldest, r->tail);

    while (p < r->head && (entry_at(r, p)->gone || entry_at(r, p)->owner != owner))
        p++;
    o->oldest = p;
    if (p == r->head)
        return;
    o->floor_ms = (int64_t)num_max((uint64_t)o->floor_ms, (uint64_t)entry_at(r, p)->at_ms);
    let_go(r, p);
}

static void put_slot(struct repeat *r, uint64_t position)
{
    r->slots[find_slot(r, entry_at(r, position)->key)] =
        (uint32_t)(position & (r->cap - 1)) + 1;
}

/* All that is not gone moves to the front of a ring of @cap places. */
static int move_together(struct repeat *r, size_t cap)
{
    struct repeat_entry *ring = mem_zalloc_array(cap, sizeof(*ring));
    uint32_t *slots = mem_zalloc_array(2 * cap, sizeof(*slots));
    uint64_t confirmed = 0;
    uint64_t logged = 0;
    uint64_t log_from = 0;
    uint64_t to = 0;

    if (!ring || !slots) {
        mem_free(ring);
        mem_free(slots);
        return -ENOMEM;
    }
    for (uint64_t p = r->tail; p < r->head; p++) {
        const struct repeat_entry *e = entry_at(r, p);

        if (e->gone)
            continue;
        ring[to++] = *e;
        confirmed += p < r->confirmed;
        logged += p < r->logged;
        log_from += p < r->log_from;
    }
    mem_free(r->ring);
    mem_free(r->slots);
    r->ring = ring;
    r->slots = slots;
    r->cap = cap;
    r->tail = 0;
    r->head = to;
    r->confirmed = confirmed;
    r->logged = logged;
    r->log_from = log_from;
    for (size_t i = 0; i < OWNERS; i++)
        r->owners[i].oldest = 0;
    for (uint64_t p = 0; p < to; p++)
        put_slot(r, p);
    return 0;
}

size_t repeat_count(const struct repeat *r)
{
    return r->n;
}

/* A floor ahead of every clock is of one that has been set back since: it says nothing. */
static bool is_below_floor(const struct repeat *r, const struct repeat_entry *e)
{
    int64_t floor_ms = r->owners[e->owner].floor_ms;

    return e->at_ms <= floor_ms && floor_ms - e->at_ms <= r->kind->life_ms;
}

int repeat_check(struct repeat *r, const struct repeat_entry *e)
{
    size_t i = 0;

    while (r->tail < r->head && (entry_at(r, r->tail)->gone ||
                                 entry_at(r, r->tail)->at_ms < e->at_ms - r->kind->life_ms))
        evict(r);
    i = find_slot(r, e->key);
    if (!r->slots[i])
        return r->kind->webhook && is_below_floor(r, e) ? REPEAT_E_STALE : 0;
    return memcmp(r->ring[r->slots[i] - 1].body, e->body, REPEAT_BODY_LEN) == 0
               ? REPEAT_E_SAME
               : REPEAT_E_OTHER;
}

int repeat_find(const struct repeat *r, struct view connector, const struct repeat_name *name,
                int64_t now_ms, int64_t *ret_at_ms)
{
    struct repeat_entry e;
    size_t i = 0;
    int rc = repeat_entry_make(connector, name, VIEW_LIT(""), now_ms, &e);

    if (rc)
        return rc;
    i = find_slot(r, e.key);
    if (!r->slots[i] || r->ring[r->slots[i] - 1].at_ms < now_ms - r->kind->life_ms)
        return REPEAT_E_UNKNOWN;
    *ret_at_ms = r->ring[r->slots[i] - 1].at_ms;
    return 0;
}

int repeat_add(struct repeat *r, const struct repeat_entry *e)
{
    struct owner *o = &r->owners[e->owner];

    if (o->n >= r->kind->max - num_min(r->kind->max, r->n))
        give_up_oldest(r, o, e->owner);
    if (r->head - r->tail == r->cap) {
        /* a quarter of the ring is gaps when as many are kept as may be */
        bool wide = r->n >= r->cap / 4 * 3 && r->cap < r->kind->max;
        int rc = move_together(r, wide ? 2 * r->cap : r->cap);

        if (rc)
            return rc;
        if (r->head - r->tail == r->cap)
            evict(r);
    }
    *entry_at(r, r->head) = *e;
    entry_at(r, r->head)->gone = false;
    o->n++;
    r->n++;
    put_slot(r, r->head++);
    return 0;
}

void repeat_confirm(struct repeat *r, uint64_t next)
{
    r->confirmed = r->head;
    if (next > 0)
        r->flushed_to = next - 1;
}

int repeat_learn(void *arg, uint64_t number, struct view aux)
{
    struct repeat *r = arg;
    int rc = 0;

    (void)number;
    if (aux.len % REPEAT_AUX_LEN)
        return 0;
    for (size_t at = 0; rc == 0 && at < aux.len; at += REPEAT_AUX_LEN) {
        struct repeat_entry e;

        repeat_entry_decode((const unsigned char *)aux.ptr + at, &e);
        if (e.webhook == r->kind->webhook && !r->slots[find_slot(r, e.key)])
            rc = repeat_add(r, &e);
    }
    return rc;
}

uint64_t repeat_known_to(const struct repeat *r)
{
    return r->known_to;
}

bool repeat_has(const struct repeat *r, const unsigned char *key)
{
    return r->slots[find_slot(r, key)] != 0;
}
