/* What: sends amojo's webhooks and keeps their log.
 * From: acts/manager (a manager writes), message (echo).
 * To:   lanes, wire; the bridge.
 * Holds: a hook_job from queue to answer; the log entry until a reset. */
#include "tools/sandbox/amojo/hooks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/http/lanes.h"
#include "tools/sandbox/http/wire.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/digest.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/kit/text.h"
#include "tools/sandbox/kit/vec.h"
#include "tools/sandbox/record/verify.h"
#include "tools/sandbox/record/world.h"

static const char *const state_names[] = {"queued", "sent", "answered", "lost"};

struct hook_job {
    struct lane_job lane; /* first: lanes know only this part */
    struct sandbox *sandbox;
    uint64_t number;
    char *scope_id;
    char *url;       /* NULL = the channel's at the time of sending */
    char *signature; /* header value, NULL = none */
    struct blob *body;
};

static void hooks_done(void *arg, const struct wire_result *result);

static void hook_entry_free(struct hook_entry *e)
{
    if (!e)
        return;
    mem_free(e->scope_id);
    mem_free(e->chat);
    mem_free(e->id);
    mem_free(e->url);
    blob_drop(e->body);
    mem_free(e);
}

void hooks_free_job(struct lane_job *job)
{
    struct hook_job *j = (struct hook_job *)(void *)job;

    if (!j)
        return;
    mem_free(j->scope_id);
    mem_free(j->url);
    mem_free(j->signature);
    blob_drop(j->body);
    mem_free(j);
}

static struct hook_entry *hook_entry_new(struct sandbox *s, const struct hook_send *h)
{
    struct hook_entry *e = mem_zalloc(sizeof(*e));

    if (!e)
        return NULL;
    e->seq = sandbox_seq(s);
    e->kind = h->kind;
    e->queued_at_ms = sandbox_unix_ms(s);
    text_set(&e->scope_id, h->scope->id);
    text_set(&e->chat, h->chat);
    text_set(&e->id, h->id);
    text_set(&e->url, h->url);
    e->body = blob_new(h->body.ptr, h->body.len);
    if (!e->scope_id || !e->body) {
        hook_entry_free(e);
        return NULL;
    }
    return e;
}

static struct hook_job *hook_job_new(struct sandbox *s, const struct hook_send *h,
                                     uint64_t number)
{
    struct hook_job *j = mem_zalloc(sizeof(*j));
    const char *secret = h->secret ? h->secret : h->scope->channel->secret;
    char signature[DIGEST_SHA1_HEX + 1];

    if (!j)
        return NULL;
    j->sandbox = s;
    j->number = number;
    text_set(&j->scope_id, h->scope->id);
    text_set(&j->url, h->url);
    if (!h->signature && verify_hook_sign(secret, h->body.ptr, h->body.len, signature) == 0)
        text_set(&j->signature, signature);
    else if (h->signature && h->signature[0])
        text_set(&j->signature, h->signature);
    j->body = blob_new(h->body.ptr, h->body.len + (h->newline ? 1 : 0));
    if (!j->scope_id || !j->body) {
        hooks_free_job(&j->lane);
        return NULL;
    }
    if (h->newline)
        j->body->bytes[h->body.len] = '\n';
    return j;
}

int hooks_send(struct sandbox *s, const struct hook_send *h, uint64_t *ret_number)
{
    uint64_t number = s->hooks->last_number + 1;
    struct hook_entry *e = NULL;
    struct hook_job *j = NULL;
    char lane[192];
    int rc = -ENOTCONN;

    if (!h->url && !h->scope->channel->webhook_url)
        goto out;
    rc = -ENETDOWN;
    if (!h->by_hand && !h->scope->connected)
        goto out;
    rc = -ENOSPC;
    if (!sandbox_has_room(s, s->hooks->log.n, (size_t)s->settings.max_log, "max_log") ||
        !sandbox_has_room(s, lanes_count(s->hook_lanes), SANDBOX_QUEUE_MAX, "queued calls"))
        goto out;
    rc = -ENOMEM;
    e = hook_entry_new(s, h);
    j = e ? hook_job_new(s, h, number) : NULL;
    if (!j || vec_make_room(&s->hooks->log))
        goto out;
    e->number = number;
    if (h->lane || h->chat)
        (void)snprintf(lane, sizeof(lane), "%s", h->lane ? h->lane : h->chat); /* may be cut */
    else
        (void)snprintf(lane, sizeof(lane), "alone-%llu", (unsigned long long)number);
    rc = lanes_add(s->hook_lanes, lane, &j->lane);
    if (rc)
        goto out;
    j = NULL; /* in its line */
    rc = vec_add(&s->hooks->log, e);
    e = NULL; /* kept; there was room */
    s->hooks->last_number = number;
    s->counters.webhooks_queued++;
    *ret_number = number;
out:
    if (j)
        hooks_free_job(&j->lane);
    hook_entry_free(e);
    return rc;
}

