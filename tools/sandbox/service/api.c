/* What: takes the bridge's calls to a service: checks the signature, recognises repeats by
 *       webhook-id, keeps messages in order, reports what became of them.
 * From: http/request, through sandbox.c.
 * To:   gate, store; reports.
 * Holds: nothing; the gate holds the call.
 * Source: docs/connector.md. */
#include "tools/sandbox/service/api.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "tools/sandbox/http/request.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/digest.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/record/gate.h"
#include "tools/sandbox/record/verify.h"
#include "tools/sandbox/record/world.h"
#include "tools/sandbox/service/check.h"
#include "tools/sandbox/service/reports.h"
#include "tools/sandbox/service/store.h"

static const char prefix[] = "/mobilon/";

static void service_reply_error(struct reply *r, int status, const char *words)
{
    struct json_object *e = NULL;

    r->status = status;
    r->json = json_object_new_object();
    e = jread_add_object(r->json, "error");
    jread_add_str(e, "code",
                  status == 401   ? "unauthorized"
                  : status == 404 ? "not_found"
                  : status < 500  ? "bad_request"
                                  : "internal");
    jread_add_str(e, "message", words);
    (void)snprintf(r->reason, sizeof(r->reason), "%s", words); /* words may be cut */
}

static struct service_connector *service_connector_of(struct sandbox *s, const char *path)
{
    if (strncmp(path, prefix, sizeof(prefix) - 1) != 0)
        return NULL;
    return names_get(&s->service->connectors, path + sizeof(prefix) - 1);
}

static const char *service_verify(struct sandbox *s, struct request *x,
                                  const struct service_connector *k)
{
    const char *secrets[] = {k->secret, k->secret_old};
    struct view body = request_body(x);
    struct verify_webhook w = {
        .id = request_header(x, "webhook-id"),
        .timestamp = request_header(x, "webhook-timestamp"),
        .signature = request_header(x, "webhook-signature"),
        .body = body.ptr,
        .body_len = body.len,
    };

    return verify_webhook(&w, secrets, AMO_COUNT(secrets), sandbox_unix_ms(s) / 1000);
}

/* Where the message belongs: as named, or by the phone that is written to first. */
static void service_conversation(const struct service_connector *k, struct json_object *data,
                                 char *ret, size_t cap)
{
    const char *id = jread_str(jread_object(data, "conversation"), "id");
    const char *phone = jread_str(jread_object(data, "receiver"), "phone");
    int n = 0;

    if (id && *id) {
        (void)snprintf(ret, cap, "%s", id); /* may be cut */
        return;
    }
    n = snprintf(ret, cap, "%s", k->prefix ? k->prefix : ""); /* short: setup checks it */
    for (; phone && *phone && (size_t)n + 1 < cap; phone++) {
        if (*phone >= '0' && *phone <= '9')
            ret[n++] = *phone;
    }
    ret[n] = '\0';
}

static void service_reply_message(const struct service_connector *k, struct json_object *m,
                                  struct reply *r)
{
    r->status = 200;
    r->json = json_object_new_object();
    if (!k->answer_ids)
        return;
    jread_add_id(r->json, "conversation", jread_str(m, "conversation"));
    jread_add_str(r->json, "id", jread_str(m, "service_id"));
}

static void service_reply_event(struct json_object *data, struct reply *r)
{
    r->status = 200;
    r->json = json_object_new_object();
    jread_add_str(r->json, "nonce", jread_str(data, "nonce")); /* of connector.test */
}

/* One more of what @entry counts as @key. */
static void service_count(struct json_object *entry, const char *key)
{
    (void)json_object_int_inc(jread_get(entry, key), 1); /* it is an integer */
}

static void service_repeat(struct sandbox *s, struct service_connector *k,
                           struct service_webhook *w, struct view raw, struct json_object *data,
                           struct reply *r)
{
    s->counters.service_repeats++;
    service_count(w->entry, "repeats");
    if (!w->body) {
        service_reply_event(data, r);
        return;
    }
    service_count(w->entry, "calls");
    if (!view_equal(blob_view(w->body), raw))
        service_count(w->entry, "body_changed");
    service_reply_message(k, w->entry, r);
}

/* Take a message under a webhook-id not seen before. Borrowed; NULL: no memory. */
static struct json_object *service_take_message(struct sandbox *s, struct service_connector *k,
                                                struct json_object *data)
{
    const char *id = jread_str(data, "id");
    struct json_object *o = names_get(&k->messages, id);
    char conversation[160];
    char uuid[DIGEST_UUID + 1];
    char service_id[64];

