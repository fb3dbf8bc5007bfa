/* Source: docs/amojo.md, "Messages" (fields, roles, kinds, quotes, edits). */
#include "tools/sandbox/amojo/check.h"

#include <string.h>

enum {
    EMOJI_MAX = 64 /* bytes */
};

/* What each kind of message needs besides its type. */
static const struct {
    const char *type;
    bool media;
    bool name_and_size;
} kinds[] = {
    {"text",     false, false},
    {"contact",  false, false},
    {"file",     true,  true },
    {"video",    true,  true },
    {"picture",  true,  true },
    {"voice",    true,  false},
    {"audio",    true,  false},
    {"sticker",  true,  false},
    {"location", false, false},
};

static int check_kind(const char *type)
{
    for (size_t i = 0; type && i < AMO_COUNT(kinds); i++) {
        if (strcmp(kinds[i].type, type) == 0)
            return (int)i;
    }
    return -1;
}

const char *amojo_check_source(struct jcheck *c, struct json_object *o, const char *path)
{
    struct json_object *source = jcheck_object(c, o, path, "source", JCHECK_OPTIONAL);
    const char *id = NULL;

    if (!source)
        return NULL;
    id = jcheck_str(c, source, "source", "external_id", JCHECK_REQUIRED, AMOJO_SOURCE_MAX);
    for (const char *p = id; p && *p; p++) {
        if (*p < ' ' || *p > '~')
            jcheck_fail(c, "source", "external_id", "must be printable ASCII");
    }
    return id;
}

void amojo_check_error(struct jcheck *c, struct json_object *o, const char *path,
                       int64_t status)
{
    int64_t code = 0;
    const char *error = NULL;

    if (status != -1) {
        if (jread_get(o, "error_code") || jread_get(o, "error"))
            jcheck_fail(c, path, "error_code", "belongs to status -1 only");
        return;
    }
    code = jcheck_int(c, o, path, "error_code", JCHECK_REQUIRED);
    if (!jcheck_bad(c) && (code < 901 || code > 905))
        jcheck_fail(c, path, "error_code", "must be 901 to 905");
    error = jcheck_str(c, o, path, "error", JCHECK_OPTIONAL, 0);
    if (code == 905 && (!error || !*error))
        jcheck_fail(c, path, "error", "is required with 905");
}

static void check_url(struct jcheck *c, const char *path, const char *key, const char *url)
{
    bool fits = !url || strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;

    for (const char *p = url; fits && p && *p; p++)
        fits = (unsigned char)*p > ' ' && *p != 0x7f;
    if (!fits)
        jcheck_fail(c, path, key, "must be an address");
}

void amojo_check_emoji(struct jcheck *c, const char *emoji)
{
    bool fits = false;

    for (const char *p = emoji; p && *p; p++)
        fits = fits || (unsigned char)*p >= 0x80;
    if (emoji && *emoji && (!fits || strlen(emoji) > EMOJI_MAX))
        jcheck_fail(c, "", "emoji", "must be an emoji");
}

static void check_degrees(struct jcheck *c, struct json_object *o, const char *key, double most)
{
    double v = json_object_get_double(jread_get(o, key));

    jcheck_float(c, o, "location", key);
    if (v > most || v < -most)
        jcheck_fail(c, "location", key, "is out of range");
}

static void check_location(struct jcheck *c, struct json_object *o, const char *path)
{
    struct json_object *l = jcheck_object(c, o, path, "location", JCHECK_REQUIRED);

    if (!l)
        return;
    check_degrees(c, l, "lon", 180);
    check_degrees(c, l, "lat", 90);
}

static void check_contact(struct jcheck *c, struct json_object *o, const char *path)
{
    struct json_object *k = jcheck_object(c, o, path, "contact", JCHECK_REQUIRED);

    if (!k)
        return;
    (void)jcheck_str(c, k, "contact", "name", JCHECK_REQUIRED, 0); /* c keeps the mistake */
    (void)jcheck_str(c, k, "contact", "phone", JCHECK_REQUIRED, 0);
}

