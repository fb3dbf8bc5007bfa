/* The index of repeats.
 *
 * From: ingress/connector/repeat.c asks and adds; after a restart it is filled from the spool.
 * To: the same.
 * Holds: hashes of keys and bodies, 24 hours. */

#include "ingress/spool/repeat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "ingress/spool/crc32c.h"
#include "proto/limits.h"

/* Entries lie in a ring in order of arrival; the slots are a hash table of places in it. All
 * positions count from the beginning of time, so they never wrap. */

#define RING_FIRST 64U

struct repeat {
    int dir_fd;
    int log_fd;
    struct repeat_entry *ring; /* owned; cap elements, a power of two */
    uint32_t *slots;           /* owned; 2 * cap; place in the ring + 1, 0 empty */
    size_t cap;
    uint64_t tail;      /* oldest kept */
    uint64_t head;      /* behind the newest */
    uint64_t confirmed; /* behind the newest whose event is flushed */
    uint64_t logged;    /* behind the newest that is in the log */
    uint64_t known_to;
    uint64_t flushed_to;  /* number of the newest flushed event */
    off_t log_len;        /* whole rows in repeat.log, bytes */
    size_t n_log;         /* entries in it */
    bool renamed;         /* the folder is to be synced */
    int64_t log_began_ms; /* time of its first entry */
};

/* On disk, 40 bytes each: an entry or, with kind 2, "all up to number `at` is here". */
#define ROW_LEN       40U
#define ROW_ENTRY     1U
#define ROW_MARKER    2U
#define READ_TRIES    20
#define READ_PAUSE_NS 50000000L
#define LOG_FILE      "repeat.log"
#define LOG_OLD       "repeat.old"
#define LOG_NEW       "repeat.new" /* while one becomes the other */

static int log_read(struct repeat *r, const char *name, bool current, int64_t now_ms);

/* No name has a NUL in it. */
static int name_join(struct view connector, const struct repeat_name *name, struct buf *out)
{
    const char space = (char)name->space;

    (void)buf_add_view(out, connector); /* asked once, below */
    (void)buf_add_char(out, '\0');
    if (space) {
        (void)buf_add_char(out, space);
        (void)buf_add_char(out, '\0');
    } else if (name->within.len) {
        (void)buf_add_str(out, "edit ");
        (void)buf_add_view(out, name->within);
        (void)buf_add_char(out, ' ');
    }
    (void)buf_add_view(out, name->word);
    if (space == REPEAT_EDIT_KEY || space == REPEAT_KEYED_ID) {
        (void)buf_add_char(out, '\0');
        (void)buf_add_view(out, name->within);
    }
    return buf_error(out);
}

int repeat_entry_make(struct view connector, const struct repeat_name *name, struct view body,
                      int64_t now_ms, struct repeat_entry *ret)
{
    unsigned char digest[CRYPTO_SHA256_LEN];
    struct repeat_entry e = {.at_ms = now_ms};
    struct buf joined;
    int rc = 0;

    buf_init(&joined, connector.len + name->word.len + name->within.len + 8);
    rc = name_join(connector, name, &joined);
    rc = rc ? rc : crypto_sha256(buf_view(&joined), digest);
    buf_fini(&joined);
    if (rc)
        return rc;
    memcpy(e.key, digest, sizeof(e.key));
    rc = crypto_sha256(body, digest);
    if (rc)
        return rc;
    memcpy(e.body, digest, sizeof(e.body));
    *ret = e;
    return 0;
}

static void put_le64(unsigned char *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (unsigned char)(v >> (8 * i));
}

