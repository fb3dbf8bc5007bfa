/* The spool's order: appending, flushing, reading on, forgetting.
 *
 * From: the routes (spool_append) and the batch (spool_flush).
 * To: push.c, which reads on; core says spool_take.
 * Holds: every event from its flush until core has it. */

#include "ingress/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/process.h"
#include "ingress/record.h"
#include "ingress/segment.h"
#include "ingress/spool_files.h"
#include "proto/limits.h"

/* appended bytes that are written, not yet synced, before the turn's end */
#define SPOOL_PENDING_BYTES (4U << 20)
#define SPOOL_PENDING_MAX   (RECORD_MAX + SPOOL_PENDING_BYTES + 4096U)
#define SPOOL_ROOM_MIN      (64U << 10) /* bytes of the smallest segment */

struct spool {
    int dir_fd;
    struct spool_config config;
    struct id id;
    struct list segments;   /* in number order; the last one is never deleted */
    struct segment *active; /* the last one while it takes appends, else NULL */
    size_t segment_room;
    uint64_t total;     /* bytes of records in all segments */
    uint64_t next;      /* number to be given */
    uint64_t low;       /* below it everything is taken */
    uint64_t low_known; /* the same as far as it is on disk */
    uint64_t low_said;  /* in the last appended record */
    uint64_t batch;     /* first number of the present flush */
    uint64_t lost;
    struct buf pending; /* appended, not written */
    size_t written;     /* bytes of the active segment that were written */
    bool dirty;
    int failed; /* a flush failed: nothing goes on */
    int full;   /* 0, SPOOL_E_FULL, SPOOL_E_DISK */
    struct window window;
    struct segment *reading; /* where the window's segment is, a short cut */
};

static int spool_scan(struct spool *s);
static int spool_roll(struct spool *s, size_t need);
static void spool_sweep(struct spool *s);
static void spool_advance_low(struct spool *s);

static struct segment *segment_of(struct list *link)
{
    return LIST_ENTRY(link, struct segment, link);
}

static struct segment *last_segment(const struct spool *s)
{
    return list_is_empty(&s->segments) ? NULL : segment_of(s->segments.prev);
}

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
    s->segment_room =
        (size_t)num_max(num_min(config->max_bytes / 8, LIMIT_SEGMENT_BYTES), SPOOL_ROOM_MIN);
    s->next = 1;
    s->dir_fd = -1;
    rc = process_make_dir(config->dir);
    rc = rc ? rc : spool_files_lock(config->dir, &s->dir_fd);
    s->window.dir_fd = s->dir_fd;
    rc = rc ? rc : spool_scan(s);
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
    rc = segment_recover(g, s->dir_fd, s->segment_room, ret_low);
    if (rc)
        return rc;
    if (g->damaged)
        log_line(LOG_LEVEL_ERROR, "spool.damaged", "segment=%" PRIu64, g->first);
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
        rc = rc ? rc : spool_recover(s, last, &low);
    }
    if (rc)
        return rc;
    for (struct list *i = s->segments.next; i != &s->segments; i = i->next)
        s->total += segment_of(i)->used;
    /* segments seen as gone stay gone */
    if (fsync(s->dir_fd))
        return -errno;
    s->low = 1;
    spool_advance_low(s);
    if (low > 1 && spool_take(s, 1, low - 1))
        return -ENOMEM;
    s->low_known = s->low;
    return 0;
}

const struct id *spool_id(const struct spool *s)
{
    return &s->id;
}

int spool_renew_id(struct spool *s)
{
    return spool_files_new_id(s->dir_fd, &s->id);
}

uint64_t spool_low(const struct spool *s)
{
    return s->low_known;
}

uint64_t spool_next(const struct spool *s)
{
    return s->next;
}

/* --- appending ---------------------------------------------------------------------------- */

int spool_room(struct spool *s, size_t bytes)
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

static int spool_write_pending(struct spool *s)
{
    int rc = 0;

    if (s->pending.len == 0)
        return 0;
    rc = segment_write(s->active, s->written, buf_view(&s->pending));
    if (rc) {
        s->failed = rc;
        return rc;
    }
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

    rc = rc ? rc : segment_seal(s->active);
    if (rc) {
        s->failed = rc;
        return rc;
    }
    (void)close(s->active->fd); /* synced; reading opens it again */
    s->active->fd = -1;
    s->active = NULL;
    s->dirty = false;
    s->low_known = num_max(s->low_known, s->low_said);
    return 0;
}

