/* POST /v1/connectors/{name}/messages and …/statuses: what Mobilon's services tell us.
 *
 * From: the door, a request.
 * To: the spool, an event for the message or for each status; the answer leaves after the flush.
 * Holds: nothing after its return. */

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/log.h"
#include "ingress/exchange.h"
#include "ingress/ingress.h"
#include "ingress/registry_copy.h"
#include "ingress/repeat.h"
#include "ingress/routes.h"
#include "ingress/service_normalize.h"
#include "ingress/spool.h"
#include "proto/limits.h"
#include "proto/registry.h"
#include "proto/sign.h"

static void messages_whole(void *arg, struct exchange *x);
static void statuses_whole(void *arg, struct exchange *x);
static bool connector_verified(struct ingress *in, struct exchange *x);
static void message_accept(struct ingress *in, struct exchange *x, struct event *e);
static void statuses_accept(struct ingress *in, struct exchange *x, struct json *doc, size_t n);

/* --- who asks ----------------------------------------------------------------------------- */

/* The token of "Bearer …", VIEW_NONE when there is none. */
static struct view bearer(struct view authorization)
{
    if (authorization.len <= 7 || strncasecmp(authorization.ptr, "Bearer ", 7) != 0)
        return VIEW_NONE;
    return view_make(authorization.ptr + 7, authorization.len - 7);
}

static bool token_fits(const struct reg_connector *c, struct view token)
{
    bool fits = false;

    for (size_t i = 0; i < AMO_COUNT(c->tokens); i++) {
        if (c->tokens[i].bytes && secret_equal(secret_view(&c->tokens[i]), token))
            fits = true;
    }
    return fits;
}

static void unauthorized(struct exchange *x)
{
    x->challenge = true;
    exchange_fault(x, 401, "unauthorized", "not verified", NULL);
}

/* A token is judged at the head: without a good one no body is read. */
static bool token_in_order(const struct registry *r, const struct reg_connector *c,
                           struct exchange *x)
{
    struct view token = bearer(x->authorization);

    if (!token.ptr) {
        if (view_empty(x->authorization) && !view_empty(x->webhook_signature))
            return true;
        unauthorized(x);
        return false;
    }
    if (token_fits(c, token))
        return true;
    for (size_t i = 0; i < r->n_connectors; i++) {
        if (token_fits(&r->connectors[i], token)) {
            x->trusted = true;
            exchange_fault(x, 403, "forbidden", "the token belongs to another connector", NULL);
            return false;
        }
    }
    unauthorized(x);
    return false;
}

/* "application/json", "application/something+json", with parameters or none. */
static bool content_is_json(struct view type)
{
    size_t len = 0;

    while (len < type.len && type.ptr[len] != ';' && type.ptr[len] != ' ')
        len++;
    return (len == 16 && strncasecmp(type.ptr, "application/json", 16) == 0) ||
           (len > 17 && strncasecmp(type.ptr, "application/", 12) == 0 &&
            strncasecmp(type.ptr + len - 5, "+json", 5) == 0);
}

static void connector_head(struct ingress *in, struct exchange *x, exchange_fn *whole)
{
    const struct registry *r = registry_copy_get(in->registry);
    const struct reg_connector *c = NULL;

    x->source = SOURCE_CONNECTOR;
    if (!r) {
        exchange_unavailable(x, "no_registry", "not set up yet");
        return;
    }
    c = registry_connector(r, x->name);
    if (!c) {
        exchange_fault(x, 404, "unknown_connector", "no such connector", NULL);
        return;
    }
    if (!token_in_order(r, c, x))
        return;
    if (!view_empty(x->content_type) && !content_is_json(x->content_type)) {
        exchange_fault(x, 415, "unsupported_media_type", "the body must be JSON", NULL);
        return;
    }
    x->body_max = LIMIT_CONNECTOR_BODY;
    x->whole = whole;
}

void connector_route_messages(struct ingress *in, struct exchange *x)
{
    connector_head(in, x, messages_whole);
}

void connector_route_statuses(struct ingress *in, struct exchange *x)
{
    connector_head(in, x, statuses_whole);
}

/* The registry may have changed since the head: everything is looked up anew. */
static bool connector_verified(struct ingress *in, struct exchange *x)
{
    const struct registry *r = registry_copy_get(in->registry);
    const struct reg_connector *c = registry_connector(r, x->name);
    enum webhook_verdict verdict = WEBHOOK_FITS;

    if (!c || !token_in_order(r, c, x)) {
        unauthorized(x); /* unless the token's own refusal stands */
        return false;
    }
    if (!view_empty(x->webhook_signature))
        verdict = webhook_verify(c->secrets, AMO_COUNT(c->secrets), x->webhook_id,
                                 x->webhook_timestamp, x->webhook_signature, buf_view(&x->body),
                                 clock_unix_ms() / 1000);
    if (verdict != WEBHOOK_FITS) {
        if (!guard_is_struck(in->guard, &x->origin,
                             clock_mono_ms())) /* else a flood of lines */
            log_line(LOG_LEVEL_INFO, "webhook.refused", "connector=%s reason=%s", c->name,
                     webhook_verdict_name(verdict));
        unauthorized(x);
        return false;
    }
    x->trusted = true;
    return true;
}

static void answer_fault(struct exchange *x, const struct service_fault *f)
{
    exchange_fault(x, (unsigned)f->status, f->code, f->message, f->field);
}

/* --- messages ----------------------------------------------------------------------------- */

