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

static void hooks_done(void *arg, const struct wire_result *result);

void hooks_fini_entry(struct outbox_entry *entry)
{
    mem_free(((struct hook_entry *)entry)->signature);
}

static void hook_entry_fill(struct hook_entry *e, const struct hook_send *h)
{
    const char *secret = h->secret ? h->secret : h->scope->channel->secret;
    struct json_object *o = e->out.shown.o;
    char signature[DIGEST_SHA1_HEX + 1];

    e->newline = h->newline;
    jread_add_str(o, "kind", h->kind);
    jread_add_str(o, "scope_id", h->scope->id);
    jread_add_str_or_null(o, "chat", h->chat);
    jread_add_str_or_null(o, "id", h->id);
    jread_add_str_or_null(o, "url", h->url); /* else when it is sent */
    jread_add_int(o, "sent_at_ms", 0);
    json_object_object_add(o, "body", jread_bytes(h->body));
    jread_add_str(o, "state", "queued");
    if (!h->signature && verify_hook_sign(secret, h->body.ptr, h->body.len, signature) == 0)
        text_set(&e->signature, signature);
    else if (h->signature && h->signature[0])
        text_set(&e->signature, h->signature);
}

int hooks_send(struct sandbox *s, const struct hook_send *h, uint64_t *ret_number)
{
    void *entry = NULL;
    int rc = 0;

    if (!h->url && !h->scope->channel->webhook_url)
        return -ENOTCONN;
    if (!h->by_hand && !h->scope->connected)
        return -ENETDOWN;
    rc = outbox_entry_new(s, &s->hooks, sizeof(struct hook_entry), &entry);
    if (rc)
        return rc;
    hook_entry_fill(entry, h);
    rc = outbox_add(&s->hooks, entry, h->lane ? h->lane : h->chat);
    if (rc)
        return rc;
    s->counters.webhooks_queued++;
    *ret_number = s->hooks.last_number;
    return 0;
}

bool hooks_is_under_way(const struct sandbox *s, uint64_t number)
{
    const struct outbox_entry *e = outbox_get(&s->hooks, number);

    return e && !e->over;
}

/* Where the webhook goes: the channel's address with the scope put in. NULL: nowhere. */
static char *hook_url(const struct sandbox *s, struct json_object *o)
{
    const char *given = jread_str(o, "url");
    const struct amojo_scope *sc = names_get(&s->amojo->scopes, jread_str(o, "scope_id"));
    const char *form = sc ? sc->channel->webhook_url : NULL;
    const char *mark = form ? strstr(form, ":scope_id") : NULL;
    struct buf url;

    if (given || !mark)
        return given || form ? mem_strdup(given ? given : form) : NULL;
    buf_init(&url, 4096);
    (void)buf_add(&url, form, (size_t)(mark - form)); /* too long: buf_take gives a short one */
    (void)buf_add_str(&url, sc->id);
    (void)buf_add_str(&url, mark + strlen(":scope_id"));
    return buf_take(&url);
}

/* What goes on the wire: the signed body, and the LF behind it. NULL: no memory. */
static struct blob *hook_bytes(const struct hook_entry *e)
{
    struct json_object *body = jread_get(e->out.shown.o, "body");
    size_t n = (size_t)json_object_get_string_len(body);
    struct blob *b = blob_new(json_object_get_string(body), n + e->newline);

    if (b && e->newline)
        b->bytes[n] = '\n'; /* in the place of the closing NUL */
    return b;
}

int hooks_start(void *arg, struct lane_job *job)
{
    struct sandbox *s = arg;
    struct hook_entry *e = outbox_entry_of(job);
    char *url = hook_url(s, e->out.shown.o);
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
    jread_add_str(e->out.shown.o, "state", "sent");
    jread_add_int(e->out.shown.o, "sent_at_ms", sandbox_unix_ms(s));
    jread_add_str(e->out.shown.o, "url", url);
out:
    blob_drop(bytes);
    mem_free(url);
    return rc;
}

static void hooks_done(void *arg, const struct wire_result *result)
{
    struct hook_entry *e = arg;
    struct sandbox *s = e->out.sandbox;

    jread_add_str(e->out.shown.o, "state", result->status ? "answered" : "lost");
    outbox_note(&e->out, result, true);
    *(result->status == 200 ? &s->counters.webhooks_ok
      : result->status      ? &s->counters.webhooks_refused
                            : &s->counters.webhooks_lost) += 1;
    lanes_done(s->hooks.lanes, &e->out.lane);
}
