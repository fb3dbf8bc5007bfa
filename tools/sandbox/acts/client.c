/* What: acts of clients and services on the Mobilon side.
 * From: control.
 * To:   calls.
 * Holds: nothing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "tools/sandbox/acts/control.h"
#include "tools/sandbox/kit/digest.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/record/world.h"
#include "tools/sandbox/service/calls.h"
#include "tools/sandbox/service/store.h"

/* What every act may say of its call: the connector, which must be able to call, the line, the
 * key, what it is about. 0, or a status with words. */
static int client_begin(struct sandbox *s, struct json_object *act, struct jcheck *c,
                        struct call_send *ret_call)
{
    const char *name = jread_str(act, "connector");
    const struct names *connectors = &s->service->connectors;
    const struct service_connector *k = names_get(connectors, name);

    if (!name && connectors->n == 1)
        k = names_first(connectors)->value;
    ret_call->connector = k;
    ret_call->conversation = jread_str(act, "conversation");
    ret_call->id = jread_str(act, "id");
    ret_call->lane = jread_str(act, "lane");
    ret_call->key = jread_str(act, "idempotency_key");
    if (!k)
        jcheck_fail(c, "", "connector", name ? "is not known" : "is required");
    else if (!k->bridge_url)
        jcheck_fail(c, "", "bridge_url", "is not set on this connector");
    else
        return 0;
    return k ? 409 : 404;
}

/* What calls_send() gave as a status with words, or the item of the call. */
static int client_sent(int rc, uint64_t number, const char *id, const char *conversation,
                       struct jcheck *c, struct json_object **ret_item)
{
    struct json_object *o = NULL;

    if (rc) {
        jcheck_fail(c, "", "limit",
                    rc == -ENOSPC ? "max_log or queued calls reached" : "no memory");
        return 507;
    }
    o = json_object_new_object();
    jread_add_uint(o, "call", number);
    jread_add_str(o, "id", id);
    jread_add_str(o, "conversation", conversation);
    *ret_item = o;
    return 0;
}

/* Make the call, and its item. */
static int client_send(struct sandbox *s, const struct call_send *call, struct jcheck *c,
                       struct json_object **ret_item)
{
    uint64_t number = 0;
    int rc = calls_send(s, call, &number);

    return client_sent(rc, number, call->id, call->conversation, c, ret_item);
}

/* Who writes when the act does not say: the conversation itself, its digits as the phone. */
static struct json_object *client_sender(const char *conversation)
{
    struct json_object *o = json_object_new_object();
    char phone[64];
    size_t n = 0;

    for (const char *p = conversation; *p && n + 1 < sizeof(phone); p++) {
        if (*p >= '0' && *p <= '9')
            phone[n++] = *p;
    }
    phone[n] = '\0';
    jread_add_str(o, "id", conversation);
    jread_add_str(o, "name", conversation);
    if (n)
        jread_add_str(o, "phone", phone);
    return o;
}

/* {"id": @id} as @key; nothing when @id is NULL. */
static void client_add_id(struct json_object *o, const char *key, const char *id)
{
    struct json_object *c = NULL;

    if (!id)
        return;
    c = json_object_new_object();
    jread_add_str(c, "id", id);
    json_object_object_add(o, key, c);
}

/* Put everything of @act into @o that is not the sandbox's own. */
static void client_pass(struct json_object *o, struct json_object *act)
{
    static const char *const ours[] = {
        "connector", "conversation", "count", "spread", "idempotency_key",
        "sender",    "_turn",        "id",    "lane",   "type"};

    for (struct jread_walk w = jread_walk(act); jread_next(&w);) {
        bool own = false;

        for (size_t i = 0; i < AMO_COUNT(ours); i++)
            own = own || strcmp(w.key, ours[i]) == 0;
        if (!own)
            json_object_object_add(o, w.key, json_object_get(w.value));
    }
}

/* The connector message of an act: its own keys, with what is missing put in. */
static struct json_object *client_body(struct json_object *act, const char *id,
                                       const char *conversation)
{
    struct json_object *o = json_object_new_object();
    struct json_object *sender = jread_object(act, "sender");
    const char *type = jread_str(act, "type");
    const char *direction = jread_str(act, "direction");
    bool out = direction && strcmp(direction, "out") == 0;

    jread_add_str(o, "id", id);
    client_add_id(o, "conversation", conversation);
    if (out)
        json_object_object_add(o, "receiver", client_sender(conversation));
    if (sender || !out)
        json_object_object_add(o, "sender",
                               sender ? json_object_get(sender) : client_sender(conversation));
    jread_add_str(o, "type", type ? type : "text");
    client_pass(o, act);
    return o;
}

int control_client_write(struct sandbox *s, struct json_object *act, struct jcheck *c,
                         struct json_object **ret_item)
{
    struct call_send call = {.kind = CALL_MESSAGE, .method = "POST", .path = "/messages"};
    int status = client_begin(s, act, c, &call);
    const char *given = NULL;
    char id[200];
    char random[17];
    struct json_object *o = NULL;

    call.conversation = jcheck_str(c, act, "", "conversation", JCHECK_REQUIRED, 0);
    given = jcheck_str(c, act, "", "id", JCHECK_OPTIONAL, 0);
    if (status || jcheck_bad(c))
        return status ? status : 400;
    digest_random_hex(8, random);
    (void)snprintf(id, sizeof(id), "%s", given ? given : random); /* too long: cut */
    call.id = id;
    call.lane = NULL; /* always that of the conversation */
    o = client_body(act, id, call.conversation);
    call.body = view_of(jread_text(o));
    status = client_send(s, &call, c, ret_item);
    json_object_put(o);
    return status;
}

