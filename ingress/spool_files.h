#pragma once

/* What lies in a spool's folder beside the records: its lock, its id, the list of segments. Part
 * of the spool (ingress/spool.h). */

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/ids.h"

/* Opens the folder and locks it for this process. SPOOL_E_BUSY, -errno. */
AMO_MUSTCHECK int spool_files_lock(const char *dir, int *ret_dir_fd);
/* The id kept in `spool.id`; a new one when there is none or it is not readable. -errno. */
AMO_MUSTCHECK int spool_files_id(int dir_fd, struct id *ret);
/* A new id, synced and put in place of the old one at once. -errno. */
AMO_MUSTCHECK int spool_files_new_id(int dir_fd, struct id *ret);
/* How many damaged files lie there, set aside. -errno. */
AMO_MUSTCHECK int spool_files_count_kept(int dir_fd, uint64_t *ret);
/* @fn for every segment file in number order. Stops at its first error. -errno. */
AMO_MUSTCHECK int
spool_files_each(int dir_fd, int (*fn)(void *arg, uint64_t first, size_t size), void *arg);
