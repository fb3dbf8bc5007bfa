/* A request of a Mobilon service becomes events.
 *
 * From: message.c and change.c, an authenticated body.
 * To: the same, which encode the events for the spool.
 * Holds: the parsed body and the parts made of it, while the event borrows from them. */

#include "ingress/connector/normalize.h"

#include <string.h>

#include "base/json.h"
#include "ingress/read/emoji.h"
#include "proto/limits.h"

#define TYPING_MS     5000 /* how long a client types, unless said otherwise */
#define TYPING_MS_MIN 1000
#define TYPING_MS_MAX 30000

typedef void fill_fn(struct service_reader *r, struct service_normal *n);

static void fill_message(struct service_reader *r, struct service_normal *n);
static void fill_edit(struct service_reader *r, struct service_normal *n);
static void fill_reaction(struct service_reader *r, struct service_normal *n);
static void fill_typing(struct service_reader *r, struct service_normal *n);

static void note_id(struct view id, struct service_normal *n)
{
    id = view_cut(id, SERVICE_REFUSED_ID);
    if (id.len)
        memcpy(n->refused_id, id.ptr, id.len);
}

static int normalize(struct view body, int64_t now_ms, enum event_kind kind, fill_fn *fill,
                     struct service_normal *ret, struct service_fault *ret_fault)
{
    struct service_reader r;
    int rc = 0;

    *ret = (struct service_normal){.event = {.kind = kind}};
    service_parts_init(&ret->parts);
    rc = service_parse(body, &ret->doc, ret_fault);
    if (rc)
        return rc;
    service_reader_init(&r, ret->doc, json_root(ret->doc), now_ms);
    fill(&r, ret);
    ret->warnings = r.shown.warnings;
    rc = service_verdict(&r, ret_fault);
    if (rc) {
        note_id(ret->event.message_id, ret);
        service_normal_fini(ret);
    }
    return rc;
}

void service_normal_fini(struct service_normal *n)
{
    json_free(n->doc);
    n->doc = NULL;
    service_parts_fini(&n->parts);
}

int service_message(struct view body, int64_t now_ms, struct service_normal *ret,
                    struct service_fault *ret_fault)
{
    return normalize(body, now_ms, EVENT_SERVICE_MESSAGE, fill_message, ret, ret_fault);
}

int service_edit(struct view body, int64_t now_ms, struct service_normal *ret,
                 struct service_fault *ret_fault)
{
    return normalize(body, now_ms, EVENT_SERVICE_EDIT, fill_edit, ret, ret_fault);
}

int service_reaction(struct view body, int64_t now_ms, struct service_normal *ret,
                     struct service_fault *ret_fault)
{
    return normalize(body, now_ms, EVENT_SERVICE_REACTION, fill_reaction, ret, ret_fault);
}

int service_typing(struct view body, int64_t now_ms, struct service_normal *ret,
                   struct service_fault *ret_fault)
{
    return normalize(body, now_ms, EVENT_SERVICE_TYPING, fill_typing, ret, ret_fault);
}

/* --- a message ---------------------------------------------------------------------------- */

static void read_conversation(struct service_reader *r, struct event *e)
{
    (void)service_object(r, "conversation"); /* a fault when it is something else */
    e->conversation = service_text_must(r, "conversation.id", LIMIT_ID);
}

/* Of something that names its message: helpful, but not needed. */
static struct view conversation_of_message(struct service_shown *s)
{
    (void)service_shown_object(s, "conversation"); /* a warning when it is something else */
    return service_shown_whole(s, "conversation.id", LIMIT_ID);
}

/* A client's id says who it is. On the service's side the author does, and whoever wrote without
 * an id is the channel's bot. */