/* A new segment that takes at least @need bytes. The old one is sealed before, so that the new
 * one's name never promises numbers the old one does not hold. */
static int spool_roll(struct spool *s, size_t need)
{
    struct segment *g = NULL;
    int rc = s->active ? spool_seal(s) : 0;

    rc = rc ? rc : segment_new(s->next, &g);
    rc = rc ? rc : segment_create(g, s->dir_fd, num_max(need, s->segment_room));
    if (rc == 0) {
        list_add_tail(&s->segments, &g->link);
        s->active = g;
        s->written = 0;
        g = NULL;
        spool_sweep(s);
    }
    segment_free(g);
    return rc;
}

int spool_append(struct spool *s, struct view aux, struct view body, uint64_t *ret_number)
{
    struct record r = {
        .number = s->next, .low = s->low, .batch = s->batch, .aux = aux, .body = body};
    size_t len = record_len(aux.len, body.len);
    int rc = s->failed ? s->failed : spool_room(s, len);

    if (rc)
        return rc;
    if (!s->active || s->active->used + len > s->active->room) {
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
    s->low_said = r.low;
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
    if (fdatasync(s->active->fd)) {
        s->failed = -errno;
        return s->failed;
    }
    s->dirty = false;
    s->active->flushed = s->active->used;
    s->low_known = num_max(s->low_known, s->low_said);
    return 0;
}

static bool disk_has_room(const struct spool *s)
{
    struct statvfs st;

    return fstatvfs(s->dir_fd, &st) == 0 &&
           (uint64_t)st.f_bavail * (uint64_t)st.f_frsize >= 2 * (uint64_t)s->segment_room;
}

bool spool_reopen(struct spool *s)
{
    if (s->failed)
        return false;
    if (!s->full)
        return true;
    /* all of it taken, and yet over the limit: the last file is in the way */
    if (s->active && s->active->used > 0 && segment_is_done(s->active) && !spool_is_dirty(s) &&
        s->total > s->config.max_bytes / 2 && spool_roll(s, s->segment_room))
        return false;
    spool_sweep(s);
    if (s->total > s->config.max_bytes - s->config.max_bytes / 8 ||
        (s->full == SPOOL_E_DISK && !disk_has_room(s)))
        return false;
    s->full = 0;
    log_line(LOG_LEVEL_INFO, "spool.room", "bytes=%" PRIu64, s->total);
    return true;
}

/* --- reading ------------------------------------------------------------------------------ */

void spool_rewind(const struct spool *s, struct spool_cursor *c)
{
    (void)s;
    *c = (struct spool_cursor){0};
}

/* The cursor's segment; when that one is gone, the one behind it. NULL at the end. */
static struct segment *spool_at(struct spool *s, struct spool_cursor *c)
{
    if (s->reading && s->reading->first == c->segment)
        return s->reading;
    for (struct list *i = s->segments.next; i != &s->segments; i = i->next) {
        struct segment *g = segment_of(i);

        if (g->first < c->segment)
            continue;
        if (s->reading && s->reading != s->active && s->reading->fd >= 0) {
            (void)close(s->reading->fd); /* only read from */
            s->reading->fd = -1;
        }
        if (g->first != c->segment || c->number < g->first)
            *c = (struct spool_cursor){.segment = g->first, .number = g->first};
        s->reading = g;
        return g;
    }
    return NULL;
}

/* Numbers that should be here and are not: nobody can have them, so nobody waits for them.
 * Deletes nothing: the caller stands in the segment. */
static int spool_give_up(struct spool *s, struct segment *g, uint64_t low, uint64_t high)
{
    uint64_t before = g->n_taken;
    int rc = segment_take(g, low, high);
    uint64_t lost = g->n_taken - before;

    g->damaged = true;
    spool_advance_low(s);
    if (rc == 0 && lost > 0) {
        s->lost += lost;
        log_line(LOG_LEVEL_ERROR, "spool.lost",
                 "segment=%" PRIu64 " low=%" PRIu64 " high=%" PRIu64 " events=%" PRIu64,
                 g->first, low, high, lost);
    }
    return rc;
}

/* Past the last record of @g, or at damage. 0: go on. */
static int spool_read_gap(struct spool *s, struct segment *g, struct spool_cursor *c, int why)
{
    size_t found = g->flushed;
    int rc = 0;

    if (c->offset < g->flushed) {
        /* zeros up to the end are what a crash between two segments leaves */
        rc = segment_resync(g, &s->window, c->offset, g->flushed, c->number + 1, &found);
        if (rc < 0)
            return rc;
        g->damaged = g->damaged || rc == 0 || why == RECORD_E_BAD;
        c->offset = found;
        return 0;
    }
    if (g == last_segment(s) && !g->sealed)
        return SPOOL_E_END;
    if (c->number < g->end) {
        rc = spool_give_up(s, g, c->number, g->end - 1);
        if (rc)
            return rc;
        c->number = g->end;
    }
    if (g == last_segment(s))
        return SPOOL_E_END;
    *c = (struct spool_cursor){.segment = g->first + 1}; /* the one behind */
    return 0;
}

int spool_read(struct spool *s, struct spool_cursor *c, uint64_t *ret_number,
               struct view *ret_body)
{
    struct spool_cursor at = *c;
    struct segment *g = NULL;

    while ((g = spool_at(s, &at))) {
        struct record r;
        size_t len = 0;
        int rc = segment_read(g, &s->window, at.offset, g->flushed, &r, &len);

        if (rc == 0 && (r.number < at.number || r.number >= g->end))
            rc = RECORD_E_BAD;
        if (rc > 0)
            rc = spool_read_gap(s, g, &at, rc);
        else if (rc == 0 && r.number > at.number) {
            rc = spool_give_up(s, g, at.number, r.number - 1);
            at.number = r.number;
        } else if (rc == 0) {
            at.offset += len;
            at.number = r.number + 1;
            if (!segment_is_taken(g, r.number)) {
                *ret_number = r.number;
                *ret_body = r.body;
                *c = at;
                return 0;
            }
        }
        if (rc < 0)
            return rc;
        *c = at;
        if (rc > 0)
            return rc;
    }
    return SPOOL_E_END;
}

int spool_visit(struct spool *s, uint64_t from,
                int (*fn)(void *arg, uint64_t number, struct view aux), void *arg)
{
    for (struct list *i = s->segments.next; i != &s->segments; i = i->next) {
        struct segment *g = segment_of(i);
        size_t offset = 0;
        int rc = 0;

        while (g->end > from) {
            struct record r;
            size_t len = 0;

            rc = segment_read(g, &s->window, offset, g->flushed, &r, &len);
            if (rc == RECORD_E_BAD) {
                rc = segment_resync(g, &s->window, offset, g->flushed, 0, &offset);
                if (rc == 0)
                    continue;
            }
            if (rc)
                break;
            offset += len;
            rc = r.number >= from ? fn(arg, r.number, r.aux) : 0;
            if (rc)
                return rc;
        }
        if (g != s->active && g->fd >= 0) {
            (void)close(g->fd); /* only read from */
            g->fd = -1;
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* --- forgetting --------------------------------------------------------------------------- */

static void spool_advance_low(struct spool *s)
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

/* Deletes what is done, from the front, so that the numbers of the files leave no holes. The
 * last segment stays: it knows the next number. */
static void spool_sweep(struct spool *s)
{
    bool asked = false;

    while (s->segments.next != s->segments.prev) {
        struct segment *g = segment_of(s->segments.next);
        size_t used = g->used;

        if (!segment_is_done(g))
            return;
        if (!asked && s->config.before_drop && s->config.before_drop(s->config.arg))
            return; /* next time */
        asked = true;
        if (segment_remove(g, s->dir_fd)) {
            log_line(LOG_LEVEL_WARN, "spool.not_deleted", "segment=%" PRIu64, g->first);
            return;
        }
        if (s->reading == g)
            s->reading = NULL;
        s->total -= used;
        segment_free(g);
    }
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

int spool_turn(struct spool *s)
{
    const struct segment *last = last_segment(s);
    int rc = s->failed;

    if (rc || !last || last->first == s->next)
        return rc;
    rc = spool_roll(s, s->segment_room);
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

void spool_figures(const struct spool *s, struct spool_figures *ret)
{
    struct spool_figures f = {.lost = s->lost};

    for (struct list *i = s->segments.next; i != &s->segments; i = i->next) {
        const struct segment *g = segment_of(i);

        f.segments++;
        f.events += g->end - g->first - g->n_taken;
        if (!segment_is_done(g))
            f.bytes += g->used;
    }
    *ret = f;
}