/* How a body is looked at. */
struct check_manner {
    bool edit;    /* what is left out did not change */
    bool leans;   /* a quoted or shared thing carries the content */
    bool lenient; /* a file's name and size may be missing */
};

static void check_media(struct jcheck *c, struct json_object *m, const char *path, size_t kind,
                        const struct check_manner *how)
{
    enum jcheck_need need = kinds[kind].media && !how->edit ? JCHECK_REQUIRED : JCHECK_OPTIONAL;
    enum jcheck_need named = kinds[kind].name_and_size && !how->edit && !how->lenient
                                 ? JCHECK_REQUIRED
                                 : JCHECK_OPTIONAL;
    const char *media = jcheck_str(c, m, path, "media", need, 0);

    if (media && *media)
        check_url(c, path, "media", media);
    (void)jcheck_str(c, m, path, "file_name", named, 0); /* c keeps the mistake */
    if (jcheck_int(c, m, path, "file_size", named) < 0)
        jcheck_fail(c, path, "file_size", "is negative");
    if (jcheck_int(c, m, path, "media_duration", JCHECK_OPTIONAL) < 0)
        jcheck_fail(c, path, "media_duration", "is negative");
    (void)jcheck_str(c, m, path, "sticker_id", JCHECK_OPTIONAL, 0);
}

static void check_posts(struct jcheck *c, struct json_object *m, const char *path)
{
    struct json_object *shared = jcheck_object(c, m, path, "shared_post", JCHECK_OPTIONAL);
    struct json_object *post = jcheck_object(c, m, path, "post", JCHECK_OPTIONAL);

    if (shared) {
        const char *type = jcheck_str(c, shared, "shared_post", "type", JCHECK_OPTIONAL, 0);

        check_url(c, "shared_post", "url",
                  jcheck_str(c, shared, "shared_post", "url", JCHECK_REQUIRED, 0));
        JCHECK_TEXTS(c, shared, "shared_post", "preview_link", "preview_permalink",
                     "site_name");
        if (type && strcmp(type, "post") != 0)
            jcheck_fail(c, "shared_post", "type", "must be post");
    }
    if (!post)
        return;
    (void)jcheck_str(c, post, "post", "id", JCHECK_REQUIRED, 0); /* c keeps the mistake */
    check_url(c, "post", "url", jcheck_str(c, post, "post", "url", JCHECK_REQUIRED, 0));
    JCHECK_TEXTS(c, post, "post", "preview_url", "preview_permalink", "username", "caption");
}

static void check_edit_status(struct jcheck *c, struct json_object *m, bool edit)
{
    struct json_object *st =
        jcheck_object(c, m, "payload.message", "delivery_status", JCHECK_OPTIONAL);
    int64_t status = 0;

    if (!st)
        return;
    if (!edit)
        jcheck_fail(c, "payload.message", "delivery_status", "belongs to an edit");
    status = jcheck_int(c, st, "delivery_status", "status_code", JCHECK_REQUIRED);
    if (status != -1 && status != 1 && status != 2)
        jcheck_fail(c, "delivery_status", "status_code", "must be -1, 1 or 2");
    amojo_check_error(c, st, "delivery_status", status);
}

static void check_content(struct jcheck *c, struct json_object *m,
                          const struct check_manner *how)
{
    static const char path[] = "payload.message";
    const char *type = jcheck_str(c, m, path, "type", JCHECK_REQUIRED, 0);
    int kind = check_kind(type);
    const char *text = NULL;
    bool may_be_blank = false;

    if (kind < 0) {
        jcheck_fail(c, path, "type", "is not a known type");
        return;
    }
    text = jcheck_str(c, m, path, "text", JCHECK_OPTIONAL, 0);
    may_be_blank = how->leans || jread_object(m, "shared_post");
    if (strcmp(type, "text") == 0 && (!text || (!*text && !may_be_blank)))
        jcheck_fail(c, path, "text", text ? "cannot be blank" : "is required");
    check_media(c, m, path, (size_t)kind, how);
    if (strcmp(type, "location") == 0)
        check_location(c, m, path);
    if (strcmp(type, "contact") == 0)
        check_contact(c, m, path);
    (void)jcheck_str(c, m, path, "callback_data", JCHECK_OPTIONAL, 0); /* c keeps the mistake */
    check_posts(c, m, path);
    check_edit_status(c, m, how->edit);
}

