/* Reads and writes the small files of a spool's folder: its lock, its id, the boot ids of the
 * processes that had it, and two marks in the numbering (fresh and floor). Lists the segments. */

#include "ingress/spool/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "ingress/spool/spool.h"

#define ID_FILE    "spool.id"
#define FLOOR_FILE "spool.floor"
#define LIVES_FILE "spool.lives"
#define FRESH_FILE "spool.fresh"

int spool_files_lock(const char *dir, int *ret_dir_fd)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = 0;

    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        rc = errno == EWOULDBLOCK ? SPOOL_E_BUSY : -errno;
        (void)close(fd); /* read only */
        return rc;
    }
    *ret_dir_fd = fd;
    return 0;
}

/* Up to @cap bytes of a small file; -ENOENT. */
static int read_small(int dir_fd, const char *name, unsigned char *to, size_t cap, size_t *ret)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0;
    int rc = 0;

    if (fd < 0)
        return -errno;
    n = read(fd, to, cap);
    rc = n < 0 ? -errno : 0;
    (void)close(fd); /* read only */
    if (rc == 0)
        *ret = (size_t)n;
    return rc;
}

static bool is_no_space(int rc)
{
    return rc == -ENOSPC || rc == -EDQUOT;
}

/* Bytes over bytes of a file that is there need no room. */
static int write_over(int dir_fd, const char *name, struct view bytes)
{
    int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);
    ssize_t n = 0;
    int rc = 0;

    if (fd < 0)
        return -errno;
    n = pwrite(fd, bytes.ptr, bytes.len, 0);
    if (n != (ssize_t)bytes.len)
        rc = n < 0 ? -errno : -ENOSPC;
    else if (fsync(fd))
        rc = -errno;
    (void)close(fd); /* synced */
    return rc;
}

/* All of it or nothing, also when the machine stops half-way; but on a full disk in place, as a
 * spool that is full must be able to go on. What is torn then means nothing worse than an id, a
 * life or a floor that nobody knows. */
