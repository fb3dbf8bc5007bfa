/* What core has is forgotten: marks, low mark, files.
 *
 * From: push.c, by way of spool_take(). To: the segments.
 * Holds: nothing. */

#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"
#include "ingress/spool/private.h"

#define SPOOL_LOOK_MS 1000  /* how often the disk is looked at */
#define SPOOL_KEEP_MS 60000 /* a done segment stays for what cannot be kept elsewhere */

void spool_drop(struct spool *s, struct segment *g)
{
    if (s->reading == g)
        s->reading = NULL;
    if (!g->held.known)
        s->learnt = 0; /* it was the first of them: files go from the front */
    shares_drop(&s->shares, &g->held);
    segment_free(g);
}

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

void spool_sweep(struct spool *s)
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
        s->total -= used;
        spool_drop(s, g);
    }
    if (rc == 0 && s->owed_ms)
        (void)sweep_asks(
            s); /* there may be room for it now; else it is kept with the next ones */
}

void spool_tidy(struct spool *s)
{
    if (s->sweep_rc)
        spool_sweep(s);
    if (clock_mono_ms() - s->looked_ms >= SPOOL_LOOK_MS)
        spool_look(s);
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
        shares_settle(&s->shares, &g->held, segment_is_done(g));
    }
    spool_advance_low(s);
    spool_sweep(s);
    return rc;
}

int spool_untake(struct spool *s)
{
    for (struct list *i = s->segments.next; i != &s->segments; i = i->next) {
        struct segment *g = segment_of(i);

        segment_untake(g);
        shares_settle(&s->shares, &g->held, segment_is_done(g));
    }
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

bool spool_is_gone(struct spool *s, uint64_t number)
{
    spool_sweep(s);
    return list_is_empty(&s->segments) || segment_of(s->segments.next)->first >= number;
}