static void check_times(struct jcheck *c, struct json_object *o, const char *path)
{
    int64_t s = jcheck_int(c, o, path, "timestamp", JCHECK_REQUIRED);
    int64_t ms = jcheck_int(c, o, path, "msec_timestamp", JCHECK_REQUIRED);

    if (s < 1 || s > 100000000000)
        jcheck_fail(c, path, "timestamp", "must be seconds");
    if (ms < 100000000000)
        jcheck_fail(c, path, "msec_timestamp", "must be milliseconds");
}

void amojo_check_described(struct jcheck *c, struct json_object *m, const char *path)
{
    const char *type = jcheck_str(c, m, path, "type", JCHECK_REQUIRED, 0);
    struct json_object *sender = NULL;

    if (check_kind(type) < 0)
        jcheck_fail(c, path, "type", "is not a known type");
    check_times(c, m, path);
    if (type && strcmp(type, "text") == 0)
        (void)jcheck_str(c, m, path, "text", JCHECK_REQUIRED, 0);
    if (type && strcmp(type, "location") == 0)
        check_location(c, m, path);
    if (type && strcmp(type, "contact") == 0)
        check_contact(c, m, path);
    sender = jcheck_object(c, m, path, "sender", JCHECK_REQUIRED);
    if (sender && !jread_str(sender, "id") && !jread_str(sender, "ref_id"))
        (void)jcheck_str(c, sender, "sender", "name", JCHECK_REQUIRED, 0);
}

/* A quoted or forwarded message: an id of either side, or enough to show it. */
static struct json_object *check_embedded(struct jcheck *c, struct json_object *m,
                                          const char *path)
{
    bool named = false;

    if (!json_object_is_type(m, json_type_object)) {
        jcheck_fail(c, path, "", "must be an object");
        return NULL;
    }
    named = jcheck_str(c, m, path, "id", JCHECK_OPTIONAL, 0);
    named = jcheck_str(c, m, path, "msgid", JCHECK_OPTIONAL, 0) || named;
    if (!named)
        amojo_check_described(c, m, path);
    JCHECK_TEXTS(c, m, path, "text", "media", "thumbnail", "file_name");
    (void)jcheck_int(c, m, path, "file_size", JCHECK_OPTIONAL); /* c keeps the mistake */
    (void)jcheck_int(c, m, path, "media_duration", JCHECK_OPTIONAL);
    return m;
}

/* True when the message leans on another one. */
static bool check_links(struct jcheck *c, struct json_object *p, struct amojo_call *call)
{
    struct json_object *reply = jcheck_object(c, p, "payload", "reply_to", JCHECK_OPTIONAL);
    struct json_object *forwards = jcheck_object(c, p, "payload", "forwards", JCHECK_OPTIONAL);
    struct json_object *list = jread_array(forwards, "messages");

    if (reply)
        call->quoted =
            check_embedded(c, jread_get(reply, "message"), "payload.reply_to.message");
    if (!forwards)
        return false;
    if (jread_len(list) != 1) {
        jcheck_fail(c, "payload.forwards", "messages", "must hold one message");
        return false;
    }
    call->forwards = forwards;
    call->forwarded = check_embedded(c, jread_at(list, 0), "payload.forwards.messages");
    JCHECK_TEXTS(c, forwards, "payload.forwards", "conversation_id", "conversation_ref_id");
    return true;
}

void amojo_check_party(struct jcheck *c, struct json_object *o, const char *path,
                       struct amojo_party *ret)
{
    struct json_object *profile = NULL;

