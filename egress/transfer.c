/* One attempt: taken, started, judged.
 *
 * From: core, COMMAND_PUSH.
 * To: egress/target_*.c makes the request, egress/http.c sends it, egress/judge.c says what the
 * answer meant; egress/report.c gets the result.
 * Holds: the command, until it has its result. Nothing on disk: what a worker that dies held,
 * core gives to another. */

#include "egress/transfer.h"

#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/table.h"
#include "egress/attempt.h"
#include "egress/evidence.h"
#include "egress/http.h"
#include "egress/metrics.h"
#include "egress/report.h"
#include "proto/limits.h"
#include "proto/pack.h"
#include "proto/session.h"

/* how often queued attempts are looked at for being out of time */
#define QUEUE_TICK_MS   100
/* bytes of commands held at most, whatever core believes the credit is */
#define BATCH_BYTES_MAX ((size_t)4 * LIMIT_CREDIT_BYTES)
/* bytes kept of a service's own word for an error */
#define CODE_MAX        64U

static void transfers_pump(void *arg);
static void queue_tick(void *arg);
static void transfer_start(struct transfer *t, int64_t now_ms);
static void transfer_answered(void *arg, const struct http_answer *a);
static void transfer_unstarted(struct transfer *t, const char *why);

int transfers_new(struct loop *loop, struct http *http, struct metrics *metrics,
                  const struct transfers_settings *s, const struct transfers_hooks *hooks,
                  struct transfers **ret_transfers)
{
    struct transfers *ts = mem_zalloc(sizeof(*ts));
    int rc = -ENOMEM;

    if (!ts)
        return -ENOMEM;
    ts->loop = loop;
    ts->http = http;
    ts->metrics = metrics;
    ts->settings = *s;
    ts->hooks = *hooks;
    for (int i = 0; i < TRANSFER_N_STATES; i++)
        list_init(&ts->lists[i]);
    loop_deferred_init(&ts->pump, transfers_pump, ts);
    report_init(ts);
    list_init(&ts->lines);
    rc = table_new(&ts->table);
    rc = rc ? rc : table_new(&ts->by_destination);
    if (rc == 0) {
        *ret_transfers = ts;
        ts = NULL;
    }
    transfers_free(ts);
    return rc;
}

void transfers_free(struct transfers *ts)
{
    if (!ts)
        return;
    for (int i = 0; i < TRANSFER_N_STATES; i++) {
        while (!list_is_empty(&ts->lists[i]))
            transfer_free(LIST_ENTRY(ts->lists[i].next, struct transfer, link));
    }
    loop_cancel(&ts->pump);
    loop_remove_timer(ts->loop, ts->queue_timer);
    report_fini(ts);
    table_free(ts->table);
    table_free(ts->by_destination);
    mem_free(ts);
}

void transfers_set_registry(struct transfers *ts, const struct registry *r)
{
    ts->registry = r;
}

/* Something was given that this worker does not know how to do: a newer core's. */
static void transfer_not_understood(struct transfer *t)
{
    struct result r = {
        .id = t->id,
        .attempt = t->attempt,
        .outcome = OUTCOME_HOLD,
        .cause = CAUSE_UNREGISTERED,
        .began_ms = clock_unix_ms(),
        .evidence = VIEW_LIT("this worker does not understand the command"),
    };

    log_often(LOG_LEVEL_ERROR, "attempt.not_understood", VIEW_NONE, "command=%" PRIu64, t->id);
    transfer_keep(t, &r);
}

/* One command of a batch. -ENOMEM leaves it to core's lease: it was never taken. */
static int accept_one(struct transfers *ts, const msgpack_object *o, struct batch *batch,
                      int64_t sent_ms)
{
    uint64_t id = pack_u64(pack_get(o, "id"));
    uint64_t attempt = pack_u64(pack_get(o, "attempt"));
    bool full = ts->n[TRANSFER_QUEUED] + ts->n[TRANSFER_RUNNING] >= ts->settings.credit ||
                ts->batch_bytes > BATCH_BYTES_MAX;
    struct transfer *t = NULL;
    int rc = 0;

    if (id == 0) { /* nothing could be said about it */
        log_often(LOG_LEVEL_ERROR, "attempt.not_understood", VIEW_NONE, "command=0");
        return 0;
    }
    if (transfer_is_held(ts, id, attempt))
        return 0;
    rc = transfer_new(ts, id, attempt, &t);
    if (rc)
        return rc;
    if (command_decode_object(o, &t->command)) {
        transfer_not_understood(t);
        return 0;
    }
    t->batch = batch;
    batch->n_users++;
    /* from when core sent it: it may have lain in a socket for longer than its lease */
    t->start_by_ms = sent_ms + (t->command.start_within_ms > 0 ? t->command.start_within_ms
                                                               : ts->settings.attempt_ms);
    t->finish_by_ms = sent_ms + (t->command.finish_within_ms > 0 ? t->command.finish_within_ms
                                                                 : 2 * ts->settings.attempt_ms);
    if (full || ts->stopped)
        transfer_unstarted(t, full ? "over credit" : "stopping");
    else if (transfer_line_up(t))
        transfer_unstarted(t, "no memory");
    return 0;
}

