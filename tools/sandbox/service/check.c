/* Source: docs/connector.md, "Calls to the service". Members that may be null may be absent. */
#include "tools/sandbox/service/check.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
    ID_MAX = 128,
    EMOJI_MAX = 64
};

typedef void check_fn(struct jcheck *c, struct json_object *data);

static const struct {
    const char *type;
    bool media;
} kinds[] = {
    {"text",     false},
    {"contact",  false},
    {"file",     true },
    {"video",    true },
    {"picture",  true },
    {"voice",    true },
    {"audio",    true },
    {"sticker",  true },
    {"location", false},
};

static int check_kind(const char *type)
{
    for (size_t i = 0; type && i < AMO_COUNT(kinds); i++) {
        if (strcmp(kinds[i].type, type) == 0)
            return (int)i;
    }
    return -1;
}

/* An array, or NULL: absent and null alike. */
static struct json_object *check_array(struct jcheck *c, struct json_object *o,
                                       const char *path, const char *key)
{
    struct json_object *v = jread_get(o, key);

    if (v && !json_object_is_type(v, json_type_array)) {
        jcheck_fail(c, path, key, "must be an array");
        return NULL;
    }
    return v;
}

/* 2026-01-01T00:02:00Z, with or without parts of a second. */
static void check_time(struct jcheck *c, struct json_object *o, const char *path,
                       const char *key)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd";
    const char *text = jcheck_str(c, o, path, key, JCHECK_REQUIRED, 0);
    const char *p = text;

    if (!text)
        return;
    for (const char *f = form; *f && p; f++, p = p ? p + 1 : NULL) {
        if (*f == 'd' ? !isdigit((unsigned char)*p) : *p != *f)
            p = NULL;
    }
    if (p && *p == '.')
        p += 1 + strspn(p + 1, "0123456789");
    if (!p || strcmp(p, "Z") != 0)
        jcheck_fail(c, path, key, "must be a time in UTC");
}

/* A number above zero, when it is there. */
static void check_count(struct jcheck *c, struct json_object *o, const char *path,
                        const char *key)
{
    int64_t n = jcheck_int(c, o, path, key, JCHECK_OPTIONAL);

    if (jread_get(o, key) && n < 1)
        jcheck_fail(c, path, key, "must be above zero");
}

/* {"id"} as @key of the data; what is named there, or NULL. */
static const char *check_id_of(struct jcheck *c, struct json_object *data, const char *key,
                               enum jcheck_need need, enum jcheck_need id_need)
{
    struct json_object *o = jcheck_object(c, data, "data", key, need);
    char path[32];

    if (!o)
        return NULL;
    (void)snprintf(path, sizeof(path), "data.%s", key); /* keys are ours and short */
    return jcheck_str(c, o, path, "id", id_need, 0);
}

static void check_author(struct jcheck *c, struct json_object *data)
{
    struct json_object *o = jcheck_object(c, data, "data", "author", JCHECK_OPTIONAL);

    if (o)
        (void)jcheck_str(c, o, "data.author", "amo_user", JCHECK_REQUIRED, 0);
}

/* A part that the message's type needs, or that does not belong to it. */
static struct json_object *check_part(struct jcheck *c, struct json_object *data,
                                      const char *key, bool needed)
{
    struct json_object *part =
        jcheck_object(c, data, "data", key, needed ? JCHECK_REQUIRED : JCHECK_OPTIONAL);

    if (part && !needed)
        jcheck_fail(c, "data", key, "does not belong to this type");
    return part;
}

