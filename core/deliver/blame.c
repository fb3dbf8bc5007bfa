/* Whose matter a failure is.
 *
 * From: settle.c (outcomes retry, hold, unknown), dispatch.c (a command that may go again).
 * To: the queue: the command waits, or its destination is held; settle.c and calls.c when it is
 * given up.
 * Holds: nothing; who was served is in the destination, when a command failed in the command. */

#include "core/deliver/blame.h"

#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "core/deliver/calls.h"
#include "core/deliver/look.h"
#include "core/deliver/settle.h"
#include "proto/limits.h"

/* Design. A destination numbers the answers that served somebody. A command remembers the number
 * at its last failure; a higher one of another lane is a neighbour's evidence.
 *
 *   failure                             no evidence                    evidence
 *   403, 404, a proxy's page or move    the destination is held        counted, backs off
 *   410                                 switched off                   refused
 *   5xx, cut, time-out                  counted, backs off             counted, backs off
 *   a proxy's page of 5xx               backs off                      counted, backs off
 *   429                                 the destination is held        backs off
 *   404 to a status, edit or reaction   at its end: held, connected    at its end: given up
 *
 * A hold that began with one lane asks others at once (dest_asks_lane), so evidence does not take
 * long to come. What failed while the destination was held is looked at when it may go again:
 * if others ended the hold, it is counted then, and does not meet the destination at once. */

/* delivery_status 404: the message may not be visible yet */
#define NOT_FOUND_MS 60000
/* back-off that counts nothing does not grow beyond 2^4 times the base */
#define WAITS_MAX    4

enum hold_reason blame_hold_reason(uint64_t cause)
{
    switch ((enum cause)cause) {
    case CAUSE_THROTTLED:
        return HOLD_THROTTLED;
    case CAUSE_FORBIDDEN:
        return HOLD_FORBIDDEN;
    case CAUSE_NOT_FOUND:
        return HOLD_NOT_FOUND;
    case CAUSE_GONE:
        return HOLD_GONE;
    case CAUSE_PRIVATE:
        return HOLD_PRIVATE;
    case CAUSE_REDIRECT:
    case CAUSE_PROXY:
        return HOLD_PROXY;
    case CAUSE_NONE:
    case CAUSE_CONNECT:
    case CAUSE_TIMEOUT:
    case CAUSE_CUT:
    case CAUSE_REFUSED:
    case CAUSE_SERVER:
    case CAUSE_UNREADABLE:
    case CAUSE_UNREGISTERED:
    case CAUSE_NOT_HTTP:
        return HOLD_CONNECT;
    }
    return HOLD_CONNECT;
}

/* --- evidence ------------------------------------------------------------------------------- */

static bool served_since(const struct core_command *cmd, uint64_t no)
{
    return dest_served_others(cmd->lane->dest, cmd->lane->id) > no;
}

/* What ails it is its own: others were served since it failed; to a 404 a connect says as much. */
static bool is_its_own(const struct core_command *cmd, enum hold_reason why)
{
    if (!cmd->failed)
        return false;
    return served_since(cmd, cmd->failed_no) ||
           (why == HOLD_NOT_FOUND && cmd->lane->dest->connected_no > cmd->failed_no);
}

/* @counted: nothing is left to be counted when others turn out to be served. */
static void has_failed(struct core_command *cmd, enum hold_reason why, bool counted)
{
    if (!cmd->failed)
        cmd->first_failed_no = cmd->lane->dest->n_served;
    cmd->failed = true;
    cmd->failed_no = cmd->lane->dest->n_served;
    cmd->failed_as = why;
    cmd->unblamed = !counted;
}

/* --- waiting -------------------------------------------------------------------------------- */

static void wait_for(struct core *c, struct core_command *cmd, int64_t wait_ms)
{
    int64_t now = clock_mono_ms();
    int rc = core_turn(c);

    rc = rc ? rc
            : store_command_progress(c->store, cmd->id, cmd->attempts,
                                     clock_unix_ms() + wait_ms, cmd->lost);
    if (rc)
        core_row_failed(c, "progress", rc);
    if (c->turn->exit_code)
        return; /* else it waits all the same, and a restart knows less of it */
    queue_move(c->queue, cmd, COMMAND_WAITING, now + wait_ms, now);
}

