#pragma once

/* What a spool holds, for spool.c and read.c alone. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/ids.h"
#include "base/list.h"
#include "ingress/spool/files.h"
#include "ingress/spool/segment.h"
#include "ingress/spool/shares.h"
#include "ingress/spool/spool.h"

struct spool {
    int dir_fd;
    struct spool_config config;
    struct id id;
    struct list segments;   /* in number order; the last one is never deleted */
    struct segment *active; /* the last one while it takes appends, else NULL */
    size_t segment_space;
    uint64_t total; /* bytes of records in all segments */
    uint64_t next;  /* number to be given */
    uint64_t low;   /* below it everything is taken */
    unsigned char lives[SPOOL_LIVES_LEN];
    size_t lives_len;
    struct spool_floor floor;
    uint64_t
        fresh; /* first number given since the last session with core; 0: there was one since the start */
    uint64_t batch; /* first number of the present flush */
    uint64_t lost;
    bool unreadable;    /* at the start the disk did not read the last file */
    struct buf pending; /* appended, not written */
    size_t written;     /* bytes of the active segment that were written */
    bool dirty;
    int failed;   /* a flush failed: nothing more is done */
    int sweep_rc; /* why a segment that is done is still here, logged once; 0 nothing */
    int64_t
        owed_ms; /* since when what its aux parts say could not be kept, monotonic; 0 it is */
    int full;    /* 0, SPOOL_E_FULL, SPOOL_E_DISK */
    struct shares shares;
    uint64_t max;      /* bytes that can be used: max_bytes, or what the disk has room for */
    size_t learnt;     /* of the first file whose writers are not known yet: offset */
    int64_t looked_ms; /* at the disk, monotonic */
    struct window window;
    struct segment *reading; /* where the window's segment is, a short cut */
};

static inline struct segment *segment_of(struct list *link)
{
    return LIST_ENTRY(link, struct segment, link);
}

static inline struct segment *last_segment(const struct spool *s)
{
    return list_is_empty(&s->segments) ? NULL : segment_of(s->segments.prev);
}

/* Deletes what is done, from the front, so that the numbers of the files leave no holes. The
 * last segment stays: it knows the next number. */
void spool_sweep(struct spool *s);
/* The file is gone, or the process ends. Frees @g. */
void spool_drop(struct spool *s, struct segment *g);
/* How much the disk can hold. */
void spool_look(struct spool *s);
/* Learns who wrote the last file, which takes appends: at the start. */
void spool_learn_last(struct spool *s);
/* Some numbers at the front were taken or given up. */
void spool_advance_low(struct spool *s);
