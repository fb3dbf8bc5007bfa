/* Results are settled.
 *
 * From: an egress (RESULT_PUSH), calls.c (what the history said), watch.c (life times that are over).
 * To: the store and the queue; RESULT_TAKEN to the worker after the commit.
 * Holds: nothing; the worker keeps its result until RESULT_TAKEN. */

#include "core/deliver/settle.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stats.h"
#include "core/deliver/blame.h"
#include "core/deliver/calls.h"
#include "core/deliver/deliver.h"
#include "core/deliver/killer.h"
#include "core/deliver/learn.h"
#include "core/deliver/look.h"
#include "core/deliver/owed.h"
#include "core/deliver/parting.h"
#include "core/deliver/resolve.h"
#include "core/intake/apply.h"
#include "core/intake/conversation.h"
#include "core/intake/deferred.h"
#include "core/intake/echo.h"
#include "core/intake/intake.h"
#include "core/model/fallback.h"
#include "core/model/inject.h"
#include "core/model/key.h"
#include "core/peers/peers.h"
#include "core/peers/worker.h"
#include "core/turn/message.h"
#include "proto/foreign_id.h"
#include "proto/limits.h"
#include "proto/session.h"

/* Why a command was given up. */
struct give_up {
    const char *reason;
    struct view words; /* the remote side's own; VIEW_NONE none */
    struct view code;  /* a service's word for it */
};

static void settle_one(struct core *c, struct peer *p, const struct result *r);
static void settle_late(struct core *c, struct core_command *cmd, const struct result *r);
static int settle_acquit(struct core *c, struct core_command *cmd, const struct result *r);
static void settle_outcome(struct core *c, struct core_command *cmd, const struct result *r);
static void settle_refused(struct core *c, struct core_command *cmd, const struct result *r);
static void settle_letter(struct core *c, const struct result *r);
static int wake_namesakes(struct core *c, const struct message *m);

static void settle_item(struct core *c, struct peer *p, const msgpack_object *item)
{
    struct result r;

    if (result_decode_object(item, &r) == 0) {
        inject_kill(r.evidence);
        c->turn->hand = (struct hand){.command = r.id <= INT64_MAX ? (int64_t)r.id : 0};
        settle_one(c, p, &r);
        c->turn->hand = (struct hand){0};
    } else {
        log_often(LOG_LEVEL_ERROR, "result.malformed", view_of(p->name), "peer=%s", p->name);
        (void)owed_allows(c, p); /* asked at the top of settle_push() */
    }
}

void settle_push(struct core *c, struct peer *p, struct view body)
{
    const msgpack_object *items = NULL;
    struct pack_doc d;
    size_t n = 0;

    if (pack_doc_open(&d, body)) {
        log_often(LOG_LEVEL_ERROR, "result.push_malformed", view_of(p->name), "peer=%s",
                  p->name);
        return;
    }
    n = pack_array(pack_doc_root(&d), "results", &items);
    for (size_t i = 0; i < n && !c->turn->exit_code && !p->ended; i++) {
        struct deed deed = {.kind = DEED_RESULT, .key = {pack_u64(pack_get(&items[i], "id"))}};
        struct deed outer;
        unsigned n_deaths = deaths_begin(c, &deed, &outer);

        if (n_deaths < DEATHS_MAX)
            settle_item(c, p, &items[i]);
        else
            killer_result(c, p, &items[i], n_deaths);
        deaths_end(c, &outer);
        deferred_run(c);
    }
    pack_doc_close(&d);
    core_wake(c);
}

/* It was sent to try whether its destination must stay held. What was under way before the hold was not. */
static bool is_probe(const struct core_command *cmd)
{
    const struct dest *d = cmd->lane->dest;

    return dest_is_held(d) && d->probing && d->probe == cmd->id;
}

static int settle_evidence(struct core *c, const struct core_command *cmd, const struct peer *p,
                           const struct result *r)
{
    struct attempt_row row = {
        .command = cmd->id,
        .message = cmd->message,
        .kind = (int64_t)cmd->kind,
        .number = cmd->attempts + 1,
        .began_ms = r->began_ms,
        .took_ms = r->took_ms,
        .outcome = (int64_t)r->outcome,
        .cause = (int64_t)r->cause,
        .status = (int64_t)r->status,
        .scope = r->sent_scope,
        .chat = r->sent_chat,
        .evidence = cmd->erased ? VIEW_NONE : view_cut(r->evidence, LIMIT_EVIDENCE_BYTES),
        .worker = view_of(p->name),
        .probe = is_probe(cmd)};
    int rc = resolve_tells(c, cmd, &row.tells, &row.tells_code);

    return rc ? rc : store_attempt_add(c->store, &row);
}