int transfers_accept(struct transfers *ts, struct view body)
{
    const msgpack_object *items = NULL;
    struct batch *batch = NULL;
    struct pack_doc d;
    size_t n = 0;
    int rc = batch_new(ts, body, &batch);

    if (rc)
        return rc;
    rc = pack_doc_open(&d, view_make(batch->bytes, batch->len));
    if (rc == 0) {
        int64_t sent =
            ts->hooks.sent(ts->hooks.arg, pack_i64(pack_get(pack_doc_root(&d), "core_ms")));

        n = pack_array(pack_doc_root(&d), "commands", &items);
        for (size_t i = 0; i < n && rc == 0; i++)
            rc = accept_one(ts, &items[i], batch, sent);
        pack_doc_close(&d); /* the commands' texts are in the batch */
    }
    batch_leave(ts, &batch);
    loop_defer(ts->loop, &ts->pump);
    return rc;
}

static bool may_start(struct transfers *ts)
{
    return !ts->stopped && ts->hooks.may_start(ts->hooks.arg);
}

static void transfers_pump(void *arg)
{
    struct transfers *ts = arg;
    struct transfer *t = NULL;
    int64_t now = clock_mono_ms();

    while ((t = transfers_next(ts))) {
        if (!may_start(ts))
            transfer_unstarted(t, ts->stopped ? "stopping" : "core is silent");
        else if (ts->n[TRANSFER_RUNNING] >= ts->settings.concurrency)
            break;
        else
            transfer_start(t, now);
    }
    if (ts->n[TRANSFER_QUEUED] && ts->queue_timer == 0 &&
        loop_add_timer(ts->loop, QUEUE_TICK_MS, false, queue_tick, ts, &ts->queue_timer))
        ts->queue_timer = 0; /* the next answer looks again */
    ts->hooks.changed(ts->hooks.arg);
}

/* Attempts that wait for room too long go back. */
static void queue_tick(void *arg)
{
    struct transfers *ts = arg;
    struct list *queue = &ts->lists[TRANSFER_QUEUED];
    int64_t now = clock_mono_ms();
    struct list *next = NULL;

    ts->queue_timer = 0;
    for (struct list *i = queue->next; i != queue; i = next) {
        struct transfer *t = LIST_ENTRY(i, struct transfer, link);

        next = i->next;
        if (now > t->start_by_ms)
            transfer_unstarted(t, "no room in time");
    }
    transfers_pump(ts);
}

static void transfer_unstarted(struct transfer *t, const char *why)
{
    char trace[ID_TEXT_LEN + 1];
    struct result r = {
        .id = t->id,
        .attempt = t->attempt,
        .outcome = OUTCOME_UNSTARTED,
        .began_ms = clock_unix_ms(),
        .evidence = view_of(why),
    };

    log_line(LOG_LEVEL_DEBUG, "attempt.unstarted",
             "trace=%s command=%" PRIu64 " attempt=%" PRIu64, transfer_trace(t, trace), t->id,
             t->attempt);
    transfer_keep(t, &r);
}

/* Judged before anything was sent. */
static void transfer_refuse(struct transfer *t, enum outcome outcome, enum cause cause,
                            const char *why)
{
    char trace[ID_TEXT_LEN + 1];
    struct result r = {
        .id = t->id,
        .attempt = t->attempt,
        .outcome = outcome,
        .cause = cause,
        .began_ms = clock_unix_ms(),
        .evidence = view_of(why),
    };

    log_often(LOG_LEVEL_WARN, "attempt.refused", VIEW_NONE,
              "trace=%s command=%" PRIu64 " attempt=%" PRIu64 " outcome=%s cause=%s",
              transfer_trace(t, trace), t->id, t->attempt, outcome_name(outcome),
              cause_name(cause));
    metrics_attempt(t->ts->metrics, target_of_kind(t->command.kind), outcome, 0, 0);
    transfer_keep(t, &r);
}

