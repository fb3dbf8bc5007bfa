/* What: calls of the services to the bridge, with their repeats.
 * From: acts/client (a client writes), reports.
 * To:   record/outbox, http/wire; the bridge's connector API.
 * Holds: nothing; the outbox holds a call_entry until the bridge has accepted it. */
#include "tools/sandbox/service/calls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tools/sandbox/http/lanes.h"
#include "tools/sandbox/http/wire.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/digest.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/kit/text.h"
#include "tools/sandbox/record/counters.h"
#include "tools/sandbox/record/verify.h"
#include "tools/sandbox/record/world.h"
#include "tools/sandbox/service/store.h"

static const char *const kind_names[] = {"message", "status", "call"};

/* The counters of one kind of call. */
struct call_counts {
    uint64_t *queued;
    uint64_t *accepted;
    uint64_t *duplicates;
    uint64_t *retries;
    uint64_t *failed;
};

static void calls_done(void *arg, const struct wire_result *result);

static struct call_counts calls_counts(struct sandbox *s, enum call_kind kind)
{
    struct counters *c = &s->counters;

    switch (kind) {
    case CALL_MESSAGE:
        return (struct call_counts){&c->client_queued, &c->client_accepted,
                                    &c->client_duplicates, &c->client_retries,
                                    &c->client_failed};
    case CALL_STATUS:
        return (struct call_counts){&c->status_queued, &c->status_accepted,
                                    &c->status_duplicates, &c->status_retries,
                                    &c->status_failed};
    case CALL_OTHER:
        break;
    }
    return (struct call_counts){&c->call_queued, &c->call_accepted, &c->call_duplicates,
                                &c->call_retries, &c->call_failed};
}

void calls_fini_entry(struct outbox_entry *entry)
{
    mem_free(((struct call_entry *)entry)->key);
}

static void call_entry_fill(struct call_entry *e, const struct call_send *c)
{
    struct json_object *o = e->out.shown.o;
    char random[17];

    digest_random_hex(8, random);
    (void)snprintf(e->webhook_id, sizeof(e->webhook_id), "sb-%s-%llu", random,
                   (unsigned long long)e->out.number); /* there is room */
    e->kind = c->kind;
    text_set(&e->key, c->key);
    jread_add_str(o, "kind", kind_names[c->kind]);
    jread_add_str(o, "connector", c->connector->name);
    jread_add_str(o, "method", c->method);
    jread_add_str(o, "path", c->path); /* after /v1/connectors/{name} */
    jread_add_str_or_null(o, "conversation", c->conversation);
    jread_add_str_or_null(o, "id", c->id);
    jread_add_int(o, "attempts", 0);
    jread_add_int(o, "done_at_ms", 0);
    jread_add_str_or_null(o, "answer", NULL);
    json_object_object_add(o, "body", c->body.ptr ? jread_bytes(c->body) : NULL);
    jread_add_str(o, "state", "queued");
}

int calls_send(struct sandbox *s, const struct call_send *c, uint64_t *ret_number)
{
    /* Reports do not wait behind messages: a service has separate workers for them. */
    const char *kind = kind_names[c->after_messages ? CALL_MESSAGE : c->kind];
    const char *line = c->lane ? c->lane : c->conversation;
    char lane[256];
    void *entry = NULL;
    int rc = outbox_entry_new(s, &s->calls, sizeof(struct call_entry), &entry);

    if (rc)
        return rc;
    call_entry_fill(entry, c);
    (void)snprintf(lane, sizeof(lane), "%s %s %s", kind, c->connector->name,
                   line ? line : ""); /* may be cut */
    rc = outbox_add(&s->calls, entry, line ? lane : NULL);
    if (rc)
        return rc;
    *calls_counts(s, c->kind).queued += 1;
    *ret_number = s->calls.last_number;
    return 0;
}

static int call_sign(struct wire_headers *h, const struct call_entry *e, struct view body,
                     const char *secret)
{
    char timestamp[24];
    char signature[DIGEST_SHA256_B64 + 4];
    int rc = 0;

    (void)snprintf(timestamp, sizeof(timestamp), "%lld",
                   (long long)(sandbox_unix_ms(e->out.sandbox) / 1000)); /* there is room */
    rc = verify_webhook_sign(secret, e->webhook_id, timestamp, body.len ? body.ptr : "",
                             body.len, signature);
    if (rc)
        return rc;
    wire_header(h, "webhook-id: %s", e->webhook_id);
    wire_header(h, "webhook-timestamp: %s", timestamp);
    wire_header(h, "webhook-signature: %s", signature);
    return 0;
}

