/* Compares a result with what its worker was given, and counts what nobody asked for.
 *
 * From: settle.c, for each result. To: the peer, whose session ends. Holds: nothing. */

#include "core/deliver/owed.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stats.h"
#include "core/deliver/calls.h"
#include "core/deliver/deliver.h"
#include "core/intake/intake.h"
#include "core/peers/peers.h"
#include "core/queue/queue.h"
#include "core/store/store.h"
#include "proto/limits.h"

/* results of this long ago are forgotten when they are counted: a worker tells again after as long */
#define UNASKED_MS 10000

/* The command's own trace is told to whoever is given it. It also tells apart what had the same id in a store that
 * was put back since. */
static int knows_its_trace(struct core *c, const struct core_command *cmd,
                           const struct result *r, bool *ret_knows)
{
    struct command_row row = {0};
    struct command body = {0};
    int rc = store_command(c->store, cmd->id, &row);

    *ret_knows = true; /* an erased command does not say any more */
    if (rc == 0 && row.body && command_decode(view_make(row.body, row.body_len), &body) == 0)
        *ret_knows = id_equal(&r->trace, &body.trace) && r->kind == body.kind;
    command_row_fini(&row);
    return rc == STORE_E_NONE ? 0 : rc;
}

int owed_judge(struct core *c, const struct peer *p, const struct result *r,
               struct core_command **ret_cmd, struct call **ret_call, enum owed *ret)
{
    struct core_command *cmd = NULL;
    bool under_way = false;
    bool knows = false;
    int rc = 0;

    *ret_cmd = NULL;
    *ret_call = call_asked(c, p, r);
    *ret = *ret_call ? OWED_NOW : OWED_NOT;
    if (*ret_call || r->id > INT64_MAX)
        return 0;
    *ret_cmd = cmd = queue_find(c->queue, (int64_t)r->id);
    if (!cmd)
        return 0; /* settled before: its result is told again */
    under_way = cmd->state == COMMAND_IN_FLIGHT && cmd->attempt == r->attempt;
    if (under_way && cmd->worker && cmd->worker != p)
        goto foreign;
    if (under_way && cmd->worker == p && r->attempt > c->turn->others_attempts) {
        *ret = OWED_NOW; /* this life of core gave it */
        return 0;
    }
    rc = knows_its_trace(c, cmd, r, &knows);
    if (rc)
        return rc;
    if (knows) {
        *ret = under_way ? OWED_NOW : OWED_LATE;
        return 0;
    }
foreign:
    stat_add(c->deliver->n_foreign, 1);
    log_often(LOG_LEVEL_WARN, "result.of_another", view_of(p->name),
              "peer=%s command=%lld attempt=%" PRIu64, p->name, (long long)cmd->id, r->attempt);
    return 0;
}

bool owed_allows(struct core *c, struct peer *p)
{
    int64_t now = clock_mono_ms();

    if (now - p->unasked_mono_ms >= UNASKED_MS) {
        p->unasked_mono_ms = now;
        p->n_unasked = 0;
    }
    if (++p->n_unasked <= LIMIT_UNASKED)
        return true;
    stat_add(c->intake->n_over_credit, 1);
    log_often(LOG_LEVEL_ERROR, "session.over_credit", view_of(p->name), "peer=%s results=%zu",
              p->name, p->n_unasked);
    peer_end(c, p);
    return false;
}
