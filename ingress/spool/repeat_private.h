#pragma once

/* What the index of repeats holds, for repeat.c and repeat_log.c alone. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ingress/spool/repeat.h"

/* Entries lie in a ring in order of arrival; the slots are a hash table of places in it. All
 * positions count from the beginning of time, so they never wrap. What a connector gives up before its time
 * stays as a gap until the ring is full, and then the others move together. */

#define RING_FIRST 64U
#define OWNERS     4096U /* told apart; two connectors of one number share */

struct owner {
    uint32_t n;       /* entries that are not gone */
    uint64_t oldest;  /* nothing of its entries lies before */
    int64_t floor_ms; /* the latest time of those it gave up before their time; 0 none */
};

/* What is different about the two. */
struct repeat_kind {
    const char *log;
    const char *old;
    const char *fresh; /* while one becomes the other */
    int64_t life_ms;
    size_t max;
    bool webhook;
};

struct repeat {
    const struct repeat_kind *kind;
    struct owner *owners; /* owned; OWNERS of them */
    size_t n;             /* entries that are not gone */
    int dir_fd;
    int log_fd;
    struct repeat_entry *ring; /* owned; cap elements, a power of two */
    uint32_t *slots;           /* owned; 2 * cap; place in the ring + 1, 0 empty */
    size_t cap;
    uint64_t tail;      /* oldest kept */
    uint64_t head;      /* behind the newest */
    uint64_t confirmed; /* behind the newest whose event is flushed */
    uint64_t logged;    /* behind the newest that is in the log */
    uint64_t log_from;  /* the first of the present log; what lies before is in the old one */
    uint64_t known_to;
    uint64_t flushed_to;  /* number of the newest flushed event */
    off_t log_len;        /* whole rows in repeat.log, bytes */
    size_t n_log;         /* entries in it */
    bool renamed;         /* the folder is to be synced */
    int64_t log_began_ms; /* time of its first entry */
};

static inline struct repeat_entry *entry_at(const struct repeat *r, uint64_t position)
{
    return &r->ring[position & (r->cap - 1)];
}

static inline void put_le64(unsigned char *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (unsigned char)(v >> (8 * i));
}

static inline uint64_t get_le64(const unsigned char *p)
{
    uint64_t v = 0;

    for (int i = 0; i < 8; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

/* Is there an entry of this key? */
bool repeat_has(const struct repeat *r, const unsigned char *key);
void repeat_entry_decode(const unsigned char *p, struct repeat_entry *ret);