/* Delivered means amo's id in hand: whatever a worker makes of an answer without one. */
static enum outcome outcome_of(const struct core_command *cmd, const struct result *r)
{
    bool proven = !command_is_new_at_amo(cmd->kind) || foreign_id_is_fine(r->amo_message_id);

    return r->outcome == OUTCOME_DONE && !proven ? OUTCOME_UNKNOWN : (enum outcome)r->outcome;
}

/* Does the answer name another message's id, as one out of a cache does? Then it is about that one. */
static bool is_of_another(struct core *c, const struct core_command *cmd,
                          const struct result *r)
{
    struct message m = {0};
    struct message known = {0};
    struct key key;
    bool is = false;

    if (!command_is_new_at_amo(cmd->kind) || r->outcome != OUTCOME_DONE ||
        store_message(c->store, cmd->message, &m) ||
        key_amo(view_of(m.scope), r->amo_message_id, &key))
        goto finish;
    is = store_message_by_key(c->store, &key, &known) == 0 && known.id != m.id;
finish:
    message_fini(&known);
    message_fini(&m);
    return is;
}

/* That it came home, and what it said. Without either the result counts all the same. */
static void settle_note(struct core *c, struct core_command *cmd, const struct peer *p,
                        const struct result *r)
{
    int rc = core_row_begin(c);

    rc = rc ? rc : settle_acquit(c, cmd, r);
    /* A probe of a destination that is held anyway says nothing new: one row was enough. */
    if (rc == 0 && r->outcome != OUTCOME_UNSTARTED &&
        !(r->outcome == OUTCOME_HOLD && dest_is_held(cmd->lane->dest)))
        rc = settle_evidence(c, cmd, p, r);
    (void)!core_row_end(c, "evidence", rc); /* told */
}

/* What a worker had in hand at its HELLO was taken for an attempt of @cmd, which was none. */
static void settle_of_another(struct core *c, struct core_command *cmd, const struct peer *p,
                              const struct result *r)
{
    if (cmd->state != COMMAND_IN_FLIGHT || cmd->attempt != r->attempt || cmd->worker != p)
        return;
    worker_landed(cmd);
    queue_move(c->queue, cmd, COMMAND_READY, 0, clock_mono_ms());
}

/* Did the other side answer for itself, be it to refuse? 408 and 429 are about how much it can do. */
static bool has_answered(const struct result *r)
{
    return r->outcome == OUTCOME_DONE || r->outcome == OUTCOME_DEAD ||
           (r->status >= 200 && r->status < 500 && r->status != 408 && r->status != 429);
}

/* Of the attempt under way. */
static void settle_now(struct core *c, struct core_command *cmd, const struct result *r)
{
    if (r->outcome != OUTCOME_UNSTARTED)
        queue_answered(cmd->lane->dest, has_answered(r), cmd->lane->began_mono_ms, r->took_ms,
                       clock_mono_ms());
    if (r->outcome != OUTCOME_UNSTARTED && r->outcome != OUTCOME_DONE)
        cmd->lane->dest->last_failed = cmd->id;
    worker_landed(cmd);
    settle_outcome(c, cmd, r);
}

static void settle_command(struct core *c, struct core_command *cmd, struct peer *p,
                           const struct result *r, enum owed owed)
{
    struct result of_another;

    if (owed == OWED_NOW || (r->outcome == OUTCOME_DONE && !cmd->done_late))
        settle_note(c, cmd, p, r);
    if (owed == OWED_NOW)
        parting_home(c, cmd);
    if (c->turn->exit_code)
        return;
    if (is_of_another(c, cmd, r)) { /* it proves and teaches nothing */
        of_another =
            (struct result){.id = r->id, .attempt = r->attempt, .outcome = OUTCOME_DONE};
        r = &of_another;
    }
    if (owed == OWED_NOW)
        settle_now(c, cmd, r);
    else if (outcome_of(cmd, r) == OUTCOME_DONE && cmd->state != COMMAND_QUEUED)
        settle_late(c, cmd, r);
}