static int call_headers(struct wire_headers *h, const struct call_entry *e, struct view body,
                        const struct service_connector *k)
{
    /* first: it is what can fail */
    int rc = k->auth == AUTH_BEARER ? 0 : call_sign(h, e, body, k->secret);

    if (rc)
        return rc;
    wire_header(h, "Content-Type: application/json");
    wire_header(h, "Expect:");
    wire_header(h, "User-Agent: mobilon-sandbox");
    if (e->key)
        wire_header(h, "Idempotency-Key: %s", e->key);
    if (k->auth != AUTH_SIGNATURE)
        wire_header(h, "Authorization: Bearer %s", k->token);
    return 0;
}

int calls_start(void *arg, struct lane_job *job)
{
    struct sandbox *s = arg;
    struct call_entry *e = outbox_entry_of(job);
    struct json_object *o = e->out.shown.o;
    struct json_object *body = jread_get(o, "body");
    const struct service_connector *k =
        names_get(&s->service->connectors, jread_str(o, "connector"));
    char url[2048];
    struct wire_request request = {
        .method = jread_str(o, "method"),
        .url = url,
        .timeout_ms = s->settings.client_timeout_ms,
        .tls_verify = s->settings.tls_verify,
        .keep_alive = s->settings.keep_alive,
        .done = calls_done,
        .arg = e,
    };
    int rc = -EINVAL;

    /* The address is read anew each time: a restarted bridge may have moved. */
    if (!k || !k->bridge_url ||
        snprintf(url, sizeof(url), "%s/v1/connectors/%s%s", k->bridge_url, k->name,
                 jread_str(o, "path")) >= (int)sizeof(url))
        return rc;
    if (body)
        request.body =
            blob_new(json_object_get_string(body), (size_t)json_object_get_string_len(body));
    rc = body && !request.body
             ? -ENOMEM
             : call_headers(&request.headers, e, body ? blob_view(request.body) : VIEW_NONE, k);
    if (rc == 0)
        rc = wire_send(s->wire, &request);
    blob_drop(request.body);
    if (rc)
        return rc;
    e->attempts++;
    jread_add_uint(o, "attempts", e->attempts);
    jread_add_str(o, "state", "sent");
    return 0;
}

static bool call_is_final(const struct sandbox *s, const struct call_entry *e, int status)
{
    bool repeatable = status == 0 || status == 408 || status == 429 || status >= 500;

    if (!repeatable)
        return true;
    return s->settings.client_give_up > 0 &&
           e->attempts >= (uint64_t)s->settings.client_give_up;
}

static int64_t call_pause_ms(const struct sandbox *s, const struct call_entry *e,
                             int64_t retry_after_ms)
{
    int64_t ms = s->settings.client_backoff_ms;

    for (uint64_t i = 1; i < e->attempts && ms < s->settings.client_backoff_max_ms; i++)
        ms *= 2;
    if (ms > s->settings.client_backoff_max_ms)
        ms = s->settings.client_backoff_max_ms;
    if (retry_after_ms > 3600000)
        retry_after_ms = 3600000;
    return retry_after_ms > ms ? retry_after_ms : ms;
}

static void calls_done(void *arg, const struct wire_result *r)
{
    struct call_entry *e = arg;
    struct json_object *o = e->out.shown.o;
    struct sandbox *s = e->out.sandbox;
    struct call_counts n = calls_counts(s, e->kind);
    bool accepted = r->status >= 200 && r->status < 300;
    struct json_object *answer = NULL;
    const char *status = NULL;

    outbox_note(&e->out, r, accepted || call_is_final(s, e, r->status));
    if (!e->out.over) {
        *n.retries += 1;
        jread_add_str(o, "state", "waiting");
        lanes_again(s->calls.lanes, &e->out.lane, clock_mono_ms(),
                    call_pause_ms(s, e, r->retry_after_ms));
        return;
    }
    answer = jread_parse(r->answer);
    status = jread_str(answer, "status");
    *(accepted ? n.accepted : n.failed) += 1;
    if (r->status == 200 && status && strcmp(status, "duplicate") == 0)
        *n.duplicates += 1;
    jread_add_str(o, "state", accepted ? "accepted" : "failed");
    jread_add_int(o, "done_at_ms", sandbox_unix_ms(s));
    json_object_object_add(o, "answer", answer);
    lanes_done(s->calls.lanes, &e->out.lane);
}