static bool is_exhausted(const struct core *c, const struct core_command *cmd, int64_t window,
                         int64_t now)
{
    int64_t tried = now - cmd->first_mono_ms -
                    (dest_held_ms(cmd->lane->dest, now) - cmd->first_held_ms) - cmd->asked_ms;

    return cmd->attempts >= config_number(c->config, "retry/attempts") || tried > window;
}

static void count_one(struct core_command *cmd, int64_t now)
{
    if (cmd->attempts == 0 || cmd->first_mono_ms == 0) {
        cmd->first_mono_ms = now;
        cmd->first_held_ms = dest_held_ms(cmd->lane->dest, now);
        cmd->asked_ms = 0;
    }
    cmd->attempts++;
}

/* It is its own: an attempt, and its back-off; or it is given up. */
static void counted(struct core *c, struct core_command *cmd, enum hold_reason why,
                    const char *reason)
{
    int64_t now = clock_mono_ms();
    int64_t window = (int64_t)config_number(c->config, "retry/window_ms");

    if (strcmp(reason, "not_found") == 0 && why == HOLD_NONE && window > NOT_FOUND_MS)
        window = NOT_FOUND_MS;
    has_failed(cmd, why, true);
    count_one(cmd, now);
    if (!is_exhausted(c, cmd, window, now))
        wait_for(c, cmd, queue_backoff_ms(c->queue, cmd->attempts - 1));
    else if (command_is_new_at_amo(cmd->kind))
        look_begin(c, cmd, LOOK_GIVEN_UP, VIEW_NONE);
    else
        settle_dead(c, cmd, reason, VIEW_NONE);
}

/* Time that somebody asked for, or that nobody is to blame for: no attempt, and no trying. */
static void uncounted(struct core *c, struct core_command *cmd, int64_t wish_ms)
{
    int64_t wait = queue_backoff_ms(c->queue, cmd->waits < WAITS_MAX ? cmd->waits : WAITS_MAX);

    cmd->waits++;
    if (wait < wish_ms)
        wait = wish_ms < LIMIT_RETRY_AFTER_MS ? wish_ms : LIMIT_RETRY_AFTER_MS;
    cmd->asked_ms += wait;
    wait_for(c, cmd, wait);
}

/* --- hold ----------------------------------------------------------------------------------- */

void blame_tell_held(const struct core_command *cmd, enum hold_reason why)
{
    bool person = why == HOLD_FORBIDDEN || why == HOLD_GONE || why == HOLD_PROXY;
    char space[LOG_VALUE_MAX];
    char trace[ID_TEXT_LEN + 1];

    log_line(person ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, "destination.held",
             "destination=%s reason=%s command=%lld trace=%s",
             log_value(view_of(cmd->lane->dest->key), space), hold_reason_name(why),
             (long long)cmd->id, command_trace(cmd, trace));
}

static void hold(struct core *c, struct core_command *cmd, enum hold_reason why,
                 int64_t wish_ms)
{
    struct dest *d = cmd->lane->dest;
    int64_t now = clock_mono_ms();
    bool was_held = dest_is_held(d);

    dest_hold(c->queue, d, why, hold_is_doubtful(why) ? cmd->lane->id : 0, wish_ms, now);
    if (!was_held)
        blame_tell_held(cmd, why);
    queue_move(c->queue, cmd, COMMAND_READY, 0, now);
    if ((why == HOLD_NOT_FOUND || why == HOLD_FORBIDDEN) && d->kind == DEST_SCOPE)
        call_reconnect(c, d);
}

/* A 410 of one conversation, where others are served: final, as it says. */
static void gone_alone(struct core *c, struct core_command *cmd)
{
    if (command_is_new_at_amo(cmd->kind) && cmd->tried)
        look_begin(c, cmd, LOOK_REFUSED, VIEW_NONE);
    else
        settle_dead(c, cmd, cause_name(CAUSE_GONE), VIEW_NONE);
}

