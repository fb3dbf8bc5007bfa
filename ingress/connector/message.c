/* POST /v1/connectors/{name}/messages and …/statuses: what clients write, and how far our
 * messages came.
 *
 * From: the listener, a request.
 * To: the spool, an event for the message or for each status; the answer is sent after the flush.
 * Holds: nothing after its return. */

#include "base/clock.h"
#include "base/ids.h"
#include "base/json.h"
#include "ingress/accept/accept.h"
#include "ingress/accept/trail.h"
#include "ingress/connector/connector.h"
#include "ingress/connector/normalize.h"
#include "ingress/connector/repeat.h"
#include "ingress/http/request.h"
#include "ingress/spool/repeat.h"
#include "ingress/spool/spool.h"
#include "proto/foreign_id.h"
#include "proto/limits.h"

static void messages_whole(void *arg, struct request *x);
static void statuses_whole(void *arg, struct request *x);
static void message_accept(struct ingress *in, struct request *x, struct event *e,
                           const struct service_warnings *warnings);
static void statuses_accept(struct ingress *in, struct request *x, struct json *doc, size_t n);

void connector_route_messages(struct ingress *in, struct request *x)
{
    connector_head(in, x, BRINGS_MESSAGE, messages_whole);
}

void connector_route_statuses(struct ingress *in, struct request *x)
{
    connector_head(in, x, BRINGS_REPORT, statuses_whole);
}

/* --- messages ----------------------------------------------------------------------------- */

static void messages_whole(void *arg, struct request *x)
{
    struct ingress *in = arg;
    struct service_fault fault = {0};
    struct service_normal n;
    int rc = 0;

    if (!connector_verified(in, x))
        return;
    rc = service_message(buf_view(&x->body), clock_unix_ms(), &n, &fault);
    if (rc) {
        request_about(x, view_of(n.refused_id));
        connector_fault(x, rc, &fault);
        return;
    }
    message_accept(in, x, &n.event, &n.warnings);
    service_normal_fini(&n);
}

static void message_accept(struct ingress *in, struct request *x, struct event *e,
                           const struct service_warnings *warnings)
{
    struct repeat_name name = {REPEAT_MESSAGE_KEY, x->idempotency_key, VIEW_NONE};
    char mid[ID_DERIVED_MAX + 1];

    request_about(x, e->message_id);
    if (!connector_key_fits(x) || !connector_source_takes(in, x, e->source))
        return;
    if (id_derive(x->name, VIEW_NONE, e->message_id, mid)) {
        request_unavailable(x, "busy", "there is no memory for it now");
        return;
    }
    e->connector = x->name;
    if (view_empty(x->idempotency_key))
        name = (struct repeat_name){REPEAT_MESSAGE_ID, e->message_id, VIEW_NONE};
    e->dedup = name.word;
    connector_append_once(in, x, e, &name,
                          &(struct connector_words){"mid", view_of(mid), warnings});
}

/* --- statuses ----------------------------------------------------------------------------- */

static void statuses_whole(void *arg, struct request *x)
{
    struct ingress *in = arg;
    struct service_fault fault = {0};
    struct json *doc = NULL;
    size_t n = 0;
    int rc = 0;

    if (!connector_verified(in, x))
        return;
    rc = service_statuses(buf_view(&x->body), &doc, &n, &fault);
    if (rc) {
        connector_fault(x, rc, &fault);
        return;
    }
    statuses_accept(in, x, doc, n);
    json_free(doc);
}

/* @f is NULL when it was accepted. What is no id is shown by its beginning: a hundred
 * long ones would leave no room for the others' results. */
static void add_result(struct json_writer *w, struct view id, const char *word,
                       const struct service_fault *f, const struct service_warnings *warnings)
{
    json_open_object(w, NULL);
    json_add_text(w, "id", foreign_id_is_fine(id) ? id : view_cut(id, LIMIT_SERVICE_ID));
    json_add_text(w, "status", f ? VIEW_LIT("rejected") : view_of(word));
    if (f) {
        json_open_object(w, "error");
        json_add_text(w, "code", view_of(f->code));
        json_add_text(w, "message", view_of(f->message));
        json_add_text_if(w, "field", view_of(f->field));
        json_close_object(w);
    } else {
        service_warnings_write(warnings, w);
    }
    json_close_object(w);
}

/* The last item that will be kept, @n none. The webhook-id stands beside it: a call that was kept in part comes
 * again and must not be taken for a repeat. */
static size_t last_good(struct json *doc, size_t n)
{
    for (size_t i = n; i > 0; i--) {
        struct service_warnings warnings;
        struct service_fault fault = {0};
        struct event e;

        if (service_status(doc, i - 1, 0, &e, &warnings, &fault) == 0)
            return i - 1;
    }
    return n;
}

/* One bad item does not spoil the others; a full spool refuses them all, and the whole call comes
 * again: statuses only move forward, so what was taken twice does no harm. */
static void statuses_accept(struct ingress *in, struct request *x, struct json *doc, size_t n)
{
    unsigned char aux[CONNECTOR_WEBHOOK_AUX];
    struct repeat_entry webhook;
    struct json_writer w;
    struct buf results;
    size_t last = last_good(doc, n);
    int again = connector_webhook_check(in, x, &webhook);

    if (again && again != REPEAT_E_SAME)
        return;
    buf_init(&results, x->answer.max);
    json_writer_init(&w, &results);
    json_open_object(&w, NULL);
    json_open_array(&w, "results");
    for (size_t i = 0; i < n; i++) {
        struct service_warnings warnings;
        struct service_fault fault = {0};
        struct event e;
        int rc = service_status(doc, i, clock_unix_ms(), &e, &warnings, &fault);

        e.connector = x->name;
        if (rc == 0 && !again &&
            ingress_append(in, x, &e,
                           i == last ? connector_webhook_aux(x, &webhook, aux) : VIEW_NONE))
            goto out;
        if (rc == SERVICE_E_FAULT)
            trail_item(in, x, (unsigned)fault.status, fault.code, fault.field, e.message_id);
        add_result(&w, e.message_id, again ? "duplicate" : "accepted", rc ? &fault : NULL,
                   &warnings);
        x->warned = x->warned || (rc == 0 && warnings.n > 0);
    }
    json_close_array(&w);
    json_close_object(&w);
    if (buf_error(&results)) {
        request_unavailable(x, "busy", "there is no memory for it now");
        goto out;
    }
    if (again) {
        x->result = "duplicate";
        x->waits = spool_is_dirty(in->spool); /* its first may be in this very batch */
    } else if (last < n) {
        connector_webhook_seen(in, x, &webhook);
    }
    x->status = again ? 200 : 202;
    x->type = "application/json";
    (void)buf_add_view(&x->answer, buf_view(&results)); /* without memory: an empty body */
out:
    buf_fini(&results);
}
