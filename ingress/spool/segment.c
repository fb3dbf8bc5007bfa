/* Files of the spool.
 *
 * From: spool.c.
 * To: the disk.
 * Holds: the marks of what core has taken; nothing else that is not on disk. */

#include "ingress/spool/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"

#define WINDOW_BYTES     ((size_t)128 << 10)
#define PIECE_BYTES      ((size_t)4096) /* read one by one where the disk fails */
#define UNREADABLE       0xEE           /* in place of a piece that cannot be read */
#define REFUSED_MAX      5U             /* failed reads, and … */
#define REFUSED_MS       1000           /* … how long, until the bytes are given up */
#define REFUSED_PAUSE_NS 50000000L

static int file_size(int fd, size_t *ret);
static int window_move(struct window *w, struct segment *s, size_t offset, size_t len);

void window_init(struct window *w, int dir_fd)
{
    *w = (struct window){.dir_fd = dir_fd};
    buf_init(&w->bytes, RECORD_MAX + RECORD_AUX_MAX + RECORD_HEAD + 8);
}

void window_fini(struct window *w)
{
    buf_fini(&w->bytes);
    w->segment = 0;
}

int segment_new(uint64_t first, struct segment **ret_segment)
{
    struct segment *s = mem_zalloc(sizeof(*s));

    if (!s)
        return -ENOMEM;
    list_init(&s->link);
    s->fd = -1;
    s->first = first;
    s->end = first;
    *ret_segment = s;
    return 0;
}

void segment_free(struct segment *s)
{
    if (!s)
        return;
    list_remove(&s->link);
    if (s->fd >= 0)
        (void)close(s->fd); /* what had to be on disk was synced */
    mem_free(s->taken);
    mem_free(s->gone);
    mem_free(s);
}

#define NAME_LEN 32

static void file_name(const struct segment *s, const char *tail, char ret[NAME_LEN])
{
    (void)snprintf(ret, NAME_LEN, "%020llu.%s", (unsigned long long)s->first, tail);
}

int segment_create(struct segment *s, int dir_fd, size_t space)
{
    char name[NAME_LEN];
    int rc = 0;

    file_name(s, "seg", name);
    s->fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    /* numbers from here on were never given, so a file of that name is what could not be removed
       below */
    if (s->fd < 0 && errno == EEXIST)
        s->fd = openat(dir_fd, name, O_RDWR | O_TRUNC | O_CLOEXEC);
    if (s->fd < 0)
        return -errno;
    rc = -posix_fallocate(s->fd, 0, (off_t)space);
    if (rc == 0 && (fsync(s->fd) || fsync(dir_fd)))
        rc = -errno;
    if (rc) {
        (void)close(s->fd); /* nothing in it */
        (void)unlinkat(dir_fd, name, 0);
        s->fd = -1;
        return rc;
    }
    s->space = space;
    return 0;
}

int segment_refill(struct segment *s, int dir_fd, size_t space)
{
    int rc = segment_open(s, dir_fd);

    rc = rc ? rc : -posix_fallocate(s->fd, 0, (off_t)space);
    if (rc == 0 && fsync(s->fd))
        rc = -errno;
    if (rc) {
        if (s->fd >= 0)
            (void)!ftruncate(s->fd, 0); /* what it got of the room goes back */
        return rc;
    }
    s->space = space;
    s->sealed = false;
    return 0;
}

const char *segment_file(const struct segment *s)
{
    static char name[NAME_LEN];

    file_name(s, "seg", name);
    return name;
}

int segment_open(struct segment *s, int dir_fd)
{
    char name[NAME_LEN];

    if (s->fd >= 0)
        return 0;
    file_name(s, "seg", name);
    s->fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC);
    return s->fd < 0 ? -errno : 0;
}