void blame_hold(struct core *c, struct core_command *cmd, const struct result *r)
{
    struct dest *d = cmd->lane->dest;
    enum hold_reason why = blame_hold_reason(r->cause);
    bool own = hold_is_doubtful(why) && is_its_own(cmd, why);

    if (why == HOLD_FORBIDDEN && !cmd->forbidden && !dest_is_held(d)) {
        /* perhaps the clock or a half-rotated secret: sign again and try once */
        int64_t now = clock_mono_ms();

        cmd->forbidden = true;
        has_failed(cmd, why, true);
        queue_move(c->queue, cmd, COMMAND_WAITING,
                   now + (int64_t)config_number(c->config, "retry/base_ms"), now);
        return;
    }
    if (own && why == HOLD_GONE) {
        gone_alone(c, cmd);
    } else if (own && r->retry_after_ms > 0) {
        uncounted(c, cmd, r->retry_after_ms);
    } else if (own) {
        counted(c, cmd, why, cause_name(r->cause));
    } else {
        /* to fail to connect says nothing of what would have been sent */
        if (r->cause != CAUSE_CONNECT && r->cause != CAUSE_PRIVATE)
            has_failed(cmd, why, false);
        hold(c, cmd, why, r->retry_after_ms);
    }
}

/* --- retry ---------------------------------------------------------------------------------- */

/* 404 to a status, an edit or a reaction. Its message may not be visible yet; but where nobody is
 * served any more, and no connect has come through, the account is lost and not the message. */
static void not_found(struct core *c, struct core_command *cmd)
{
    struct dest *d = cmd->lane->dest;
    int64_t now = clock_mono_ms();

    if (d->hold == HOLD_NOT_FOUND) {
        has_failed(cmd, HOLD_NOT_FOUND, false);
        hold(c, cmd, HOLD_NOT_FOUND, 0);
        return;
    }
    if (cmd->failed && !served_since(cmd, cmd->first_failed_no) &&
        d->connected_no <= cmd->first_failed_no) {
        cmd->attempts++; /* would this be its end? */
        bool last = is_exhausted(c, cmd, NOT_FOUND_MS, now);

        cmd->attempts--;
        if (last) {
            has_failed(cmd, HOLD_NOT_FOUND, false);
            hold(c, cmd, HOLD_NOT_FOUND, 0);
            return;
        }
    }
    counted(c, cmd, HOLD_NONE, cause_name(CAUSE_NOT_FOUND));
}

void blame_retry(struct core *c, struct core_command *cmd, const char *reason, int64_t wish_ms)
{
    struct dest *d = cmd->lane->dest;
    int64_t now = clock_mono_ms();
    bool proxy = strcmp(reason, cause_name(CAUSE_PROXY)) == 0;

    if (strcmp(reason, cause_name(CAUSE_NOT_FOUND)) == 0) {
        not_found(c, cmd);
        return;
    }
    bool own = is_its_own(cmd, HOLD_BREAKER);
    bool was_held = dest_is_held(d);

    if (dest_failure(c->queue, d, cmd->lane->id, wish_ms, now)) {
        if (!was_held)
            blame_tell_held(cmd, d->hold);
        has_failed(cmd, HOLD_BREAKER, false);
        queue_move(c->queue, cmd, COMMAND_READY, 0, now); /* the destination waits, not it */
        return;
    }
    if (wish_ms > 0 || (proxy && !own)) {
        has_failed(cmd, HOLD_BREAKER, true);
        uncounted(c, cmd, wish_ms);
        return;
    }
    counted(c, cmd, HOLD_BREAKER, reason);
}

void blame_unproven(struct core *c, struct core_command *cmd)
{
    int64_t now = clock_mono_ms();

    count_one(cmd, now);
    if (is_exhausted(c, cmd, (int64_t)config_number(c->config, "retry/window_ms"), now))
        settle_dead(c, cmd, "unclear", VIEW_NONE);
    else
        wait_for(c, cmd, queue_backoff_ms(c->queue, cmd->attempts - 1));
}

/* --- before it goes again ------------------------------------------------------------------- */

/* It waits once more, whatever is used up: only an answer ends it. */
bool blame_before_it_goes(struct core *c, struct core_command *cmd, int64_t now_mono_ms)
{
    if (!cmd->unblamed || !served_since(cmd, cmd->failed_no) || dest_is_held(cmd->lane->dest))
        return false;
    queue_give_back(c->queue, cmd);
    cmd->unblamed = false;
    if (!hold_is_doubtful(cmd->failed_as) || cmd->failed_as == HOLD_GONE) {
        uncounted(c, cmd, 0);
        return true;
    }
    count_one(cmd, now_mono_ms);
    wait_for(c, cmd, queue_backoff_ms(c->queue, cmd->attempts - 1));
    return true;
}