static void settle_one(struct core *c, struct peer *p, const struct result *r)
{
    enum owed owed = OWED_NOT;
    struct core_command *cmd = NULL;
    struct call *call = NULL;
    int rc = core_turn(c);

    rc = rc ? rc : pairs_add(&p->acks, r->id, r->attempt);
    rc = rc ? rc : owed_judge(c, p, r, &cmd, &call, &owed);
    if (rc) {
        core_give_up(c, "settle", rc);
        return;
    }
    if (owed != OWED_NOW && !owed_allows(c, p))
        return;
    if (owed != OWED_NOT)
        doubt_measured(c, r, c->peers->frame_unix_ms);
    if (c->turn->exit_code)
        return;
    if (call)
        call_answered(c, call, r);
    else if (owed != OWED_NOT)
        settle_command(c, cmd, p, r, owed);
    else if (cmd)
        settle_of_another(c, cmd, p, r);
    else if (r->outcome == OUTCOME_DONE)
        settle_letter(c, r);
}

/* An attempt we had given up upon: only "done" is news, whoever tries it now. What has a key of its
 * own is not done twice. What has none would still be done by the attempt that is under way, after
 * whatever comes next: its lane stays shut until that one is over. */
static void settle_late(struct core *c, struct core_command *cmd, const struct result *r)
{
    if (cmd->state == COMMAND_IN_FLIGHT && !command_is_message(cmd->kind)) {
        cmd->done_late = true;
        return;
    }
    if (cmd->state == COMMAND_IN_FLIGHT)
        worker_landed(cmd);
    call_cancel(c, cmd);
    settle_done(c, cmd, r);
}

/* An attempt came home, whatever it says: this one killed nobody. */
static int settle_acquit(struct core *c, struct core_command *cmd, const struct result *r)
{
    if (cmd->lost == 0 || r->outcome == OUTCOME_UNSTARTED)
        return 0;
    cmd->lost = 0;
    return store_command_acquit(c->store, cmd->id);
}

/* The call has not begun after all: what waits for its answer, by the name of its conversation, need not. */
static void settle_untried(struct core *c, const struct core_command *cmd)
{
    struct message m = {0};
    int rc = 0;

    if (cmd->tried || cmd->kind != COMMAND_SERVICE_MESSAGE || c->intake->n_deferred == 0 ||
        c->turn->exit_code)
        return;
    rc = store_message(c->store, cmd->message, &m);
    rc = rc ? rc : wake_namesakes(c, &m);
    message_fini(&m);
    if (rc && rc != STORE_E_NONE)
        core_row_failed(c, "waiting", rc); /* it is applied when it is overdue */
}

static void settle_outcome(struct core *c, struct core_command *cmd, const struct result *r)
{
    int64_t now = clock_mono_ms();
    bool tried = cmd->tried;

    if (r->outcome != OUTCOME_UNSTARTED && r->cause != CAUSE_CONNECT)
        cmd->tried = true;
    if (cmd->done_late) {
        settle_done(c, cmd, NULL);
        return;
    }
    if (cmd->erased && outcome_of(cmd, r) != OUTCOME_DONE &&
        !command_survives_erasure(cmd->kind)) {
        /* what it said is not there any more: neither tried again nor looked for */
        settle_erased(c, cmd);
        return;
    }
    switch (outcome_of(cmd, r)) {
    case OUTCOME_DONE:
        dest_success(cmd->lane->dest, cmd->lane->id, now);
        settle_done(c, cmd, r);
        return;
    case OUTCOME_RETRY:
        settle_untried(c, cmd);
        blame_retry(c, cmd, cause_name(r->cause), r->retry_after_ms);
        return;
    case OUTCOME_HOLD:
        settle_untried(c, cmd);
        blame_hold(c, cmd, r);
        return;
    case OUTCOME_UNKNOWN:
        if (command_is_new_at_amo(cmd->kind) &&
            (r->cause == CAUSE_UNREADABLE || r->cause == CAUSE_NONE)) {
            cmd->unproven = true;
            look_begin(c, cmd, LOOK_UNPROVEN, VIEW_NONE);
        } else {
            blame_retry(c, cmd, cause_name(r->cause), r->retry_after_ms);
        }
        return;
    case OUTCOME_DEAD:
        dest_success(cmd->lane->dest, cmd->lane->id, now); /* it answers */
        /* refused as a repeat, perhaps: the history knows */
        if (command_is_new_at_amo(cmd->kind) && r->cause == CAUSE_REFUSED && tried)
            look_begin(c, cmd, LOOK_REFUSED, r->words);
        else
            settle_refused(c, cmd, r);
        return;
    case OUTCOME_UNSTARTED:
        settle_untried(c, cmd);
        queue_move(c->queue, cmd, COMMAND_READY, 0, now);
        return;
    }
}

