/* Words for what became of a message, and for what is none yet.
 *
 * From: the verbs that show something. To: the store and the queue, which are only read. Holds: nothing. */

#include "core/questions/why_private.h"

#include "base/clock.h"
#include "base/num.h"
#include "core/questions/told.h"
#include "core/queue/queue.h"
#include "core/store/quarantine.h"
#include "proto/event.h"
#include "proto/limits.h"

/* so many commands of one message are looked at */
#define COMMANDS_MAX 50

/* --- a message -------------------------------------------------------------------------------- */

static void add_quoted(struct buf *out, struct view words)
{
    if (!words.len)
        return;
    (void)buf_add_str(out, ": \"");
    (void)buf_add_view(out, view_cut(words, LIMIT_ERROR_TEXT));
    (void)buf_add_char(out, '"');
}

/* What the other side said: its words, or else its last answer. */
static int add_said(struct core *c, const struct message *m, struct buf *out)
{
    struct last_attempt a;
    struct buf evidence;
    int rc = 0;

    if (m->words && m->words[0]) {
        add_quoted(out, view_of(m->words));
        return 0;
    }
    buf_init(&evidence, LIMIT_EVIDENCE_BYTES + 16);
    rc = store_message_attempt_last(c->store, m->id, &a, &evidence);
    if (rc == 0 && a.outcome != OUTCOME_DONE) {
        (void)buf_add_str(out, ", ");
        why_add_attempt(&a, buf_view(&evidence), out);
    }
    buf_fini(&evidence);
    return rc == STORE_E_NONE ? 0 : rc;
}

/* ", dropped by root". */
static int add_dropped_by(struct core *c, int64_t letter, struct buf *out)
{
    struct buf user;
    int rc = 0;

    buf_init(&user, WHY_MAX);
    rc = store_dead_by_whom(c->store, letter, &user);
    if (rc == 0 && user.len)
        (void)buf_add_f(out, ", dropped by %s", buf_str(&user));
    buf_fini(&user);
    return rc == STORE_E_NONE ? 0 : rc;
}

static int why_failed(struct core *c, const struct message *m, struct buf *out)
{
    const char *words = reason_words(view_of(m->reason));
    int64_t letter = 0;
    int rc = store_dead_of_message(c->store, m->id, &letter);

    if (rc && rc != STORE_E_NONE)
        return rc;
    (void)buf_add_str(out, "given up");
    if (letter)
        (void)buf_add_f(out, " (dead letter %lld)", (long long)letter);
    if (m->reason)
        (void)buf_add_f(out, ", %s", m->reason);
    if (words)
        (void)buf_add_f(out, ": %s", words);
    if (letter) {
        rc = add_dropped_by(c, letter, out);
        if (rc)
            return rc;
    }
    return add_said(c, m, out);
}

/* Of an outbound message that its service has. */
static void why_with_service(const struct message *m, struct buf *out)
{
    bool failed = m->reported_status == -1 && m->reported_why;

    if (failed) {
        (void)buf_add_f(out, "failed: service %s reported ", m->connector);
        if (m->reported_why[0])
            (void)buf_add_f(out, "%s, ", m->reported_why);
        (void)buf_add_f(out, "%lld", (long long)m->reported_code);
        add_quoted(out, view_of(m->reported_words));
    } else if (m->reported_status > 0) {
        (void)buf_add_f(out, "%s, as service %s has reported",
                        message_told_name(m->reported_status), m->connector);
    } else if (m->reported_status == -1) {
        (void)buf_add_f(out, "service %s has it; amo was told before that it failed",
                        m->connector);
    } else {
        (void)buf_add_f(out, "service %s has it and has reported nothing yet", m->connector);
    }
    if (m->reported_ms && (failed || m->reported_status > 0)) {
        (void)buf_add_str(out, ", at ");
        why_add_time(out, m->reported_ms);
    }
}

/* Its own command, or else any about it. */
static int why_accepted(struct core *c, const struct message *m, struct buf *out)
{
    const struct core_command *found = NULL;
    int64_t ids[COMMANDS_MAX];
    size_t n = 0;
    int rc = store_message_commands(c->store, m->id, ids, AMO_COUNT(ids), &n);

    for (size_t i = 0; i < n; i++) {
        const struct core_command *cmd = queue_find(c->queue, ids[i]);

        if (cmd &&
            (!found || (command_is_message(cmd->kind) && !command_is_message(found->kind))))
            found = cmd;
    }
    if (rc || found)
        return rc ? rc : why_command(c, found, out);
    (void)buf_add_str(out, "nothing waits that would bring it on: see amoctl dead list");
    return 0;
}

int why_message(struct core *c, const struct message *m, struct buf *ret_words)
{
    int rc = 0;

    switch (m->state) {
    case MESSAGE_ACCEPTED:
        rc = why_accepted(c, m, ret_words);
        break;
    case MESSAGE_FAILED:
        rc = why_failed(c, m, ret_words);
        break;
    case MESSAGE_DELIVERED_TO_SERVICE:
        why_with_service(m, ret_words);
        break;
    case MESSAGE_DELIVERED_TO_AMO:
        (void)buf_add_str(ret_words, "amo has it");
        if (m->settled_ms) {
            (void)buf_add_str(ret_words, " since ");
            why_add_time(ret_words, m->settled_ms);
        }
        break;
    }
    return rc ? rc : why_line_error(ret_words);
}

/* --- what is no message yet ------------------------------------------------------------------- */

void why_quarantined(int64_t id, struct view reason, struct buf *ret_words)
{
    (void)buf_add_f(ret_words, "in quarantine, entry %lld: %.*s", (long long)id,
                    (int)num_min(reason.len, 100), reason.len ? reason.ptr : "");
}

void why_waiting(const struct waiting_row *row, struct buf *ret_words)
{
    struct event e;
    char space = '\0';

    if (row->key.len)
        space = row->key.ptr[0];
    if (event_decode(row->event, &e))
        e = (struct event){.kind = 0};
    switch (space) {
    case 'b':
        (void)buf_add_str(ret_words, "set aside: its account has its share of the queue");
        return;
    case 'e':
    case 'o':
        (void)buf_add_str(ret_words, "waits until it is known whether it is a message of ours "
                                     "that comes back");
        return;
    case 'n':
        (void)buf_add_f(ret_words, "waits for the end of what is tried in conversation %.*s",
                        (int)num_min(e.conversation.len, LIMIT_ID),
                        e.conversation.len ? e.conversation.ptr : "");
        break;
    default:
        (void)buf_add_f(ret_words, "waits for message %.*s, which is not known yet",
                        (int)num_min(e.message_id.len, LIMIT_ID),
                        e.message_id.len ? e.message_id.ptr : "");
        break;
    }
    if (row->until_ms > 0 && row->until_ms < CLOCK_MS_MAX) {
        (void)buf_add_str(ret_words, ", until ");
        why_add_time(ret_words, row->until_ms);
    }
}
