/* `amoctl trace`: the way of one message, and why it is not where it should be.
 *
 * From: control.c. To: the store and the queue, which are only read. Holds: nothing. */

#include "base/mem.h"
#include "base/num.h"
#include "base/process.h"
#include "core/control/begins.h"
#include "core/control/control.h"
#include "core/control/verbs.h"
#include "core/peers/peers.h"
#include "core/peers/spools.h"
#include "core/questions/named.h"
#include "core/questions/told.h"
#include "core/questions/waiting.h"
#include "core/questions/why.h"
#include "core/store/quarantine.h"
#include "proto/event.h"

/* What there is under one id. */
struct traced {
    struct message message; /* message.id 0: it is no message's */
    int64_t quarantined;    /* the newest entry of the quarantine; 0 none */
    struct buf reason;      /* of it */
    size_t n_waiting;       /* events that wait in the store */
    struct buf why;         /* of the first one */
    struct buf entries;     /* JSON: the entries, the events */
    struct buf events;
};

static void trace_message(struct json_writer *w, const struct message *m)
{
    char trace[ID_TEXT_LEN + 1];

    id_format(&m->trace, trace);
    json_open_object(w, "message");
    json_add_text(w, "trace", view_of(trace));
    json_add_text(w, "mid", view_of(m->mid));
    json_add_text(w, "direction", view_of(named_direction(m->direction)));
    json_add_text(w, "written_in", view_of(named_writer(m->direction)));
    json_add_text(w, "scope_id", view_of(m->scope));
    json_add_text(w, "connector", view_of(m->connector));
    json_add_text(w, "amo_id", view_of(m->amo_id));
    json_add_text(w, "service_id", view_of(m->service_id));
    json_add_int(w, "conversation", m->conversation);
    json_add_text(w, "state", view_of(message_state_name(m->state)));
    json_add_text_if(w, "reason", view_of(m->reason));
    json_add_text_if(w, "words", view_of(m->words));
    told_json(m, w);
    json_add_time(w, "taken_at", m->taken_ms);
    json_add_time(w, "settled_at", m->settled_ms);
    json_add_int(w, "ms", m->settled_ms ? m->settled_ms - m->taken_ms : 0);
    json_close_object(w);
}

/* In the order of time, whatever a clock that jumped says of it. */
static int trace_journey(struct core *c, const struct message *m, struct json_writer *w)
{
    struct journey_step steps[3] = {
        {.at_ms = m->taken_ms, .what = "accepted by ingress"}
    };
    size_t n = 1;
    int rc = 0;

    if (m->reported_status == -1 && m->reported_why && m->reported_ms)
        steps[n++] = (struct journey_step){.at_ms = m->reported_ms,
                                           .what = "the service reported that it failed",
                                           .words = view_of(m->reported_words)};
    if (m->settled_ms)
        steps[n++] = (struct journey_step){.at_ms = m->settled_ms,
                                           .what = message_state_name(m->state),
                                           .words = view_of(m->words)};
    if (n == 3 && steps[1].at_ms > steps[2].at_ms) {
        struct journey_step later = steps[1];

        steps[1] = steps[2];
        steps[2] = later;
    }
    json_open_array(w, "journey");
    rc = store_journey_json(c->store, m->id, steps, n, w);
    json_close_array(w);
    return rc;
}

/* --- finding ---------------------------------------------------------------------------------- */

/* By any id of either side; or by the number of a command, which the log names, of its message. Its id is 0 when there is
 * none. EXIT_FAILED when there are several. */
static int find_message(struct control_ask *ask, struct view id, struct message *ret)
{
    struct core *c = ask->core;
    const struct core_command *cmd = NULL;
    struct command_row letter = {0};
    int64_t message = 0;
    uint64_t number = 0;
    int rc = begins_whole(ask, id, ret);

    if (rc || ret->id || num_parse_u64(id, &number) || number > INT64_MAX)
        return rc;
    cmd = queue_find(c->queue, (int64_t)number);
    if (cmd) {
        message = cmd->message;
    } else if ((rc = store_dead(c->store, (int64_t)number, &letter)) == 0) {
        message = letter.message;
        command_row_fini(&letter);
    } else if (rc < 0) {
        return rc;
    }
    rc = message ? store_message(c->store, message, ret) : 0;
    return rc == STORE_E_NONE ? 0 : rc;
}

static int add_event(void *arg, const struct waiting_row *row)
{
    struct traced *t = arg;
    struct json_writer w;
    struct event e;
    struct buf words;
    int rc = 0;

    json_writer_init(&w, &t->events);
    w.comma = t->n_waiting > 0;
    buf_init(&words, WHY_MAX);
    why_waiting(row, &words);
    if (t->n_waiting++ == 0)
        (void)buf_add_view(&t->why, buf_view(&words)); /* sticky */
    if (event_decode(row->event, &e))
        e = (struct event){.kind = 0};
    json_open_object(&w, NULL);
    json_add_text(&w, "kind", view_of(event_kind_name(e.kind)));
    json_add_time(&w, "taken_at", e.taken_ms);
    rc = waiting_why(&w, buf_error(&words), &words);
    json_close_object(&w);
    return rc;
}