int control_client_report(struct sandbox *s, struct json_object *act, struct jcheck *c,
                          struct json_object **ret_item)
{
    struct call_send call = {0};
    int status = client_begin(s, act, c, &call);
    struct call_status st = {
        .id = jcheck_str(c, act, "", "id", JCHECK_REQUIRED, 0),
        .status = jcheck_str(c, act, "", "status", JCHECK_REQUIRED, 0),
        .conversation = jcheck_str(c, act, "", "conversation", JCHECK_OPTIONAL, 0),
        .error = jcheck_object(c, act, "", "error", JCHECK_OPTIONAL),
    };
    uint64_t number = 0;
    int rc = 0;

    if (status || jcheck_bad(c))
        return status ? status : 400;
    rc = calls_send_status(s, call.connector, &st, &number);
    return client_sent(rc, number, st.id, st.conversation, c, ret_item);
}

/* Send @o (taken over) behind the messages of the act's conversation. */
static int client_send_after(struct sandbox *s, struct call_send *call, struct json_object *o,
                             struct jcheck *c, struct json_object **ret_item)
{
    int status = 0;

    call->after_messages = true;
    call->body = view_of(jread_text(o));
    status = client_send(s, call, c, ret_item);
    json_object_put(o);
    return status;
}

int control_client_edit(struct sandbox *s, struct json_object *act, struct jcheck *c,
                        struct json_object **ret_item)
{
    struct call_send call = {.kind = CALL_OTHER, .method = "PATCH"};
    int status = client_begin(s, act, c, &call);
    struct json_object *o = NULL;
    char path[256];

    call.id = jcheck_str(c, act, "", "id", JCHECK_REQUIRED, 200);
    if (status || jcheck_bad(c))
        return status ? status : 400;
    (void)snprintf(path, sizeof(path), "/messages/%s", call.id); /* there is room */
    call.path = path;
    o = json_object_new_object();
    client_pass(o, act);
    jread_add_str(o, "type", jread_str(act, "type"));
    return client_send_after(s, &call, o, c, ret_item);
}

/* Put in who does it where: as in the messages of the conversation, unless the act says who. */
static void client_add_who(struct json_object *o, struct json_object *act)
{
    const char *conversation = jread_str(act, "conversation");
    struct json_object *sender = jread_object(act, "sender");

    client_add_id(o, "conversation", conversation);
    if (sender)
        json_object_object_add(o, "sender", json_object_get(sender));
    else
        client_add_id(o, "sender", conversation);
    client_pass(o, act);
}

int control_client_react(struct sandbox *s, struct json_object *act, struct jcheck *c,
                         struct json_object **ret_item)
{
    struct call_send call = {.kind = CALL_OTHER, .method = "POST", .path = "/reactions"};
    int status = client_begin(s, act, c, &call);
    struct json_object *o = NULL;

    call.id = jcheck_str(c, act, "", "id", JCHECK_REQUIRED, 200);
    if (status || jcheck_bad(c))
        return status ? status : 400;
    o = json_object_new_object();
    jread_add_str(o, "message_id", call.id);
    client_add_who(o, act);
    return client_send_after(s, &call, o, c, ret_item);
}

int control_client_type(struct sandbox *s, struct json_object *act, struct jcheck *c,
                        struct json_object **ret_item)
{
    struct call_send call = {.kind = CALL_OTHER, .method = "POST", .path = "/typing"};
    int status = client_begin(s, act, c, &call);
    struct json_object *o = NULL;

    call.id = NULL;
    (void)jcheck_str(c, act, "", "conversation", JCHECK_REQUIRED, 0); /* c keeps the mistake */
    if (status || jcheck_bad(c))
        return status ? status : 400;
    o = json_object_new_object();
    client_add_who(o, act);
    return client_send_after(s, &call, o, c, ret_item);
}

static bool client_is_method(const char *method)
{
    static const char *const known[] = {"GET", "POST", "PATCH", "PUT", "DELETE"};

    for (size_t i = 0; method && i < AMO_COUNT(known); i++) {
        if (strcmp(known[i], method) == 0)
            return true;
    }
    return false;
}

int control_client_call(struct sandbox *s, struct json_object *act, struct jcheck *c,
                        struct json_object **ret_item)
{
    struct call_send call = {.kind = CALL_OTHER};
    int status = client_begin(s, act, c, &call);
    struct json_object *body = jread_get(act, "body");

    call.method = jread_str(act, "method") ? jread_str(act, "method") : "POST";
    call.path = jcheck_str(c, act, "", "path", JCHECK_REQUIRED, 1000);
    if (!client_is_method(call.method))
        jcheck_fail(c, "", "method", "is not known");
    if (call.path && *call.path != '/')
        jcheck_fail(c, "", "path", "must begin with /");
    if (status || jcheck_bad(c))
        return status ? status : 400;
    if (json_object_is_type(body, json_type_string))
        call.body = view_of(json_object_get_string(body));
    else if (body)
        call.body = view_of(jread_text(body));
    return client_send(s, &call, c, ret_item);
}