static int replace_small(int dir_fd, const char *name, struct view bytes)
{
    char fresh[32];
    ssize_t n = 0;
    int rc = 0;
    int fd = -1;

    (void)snprintf(fresh, sizeof(fresh), "%s.new", name); /* fits */
    fd = openat(dir_fd, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    n = write(fd, bytes.ptr, bytes.len);
    if (n != (ssize_t)bytes.len)
        rc = n < 0 ? -errno : -ENOSPC;
    if (rc == 0 && (fsync(fd) || renameat(dir_fd, fresh, dir_fd, name) || fsync(dir_fd)))
        rc = -errno;
    (void)close(fd); /* synced */
    if (!is_no_space(rc))
        return rc;
    (void)unlinkat(dir_fd, fresh, 0); /* nobody reads it */
    return write_over(dir_fd, name, bytes);
}

int spool_files_id(int dir_fd, struct id *ret)
{
    struct id id;
    size_t n = 0;
    int rc = read_small(dir_fd, ID_FILE, id.bytes, sizeof(id.bytes), &n);

    if (rc == -ENOENT)
        return spool_files_new_id(dir_fd, ret);
    if (rc)
        return rc;
    if (n != sizeof(id.bytes) || id_is_zero(&id))
        return spool_files_new_id(dir_fd, ret);
    *ret = id;
    return 0;
}

int spool_files_put_id(int dir_fd, const struct id *id)
{
    return replace_small(dir_fd, ID_FILE, id_view(id));
}

int spool_files_new_id(int dir_fd, struct id *ret)
{
    struct id id;
    int rc = id_random(&id);

    rc = rc ? rc : spool_files_put_id(dir_fd, &id);
    if (rc == 0)
        *ret = id;
    return rc;
}

int spool_files_live(int dir_fd, const struct id *boot, unsigned char ret[SPOOL_LIVES_LEN],
                     size_t *ret_len)
{
    unsigned char now[SPOOL_LIVES_LEN] = {0}; /* always as long: it can be written over */
    size_t n = 0;
    int rc = read_small(dir_fd, LIVES_FILE, ret, SPOOL_LIVES_LEN, &n);

    if (rc && rc != -ENOENT)
        return rc;
    rc = 0;
    n -= n % sizeof(*boot);
    if (boot) {
        memcpy(now, boot->bytes, sizeof(*boot));
        memcpy(now + sizeof(*boot), ret, num_min(n, SPOOL_LIVES_LEN - sizeof(*boot)));
        rc = replace_small(dir_fd, LIVES_FILE, view_make(now, sizeof(now)));
    }
    *ret_len = n;
    return is_no_space(rc) || rc == -ENOENT ? 0 : rc;
}

int spool_files_put_fresh(int dir_fd, uint64_t fresh)
{
    unsigned char bytes[8];
    int rc = 0;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(fresh >> (8 * i));
    rc = replace_small(dir_fd, FRESH_FILE, view_make(bytes, sizeof(bytes)));
    return is_no_space(rc) || rc == -ENOENT ? 0 : rc;
}

int spool_files_fresh(int dir_fd, uint64_t *ret)
{
    unsigned char bytes[8];
    uint64_t fresh = 0;
    size_t n = 0;
    int rc = read_small(dir_fd, FRESH_FILE, bytes, sizeof(bytes), &n);

    if (rc && rc != -ENOENT)
        return rc;
    for (size_t i = 0; rc == 0 && n == sizeof(bytes) && i < n; i++)
        fresh |= (uint64_t)bytes[i] << (8 * i);
    *ret = fresh;
    return 0;
}

#define FLOOR_LEN (sizeof(struct id) + 9)

int spool_files_put_floor(int dir_fd, const struct id *id, const struct spool_floor *floor)
{
    unsigned char bytes[FLOOR_LEN];
    int rc = 0;

    memcpy(bytes, id->bytes, sizeof(id->bytes));
    for (size_t i = 0; i < 8; i++)
        bytes[sizeof(id->bytes) + i] = (unsigned char)(floor->number >> (8 * i));
    bytes[FLOOR_LEN - 1] = floor->proven;
    rc = replace_small(dir_fd, FLOOR_FILE, view_make(bytes, sizeof(bytes)));
    return is_no_space(rc) || rc == -ENOENT ? 0 : rc;
}

int spool_files_floor(int dir_fd, const struct id *id, struct spool_floor *ret)
{
    unsigned char bytes[FLOOR_LEN];
    struct spool_floor floor = {0};
    size_t n = 0;
    int rc = read_small(dir_fd, FLOOR_FILE, bytes, sizeof(bytes), &n);

    if (rc && rc != -ENOENT)
        return rc;
    if (rc == 0 && n == sizeof(bytes) && memcmp(bytes, id->bytes, sizeof(id->bytes)) == 0) {
        for (size_t i = 0; i < 8; i++)
            floor.number |= (uint64_t)bytes[sizeof(id->bytes) + i] << (8 * i);
        floor.proven = bytes[FLOOR_LEN - 1] == 1;
    }
    floor.number = num_max(floor.number, 1);
    *ret = floor;
    return 0;
}

struct entry {
    uint64_t first;
    size_t size;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;

    return (x->first > y->first) - (x->first < y->first);
}

/* "<20 digits>.seg" */
static bool name_parse(const char *name, uint64_t *ret_first)
{
    struct view v = view_of(name);

    return v.len == 24 && strcmp(name + 20, ".seg") == 0 &&
           num_parse_u64(view_make(v.ptr, 20), ret_first) == 0 && *ret_first > 0;
}

static int list_entries(int dir_fd, DIR *dir, struct entry **entries, size_t *n)
{
    const struct dirent *d = NULL;

    while ((d = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe): one thread */
        struct entry e = {0};
        struct stat st;
        struct entry *p = NULL;

        if (!name_parse(d->d_name, &e.first))
            continue;
        if (fstatat(dir_fd, d->d_name, &st, 0))
            return -errno;
        e.size = (size_t)st.st_size;
        p = mem_realloc(*entries, (*n + 1) * sizeof(e));
        if (!p)
            return -ENOMEM;
        *entries = p;
        (*entries)[(*n)++] = e;
    }
    return 0;
}

static DIR *dir_open(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir && fd >= 0)
        (void)close(fd); /* read only */
    return dir;
}

int spool_files_count_kept(int dir_fd, uint64_t *ret)
{
    const struct dirent *d = NULL;
    DIR *dir = dir_open(dir_fd);
    uint64_t n = 0;

    if (!dir)
        return errno ? -errno : -EIO;
    while ((d = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe): one thread */
        size_t len = strlen(d->d_name);

        n += len > 4 && strcmp(d->d_name + len - 4, ".bad") == 0;
    }
    (void)closedir(dir); /* read only */
    *ret = n;
    return 0;
}

int spool_files_each(int dir_fd, int (*fn)(void *arg, uint64_t first, size_t size), void *arg)
{
    struct entry *entries = NULL;
    DIR *dir = dir_open(dir_fd);
    size_t n = 0;
    int rc = 0;

    if (!dir)
        return errno ? -errno : -EIO;
    rc = list_entries(dir_fd, dir, &entries, &n);
    if (rc == 0 && n > 1)
        qsort(entries, n, sizeof(*entries), compare_entries);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = fn(arg, entries[i].first, entries[i].size);
    mem_free(entries);
    (void)closedir(dir); /* read only */
    return rc;
}
