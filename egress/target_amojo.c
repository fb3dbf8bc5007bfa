/* amojo: signed calls of the Chats API.
 *
 * From: egress/transfer.c, a command that starts now.
 * To: egress/http.c, as the bytes to send; back to transfer.c, as what the answer taught.
 * Holds: nothing. Source: docs/amojo.md "Signature", "Calls". */

#include "egress/target.h"

#include <string.h>

#include "base/ids.h"
#include "proto/limits.h"
#include "proto/sign.h"

#define CONTENT_TYPE "application/json"
/* The sources API takes 36 characters, the chat API 40: what both take. */
#define SOURCE_MAX   36
#define API_PATH     "/v2/origin/custom/"

static int build(const struct command *c, const struct registry *r, int64_t now_ms,
                 struct http_request *q);
static int build_url(const struct command *c, struct view base, struct view channel,
                     struct buf *url);
static void write_message(const struct command *c, struct json_writer *w);
static void write_status(const struct command *c, struct json_writer *w);
static void write_connect(const struct command *c, struct json_writer *w);
static void write_chat(const struct command *c, struct json_writer *w);
static int sign(const struct reg_channel *channel, int64_t now_ms, struct http_request *q);
static void read_answer(const struct command *c, const struct http_answer *a,
                        struct target_reading *ret);

const struct target_ops target_amojo = {.build = build, .read = read_answer};

static const struct reg_channel *find_channel(const struct command *c, const struct registry *r)
{
    const struct reg_scope *scope = registry_scope(r, c->scope);

    return registry_channel(r,
                            scope ? view_of(scope->channel) : registry_scope_channel(c->scope));
}

static int build(const struct command *c, const struct registry *r, int64_t now_ms,
                 struct http_request *q)
{
    const struct reg_channel *channel = find_channel(c, r);
    struct json_writer w;
    int rc = 0;

    if (!channel || !channel->secrets[0].bytes || !target_url_is_fine(view_of(channel->url)))
        return TARGET_E_UNREGISTERED;
    q->policy = HTTP_POLICY_AMOJO;
    q->method = c->kind == COMMAND_AMO_HISTORY ? "GET" : "POST";
    rc = build_url(c, view_of(channel->url), view_of(channel->id), &q->url);
    if (rc)
        return rc;
    json_writer_init(&w, &q->body);
    if (c->kind == COMMAND_AMO_MESSAGE)
        write_message(c, &w);
    else if (c->kind == COMMAND_AMO_STATUS)
        write_status(c, &w);
    else if (c->kind == COMMAND_AMO_CONNECT)
        write_connect(c, &w);
    else if (c->kind == COMMAND_AMO_CREATE_CHAT)
        write_chat(c, &w);
    rc = buf_error(&q->body);
    return rc ? rc : sign(channel, now_ms, q);
}

static int add_scope_path(struct buf *url, struct view scope, const char *behind)
{
    int rc = target_add_segment(url, scope);

    return rc ? rc : buf_add_str(url, behind);
}

static int build_url(const struct command *c, struct view base, struct view channel,
                     struct buf *url)
{
    int rc = 0;

    while (base.len && base.ptr[base.len - 1] == '/')
        base.len--;
    (void)buf_add_view(url, base); /* sticky: the last append tells */
    (void)buf_add_str(url, API_PATH);
    switch ((enum command_kind)c->kind) {
    case COMMAND_AMO_MESSAGE:
        return add_scope_path(url, c->scope, "");
    case COMMAND_AMO_STATUS:
        rc = add_scope_path(url, c->scope, "/");
        rc = rc ? rc : target_add_segment(url, c->message_id);
        return rc ? rc : buf_add_str(url, "/delivery_status");
    case COMMAND_AMO_CONNECT:
        return add_scope_path(url, channel, "/connect");
    case COMMAND_AMO_CREATE_CHAT:
        return add_scope_path(url, c->scope, "/chats");
    case COMMAND_AMO_HISTORY:
        rc = add_scope_path(url, c->scope, "/chats/");
        rc = rc ? rc : target_add_segment(url, c->chat_id);
        return rc ? rc : buf_add_str(url, "/history?limit=50&offset=0");
    case COMMAND_SERVICE_MESSAGE:
        break;
    }
    return TARGET_E_IMPOSSIBLE;
}

