/* What: calls of the services to the bridge, with their repeats.
 * From: acts/client (a client writes), api (reports).
 * To:   lanes, wire; the bridge's connector API.
 * Holds: a call_entry until the bridge has accepted it, and in the log until a reset. */
#include "tools/sandbox/service/calls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "tools/sandbox/http/lanes.h"
#include "tools/sandbox/http/wire.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/digest.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/kit/text.h"
#include "tools/sandbox/kit/vec.h"
#include "tools/sandbox/record/counters.h"
#include "tools/sandbox/record/verify.h"
#include "tools/sandbox/record/world.h"
#include "tools/sandbox/service/store.h"

static const char *const kind_names[] = {"message", "status", "call"};
static const char *const state_names[] = {"queued", "sent", "waiting", "accepted", "failed"};

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

const char *call_kind_name(enum call_kind kind)
{
    return kind_names[kind];
}

/* One owner less; the last one frees. Accepts NULL. */
static void call_entry_drop(struct call_entry *e)
{
    if (!e || --e->n_owners > 0)
        return;
    mem_free(e->connector);
    mem_free(e->method);
    mem_free(e->path);
    mem_free(e->conversation);
    mem_free(e->id);
    mem_free(e->key);
    blob_drop(e->body);
    blob_drop(e->answer);
    mem_free(e);
}

static struct call_entry *call_entry_of(struct lane_job *job)
{
    return LIST_ENTRY(job, struct call_entry, lane);
}

void calls_free_job(struct lane_job *job)
{
    call_entry_drop(call_entry_of(job));
}

static struct call_entry *call_entry_new(struct sandbox *s, const struct call_send *c,
                                         uint64_t number)
{
    struct call_entry *e = mem_zalloc(sizeof(*e));
    char random[17];

    if (!e)
        return NULL;
    digest_random_hex(8, random);
    (void)snprintf(e->webhook_id, sizeof(e->webhook_id), "sb-%s-%llu", random,
                   (unsigned long long)number); /* there is room */
    e->n_owners = 1;
    e->sandbox = s;
    e->number = number;
    e->seq = sandbox_seq(s);
    e->kind = c->kind;
    e->queued_at_ms = sandbox_unix_ms(s);
    text_set(&e->connector, c->connector->name);
    text_set(&e->method, c->method);
    text_set(&e->path, c->path);
    text_set(&e->conversation, c->conversation);
    text_set(&e->id, c->id);
    text_set(&e->key, c->key);
    if (c->body.ptr)
        e->body = blob_new(c->body.ptr, c->body.len);
    if (e->connector && e->method && e->path && (e->body || !c->body.ptr))
        return e;
    call_entry_drop(e);
    return NULL;
}

static void call_lane(const struct call_send *c, uint64_t number, char *ret, size_t cap)
{
    const char *lane = c->lane ? c->lane : c->conversation;

    /* Reports do not wait behind messages: a service has separate workers for them. */
    if (lane)
        (void)snprintf(ret, cap, "%s %s %s",
                       kind_names[c->after_messages ? CALL_MESSAGE : c->kind],
                       c->connector->name, lane);
    else
        (void)snprintf(ret, cap, "alone-%llu", (unsigned long long)number); /* may be cut */
}

int calls_send(struct sandbox *s, const struct call_send *c, uint64_t *ret_number)
{
    uint64_t number = s->calls->last_number + 1;
    struct call_entry *e = NULL;
    char lane[256];
    int rc = -ENOSPC;

    if (!sandbox_has_room(s, s->calls->log.n, (size_t)s->settings.max_log, "max_log") ||
        !sandbox_has_room(s, lanes_count(s->call_lanes), SANDBOX_QUEUE_MAX, "queued calls"))
        goto out;
    rc = -ENOMEM;
    e = call_entry_new(s, c, number);
    if (!e || vec_make_room(&s->calls->log))
        goto out;
    call_lane(c, number, lane, sizeof(lane));
    rc = lanes_add(s->call_lanes, lane, &e->lane);
    if (rc)
        goto out;
    e->n_owners++; /* its line */
    rc = vec_add(&s->calls->log, e);
    e = NULL; /* kept; there was room */
    s->calls->last_number = number;
    *calls_counts(s, c->kind).queued += 1;
    *ret_number = number;
out:
    call_entry_drop(e);
    return rc;
}