static void transfer_not_built(struct transfer *t, int rc)
{
    if (rc == TARGET_E_UNREGISTERED)
        transfer_refuse(
            t, OUTCOME_HOLD, CAUSE_UNREGISTERED,
            "this worker knows no such channel or connector, or it has no secret or "
            "usable address");
    else if (rc == TARGET_E_IMPOSSIBLE)
        transfer_refuse(t, OUTCOME_DEAD, CAUSE_REFUSED,
                        "no request can be made of the command: an id or a part is missing or "
                        "unusable, or its time is over");
    else
        transfer_unstarted(t, "no memory");
}

static void transfer_start(struct transfer *t, int64_t now_ms)
{
    struct transfers *ts = t->ts;
    int64_t left = t->finish_by_ms - now_ms;
    enum target target = target_of_kind(t->command.kind);
    struct target_context x = {.registry = ts->registry, .spelling = ts->settings.spelling};
    struct http_call *call = NULL;
    int rc = 0;

    if (now_ms > t->start_by_ms || left <= 0) {
        transfer_unstarted(t, "too late to start");
        return;
    }
    call = http_take(ts->http);
    if (!call) {
        transfer_unstarted(t, "no memory");
        return;
    }
    t->began_unix_ms = clock_unix_ms();
    x.now_ms = t->began_unix_ms;
    rc = x.registry ? target_ops(target)->build(&t->command, &x, http_call_request(call))
                    : TARGET_E_UNREGISTERED;
    if (rc == 0) {
        t->call = call;
        transfer_move(t, TRANSFER_RUNNING);
        rc = http_send(call, left < ts->settings.attempt_ms ? left : ts->settings.attempt_ms,
                       transfer_answered, t);
    }
    if (rc) {
        t->call = NULL;
        http_put(call);
        transfer_not_built(t, rc);
    }
}

/* Somebody looks whether it works, and is told what came of it: that is no alarm. */
static bool is_check(enum command_kind kind)
{
    return kind == COMMAND_SERVICE_TEST || kind == COMMAND_AMO_REACH ||
           kind == COMMAND_AMO_HOOK;
}

static enum log_level level_of(const struct transfer *t, const struct result *r)
{
    if (r->outcome == OUTCOME_DONE)
        return LOG_LEVEL_DEBUG;
    return is_check((enum command_kind)t->command.kind) ? LOG_LEVEL_INFO : LOG_LEVEL_WARN;
}

static void log_result(const struct transfer *t, const struct result *r, enum target target)
{
    char trace[ID_TEXT_LEN + 1];
    enum log_level level = level_of(t, r);

    if (!log_enabled(level))
        return;
    id_format(&t->command.trace, trace);
    log_line(level, r->outcome == OUTCOME_DONE ? "attempt.done" : "attempt.failed",
             "trace=%s command=%" PRIu64 " attempt=%" PRIu64
             " target=%s kind=%s outcome=%s cause=%s status=%" PRIu64 " ms=%" PRId64,
             trace, t->id, t->attempt, target_name(target), command_kind_name(t->command.kind),
             outcome_name(r->outcome), cause_name(r->cause), r->status, r->took_ms);
}

/* What came back, judged. @reading's texts become the result's. */
static void result_of(const struct transfer *t, const struct http_answer *a,
                      const struct target_reading *reading, enum target target,
                      struct result *r)
{
    const struct judge_case c = {
        .target = target,
        .kind = t->command.kind,
        .end = a->end,
        .status = a->status,
        .readable = reading->readable,
        .resent = a->resent,
        .form = reading->form,
    };
    const struct judge_row *row = judge(&c);

