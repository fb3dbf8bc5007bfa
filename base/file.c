/* Reading a small file whole, and writing one: into a temporary file beside it, which is flushed, then renamed
 * or linked to its name, and the folder flushed. */

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int file_flush_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct buf dir;
    int fd = -1;
    int rc = 0;

    buf_init(&dir, 4096);
    rc = slash ? buf_add(&dir, path, (size_t)(slash - path) + 1) : buf_add_str(&dir, ".");
    if (rc == 0) {
        fd = open(buf_str(&dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        rc = fd < 0 || fsync(fd) != 0 ? -errno : 0;
    }
    if (fd >= 0)
        (void)close(fd); /* nothing was written through it */
    buf_fini(&dir);
    return rc;
}

static int write_whole(const char *path, struct view bytes)
{
    ssize_t n = 0;
    int rc = 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return -errno;
    n = write(fd, bytes.ptr, bytes.len);
    if (n < 0 || fsync(fd) != 0)
        rc = -errno;
    else if ((size_t)n != bytes.len)
        rc = -EIO; /* regular files are cut short by a full disk alone; told at the next try */
    (void)close(fd); /* flushed above */
    return rc;
}

static int put(const char *path, struct view bytes, bool replace)
{
    struct buf fresh;
    int rc = 0;

    buf_init(&fresh, 4096);
    rc = buf_add_f(&fresh, "%s.new", path);
    rc = rc ? rc : write_whole(buf_str(&fresh), bytes);
    if (rc == 0 && replace)
        rc = rename(buf_str(&fresh), path) != 0 ? -errno : 0;
    else if (rc == 0)
        rc = link(buf_str(&fresh), path) != 0 ? -errno : 0;
    if (fresh.len && (rc || !replace))
        (void)unlink(buf_str(&fresh)); /* one that stays is written over the next time */
    buf_fini(&fresh);
    return rc ? rc : file_flush_parent(path);
}

int file_create(const char *path, struct view bytes)
{
    return put(path, bytes, false);
}

int file_replace(const char *path, struct view bytes)
{
    return put(path, bytes, true);
}

int file_read_fd(int fd, struct buf *out)
{
    for (;;) {
        char *space = buf_reserve(out, 4096);
        ssize_t n = space ? read(fd, space, 4096) : 0;

        if (!space)
            return buf_error(out);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        buf_grow(out, (size_t)n);
    }
}

int file_read(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int rc = 0;

    if (fd < 0)
        return -errno;
    rc = file_read_fd(fd, out);
    (void)close(fd); /* it was only read */
    return rc;
}