static void read_sender(struct service_reader *r, struct event *e)
{
    struct service_shown *s = &r->shown;

    if (e->outgoing) {
        (void)service_shown_object(s, "sender"); /* a warning when it is something else */
        e->sender_id = service_shown_whole(s, "sender.id", LIMIT_ID);
    } else {
        (void)service_object(r, "sender"); /* a fault when it is something else */
        e->sender_id = service_text_must(r, "sender.id", LIMIT_ID);
    }
    e->sender_name = service_shown_text(s, "sender.name", LIMIT_NAME);
    e->sender_phone = service_shown_whole(s, "sender.phone", LIMIT_ID);
    e->sender_email = service_shown_whole(s, "sender.email", LIMIT_ID);
    e->sender_avatar = service_shown_url(s, "sender.avatar");
    e->sender_link = service_shown_url(s, "sender.profile_link");
}

/* Whom somebody on the service's side wrote to, and in whose name. A client does neither: to take
 * such a message for the client's own would show the wrong one speaking. Where the direction was
 * said in so many words, there is no doubt, and nothing to refuse. */
static void read_receiver(struct service_reader *r, struct event *e)
{
    static const char *const keys[] = {"receiver", "author"};
    bool said = json_is_present(json_path(r->root, "direction"));

    for (size_t i = 0; !e->outgoing && i < AMO_COUNT(keys); i++) {
        if (!json_is_present(json_path(r->root, keys[i])))
            continue;
        if (said)
            service_shown_warn(&r->shown, "invalid",
                               "was left out: belongs to direction out only", keys[i]);
        else if (service_object(r, keys[i]))
            service_fail(r, "invalid", "belongs to direction out only", keys[i]);
    }
    if (!e->outgoing)
        return;
    (void)service_object(r, "author"); /* a fault when it is something else */
    e->author = service_text(r, "author.amo_user", LIMIT_ID);
    (void)service_object(r, "receiver"); /* as above */
    e->receiver_id = service_text_must(r, "receiver.id", LIMIT_ID);
    e->receiver_name = service_shown_text(&r->shown, "receiver.name", LIMIT_NAME);
    e->receiver_phone = service_shown_whole(&r->shown, "receiver.phone", LIMIT_ID);
    e->receiver_email = service_shown_whole(&r->shown, "receiver.email", LIMIT_ID);
}

static bool is_outgoing(struct service_reader *r)
{
    struct view direction = service_text(r, "direction", LIMIT_ID);

    if (direction.ptr && !view_is(direction, "in") && !view_is(direction, "out"))
        service_fail(r, "invalid", "must be in or out", "direction");
    return view_is(direction, "out");
}

static void fill_message(struct service_reader *r, struct service_normal *n)
{
    struct event *e = &n->event;

    e->message_id = service_id_must(r, "id");
    e->source = service_text_must(r, "source", LIMIT_ID);
    e->outgoing = is_outgoing(r);
    read_conversation(r, e);
    read_sender(r, e);
    read_receiver(r, e);
    service_content_read(r, &n->parts, &e->content);
    e->raw_type = e->content.type;
    e->sent_ms = service_shown_time(&r->shown, "sent_at");
    e->silent = service_shown_bool(&r->shown, "silent", false);
}

/* --- changes ------------------------------------------------------------------------------ */

static void fill_edit(struct service_reader *r, struct service_normal *n)
{
    struct event *e = &n->event;

    e->deleted = service_bool(r, "deleted", false);
    if (json_is_present(json_get(r->root, "id")))
        e->message_id = service_name_must(r, "id");
    service_content_read_change(r, e->deleted, &n->parts, &e->content);
    e->sent_ms = service_shown_time(&r->shown, "sent_at");
    e->conversation = conversation_of_message(&r->shown);
}

/* One that is set must be one; what is taken back is that person's only one, whatever it is. */
static struct view read_emoji(struct service_reader *r, bool unset)
{
    struct view emoji = unset ? service_shown_whole(&r->shown, "emoji", LIMIT_EMOJI)
                              : service_text_must(r, "emoji", LIMIT_EMOJI);

