/* The index of repeats on disk.
 *
 * From: ingress.c, before a segment of the spool is deleted; at the start. To: two files.
 * Holds: nothing that is not in the index. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "ingress/spool/crc32c.h"
#include "ingress/spool/repeat_private.h"
#include "proto/limits.h"

/* On disk, 40 bytes each: an entry or, with kind 2, "all up to number `at` is here". */
#define ROW_LEN       40U
#define ROW_ENTRY     1U
#define ROW_MARKER    2U
#define READ_TRIES    20
#define READ_PAUSE_NS 50000000L

static const struct repeat_kind keys = {
    .log = "repeat.log",
    .old = "repeat.old",
    .fresh = "repeat.new",
    .life_ms = LIMIT_REPEAT_MS,
    .max = LIMIT_REPEAT_ENTRIES,
};
static const struct repeat_kind webhooks = {
    .log = "webhook.log",
    .old = "webhook.old",
    .fresh = "webhook.new",
    .life_ms = LIMIT_WEBHOOK_ID_MS,
    .max = LIMIT_WEBHOOK_IDS,
    .webhook = true,
};

static int log_read(struct repeat *r, const char *name, bool current, int64_t now_ms);

static int open_kind(const struct repeat_kind *kind, const char *dir, int64_t now_ms,
                     struct repeat **ret_repeat)
{
    struct repeat *r = mem_zalloc(sizeof(*r));
    int rc = -ENOMEM;

    if (!r)
        return -ENOMEM;
    r->kind = kind;
    r->dir_fd = -1;
    r->log_fd = -1;
    r->cap = RING_FIRST;
    r->owners = mem_zalloc_array(OWNERS, sizeof(*r->owners));
    r->ring = mem_zalloc_array(r->cap, sizeof(*r->ring));
    r->slots = mem_zalloc_array(2 * r->cap, sizeof(*r->slots));
    if (!r->ring || !r->slots || !r->owners)
        goto out;
    r->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = r->dir_fd < 0 ? -errno : 0;
    rc = rc ? rc : log_read(r, kind->old, false, now_ms);
    r->log_from = r->head;
    rc = rc ? rc : log_read(r, kind->log, true, now_ms);
    if (rc == 0) {
        r->confirmed = r->head;
        r->logged = r->head;
        *ret_repeat = r;
        r = NULL;
    }
out:
    repeat_close(r);
    return rc;
}

int repeat_open(const char *dir, int64_t now_ms, struct repeat **ret_repeat)
{
    return open_kind(&keys, dir, now_ms, ret_repeat);
}

int repeat_open_webhooks(const char *dir, int64_t now_ms, struct repeat **ret_repeat)
{
    return open_kind(&webhooks, dir, now_ms, ret_repeat);
}

void repeat_close(struct repeat *r)
{
    if (!r)
        return;
    if (r->log_fd >= 0)
        (void)close(r->log_fd); /* what had to be on disk was synced */
    if (r->dir_fd >= 0)
        (void)close(r->dir_fd);
    mem_free(r->ring);
    mem_free(r->slots);
    mem_free(r->owners);
    mem_free(r);
}

static void row_put(unsigned char row[ROW_LEN], uint32_t kind, const struct repeat_entry *e)
{
    uint32_t crc = 0;

    for (int i = 0; i < 4; i++)
        row[4 + i] = (unsigned char)(kind >> (8 * i));
    repeat_entry_encode(e, row + 8);
    crc = crc32c(0, row + 4, ROW_LEN - 4);
    for (int i = 0; i < 4; i++)
        row[i] = (unsigned char)(crc >> (8 * i));
}

/* The kind, 0 when the row is torn. */
static uint32_t row_parse(const unsigned char row[ROW_LEN], struct repeat_entry *ret)
{
    uint64_t head = get_le64(row);

    if (crc32c(0, row + 4, ROW_LEN - 4) != (uint32_t)head)
        return 0;
    repeat_entry_decode(row + 8, ret);
    return (uint32_t)(head >> 32);
}

static int row_apply(struct repeat *r, uint32_t kind, const struct repeat_entry *e,
                     bool current, int64_t now_ms)
{
    if (kind == ROW_MARKER) {
        r->known_to = num_max(r->known_to, (uint64_t)e->at_ms);
        return 0;
    }
    if (current && r->n_log++ == 0)
        r->log_began_ms = e->at_ms;
    if (e->at_ms < now_ms - r->kind->life_ms || repeat_has(r, e->key))
        return 0;
    return repeat_add(r, e);
}

/* As pread(), at the start, for a disk that fails for a moment. */
static ssize_t read_patiently(int fd, unsigned char *to, size_t len, off_t offset)
{
    const struct timespec pause = {.tv_nsec = READ_PAUSE_NS};
    ssize_t n = pread(fd, to, len, offset);

    for (int i = 0; n < 0 && (errno == EIO || errno == EINTR) && i < READ_TRIES; i++) {
        (void)nanosleep(&pause, NULL);
        n = pread(fd, to, len, offset);
    }
    return n;
}

/* A torn end is cut off: rows behind it would not be found again. What the disk does not read is
 * no better; core knows the repeats in it. */
