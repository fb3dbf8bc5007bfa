/* webhook: a connector of kind http, called with Standard Webhooks.
 *
 * From: egress/transfer.c, a command that starts now.
 * To: egress/http.c, as the bytes to send; back to transfer.c, as what the answer taught.
 * Holds: nothing. Source: docs/connector.md "Calls to the service", "Signatures". */

#include "egress/target.h"

#include <inttypes.h>

#include "base/url.h"
#include "proto/foreign_id.h"
#include "proto/limits.h"
#include "proto/sign.h"

static int build(const struct command *c, const struct target_context *x,
                 struct http_request *q);
static int write_body(const struct command *c, int64_t now_ms, struct json_writer *w);
static int write_created(const struct command *c, struct json_writer *w);
static void write_reaction(const struct command *c, struct json_writer *w);
static void write_typing(const struct command *c, struct json_writer *w);
static void write_failed(const struct command *c, struct json_writer *w);
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

static int build(const struct command *c, const struct target_context *x,
                 struct http_request *q)
{
    const struct reg_connector *connector = registry_connector(x->registry, c->connector);
    struct json_writer w;
    struct view url;
    int rc = 0;

    if (!connector || !connector->secrets[0].bytes)
        return TARGET_E_UNREGISTERED;
    url = view_of(connector->url);
    /* plain http is for private networks only */
    if (!target_url_is_fine(url) || (!connector->allow_private && !url_is_https(url)))
        return TARGET_E_UNREGISTERED;
    if (!key_is_fine(c->key))
        return TARGET_E_IMPOSSIBLE;
    q->policy = connector->allow_private ? HTTP_POLICY_PRIVATE : HTTP_POLICY_PUBLIC;
    q->method = "POST";
    q->fresh = c->kind == COMMAND_SERVICE_TEST;
    json_writer_init(&w, &q->body);
    rc = write_body(c, x->now_ms, &w);
    rc = rc ? rc : buf_error(&q->body);
    rc = rc ? rc : buf_add_view(&q->url, url);
    return rc ? rc : sign(c, connector, x->now_ms, q);
}

static const char *type_of(uint64_t kind)
{
    switch ((enum command_kind)kind) {
    case COMMAND_SERVICE_MESSAGE:
        return "message.created";
    case COMMAND_SERVICE_REACTION:
        return "reaction.changed";
    case COMMAND_SERVICE_TYPING:
        return "typing.started";
    case COMMAND_SERVICE_FAILED:
        return "delivery.failed";
    case COMMAND_SERVICE_TEST:
        return "connector.test";
    case COMMAND_AMO_MESSAGE:
    case COMMAND_AMO_STATUS:
    case COMMAND_AMO_CONNECT:
    case COMMAND_AMO_CREATE_CHAT:
    case COMMAND_AMO_HISTORY:
    case COMMAND_AMO_OUTGOING:
    case COMMAND_AMO_EDIT:
    case COMMAND_AMO_REACTION:
    case COMMAND_AMO_TYPING:
    case COMMAND_AMO_DISCONNECT:
    case COMMAND_AMO_REACH:
    case COMMAND_AMO_HOOK:
        break;
    }
    return NULL;
}

/* Nothing of the attempt is in the body: a repeat differs by what was learnt in between at most. */
static int write_body(const struct command *c, int64_t now_ms, struct json_writer *w)
{
    const char *type = type_of(c->kind);
    char at[CLOCK_ISO_LEN + 1];
    int rc = 0;

    if (!type || (c->kind == COMMAND_SERVICE_TYPING && target_is_stale(c, now_ms)))
        return TARGET_E_IMPOSSIBLE;
    clock_format_iso(c->sent_ms, at);
    json_open_object(w, NULL);
    json_add_text(w, "type", view_of(type));
    json_add_text(w, "timestamp", view_of(at));
    json_open_object(w, "data");
    if (c->kind == COMMAND_SERVICE_MESSAGE)
        rc = write_created(c, w);
    else if (c->kind == COMMAND_SERVICE_REACTION)
        write_reaction(c, w);
    else if (c->kind == COMMAND_SERVICE_TYPING)
        write_typing(c, w);
    else if (c->kind == COMMAND_SERVICE_FAILED)
        write_failed(c, w);
    else
        json_add_text(w, "nonce", c->key);
    json_close_object(w);
    json_close_object(w);
    return rc;
}

