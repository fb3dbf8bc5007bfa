/* Open addressing with linear probing, at most half full; removal moves followers back, so
 * there are no tombstones. */
#include "tools/sandbox/kit/strmap.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

static uint64_t strmap_hash(const char *key)
{
    uint64_t h = 14695981039346656037ULL;

    for (; *key; key++)
        h = (h ^ (uint8_t)*key) * 1099511628211ULL;
    return h ^ (h >> 29);
}

/* The slot of @key, or the free one where it belongs. The map has a free slot. */
static size_t strmap_find(const struct strmap *m, const char *key, uint64_t hash)
{
    size_t i = (size_t)hash & (m->cap - 1);

    while (m->slots[i].key) {
        if (m->slots[i].hash == hash && strcmp(m->slots[i].key, key) == 0)
            break;
        i = (i + 1) & (m->cap - 1);
    }
    return i;
}

static int strmap_grow(struct strmap *m)
{
    struct strmap old = *m;
    size_t cap = old.cap ? old.cap * 2 : 16;
    struct strmap_slot *slots = mem_zalloc(cap * sizeof(*slots));

    if (!slots)
        return -ENOMEM;
    m->slots = slots;
    m->cap = cap;
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i].key)
            slots[strmap_find(m, old.slots[i].key, old.slots[i].hash)] = old.slots[i];
    }
    mem_free(old.slots);
    return 0;
}

void *strmap_get(const struct strmap *m, const char *key)
{
    size_t i = 0;

    if (!key || m->n == 0)
        return NULL;
    i = strmap_find(m, key, strmap_hash(key));
    return m->slots[i].key ? m->slots[i].value : NULL;
}

int strmap_put(struct strmap *m, const char *key, void *value)
{
    uint64_t hash = strmap_hash(key);
    struct strmap_slot *s = NULL;
    int rc = 0;

    if ((m->n + 1) * 2 > m->cap) {
        rc = strmap_grow(m);
        if (rc)
            return rc;
    }
    s = &m->slots[strmap_find(m, key, hash)];
    if (!s->key) {
        s->key = mem_strdup(key);
        if (!s->key)
            return -ENOMEM;
        s->hash = hash;
        m->n++;
    }
    s->value = value;
    return 0;
}

void strmap_remove(struct strmap *m, const char *key)
{
    size_t mask = m->cap - 1;
    size_t hole = 0;

    if (m->n == 0)
        return;
    hole = strmap_find(m, key, strmap_hash(key));
    if (!m->slots[hole].key)
        return;
    mem_free(m->slots[hole].key);
    m->slots[hole].key = NULL;
    m->n--;
    for (size_t i = (hole + 1) & mask; m->slots[i].key; i = (i + 1) & mask) {
        size_t home = (size_t)m->slots[i].hash & mask;

        /* An entry may move back only as far as its home. */
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        m->slots[hole] = m->slots[i];
        m->slots[i].key = NULL;
        hole = i;
    }
}

void strmap_fini(struct strmap *m)
{
    for (size_t i = 0; i < m->cap; i++)
        mem_free(m->slots[i].key);
    mem_free(m->slots);
    *m = (struct strmap){0};
}
