/* The spool: appending, flushing, reading on, forgetting.
 *
 * From: the routes (spool_append) and the batch (spool_flush).
 * To: push.c, which reads on, and calls spool_take for what core has acknowledged.
 * Holds: every event from its flush until core has it. */

#include "ingress/spool/spool.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/process.h"
#include "ingress/spool/files.h"
#include "ingress/spool/private.h"
#include "ingress/spool/record.h"
#include "ingress/spool/segment.h"
#include "proto/limits.h"

/* appended bytes that are written, not yet synced, before the turn's end */
#define SPOOL_PENDING_BYTES (4U << 20)
#define SPOOL_PENDING_MAX   (RECORD_MAX + SPOOL_PENDING_BYTES + 4096U)
#define SPOOL_ROOM_MIN      (64U << 10) /* bytes of the smallest segment */

static int spool_scan(struct spool *s);
static int spool_learn_fresh(struct spool *s);
static int spool_roll(struct spool *s, size_t need);

int spool_open(const struct spool_config *config, struct spool **ret_spool)
{
    struct spool *s = mem_zalloc(sizeof(*s));
    int rc = -ENOMEM;

    if (!s)
        return -ENOMEM;
    s->config = *config;
    list_init(&s->segments);
    window_init(&s->window, -1);
    buf_init(&s->pending, SPOOL_PENDING_MAX);
    s->segment_space =
        (size_t)num_max(num_min(config->max_bytes / 32, LIMIT_SEGMENT_BYTES), SPOOL_ROOM_MIN);
    s->next = 1;
    s->low = 1;
    s->floor.number = 1;
    s->dir_fd = -1;
    rc = shares_init(&s->shares, config->max_events);
    rc = rc ? rc : process_make_dir(config->dir);
    rc = rc ? rc : spool_files_lock(config->dir, &s->dir_fd);
    s->window.dir_fd = s->dir_fd;
    rc = rc ? rc : spool_files_live(s->dir_fd, config->boot, s->lives, &s->lives_len);
    rc = rc ? rc : spool_scan(s);
    rc = rc ? rc : spool_learn_fresh(s);
    if (rc == 0) {
        spool_look(s);
        spool_learn_last(s);
        spool_learn(s, 0);
        *ret_spool = s;
        s = NULL;
    }
    spool_close(s);
    return rc;
}

void spool_close(struct spool *s)
{
    if (!s)
        return;
    while (!list_is_empty(&s->segments))
        spool_drop(s, segment_of(s->segments.next));
    shares_fini(&s->shares);
    buf_fini(&s->pending);
    window_fini(&s->window);
    if (s->dir_fd >= 0)
        (void)close(s->dir_fd); /* gives the lock back, too */
    mem_free(s);
}

/* The end of every segment but the last is the beginning of the next one: whether all of its
 * numbers are really there shows when it is read. */
static int spool_add_segment(void *arg, uint64_t first, size_t size)
{
    struct spool *s = arg;
    struct segment *g = NULL;
    int rc = segment_new(first, &g);

    if (rc)
        return rc;
    if (!list_is_empty(&s->segments))
        segment_of(s->segments.prev)->end = first;
    g->used = size;
    g->flushed = size;
    g->sealed = true;
    list_add_tail(&s->segments, &g->link);
    return 0;
}

/* Cuts the torn end of the last segment and learns the numbers from it. */
static int spool_recover(struct spool *s, struct segment *g, uint64_t *ret_low)
{
    int rc = 0;

    g->sealed = false;
    g->used = 0;
    g->flushed = 0;
    rc = segment_recover(g, s->dir_fd, s->segment_space, ret_low);
    if (rc) {
        log_failed(LOG_LEVEL_ERROR, "spool.not_opened", rc, "file=%s", segment_file(g));
        return rc;
    }
    if (g->damaged)
        log_line(LOG_LEVEL_ERROR, "spool.damaged", "file=%s unreadable=%s", segment_file(g),
                 g->salvaged ? "yes" : "no");
    g->told = g->salvaged;
    s->unreadable = g->salvaged;
    s->next = g->end;
    s->written = g->used;
    if (!g->sealed)
        s->active = g;
    return 0;
}

