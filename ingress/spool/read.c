/* Reading on in the spool, and stepping over what cannot be read.
 *
 * From: the segments, what is flushed. To: push.c; repeat.c at start.
 * Holds: nothing; the reader's place is its own. */

#include <inttypes.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"
#include "ingress/spool/private.h"
#include "ingress/spool/record.h"

void spool_rewind(struct spool_cursor *c)
{
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
    int rc = segment_give_up(g, low, high);
    uint64_t lost = g->n_taken - before;

    spool_advance_low(s);
    shares_settle(&s->shares, &g->held, segment_is_done(g));
    if (rc == 0 && lost > 0) {
        s->lost += lost;
        log_line(LOG_LEVEL_ERROR, "spool.lost",
                 "file=%s low=%" PRIu64 " high=%" PRIu64 " events=%" PRIu64, segment_file(g),
                 low, high, lost);
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

/* Once for each file: that the disk does not read it, and when what is in it is given up. */
static void tell_unreadable(struct segment *g, int rc)
{
    if (rc < 0 && !g->told && g->n_refused == 1)
        log_failed(LOG_LEVEL_ERROR, "spool.unreadable", rc, "file=%s", segment_file(g));
    if (!g->salvaged || g->told)
        return;
    g->told = true;
    log_line(LOG_LEVEL_ERROR, "spool.damaged", "file=%s unreadable=yes", segment_file(g));
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

        tell_unreadable(g, rc);
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

static int visit_segment(struct spool *s, struct segment *g, uint64_t from,
                         int (*fn)(void *arg, uint64_t number, struct view aux), void *arg)
{
    size_t offset = 0;

    while (g->end > from) {
        struct record r;
        size_t len = 0;
        int rc = segment_read(g, &s->window, offset, g->flushed, &r, &len);

        if (rc == RECORD_E_BAD) {
            rc = segment_resync(g, &s->window, offset, g->flushed, 0, &offset);
            if (rc == 0)
                continue;
        }
        if (rc)
            return rc < 0 ? rc : 0; /* the end of it */
        offset += len;
        rc = r.number >= from ? fn(arg, r.number, r.aux) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

int spool_visit(struct spool *s, uint64_t from,
                int (*fn)(void *arg, uint64_t number, struct view aux), void *arg)
{
    int rc = 0;

    s->window.patient = true;
    for (struct list *i = s->segments.next; rc == 0 && i != &s->segments; i = i->next) {
        struct segment *g = segment_of(i);

        rc = visit_segment(s, g, from, fn, arg);
        tell_unreadable(g, rc);
        if (g != s->active && g->fd >= 0) {
            (void)close(g->fd); /* only read from */
            g->fd = -1;
        }
    }
    s->window.patient = false;
    return rc;
}

/* --- who wrote it ------------------------------------------------------------------------- */

static int learn_record(struct spool *s, struct segment *g, const struct record *r, size_t len)
{
    struct spool_writer w = {0};
    struct share *share = NULL;
    int rc = 0;

    if (r->number < g->first || r->number >= g->end || segment_is_taken(g, r->number))
        return 0;
    s->config.writer(s->config.arg, r->body, &w);
    rc = shares_find(&s->shares, &g->held, &w, &share);
    if (rc == 0)
        shares_count(&s->shares, &g->held, share, len);
    return rc;
}

/* Reads on in a file of an earlier process, at most to @limit. 0: all of it is known; RECORD_E_MORE; -errno:
 * again later. */
static int learn_segment(struct spool *s, struct segment *g, size_t limit)
{
    while (s->learnt < g->flushed) {
        struct record r;
        size_t len = 0;
        int rc = s->learnt >= limit
                     ? RECORD_E_MORE
                     : segment_read(g, &s->window, s->learnt, g->flushed, &r, &len);

        if (rc == RECORD_E_BAD)
            rc = segment_resync(g, &s->window, s->learnt, g->flushed, 0, &s->learnt);
        else if (rc == 0 && (rc = learn_record(s, g, &r, len)) == 0)
            s->learnt += len;
        tell_unreadable(g, rc);
        if (rc == RECORD_E_END)
            break;
        if (rc)
            return rc;
    }
    s->learnt = 0;
    g->held.known = true;
    return 0;
}

void spool_learn(struct spool *s, size_t bytes)
{
    s->shares.unknown = 0;
    s->shares.unknown_events = 0;
    for (struct list *i = s->segments.next; s->config.writer && i != &s->segments;
         i = i->next) {
        struct segment *g = segment_of(i);
        size_t left = g->used - s->learnt;

        if (g->held.known)
            continue;
        if (bytes > 0 && learn_segment(s, g, s->learnt + bytes) == 0) {
            bytes -= num_min(bytes, left);
            if (g != s->reading && g != s->active && g->fd >= 0) {
                (void)close(g->fd); /* only read from */
                g->fd = -1;
            }
            continue;
        }
        bytes = 0;
        if (!segment_is_done(g)) {
            s->shares.unknown += g->used;
            s->shares.unknown_events += g->end - g->first;
        }
    }
}

void spool_learn_last(struct spool *s)
{
    struct segment *last = last_segment(s);

    if (!last || !s->config.writer)
        return;
    s->window.patient = true;
    (void)!learn_segment(s, last, last->used); /* else it is counted for nobody */
    s->window.patient = false;
    s->learnt = 0;
    last->held.known = true;
}