    if (!emoji.ptr || emoji_is(emoji))
        return emoji;
    if (unset)
        service_shown_warn(&r->shown, "invalid", "was left out: must be an emoji", "emoji");
    else
        service_fail(r, "invalid", "must be an emoji", "emoji");
    return VIEW_NONE;
}

static void fill_reaction(struct service_reader *r, struct service_normal *n)
{
    struct event *e = &n->event;

    e->message_id = service_name_must(r, "message_id");
    e->unset = !service_bool(r, "set", true);
    e->emoji = read_emoji(r, e->unset);
    (void)service_object(r, "sender"); /* a fault when it is something else */
    e->sender_id = service_text(r, "sender.id", LIMIT_ID);
    (void)service_object(r, "author"); /* as above */
    e->author = service_text(r, "author.amo_user", LIMIT_ID);
    e->conversation = conversation_of_message(&r->shown);
}

static void fill_typing(struct service_reader *r, struct service_normal *n)
{
    struct service_shown *s = &r->shown;
    struct event *e = &n->event;
    uint64_t ms = 0;

    e->source = service_text_must(r, "source", LIMIT_ID);
    read_conversation(r, e);
    (void)service_shown_object(s, "sender"); /* a warning when it is something else */
    e->sender_id = service_shown_whole(s, "sender.id", LIMIT_ID);
    ms = service_shown_within(s, "duration_ms", TYPING_MS_MIN, TYPING_MS_MAX);
    e->expires_ms = ms ? (int64_t)ms : TYPING_MS;
}

/* --- statuses ----------------------------------------------------------------------------- */

int service_statuses(struct view body, struct json **ret_doc, size_t *ret_n,
                     struct service_fault *ret_fault)
{
    struct json *doc = NULL;
    const struct json_node *items = NULL;
    int rc = service_parse(body, &doc, ret_fault);

    if (rc)
        return rc;
    items = json_get(json_root(doc), "statuses");
    if (!json_is_array(items) || json_array_len(items) == 0)
        *ret_fault =
            (struct service_fault){422, "required", "must be a list of statuses", "statuses"};
    else if (json_array_len(items) > LIMIT_STATUSES)
        *ret_fault = (struct service_fault){422, "too_long", "at most 100 statuses in one call",
                                            "statuses"};
    else {
        *ret_doc = doc;
        *ret_n = json_array_len(items);
        return 0;
    }
    json_free(doc);
    return SERVICE_E_FAULT;
}

int service_status(struct json *doc, size_t i, int64_t now_ms, struct event *ret,
                   struct service_warnings *ret_warnings, struct service_fault *ret_fault)
{
    static const char *const words[] = {"sent", "delivered", "read", "failed"};
    struct service_reader r;
    struct event e = {.kind = EVENT_SERVICE_STATUS};
    bool known = false;

    service_reader_init(&r, doc, json_array_at(json_get(json_root(doc), "statuses"), i),
                        now_ms);
    if (!json_is_object(r.root))
        service_fail(&r, "invalid", "must be an object", "statuses");
    e.message_id = service_name_must(&r, "id");
    e.status = service_text_must(&r, "status", LIMIT_ID);
    for (size_t w = 0; w < AMO_COUNT(words); w++)
        known = known || view_is(e.status, words[w]);
    if (!known)
        service_fail(&r, "invalid", "must be sent, delivered, read or failed", "status");
    e.conversation = conversation_of_message(&r.shown);
    e.sent_ms = service_shown_time(&r.shown, "at");
    (void)service_shown_object(&r.shown, "error"); /* a warning when it is something else */
    e.error_code = service_shown_whole(&r.shown, "error.code", LIMIT_ID);
    e.error_text = service_shown_text(&r.shown, "error.text", LIMIT_CONNECTOR_BODY);
    *ret = e;
    *ret_warnings = r.shown.warnings;
    return service_verdict(&r, ret_fault);
}