static int spool_scan(struct spool *s)
{
    struct segment *last = NULL;
    uint64_t low = 0;
    int rc = spool_files_each(s->dir_fd, spool_add_segment, s);

    if (rc)
        return rc;
    last = last_segment(s);
    if (!last) {
        /* without a file the numbers begin anew, and so must the id */
        rc = spool_files_new_id(s->dir_fd, &s->id);
    } else {
        rc = spool_files_id(s->dir_fd, &s->id);
        rc = rc ? rc : spool_files_floor(s->dir_fd, &s->id, &s->floor);
        rc = rc ? rc : spool_recover(s, last, &low);
    }
    if (rc)
        return rc;
    for (struct list *i = s->segments.next; i != &s->segments; i = i->next)
        s->total += segment_of(i)->used;
    /* segments seen as gone stay gone */
    if (fsync(s->dir_fd))
        return -errno;
    spool_advance_low(s);
    low = num_max(low, s->floor.number);
    return low > 1 ? spool_take(s, 1, low - 1) : 0;
}

/* Several lives may go by until core is heard, and the numbers of all of them are new to it. */
static int spool_learn_fresh(struct spool *s)
{
    uint64_t kept = 0;
    int rc = spool_files_fresh(s->dir_fd, &kept);

    s->fresh = kept && kept < s->next ? kept : s->next;
    if (rc == 0 && s->fresh != kept)
        rc = spool_files_put_fresh(s->dir_fd, s->fresh);
    return rc;
}

uint64_t spool_fresh(const struct spool *s)
{
    return s->fresh ? s->fresh : s->next;
}

int spool_heard(struct spool *s)
{
    int rc = s->fresh ? spool_files_put_fresh(s->dir_fd, 0) : 0;

    if (rc == 0)
        s->fresh = 0;
    return rc;
}

const struct id *spool_id(const struct spool *s)
{
    return &s->id;
}

struct view spool_lives(const struct spool *s)
{
    return view_make(s->lives, s->lives_len);
}

int spool_renew_id(struct spool *s, uint64_t known)
{
    struct spool_floor floor = {.number = num_min(s->low, known)};
    struct id id;
    int rc = id_random(&id);

    /* the floor is for the new id alone, so between the two steps nothing has changed */
    rc = rc ? rc : spool_files_put_floor(s->dir_fd, &id, &floor);
    rc = rc ? rc : spool_files_put_id(s->dir_fd, &id);
    if (rc)
        return rc;
    s->id = id;
    s->floor = floor;
    return spool_untake(s);
}

int spool_id_known(struct spool *s, bool known)
{
    struct spool_floor floor = s->floor;
    int rc = 0;

    if (known == floor.proven || floor.number == 1)
        return 0;
    if (!known)
        floor.number = 1; /* its store is older than this id: it may not have that, either */
    floor.proven = known;
    rc = spool_files_put_floor(s->dir_fd, &s->id, &floor);
    if (rc == 0)
        s->floor = floor;
    return rc;
}

uint64_t spool_first(const struct spool *s)
{
    uint64_t first =
        list_is_empty(&s->segments) ? s->next : segment_of(s->segments.next)->first;

    return num_max(first, s->floor.number);
}

uint64_t spool_low(const struct spool *s)
{
    return s->low;
}

uint64_t spool_low_of_id(const struct spool *s)
{
    return s->low > s->floor.number ? s->low : 1;
}

uint64_t spool_next(const struct spool *s)
{
    return s->next;
}

/* --- appending ---------------------------------------------------------------------------- */

int spool_space(struct spool *s, size_t bytes)
{
    uint64_t want = s->total + bytes;

    if (s->full)
        return s->full;
    if (want > s->config.max_bytes) {
        s->full = SPOOL_E_FULL;
        log_line(LOG_LEVEL_WARN, "spool.full", "bytes=%" PRIu64 " limit=%" PRIu64, s->total,
                 s->config.max_bytes);
    }
    return s->full;
}

int spool_room(struct spool *s, const struct spool_writer *w, size_t bytes)
{
    int rc = spool_space(s, bytes);

    if (rc || shares_allow(&s->shares, w, bytes, s->total, s->max))
        return rc;
    return SPOOL_E_SHARE;
}