static uint64_t get_le64(const unsigned char *p)
{
    uint64_t v = 0;

    for (int i = 0; i < 8; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

void repeat_entry_encode(const struct repeat_entry *e, unsigned char ret[REPEAT_AUX_LEN])
{
    memcpy(ret, e->key, REPEAT_KEY_LEN);
    memcpy(ret + REPEAT_KEY_LEN, e->body, REPEAT_BODY_LEN);
    put_le64(ret + REPEAT_KEY_LEN + REPEAT_BODY_LEN, (uint64_t)e->at_ms);
}

static void entry_decode(const unsigned char *p, struct repeat_entry *ret)
{
    memcpy(ret->key, p, REPEAT_KEY_LEN);
    memcpy(ret->body, p + REPEAT_KEY_LEN, REPEAT_BODY_LEN);
    ret->at_ms = (int64_t)get_le64(p + REPEAT_KEY_LEN + REPEAT_BODY_LEN);
}

/* --- in memory ---------------------------------------------------------------------------- */

static struct repeat_entry *entry_at(const struct repeat *r, uint64_t position)
{
    return &r->ring[position & (r->cap - 1)];
}

/* Keys are digests, so any eight bytes of them are a hash. */
static size_t slot_of(const struct repeat *r, const unsigned char *key)
{
    return (size_t)get_le64(key) & (2 * r->cap - 1);
}

static size_t find_slot(const struct repeat *r, const unsigned char *key)
{
    size_t i = slot_of(r, key);

    while (r->slots[i] && memcmp(r->ring[r->slots[i] - 1].key, key, REPEAT_KEY_LEN) != 0)
        i = (i + 1) & (2 * r->cap - 1);
    return i;
}

/* Takes the slot away and moves up what stood behind it because of it. */
static void clear_slot(struct repeat *r, size_t i)
{
    size_t mask = 2 * r->cap - 1;
    size_t j = i;

    r->slots[i] = 0;
    for (;;) {
        size_t home = 0;

        j = (j + 1) & mask;
        if (!r->slots[j])
            return;
        home = slot_of(r, r->ring[r->slots[j] - 1].key);
        if (((j - home) & mask) < ((j - i) & mask))
            continue;
        r->slots[i] = r->slots[j];
        r->slots[j] = 0;
        i = j;
    }
}

static void evict(struct repeat *r)
{
    size_t i = find_slot(r, entry_at(r, r->tail)->key);

    if (r->slots[i] == (r->tail & (r->cap - 1)) + 1)
        clear_slot(r, i);
    r->tail++;
    r->confirmed = num_max(r->confirmed, r->tail);
    r->logged = num_max(r->logged, r->tail);
}

static void put_slot(struct repeat *r, uint64_t position)
{
    r->slots[find_slot(r, entry_at(r, position)->key)] =
        (uint32_t)(position & (r->cap - 1)) + 1;
}

static int widen(struct repeat *r)
{
    size_t cap = r->cap * 2;
    struct repeat_entry *ring = mem_zalloc_array(cap, sizeof(*ring));
    uint32_t *slots = mem_zalloc_array(2 * cap, sizeof(*slots));

    if (!ring || !slots) {
        mem_free(ring);
        mem_free(slots);
        return -ENOMEM;
    }
    for (uint64_t p = r->tail; p < r->head; p++)
        ring[p & (cap - 1)] = *entry_at(r, p);
    mem_free(r->ring);
    mem_free(r->slots);
    r->ring = ring;
    r->slots = slots;
    r->cap = cap;
    for (uint64_t p = r->tail; p < r->head; p++)
        put_slot(r, p);
    return 0;
}

size_t repeat_count(const struct repeat *r)
{
    return (size_t)(r->head - r->tail);
}

int repeat_check(struct repeat *r, const struct repeat_entry *e)
{
    size_t i = 0;

    while (r->tail < r->head && entry_at(r, r->tail)->at_ms < e->at_ms - LIMIT_REPEAT_MS)
        evict(r);
    i = find_slot(r, e->key);
    if (!r->slots[i])
        return 0;
    return memcmp(r->ring[r->slots[i] - 1].body, e->body, REPEAT_BODY_LEN) == 0
               ? REPEAT_E_SAME
               : REPEAT_E_OTHER;
}

int repeat_find(const struct repeat *r, struct view connector, const struct repeat_name *name,
                int64_t now_ms, int64_t *ret_at_ms)
{
    struct repeat_entry e;
    size_t i = 0;
    int rc = repeat_entry_make(connector, name, VIEW_LIT(""), now_ms, &e);

    if (rc)
        return rc;
    i = find_slot(r, e.key);
    if (!r->slots[i] || r->ring[r->slots[i] - 1].at_ms < now_ms - LIMIT_REPEAT_MS)
        return REPEAT_E_UNKNOWN;
    *ret_at_ms = r->ring[r->slots[i] - 1].at_ms;
    return 0;
}

int repeat_add(struct repeat *r, const struct repeat_entry *e)
{
    if (repeat_count(r) == r->cap) {
        int rc = r->cap < LIMIT_REPEAT_ENTRIES ? widen(r) : 0;

        if (rc)
            return rc;
        if (repeat_count(r) == r->cap)
            evict(r);
    }
    *entry_at(r, r->head) = *e;
    put_slot(r, r->head++);
    return 0;
}

void repeat_confirm(struct repeat *r, uint64_t next)
{
    r->confirmed = r->head;
    if (next > 0)
        r->flushed_to = next - 1;
}

int repeat_learn(void *arg, uint64_t number, struct view aux)
{
    struct repeat *r = arg;
    int rc = 0;

    (void)number;
    if (aux.len % REPEAT_AUX_LEN)
        return 0;
    for (size_t at = 0; rc == 0 && at < aux.len; at += REPEAT_AUX_LEN) {
        struct repeat_entry e;

        entry_decode((const unsigned char *)aux.ptr + at, &e);
        if (!r->slots[find_slot(r, e.key)])
            rc = repeat_add(r, &e);
    }
    return rc;
}

uint64_t repeat_known_to(const struct repeat *r)
{
    return r->known_to;
}

/* --- on disk ------------------------------------------------------------------------------ */

int repeat_open(const char *dir, int64_t now_ms, struct repeat **ret_repeat)
{
    struct repeat *r = mem_zalloc(sizeof(*r));
    int rc = -ENOMEM;

    if (!r)
        return -ENOMEM;
    r->dir_fd = -1;
    r->log_fd = -1;
    r->cap = RING_FIRST;
    r->ring = mem_zalloc_array(r->cap, sizeof(*r->ring));
    r->slots = mem_zalloc_array(2 * r->cap, sizeof(*r->slots));
    if (!r->ring || !r->slots)
        goto out;
    r->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = r->dir_fd < 0 ? -errno : 0;
    rc = rc ? rc : log_read(r, LOG_OLD, false, now_ms);
    rc = rc ? rc : log_read(r, LOG_FILE, true, now_ms);
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
    entry_decode(row + 8, ret);
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
    if (e->at_ms < now_ms - LIMIT_REPEAT_MS || r->slots[find_slot(r, e->key)])
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
    int fd = openat(r->dir_fd, LOG_NEW, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    /* not there: this step was done before, and a later one failed */
    if ((renameat(r->dir_fd, LOG_FILE, r->dir_fd, LOG_OLD) && errno != ENOENT) ||
        renameat(r->dir_fd, LOG_NEW, r->dir_fd, LOG_FILE)) {
        int rc = -errno;

        (void)close(fd); /* nothing in it */
        return rc;
    }
    (void)close(r->log_fd); /* synced before */
    r->log_fd = fd;
    r->log_len = 0;
    r->n_log = 0;
    r->renamed = true;
    return 0;
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
    return at_ms > 0 && r->log_began_ms < at_ms - LIMIT_REPEAT_MS;
}

int repeat_sync(struct repeat *r)
{
    struct repeat_entry marker = {.at_ms = (int64_t)r->flushed_to};
    unsigned char row[ROW_LEN];
    struct buf rows;
    int rc = 0;

    if (r->flushed_to <= r->known_to && r->logged == r->confirmed)
        return 0;
    if (r->n_log > 0 && r->logged < r->confirmed &&
        (r->n_log >= LIMIT_REPEAT_ENTRIES ||
         began_long_before(r, entry_at(r, r->logged)->at_ms)))
        rc = log_rotate(r);
    if (rc) /* the log grows beyond its bound until it can be */
        log_failed(LOG_LEVEL_WARN, "repeat.not_rotated", rc, NULL);
    buf_init(&rows, ((size_t)(r->confirmed - r->logged) + 1) * ROW_LEN);
    for (uint64_t p = r->logged; p < r->confirmed; p++) {
        row_put(row, ROW_ENTRY, entry_at(r, p));
        (void)buf_add(&rows, row, sizeof(row)); /* asked for below */
    }
    row_put(row, ROW_MARKER, &marker);
    (void)buf_add(&rows, row, sizeof(row));
    rc = buf_error(&rows);
    rc = rc ? rc : write_all(r->log_fd, r->log_len, buf_view(&rows));
    if (rc == 0 && (fdatasync(r->log_fd) || (r->renamed && fsync(r->dir_fd))))
        rc = -errno;
    if (rc == 0)
        r->log_len += (off_t)rows.len; /* else the next try writes over it */
    buf_fini(&rows);
    if (rc)
        return rc;
    if (r->n_log == 0 && r->logged < r->confirmed)
        r->log_began_ms = entry_at(r, r->logged)->at_ms;
    r->n_log += (size_t)(r->confirmed - r->logged);
    r->logged = r->confirmed;
    r->known_to = num_max(r->known_to, r->flushed_to);
    r->renamed = false;
    return 0;
}
