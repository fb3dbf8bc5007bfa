#pragma once

/* One file of the spool: a run of records in number order, and which of them are taken. Part of
 * the spool (ingress/spool/spool.h), apart because it knows files and nothing of the order of
 * segments.
 *
 * "<first number, 20 digits>.seg". A new segment is preallocated with zeros, so that a flush
 * changes no file size; sealing cuts it to what is used. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/list.h"
#include "ingress/spool/record.h"
#include "ingress/spool/shares.h"
#include "proto/session.h"

struct segment {
    struct list link;
    int fd;               /* open while it is written or read, else -1 */
    uint64_t first;       /* number of its first record */
    uint64_t end;         /* number after its last one */
    size_t space;         /* bytes preallocated; 0 once sealed */
    size_t used;          /* bytes of records, appended ones included */
    size_t flushed;       /* bytes that are on disk: readers stop here */
    bool sealed;          /* nothing is appended any more */
    bool damaged;         /* kept as .bad instead of being deleted */
    bool salvaged;        /* the disk does not read all of it: what it does read is taken */
    bool told;            /* … and that was logged */
    unsigned n_refused;   /* failed reads in a row */
    int64_t refused_ms;   /* the first of them, monotonic */
    uint64_t n_taken;     /* marked records */
    unsigned char *taken; /* owned; one bit a record */
    size_t taken_len;     /* bytes */
    struct range *gone;   /* owned; numbers that are lost, whatever core knows */
    size_t n_gone;
    struct held held; /* by whom; the spool's */
};

/* A piece of a segment in memory, so that reading on costs no call for each record. */
struct window {
    int dir_fd;       /* of the spool's folder, borrowed */
    bool patient;     /* a read that fails is tried again at once: no request waits yet */
    uint64_t segment; /* whose first number; 0 = empty */
    size_t offset;
    struct buf bytes;
};
void window_init(struct window *w, int dir_fd);
void window_fini(struct window *w);

/* Nothing open yet. -ENOMEM. */
AMO_MUSTCHECK int segment_new(uint64_t first, struct segment **ret_segment);
/* Closes the file and frees; accepts NULL. The file stays. */
void segment_free(struct segment *s);

/* A new file of @space zero bytes in folder @dir_fd. The folder is synced, so that the file is
 * found after a crash. -ENOSPC, -errno; nothing is left behind. */
AMO_MUSTCHECK int segment_create(struct segment *s, int dir_fd, size_t space);
/* Open the file if it is not. -errno. */
AMO_MUSTCHECK int segment_open(struct segment *s, int dir_fd);
/* Whole write at the end of what is flushed or written so far. -errno. */
AMO_MUSTCHECK int segment_write(struct segment *s, size_t offset, struct view bytes);
/* Cut to what is used, sync, no more appends. -errno. */
AMO_MUSTCHECK int segment_seal(struct segment *s);
/* What a crash left: finds the last whole record, cuts what was torn, gives back the zeros. The
 * last flush may have failed without the file showing it (what is read may not be on the disk), so
 * its records are written once more and synced.
 * Sets end, used, flushed; @ret_low is the highest low mark of its records, 0 none. A flushed
 * record that is damaged seals the segment and marks it. -errno. */
AMO_MUSTCHECK int segment_recover(struct segment *s, int dir_fd, size_t space,
                                  uint64_t *ret_low);
/* The file is there and holds no record: it takes appends again, of @space bytes. -ENOSPC: it is as
 * before; other -errno. */
AMO_MUSTCHECK int segment_refill(struct segment *s, int dir_fd, size_t space);
/* "00000000000000000001.seg", for log lines. Good until the next call. */
const char *segment_file(const struct segment *s);
/* Delete the file, or set it aside as .bad when it is damaged. -errno. */
AMO_MUSTCHECK int segment_remove(const struct segment *s, int dir_fd);

/* The record at @offset, through @w. 0, RECORD_E_END, RECORD_E_BAD (torn counts), -errno. The
 * views are good until the window moves. Reads nothing at or behind @limit.
 * A disk that does not read is asked again: the first errors are passed on, for the caller to come
 * again; after a second and five of them what cannot be read is damage like any other. */
AMO_MUSTCHECK int segment_read(struct segment *s, struct window *w, size_t offset, size_t limit,
                               struct record *ret, size_t *ret_len);
/* The next whole record behind @offset whose number is at least @number. 0 and its place, or
 * RECORD_E_END when there is none, -errno. */
AMO_MUSTCHECK int segment_resync(struct segment *s, struct window *w, size_t offset,
                                 size_t limit, uint64_t number, size_t *ret_offset);

bool segment_is_taken(const struct segment *s, uint64_t number);
/* Marks @low … @high as far as they are its records. -ENOMEM: some are not marked. */
AMO_MUSTCHECK int segment_take(struct segment *s, uint64_t low, uint64_t high);
/* The same for records that cannot be read: for good, and the file is kept aside. -ENOMEM: none
 * is marked. */
AMO_MUSTCHECK int segment_give_up(struct segment *s, uint64_t low, uint64_t high);
/* All marks go, but those of segment_give_up(). */
void segment_untake(struct segment *s);
/* Every record is taken? */
bool segment_is_done(const struct segment *s);