/* --- done ----------------------------------------------------------------------------------- */

static void observe_journey(struct core *c, const struct core_command *cmd)
{
    double seconds = (double)(clock_unix_ms() - cmd->taken_ms + cmd->waited_ms) / 1000.0;

    if (command_is_new_at_amo(cmd->kind))
        stat_observe(c->deliver->journey_in, seconds);
    else if (cmd->kind == COMMAND_SERVICE_MESSAGE)
        stat_observe(c->deliver->journey_out, seconds);
}

static int done_message(struct core *c, const struct core_command *cmd, const struct result *r)
{
    bool to_amo = command_is_new_at_amo(cmd->kind);
    int64_t age_ms = clock_unix_ms() - cmd->taken_ms + cmd->waited_ms;
    struct message m = {0};
    char trace[ID_TEXT_LEN + 1];
    int rc = store_message(c->store, cmd->message, &m);

    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    rc = message_move(c, &m, to_amo ? MESSAGE_DELIVERED_TO_AMO : MESSAGE_DELIVERED_TO_SERVICE,
                      clock_unix_ms());
    if (rc == 0)
        rc = to_amo ? learn_from_amo(c, cmd->kind, &m, r) : learn_from_service(c, &m, r);
    id_format(&m.trace, trace);
    if (rc == 0)
        log_line(LOG_LEVEL_INFO, "command.done", "trace=%s command=%lld kind=%s ms=%lld", trace,
                 (long long)cmd->id, command_kind_name((uint64_t)cmd->kind), (long long)age_ms);
    message_fini(&m);
    return rc;
}

static int letter_teaches(struct core *c, const struct core_command *cmd,
                          const struct result *r)
{
    struct message m = {0};
    int rc = store_message(c->store, cmd->message, &m);

    /* accepted: that it failed could not be written when it was given up (settle_left) */
    if (rc == 0 && (m.state == MESSAGE_FAILED || m.state == MESSAGE_ACCEPTED))
        rc = message_arrived(c, &m);
    if (rc == 0)
        rc = command_is_new_at_amo(cmd->kind) ? learn_from_amo(c, cmd->kind, &m, r)
                                              : learn_from_service(c, &m, r);
    message_fini(&m);
    return rc;
}

/* It was given up before its answer came: called by a core whose store was put back since, perhaps, or by a worker
 * that stood still. It arrived, and is known by what the answer calls it, by which its service goes on to report.
 * The trace tells it from what has had the same id in another store. */
static int letter_arrived(struct core *c, const struct result *r, bool *ret)
{
    struct command_row row = {0};
    struct command body = {0};
    struct core_command cmd = {0};
    int rc = store_dead(c->store, (int64_t)r->id, &row);

    if (rc)
        return rc;
    cmd = (struct core_command){.id = row.id,
                                .kind = (enum command_kind)row.kind,
                                .message = row.message,
                                .taken_ms = row.taken_ms};
    *ret = row.message && command_is_message(cmd.kind) &&
           command_decode(view_make(row.body, row.body_len), &body) == 0 &&
           id_equal(&r->trace, &body.trace) && r->kind == body.kind &&
           outcome_of(&cmd, r) == OUTCOME_DONE && !is_of_another(c, &cmd, r);
    if (*ret)
        rc = letter_teaches(c, &cmd, r);
    command_row_fini(&row);
    return rc;
}