int segment_write(struct segment *s, size_t offset, struct view bytes)
{
    while (bytes.len > 0) {
        ssize_t n = pwrite(s->fd, bytes.ptr, bytes.len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        offset += (size_t)n;
        bytes = view_make(bytes.ptr + n, bytes.len - (size_t)n);
    }
    return 0;
}

int segment_seal(struct segment *s)
{
    if (ftruncate(s->fd, (off_t)s->used) || fdatasync(s->fd))
        return -errno;
    s->flushed = s->used;
    s->space = 0;
    s->sealed = true;
    return 0;
}

static int file_size(int fd, size_t *ret)
{
    struct stat st;

    if (fstat(fd, &st))
        return -errno;
    *ret = (size_t)st.st_size;
    return 0;
}

static int window_move(struct window *w, struct segment *s, size_t offset, size_t len)
{
    char *p = NULL;
    size_t have = 0;

    if (w->bytes.cap > 2 * WINDOW_BYTES && len <= WINDOW_BYTES)
        buf_fini(&w->bytes); /* one large record must not stay in memory for ever */
    buf_reset(&w->bytes);
    w->segment = 0;
    p = buf_reserve(&w->bytes, len);
    if (!p)
        return w->bytes.error;
    while (have < len) {
        ssize_t n = pread(s->fd, p + have, len - have, (off_t)(offset + have));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        have += (size_t)n;
    }
    buf_grow(&w->bytes, have);
    w->segment = s->first;
    w->offset = offset;
    return 0;
}

/* Of the disk, not of ours or the moment's: going on without the bytes is better than waiting for
 * them. */
static bool is_of_the_disk(int rc)
{
    return rc == -EIO || rc == -ENODATA || rc == -EBADMSG || rc == -EUCLEAN || rc == -ENOENT;
}

/* Piece by piece; a piece that cannot be read becomes bytes that are neither a record nor
 * nothing. */
static int window_salvage(struct window *w, const struct segment *s, size_t offset, size_t len)
{
    char *p = NULL;

    buf_reset(&w->bytes);
    p = buf_reserve(&w->bytes, len);
    if (!p)
        return w->bytes.error;
    for (size_t at = 0; at < len;) {
        size_t piece = num_min(PIECE_BYTES - (offset + at) % PIECE_BYTES, len - at);
        ssize_t n = -1;

        for (int i = 0; s->fd >= 0 && i < 2 && n < 0; i++)
            n = pread(s->fd, p + at, piece, (off_t)(offset + at));
        if (n < (ssize_t)piece)
            memset(p + at + (n > 0 ? n : 0), UNREADABLE, piece - (size_t)(n > 0 ? n : 0));
        at += piece;
    }
    buf_grow(&w->bytes, len);
    w->segment = s->first;
    w->offset = offset;
    return 0;
}

static int window_load(struct window *w, struct segment *s, size_t offset, size_t len)
{
    const struct timespec pause = {.tv_nsec = REFUSED_PAUSE_NS};

    for (;;) {
        int rc = segment_open(s, w->dir_fd);

        rc = rc ? rc : window_move(w, s, offset, len);
        if (rc == 0)
            s->n_refused = 0;
        if (rc == 0 || !is_of_the_disk(rc))
            return rc;
        if (s->n_refused++ == 0)
            s->refused_ms = clock_mono_ms();
        if (s->salvaged ||
            (s->n_refused >= REFUSED_MAX && clock_mono_ms() - s->refused_ms >= REFUSED_MS)) {
            s->salvaged = true;
            s->damaged = true;
            return window_salvage(w, s, offset, len);
        }
        if (!w->patient)
            return rc;
        (void)nanosleep(&pause, NULL); /* at the start: nobody waits but us */
    }
}

/* What of the segment lies in the window from @offset on. */
static struct view window_view(const struct window *w, const struct segment *s, size_t offset,
                               size_t limit)
{
    size_t end = w->offset + w->bytes.len;

    if (w->segment != s->first || offset < w->offset || offset >= end)
        return view_make("", 0);
    return view_make(w->bytes.ptr + (offset - w->offset), num_min(end, limit) - offset);
}

int segment_read(struct segment *s, struct window *w, size_t offset, size_t limit,
                 struct record *ret, size_t *ret_len)
{
    size_t want = RECORD_HEAD;
    int rc = 0;

    if (offset >= limit)
        return RECORD_E_END;
    for (;;) {
        struct view have = window_view(w, s, offset, limit);

        if (have.len >= want || (have.len > 0 && have.len == limit - offset)) {
            rc = record_parse(have, ret, &want);
            if (rc != RECORD_E_MORE) {
                *ret_len = want;
                return rc;
            }
            if (want > limit - offset)
                return RECORD_E_BAD; /* goes on behind the end: torn */
        }
        rc = window_load(w, s, offset, num_min(num_max(want, WINDOW_BYTES), limit - offset));
        if (rc)
            return rc;
        if (w->bytes.len < num_min(want, limit - offset))
            return RECORD_E_BAD; /* the file is shorter than it was */
    }
}

int segment_resync(struct segment *s, struct window *w, size_t offset, size_t limit,
                   uint64_t number, size_t *ret_offset)
{
    struct record r;
    size_t len = 0;

    for (offset = (offset + 8) & ~(size_t)7; offset + RECORD_HEAD <= limit; offset += 8) {
        struct view have = window_view(w, s, offset, limit);
        int rc = 0;

        if (have.len >= 4 && memcmp(have.ptr, "AMSR", 4) != 0)
            continue;
        rc = segment_read(s, w, offset, limit, &r, &len);
        if (rc < 0)
            return rc;
        if (rc == 0 && r.number >= number) {
            *ret_offset = offset;
            return 0;
        }
    }
    return RECORD_E_END;
}

/* Where the last flush began, as far as the records say. */
struct last_batch {
    uint64_t number;
    size_t offset;
};

/* Walks the whole file; where it stops, everything before is whole. */
static int recover_walk(struct segment *s, struct window *w, size_t size, uint64_t *ret_low,
                        struct last_batch *last)
{
    for (;;) {
        struct record r;
        size_t len = 0;
        size_t found = 0;
        int rc = segment_read(s, w, s->used, size, &r, &len);

        if (rc < 0)
            return rc;
        if (rc == 0 && r.number == s->end) {
            if (last->number != r.batch)
                *last = (struct last_batch){r.batch, s->used};
            s->end++;
            s->used += len;
            *ret_low = num_max(*ret_low, r.low);
            continue;
        }
        /* torn, unless a later flush stands behind it */
        rc = segment_resync(s, w, s->used, size, s->end + 1, &found);
        if (rc == 0)
            rc = segment_read(s, w, found, size, &r, &len);
        if (rc < 0)
            return rc;
        if (rc > 0 || r.batch <= s->end)
            return 0;
        s->damaged = true;
        s->end = r.number;
        s->used = found;
    }
}

/* That a later flush began proves that the one before had succeeded; of the last one nothing does.
 * Its pages may be marked clean and yet never have reached the disk: only writing them again
 * brings them there. */
static int rewrite_last(struct segment *s, size_t offset)
{
    struct buf bytes;
    int rc = 0;

    buf_init(&bytes, WINDOW_BYTES);
    while (rc == 0 && offset < s->used) {
        size_t len = num_min(WINDOW_BYTES, s->used - offset);
        char *p = NULL;
        ssize_t n = 0;

        buf_reset(&bytes);
        p = buf_reserve(&bytes, len);
        n = p ? pread(s->fd, p, len, (off_t)offset) : 0;
        if (n <= 0) {
            rc = !p ? bytes.error : n < 0 ? -errno : -EIO;
            break;
        }
        rc = segment_write(s, offset, view_make(p, (size_t)n));
        offset += (size_t)n;
    }
    buf_fini(&bytes);
    if (rc == 0 && fsync(s->fd))
        rc = -errno;
    return rc;
}

/* Takes appends again, or is sealed when there is no room for them. */
static int recover_space(struct segment *s, size_t space)
{
    int rc = 0;

    /* a torn record must not come back to life between later ones */
    if (ftruncate(s->fd, (off_t)s->used))
        rc = -errno;
    rc = rc ? rc : -posix_fallocate(s->fd, 0, (off_t)space);
    if (rc == -ENOSPC)
        return segment_seal(s);
    if (rc == 0 && fsync(s->fd))
        rc = -errno;
    s->space = space;
    return rc;
}

/* Nothing is cut off a file that the disk does not read to its end: a person may get more out of
 * it. What was read goes on as it is. */
static void recover_salvaged(struct segment *s, size_t batch_offset)
{
    int rc = s->fd >= 0 ? rewrite_last(s, batch_offset) : -ENOENT;

    if (rc)
        log_failed(LOG_LEVEL_ERROR, "spool.not_rewritten", rc, "file=%s", segment_file(s));
    /* what is not read may hold numbers that were given: one at least, so that the next file has a
       name of its own. Should core have more of them, it says so at WELCOME */
    s->end++;
    s->space = 0;
    s->sealed = true;
}

int segment_recover(struct segment *s, int dir_fd, size_t space, uint64_t *ret_low)
{
    struct last_batch last = {0};
    struct window w;
    size_t size = 0;
    uint64_t low = 0;
    int rc = segment_open(s, dir_fd);

    window_init(&w, dir_fd);
    w.patient = true;
    rc = rc ? rc : file_size(s->fd, &size);
    rc = rc ? rc : recover_walk(s, &w, size, &low, &last);
    window_fini(&w);
    if (rc)
        return rc;
    if (s->salvaged) {
        recover_salvaged(s, last.offset);
    } else {
        rc = s->end > s->first ? rewrite_last(s, last.offset) : 0;
        if (rc == 0)
            rc = s->damaged || s->used >= space ? segment_seal(s) : recover_space(s, space);
    }
    if (rc)
        return rc;
    s->flushed = s->used;
    *ret_low = low;
    return 0;
}

int segment_remove(const struct segment *s, int dir_fd)
{
    char name[NAME_LEN];
    char aside[NAME_LEN];
    int rc = 0;

    file_name(s, "seg", name);
    file_name(s, "bad", aside);
    rc = s->damaged ? renameat(dir_fd, name, dir_fd, aside) : unlinkat(dir_fd, name, 0);
    return rc && errno != ENOENT ? -errno : 0;
}

bool segment_is_taken(const struct segment *s, uint64_t number)
{
    uint64_t bit = number - s->first;

    return bit / 8 < s->taken_len && (s->taken[bit / 8] >> (bit % 8) & 1);
}

static int taken_reserve(struct segment *s, uint64_t high)
{
    size_t want = (size_t)((high - s->first) / 8 + 1);
    size_t len = num_max(s->taken_len, 64);
    unsigned char *p = NULL;

    if (want <= s->taken_len)
        return 0;
    while (len < want)
        len *= 2;
    p = mem_realloc(s->taken, len);
    if (!p)
        return -ENOMEM;
    memset(p + s->taken_len, 0, len - s->taken_len);
    s->taken = p;
    s->taken_len = len;
    return 0;
}

int segment_take(struct segment *s, uint64_t low, uint64_t high)
{
    if (s->end == s->first || low >= s->end || high < s->first)
        return 0;
    low = num_max(low, s->first);
    high = num_min(high, s->end - 1);
    if (taken_reserve(s, high))
        return -ENOMEM;
    for (uint64_t n = low; n <= high; n++) {
        uint64_t bit = n - s->first;
        unsigned char mask = (unsigned char)(1U << (bit % 8));

        if (!(s->taken[bit / 8] & mask)) {
            s->taken[bit / 8] |= mask;
            s->n_taken++;
        }
    }
    return 0;
}

int segment_give_up(struct segment *s, uint64_t low, uint64_t high)
{
    struct range *gone = mem_realloc(s->gone, (s->n_gone + 1) * sizeof(*gone));
    int rc = 0;

    if (!gone)
        return -ENOMEM;
    s->gone = gone;
    rc = segment_take(s, low, high);
    if (rc)
        return rc;
    s->gone[s->n_gone++] = (struct range){low, high};
    s->damaged = true;
    return 0;
}

void segment_untake(struct segment *s)
{
    if (s->taken_len)
        memset(s->taken, 0, s->taken_len);
    s->n_taken = 0;
    for (size_t i = 0; i < s->n_gone; i++)
        (void)!segment_take(s, s->gone[i].low, s->gone[i].high); /* there was room for them */
}

bool segment_is_done(const struct segment *s)
{
    return s->n_taken == s->end - s->first;
}