struct hook_entry *hooks_get(const struct hooks *h, uint64_t number)
{
    uint64_t first = h->last_number - h->log.n + 1;

    if (number < first || number > h->last_number)
        return NULL;
    return h->log.at[number - first];
}

bool hooks_is_under_way(const struct sandbox *s, uint64_t number)
{
    const struct hook_entry *e = hooks_get(s->hooks, number);

    return e && (e->state == HOOK_QUEUED || e->state == HOOK_SENT);
}

/* Where the webhook goes: the channel's address with the scope put in. NULL: nowhere. */
static char *hook_url(const struct hook_job *j)
{
    const struct amojo_scope *sc = names_get(&j->sandbox->amojo->scopes, j->scope_id);
    const char *form = sc ? sc->channel->webhook_url : NULL;
    const char *mark = form ? strstr(form, ":scope_id") : NULL;
    struct buf url;

    if (j->url)
        return mem_strdup(j->url);
    if (!form)
        return NULL;
    if (!mark)
        return mem_strdup(form);
    buf_init(&url, 4096);
    (void)buf_add(&url, form, (size_t)(mark - form)); /* too long: buf_take gives a short one */
    (void)buf_add_str(&url, j->scope_id);
    (void)buf_add_str(&url, mark + strlen(":scope_id"));
    return buf_take(&url);
}

static struct curl_slist *hook_headers(const struct hook_job *j)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    struct curl_slist *more = NULL;
    char line[256];

    (void)snprintf(line, sizeof(line), "X-Signature: %s", j->signature ? j->signature : "");
    more = headers ? curl_slist_append(headers, "Expect:") : NULL;
    if (more)
        more = curl_slist_append(headers, "User-Agent: amojo-sandbox");
    if (more && j->signature)
        more = curl_slist_append(headers, line);
    if (!more) {
        curl_slist_free_all(headers);
        return NULL;
    }
    return headers;
}

static void hook_settle(struct hook_job *j, const struct wire_result *result)
{
    struct sandbox *s = j->sandbox;
    struct hook_entry *e = hooks_get(s->hooks, j->number);

    if (e) {
        e->state = result->status ? HOOK_ANSWERED : HOOK_LOST;
        e->status = result->status;
        e->error = result->error;
        e->took_us = result->took_us;
    }
    *(result->status == 200 ? &s->counters.webhooks_ok
      : result->status      ? &s->counters.webhooks_refused
                            : &s->counters.webhooks_lost) += 1;
    lanes_done(s->hook_lanes, &j->lane);
}

int hooks_start(void *arg, struct lane_job *job)
{
    struct sandbox *s = arg;
    struct hook_job *j = (struct hook_job *)(void *)job;
    struct hook_entry *e = hooks_get(s->hooks, j->number);
    char *url = hook_url(j);
    struct curl_slist *headers = url ? hook_headers(j) : NULL;
    int rc = -ENOMEM;

    if (headers)
        rc = wire_send(s->wire, &(struct wire_request){
                                    .method = "POST",
                                    .url = url,
                                    .body = j->body,
                                    .headers = headers,
                                    .timeout_ms = s->settings.webhook_timeout_ms,
                                    .tls_verify = s->settings.tls_verify,
                                    .keep_alive = s->settings.keep_alive,
                                    .done = hooks_done,
                                    .arg = j,
                                });
    if (rc == 0)
        s->counters.webhooks_sent++;
    if (rc == 0 && e) {
        e->state = HOOK_SENT;
        e->sent_at_ms = sandbox_unix_ms(s);
        text_set(&e->url, url);
    }
    mem_free(url);
    return rc;
}

static void hooks_done(void *arg, const struct wire_result *result)
{
    hook_settle(arg, result);
}

struct json_object *hook_entry_json(const struct hook_entry *e)
{
    struct json_object *o = json_object_new_object();

    jread_add_uint(o, "seq", e->seq);
    jread_add_uint(o, "webhook", e->number);
    jread_add_str(o, "kind", e->kind);
    jread_add_str(o, "scope_id", e->scope_id);
    jread_add_str_or_null(o, "chat", e->chat);
    jread_add_str_or_null(o, "id", e->id);
    jread_add_str_or_null(o, "url", e->url);
    jread_add_str(o, "state", state_names[e->state]);
    jread_add_int(o, "status", e->status);
    jread_add_str_or_null(o, "error", e->error);
    jread_add_int(o, "queued_at_ms", e->queued_at_ms);
    jread_add_int(o, "sent_at_ms", e->sent_at_ms);
    jread_add_int(o, "took_us", e->took_us);
    json_object_object_add(o, "body",
                           json_object_new_string_len(e->body->bytes, (int)e->body->len));
    return o;
}

void hooks_clear(struct hooks *h)
{
    for (size_t i = 0; i < h->log.n; i++)
        hook_entry_free(h->log.at[i]);
    vec_fini(&h->log);
}
