/* Decides when doubt of the wall clock begins and ends, and whether old rows may be deleted
 * now; keeps in the store what must outlive a restart. */

#include "core/turn/doubt.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "core/turn/turn.h"
#include "proto/command.h"
#include "proto/session.h"

#define CLOCK_META     "clock"
/* the wall clock went another way than the monotonic one */
#define JUMP_MS        5000
/* between us and amojo */
#define SKEW_MS        60000
/* between two lives of core without a doubt: a restart, an upgrade, a reboot */
#define AWAY_MS        600000
/* written at least so often; and in a busy time not more often than … */
#define WRITE_IDLE_MS  30000
#define WRITE_BUSY_MS  1000
#define PRUNE_SLACK_MS 600000
#define ASK_FIRST_MS   1000
/* between the numbers of two lives, in units of their clock */
#define NUMBERS_GAP_MS 1000

bool core_clock_doubtful(const struct core *c)
{
    return c->turn->doubt.on;
}

/* --- on disk ---------------------------------------------------------------------------------- */

static int read_meta(struct core *c, bool *ret_there)
{
    struct doubt *d = &c->turn->doubt;
    uint64_t v[8] = {0};
    struct buf bytes;
    int rc = 0;

    buf_init(&bytes, 256);
    rc = store_meta_get(c->store, CLOCK_META, &bytes);
    for (size_t i = 0; rc == 0 && i < 4 && i < pairs_count(buf_view(&bytes)); i++)
        pairs_at(buf_view(&bytes), i, &v[2 * i], &v[2 * i + 1]);
    *ret_there = rc == 0;
    buf_fini(&bytes);
    d->trusted_ms = (int64_t)v[0];
    d->newest_ms = (int64_t)v[1];
    d->low_ms = (int64_t)v[2];
    d->high_ms = (int64_t)v[3];
    d->row = (int64_t)v[4];
    d->on = v[5] != 0;
    d->pruned_ms = (int64_t)v[6];
    return rc == STORE_E_NONE ? 0 : rc;
}

int doubt_write(struct core *c)
{
    struct doubt *d = &c->turn->doubt;
    int64_t now = clock_mono_ms();
    struct buf bytes;
    int rc = 0;

    if (d->written_mono_ms && now - d->written_mono_ms < WRITE_BUSY_MS)
        return 0;
    buf_init(&bytes, 256);
    rc = pairs_add(&bytes, (uint64_t)d->trusted_ms, (uint64_t)d->newest_ms);
    rc = rc ? rc : pairs_add(&bytes, (uint64_t)d->low_ms, (uint64_t)d->high_ms);
    rc = rc ? rc : pairs_add(&bytes, (uint64_t)d->row, d->on);
    rc = rc ? rc : pairs_add(&bytes, (uint64_t)d->pruned_ms, 0);
    rc = rc ? rc : store_meta_put(c->store, CLOCK_META, buf_view(&bytes));
    buf_fini(&bytes);
    if (rc == 0)
        d->written_mono_ms = now;
    return rc;
}

/* --- doubt begins ----------------------------------------------------------------------------- */

static void lived_through(struct doubt *d, int64_t unix_ms)
{
    if (!d->low_ms || unix_ms < d->low_ms)
        d->low_ms = unix_ms;
    if (unix_ms > d->high_ms)
        d->high_ms = unix_ms;
}

static void doubt_begin(struct core *c, const char *why, int64_t by_ms, int64_t now_unix)
{
    struct doubt *d = &c->turn->doubt;

    log_line(LOG_LEVEL_WARN, "clock.doubted", "why=%s ms=%lld", why, (long long)by_ms);
    if (!d->on) {
        d->on = true;
        d->row = d->epoch_row;
        if (d->epoch_ms) /* it may have been the wrong one all the while */
            lived_through(d, d->epoch_ms);
    }
    lived_through(d, now_unix);
    d->proven = false;
    d->epoch_ms = d->epoch_ms ? d->epoch_ms : now_unix;
    d->why = why;
    d->attempt = c->turn->next_attempt;
    d->ask_mono_ms = 0;
    d->ask_wait_ms = ASK_FIRST_MS;
    d->written_mono_ms = 0; /* with the next commit */
}

static void judge_start(struct core *c, bool there, int64_t now)
{
    struct doubt *d = &c->turn->doubt;

    if (d->on)
        doubt_begin(c, "in_doubt_before", now - d->trusted_ms, now);
    else if (!there && d->epoch_row > 0)
        doubt_begin(c, "never_proven", 0, now);
    else if (there && (now < d->trusted_ms - JUMP_MS || now > d->trusted_ms + AWAY_MS))
        doubt_begin(c, now < d->trusted_ms ? "behind_last_time" : "ahead_of_last_time",
                    now - d->trusted_ms, now);
    else
        d->trusted_ms = now;
}

int doubt_open(struct core *c)
{
    struct doubt *d = &c->turn->doubt;
    int64_t now = clock_unix_ms();
    int64_t first = 0;
    bool there = false;
    int rc = read_meta(c, &there);

    rc = rc ? rc : store_message_newest(c->store, &d->epoch_row);
    if (rc)
        return rc;
    first = d->newest_ms + NUMBERS_GAP_MS > now ? d->newest_ms + NUMBERS_GAP_MS : now;
    c->turn->next_attempt = (uint64_t)first << 20;
    c->turn->others_attempts = c->turn->next_attempt;
    c->turn->next_turn = (uint64_t)first;
    d->newest_ms = first;
    d->last_mono_ms = d->pruned_mono_ms = clock_mono_ms();
    d->last_unix_ms = d->epoch_ms = now;
    judge_start(c, there, now);
    return 0;
}

