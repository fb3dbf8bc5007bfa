/* The line about conversations that stand still behind one message.
 *
 * From: doctor.c. To: the queue and the store, which are only read. Holds: nothing. */

#include <inttypes.h>
#include <stdio.h>

#include "base/config.h"
#include "core/control/control.h"
#include "core/doctor/doctor.h"
#include "core/doctor/doctor_line.h"
#include "core/questions/why.h"

/* ": conversation 12, behind command 34 of message svc-m1: next attempt in …" */
static int add_oldest(struct core *c, const struct core_command *cmd, struct buf *out)
{
    struct message m = {0};
    int rc = cmd->message ? store_message(c->store, cmd->message, &m) : STORE_E_NONE;

    if (rc < 0)
        return rc;
    (void)buf_add_f(out, ": conversation %" PRId64 ", behind command %" PRId64,
                    cmd->lane->id / 2, cmd->id);
    if (rc == 0)
        (void)buf_add_f(out, " of message %s", m.mid);
    (void)buf_add_str(out, ": ");
    message_fini(&m);
    return why_command(c, cmd, out);
}

int doctor_stuck(struct control_ask *ask)
{
    const struct stuck_lanes *s = &ask->core->queue->stuck.last;
    int64_t limit_s = (int64_t)config_number(ask->core->config, "core/delayed_ms") / 1000;
    const struct core_command *oldest = queue_find(ask->core->queue, s->oldest);
    struct check c = {.name = "stuck"};
    char action[200];
    struct buf words;
    int rc = 0;

    if (s->n == 0) {
        check_add(ask->w, &c,
                  "no conversation waits behind a message that is not delivered for %" PRId64
                  " s",
                  limit_s);
        return 0;
    }
    (void)snprintf(action, sizeof(action),
                   "amoctl conversation show %" PRId64 "; then amoctl message retry, or amoctl "
                   "queue drop --conversation %" PRId64,
                   oldest ? oldest->lane->id / 2 : 0, oldest ? oldest->lane->id / 2 : 0);
    c.severity = SEVERITY_YELLOW;
    c.action = oldest ? action : "amoctl conversation list --waiting";
    buf_init(&words, (size_t)2 * WHY_MAX);
    rc = oldest ? add_oldest(ask->core, oldest, &words) : 0;
    check_add(ask->w, &c,
              "conversations that wait behind one message, not delivered for more than %" PRId64
              " s: %zu%s%s",
              limit_s, s->n, oldest ? "; the longest" : "", buf_str(&words));
    buf_fini(&words);
    return rc;
}
