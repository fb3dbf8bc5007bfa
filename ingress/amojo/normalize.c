/* An amojo webhook becomes an event.
 *
 * From: route.c, a verified body.
 * To: the same, which encodes the event for the spool.
 * Holds: the parsed body and the parts made of it, while the event borrows from them. */

#include "ingress/amojo/normalize.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <strings.h>

#include "base/json.h"
#include "ingress/amojo/content.h"
#include "ingress/amojo/read.h"
#include "proto/limits.h"
#include "proto/registry.h"

/* Bytes that a part may be longer than the body it comes from: its keys are ours, and what needs
 * no escape there may need one here. With that the event still fits the spool's record. */
#define PARTS_EXTRA (64U << 10)
#define TYPING_MS   5000 /* a manager types for so long, unless said otherwise */

static enum amo_verdict read_body(struct amo_reader *r, struct amo_normal *n,
                                  const char **ret_reason);
static enum amo_verdict read_message(struct amo_reader *r, struct amo_normal *n,
                                     const struct json_node *hook, const char **ret_reason);
static enum amo_verdict read_reaction(struct amo_reader *r, struct amo_normal *n,
                                      const struct json_node *hook, const char **ret_reason);
static enum amo_verdict read_typing(struct amo_reader *r, struct amo_normal *n,
                                    const struct json_node *hook, const char **ret_reason);
static enum amo_verdict read_door_test(struct amo_reader *r, struct amo_normal *n,
                                       const struct json_node *test, const char **ret_reason);

static const char *parse_reason(int rc)
{
    if (rc == JSON_E_UTF8)
        return "body is not UTF-8";
    if (rc == JSON_E_DEPTH)
        return "body is nested too deep";
    return "body is not JSON";
}

static int read_parsed(struct amo_normal *n, int64_t now_ms, const char **ret_reason)
{
    struct amo_reader r = {.doc = n->doc, .now_ms = now_ms};
    int rc = 0;

    n->verdict = read_body(&r, n, ret_reason);
    if (n->event.content.text.len || n->event.content.media.len)
        amo_parts_drop_large(&n->parts, &n->event.content); /* the words stand without them */
    rc = amo_parts_error(&n->parts);
    if (rc == -ENOSPC) {
        n->verdict = AMO_REJECT;
        *ret_reason = "its parts are too large to be kept apart";
        rc = 0;
    }
    if (r.rc)
        return r.rc;
    return rc ? rc : buf_error(&n->dedup);
}

int amo_normalize(struct view body, struct view scope, int64_t now_ms, struct amo_normal *ret)
{
    const char *reason = NULL;
    int rc = 0;

    *ret = (struct amo_normal){.verdict = AMO_REJECT, .event = {.scope = scope}};
    buf_init(&ret->dedup, body.len + 256);
    amo_parts_init(&ret->parts, body.len + PARTS_EXTRA);
    rc = json_parse(body, &ret->doc);
    if (rc > 0)
        reason = parse_reason(rc);
    else if (rc == 0)
        rc = read_parsed(ret, now_ms, &reason);
    if (rc < 0) {
        amo_normal_fini(ret);
        return rc;
    }
    if (ret->verdict != AMO_ACCEPT)
        amo_normal_refuse(ret, body, reason);
    return 0;
}

void amo_normal_refuse(struct amo_normal *n, struct view body, const char *reason)
{
    n->event = (struct event){.kind = EVENT_QUARANTINE,
                              .scope = n->event.scope,
                              .raw = body,
                              .reason = view_of(reason)};
}

void amo_normal_fini(struct amo_normal *n)
{
    json_free(n->doc);
    n->doc = NULL;
    amo_parts_fini(&n->parts);
    buf_fini(&n->dedup);
}

static enum amo_verdict reject(const char *reason, const char **ret_reason)
{
    *ret_reason = reason;
    return AMO_REJECT;
}