static void settle_letter(struct core *c, const struct result *r)
{
    bool arrived = false;
    int rc = 0;

    /* what it teaches may meet the damage, for which it became a letter, and the worker tells it again */
    if (r->id > INT64_MAX || store_damage(c->store))
        return;
    rc = core_row_begin(c);
    rc = rc ? rc : letter_arrived(c, r, &arrived);
    rc = rc == STORE_E_NONE || rc == STORE_E_ERASED ? 0 : rc;
    if (core_row_end(c, "letter", rc) == 0 && arrived && core_commit_staged(c))
        core_give_up(c, "letter", -EIO);
}

void settle_left(struct core *c, struct core_command *cmd, enum command_state to,
                 const char *reason)
{
    int rc = core_row_begin(c);

    if (rc == 0 && to == COMMAND_DEAD)
        rc = store_dead_add(c->store, cmd->id, reason, clock_unix_ms());
    else if (rc == 0)
        rc = store_command_settle(c->store, cmd->id);
    (void)!core_row_end(c, "settle_left", rc); /* told; the next start tries once more */
    if (c->turn->exit_code)
        return;
    echo_settled(c, cmd);
    queue_move(c->queue, cmd, to, 0, clock_mono_ms());
}

void settle_done(struct core *c, struct core_command *cmd, const struct result *r)
{
    int rc = core_row_begin(c);

    assert(r || !command_is_message(cmd->kind));
    assert(!command_is_new_at_amo(cmd->kind) || (r && foreign_id_is_fine(r->amo_message_id)));
    if (rc == 0 && r && cmd->message && command_is_message(cmd->kind))
        rc = done_message(c, cmd, r);
    rc = rc ? rc : store_command_settle(c->store, cmd->id);
    if (core_row_end(c, "settle", rc)) {
        settle_left(c, cmd, COMMAND_DONE, NULL);
        return;
    }
    observe_journey(c, cmd);
    echo_settled(c, cmd);
    queue_move(c->queue, cmd, COMMAND_DONE, 0, clock_mono_ms());
    rc = core_commit_staged(c);
    if (rc)
        core_give_up(c, "settle", rc);
}

void settle_drop(struct core *c, struct core_command *cmd)
{
    int rc = core_row_begin(c);

    rc = rc ? rc : store_command_settle(c->store, cmd->id);
    if (core_row_end(c, "settle", rc) && c->turn->exit_code)
        return; /* else its row comes back with the next start, once */
    queue_move(c->queue, cmd, COMMAND_DONE, 0, clock_mono_ms());
}

/* --- dead ----------------------------------------------------------------------------------- */

/* −1 on the card: 905 in the service's own words, or what its word for it means; 904 when no
 * conversation came about; 903 when nobody refused it. */
static int tell_manager(struct core *c, const struct message *m, const struct give_up *f)
{
    struct conversation conv = {0};
    struct view words = view_cut(f->words, LIMIT_ERROR_TEXT);
    char text[LIMIT_ERROR_TEXT + 1];
    struct status_update t = {.scope = view_of(m->scope),
                              .conversation = m->conversation,
                              .message = m->id,
                              .amo_id = view_of(m->amo_id),
                              .code = -1,
                              .error_code = 903,
                              .trace = m->trace,
                              .taken_ms = clock_unix_ms()};

    (void)snprintf(text, sizeof(text), "not delivered: %s", f->reason); /* cut is fine */
    t.error_text = words.len ? words : view_of(text);
    if (strcmp(f->reason, "moved") == 0 || strcmp(f->reason, "nobody") == 0)
        t.error_code = 905; /* whoever wrote cannot reach this client any more */
    if (strcmp(f->reason, "refused") == 0) {
        int rc = store_conversation(c->store, m->conversation, &conv);

        if (rc < 0)
            return rc;
        t.error_code = fallback_error_code(f->code);
        if (t.error_code == 905 && rc == 0 && !conv.service_id)
            t.error_code = 904;
        conversation_fini(&conv);
    }
    return apply_status_update(c, &t);
}

/* What may have been about it, by the name of its conversation alone, is not. */
static int wake_namesakes(struct core *c, const struct message *m)
{
    struct conversation conv = {0};
    int rc = c->intake->n_deferred ? store_conversation(c->store, m->conversation, &conv) : 0;

    if (conv.id)
        deferred_wake_thread(c, conv.connector, view_of(conv.service_id));
    conversation_fini(&conv);
    return rc == STORE_E_NONE ? 0 : rc;
}

