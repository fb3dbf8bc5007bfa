/* An amojo webhook becomes an event.
 *
 * From: amo_route.c, a verified body.
 * To: the same, which encodes the event for the spool.
 * Holds: the parsed body while the event borrows from it. */

#include "ingress/amo_normalize.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include "base/json.h"
#include "proto/limits.h"
#include "proto/registry.h"

/* Reads with one sticky error, so that a row of fields is a row of lines. */
struct reader {
    struct json *doc;
    int rc;
};

static enum amo_verdict read_body(struct reader *r, struct amo_normal *n,
                                  const char **ret_reason);
static enum amo_verdict read_message(struct reader *r, struct amo_normal *n,
                                     const struct json_node *hook, const char **ret_reason);
static enum amo_verdict read_reaction(struct reader *r, struct amo_normal *n,
                                      const struct json_node *hook, const char **ret_reason);
static enum amo_verdict read_typing(struct reader *r, struct amo_normal *n,
                                    const struct json_node *hook, const char **ret_reason);

static const char *parse_reason(int rc)
{
    if (rc == JSON_E_UTF8)
        return "body is not UTF-8";
    if (rc == JSON_E_DEPTH)
        return "body is nested too deep";
    return "body is not JSON";
}

int amo_normalize(struct view body, struct view scope, struct amo_normal *ret)
{
    struct amo_normal n = {.verdict = AMO_REJECT, .event = {.scope = scope}};
    struct reader r = {0};
    const char *reason = NULL;
    int rc = json_parse(body, &n.doc);

    buf_init(&n.dedup, body.len + 256);
    if (rc > 0)
        reason = parse_reason(rc);
    if (rc < 0)
        goto out;
    if (rc == 0) {
        r.doc = n.doc;
        n.verdict = read_body(&r, &n, &reason);
        rc = r.rc ? r.rc : buf_error(&n.dedup);
        if (rc)
            goto out;
    }
    if (n.verdict != AMO_ACCEPT)
        n.event = (struct event){
            .kind = EVENT_QUARANTINE, .scope = scope, .raw = body, .reason = view_of(reason)};
    else if (n.event.raw.ptr)
        n.event.raw = body;
    *ret = n;
    return 0;
out:
    amo_normal_fini(&n);
    return rc;
}

void amo_normal_fini(struct amo_normal *n)
{
    json_free(n->doc);
    n->doc = NULL;
    buf_fini(&n->dedup);
}

static struct view text_of(struct reader *r, const struct json_node *n)
{
    struct view v = VIEW_NONE;

    if (r->rc == 0)
        r->rc = json_text(r->doc, n, &v);
    return r->rc ? VIEW_NONE : v;
}

static struct view text_at(struct reader *r, const struct json_node *n, const char *path)
{
    return text_of(r, json_path(n, path));
}

/* A count of something: 0 unless above 0. */
static uint64_t count_at(const struct json_node *n, const char *key)
{
    int64_t v = 0;

    return json_int(json_get(n, key), &v) && v > 0 ? (uint64_t)v : 0;
}

/* Seconds as milliseconds, 0 when there are none or too many. */
static int64_t seconds_at(const struct json_node *n, const char *key)
{
    int64_t v = 0;

    return json_int(json_get(n, key), &v) && v > 0 && v <= INT64_MAX / 1000 ? v * 1000 : 0;
}

static enum amo_verdict reject(const char *reason, const char **ret_reason)
{
    *ret_reason = reason;
    return AMO_REJECT;
}

/* N13, N14 */
static enum amo_verdict read_body(struct reader *r, struct amo_normal *n,
                                  const char **ret_reason)
{
    const struct json_node *root = json_root(n->doc);
    const struct json_node *message = json_get(root, "message");
    const struct json_node *action = json_get(root, "action");
    struct view account = text_of(r, json_get(root, "account_id"));

    if (!json_is_object(root))
        return reject("top level is not an object", ret_reason);
    if (account.ptr && !view_equal(account, registry_scope_account(n->event.scope)))
        return reject("account_id is not the one of the path", ret_reason);
    if (json_is_present(message) && !json_is_object(message))
        return reject("message is not an object", ret_reason);
    if (message)
        return read_message(r, n, root, ret_reason);
    if (json_is_object(json_get(action, "reaction")))
        return read_reaction(r, n, root, ret_reason);
    if (json_is_object(json_get(action, "typing")))
        return read_typing(r, n, root, ret_reason);
    *ret_reason = "unknown kind of webhook";
    if (!json_get(root, "account_id") && text_of(r, json_get(root, "conversation_id")).ptr &&
        text_of(r, json_get(root, "receiver")).ptr)
        *ret_reason = "v1 webhook: connect the account with v2";
    return AMO_IGNORE;
}

static void read_chat(struct reader *r, struct event *e, const struct json_node *holder)
{
    e->chat_id = text_at(r, holder, "conversation.id");
    e->chat_client_id = text_at(r, holder, "conversation.client_id");
    e->write_first = !e->chat_client_id.ptr;
}

/* N17 */
static void read_type(struct reader *r, struct event *e, const struct json_node *inner)
{
    static const char *const known[] = {"text",  "contact", "file",    "video",   "picture",
                                        "voice", "audio",   "sticker", "location"};

    e->raw_type = text_of(r, json_get(inner, "type"));
    e->type = e->raw_type.ptr ? VIEW_LIT("unknown") : VIEW_LIT("text");
    for (size_t i = 0; i < AMO_COUNT(known); i++) {
        if (view_is(e->raw_type, known[i]))
            e->type = e->raw_type;
    }
}