bool spool_has_failed(const struct spool *s)
{
    return s->failed != 0;
}

/* Nothing is promised by this process any more. Logged here, where the file and the reason are
 * known. */
static int spool_fail(struct spool *s, const struct segment *g, const char *in, int rc)
{
    if (!s->failed)
        log_failed(LOG_LEVEL_ERROR, "spool.flush_failed", rc, "in=%s file=%s", in,
                   segment_file(g));
    s->failed = rc;
    return rc;
}

static int spool_write_pending(struct spool *s)
{
    int rc = 0;

    if (s->pending.len == 0)
        return 0;
    rc = segment_write(s->active, s->written, buf_view(&s->pending));
    if (rc)
        return spool_fail(s, s->active, "write", rc);
    s->written += s->pending.len;
    s->dirty = true;
    if (s->pending.cap > SPOOL_PENDING_BYTES)
        buf_fini(&s->pending);
    else
        buf_reset(&s->pending);
    return 0;
}

/* Everything appended so far is on disk, and the active segment takes no more. */
static int spool_seal(struct spool *s)
{
    int rc = spool_write_pending(s);

    if (rc)
        return rc;
    rc = segment_seal(s->active);
    if (rc)
        return spool_fail(s, s->active, "seal", rc);
    (void)close(s->active->fd); /* synced; reading opens it again */
    s->active->fd = -1;
    s->active = NULL;
    s->dirty = false;
    return 0;
}

/* The next segment, of @space bytes. One without a record is the next one already: a start on a full
 * disk leaves it. */
static int spool_next_segment(struct spool *s, size_t space)
{
    struct segment *last = last_segment(s);
    struct segment *g = NULL;
    int rc = 0;

    assert(s->segments.prev); /* the analyser does not know that lists begin initialised */
    if (last && last->first == s->next) {
        g = last;
        rc = segment_refill(g, s->dir_fd, space);
    } else {
        rc = segment_new(s->next, &g);
        if (rc)
            return rc;
        g->held.known = true; /* nobody wrote in it before */
        rc = segment_create(g, s->dir_fd, space);
        if (rc == 0)
            list_add_tail(&s->segments, &g->link);
    }
    if (rc == 0) {
        s->active = g;
        s->written = 0;
    } else if (rc != -ENOSPC) {
        (void)spool_fail(s, g, "create", rc); /* told to the caller below */
    }
    if (g != last && g != s->active)
        segment_free(g);
    return rc;
}

/* The old one is sealed before, so that the new one's name never promises numbers the old one does
 * not hold. */
static int spool_roll(struct spool *s, size_t need)
{
    int rc = s->active ? spool_seal(s) : 0;

    rc = rc ? rc : spool_next_segment(s, num_max(need, s->segment_space));
    if (rc == 0)
        spool_sweep(s);
    return rc;
}

/* UINT64_MAX: nobody can tell. */
bool spool_disk(const struct spool *s, uint64_t *ret_free, uint64_t *ret_size)
{
    struct statvfs st;

    if (fstatvfs(s->dir_fd, &st))
        return false;
    *ret_free = (uint64_t)st.f_bavail * (uint64_t)st.f_frsize;
    *ret_size = (uint64_t)st.f_blocks * (uint64_t)st.f_frsize;
    return true;
}

static uint64_t disk_space(const struct spool *s)
{
    uint64_t size = 0;
    uint64_t left = 0;

    return spool_disk(s, &left, &size) ? left : UINT64_MAX;
}

/* Connectors have their room back file by file, so a file must not hold much of it. But a disk that has hardly
 * room for another one keeps the one it has. */
static bool spool_is_crowded(const struct spool *s)
{
    return shares_crowded(&s->shares, &s->active->held) &&
           disk_space(s) >= 4 * (uint64_t)s->segment_space;
}

int spool_append(struct spool *s, const struct spool_writer *w, struct view aux,
                 struct view body, uint64_t *ret_number)
{
    struct record r = {
        .number = s->next, .low = s->low, .batch = s->batch, .aux = aux, .body = body};
    size_t len = record_len(aux.len, body.len);
    struct share *share = NULL;
    int rc = s->failed ? s->failed : spool_room(s, w, len);