static int log_read(struct repeat *r, const char *name, bool current, int64_t now_ms)
{
    int fd = openat(r->dir_fd, name, O_RDWR | O_CLOEXEC | (current ? O_CREAT : 0), 0600);
    unsigned char rows[ROW_LEN * 512];
    off_t whole = 0;
    ssize_t n = 0;
    int rc = 0;

    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    while (rc == 0 && (n = read_patiently(fd, rows, sizeof(rows), whole)) >= (ssize_t)ROW_LEN) {
        for (size_t i = 0; rc == 0 && i + ROW_LEN <= (size_t)n; i += ROW_LEN) {
            struct repeat_entry e;
            uint32_t kind = row_parse(rows + i, &e);

            if (kind == 0)
                goto out;
            rc = row_apply(r, kind, &e, current, now_ms);
            whole += (off_t)ROW_LEN;
        }
    }
    if (rc == 0 && n < 0)
        log_failed(LOG_LEVEL_ERROR, "repeat.unreadable", -errno, "file=%s offset=%lld", name,
                   (long long)whole);
out:
    if (rc == 0 && current && ftruncate(fd, whole))
        rc = -errno;
    if (rc == 0 && current) {
        r->log_fd = fd;
        r->log_len = whole;
        return 0;
    }
    (void)close(fd); /* only read */
    return rc;
}

/* The log becomes the old one; what the old one had is too old, or too much. Whichever step fails,
 * the log that is open stays good to write to, and the next call goes on from there. */
static int log_rotate(struct repeat *r)
{
    int fd = openat(r->dir_fd, r->kind->fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    /* not there: this step was done before, and a later one failed */
    if ((renameat(r->dir_fd, r->kind->log, r->dir_fd, r->kind->old) && errno != ENOENT) ||
        renameat(r->dir_fd, r->kind->fresh, r->dir_fd, r->kind->log)) {
        int rc = -errno;

        (void)close(fd); /* nothing in it */
        return rc;
    }
    (void)close(r->log_fd); /* synced before */
    r->log_fd = fd;
    r->log_len = 0;
    r->n_log = 0;
    r->log_from = r->logged;
    r->renamed = true;
    return 0;
}

/* What is in the old log alone, and still counts: it would be lost with it. */
static void carry(const struct repeat *r, uint64_t to, struct buf *rows)
{
    unsigned char row[ROW_LEN];

    for (uint64_t p = r->tail; p < to; p++) {
        if (entry_at(r, p)->gone)
            continue;
        row_put(row, ROW_ENTRY, entry_at(r, p));
        (void)buf_add(rows, row, sizeof(row)); /* the caller asks */
    }
}

static int write_all(int fd, off_t offset, struct view bytes)
{
    while (bytes.len > 0) {
        ssize_t n = pwrite(fd, bytes.ptr, bytes.len, offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        bytes = view_make(bytes.ptr + n, bytes.len - (size_t)n);
        offset += n;
    }
    return 0;
}

/* The times are what a file says: any number. */
static bool began_long_before(const struct repeat *r, int64_t at_ms)
{
    return at_ms > 0 && r->log_began_ms < at_ms - r->kind->life_ms;
}

int repeat_sync(struct repeat *r)
{
    struct repeat_entry marker = {.at_ms = (int64_t)r->flushed_to};
    uint64_t old_from = r->log_from;
    unsigned char row[ROW_LEN];
    struct buf rows;
    size_t n_rows = 0;
    int rc = 0;

    if (r->flushed_to <= r->known_to && r->logged == r->confirmed)
        return 0;
    if (r->n_log > 0 && r->logged < r->confirmed &&
        (r->n_log >= r->kind->max || began_long_before(r, entry_at(r, r->logged)->at_ms)))
        rc = log_rotate(r);
    if (rc) /* the log grows beyond its bound until it can be */
        log_failed(LOG_LEVEL_WARN, "repeat.not_rotated", rc, NULL);
    buf_init(&rows, ((size_t)(r->head - r->tail) + 1) * ROW_LEN);
    if (r->log_from == r->logged && r->log_len == 0)
        carry(r, num_min(old_from, r->logged), &rows);
    for (uint64_t p = r->logged; p < r->confirmed; p++) {
        if (entry_at(r, p)->gone)
            continue;
        row_put(row, ROW_ENTRY, entry_at(r, p));
        (void)buf_add(&rows, row, sizeof(row)); /* asked for below */
    }
    row_put(row, ROW_MARKER, &marker);
    (void)buf_add(&rows, row, sizeof(row));
    rc = buf_error(&rows);
    rc = rc ? rc : write_all(r->log_fd, r->log_len, buf_view(&rows));
    if (rc == 0 && (fdatasync(r->log_fd) || (r->renamed && fsync(r->dir_fd))))
        rc = -errno;
    n_rows = rows.len / ROW_LEN;
    if (rc == 0)
        r->log_len += (off_t)rows.len; /* else the next try writes over it */
    buf_fini(&rows);
    if (rc)
        return rc;
    if (r->n_log == 0 && r->logged < r->confirmed)
        r->log_began_ms = entry_at(r, r->logged)->at_ms;
    r->n_log += n_rows - 1;
    r->logged = r->confirmed;
    r->known_to = num_max(r->known_to, r->flushed_to);
    r->renamed = false;
    return 0;
}