    *r = (struct result){
        .id = t->id,
        .attempt = t->attempt,
        .outcome = row->outcome,
        .cause = row->cause,
        .status = a->status,
        .took_ms = a->took_ms,
        .began_ms = t->began_unix_ms,
        .found = reading->found,
        .complete = reading->complete,
        .next_offset = reading->next_offset,
        .amo_message_id = reading->amo_message_id,
        .amo_chat_id = reading->amo_chat_id,
        .amo_sender_id = reading->amo_sender_id,
        .amo_receiver_id = reading->amo_receiver_id,
        .service_conversation = reading->service_conversation,
        .service_message_id = reading->service_message_id,
        .scope_id = reading->scope_id,
        .cert_until_ms = a->cert_until_ms,
    };
    if (row->outcome != OUTCOME_DONE)
        r->stage = view_of(stage_name(a->stage));
    if (row->outcome != OUTCOME_DONE &&
        (t->command.kind == COMMAND_AMO_MESSAGE || t->command.kind == COMMAND_AMO_OUTGOING)) {
        r->sent_scope = t->command.scope;
        r->sent_chat = t->command.chat_id;
    }
    if (row->outcome == OUTCOME_RETRY || row->outcome == OUTCOME_HOLD)
        r->retry_after_ms = judge_retry_after(a->retry_after, t->began_unix_ms + a->took_ms);
    /* only amojo's clock matters: its signatures and our life times hang on it */
    if (target == TARGET_AMOJO && t->command.kind != COMMAND_AMO_HOOK &&
        a->end == HTTP_ANSWERED)
        r->skew_known = judge_skew(a->date, t->began_unix_ms + a->took_ms / 2, &r->skew_ms);
}

/* What a result says to people, until it is encoded. */
struct texts {
    struct buf evidence;
    struct buf words;
    struct buf code;
};

static void texts_init(struct texts *x)
{
    /* more than is kept: masking and cleaning come before cutting */
    buf_init(&x->evidence, (size_t)16 * LIMIT_EVIDENCE_BYTES);
    buf_init(&x->words, (size_t)16 * LIMIT_ERROR_TEXT);
    buf_init(&x->code, (size_t)16 * CODE_MAX);
}

static void texts_fini(struct texts *x)
{
    buf_fini(&x->evidence);
    buf_fini(&x->words);
    buf_fini(&x->code);
}

/* Without memory the result goes without them. */
static void add_texts(const struct transfer *t, const struct http_answer *a,
                      const struct target_reading *reading, struct texts *x, struct result *r)
{
    const struct view signature = view_of(http_call_request(t->call)->signature);

    if (r->outcome == OUTCOME_DONE)
        return;
    if (evidence_add(&x->evidence, a, &signature, 1, &t->command) == 0)
        r->evidence = buf_view(&x->evidence);
    if (!view_empty(reading->words) &&
        evidence_add_words(&x->words, reading->words, LIMIT_ERROR_TEXT, &t->command) == 0)
        r->words = buf_view(&x->words);
    if (!view_empty(reading->code) &&
        evidence_add_words(&x->code, reading->code, CODE_MAX, &t->command) == 0)
        r->code = buf_view(&x->code);
    if (a->tls_refused)
        r->code = view_of(a->tls_refused);
}

static void transfer_answered(void *arg, const struct http_answer *a)
{
    struct transfer *t = arg;
    struct transfers *ts = t->ts;
    enum target target = target_of_kind(t->command.kind);
    struct target_reading reading;
    struct result r;
    struct texts x;

    texts_init(&x);
    target_ops(target)->read(&t->command, a, &reading);
    result_of(t, a, &reading, target, &r);
    add_texts(t, a, &reading, &x, &r);
    log_result(t, &r, target);
    metrics_attempt(ts->metrics, target, r.outcome, a->status, a->took_ms);
    if (r.skew_known)
        metrics_skew(ts->metrics, r.skew_ms);
    t->call = NULL;
    transfer_keep(t, &r);
    target_reading_fini(&reading);
    texts_fini(&x);
    loop_defer(ts->loop, &ts->pump);
}

void transfers_stop(struct transfers *ts)
{
    ts->stopped = true;
    loop_defer(ts->loop, &ts->pump);
}

int transfers_held(const struct transfers *ts, struct buf *out)
{
    for (int s = 0; s < TRANSFER_N_STATES; s++) {
        const struct list *l = &ts->lists[s];

        for (const struct list *i = l->next; i != l; i = i->next) {
            const struct transfer *t = LIST_ENTRY_CONST(i, struct transfer, link);
            int rc = pairs_add(out, t->id, t->attempt);

            if (rc)
                return rc;
        }
    }
    return 0;
}

size_t transfers_n_queued(const struct transfers *ts)
{
    return ts->n[TRANSFER_QUEUED];
}

size_t transfers_n_running(const struct transfers *ts)
{
    return ts->n[TRANSFER_RUNNING];
}

size_t transfers_n_kept(const struct transfers *ts)
{
    return ts->n[TRANSFER_KEPT] + ts->n[TRANSFER_SENT];
}