struct call_entry *calls_get(const struct calls *c, uint64_t number)
{
    uint64_t first = c->last_number - c->log.n + 1;

    if (number < first || number > c->last_number)
        return NULL;
    return c->log.at[number - first];
}

static int call_sign(struct wire_headers *h, const struct call_entry *e, const char *secret)
{
    char timestamp[24];
    char signature[DIGEST_SHA256_B64 + 4];
    int rc = 0;

    (void)snprintf(timestamp, sizeof(timestamp), "%lld",
                   (long long)(sandbox_unix_ms(e->sandbox) / 1000)); /* there is room */
    rc = verify_webhook_sign(secret, e->webhook_id, timestamp, e->body ? e->body->bytes : "",
                             e->body ? e->body->len : 0, signature);
    if (rc)
        return rc;
    wire_header(h, "webhook-id: %s", e->webhook_id);
    wire_header(h, "webhook-timestamp: %s", timestamp);
    wire_header(h, "webhook-signature: %s", signature);
    return 0;
}

static int call_headers(struct wire_headers *h, const struct call_entry *e,
                        const struct service_connector *k)
{
    /* first: it is what can fail */
    int rc = k->auth == AUTH_BEARER ? 0 : call_sign(h, e, k->secret);

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
    struct call_entry *e = call_entry_of(job);
    const struct service_connector *k = names_get(&s->service->connectors, e->connector);
    char url[2048];
    struct wire_request request = {
        .method = e->method,
        .url = url,
        .body = e->body,
        .timeout_ms = s->settings.client_timeout_ms,
        .tls_verify = s->settings.tls_verify,
        .keep_alive = s->settings.keep_alive,
        .done = calls_done,
        .arg = e,
    };
    int rc = -EINVAL;

    /* The address is read anew each time: a restarted bridge may have moved. */
    if (!k || !k->bridge_url ||
        snprintf(url, sizeof(url), "%s/v1/connectors/%s%s", k->bridge_url, k->name, e->path) >=
            (int)sizeof(url))
        return rc;
    rc = call_headers(&request.headers, e, k);
    if (rc == 0)
        rc = wire_send(s->wire, &request);
    if (rc)
        return rc;
    e->attempts++;
    e->state = CALL_SENT;
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

static void call_note(struct call_entry *e, const struct wire_result *r, enum call_state state)
{
    e->state = state;
    e->status = r->status;
    e->error = r->error;
    e->took_us = r->took_us;
    if (state == CALL_WAITING)
        return;
    e->done_at_ms = sandbox_unix_ms(e->sandbox);
    e->answer = blob_new(r->answer.ptr, r->answer.len); /* without memory: not shown */
}

static bool call_is_duplicate(struct view answer)
{
    struct json_object *o = jread_parse(answer);
    const char *status = jread_str(o, "status");
    bool duplicate = status && strcmp(status, "duplicate") == 0;

    json_object_put(o);
    return duplicate;
}

static void calls_done(void *arg, const struct wire_result *r)
{
    struct call_entry *e = arg;
    struct sandbox *s = e->sandbox;
    struct call_counts n = calls_counts(s, e->kind);
    bool accepted = r->status >= 200 && r->status < 300;

    if (!accepted && !call_is_final(s, e, r->status)) {
        *n.retries += 1;
        call_note(e, r, CALL_WAITING);
        lanes_again(s->call_lanes, &e->lane, clock_mono_ms(),
                    call_pause_ms(s, e, r->retry_after_ms));
        return;
    }
    *(accepted ? n.accepted : n.failed) += 1;
    if (r->status == 200 && call_is_duplicate(r->answer))
        *n.duplicates += 1;
    call_note(e, r, accepted ? CALL_ACCEPTED : CALL_FAILED);
    lanes_done(s->call_lanes, &e->lane);
}

int calls_send_status(struct sandbox *s, const struct service_connector *k,
                      const struct call_status *st, uint64_t *ret_number)
{
    struct json_object *o = json_object_new_object();
    struct json_object *list = json_object_new_array();
    struct json_object *item = json_object_new_object();
    int rc = 0;

    jread_add_str(item, "id", st->id);
    jread_add_str(item, "status", st->status);
    if (st->error)
        json_object_object_add(item, "error", json_object_get(st->error));
    if (st->conversation) {
        struct json_object *c = json_object_new_object();

        jread_add_str(c, "id", st->conversation);
        json_object_object_add(item, "conversation", c);
    }
    json_object_array_add(list, item);
    json_object_object_add(o, "statuses", list);
    rc = calls_send(s,
                    &(struct call_send){
                        .kind = CALL_STATUS,
                        .connector = k,
                        .method = "POST",
                        .path = "/statuses",
                        .conversation = st->conversation,
                        .id = st->id,
                        .body = view_of(jread_text(o)),
                    },
                    ret_number);
    json_object_put(o);
    return rc;
}

void calls_report(struct sandbox *s, const struct service_connector *k,
                  const struct service_message *m)
{
    struct call_status st = {
        .id = k->report_service_id ? m->service_id : m->id,
        .conversation = m->conversation,
    };
    uint64_t number = 0;
    int rc = 0;

    switch (k->report) {
    case REPORT_NONE:
        return;
    case REPORT_FAILED:
        st.status = "failed";
        st.error = json_object_new_object();
        jread_add_str(st.error, "code", k->error_code);
        jread_add_str(st.error, "text", k->error_text);
        rc = calls_send_status(s, k, &st, &number);
        json_object_put(st.error);
        break;
    case REPORT_DELIVERED:
    case REPORT_READ:
        st.status = "delivered";
        rc = calls_send_status(s, k, &st, &number);
        st.status = "read";
        if (rc == 0 && k->report == REPORT_READ)
            rc = calls_send_status(s, k, &st, &number);
        break;
    }
    if (rc)
        log_line(LOG_LEVEL_WARN, "report.dropped", "connector=%s", k->name);
}

struct json_object *call_entry_json(const struct call_entry *e)
{
    struct json_object *o = json_object_new_object();

    jread_add_uint(o, "seq", e->seq);
    jread_add_uint(o, "call", e->number);
    jread_add_str(o, "kind", kind_names[e->kind]);
    jread_add_str(o, "connector", e->connector);
    jread_add_str(o, "method", e->method);
    jread_add_str(o, "path", e->path);
    jread_add_str_or_null(o, "conversation", e->conversation);
    jread_add_str_or_null(o, "id", e->id);
    jread_add_str(o, "state", state_names[e->state]);
    jread_add_int(o, "status", e->status);
    jread_add_str_or_null(o, "error", e->error);
    jread_add_uint(o, "attempts", e->attempts);
    jread_add_int(o, "queued_at_ms", e->queued_at_ms);
    jread_add_int(o, "done_at_ms", e->done_at_ms);
    jread_add_int(o, "took_us", e->took_us);
    json_object_object_add(o, "answer",
                           e->answer ? jread_parse(view_make(e->answer->bytes, e->answer->len))
                                     : NULL);
    jread_add_str_or_null(o, "body", e->body ? e->body->bytes : NULL);
    return o;
}

void calls_clear(struct calls *c)
{
    for (size_t i = 0; i < c->log.n; i++)
        call_entry_drop(c->log.at[i]);
    vec_fini(&c->log);
}