static void check_media(struct jcheck *c, struct json_object *data, bool needed)
{
    struct json_object *m = check_part(c, data, "media", needed);
    const char *url = NULL;

    if (!m)
        return;
    url = jcheck_str(c, m, "data.media", "url", JCHECK_REQUIRED, 0);
    if (url && strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        jcheck_fail(c, "data.media", "url", "must be an address");
    JCHECK_TEXTS(c, m, "data.media", "name", "mime", "thumbnail", "group");
    check_count(c, m, "data.media", "size");
    check_count(c, m, "data.media", "duration");
}

static void check_location(struct jcheck *c, struct json_object *data, bool needed)
{
    struct json_object *l = check_part(c, data, "location", needed);

    if (!l)
        return;
    jcheck_float(c, l, "data.location", "lat");
    jcheck_float(c, l, "data.location", "lon");
}

static void check_contact(struct jcheck *c, struct json_object *data, bool needed)
{
    struct json_object *k = check_part(c, data, "contact", needed);

    if (!k)
        return;
    (void)jcheck_str(c, k, "data.contact", "name", JCHECK_REQUIRED, 0); /* c keeps it */
    (void)jcheck_str(c, k, "data.contact", "phone", JCHECK_REQUIRED, 0);
}

static void check_buttons(struct jcheck *c, struct json_object *data)
{
    struct json_object *list = check_array(c, data, "data", "buttons");

    for (size_t i = 0; i < jread_len(list); i++) {
        struct json_object *b = jread_at(list, i);

        (void)jcheck_str(c, b, "data.buttons", "text", JCHECK_REQUIRED, 0); /* c keeps it */
        (void)jcheck_str(c, b, "data.buttons", "url", JCHECK_OPTIONAL, 0);
        if (jcheck_int(c, b, "data.buttons", "row", JCHECK_OPTIONAL) < 0)
            jcheck_fail(c, "data.buttons", "row", "is negative");
    }
}

static void check_list(struct jcheck *c, struct json_object *data)
{
    struct json_object *l = jcheck_object(c, data, "data", "list", JCHECK_OPTIONAL);
    struct json_object *sections = check_array(c, l, "data.list", "sections");

    JCHECK_TEXTS(c, l, "data.list", "header", "body", "footer", "button");
    for (size_t i = 0; i < jread_len(sections); i++) {
        struct json_object *s = jread_at(sections, i);
        struct json_object *rows = check_array(c, s, "data.list.sections", "rows");

        (void)jcheck_str(c, s, "data.list.sections", "title", JCHECK_OPTIONAL, 0);
        for (size_t j = 0; j < jread_len(rows); j++)
            JCHECK_TEXTS(c, jread_at(rows, j), "data.list.sections.rows", "callback_data",
                         "title", "description");
    }
}

static void check_template(struct jcheck *c, struct json_object *data)
{
    struct json_object *t = jcheck_object(c, data, "data", "template", JCHECK_OPTIONAL);
    struct json_object *params = check_array(c, t, "data.template", "params");

    (void)jcheck_int(c, t, "data.template", "id", JCHECK_OPTIONAL); /* c keeps the mistake */
    JCHECK_TEXTS(c, t, "data.template", "external_id", "content");
    for (size_t i = 0; i < jread_len(params); i++)
        JCHECK_TEXTS(c, jread_at(params, i), "data.template.params", "key", "value");
}

/* True when something else than words and files carries the message. */
static bool check_parts(struct jcheck *c, struct json_object *data)
{
    struct json_object *forwarded =
        jcheck_object(c, data, "data", "forwarded", JCHECK_OPTIONAL);

    (void)check_id_of(c, data, "reply_to", JCHECK_OPTIONAL, JCHECK_REQUIRED);
    (void)check_id_of(c, data, "post", JCHECK_OPTIONAL, JCHECK_REQUIRED);
    JCHECK_TEXTS(c, forwarded, "data.forwarded", "id", "author");
    check_buttons(c, data);
    check_list(c, data);
    check_template(c, data);
    return forwarded || jread_object(data, "list") || jread_object(data, "template") ||
           jread_len(jread_array(data, "buttons")) > 0;
}

static void check_content(struct jcheck *c, struct json_object *data)
{
    const char *type = jcheck_str(c, data, "data", "type", JCHECK_REQUIRED, 0);
    const char *text = jcheck_str(c, data, "data", "text", JCHECK_OPTIONAL, 0);
    int kind = check_kind(type);
    bool carried = check_parts(c, data);

    if (kind < 0) {
        jcheck_fail(c, "data", "type", "is not known");
        return;
    }
    check_media(c, data, kinds[kind].media);
    check_location(c, data, strcmp(type, "location") == 0);
    check_contact(c, data, strcmp(type, "contact") == 0);
    if (strcmp(type, "text") == 0 && (!text || !*text) && !carried)
        jcheck_fail(c, "data", "text", "cannot be blank");
}

static void check_message(struct jcheck *c, struct json_object *data)
{
    const char *direction = jcheck_str(c, data, "data", "direction", JCHECK_REQUIRED, 0);
    bool first = jcheck_bool(c, data, "data", "write_first");
    struct json_object *receiver =
        jcheck_object(c, data, "data", "receiver", first ? JCHECK_REQUIRED : JCHECK_OPTIONAL);
    enum jcheck_need known = first ? JCHECK_OPTIONAL : JCHECK_REQUIRED;
    const char *conversation = NULL;

    (void)jcheck_str(c, data, "data", "id", JCHECK_REQUIRED, ID_MAX); /* c keeps the mistake */
    (void)jcheck_str(c, data, "data", "source", JCHECK_OPTIONAL, 0);
    if (!jread_get(data, "write_first"))
        jcheck_fail(c, "data", "write_first", "is required");
    conversation = check_id_of(c, data, "conversation", known, known);
    JCHECK_TEXTS(c, receiver, "data.receiver", "id", "phone", "name", "email");
    if (first)
        (void)jcheck_str(c, receiver, "data.receiver", "phone", JCHECK_REQUIRED, 0);
    if (first && conversation)
        jcheck_fail(c, "data.conversation", "id", "is not known when writing first");
    if (direction && strcmp(direction, "out") != 0)
        jcheck_fail(c, "data", "direction", "must be out");
    check_author(c, data);
    check_content(c, data);
}

static void check_reaction(struct jcheck *c, struct json_object *data)
{
    bool set = jcheck_bool(c, data, "data", "set");
    const char *emoji = jcheck_str(c, data, "data", "emoji",
                                   set ? JCHECK_REQUIRED : JCHECK_OPTIONAL, EMOJI_MAX);

    (void)jcheck_str(c, data, "data", "message_id", JCHECK_REQUIRED, 0); /* c keeps it */
    if (!jread_get(data, "set"))
        jcheck_fail(c, "data", "set", "is required");
    for (const char *p = emoji; p && *p; p++) {
        if (isalpha((unsigned char)*p))
            jcheck_fail(c, "data", "emoji", "must be an emoji");
    }
    (void)check_id_of(c, data, "conversation", JCHECK_OPTIONAL, JCHECK_OPTIONAL);
    check_author(c, data);
}

static void check_typing(struct jcheck *c, struct json_object *data)
{
    (void)check_id_of(c, data, "conversation", JCHECK_REQUIRED, JCHECK_REQUIRED);
    check_time(c, data, "data", "expires_at");
}

static void check_failed(struct jcheck *c, struct json_object *data)
{
    static const char *const required[] = {"id", "mid", "code"};

    for (size_t i = 0; i < AMO_COUNT(required); i++)
        (void)jcheck_str(c, data, "data", required[i], JCHECK_REQUIRED, 0); /* c keeps it */
    (void)jcheck_str(c, data, "data", "text", JCHECK_OPTIONAL, 0);
    (void)check_id_of(c, data, "conversation", JCHECK_OPTIONAL, JCHECK_OPTIONAL);
}

static void check_test(struct jcheck *c, struct json_object *data)
{
    (void)jcheck_str(c, data, "data", "nonce", JCHECK_REQUIRED, 0); /* c keeps the mistake */
}

static const struct {
    const char *type;
    check_fn *check;
} events[] = {
    {"message.created",  check_message },
    {"reaction.changed", check_reaction},
    {"typing.started",   check_typing  },
    {"delivery.failed",  check_failed  },
    {"connector.test",   check_test    },
};

void service_check(struct jcheck *c, struct json_object *whole, const char *webhook_id)
{
    const char *type = jcheck_str(c, whole, "", "type", JCHECK_REQUIRED, 0);
    struct json_object *data = jcheck_object(c, whole, "", "data", JCHECK_REQUIRED);
    const char *id = NULL;
    bool known = false;

    check_time(c, whole, "", "timestamp");
    for (size_t i = 0; type && data && i < AMO_COUNT(events); i++) {
        if (strcmp(type, events[i].type) != 0)
            continue;
        known = true;
        events[i].check(c, data);
    }
    if (!known)
        jcheck_fail(c, "", "type", "is not known");
    /* The message's id is in the header, so that a repeat is told by it alone. */
    id = jread_str(data, "id");
    if (type && strcmp(type, "message.created") == 0 && id &&
        strncmp(webhook_id, id, strlen(id)) != 0)
        jcheck_fail(c, "", "webhook-id", "must begin with the message's id");
}