    *ret = (struct amojo_party){.given = o != NULL};
    if (!o)
        return;
    ret->ref_id = jcheck_str(c, o, path, "ref_id", JCHECK_OPTIONAL, 0);
    ret->id = jcheck_str(c, o, path, "id", JCHECK_OPTIONAL, AMOJO_CLIENT_ID_MAX);
    ret->name = jcheck_str(c, o, path, "name", JCHECK_REQUIRED, 0);
    ret->avatar = jcheck_str(c, o, path, "avatar", JCHECK_OPTIONAL, 0);
    check_url(c, path, "avatar", ret->avatar);
    (void)jcheck_str(c, o, path, "profile_link", JCHECK_OPTIONAL, 0); /* c keeps the mistake */
    profile = jcheck_object(c, o, path, "profile", JCHECK_OPTIONAL);
    if (!profile)
        return;
    ret->phone = jcheck_str(c, profile, "profile", "phone", JCHECK_OPTIONAL, 0);
    ret->email = jcheck_str(c, profile, "profile", "email", JCHECK_OPTIONAL, 0);
}

/* A client speaks without receiver; anybody else needs one, and a sender amojo knows. */
static void check_roles(struct jcheck *c, struct json_object *p, struct amojo_call *call)
{
    amojo_check_party(c, jcheck_object(c, p, "payload", "sender", JCHECK_REQUIRED),
                      "payload.sender", &call->sender);
    amojo_check_party(c, jcheck_object(c, p, "payload", "receiver", JCHECK_OPTIONAL),
                      "payload.receiver", &call->receiver);
    if (call->receiver.given) {
        if (!call->receiver.id || !*call->receiver.id)
            jcheck_fail(c, "payload.receiver", "id", "cannot be blank");
        if (!call->sender.ref_id || !*call->sender.ref_id)
            jcheck_fail(c, "payload.sender", "ref_id", "cannot be blank");
        return;
    }
    if (!call->sender.id || !*call->sender.id)
        jcheck_fail(c, "payload.sender", "id", "cannot be blank");
}

void amojo_check_message(struct jcheck *c, struct json_object *body, bool lenient,
                         struct amojo_call *ret_call)
{
    const char *event = jcheck_str(c, body, "", "event_type", JCHECK_REQUIRED, 0);
    struct json_object *p = jcheck_object(c, body, "", "payload", JCHECK_REQUIRED);
    struct json_object *m = jcheck_object(c, p, "payload", "message", JCHECK_REQUIRED);
    struct check_manner how = {.lenient = lenient};

    *ret_call = (struct amojo_call){0};
    if (event && strcmp(event, "new_message") != 0 && strcmp(event, "edit_message") != 0)
        jcheck_fail(c, "", "event_type", "is not known");
    if (jcheck_bad(c) || !event)
        return;
    ret_call->edit = strcmp(event, "edit_message") == 0;
    how.edit = ret_call->edit;
    check_times(c, p, "payload");
    ret_call->msgid =
        jcheck_str(c, p, "payload", "msgid", ret_call->edit ? JCHECK_OPTIONAL : JCHECK_REQUIRED,
                   AMOJO_CLIENT_ID_MAX);
    ret_call->id = jcheck_str(c, p, "payload", "id", JCHECK_OPTIONAL, 0);
    ret_call->conversation_id =
        jcheck_str(c, p, "payload", "conversation_id", JCHECK_REQUIRED, AMOJO_CLIENT_ID_MAX);
    ret_call->conversation_ref_id =
        jcheck_str(c, p, "payload", "conversation_ref_id", JCHECK_OPTIONAL, 0);
    ret_call->silent = jcheck_bool(c, p, "payload", "silent");
    ret_call->source = amojo_check_source(c, p, "payload");
    if (ret_call->edit && !ret_call->msgid && !ret_call->id)
        jcheck_fail(c, "payload", "msgid", "or id is required");
    /* Who speaks and what is quoted is not looked at in an edit. */
    if (!ret_call->edit) {
        check_roles(c, p, ret_call);
        how.leans = check_links(c, p, ret_call);
    }
    check_content(c, m, &how);
}