static int dead_message(struct core *c, const struct core_command *cmd, const struct give_up *f)
{
    struct message m = {0};
    int rc = store_message(c->store, cmd->message, &m);

    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    if (m.reported_status >
        0) { /* its service said that it has it, and never answered for it */
        rc = message_arrived(c, &m);
    } else {
        rc = message_fail(c, &m, f->reason, view_cut(f->words, LIMIT_ERROR_TEXT));
        if (rc == 0 && command_is_new_at_amo(cmd->kind))
            rc = apply_failure(c, &m, cmd->id, f->reason, f->words);
        else if (rc == 0)
            rc = tell_manager(c, &m, f);
    }
    rc = rc ? rc : wake_namesakes(c, &m);
    message_fini(&m);
    return rc;
}

/* The message stands as it was; its service is told that the change did not come about. */
static int dead_edit(struct core *c, const struct core_command *cmd, const struct give_up *f)
{
    struct message m = {0};
    int rc = store_message(c->store, cmd->message, &m);

    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    rc = apply_failure(c, &m, cmd->id, EDIT_FAILED, f->words);
    message_fini(&m);
    return rc;
}

static void settle_given_up(struct core *c, struct core_command *cmd, const struct give_up *f)
{
    char trace[ID_TEXT_LEN + 1];
    char space[LOG_VALUE_MAX];
    int rc = core_row_begin(c);

    log_line(LOG_LEVEL_ERROR, "command.dead",
             "trace=%s command=%lld kind=%s destination=%s reason=%s attempts=%u",
             command_trace(cmd, trace), (long long)cmd->id,
             command_kind_name((uint64_t)cmd->kind),
             log_value(view_of(cmd->lane->dest->key), space), f->reason, cmd->attempts);
    rc = rc ? rc : store_dead_add(c->store, cmd->id, f->reason, clock_unix_ms());
    if (rc == 0 && cmd->message && command_is_message(cmd->kind))
        rc = dead_message(c, cmd, f);
    else if (rc == 0 && cmd->message && cmd->kind == COMMAND_AMO_EDIT)
        rc = dead_edit(c, cmd, f);
    if (core_row_end(c, "settle", rc)) {
        settle_left(c, cmd, COMMAND_DEAD, "failed");
        return;
    }
    stat_add(c->deliver->n_dead, 1);
    echo_settled(c, cmd);
    queue_move(c->queue, cmd, COMMAND_DEAD, 0, clock_mono_ms());
    rc = core_commit_staged(c);
    if (rc)
        core_give_up(c, "settle", rc);
}

void settle_erased(struct core *c, struct core_command *cmd)
{
    static const struct give_up f = {.reason = "erased"};
    char trace[ID_TEXT_LEN + 1];
    int rc = core_row_begin(c);

    log_line(LOG_LEVEL_INFO, "command.erased", "trace=%s command=%lld kind=%s",
             command_trace(cmd, trace), (long long)cmd->id,
             command_kind_name((uint64_t)cmd->kind));
    call_cancel(c, cmd);
    rc = rc ? rc : store_command_settle(c->store, cmd->id);
    if (rc == 0 && cmd->message && command_is_message(cmd->kind))
        rc = dead_message(c, cmd, &f);
    else if (rc == 0 && cmd->message && cmd->kind == COMMAND_AMO_EDIT)
        rc = dead_edit(c, cmd, &f);
    if (core_row_end(c, "settle", rc)) {
        settle_left(c, cmd, COMMAND_DONE, NULL); /* without a dead letter, as it should be */
        return;
    }
    echo_settled(c, cmd);
    queue_move(c->queue, cmd, COMMAND_DEAD, 0, clock_mono_ms());
    rc = core_commit_staged(c);
    if (rc)
        core_give_up(c, "settle", rc);
}

void settle_dead(struct core *c, struct core_command *cmd, const char *reason,
                 struct view words)
{
    const struct give_up f = {.reason = reason, .words = words};

    settle_given_up(c, cmd, &f);
}

static void settle_refused(struct core *c, struct core_command *cmd, const struct result *r)
{
    const struct give_up f = {
        .reason = cause_name(r->cause), .words = r->words, .code = r->code};

    settle_given_up(c, cmd, &f);
}