/* --- doubt ends ------------------------------------------------------------------------------- */

/* A time that no clock can have shown, or that was shown by one in doubt, begins anew. */
static bool is_doubted(const struct doubt *d, int64_t unix_ms, int64_t now)
{
    return unix_ms > now || (unix_ms >= d->low_ms && unix_ms <= d->high_ms);
}

static int stamp_anew(struct core *c, int64_t now)
{
    const struct doubt *d = &c->turn->doubt;
    int64_t overlap = (int64_t)config_number(c->config, "core/overlap_hours") * 3600 * 1000;
    const struct store_stamps s = {.low_ms = d->low_ms,
                                   .high_ms = d->high_ms,
                                   .row = d->row,
                                   .now_ms = now,
                                   .overlap_ms = overlap};
    struct core_command *cmd = NULL;
    bool changed = false;
    size_t iter = 0;
    int rc = core_turn(c);

    rc = rc ? rc : store_stamp_anew(c->store, &s, &changed);
    if (rc == 0 && changed)
        rc = core_registry_changed(c);
    while (rc == 0 && (cmd = table_next(c->queue->commands, &iter))) {
        if (is_doubted(d, cmd->taken_ms, now))
            cmd->taken_ms = now;
    }
    return rc;
}

static int doubt_end(struct core *c, const char *by)
{
    struct doubt *d = &c->turn->doubt;
    int64_t now = clock_unix_ms();
    int rc = 0;

    if (d->on) {
        rc = stamp_anew(c, now);
        if (rc)
            return rc;
        log_line(LOG_LEVEL_INFO, "clock.proven", "by=%s", by);
    }
    rc = store_message_newest(c->store, &d->epoch_row);
    d->on = false;
    d->why = NULL;
    d->proven = true;
    d->low_ms = d->high_ms = d->epoch_ms = d->row = 0;
    d->trusted_ms = now;
    d->written_mono_ms = 0; /* with the next commit */
    return rc;
}

int doubt_agree(struct core *c)
{
    return doubt_end(c, "operator");
}

void doubt_measured(struct core *c, const struct result *r, int64_t sent_unix_ms)
{
    struct doubt *d = &c->turn->doubt;
    int64_t skew = r->skew_ms;
    int64_t now = clock_unix_ms();
    int rc = 0;

    /* what was begun before the doubt measured another clock */
    if (!r->skew_known || r->attempt <= d->attempt)
        return;
    /* it is the worker's clock that was held against amojo's */
    if (sent_unix_ms)
        skew += sent_unix_ms - now;
    c->turn->skew_ms = skew;
    if (llabs(skew) > SKEW_MS) {
        if (!d->on)
            doubt_begin(c, "amojo_disagrees", skew, now);
        return;
    }
    /* ending a doubt stamps rows, and so reads whatever is there, as pruning does */
    if (d->on ? !store_damage(c->store) : !d->proven)
        rc = doubt_end(c, "amojo");
    if (rc)
        core_give_up(c, "clock", rc);
}

/* --- once a second ---------------------------------------------------------------------------- */

bool doubt_tick(struct core *c, int64_t now_mono_ms, int64_t now_unix_ms)
{
    struct doubt *d = &c->turn->doubt;
    int64_t drift = (now_unix_ms - d->last_unix_ms) - (now_mono_ms - d->last_mono_ms);
    bool wanted = false;

    if (d->last_mono_ms && llabs(drift) > JUMP_MS) {
        log_line(LOG_LEVEL_ERROR, "clock.jumped", "ms=%lld", (long long)drift);
        if (!d->on)
            lived_through(d, d->epoch_ms ? d->last_unix_ms : now_unix_ms);
        doubt_begin(c, "jump", drift, now_unix_ms);
    }
    d->last_mono_ms = now_mono_ms;
    d->last_unix_ms = now_unix_ms;
    if (now_unix_ms > d->newest_ms)
        d->newest_ms = now_unix_ms;
    if (d->on)
        lived_through(d, now_unix_ms);
    else
        d->trusted_ms = now_unix_ms;
    if (d->on || (!d->proven && !doubt_may_prune(c, now_mono_ms, now_unix_ms)))
        wanted = true;
    /* the commit of this turn writes it */
    if (now_mono_ms - d->written_mono_ms > WRITE_IDLE_MS && core_turn(c) == 0)
        d->written_mono_ms = 0;
    return wanted;
}

/* --- pruning ---------------------------------------------------------------------------------- */

bool doubt_may_prune(const struct core *c, int64_t now_mono_ms, int64_t now_unix_ms)
{
    const struct doubt *d = &c->turn->doubt;
    int64_t moved = now_unix_ms - d->pruned_ms;

    if (d->on)
        return false;
    return d->proven || !d->pruned_ms ||
           (moved >= 0 && moved <= now_mono_ms - d->pruned_mono_ms + PRUNE_SLACK_MS);
}

void doubt_pruned(struct core *c, int64_t now_mono_ms, int64_t now_unix_ms)
{
    c->turn->doubt.pruned_ms = now_unix_ms;
    c->turn->doubt.pruned_mono_ms = now_mono_ms;
}
