#pragma once

/* What a spool's folder contains beside the records: its lock, its id, the list of segments. Part
 * of the spool (ingress/spool/spool.h). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/ids.h"

/* The first number given since the last session with core; 0: there was one since the start.
 * On a full disk it may not be kept. -errno. */
AMO_MUSTCHECK int spool_files_put_fresh(int dir_fd, uint64_t fresh);
AMO_MUSTCHECK int spool_files_fresh(int dir_fd, uint64_t *ret);

struct spool_floor {
    uint64_t number; /* below it everything was taken under the id before; 1 nothing */
    bool proven;     /* core has taken something under this id: from then on it knows it */
};

/* Opens the folder and locks it for this process. SPOOL_E_BUSY, -errno. */
AMO_MUSTCHECK int spool_files_lock(const char *dir, int *ret_dir_fd);
/* The id kept in `spool.id`; a new one when there is none or it is not readable. -errno. */
AMO_MUSTCHECK int spool_files_id(int dir_fd, struct id *ret);
/* Synced and put in place of the old one at once. -errno. */
AMO_MUSTCHECK int spool_files_put_id(int dir_fd, const struct id *id);
/* A new one, put there. -errno. */
AMO_MUSTCHECK int spool_files_new_id(int dir_fd, struct id *ret);
/* Boot ids of processes that had the folder; so many that a session with core came in between. */
#define SPOOL_LIVES_LEN ((size_t)64 * sizeof(struct id))
/* Reads who had this folder before, and writes @boot down before them unless it is NULL. No room
 * on the disk is no error: then this life takes no part in the list. -errno. */
AMO_MUSTCHECK int spool_files_live(int dir_fd, const struct id *boot,
                                   unsigned char ret[SPOOL_LIVES_LEN], size_t *ret_len);
/* With a new id, what was taken under the previous id stays taken: numbers below @floor are never
 * sent. Kept for this id alone. On a full disk it may not be kept, and after the next start some
 * events are sent again. -errno. */
AMO_MUSTCHECK int spool_files_put_floor(int dir_fd, const struct id *id,
                                        const struct spool_floor *floor);
/* Below 1 when none is kept for this id. -errno. */
AMO_MUSTCHECK int spool_files_floor(int dir_fd, const struct id *id, struct spool_floor *ret);
/* How many damaged files lie there, set aside. -errno. */
AMO_MUSTCHECK int spool_files_count_kept(int dir_fd, uint64_t *ret);
/* @fn for every segment file in number order. Stops at its first error. -errno. */
AMO_MUSTCHECK int
spool_files_each(int dir_fd, int (*fn)(void *arg, uint64_t first, size_t size), void *arg);