/* Printable ASCII of at most 36 characters; anything else would be refused with the message. */
static bool source_is_fine(struct view source)
{
    if (view_empty(source) || source.len > SOURCE_MAX)
        return false;
    for (size_t i = 0; i < source.len; i++) {
        if (source.ptr[i] < ' ' || source.ptr[i] > '~')
            return false;
    }
    return true;
}

static void write_source(const struct command *c, struct json_writer *w)
{
    if (!source_is_fine(c->source))
        return;
    json_open_object(w, "source");
    json_add_text(w, "external_id", c->source);
    json_close_object(w);
}

/* A name is required: the phone or our id stands in for one that is not known, but not where
 * amo itself knows who it is. */
static struct view name_of(const struct command *c)
{
    if (!view_empty(c->sender_name))
        return c->sender_name;
    return view_empty(c->sender_phone) ? c->sender_id : c->sender_phone;
}

static void write_client(const struct command *c, const char *key, struct json_writer *w)
{
    json_open_object(w, key);
    json_add_text_if(w, "id", c->sender_id);
    json_add_text_if(w, "ref_id", c->sender_ref_id);
    json_add_text_if(w, "name", name_of(c));
    json_add_text_if(w, "avatar", c->sender_avatar);
    if (!view_empty(c->sender_phone) || !view_empty(c->sender_email)) {
        json_open_object(w, "profile");
        json_add_text_if(w, "phone", c->sender_phone);
        json_add_text_if(w, "email", c->sender_email);
        json_close_object(w);
    }
    json_add_text_if(w, "profile_link", c->sender_link);
    json_close_object(w);
}

static struct view text_or(struct view v, struct view other)
{
    return view_empty(v) ? other : v;
}

static void write_message(const struct command *c, struct json_writer *w)
{
    json_open_object(w, NULL);
    json_add_text(w, "event_type", VIEW_LIT("new_message"));
    json_open_object(w, "payload");
    json_add_int(w, "timestamp", c->sent_ms / 1000);
    json_add_int(w, "msec_timestamp", c->sent_ms);
    json_add_text(w, "msgid", c->key);
    json_add_text(w, "conversation_id", c->conversation_id);
    json_add_text_if(w, "conversation_ref_id", c->conversation_ref_id);
    json_add_bool(w, "silent", c->silent);
    write_source(c, w);
    write_client(c, "sender", w);
    json_open_object(w, "message");
    json_add_text(w, "type", text_or(c->type, VIEW_LIT("text")));
    json_add_text(w, "text", text_or(c->text, VIEW_LIT("")));
    json_close_object(w);
    if (!view_empty(c->reply_id)) {
        json_open_object(w, "reply_to");
        json_open_object(w, "message");
        json_add_text(w, "id", c->reply_id);
        json_close_object(w);
        json_close_object(w);
    }
    json_close_object(w);
    json_close_object(w);
}

/* Two editions of the reference name the code differently; both names are sent. */
static void write_status(const struct command *c, struct json_writer *w)
{
    json_open_object(w, NULL);
    json_add_text(w, "msgid", c->message_id);
    json_add_int(w, "delivery_status", c->status_code);
    json_add_int(w, "status_code", c->status_code);
    if (c->status_code == -1) {
        json_add_int(w, "error_code", c->error_code);
        json_add_text_if(w, "error", target_cut(c->error_text, LIMIT_ERROR_TEXT));
    }
    json_close_object(w);
}

static void write_connect(const struct command *c, struct json_writer *w)
{
    json_open_object(w, NULL);
    json_add_text(w, "account_id", text_or(c->account, registry_scope_account(c->scope)));
    json_add_text_if(w, "title", c->title);
    json_add_text(w, "hook_api_version", VIEW_LIT("v2"));
    json_close_object(w);
}

static void write_chat(const struct command *c, struct json_writer *w)
{
    json_open_object(w, NULL);
    json_add_text(w, "conversation_id", c->conversation_id);
    write_source(c, w);
    write_client(c, "user", w);
    json_close_object(w);
}

/* The request target: what follows the host in the URL. */
static struct view path_of(struct view url)
{
    const char *host = view_find(url, "://");
    size_t from = host ? (size_t)(host - url.ptr) + 3 : 0;
    const char *slash = from < url.len ? memchr(url.ptr + from, '/', url.len - from) : NULL;

    return slash ? view_make(slash, url.len - (size_t)(slash - url.ptr)) : VIEW_LIT("/");
}