static void read_people(struct reader *r, struct event *e, const struct json_node *message)
{
    e->source = text_at(r, message, "source.external_id");
    e->sender_id = text_at(r, message, "sender.id");
    e->sender_name = text_at(r, message, "sender.name");
    e->receiver_id = text_at(r, message, "receiver.id");
    e->receiver_client_id = text_at(r, message, "receiver.client_id");
    e->receiver_name = text_at(r, message, "receiver.name");
    e->receiver_phone = text_at(r, message, "receiver.phone");
    e->receiver_email = text_at(r, message, "receiver.email");
}

static void read_content(struct reader *r, struct event *e, const struct json_node *inner)
{
    static const char *const more[] = {"markup", "template", "forwards", "location", "contact"};

    read_type(r, e, inner);
    e->text = text_of(r, json_get(inner, "text"));
    if (!e->text.ptr)
        e->text = VIEW_LIT("");
    e->media = text_of(r, json_get(inner, "media"));
    e->thumbnail = text_of(r, json_get(inner, "thumbnail"));
    e->media_name = text_of(r, json_get(inner, "file_name"));
    e->media_size = count_at(inner, "file_size");
    e->media_group = text_of(r, json_get(inner, "media_group_id"));
    e->media_duration = count_at(inner, "media_duration");
    e->reply_id = text_at(r, inner, "reply_to.message.id");
    e->reply_client_id = text_at(r, inner, "reply_to.message.msgid");
    e->post_id = text_at(r, inner, "post.id");
    for (size_t i = 0; i < AMO_COUNT(more); i++) {
        if (json_is_object(json_get(inner, more[i])))
            e->raw = VIEW_LIT(""); /* the body itself is put there at the end */
    }
}

/* N11, N15, N20 */
static enum amo_verdict read_message(struct reader *r, struct amo_normal *n,
                                     const struct json_node *hook, const char **ret_reason)
{
    const struct json_node *message = json_get(hook, "message");
    const struct json_node *inner = json_get(message, "message");
    struct event *e = &n->event;
    int64_t sent_ms = 0;

    if (!json_is_object(inner))
        return reject("message.message is not an object", ret_reason);
    e->kind = EVENT_AMO_MESSAGE;
    e->message_id = text_of(r, json_get(inner, "id"));
    if (!e->message_id.ptr)
        return reject("message.message.id missing", ret_reason);
    read_chat(r, e, message);
    if (!e->chat_id.ptr)
        return reject("message.conversation.id missing", ret_reason);
    if (!json_int(json_get(message, "msec_timestamp"), &sent_ms) || sent_ms <= 0)
        sent_ms = seconds_at(message, "timestamp");
    e->sent_ms = sent_ms ? sent_ms : seconds_at(hook, "time");
    read_people(r, e, message);
    read_content(r, e, inner);
    (void)buf_add_str(&n->dedup, "m:"); /* asked for at the end */
    (void)buf_add_view(&n->dedup, e->message_id);
    e->dedup = buf_view(&n->dedup);
    return AMO_ACCEPT;
}

/* N12, N20 */
static enum amo_verdict read_reaction(struct reader *r, struct amo_normal *n,
                                      const struct json_node *hook, const char **ret_reason)
{
    const struct json_node *reaction = json_path(hook, "action.reaction");
    struct view type = text_of(r, json_get(reaction, "type"));
    struct event *e = &n->event;

    e->kind = EVENT_AMO_REACTION;
    e->message_id = text_at(r, reaction, "message.id");
    if (!e->message_id.ptr)
        e->message_id = text_of(r, json_get(reaction, "msgid"));
    if (!e->message_id.ptr)
        return reject("action.reaction names no message", ret_reason);
    read_chat(r, e, reaction);
    if (!e->chat_id.ptr)
        return reject("action.reaction.conversation.id missing", ret_reason);
    if (!view_is(type, "react") && !view_is(type, "unreact"))
        return reject("action.reaction.type is neither react nor unreact", ret_reason);
    e->unset = view_is(type, "unreact");
    e->message_client_id = text_at(r, reaction, "message.client_id");
    e->sender_id = text_at(r, reaction, "user.id");
    if (!e->sender_id.ptr)
        e->sender_id = text_at(r, hook, "action.user.id");
    e->emoji = text_of(r, json_get(reaction, "emoji"));
    e->sent_ms = seconds_at(hook, "time");
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
static enum amo_verdict read_typing(struct reader *r, struct amo_normal *n,
                                    const struct json_node *hook, const char **ret_reason)
{
    const struct json_node *typing = json_path(hook, "action.typing");
    struct event *e = &n->event;

    e->kind = EVENT_AMO_TYPING;
    read_chat(r, e, typing);
    if (!e->chat_id.ptr)
        return reject("action.typing.conversation.id missing", ret_reason);
    e->sender_id = text_at(r, typing, "user.id");
    if (!e->sender_id.ptr)
        e->sender_id = text_at(r, hook, "action.user.id");
    e->post_id = text_of(r, json_get(typing, "post_id"));
    e->sent_ms = seconds_at(hook, "time");
    e->expires_ms = seconds_at(typing, "expired_at");
    return AMO_ACCEPT;
}
