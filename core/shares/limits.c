/* How much of each share whoever may have.
 *
 * From: shares.c, show.c. To: nobody. Holds: nothing. */

#include "core/shares/limits.h"

#include "base/config.h"
#include "base/num.h"
#include "core/turn/turn.h"
#include "proto/limits.h"

/* Of a connector's share this part is kept for its accounts, an even part of it for each alone. … */
#define KEPT_PART    4
/* … Of what the others have left of the rest one leaves this part: alone it has half of the share, two that both
 * want more have three tenths each. */
#define LEFT_PART    3
/* So many times its share a connector may have, as long as too much of it is for some of its accounts alone. */
#define TIMES_IN_ALL 2

static int64_t part_of(const struct core *c, int64_t whole)
{
    uint64_t percent = config_number(c->config, "share/percent");

    return percent && percent < 100 ? (int64_t)((double)whole / 100 * (double)percent) : whole;
}

static uint64_t queue_max(const struct core *c)
{
    return c->queue->max ? c->queue->max : LIMIT_COMMANDS;
}

/* What its accounts take in the time that is allowed, but no more than the part of the queue that one may
 * have, nor, all connectors together, than half of it. Nobody has less than the floor. */
static int64_t queue_limit(const struct core *c, size_t accounts)
{
    uint64_t floor = config_number(c->config, "share/commands");
    uint64_t rate = config_number(c->config, "scope/rate") * accounts;
    uint64_t limit = (uint64_t)part_of(c, (int64_t)queue_max(c));
    uint64_t wanted = 0;

    if (floor == 0)
        return SHARE_UNLIMITED;
    limit = num_min(limit, queue_max(c) / 2 / num_max(c->turn->registry->n_connectors, 1));
    if (rate && num_mul(rate, config_number(c->config, "share/queue_s"), &wanted) == 0 &&
        wanted)
        limit = num_min(limit, wanted);
    return (int64_t)num_min(num_max(limit, floor), SHARE_UNLIMITED);
}

static int64_t limit_or_none(const struct core *c, const char *key)
{
    uint64_t n = config_number(c->config, key);

    return n ? (int64_t)num_min(n, SHARE_UNLIMITED) : SHARE_UNLIMITED;
}

int64_t limit_waiting(const struct core *c, int64_t more)
{
    return part_of(c, LIMIT_WAITING + more);
}

int64_t limit_connector(const struct core *c, enum share share, size_t accounts)
{
    switch (share) {
    case SHARE_QUEUE:
        return queue_limit(c, accounts);
    case SHARE_WAITING:
        return limit_waiting(c, 0);
    case SHARE_QUARANTINE:
    case SHARE_REPORTS:
        return limit_or_none(c, "share/quarantine");
    case SHARE_BYTES:
        return limit_or_none(c, "share/bytes");
    case SHARES:
        break;
    }
    return SHARE_UNLIMITED;
}

int64_t limit_in_all(const struct core *c, enum share share, int64_t limit)
{
    if (limit >= SHARE_UNLIMITED / TIMES_IN_ALL)
        return SHARE_UNLIMITED;
    switch (share) {
    case SHARE_QUEUE: /* connectors must not fill the queue, whomever it is for */
        return queue_count(c->queue) >= queue_max(c) / 2 ? limit : limit * TIMES_IN_ALL;
    case SHARE_QUARANTINE:
    case SHARE_REPORTS:
        return limit * TIMES_IN_ALL;
    case SHARE_WAITING: /* nobody knows whom it is for */
    case SHARE_BYTES:   /* the disk does not care */
    case SHARES:
        break;
    }
    return limit;
}

int64_t limit_account(int64_t limit, int64_t others, size_t accounts)
{
    int64_t kept = limit / KEPT_PART;
    int64_t own = 0;
    int64_t left = 0;

    if (limit == SHARE_UNLIMITED || accounts < 2)
        return SHARE_UNLIMITED;
    own = (int64_t)num_max((uint64_t)kept / accounts, 1);
    left = limit - kept - others;
    left -= left / LEFT_PART;
    return left > own ? left : own;
}

int64_t limit_even(int64_t limit, size_t accounts)
{
    return limit == SHARE_UNLIMITED || accounts < 2
               ? limit
               : (int64_t)num_max((uint64_t)limit / accounts, 1);
}