static int sign(const struct reg_channel *channel, int64_t now_ms, struct http_request *q)
{
    struct amojo_signature s;
    struct view signature;
    int rc = amojo_sign(secret_view(&channel->secrets[0]), q->method, buf_view(&q->body),
                        CONTENT_TYPE, now_ms, path_of(buf_view(&q->url)), &s);

    if (rc)
        return rc;
    signature = view_of(s.signature);
    rc = view_copy(signature, q->signature, sizeof(q->signature));
    return rc ? rc
              : buf_add_f(&q->headers,
                          "Date: %s\nContent-Type: " CONTENT_TYPE
                          "\nContent-MD5: %s\nX-Signature: %s\n",
                          s.date, s.content_md5, s.signature);
}

/* An id of amo's: a UUID, and not what we sent. One edition of the answer gives our own ids back
 * where others give amo's. */
static struct view foreign_id(struct json *doc, const struct json_node *n, struct view ours)
{
    struct view v = target_text(doc, n);
    struct id id;

    if (view_empty(v) || view_equal(v, ours) || id_parse(v, &id))
        return VIEW_NONE;
    return v;
}

static void read_message(const struct command *c, struct target_reading *ret)
{
    const struct json_node *n = json_get(target_root(ret), "new_message");
    struct view id = target_text(ret->doc, json_get(n, "msgid"));

    /* msgid is amo's id here, ours comes back as ref_id */
    if (!view_empty(id) && id.len <= LIMIT_ID && !view_equal(id, c->key)) {
        ret->amo_message_id = id;
        ret->readable = true;
    }
    ret->amo_chat_id = foreign_id(ret->doc, json_get(n, "conversation_id"), c->conversation_id);
    ret->amo_sender_id = foreign_id(ret->doc, json_get(n, "sender_id"), c->sender_id);
}

static void read_chat(const struct command *c, struct target_reading *ret)
{
    const struct json_node *root = target_root(ret);

    ret->amo_chat_id = foreign_id(ret->doc, json_get(root, "id"), c->conversation_id);
    ret->amo_sender_id = foreign_id(ret->doc, json_path(root, "user.id"), c->sender_id);
    ret->readable = !view_empty(ret->amo_chat_id);
}

static void read_connect(struct target_reading *ret)
{
    struct view scope = target_text(ret->doc, json_get(target_root(ret), "scope_id"));

    if (!view_empty(scope) && scope.len <= LIMIT_ID) {
        ret->scope_id = scope;
        ret->readable = true;
    }
}

static void read_history(const struct command *c, const struct http_answer *a,
                         struct target_reading *ret)
{
    const struct json_node *messages = json_get(target_root(ret), "messages");

    if (a->status == 204) { /* no such chat, or nothing in it */
        ret->readable = ret->complete = true;
        return;
    }
    if (!json_is_array(messages))
        return;
    ret->readable = ret->complete = true;
    for (size_t i = 0; i < json_array_len(messages) && !ret->found; i++) {
        const struct json_node *m = json_get(json_array_at(messages, i), "message");

        if (!view_equal(target_text(ret->doc, json_get(m, "client_id")), c->key))
            continue;
        ret->found = true;
        ret->amo_message_id = target_text(ret->doc, json_get(m, "id"));
    }
}

/* The form of an error is not documented: a hint for people, never for decisions. */
static void read_error(struct target_reading *ret)
{
    const struct json_node *root = target_root(ret);
    struct view words = target_text(ret->doc, json_get(root, "error_description"));

    ret->words = view_empty(words) ? target_text(ret->doc, json_get(root, "detail")) : words;
}

static void read_answer(const struct command *c, const struct http_answer *a,
                        struct target_reading *ret)
{
    *ret = (struct target_reading){0};
    /* no memory and no JSON are the same here: not readable; NULL reads as absent below */
    if (a->end == HTTP_ANSWERED && a->body.len && !a->truncated &&
        json_parse(a->body, &ret->doc))
        ret->doc = NULL;
    if (a->status < 200 || a->status > 299) {
        read_error(ret);
        return;
    }
    switch ((enum command_kind)c->kind) {
    case COMMAND_AMO_MESSAGE:
        read_message(c, ret);
        break;
    case COMMAND_AMO_STATUS:
    case COMMAND_SERVICE_MESSAGE:
        ret->readable = true; /* any 2xx, with or without a body */
        break;
    case COMMAND_AMO_CONNECT:
        read_connect(ret);
        break;
    case COMMAND_AMO_CREATE_CHAT:
        read_chat(c, ret);
        break;
    case COMMAND_AMO_HISTORY:
        read_history(c, a, ret);
        break;
    }
}
