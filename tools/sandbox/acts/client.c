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
#include "tools/sandbox/service/reports.h"
#include "tools/sandbox/service/store.h"

/* What every act may say of its call: the connector, which must be able to call, the line, the
 * key, what it is about. 0, or a status with words. */
static int client_begin(struct act *a, struct call_send *ret_call)
{
    const char *name = jread_str(a->body, "connector");
    const struct names *connectors = &a->sandbox->service->connectors;
    const struct service_connector *k = names_get(connectors, name);

    if (!name && connectors->n == 1)
        k = names_first(connectors)->value;
    ret_call->connector = k;
    ret_call->conversation = jread_str(a->body, "conversation");
    ret_call->id = jread_str(a->body, "id");
    ret_call->lane = jread_str(a->body, "lane");
    ret_call->key = jread_str(a->body, "idempotency_key");
    if (!k)
        return act_fail(a, 404, "connector", name ? "is not known" : "is required");
    return k->bridge_url ? 0 : act_fail(a, 409, "bridge_url", "is not set on this connector");
}

/* @status of client_begin, or 400 when the act is wrong in another way. */
static int client_status(const struct act *a, int status)
{
    return status || !jcheck_bad(&a->check) ? status : 400;
}

/* What calls_send() gave as a status with words, or the item of the call. */
static int client_sent(struct act *a, int rc, uint64_t number, const char *id,
                       const char *conversation)
{
    if (rc)
        return act_fail(a, 507, "limit",
                        rc == -ENOSPC ? "max_log or queued calls reached" : "no memory");
    a->item = json_object_new_object();
    jread_add_uint(a->item, "call", number);
    jread_add_str(a->item, "id", id);
    jread_add_str(a->item, "conversation", conversation);
    return 0;
}

/* Make the call, and its item. @o (taken over) is its body; NULL: it has one, or none. */
static int client_send(struct act *a, struct call_send *call, struct json_object *o)
{
    uint64_t number = 0;
    int rc = 0;

    if (o)
        call->body = view_of(jread_text(o));
    rc = calls_send(a->sandbox, call, &number);
    json_object_put(o);
    return client_sent(a, rc, number, call->id, call->conversation);
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
    jread_add_id(o, "conversation", conversation);
    if (out)
        json_object_object_add(o, "receiver", client_sender(conversation));
    if (sender || !out)
        json_object_object_add(o, "sender",
                               sender ? json_object_get(sender) : client_sender(conversation));
    jread_add_str(o, "type", type ? type : "text");
    client_pass(o, act);
    return o;
}

int act_client_write(struct act *a)
{
    struct call_send call = {.kind = CALL_MESSAGE, .method = "POST", .path = "/messages"};
    int status = client_begin(a, &call);
    const char *given = jcheck_str(&a->check, a->body, "", "id", JCHECK_OPTIONAL, 0);
    char id[200];
    char random[17];

    call.conversation = jcheck_str(&a->check, a->body, "", "conversation", JCHECK_REQUIRED, 0);
    status = client_status(a, status);
    if (status)
        return status;
    digest_random_hex(8, random);
    (void)snprintf(id, sizeof(id), "%s", given ? given : random); /* too long: cut */
    call.id = id;
    call.lane = NULL; /* always that of the conversation */
    return client_send(a, &call, client_body(a->body, id, call.conversation));
}

int act_client_report(struct act *a)
{
    struct call_send call = {0};
    int status = client_begin(a, &call);
    struct report report = {
        .id = jcheck_str(&a->check, a->body, "", "id", JCHECK_REQUIRED, 0),
        .status = jcheck_str(&a->check, a->body, "", "status", JCHECK_REQUIRED, 0),
        .conversation = jcheck_str(&a->check, a->body, "", "conversation", JCHECK_OPTIONAL, 0),
        .error = jcheck_object(&a->check, a->body, "", "error", JCHECK_OPTIONAL),
    };
    uint64_t number = 0;
    int rc = 0;

    status = client_status(a, status);
    if (status)
        return status;
    rc = reports_send(a->sandbox, call.connector, &report, &number);
    return client_sent(a, rc, number, report.id, report.conversation);
}

int act_client_edit(struct act *a)
{
    struct call_send call = {.kind = CALL_OTHER, .method = "PATCH", .after_messages = true};
    int status = client_begin(a, &call);
    struct json_object *o = NULL;
    char path[256];

    call.id = jcheck_str(&a->check, a->body, "", "id", JCHECK_REQUIRED, 200);
    status = client_status(a, status);
    if (status)
        return status;
    (void)snprintf(path, sizeof(path), "/messages/%s", call.id); /* there is room */
    call.path = path;
    o = json_object_new_object();
    jread_add_str(o, "id", call.id); /* a signature does not cover the path */
    client_pass(o, a->body);
    jread_add_str(o, "type", jread_str(a->body, "type"));
    return client_send(a, &call, o);
}

/* Put in who does it where: as in the messages of the conversation, unless the act says who. */
static void client_add_who(struct json_object *o, struct json_object *act)
{
    const char *conversation = jread_str(act, "conversation");
    struct json_object *sender = jread_object(act, "sender");

    jread_add_id(o, "conversation", conversation);
    jread_add_id(o, "sender", conversation);
    jread_add(o, "sender", sender);
    client_pass(o, act);
}

int act_client_react(struct act *a)
{
    struct call_send call = {
        .kind = CALL_OTHER, .method = "POST", .path = "/reactions", .after_messages = true};
    int status = client_begin(a, &call);
    struct json_object *o = NULL;

    call.id = jcheck_str(&a->check, a->body, "", "id", JCHECK_REQUIRED, 200);
    status = client_status(a, status);
    if (status)
        return status;
    o = json_object_new_object();
    jread_add_str(o, "message_id", call.id);
    client_add_who(o, a->body);
    return client_send(a, &call, o);
}

int act_client_type(struct act *a)
{
    struct call_send call = {
        .kind = CALL_OTHER, .method = "POST", .path = "/typing", .after_messages = true};
    int status = client_begin(a, &call);
    struct json_object *o = NULL;

    call.id = NULL;
    call.conversation = jcheck_str(&a->check, a->body, "", "conversation", JCHECK_REQUIRED, 0);
    status = client_status(a, status);
    if (status)
        return status;
    o = json_object_new_object();
    client_add_who(o, a->body);
    return client_send(a, &call, o);
}

static bool client_is_method(const char *method)
{
    static const char *const known[] = {"GET", "POST", "PATCH", "PUT", "DELETE"};

    for (size_t i = 0; i < AMO_COUNT(known); i++) {
        if (strcmp(known[i], method) == 0)
            return true;
    }
    return false;
}

int act_client_call(struct act *a)
{
    struct call_send call = {.kind = CALL_OTHER, .method = jread_str(a->body, "method")};
    int status = client_begin(a, &call);
    struct json_object *body = jread_get(a->body, "body");

    call.method = call.method ? call.method : "POST";
    call.path = jcheck_str(&a->check, a->body, "", "path", JCHECK_REQUIRED, 1000);
    if (!client_is_method(call.method))
        jcheck_fail(&a->check, "", "method", "is not known");
    if (call.path && *call.path != '/')
        jcheck_fail(&a->check, "", "path", "must begin with /");
    status = client_status(a, status);
    if (status)
        return status;
    if (!json_object_is_type(body, json_type_string))
        return client_send(a, &call, json_object_get(body));
    call.body = view_of(json_object_get_string(body));
    return client_send(a, &call, NULL);
}
