/* What core has died with becomes a dead letter, reason core_lost.
 *
 * From: dispatch.c, settle.c, calls.c, moved.c, watch.c, before they do what killed. To: settle.c.
 * Holds: nothing; how often is in core/turn/deaths.c. */

#include "core/deliver/killer.h"

#include <inttypes.h>

#include "base/log.h"
#include "core/deliver/calls.h"
#include "core/deliver/settle.h"
#include "core/peers/peers.h"
#include "core/peers/worker.h"
#include "proto/command.h"
#include "proto/pack.h"
#include "proto/session.h"

static void leave(struct core *c, struct core_command *cmd)
{
    char trace[ID_TEXT_LEN + 1];

    log_line(LOG_LEVEL_ERROR, "command.dead", "trace=%s command=%lld kind=%s reason=%s",
             command_trace(cmd, trace), (long long)cmd->id,
             command_kind_name((uint64_t)cmd->kind), KILLER_REASON);
    settle_left(c, cmd, COMMAND_DEAD, KILLER_REASON);
}

void killer_give_up(struct core *c, struct core_command *cmd, unsigned n_deaths)
{
    call_cancel(c, cmd);
    if (n_deaths > DEATHS_MAX)
        leave(c, cmd);
    else
        settle_dead(c, cmd, KILLER_REASON, VIEW_NONE);
}

bool killer_begin(struct core *c, struct core_command *cmd, enum deed_kind kind,
                  struct deed *ret_outer)
{
    struct deed deed = deed_of(kind, cmd->id);
    unsigned n_deaths = deaths_begin(c, &deed, ret_outer);

    if (n_deaths < DEATHS_MAX)
        return true;
    killer_give_up(c, cmd, n_deaths);
    deaths_end(c, ret_outer);
    return false;
}

void killer_result(struct core *c, struct peer *p, const msgpack_object *item,
                   unsigned n_deaths)
{
    uint64_t id = pack_u64(pack_get(item, "id"));
    uint64_t attempt = pack_u64(pack_get(item, "attempt"));
    bool done = pack_u64(pack_get(item, "outcome")) == OUTCOME_DONE;
    struct core_command *cmd = id <= INT64_MAX ? queue_find(c->queue, (int64_t)id) : NULL;
    int rc = core_turn(c);

    rc = rc ? rc : pairs_add(&p->acks, id, attempt);
    if (rc) {
        core_give_up(c, "settle", rc);
        return;
    }
    log_line(LOG_LEVEL_ERROR, "result.unread", "peer=%s command=%" PRIu64 " done=%d", p->name,
             id, done);
    if (!cmd || (cmd->state == COMMAND_IN_FLIGHT && cmd->worker && cmd->worker != p))
        return; /* of nothing that waits; or another worker has it */
    if (cmd->state == COMMAND_IN_FLIGHT)
        worker_landed(cmd);
    /* of one that was done nobody may be told that it was not */
    killer_give_up(c, cmd, done ? DEATHS_MAX + 1 : n_deaths);
}
