#pragma once

/* Small files, read or written at once: keys, marks, letters. Written ones are there whole or not at
 * all, whatever ends the process or the machine meanwhile. */

#include "base/buf.h"
#include "base/compiler.h"

/* A new file (mode 0600) with @bytes under its final name only when both are on disk. -EEXIST: one of
 * that name is there and stays; other -errno. */
AMO_MUSTCHECK int file_create(const char *path, struct view bytes);
/* The same, in place of whatever has that name. */
AMO_MUSTCHECK int file_replace(const char *path, struct view bytes);
/* Names made or removed in the folder of @path outlive a power cut. -errno. */
AMO_MUSTCHECK int file_flush_parent(const char *path);
/* Appends all of a file, or of what @fd has to give. -ENOSPC: more than @out may hold, and it holds
 * some of it; -ENOMEM, other -errno. */
AMO_MUSTCHECK int file_read(const char *path, struct buf *out);
AMO_MUSTCHECK int file_read_fd(int fd, struct buf *out);
