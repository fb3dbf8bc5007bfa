/* What: acts of clients and services on the Mobilon side.
 * From: control.
 * To:   calls.
 * Holds: nothing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "tools/sandbox/acts/answer.h"
#include "tools/sandbox/acts/control.h"
#include "tools/sandbox/kit/digest.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/record/world.h"
#include "tools/sandbox/service/calls.h"
#include "tools/sandbox/service/store.h"

/* The connector an act names, able to call. NULL with words and a status. */
static struct service_connector *client_connector(struct sandbox *s, struct json_object *act,
                                                  struct jcheck *c, int *ret_status)
{
    const char *name = jread_str(act, "connector");
    struct service_connector *k = names_get(&s->service->connectors, name);

    if (!name && s->service->connectors.n == 1)
        k = names_first(&s->service->connectors)->value;
    *ret_status = 404;
    if (!k) {
        jcheck_fail(c, "", "connector", name ? "is not known" : "is required");
        return NULL;
    }
    *ret_status = 409;
    if (!k->bridge_url) {
        jcheck_fail(c, "", "bridge_url", "is not set on this connector");
        return NULL;
    }
    return k;
}

static int client_status(int rc, struct jcheck *c)
{
    if (rc == 0)
        return 0;
    jcheck_fail(c, "", "limit",
                rc == -ENOSPC ? "max_log or queued calls reached" : "no memory");
    return 507;
}