static struct view none_if_empty(struct view v)
{
    return view_empty(v) ? VIEW_NONE : v;
}

/* What is only shown and means nothing when it is cut: a service that refuses it would refuse the
 * words with it. */
static struct view whole_or_none(struct view v)
{
    return v.len <= LIMIT_ID ? none_if_empty(v) : VIEW_NONE;
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

static void write_conversation(struct view id, struct json_writer *w)
{
    json_open_object(w, "conversation");
    json_add_text(w, "id", none_if_empty(id));
    json_close_object(w);
}

static void write_receiver(const struct command *c, struct json_writer *w)
{
    json_open_object(w, "receiver");
    json_add_text(w, "id", none_if_empty(c->receiver_id));
    json_add_text(w, "phone", none_if_empty(c->receiver_phone));
    json_add_text_if(w, "name", view_cut(c->receiver_name, LIMIT_NAME));
    json_close_object(w);
}

/* null when it is not known. */
static void add_count(struct json_writer *w, const char *key, uint64_t n)
{
    if (n > 0 && n <= INT64_MAX)
        json_add_int(w, key, (int64_t)n);
    else
        json_add_null(w, key);
}

static void write_media(const struct content *t, struct json_writer *w)
{
    if (view_empty(t->media)) {
        json_add_null(w, "media");
        return;
    }
    json_open_object(w, "media");
    json_add_text(w, "url", t->media);
    json_add_text(w, "name", none_if_empty(view_cut(t->media_name, LIMIT_NAME)));
    add_count(w, "size", t->media_size);
    json_add_text(w, "mime", whole_or_none(t->media_mime));
    add_count(w, "duration", t->media_duration);
    json_add_text(w, "thumbnail", target_url_is_fine(t->thumbnail) ? t->thumbnail : VIEW_NONE);
    json_add_text(w, "group", whole_or_none(t->media_group));
    json_close_object(w);
}

static void write_place_and_card(const struct content *t, struct json_writer *w)
{
    if (target_is_number(t->lat) && target_is_number(t->lon)) {
        json_open_object(w, "location");
        json_add_raw(w, "lat", t->lat);
        json_add_raw(w, "lon", t->lon);
        json_close_object(w);
    } else {
        json_add_null(w, "location");
    }
    if (view_empty(t->contact_name) && view_empty(t->contact_phone)) {
        json_add_null(w, "contact");
        return;
    }
    json_open_object(w, "contact");
    json_add_text(w, "name", none_if_empty(t->contact_name));
    json_add_text(w, "phone", none_if_empty(t->contact_phone));
    json_close_object(w);
}

static void write_forwarded(const struct content *t, struct json_writer *w)
{
    if (view_empty(t->forward_id) && view_empty(t->forward_author) &&
        view_empty(t->forward_ids)) {
        json_add_null(w, "forwarded");
        return;
    }
    json_open_object(w, "forwarded");
    json_add_text(w, "id", none_if_empty(t->forward_id));
    json_add_text(w, "author", none_if_empty(view_cut(t->forward_author, LIMIT_NAME)));
    json_close_object(w);
}

/* A part that ingress made a JSON document of: copied once it is known to be one of its kind,
 * because what is not would break the whole body, and the words stand without it. */
static int write_part(struct json_writer *w, const char *key, struct view part, bool is_list)
{
    struct json *doc = NULL;
    bool fits = false;
    int rc = view_empty(part) ? 0 : json_parse(part, &doc);

    if (rc < 0)
        return rc;
    if (doc)
        fits = is_list ? json_is_array(json_root(doc)) : json_is_object(json_root(doc));
    json_add_raw(w, key, fits ? part : is_list ? VIEW_LIT("[]") : VIEW_LIT("null"));
    json_free(doc);
    return 0;
}

static int write_created(const struct command *c, struct json_writer *w)
{
    const struct content *t = &c->content;
    bool first = c->write_first || view_empty(c->conversation);
    int rc = 0;

    json_add_text(w, "id", c->key);
    json_add_text(w, "source", none_if_empty(c->source));
    json_add_text(w, "direction", VIEW_LIT("out"));
    json_add_bool(w, "write_first", first);
    write_conversation(first ? VIEW_NONE : c->conversation, w);
    write_receiver(c, w);
    add_wrapped(w, "author", "amo_user", c->author);
    json_add_text(w, "type", view_empty(t->type) ? VIEW_LIT("text") : t->type);
    json_add_text(w, "text", view_empty(t->text) ? VIEW_LIT("") : t->text);
    write_media(t, w);
    write_place_and_card(t, w);
    add_wrapped(w, "reply_to", "id", t->reply_id);
    write_forwarded(t, w);
    rc = write_part(w, "buttons", t->buttons, true);
    rc = rc ? rc : write_part(w, "list", t->list, false);
    rc = rc ? rc : write_part(w, "template", t->template, false);
    add_wrapped(w, "post", "id", c->post_id);
    return rc;
}

static void write_reaction(const struct command *c, struct json_writer *w)
{
    json_add_text(w, "message_id", none_if_empty(c->message_id));
    json_add_text(w, "emoji", none_if_empty(c->emoji));
    json_add_bool(w, "set", !c->unset);
    write_conversation(c->conversation, w);
    add_wrapped(w, "author", "amo_user", c->author);
}

static void write_typing(const struct command *c, struct json_writer *w)
{
    char until[CLOCK_ISO_LEN + 1];

    write_conversation(c->conversation, w);
    clock_format_iso(c->expires_ms, until);
    json_add_text(w, "expires_at", c->expires_ms ? view_of(until) : VIEW_NONE);
}

/* A client's message that never got to amo. */
static void write_failed(const struct command *c, struct json_writer *w)
{
    json_add_text(w, "id", none_if_empty(c->message_id));
    json_add_text(w, "mid", none_if_empty(c->message_client_id));
    json_add_text(w, "code", none_if_empty(c->reason));
    json_add_text(w, "text", none_if_empty(c->error_text));
    write_conversation(c->conversation, w);
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

    return foreign_id_is_fine(v) ? v : VIEW_NONE;
}

static void read_answer(const struct command *c, const struct http_answer *a,
                        struct target_reading *ret)
{
    const struct json_node *root = NULL;

    (void)c;
    *ret = (struct target_reading){0};
    /* a body is optional: what is no JSON object teaches nothing, and only a page is no answer */
    if (a->end == HTTP_ANSWERED && a->body.len && !a->truncated &&
        json_parse(a->body, &ret->doc))
        ret->doc = NULL;
    root = target_root(ret);
    ret->form =
        target_form(a, !view_empty(target_text(ret->doc, json_path(root, "error.code"))));
    if (ret->form == FORM_OTHER && !ret->doc)
        ret->form = FORM_PAGE;
    if (a->status >= 200 && a->status <= 299) {
        ret->readable = !target_is_page(a);
        ret->service_conversation = id_or_none(ret->doc, json_path(root, "conversation.id"));
        ret->service_message_id = id_or_none(ret->doc, json_get(root, "id"));
        return;
    }
    ret->words = target_text(ret->doc, json_path(root, "error.message"));
    ret->code = target_text(ret->doc, json_path(root, "error.code"));
}
