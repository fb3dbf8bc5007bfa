/* A hash table of fingerprints with open addressing: which earlier row has this id. */

#include "tools/ctl/import/duplicates.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

struct import_duplicates_slot {
    uint64_t key; /* 0: free */
    uint32_t line;
    uint32_t row;
};

void import_duplicates_init(struct import_duplicates *s)
{
    memset(s, 0, sizeof(*s));
}

void import_duplicates_fini(struct import_duplicates *s)
{
    mem_free(s->slots);
    import_duplicates_init(s);
}

/* FNV-1a: the file is the operator's own, nobody chooses collisions. */
static uint64_t mix(uint64_t hash, struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        hash = (hash ^ (unsigned char)v.ptr[i]) * 0x100000001b3U;
    return (hash ^ 0xff) * 0x100000001b3U; /* no byte of UTF-8: the end of a text */
}

static uint64_t key_of(const struct import_row *row, enum import_column what)
{
    uint64_t hash = mix(0xcbf29ce484222325U, view_of(import_column_name(what)));

    hash = mix(hash, row->values[IMPORT_CONNECTOR]);
    hash = mix(hash, row->values[IMPORT_SCOPE]);
    if (what == IMPORT_CONVERSATION)
        hash = mix(hash, row->values[IMPORT_SOURCE]);
    hash = mix(hash, row->values[what]);
    return hash ? hash : 1;
}

static uint32_t row_of(const struct import_row *row)
{
    uint64_t hash = 0xcbf29ce484222325U;

    for (size_t i = 0; i < IMPORT_N_COLUMNS; i++)
        hash = mix(hash, row->values[i]);
    return (uint32_t)(hash >> 32);
}

/* The slot of @key, or the free one where it belongs. */
static struct import_duplicates_slot *slot_of(const struct import_duplicates *s, uint64_t key)
{
    size_t at = (size_t)(key ^ key >> 32) & (s->n_slots - 1);

    while (s->slots[at].key && s->slots[at].key != key)
        at = (at + 1) & (s->n_slots - 1);
    return &s->slots[at];
}

static int grow(struct import_duplicates *s)
{
    struct import_duplicates bigger = {.n_slots = s->n_slots ? 2 * s->n_slots : 4096,
                                       .n = s->n};

    bigger.slots = mem_zalloc_array(bigger.n_slots, sizeof(*bigger.slots));
    if (!bigger.slots)
        return -ENOMEM;
    for (size_t i = 0; i < s->n_slots; i++) {
        if (s->slots[i].key)
            *slot_of(&bigger, s->slots[i].key) = s->slots[i];
    }
    mem_free(s->slots);
    *s = bigger;
    return 0;
}

int import_duplicates_add(struct import_duplicates *s, const struct import_row *row,
                          uint64_t before, struct import_match *ret)
{
    static const enum import_column keys[] = {IMPORT_CONVERSATION, IMPORT_CLIENT_ID,
                                              IMPORT_CHAT_ID};
    struct import_match match = {.line = 0};
    uint32_t whole = row_of(row);

    if (4 * (s->n + AMO_COUNT(keys)) > 3 * s->n_slots && grow(s))
        return -ENOMEM;
    for (size_t i = 0; i < AMO_COUNT(keys); i++) {
        struct import_duplicates_slot *slot = NULL;

        if (row->values[keys[i]].len == 0)
            continue;
        slot = slot_of(s, key_of(row, keys[i]));
        if (slot->key && slot->line < before && !match.line)
            match = (struct import_match){slot->line, slot->row == whole, keys[i]};
        if (slot->key)
            continue;
        *slot =
            (struct import_duplicates_slot){key_of(row, keys[i]), (uint32_t)row->line, whole};
        s->n++;
    }
    *ret = match;
    return 0;
}
