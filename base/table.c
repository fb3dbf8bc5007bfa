/* Hash table with open addressing and SipHash under a random key. */

#include "base/table.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

/* Open addressing with linear probing and backward-shift removal: no tombstones, so a table
 * that lives for months does not silt up. Grows at 3/4. */

struct slot {
    struct view key;
    void *value;
    uint64_t hash;
};

struct table {
    struct slot *slots;
    size_t n_slots; /* a power of two */
    size_t n_used;
    uint64_t seed[2];
};

#define TABLE_FIRST_SLOTS 16

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

/* SipHash-1-3: who does not know the seed cannot choose ids that collide, and it is fast for
 * the 36 bytes of an id. */
static uint64_t table_hash(const struct table *t, struct view key)
{
    uint64_t v[4] = {t->seed[0] ^ 0x736f6d6570736575ULL, t->seed[1] ^ 0x646f72616e646f6dULL,
                     t->seed[0] ^ 0x6c7967656e657261ULL, t->seed[1] ^ 0x7465646279746573ULL};
    uint64_t word = 0;
    size_t i = 0;

    for (; key.len - i >= sizeof(word); i += sizeof(word)) {
        memcpy(&word, key.ptr + i, sizeof(word));
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = (uint64_t)key.len << 56;
    if (key.len > i)
        memcpy(&word, key.ptr + i, key.len - i); /* little or big end: only we read it */
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

int table_new(struct table **ret_table)
{
    struct table *t = mem_zalloc(sizeof(*t));

    if (!t)
        return -ENOMEM;
    t->slots = mem_zalloc_array(TABLE_FIRST_SLOTS, sizeof(*t->slots));
    if (!t->slots) {
        mem_free(t);
        return -ENOMEM;
    }
    t->n_slots = TABLE_FIRST_SLOTS;
    /* up to 256 bytes getrandom gives whole; without it the addresses of this run must do */
    if (getrandom(t->seed, sizeof(t->seed), 0) != (ssize_t)sizeof(t->seed))
        t->seed[0] = (uint64_t)(uintptr_t)t;
    *ret_table = t;
    return 0;
}

void table_free(struct table *t)
{
    if (!t)
        return;
    mem_free(t->slots);
    mem_free(t);
}

static struct slot *table_find(const struct table *t, struct view key, uint64_t hash)
{
    size_t i = (size_t)hash & (t->n_slots - 1);

    while (t->slots[i].value) {
        if (t->slots[i].hash == hash && view_equal(t->slots[i].key, key))
            break;
        i = (i + 1) & (t->n_slots - 1);
    }
    return &t->slots[i];
}

void *table_get(const struct table *t, struct view key)
{
    return table_find(t, key, table_hash(t, key))->value;
}

static int table_widen(struct table *t)
{
    struct table wider = {.n_slots = t->n_slots * 2};

    wider.slots = mem_zalloc_array(wider.n_slots, sizeof(*wider.slots));
    if (!wider.slots)
        return -ENOMEM;
    for (size_t i = 0; i < t->n_slots; i++) {
        if (t->slots[i].value)
            *table_find(&wider, t->slots[i].key, t->slots[i].hash) = t->slots[i];
    }
    mem_free(t->slots);
    t->slots = wider.slots;
    t->n_slots = wider.n_slots;
    return 0;
}

int table_add(struct table *t, struct view key, void *value)
{
    uint64_t hash = table_hash(t, key);
    struct slot *s = table_find(t, key, hash);

    if (s->value)
        return -EEXIST;
    if ((t->n_used + 1) * 4 > t->n_slots * 3) {
        if (table_widen(t))
            return -ENOMEM;
        s = table_find(t, key, hash);
    }
    *s = (struct slot){key, value, hash};
    t->n_used++;
    return 0;
}

void *table_remove(struct table *t, struct view key)
{
    struct slot *s = table_find(t, key, table_hash(t, key));
    void *value = s->value;
    size_t mask = t->n_slots - 1;
    size_t hole = 0;

    if (!value)
        return NULL;
    hole = (size_t)(s - t->slots);
    for (size_t i = (hole + 1) & mask; t->slots[i].value; i = (i + 1) & mask) {
        size_t home = (size_t)t->slots[i].hash & mask;

        /* may the entry at i move into the hole without passing its home? */
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            t->slots[hole] = t->slots[i];
            hole = i;
        }
    }
    t->slots[hole] = (struct slot){.value = NULL};
    t->n_used--;
    return value;
}

size_t table_count(const struct table *t)
{
    return t->n_used;
}

void *table_next(const struct table *t, size_t *iter)
{
    while (*iter < t->n_slots) {
        void *value = t->slots[(*iter)++].value;

        if (value)
            return value;
    }
    return NULL;
}
