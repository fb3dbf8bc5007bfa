/* Moves a message to a new state or to failed: logs the move, changes the message in memory,
 * and updates its row. */

#include "core/turn/message.h"

#include "base/clock.h"
#include "base/log.h"

static void message_log(const struct message *m, enum message_state to)
{
    const char *why = message_move_why(m->state, to);
    enum log_level level = why ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN;
    char trace[ID_TEXT_LEN + 1];

    if (!log_enabled(level))
        return;
    id_format(&m->trace, trace);
    log_line(level, "message.moved", "trace=%s message=%lld from=%s to=%s why=\"%s\"", trace,
             (long long)m->id, message_state_name(m->state), message_state_name(to),
             why ? why : "no legal move");
}

int message_move(struct core *c, struct message *m, enum message_state to, int64_t settled_ms)
{
    message_log(m, to);
    m->state = to;
    return store_message_state(c->store, m->id, to, settled_ms);
}

int message_arrived(struct core *c, const struct message *m)
{
    struct message moved = *m; /* its texts are not ours */

    return message_move(c, &moved,
                        m->direction == MESSAGE_OUTBOUND ? MESSAGE_DELIVERED_TO_SERVICE
                                                         : MESSAGE_DELIVERED_TO_AMO,
                        clock_unix_ms());
}

int message_fail(struct core *c, struct message *m, const char *reason, struct view words)
{
    message_log(m, MESSAGE_FAILED);
    m->state = MESSAGE_FAILED;
    return store_message_failed(c->store, m->id, reason, words, clock_unix_ms());
}
