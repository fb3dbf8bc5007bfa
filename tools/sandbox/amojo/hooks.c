/* What: sends amojo's webhooks and keeps their log.
 * From: acts/manager (a manager writes), message (echo).
 * To:   record/outbox, http/wire; the bridge.
 * Holds: nothing; the outbox holds a hook_entry. */
#include "tools/sandbox/amojo/hooks.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/http/lanes.h"
#include "tools/sandbox/http/wire.h"
#include "tools/sandbox/kit/digest.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/kit/text.h"
#include "tools/sandbox/record/verify.h"
#include "tools/sandbox/record/world.h"

static const char *const state_names[] = {"queued", "sent", "answered", "lost"};

static void hooks_done(void *arg, const struct wire_result *result);

void hooks_fini_entry(struct outbox_entry *entry)
{
    struct hook_entry *e = (struct hook_entry *)entry;

    mem_free(e->scope_id);
    mem_free(e->chat);
    mem_free(e->id);
    mem_free(e->url);
    mem_free(e->signature);
}

/* 0, or -ENOMEM when something of the webhook could not be copied. */
static int hook_entry_fill(struct hook_entry *e, const struct hook_send *h)
{
    const char *secret = h->secret ? h->secret : h->scope->channel->secret;
    char signature[DIGEST_SHA1_HEX + 1];

    e->kind = h->kind;
    e->newline = h->newline;
    text_set(&e->scope_id, h->scope->id);
    text_set(&e->chat, h->chat);
    text_set(&e->id, h->id);
    text_set(&e->url, h->url);
    if (!h->signature && verify_hook_sign(secret, h->body.ptr, h->body.len, signature) == 0)
        text_set(&e->signature, signature);
    else if (h->signature && h->signature[0])
        text_set(&e->signature, h->signature);
    e->out.body = blob_new(h->body.ptr, h->body.len);
    return e->scope_id && e->out.body ? 0 : -ENOMEM;
}

int hooks_send(struct sandbox *s, const struct hook_send *h, uint64_t *ret_number)
{
    void *entry = NULL;
    struct hook_entry *e = NULL;
    int rc = 0;

    if (!h->url && !h->scope->channel->webhook_url)
        return -ENOTCONN;
    if (!h->by_hand && !h->scope->connected)
        return -ENETDOWN;
    rc = outbox_entry_new(s, &s->hooks, sizeof(*e), &entry);
    if (rc)
        return rc;
    e = entry;
    rc = hook_entry_fill(e, h);
    if (rc) {
        outbox_drop(&e->out);
        return rc;
    }
    rc = outbox_add(&s->hooks, &e->out, h->lane ? h->lane : h->chat);
    if (rc)
        return rc;
    s->counters.webhooks_queued++;
    *ret_number = e->out.number;
    return 0;
}

bool hooks_is_under_way(const struct sandbox *s, uint64_t number)
{
    const struct hook_entry *e = outbox_get(&s->hooks, number);

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
    struct blob *body = e->out.body;
    struct blob *b = NULL;

    if (!e->newline)
        return blob_hold(body);
    b = blob_new(body->bytes, body->len + 1); /* the closing NUL gives way to it */
    if (b)
        b->bytes[body->len] = '\n';
    return b;
}

int hooks_start(void *arg, struct lane_job *job)
{
    struct sandbox *s = arg;
    struct hook_entry *e = (struct hook_entry *)outbox_entry_of(job);
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
    struct sandbox *s = e->out.sandbox;

    e->state = result->status ? HOOK_ANSWERED : HOOK_LOST;
    outbox_note(&e->out, result);
    *(result->status == 200 ? &s->counters.webhooks_ok
      : result->status      ? &s->counters.webhooks_refused
                            : &s->counters.webhooks_lost) += 1;
    lanes_done(s->hooks.lanes, &e->out.lane);
}

struct json_object *hook_entry_json(const void *hook)
{
    const struct hook_entry *e = hook;
    struct json_object *o = outbox_entry_json(&e->out, "webhook");

    jread_add_str(o, "kind", e->kind);
    jread_add_str(o, "scope_id", e->scope_id);
    jread_add_str_or_null(o, "chat", e->chat);
    jread_add_str_or_null(o, "id", e->id);
    jread_add_str_or_null(o, "url", e->url);
    jread_add_str(o, "state", state_names[e->state]);
    jread_add_int(o, "sent_at_ms", e->sent_at_ms);
    json_object_object_add(o, "body", jread_blob_text(e->out.body));
    return o;
}
