/* webhook: a connector of kind http, called with Standard Webhooks.
 *
 * From: egress/transfer.c, a command that starts now.
 * To: egress/http.c, as the bytes to send; back to transfer.c, as what the answer taught.
 * Holds: nothing. Source: docs/connector.md "Calls to the service", "Signatures". */

#include "egress/target.h"

#include <inttypes.h>

#include "proto/limits.h"
#include "proto/sign.h"

static int build(const struct command *c, const struct registry *r, int64_t now_ms,
                 struct http_request *q);
static void write_created(const struct command *c, struct json_writer *w);
static int sign(const struct command *c, const struct reg_connector *connector, int64_t now_ms,
                struct http_request *q);
static void read_answer(const struct command *c, const struct http_answer *a,
                        struct target_reading *ret);

const struct target_ops target_webhook = {.build = build, .read = read_answer};

/* It becomes a header and is signed with full stops between the parts. */
static bool key_is_fine(struct view key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] <= ' ' || key.ptr[i] > '~')
            return false;
    }
    return key.len > 0 && key.len <= LIMIT_ID;
}

static int build(const struct command *c, const struct registry *r, int64_t now_ms,
                 struct http_request *q)
{
    const struct reg_connector *connector = registry_connector(r, c->connector);
    struct json_writer w;
    struct view url;
    int rc = 0;

    if (!connector || !connector->secrets[0].bytes)
        return TARGET_E_UNREGISTERED;
    url = view_of(connector->url);
    /* plain http is for private networks only */
    if (!target_url_is_fine(url) || (!connector->allow_private && view_starts(url, "http://")))
        return TARGET_E_UNREGISTERED;
    if (!key_is_fine(c->key))
        return TARGET_E_IMPOSSIBLE;
    q->policy = connector->allow_private ? HTTP_POLICY_PRIVATE : HTTP_POLICY_PUBLIC;
    q->method = "POST";
    json_writer_init(&w, &q->body);
    write_created(c, &w);
    rc = buf_error(&q->body);
    rc = rc ? rc : buf_add_view(&q->url, url);
    return rc ? rc : sign(c, connector, now_ms, q);
}

static struct view none_if_empty(struct view v)
{
    return view_empty(v) ? VIEW_NONE : v;
}

/* {"@member": value}, or null when there is none. */
static void add_wrapped(struct json_writer *w, const char *key, const char *member,
                        struct view v)
{
    if (view_empty(v)) {
        json_add_null(w, key);
        return;
    }
    json_open_object(w, key);
    json_add_text(w, member, v);
    json_close_object(w);
}

static void write_receiver(const struct command *c, struct json_writer *w)
{
    json_open_object(w, "receiver");
    json_add_text(w, "id", none_if_empty(c->receiver_id));
    json_add_text(w, "phone", none_if_empty(c->receiver_phone));
    json_add_text_if(w, "name", c->receiver_name);
    json_close_object(w);
}

/* Nothing of the attempt is in the body, so a repeat is the same to the byte. */
static void write_created(const struct command *c, struct json_writer *w)
{
    bool first = c->write_first || view_empty(c->conversation);
    char at[CLOCK_ISO_LEN + 1];

    clock_format_iso(c->sent_ms, at);
    json_open_object(w, NULL);
    json_add_text(w, "type", VIEW_LIT("message.created"));
    json_add_text(w, "timestamp", view_of(at));
    json_open_object(w, "data");
    json_add_text(w, "id", c->key);
    json_add_text(w, "source", none_if_empty(c->source));
    json_add_text(w, "direction", VIEW_LIT("out"));
    json_add_bool(w, "write_first", first);
    json_open_object(w, "conversation");
    json_add_text(w, "id", first ? VIEW_NONE : c->conversation);
    json_close_object(w);
    write_receiver(c, w);
    add_wrapped(w, "author", "amo_user", c->author);
    json_add_text(w, "type", view_empty(c->type) ? VIEW_LIT("text") : c->type);
    json_add_text(w, "text", view_empty(c->text) ? VIEW_LIT("") : c->text);
    add_wrapped(w, "reply_to", "id", c->reply_id);
    json_open_array(w, "buttons");
    json_close_array(w);
    json_add_null(w, "template");
    json_close_object(w);
    json_close_object(w);
}

static int sign(const struct command *c, const struct reg_connector *connector, int64_t now_ms,
                struct http_request *q)
{
    int rc = webhook_sign(connector->secrets, REGISTRY_SECRETS_MAX, c->key, now_ms / 1000,
                          buf_view(&q->body), q->signature, sizeof(q->signature));

    if (rc)
        return rc;
    (void)buf_add_str(&q->headers, "Content-Type: application/json\nwebhook-id: ");
    (void)buf_add_view(&q->headers, c->key); /* sticky: the last append tells */
    return buf_add_f(&q->headers, "\nwebhook-timestamp: %" PRId64 "\nwebhook-signature: %s\n",
                     now_ms / 1000, q->signature);
}

static struct view id_or_none(struct json *doc, const struct json_node *n)
{
    struct view v = target_text(doc, n);

    return v.len <= LIMIT_ID ? v : VIEW_NONE;
}

static void read_answer(const struct command *c, const struct http_answer *a,
                        struct target_reading *ret)
{
    const struct json_node *root = NULL;

    (void)c;
    *ret = (struct target_reading){0};
    /* a body is optional: what is no JSON object teaches nothing */
    if (a->end == HTTP_ANSWERED && a->body.len && !a->truncated &&
        json_parse(a->body, &ret->doc))
        ret->doc = NULL;
    root = target_root(ret);
    if (a->status >= 200 && a->status <= 299) {
        ret->readable = true;
        ret->service_conversation = id_or_none(ret->doc, json_path(root, "conversation.id"));
        ret->service_message_id = id_or_none(ret->doc, json_get(root, "id"));
        return;
    }
    ret->words = target_text(ret->doc, json_path(root, "error.message"));
}
