/* A request of a Mobilon service becomes events.
 *
 * From: connector_route.c, an authenticated body.
 * To: the same, which encodes the events for the spool.
 * Holds: nothing; the events borrow from the parsed body. */

#include "ingress/service_normalize.h"

#include <ctype.h>
#include <errno.h>

#include "base/clock.h"
#include "base/json.h"
#include "proto/limits.h"

/* Reads one object; the first thing that is wrong stays. */
struct reader {
    const struct json_node *root;
    struct service_fault fault;
};

static void read_conversation(struct reader *r, struct event *e, bool required);
static void read_sender(struct reader *r, struct event *e);
static void read_kind(struct reader *r, struct event *e);

bool service_id_valid(struct view id)
{
    if (id.len == 0 || id.len > LIMIT_SERVICE_ID)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];

        if (!isalnum((unsigned char)c) && c != '.' && c != '_' && c != ':' && c != '-')
            return false;
    }
    return true;
}

static void fail(struct reader *r, const char *code, const char *message, const char *field)
{
    if (!r->fault.status)
        r->fault = (struct service_fault){422, code, message, field};
}

/* A text of at most @max bytes; absent, null and "" are VIEW_NONE. */
static struct view text_opt(struct reader *r, const char *path, size_t max)
{
    const struct json_node *n = json_path(r->root, path);
    struct view v = VIEW_NONE;

    if (!n)
        return VIEW_NONE;
    if (!json_strict_text(n, &v)) {
        fail(r, "invalid", "must be a string", path);
        return VIEW_NONE;
    }
    if (v.len > max) {
        fail(r, "too_long", "is longer than allowed", path);
        return VIEW_NONE;
    }
    return v.len ? v : VIEW_NONE;
}

static struct view text_must(struct reader *r, const char *path, size_t max)
{
    struct view v = text_opt(r, path, max);

    if (!v.ptr)
        fail(r, "required", "is required", path);
    return v;
}

static int64_t time_opt(struct reader *r, const char *path)
{
    struct view v = text_opt(r, path, LIMIT_ID);
    int64_t ms = 0;

    if (v.ptr && clock_parse_iso(v, &ms)) {
        fail(r, "invalid", "must be a time such as 2026-01-01T00:01:01.250Z", path);
        return 0;
    }
    return ms;
}

static int parse(struct view body, struct json **ret_doc, struct service_fault *ret_fault)
{
    int rc = json_parse(body, ret_doc);

    if (rc > 0) {
        *ret_fault =
            (struct service_fault){400, "not_json", "the body is not JSON in UTF-8", NULL};
        return SERVICE_E_FAULT;
    }
    if (rc == 0 && !json_is_object(json_root(*ret_doc))) {
        json_free(*ret_doc);
        *ret_fault =
            (struct service_fault){400, "not_json", "the body is not a JSON object", NULL};
        return SERVICE_E_FAULT;
    }
    return rc;
}

int service_message(struct view body, struct json **ret_doc, struct event *ret,
                    struct service_fault *ret_fault)
{
    struct json *doc = NULL;
    struct reader r = {0};
    struct event e = {.kind = EVENT_SERVICE_MESSAGE};
    int rc = parse(body, &doc, ret_fault);

    if (rc)
        return rc;
    r.root = json_root(doc);
    e.message_id = text_must(&r, "id", LIMIT_ID);
    if (e.message_id.ptr && !service_id_valid(e.message_id))
        fail(&r, "invalid", "must be at most 128 of A-Z a-z 0-9 . _ : -", "id");
    e.source = text_must(&r, "source", LIMIT_ID);
    read_conversation(&r, &e, true);
    read_sender(&r, &e);
    read_kind(&r, &e);
    e.sent_ms = time_opt(&r, "sent_at");
    e.reply_id = text_opt(&r, "reply_to.id", LIMIT_ID);
    if (json_get(r.root, "silent") && !json_bool(json_get(r.root, "silent"), &e.silent))
        fail(&r, "invalid", "must be true or false", "silent");
    if (r.fault.status) {
        json_free(doc);
        *ret_fault = r.fault;
        return SERVICE_E_FAULT;
    }
    *ret_doc = doc;
    *ret = e;
    return 0;
}

static void read_conversation(struct reader *r, struct event *e, bool required)
{
    const struct json_node *n = json_get(r->root, "conversation");

    if (n && !json_is_object(n))
        fail(r, "invalid", "must be an object", "conversation");
    e->conversation = required ? text_must(r, "conversation.id", LIMIT_ID)
                               : text_opt(r, "conversation.id", LIMIT_ID);
}

static void read_sender(struct reader *r, struct event *e)
{
    e->sender_id = text_must(r, "sender.id", LIMIT_ID);
    e->sender_name = text_opt(r, "sender.name", LIMIT_NAME);
    e->sender_phone = text_opt(r, "sender.phone", LIMIT_ID);
    e->sender_email = text_opt(r, "sender.email", LIMIT_ID);
    e->sender_avatar = text_opt(r, "sender.avatar", LIMIT_URL);
    e->sender_link = text_opt(r, "sender.profile_link", LIMIT_URL);
}

/* Texts of clients only, for now; what cannot be carried is refused, never cut away. */
static void read_kind(struct reader *r, struct event *e)
{
    static const char *const parts[] = {"media", "location", "contact"};
    struct view direction = text_opt(r, "direction", LIMIT_ID);

    e->type = text_must(r, "type", LIMIT_ID);
    e->raw_type = e->type;
    if (e->type.ptr && !view_is(e->type, "text"))
        fail(r, "unsupported", "only text messages are carried so far", "type");
    if (direction.ptr && !view_is(direction, "in"))
        fail(r, "unsupported", "only messages of clients are carried so far", "direction");
    for (size_t i = 0; i < AMO_COUNT(parts); i++) {
        if (json_get(r->root, parts[i]))
            fail(r, "unsupported", "only text messages are carried so far", parts[i]);
    }
    e->text = text_must(r, "text", LIMIT_CONNECTOR_BODY);
}

int service_statuses(struct view body, struct json **ret_doc, size_t *ret_n,
                     struct service_fault *ret_fault)
{
    struct json *doc = NULL;
    const struct json_node *items = NULL;
    int rc = parse(body, &doc, ret_fault);

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

int service_status(struct json *doc, size_t i, struct event *ret,
                   struct service_fault *ret_fault)
{
    static const char *const words[] = {"sent", "delivered", "read", "failed"};
    struct reader r = {.root = json_array_at(json_get(json_root(doc), "statuses"), i)};
    struct event e = {.kind = EVENT_SERVICE_STATUS};
    bool known = false;

    if (!json_is_object(r.root))
        fail(&r, "invalid", "must be an object", "statuses");
    e.message_id = text_must(&r, "id", LIMIT_ID);
    if (e.message_id.ptr && !service_id_valid(e.message_id))
        fail(&r, "invalid", "must be at most 128 of A-Z a-z 0-9 . _ : -", "id");
    e.status = text_must(&r, "status", LIMIT_ID);
    for (size_t w = 0; w < AMO_COUNT(words); w++)
        known = known || view_is(e.status, words[w]);
    if (!known)
        fail(&r, "invalid", "must be sent, delivered, read or failed", "status");
    read_conversation(&r, &e, false);
    e.sent_ms = time_opt(&r, "at");
    e.error_code = text_opt(&r, "error.code", LIMIT_ID);
    e.error_text = text_opt(&r, "error.text", LIMIT_CONNECTOR_BODY);
    *ret = e;
    if (!r.fault.status)
        return 0;
    *ret_fault = r.fault;
    return SERVICE_E_FAULT;
}
