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
#define SPOOL_KEEP_MS       60000 /* a done segment stays for what cannot be kept elsewhere */

static int spool_scan(struct spool *s);
static int spool_learn_fresh(struct spool *s);
static int spool_roll(struct spool *s, size_t need);
static void spool_sweep(struct spool *s);

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
        (size_t)num_max(num_min(config->max_bytes / 8, LIMIT_SEGMENT_BYTES), SPOOL_ROOM_MIN);
    s->next = 1;
    s->low = 1;
    s->floor.number = 1;
    s->dir_fd = -1;
    rc = process_make_dir(config->dir);
    rc = rc ? rc : spool_files_lock(config->dir, &s->dir_fd);
    s->window.dir_fd = s->dir_fd;
    rc = rc ? rc : spool_files_live(s->dir_fd, config->boot, s->lives, &s->lives_len);
    rc = rc ? rc : spool_scan(s);
    rc = rc ? rc : spool_learn_fresh(s);
    if (rc == 0) {
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
        segment_free(segment_of(s->segments.next));
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

int spool_append(struct spool *s, struct view aux, struct view body, uint64_t *ret_number)
{
    struct record r = {
        .number = s->next, .low = s->low, .batch = s->batch, .aux = aux, .body = body};
    size_t len = record_len(aux.len, body.len);
    int rc = s->failed ? s->failed : spool_space(s, len);

    if (rc)
        return rc;
    if (!s->active || s->active->used + len > s->active->space) {
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

static bool disk_has_space(const struct spool *s)
{
    struct statvfs st;

    return fstatvfs(s->dir_fd, &st) == 0 &&
           (uint64_t)st.f_bavail * (uint64_t)st.f_frsize >= 2 * (uint64_t)s->segment_space;
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
        (s->full == SPOOL_E_DISK && !disk_has_space(s)))
        return false;
    s->full = 0;
    log_line(LOG_LEVEL_INFO, "spool.room", "bytes=%" PRIu64, s->total);
    return true;
}

/* --- forgetting --------------------------------------------------------------------------- */

void spool_advance_low(struct spool *s)
{
    for (struct list *i = s->segments.next; i != &s->segments; i = i->next) {
        struct segment *g = segment_of(i);

        s->low = num_max(s->low, g->first); /* what lay between is gone, so it was taken */
        while (s->low < g->end && segment_is_taken(g, s->low))
            s->low++;
        if (s->low < g->end)
            return;
    }
    s->low = num_max(s->low, s->next);
}

/* The front segment stays for now, for this reason: said once, until it is another one. */
static void sweep_waits(struct spool *s, const struct segment *g, int rc)
{
    if (rc < 0 && rc != s->sweep_rc)
        log_failed(LOG_LEVEL_WARN, "spool.not_deleted", rc, "file=%s", segment_file(g));
    s->sweep_rc = rc;
}

/* What the aux parts of done segments say is asked to be kept elsewhere. It is a convenience, and
 * the room is not: a full disk would stay full for want of their few bytes. Other trouble has a
 * minute to pass. 0: they may go. */
static int sweep_asks(struct spool *s)
{
    int rc = s->config.before_drop ? s->config.before_drop(s->config.arg) : 0;
    int64_t now = clock_mono_ms();

    s->owed_ms = rc >= 0 ? 0 : s->owed_ms ? s->owed_ms : now;
    return rc == -ENOSPC || rc == -EDQUOT || (rc < 0 && now - s->owed_ms >= SPOOL_KEEP_MS) ? 0
                                                                                           : rc;
}

/* Deletes what is done, from the front, so that the numbers of the files leave no holes. The
 * last segment stays: it knows the next number. */
static void spool_sweep(struct spool *s)
{
    bool asked = false;
    int rc = 0;

    while (rc == 0 && s->segments.next != s->segments.prev) {
        struct segment *g = segment_of(s->segments.next);
        size_t used = g->used;

        if (!segment_is_done(g))
            break;
        rc = asked ? 0 : sweep_asks(s);
        asked = true;
        rc = rc ? rc : segment_remove(g, s->dir_fd);
        sweep_waits(s, g, rc);
        if (rc)
            break;
        if (s->reading == g)
            s->reading = NULL;
        s->total -= used;
        segment_free(g);
    }
    if (rc == 0 && s->owed_ms)
        (void)sweep_asks(
            s); /* there may be room for it now; else it is kept with the next ones */
}

void spool_tidy(struct spool *s)
{
    if (s->sweep_rc)
        spool_sweep(s);
}

int spool_take(struct spool *s, uint64_t low, uint64_t high)
{
    int rc = 0;

    for (struct list *i = s->segments.next; i != &s->segments; i = i->next) {
        struct segment *g = segment_of(i);

        if (g->first > high)
            break;
        if (segment_take(g, low, high))
            rc = -ENOMEM;
    }
    spool_advance_low(s);
    spool_sweep(s);
    return rc;
}

int spool_untake(struct spool *s)
{
    for (struct list *i = s->segments.next; i != &s->segments; i = i->next)
        segment_untake(segment_of(i));
    s->low = 1;
    spool_advance_low(s);
    return s->floor.number > 1 ? spool_take(s, 1, s->floor.number - 1) : 0;
}

bool spool_has_taken(const struct spool *s, uint64_t number)
{
    for (const struct list *i = s->segments.next; i != &s->segments; i = i->next) {
        const struct segment *g = LIST_ENTRY_CONST(i, struct segment, link);

        if (number >= g->first && number < g->end)
            return segment_is_taken(g, number);
    }
    return true;
}

int spool_rotate(struct spool *s)
{
    const struct segment *last = last_segment(s);
    int rc = s->failed;

    if (rc || !last || last->first == s->next)
        return rc;
    rc = spool_roll(s, s->segment_space);
    return s->failed ? s->failed : rc;
}

bool spool_is_gone(struct spool *s, uint64_t number)
{
    spool_sweep(s);
    return list_is_empty(&s->segments) || segment_of(s->segments.next)->first >= number;
}

int spool_count_kept(const struct spool *s, uint64_t *ret)
{
    return spool_files_count_kept(s->dir_fd, ret);
}

void spool_stats(const struct spool *s, struct spool_stats *ret)
{
    struct spool_stats f = {.lost = s->lost, .unreadable = s->unreadable};

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