    if (o) {
        s->counters.service_doubles++;
        return o;
    }
    service_conversation(k, data, conversation, sizeof(conversation));
    digest_uuid(uuid);
    (void)snprintf(service_id, sizeof(service_id), "svc-%s", uuid); /* it fits */
    o = sandbox_entry(s);
    jread_add_str(o, "connector", k->name);
    jread_add_str(o, "conversation", conversation);
    jread_add_str(o, "id", id);
    jread_add_str(o, "service_id", service_id);
    jread_add_int(o, "webhook_ids", 0);
    jread_add_int(o, "calls", 0);
    jread_add_int(o, "repeats", 0);
    jread_add_int(o, "body_changed", 0);
    jread_add_str_or_null(o, "type", jread_str(data, "type"));
    jread_add_str_or_null(o, "text", jread_str(data, "text"));
    jread_add_bool(o, "write_first", jread_bool(data, "write_first", false));
    jread_add(o, "data", data);
    if (journal_add(&s->service->messages, o) || names_put(&k->messages, id, o))
        return NULL;
    s->n_messages++;
    s->counters.service_messages++;
    reports_message(s, k, o);
    return o;
}

/* Keep any other event. Borrowed; NULL: no memory. */
static struct json_object *service_take_event(struct sandbox *s,
                                              const struct service_connector *k,
                                              const char *webhook_id, struct json_object *whole)
{
    struct json_object *o = sandbox_entry(s);

    jread_add_str(o, "connector", k->name);
    jread_add_str(o, "type", jread_str(whole, "type"));
    jread_add_str(o, "webhook_id", webhook_id);
    jread_add_int(o, "repeats", 0);
    jread_add(o, "data", jread_object(whole, "data"));
    if (journal_add(&s->service->events, o))
        return NULL;
    s->counters.service_events++;
    return o;
}

/* The call brings something new: @whole is right and its webhook-id was not seen before. */
static void service_take(struct sandbox *s, struct service_connector *k,
                         const struct request *x, struct json_object *whole, struct reply *r)
{
    const char *webhook_id = request_header(x, "webhook-id");
    struct json_object *data = jread_object(whole, "data");
    bool is_message = strcmp(jread_str(whole, "type"), "message.created") == 0;
    struct view raw = request_body(x);
    struct blob *body = is_message ? blob_new(raw.ptr, raw.len) : NULL;
    struct json_object *o = NULL;

    if (body || !is_message)
        o = is_message ? service_take_message(s, k, data)
                       : service_take_event(s, k, webhook_id, whole);
    if (!o || service_webhook_add(k, webhook_id, o, body)) {
        service_reply_error(r, 500, "no memory");
    } else if (is_message) {
        service_count(o, "webhook_ids");
        service_count(o, "calls");
        service_reply_message(k, o, r);
    } else {
        service_reply_event(data, r);
    }
    blob_drop(body);
}

static void service_process(struct sandbox *s, struct request *x, struct json_object *body,
                            struct reply *r)
{
    struct service_connector *k = service_connector_of(s, request_path(x));
    const char *webhook_id = request_header(x, "webhook-id");
    struct jcheck c = {""};
    struct service_webhook *w = k ? names_get(&k->webhooks, webhook_id) : NULL;

    service_check(&c, body, webhook_id);
    if (!k)
        service_reply_error(r, 404, "unknown connector");
    else if (!body)
        service_reply_error(r, 400, "body: is not JSON");
    else if (jcheck_bad(&c))
        service_reply_error(r, 422, c.words);
    else if (w)
        service_repeat(s, k, w, request_body(x), jread_object(body, "data"), r);
    else if (!sandbox_has_message_space(s) ||
             !sandbox_has_space(s, s->service->events.entries.n, (size_t)s->settings.max_log,
                                "max_log"))
        service_reply_error(r, 507, "sandbox_full");
    else
        service_take(s, k, x, body, r);
    if (r->status >= 400)
        s->counters.service_refused++;
}

void service_api_handle(struct sandbox *s, struct request *x)
{
    struct service_connector *k = service_connector_of(s, request_path(x));
    struct json_object *body = jread_parse(request_body(x));
    const char *type = jread_str(body, "type");
    const char *wrong = k ? service_verify(s, x, k) : "unknown connector";

    if (k && strcmp(request_method(x), "POST") != 0)
        wrong = "wrong method";
    s->counters.service_calls++;
    gate_take(s, x,
              &(struct gate_call){.side = "service",
                                  .kind = type ? type : "other",
                                  .where = k ? k->name : NULL,
                                  .key = request_header(x, "webhook-id"),
                                  .wrong = wrong,
                                  .wrong_status = k ? 401 : 404,
                                  .if_wrong = &s->counters.service_forbidden,
                                  .body = body,
                                  .process = service_process,
                                  .error = service_reply_error});
}