static bool found_any(const struct traced *t)
{
    return t->message.id || t->quarantined || t->n_waiting;
}

/* EXIT_FAILED: several messages are called so. */
static int find_all(struct control_ask *ask, struct view id, struct traced *t)
{
    struct core *c = ask->core;
    struct json_writer w;
    int rc = find_message(ask, id, &t->message);

    if (rc)
        return rc;
    json_writer_init(&w, &t->entries);
    rc = store_quarantine_find(c->store, id, &w, &t->quarantined, &t->reason);
    return rc ? rc : store_waiting_find(c->store, id, add_event, t);
}

static void add_gone(void *arg, struct view name, int64_t seen_ms)
{
    (void)seen_ms;
    (void)buf_add_f(arg, " %.*s", (int)name.len, name.ptr); /* what does not fit is left out */
}

/* It may be a conversation's; and what is not read yet may be it. */
static int not_known(struct control_ask *ask, struct view id)
{
    struct named named = {.n = 0};
    uint64_t n = 0;
    struct buf gone;
    int rc = named_by_id(ask->core, id, &named);

    if (rc)
        return rc;
    if (named.n)
        return control_fail(ask, EXIT_FAILED,
                            "no message is known by this id, but a conversation is: amoctl "
                            "message list --conversation " NAMED_NUMBER "%lld",
                            (long long)named.ids[0]);

    for (const struct list *i = ask->core->peers->list.next; i != &ask->core->peers->list;
         i = i->next)
        n += LIST_ENTRY_CONST(i, struct peer, link)->spool_events;
    if (n)
        return control_fail(
            ask, EXIT_FAILED,
            "no message is known by this id; events that core has not read yet, "
            "in the spools of ingress: %llu",
            (unsigned long long)n);
    buf_init(&gone, 1024);
    rc = spools_gone(ask->core, add_gone, &gone); /* as many as fit */
    if (rc == 0)
        rc = control_fail(ask, EXIT_FAILED, "no message is known by this id%s%s",
                          gone.len ? "; it may lie in the spool of an ingress that is away:"
                                   : "",
                          buf_str(&gone));
    buf_fini(&gone);
    return rc;
}

/* --- telling ---------------------------------------------------------------------------------- */

static int trace_why(struct core *c, const struct traced *t, struct json_writer *w)
{
    struct buf words;
    int rc = 0;

    buf_init(&words, WHY_MAX);
    if (t->message.id)
        rc = why_message(c, &t->message, &words);
    else if (t->quarantined)
        why_quarantined(t->quarantined, buf_view(&t->reason), &words);
    else
        (void)buf_add_view(&words, buf_view(&t->why)); /* as long at most */
    return waiting_why(w, rc, &words);
}

static void add_list(struct json_writer *w, const char *key, const struct buf *rows)
{
    struct buf whole;

    if (!rows->len)
        return;
    buf_init(&whole, rows->max + 2);
    (void)buf_add_f(&whole, "[%s]", buf_str(rows)); /* sticky */
    if (buf_error(&whole))
        w->out->error = buf_error(&whole);
    else
        json_add_raw(w, key, buf_view(&whole));
    buf_fini(&whole);
}

static int trace_json(struct core *c, const struct traced *t, struct json_writer *w)
{
    int rc = 0;

    json_open_object(w, NULL);
    rc = trace_why(c, t, w);
    if (t->message.id) {
        trace_message(w, &t->message);
        rc = rc ? rc : trace_journey(c, &t->message, w);
        rc = rc ? rc : waiting_of_message(c, t->message.id, w);
    } else {
        json_add_null(w, "message"); /* it is none yet */
    }
    add_list(w, "quarantine", &t->entries);
    add_list(w, "events", &t->events);
    json_close_object(w);
    return rc;
}

/* By the whole of an id, or by its beginning. */
static int find_and_tell(struct control_ask *ask, struct view id, struct traced *t)
{
    char *full = NULL;
    int rc = find_all(ask, id, t);

    if (rc || found_any(t))
        return rc ? rc : trace_json(ask->core, t, ask->w);
    rc = begins_find(ask, id, &full);
    if (rc == 0 && full)
        rc = find_all(ask, view_of(full), t);
    mem_free(full);
    if (rc)
        return rc;
    return found_any(t) ? trace_json(ask->core, t, ask->w) : not_known(ask, id);
}

int verb_trace(struct control_ask *ask)
{
    struct traced t = {.quarantined = 0};
    struct view id = VIEW_NONE;
    int rc = control_need(ask, "id", &id);

    if (rc)
        return rc;
    buf_init(&t.reason, WHY_MAX);
    buf_init(&t.why, WHY_MAX);
    buf_init(&t.entries, (size_t)1 << 16);
    buf_init(&t.events, (size_t)1 << 16);
    rc = find_and_tell(ask, id, &t);
    message_fini(&t.message);
    buf_fini(&t.reason);
    buf_fini(&t.why);
    buf_fini(&t.entries);
    buf_fini(&t.events);
    return rc;
}