    if (rc)
        return rc;
    if (!s->active || s->active->used + len > s->active->space || spool_is_crowded(s)) {
        rc = spool_roll(s, len);
        if (rc == -ENOSPC && !s->failed) {
            s->full = SPOOL_E_DISK;
            log_line(LOG_LEVEL_ERROR, "spool.disk_full", NULL);
            return SPOOL_E_DISK;
        }
        if (rc)
            return rc;
    }
    if (s->pending.len + len > SPOOL_PENDING_BYTES && (rc = spool_write_pending(s)))
        return rc;
    rc = shares_find(&s->shares, &s->active->held, w, &share);
    if (rc)
        return rc;
    if (!spool_is_dirty(s))
        r.batch = s->batch = s->next;
    rc = record_put(&r, &s->pending);
    if (rc) {
        s->pending.error = 0; /* reserved as a whole, so nothing of it is in there */
        return rc;
    }
    s->active->used += len;
    s->active->end++;
    s->total += len;
    shares_count(&s->shares, &s->active->held, share, len);
    *ret_number = s->next++;
    return 0;
}

bool spool_is_dirty(const struct spool *s)
{
    return s->dirty || s->pending.len > 0;
}

int spool_flush(struct spool *s)
{
    int rc = s->failed ? s->failed : spool_write_pending(s);

    if (rc || !s->dirty)
        return rc;
    if (fdatasync(s->active->fd))
        return spool_fail(s, s->active, "flush", -errno);
    s->dirty = false;
    s->active->flushed = s->active->used;
    return 0;
}

/* The shares are of what can be used: on a disk that others fill, connectors must give way to amojo as
 * well. */
void spool_look(struct spool *s)
{
    uint64_t free = disk_space(s);
    uint64_t left = s->active ? s->active->space - s->active->used : 0;

    s->looked_ms = clock_mono_ms();
    s->max = s->config.max_bytes;
    if (free < s->max)
        s->max = num_min(s->max, s->total + left + free);
}

bool spool_reopen(struct spool *s)
{
    if (s->failed)
        return false;
    if (!s->full)
        return true;
    /* all of it taken, and yet over the limit: the last file is in the way */
    if (s->active && s->active->used > 0 && segment_is_done(s->active) && !spool_is_dirty(s) &&
        s->total > s->config.max_bytes / 2 && spool_roll(s, s->segment_space))
        return false;
    spool_sweep(s);
    if (s->total > s->config.max_bytes - s->config.max_bytes / 8 ||
        (s->full == SPOOL_E_DISK && disk_space(s) < 2 * (uint64_t)s->segment_space))
        return false;
    s->full = 0;
    log_line(LOG_LEVEL_INFO, "spool.room", "bytes=%" PRIu64, s->total);
    return true;
}

/* --- the rest ----------------------------------------------------------------------------- */

int spool_rotate(struct spool *s)
{
    const struct segment *last = last_segment(s);
    int rc = s->failed;

    if (rc || !last || last->first == s->next)
        return rc;
    rc = spool_roll(s, s->segment_space);
    return s->failed ? s->failed : rc;
}

int spool_count_kept(const struct spool *s, uint64_t *ret)
{
    return spool_files_count_kept(s->dir_fd, ret);
}

void spool_stats(const struct spool *s, struct spool_stats *ret)
{
    struct spool_stats f = {
        .lost = s->lost,
        .unreadable = s->unreadable,
        .max_bytes = s->config.max_bytes,
        .side_bytes = {s->shares.bytes[0], s->shares.bytes[1]}
    };

    for (struct list *i = s->segments.next; i != &s->segments; i = i->next) {
        const struct segment *g = segment_of(i);

        f.segments++;
        f.unreadable = f.unreadable || g->salvaged;
        f.events += g->end - g->first - g->n_taken;
        if (!segment_is_done(g))
            f.bytes += g->used;
    }
    *ret = f;
}

void spool_each_share(const struct spool *s,
                      void (*fn)(void *arg, const struct spool_writer *w, uint64_t bytes,
                                 uint64_t events),
                      void *arg)
{
    shares_each(&s->shares, fn, arg);
}