static struct json_object *client_item(uint64_t number, const char *id,
                                       const char *conversation)
{
    struct json_object *o = json_object_new_object();

    jread_add_uint(o, "call", number);
    jread_add_str(o, "id", id);
    jread_add_str(o, "conversation", conversation);
    return o;
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

static int client_write(struct sandbox *s, struct json_object *act, struct jcheck *c,
                        struct json_object **ret_item)
{
    int status = 0;
    const struct service_connector *k = client_connector(s, act, c, &status);
    const char *conversation = jcheck_str(c, act, "", "conversation", JCHECK_REQUIRED, 0);
    const char *given = jcheck_str(c, act, "", "id", JCHECK_OPTIONAL, 0);
    char id[200];
    char random[17];
    struct json_object *o = NULL;
    uint64_t number = 0;
    int rc = 0;

    if (!k)
        return status;
    if (jcheck_bad(c))
        return 400;
    digest_random_hex(8, random);
    (void)snprintf(id, sizeof(id), "%s", given ? given : random); /* too long: cut */
    o = client_body(act, id, conversation);
    rc = calls_send(s,
                    &(struct call_send){
                        .kind = CALL_MESSAGE,
                        .connector = k,
                        .method = "POST",
                        .path = "/messages",
                        .conversation = conversation,
                        .id = id,
                        .key = jread_str(act, "idempotency_key"),
                        .body = view_of(jread_text(o)),
                    },
                    &number);
    json_object_put(o);
    if (rc == 0)
        *ret_item = client_item(number, id, conversation);
    return client_status(rc, c);
}

void control_client_writes(struct sandbox *s, const struct control_request *q)
{
    control_each(s, q, client_write);
}

static int client_report(struct sandbox *s, struct json_object *act, struct jcheck *c,
                         struct json_object **ret_item)
{
    int status = 0;
    const struct service_connector *k = client_connector(s, act, c, &status);
    const char *id = jcheck_str(c, act, "", "id", JCHECK_REQUIRED, 0);
    const char *word = jcheck_str(c, act, "", "status", JCHECK_REQUIRED, 0);
    const char *conversation = jcheck_str(c, act, "", "conversation", JCHECK_OPTIONAL, 0);
    struct json_object *error = jcheck_object(c, act, "", "error", JCHECK_OPTIONAL);
    uint64_t number = 0;
    int rc = 0;

    if (!k)
        return status;
    if (jcheck_bad(c))
        return 400;
    rc = calls_send_status(s, k, &(struct call_status){id, word, conversation, error}, &number);
    if (rc == 0)
        *ret_item = client_item(number, id, conversation);
    return client_status(rc, c);
}

void control_client_statuses(struct sandbox *s, const struct control_request *q)
{
    control_each(s, q, client_report);
}

/* Send @o (taken over) to @path, behind the messages of the act's conversation. */
static int client_send(struct sandbox *s, const struct call_send *form, struct json_object *act,
                       struct json_object *o, struct jcheck *c, struct json_object **ret_item)
{
    struct call_send call = *form;
    uint64_t number = 0;
    int rc = 0;

    call.kind = CALL_OTHER;
    call.conversation = jread_str(act, "conversation");
    call.lane = jread_str(act, "lane");
    call.key = jread_str(act, "idempotency_key");
    call.after_messages = true;
    call.body = view_of(jread_text(o));
    rc = calls_send(s, &call, &number);
    json_object_put(o);
    if (rc == 0)
        *ret_item = client_item(number, call.id, call.conversation);
    return client_status(rc, c);
}

static int client_edit(struct sandbox *s, struct json_object *act, struct jcheck *c,
                       struct json_object **ret_item)
{
    int status = 0;
    const struct service_connector *k = client_connector(s, act, c, &status);
    const char *id = jcheck_str(c, act, "", "id", JCHECK_REQUIRED, 200);
    struct json_object *o = NULL;
    char path[256];

    if (!k)
        return status;
    if (jcheck_bad(c))
        return 400;
    (void)snprintf(path, sizeof(path), "/messages/%s", id); /* there is room */
    o = json_object_new_object();
    client_pass(o, act);
    jread_add_str(o, "type", jread_str(act, "type"));
    return client_send(
        s, &(struct call_send){.connector = k, .method = "PATCH", .path = path, .id = id}, act,
        o, c, ret_item);
}

void control_client_edits(struct sandbox *s, const struct control_request *q)
{
    control_each(s, q, client_edit);
}

static int client_react(struct sandbox *s, struct json_object *act, struct jcheck *c,
                        struct json_object **ret_item)
{
    int status = 0;
    const struct service_connector *k = client_connector(s, act, c, &status);
    const char *conversation = jread_str(act, "conversation");
    struct json_object *sender = jread_object(act, "sender");
    const char *id = jcheck_str(c, act, "", "id", JCHECK_REQUIRED, 200);
    struct json_object *o = NULL;

    if (!k)
        return status;
    if (jcheck_bad(c))
        return 400;
    o = json_object_new_object();
    jread_add_str(o, "message_id", id);
    client_add_id(o, "conversation", conversation);
    if (sender)
        json_object_object_add(o, "sender", json_object_get(sender));
    else
        client_add_id(o, "sender", conversation); /* as in his messages */
    client_pass(o, act);
    return client_send(
        s,
        &(struct call_send){.connector = k, .method = "POST", .path = "/reactions", .id = id},
        act, o, c, ret_item);
}

void control_client_reacts(struct sandbox *s, const struct control_request *q)
{
    control_each(s, q, client_react);
}

static int client_type(struct sandbox *s, struct json_object *act, struct jcheck *c,
                       struct json_object **ret_item)
{
    int status = 0;
    const struct service_connector *k = client_connector(s, act, c, &status);
    const char *conversation = jcheck_str(c, act, "", "conversation", JCHECK_REQUIRED, 0);
    struct json_object *sender = jread_object(act, "sender");
    struct json_object *o = NULL;

    if (!k)
        return status;
    if (jcheck_bad(c))
        return 400;
    o = json_object_new_object();
    client_add_id(o, "conversation", conversation);
    if (sender)
        json_object_object_add(o, "sender", json_object_get(sender));
    else
        client_add_id(o, "sender", conversation);
    client_pass(o, act);
    return client_send(s,
                       &(struct call_send){.connector = k, .method = "POST", .path = "/typing"},
                       act, o, c, ret_item);
}

void control_client_types(struct sandbox *s, const struct control_request *q)
{
    control_each(s, q, client_type);
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

static int client_call(struct sandbox *s, struct json_object *act, struct jcheck *c,
                       struct json_object **ret_item)
{
    int status = 0;
    const struct service_connector *k = client_connector(s, act, c, &status);
    const char *method = jread_str(act, "method") ? jread_str(act, "method") : "POST";
    const char *path = jcheck_str(c, act, "", "path", JCHECK_REQUIRED, 1000);
    struct json_object *body = jread_get(act, "body");
    const char *text = NULL;
    uint64_t number = 0;
    int rc = 0;

    if (!k)
        return status;
    if (!client_is_method(method))
        jcheck_fail(c, "", "method", "is not known");
    if (path && *path != '/')
        jcheck_fail(c, "", "path", "must begin with /");
    if (jcheck_bad(c))
        return 400;
    if (body)
        text = json_object_is_type(body, json_type_string) ? json_object_get_string(body)
                                                           : jread_text(body);
    rc = calls_send(s,
                    &(struct call_send){
                        .kind = CALL_OTHER,
                        .connector = k,
                        .method = method,
                        .path = path,
                        .conversation = jread_str(act, "conversation"),
                        .id = jread_str(act, "id"),
                        .lane = jread_str(act, "lane"),
                        .key = jread_str(act, "idempotency_key"),
                        .body = view_of(text),
                    },
                    &number);
    if (rc == 0)
        *ret_item = client_item(number, jread_str(act, "id"), jread_str(act, "conversation"));
    return client_status(rc, c);
}

void control_client_calls(struct sandbox *s, const struct control_request *q)
{
    control_each(s, q, client_call);
}