/* Its letters may be of either case. */
static bool same_uuid(struct view a, struct view b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

/* N13, N14 */
static enum amo_verdict read_body(struct amo_reader *r, struct amo_normal *n,
                                  const char **ret_reason)
{
    const struct json_node *root = json_root(n->doc);
    const struct json_node *message = json_get(root, "message");
    const struct json_node *action = json_get(root, "action");
    struct view account = amo_read_text(r, root, "account_id");

    if (!json_is_object(root))
        return reject("top level is not an object", ret_reason);
    if (account.ptr && !same_uuid(account, registry_scope_account(n->event.scope)))
        return reject("account_id is not the one of the path", ret_reason);
    if (json_is_present(message) && !json_is_object(message))
        return reject("message is not an object", ret_reason);
    if (message)
        return read_message(r, n, root, ret_reason);
    if (json_is_object(json_get(action, "reaction")))
        return read_reaction(r, n, root, ret_reason);
    if (json_is_object(json_get(action, "typing")))
        return read_typing(r, n, root, ret_reason);
    if (json_is_object(json_get(root, "door_test")))
        return read_door_test(r, n, json_get(root, "door_test"), ret_reason);
    *ret_reason = "unknown kind of webhook";
    if (!json_get(root, "account_id") && amo_read_text(r, root, "conversation_id").ptr &&
        amo_read_text(r, root, "receiver").ptr)
        *ret_reason = "v1 webhook: connect the account with v2";
    return AMO_IGNORE;
}

static void read_chat(struct amo_reader *r, struct event *e, const struct json_node *holder)
{
    const struct json_node *conversation = json_get(holder, "conversation");

    e->chat_id = amo_read_text(r, conversation, "id");
    e->chat_client_id = amo_read_text(r, conversation, "client_id");
    e->write_first = !e->chat_client_id.ptr;
}

static void read_people(struct amo_reader *r, struct event *e, const struct json_node *message)
{
    const struct json_node *sender = json_get(message, "sender");
    const struct json_node *receiver = json_get(message, "receiver");

    e->source = amo_read_path(r, message, "source.external_id");
    e->sender_id = amo_read_text(r, sender, "id");
    e->sender_name = amo_read_text(r, sender, "name");
    e->receiver_id = amo_read_text(r, receiver, "id");
    e->receiver_client_id = amo_read_text(r, receiver, "client_id");
    e->receiver_name = amo_read_text(r, receiver, "name");
    e->receiver_phone = amo_read_text(r, receiver, "phone");
    e->receiver_email = amo_read_text(r, receiver, "email");
}

/* N11, N15, N20 */
static enum amo_verdict read_message(struct amo_reader *r, struct amo_normal *n,
                                     const struct json_node *hook, const char **ret_reason)
{
    const struct json_node *message = json_get(hook, "message");
    const struct json_node *inner = json_get(message, "message");
    struct event *e = &n->event;

    if (!json_is_object(inner))
        return reject("message.message is not an object", ret_reason);
    e->kind = EVENT_AMO_MESSAGE;
    e->message_id = amo_read_text(r, inner, "id");
    if (!e->message_id.ptr)
        return reject("message.message.id missing", ret_reason);
    read_chat(r, e, message);
    if (!e->chat_id.ptr)
        return reject("message.conversation.id missing", ret_reason);
    e->sent_ms = amo_read_time(r, message, amo_read_when(r, hook, "time"));
    read_people(r, e, message);
    amo_content_read(r, inner, &n->parts, &e->content, &e->raw_type);
    e->post_id = amo_read_path(r, inner, "post.id");
    (void)buf_add_str(&n->dedup, "m:"); /* asked for at the end */
    (void)buf_add_view(&n->dedup, e->message_id);
    e->dedup = buf_view(&n->dedup);
    return AMO_ACCEPT;
}

/* N12, N20 */
static enum amo_verdict read_reaction(struct amo_reader *r, struct amo_normal *n,
                                      const struct json_node *hook, const char **ret_reason)
{
    const struct json_node *reaction = json_path(hook, "action.reaction");
    struct view type = amo_read_text(r, reaction, "type");
    struct event *e = &n->event;

    e->kind = EVENT_AMO_REACTION;
    e->message_id = amo_read_path(r, reaction, "message.id");
    if (!e->message_id.ptr)
        e->message_id = amo_read_text(r, reaction, "msgid");
    if (!e->message_id.ptr)
        return reject("action.reaction names no message", ret_reason);
    read_chat(r, e, reaction);
    if (!e->chat_id.ptr)
        return reject("action.reaction.conversation.id missing", ret_reason);
    if (!view_is(type, "react") && !view_is(type, "unreact"))
        return reject("action.reaction.type is neither react nor unreact", ret_reason);
    e->unset = view_is(type, "unreact");
    e->message_client_id = amo_read_path(r, reaction, "message.client_id");
    e->sender_id = amo_read_path(r, reaction, "user.id");
    if (!e->sender_id.ptr)
        e->sender_id = amo_read_path(r, hook, "action.user.id");
    e->emoji = amo_read_text(r, reaction, "emoji");
    e->sent_ms = amo_read_when(r, hook, "time");
    (void)buf_add_str(&n->dedup, "r:"); /* asked for at the end */
    (void)buf_add_view(&n->dedup, e->message_id);
    (void)buf_add_char(&n->dedup, ':');
    (void)buf_add_view(&n->dedup, e->sender_id);
    (void)buf_add_f(&n->dedup, ":%s:", e->unset ? "unreact" : "react");
    (void)buf_add_view(&n->dedup, e->emoji);
    (void)buf_add_char(&n->dedup, ':');
    if (e->sent_ms)
        (void)buf_add_f(&n->dedup, "%" PRId64, e->sent_ms / 1000);
    e->dedup = buf_view(&n->dedup);
    return AMO_ACCEPT;
}

/* N12 */
static enum amo_verdict read_typing(struct amo_reader *r, struct amo_normal *n,
                                    const struct json_node *hook, const char **ret_reason)
{
    const struct json_node *typing = json_path(hook, "action.typing");
    struct event *e = &n->event;

    e->kind = EVENT_AMO_TYPING;
    read_chat(r, e, typing);
    if (!e->chat_id.ptr)
        return reject("action.typing.conversation.id missing", ret_reason);
    e->sender_id = amo_read_path(r, typing, "user.id");
    if (!e->sender_id.ptr)
        e->sender_id = amo_read_path(r, hook, "action.user.id");
    e->post_id = amo_read_text(r, typing, "post_id");
    e->sent_ms = amo_read_when(r, hook, "time");
    e->expires_ms = amo_read_when(r, typing, "expired_at");
    if (!e->expires_ms && e->sent_ms)
        e->expires_ms = e->sent_ms + TYPING_MS;
    return AMO_ACCEPT;
}

/* Our own: a worker sent it to see whether the public address ends here. */
static enum amo_verdict read_door_test(struct amo_reader *r, struct amo_normal *n,
                                       const struct json_node *test, const char **ret_reason)
{
    struct event *e = &n->event;
    int64_t at_ms = 0;

    e->kind = EVENT_DOOR_TEST;
    e->message_id = amo_read_text(r, test, "nonce");
    if (!e->message_id.ptr || e->message_id.len > LIMIT_ID)
        return reject("door_test.nonce missing", ret_reason);
    if (json_int(json_get(test, "at_ms"), &at_ms) && at_ms > 0 && at_ms <= EVENT_MS_MAX)
        e->sent_ms = at_ms;
    return AMO_ACCEPT;
}
