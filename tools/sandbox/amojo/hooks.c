/* What: sends amojo's webhooks and keeps their log.
 * From: acts/manager (a manager writes), message (echo).
 * To:   lanes, wire; the bridge.
 * Holds: a hook_entry from queue to answer, and in the log until a reset. */
#include "tools/sandbox/amojo/hooks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/list.h"
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

static void hooks_done(void *arg, const struct wire_result *result);

/* One owner less; the last one frees. Accepts NULL. */
static void hook_entry_drop(struct hook_entry *e)
{
    if (!e || --e->n_owners > 0)
        return;
    mem_free(e->scope_id);
    mem_free(e->chat);
    mem_free(e->id);
    mem_free(e->url);
    mem_free(e->signature);
    blob_drop(e->body);
    mem_free(e);
}

static struct hook_entry *hook_entry_of(struct lane_job *job)
{
    return LIST_ENTRY(job, struct hook_entry, lane);
}

void hooks_free_job(struct lane_job *job)
{
    hook_entry_drop(hook_entry_of(job));
}

static struct hook_entry *hook_entry_new(struct sandbox *s, const struct hook_send *h)
{
    struct hook_entry *e = mem_zalloc(sizeof(*e));
    const char *secret = h->secret ? h->secret : h->scope->channel->secret;
    char signature[DIGEST_SHA1_HEX + 1];

    if (!e)
        return NULL;
    e->n_owners = 1;
    e->sandbox = s;
    e->seq = sandbox_seq(s);
    e->kind = h->kind;
    e->queued_at_ms = sandbox_unix_ms(s);
    e->newline = h->newline;
    text_set(&e->scope_id, h->scope->id);
    text_set(&e->chat, h->chat);
    text_set(&e->id, h->id);
    text_set(&e->url, h->url);
    if (!h->signature && verify_hook_sign(secret, h->body.ptr, h->body.len, signature) == 0)
        text_set(&e->signature, signature);
    else if (h->signature && h->signature[0])
        text_set(&e->signature, h->signature);
    e->body = blob_new(h->body.ptr, h->body.len);
    if (e->scope_id && e->body)
        return e;
    hook_entry_drop(e);
    return NULL;
}

int hooks_send(struct sandbox *s, const struct hook_send *h, uint64_t *ret_number)
{
    uint64_t number = s->hooks->last_number + 1;
    struct hook_entry *e = NULL;
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
    if (!e || vec_make_room(&s->hooks->log))
        goto out;
    e->number = number;
    if (h->lane || h->chat)
        (void)snprintf(lane, sizeof(lane), "%s", h->lane ? h->lane : h->chat); /* may be cut */
    else
        (void)snprintf(lane, sizeof(lane), "alone-%llu", (unsigned long long)number);
    rc = lanes_add(s->hook_lanes, lane, &e->lane);
    if (rc)
        goto out;
    e->n_owners++; /* its line */
    rc = vec_add(&s->hooks->log, e);
    e = NULL; /* kept; there was room */
    s->hooks->last_number = number;
    s->counters.webhooks_queued++;
    *ret_number = number;
out:
    hook_entry_drop(e);
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
static char *hook_url(const struct sandbox *s, const struct hook_entry *e)
{
    const struct amojo_scope *sc = names_get(&s->amojo->scopes, e->scope_id);
    const char *form = sc ? sc->channel->webhook_url : NULL;
    const char *mark = form ? strstr(form, ":scope_id") : NULL;
    struct buf url;

    if (e->url)
        return mem_strdup(e->url);
    if (!form)
        return NULL;
    if (!mark)
        return mem_strdup(form);
    buf_init(&url, 4096);
    (void)buf_add(&url, form, (size_t)(mark - form)); /* too long: buf_take gives a short one */
    (void)buf_add_str(&url, e->scope_id);
    (void)buf_add_str(&url, mark + strlen(":scope_id"));
    return buf_take(&url);
}

/* What goes on the wire: the signed body, and the LF behind it. NULL: no memory. */
static struct blob *hook_bytes(const struct hook_entry *e)
{
    struct blob *b = NULL;

    if (!e->newline)
        return blob_hold(e->body);
    b = blob_new(e->body->bytes, e->body->len + 1); /* the closing NUL gives way to it */
    if (b)
        b->bytes[e->body->len] = '\n';
    return b;
}

int hooks_start(void *arg, struct lane_job *job)
{
    struct sandbox *s = arg;
    struct hook_entry *e = hook_entry_of(job);
    char *url = hook_url(s, e);
    struct blob *bytes = url ? hook_bytes(e) : NULL;
    struct wire_request request = {
        .method = "POST",
        .url = url,
        .body = bytes,
        .timeout_ms = s->settings.webhook_timeout_ms,
        .tls_verify = s->settings.tls_verify,
        .keep_alive = s->settings.keep_alive,
        .done = hooks_done,
        .arg = e,
    };
    int rc = -ENOMEM;

    if (!bytes)
        goto out;
    wire_header(&request.headers, "Content-Type: application/json");
    wire_header(&request.headers, "Expect:");
    wire_header(&request.headers, "User-Agent: amojo-sandbox");
    if (e->signature)
        wire_header(&request.headers, "X-Signature: %s", e->signature);
    rc = wire_send(s->wire, &request);
    if (rc)
        goto out;
    s->counters.webhooks_sent++;
    e->state = HOOK_SENT;
    e->sent_at_ms = sandbox_unix_ms(s);
    text_set(&e->url, url);
out:
    blob_drop(bytes);
    mem_free(url);
    return rc;
}

static void hooks_done(void *arg, const struct wire_result *result)
{
    struct hook_entry *e = arg;
    struct sandbox *s = e->sandbox;

    e->state = result->status ? HOOK_ANSWERED : HOOK_LOST;
    e->status = result->status;
    e->error = result->error;
    e->took_us = result->took_us;
    *(result->status == 200 ? &s->counters.webhooks_ok
      : result->status      ? &s->counters.webhooks_refused
                            : &s->counters.webhooks_lost) += 1;
    lanes_done(s->hook_lanes, &e->lane);
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
        hook_entry_drop(h->log.at[i]);
    vec_fini(&h->log);
}
