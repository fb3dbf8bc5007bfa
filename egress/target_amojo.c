/* amojo: signed calls of the Chats API.
 *
 * From: egress/transfer.c, a command that starts now.
 * To: egress/amojo_body.c for the body; egress/http.c, as the bytes to send.
 * Holds: nothing. Source: docs/amojo.md "Signature", "Calls". */

#include "egress/target.h"

#include <inttypes.h>
#include <string.h>

#include "base/crypto.h"
#include "egress/amojo.h"
#include "proto/sign.h"

#define CONTENT_TYPE "application/json"
#define API_PATH     "/v2/origin/custom/"

static int build(const struct command *c, const struct target_context *x,
                 struct http_request *q);
static const char *method_of(uint64_t kind);
static int build_url(const struct command *c, struct view base, struct view channel,
                     struct buf *url);
static int sign(const struct reg_channel *channel, int64_t now_ms, struct http_request *q);
static int sign_hook(const struct reg_channel *channel, struct http_request *q);
static bool is_look(const struct command *c);
static int build_reach(const struct command *c, const struct reg_channel *channel,
                       struct http_request *q);

const struct target_ops target_amojo = {.build = build, .read = amojo_read};

static const struct reg_channel *find_channel(const struct command *c, const struct registry *r)
{
    const struct reg_scope *scope = registry_scope(r, c->scope);

    return registry_channel(r,
                            scope ? view_of(scope->channel) : registry_scope_channel(c->scope));
}

static int build(const struct command *c, const struct target_context *x,
                 struct http_request *q)
{
    const struct reg_channel *channel = find_channel(c, x->registry);
    int rc = 0;

    q->fresh = is_look(c);
    if (c->kind == COMMAND_AMO_REACH)
        return build_reach(c, channel, q);
    if (!channel || !channel->secrets[0].bytes || !target_url_is_fine(view_of(channel->url)))
        return TARGET_E_UNREGISTERED;
    q->policy = HTTP_POLICY_AMOJO;
    q->method = method_of(c->kind);
    rc = build_url(c, view_of(channel->url), view_of(channel->id), &q->url);
    rc = rc ? rc : amojo_body(c, x, &q->body);
    if (c->kind == COMMAND_AMO_HOOK)
        return rc ? rc : sign_hook(channel, q);
    return rc ? rc : sign(channel, x->now_ms, q);
}

/* Of ours, about ourselves: no message of anybody's. */
static bool is_look(const struct command *c)
{
    return c->kind == COMMAND_AMO_REACH || c->kind == COMMAND_AMO_HOOK;
}

/* Unsigned: whoever is there answers something. */
static int build_reach(const struct command *c, const struct reg_channel *channel,
                       struct http_request *q)
{
    struct view url = view_empty(c->url) ? view_of(channel ? channel->url : NULL) : c->url;

    if (!target_url_is_fine(url))
        return TARGET_E_UNREGISTERED;
    q->policy = HTTP_POLICY_AMOJO;
    q->method = "GET";
    return buf_add_view(&q->url, url);
}

static const char *method_of(uint64_t kind)
{
    return kind == COMMAND_AMO_HISTORY      ? "GET"
           : kind == COMMAND_AMO_DISCONNECT ? "DELETE"
                                            : "POST";
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

    if (c->kind == COMMAND_AMO_HOOK)
        return target_url_is_fine(c->url) ? buf_add_view(url, c->url) : TARGET_E_IMPOSSIBLE;
    while (base.len && base.ptr[base.len - 1] == '/')
        base.len--;
    (void)buf_add_view(url, base); /* sticky: the last append tells */
    (void)buf_add_str(url, API_PATH);
    switch ((enum command_kind)c->kind) {
    case COMMAND_AMO_MESSAGE:
    case COMMAND_AMO_OUTGOING:
    case COMMAND_AMO_EDIT:
        return add_scope_path(url, c->scope, "");
    case COMMAND_AMO_STATUS:
        rc = add_scope_path(url, c->scope, "/");
        rc = rc ? rc : target_add_segment(url, c->message_id);
        return rc ? rc : buf_add_str(url, "/delivery_status");
    case COMMAND_AMO_REACTION:
        return add_scope_path(url, c->scope, "/react");
    case COMMAND_AMO_TYPING:
        return add_scope_path(url, c->scope, "/typing");
    case COMMAND_AMO_CONNECT:
        return add_scope_path(url, channel, "/connect");
    case COMMAND_AMO_DISCONNECT:
        return add_scope_path(url, channel, "/disconnect");
    case COMMAND_AMO_CREATE_CHAT:
        return add_scope_path(url, c->scope, "/chats");
    case COMMAND_AMO_HISTORY:
        rc = add_scope_path(url, c->scope, "/chats/");
        rc = rc ? rc : target_add_segment(url, c->chat_id);
        return rc ? rc
                  : buf_add_f(url, "/history?limit=%d&offset=%" PRId64, AMOJO_HISTORY_PAGE,
                              c->offset > 0 ? c->offset : 0);
    case COMMAND_AMO_REACH:
    case COMMAND_AMO_HOOK:
    case COMMAND_SERVICE_MESSAGE:
    case COMMAND_SERVICE_REACTION:
    case COMMAND_SERVICE_TYPING:
    case COMMAND_SERVICE_FAILED:
    case COMMAND_SERVICE_TEST:
        break;
    }
    return TARGET_E_IMPOSSIBLE;
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

/* As amojo signs its webhooks: the body alone. */
static int sign_hook(const struct reg_channel *channel, struct http_request *q)
{
    unsigned char digest[CRYPTO_SHA1_LEN];
    int rc = crypto_hmac_sha1(secret_view(&channel->secrets[0]), buf_view(&q->body), digest);

    if (rc)
        return rc;
    crypto_hex(digest, sizeof(digest), q->signature);
    return buf_add_f(&q->headers, "Content-Type: " CONTENT_TYPE "\nX-Signature: %s\n",
                     q->signature);
}