static void messages_whole(void *arg, struct exchange *x)
{
    struct ingress *in = arg;
    struct service_fault fault = {0};
    struct json *doc = NULL;
    struct event e;
    int rc = 0;

    if (!connector_verified(in, x))
        return;
    rc = service_message(buf_view(&x->body), &doc, &e, &fault);
    if (rc == SERVICE_E_FAULT)
        answer_fault(x, &fault);
    else if (rc)
        exchange_unavailable(x, "busy", "there is no memory for it now");
    else
        message_accept(in, x, &e);
    if (rc == 0)
        json_free(doc);
}

/* Is the source one we know where to take to? */
static bool source_known(struct ingress *in, struct exchange *x, struct view source)
{
    bool known = false;

    if (registry_scope_of_source(registry_copy_get(in->registry), x->name, source, &known))
        return true;
    if (known)
        exchange_fault(x, 422, "no_account", "the connector has no account yet", NULL);
    else
        exchange_fault(x, 422, "unknown_source", "this source belongs to no account", "source");
    return false;
}

static void answer_message(struct exchange *x, unsigned status, const char *mid,
                           const char *word)
{
    struct json_writer w;

    x->status = status;
    x->type = "application/json";
    json_writer_init(&w, &x->answer); /* short; without memory the status says it alone */
    json_open_object(&w, NULL);
    json_add_text(&w, "mid", view_of(mid));
    json_add_text(&w, "status", view_of(word));
    json_close_object(&w);
}

/* 0: new. Otherwise the answer is decided. */
static int answer_repeat(struct ingress *in, struct exchange *x,
                         const struct repeat_entry *entry, const char *mid)
{
    int rc = repeat_check(in->repeat, entry);

    if (rc == REPEAT_E_SAME) {
        x->result = "duplicate";
        answer_message(x, 200, mid, "duplicate");
        x->waits = spool_is_dirty(in->spool); /* its first may be in this very batch */
    } else if (rc == REPEAT_E_OTHER) {
        exchange_fault(x, 409, "conflict", "this id came before with another body", "id");
    }
    return rc;
}

static void message_accept(struct ingress *in, struct exchange *x, struct event *e)
{
    struct view key = view_empty(x->idempotency_key) ? e->message_id : x->idempotency_key;
    unsigned char aux[REPEAT_AUX_LEN];
    struct repeat_entry entry;
    char mid[ID_DERIVED_MAX + 1];

    if (key.len > LIMIT_SERVICE_ID) {
        exchange_fault(x, 422, "too_long", "is longer than allowed", "Idempotency-Key");
        return;
    }
    if (!source_known(in, x, e->source))
        return;
    if (id_derive(x->name, VIEW_NONE, e->message_id, mid) ||
        repeat_entry_make(x->name, key, buf_view(&x->body), clock_unix_ms(), &entry)) {
        exchange_unavailable(x, "busy", "there is no memory for it now");
        return;
    }
    if (answer_repeat(in, x, &entry, mid))
        return;
    e->connector = x->name;
    e->dedup = key;
    repeat_entry_encode(&entry, aux);
    if (ingress_append(in, x, e, view_make(aux, sizeof(aux))))
        return;
    if (repeat_add(in->repeat, &entry))
        log_line(LOG_LEVEL_WARN, "repeat.no_memory", NULL); /* core will see the repeat */
    answer_message(x, 202, mid, "accepted");
}

/* --- statuses ----------------------------------------------------------------------------- */

static void statuses_whole(void *arg, struct exchange *x)
{
    struct ingress *in = arg;
    struct service_fault fault = {0};
    struct json *doc = NULL;
    size_t n = 0;
    int rc = 0;

    if (!connector_verified(in, x))
        return;
    rc = service_statuses(buf_view(&x->body), &doc, &n, &fault);
    if (rc == SERVICE_E_FAULT)
        answer_fault(x, &fault);
    else if (rc)
        exchange_unavailable(x, "busy", "there is no memory for it now");
    else
        statuses_accept(in, x, doc, n);
    if (rc == 0)
        json_free(doc);
}

static void add_result(struct json_writer *w, struct view id, const struct service_fault *f)
{
    json_open_object(w, NULL);
    json_add_text(w, "id", id);
    json_add_text(w, "status", f ? VIEW_LIT("rejected") : VIEW_LIT("accepted"));
    if (f) {
        json_open_object(w, "error");
        json_add_text(w, "code", view_of(f->code));
        json_add_text(w, "message", view_of(f->message));
        json_add_text_if(w, "field", view_of(f->field));
        json_close_object(w);
    }
    json_close_object(w);
}

/* One bad item does not spoil the others; a full spool refuses them all, and the whole call comes
 * again: statuses only move forward, so what was taken twice does no harm. */
static void statuses_accept(struct ingress *in, struct exchange *x, struct json *doc, size_t n)
{
    struct json_writer w;
    struct buf results;

    buf_init(&results, x->answer.max);
    json_writer_init(&w, &results);
    json_open_object(&w, NULL);
    json_open_array(&w, "results");
    for (size_t i = 0; i < n; i++) {
        struct service_fault fault = {0};
        struct event e;
        int rc = service_status(doc, i, &e, &fault);

        e.connector = x->name;
        if (rc == 0 && ingress_append(in, x, &e, VIEW_NONE))
            goto out;
        add_result(&w, e.message_id, rc ? &fault : NULL);
    }
    json_close_array(&w);
    json_close_object(&w);
    if (buf_error(&results)) {
        exchange_unavailable(x, "busy", "there is no memory for it now");
        goto out;
    }
    x->status = 202;
    x->type = "application/json";
    (void)buf_add_view(&x->answer, buf_view(&results)); /* without memory: an empty 202 */
out:
    buf_fini(&results);
}
