/* What: takes calls to amojo, checks who speaks, routes them.
 * From: http/request, through sandbox.c.
 * To:   gate, then calls, message, history.
 * Holds: nothing; the gate holds the call. */
#include "tools/sandbox/amojo/api.h"

#include <string.h>

#include "base/buf.h"
#include "tools/sandbox/amojo/calls.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/http/request.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/record/gate.h"
#include "tools/sandbox/record/verify.h"
#include "tools/sandbox/record/world.h"

static const char prefix[] = "/v2/origin/custom/";

/* The shapes of an address after the scope or channel id; '*' stands for one id. */
static const struct api_shape {
    const char *method;
    const char *tail;
    const char *kind;
    bool channel; /* addressed by channel id instead of scope id */
    amojo_call_fn *call;
} shapes[] = {
    {"POST",   "/connect",           "connect",         true,  amojo_call_connect   },
    {"DELETE", "/disconnect",        "disconnect",      true,  amojo_call_disconnect},
    {"POST",   "/chats",             "chats",           false, amojo_call_chats     },
    {"POST",   "",                   "new_message",     false, amojo_call_message   },
    {"POST",   "/*/delivery_status", "delivery_status", false, amojo_call_status    },
    {"POST",   "/typing",            "typing",          false, amojo_call_typing    },
    {"POST",   "/react",             "react",           false, amojo_call_react     },
    {"GET",    "/chats/*/history",   "history",         false, amojo_call_history   },
};

/* Does @tail have the form of @shape? What '*' stands for goes to @ret_id. */
static bool shape_fits(const char *shape, const char *tail, char *ret_id, size_t cap)
{
    const char *star = strchr(shape, '*');
    size_t before = star ? (size_t)(star - shape) : strlen(shape);
    size_t n = 0;

    if (strncmp(tail, shape, before) != 0)
        return false;
    if (!star)
        return tail[before] == '\0';
    n = strcspn(tail + before, "/");
    if (n == 0 || strcmp(tail + before + n, star + 1) != 0)
        return false;
    return view_copy(view_make(tail + before, n), ret_id, cap) == 0;
}

static void api_look_up(struct amojo_ask *q, bool by_channel)
{
    const struct amojo_store *st = q->sandbox->amojo;
    char channel[128];
    size_t n = strcspn(q->scope_id, "_");

    memcpy(channel, q->scope_id, n);
    channel[n] = '\0';
    if (by_channel && q->scope_id[n])
        return;
    q->channel = names_get(&st->channels, channel);
    if (!by_channel)
        q->scope = names_get(&st->scopes, q->scope_id);
}

/* Split the path, look channel and scope up; an unknown channel is left NULL. NULL when amojo has
 * no such address. */
static const struct api_shape *api_target(struct amojo_ask *q)
{
    const char *method = request_method(q->x);
    const char *path = request_path(q->x);
    size_t n = 0;

    if (strncmp(path, prefix, sizeof(prefix) - 1) != 0)
        return NULL;
    path += sizeof(prefix) - 1;
    n = strcspn(path, "/");
    if (view_copy(view_make(path, n), q->scope_id, sizeof(q->scope_id)))
        return NULL;
    for (size_t i = 0; i < AMO_COUNT(shapes); i++) {
        if (strcmp(method, shapes[i].method) == 0 &&
            shape_fits(shapes[i].tail, path + n, q->id, sizeof(q->id))) {
            api_look_up(q, shapes[i].channel);
            return &shapes[i];
        }
    }
    return NULL;
}

/* What the journal calls the thing this call is about. */
static const char *api_key(const struct amojo_ask *q)
{
    struct json_object *payload = jread_object(q->body, "payload");
    const char *key = q->id[0] ? q->id : NULL;

    if (payload)
        key = jread_str(payload, "msgid") ? jread_str(payload, "msgid")
                                          : jread_str(payload, "id");
    else if (!key)
        key = jread_str(q->body, "conversation_id");
    return key;
}

static const char *api_verify(struct sandbox *s, struct request *x,
                              const struct amojo_channel *ch)
{
    struct view body = request_body(x);
    struct verify_call call = {
        .method = request_method(x),
        .path = request_path(x),
        .date = request_header(x, "Date"),
        .content_type = request_header(x, "Content-Type"),
        .content_md5 = request_header(x, "Content-MD5"),
        .signature = request_header(x, "X-Signature"),
        .body = body.ptr,
        .body_len = body.len,
    };

    return verify_call(&call, ch->secret, sandbox_unix_ms(s) / 1000);
}

static void api_process(struct sandbox *s, struct request *x, struct json_object *body,
                        struct reply *r)
{
    struct amojo_ask q = {.sandbox = s, .x = x, .body = body, .reply = r};
    /* Looked up anew: the call may have slept, and a reset may have come between. */
    const struct api_shape *shape = api_target(&q);

    if (!shape || !q.channel)
        r->status = amojo_refuse(&q, 404, "unknown channel");
    else if (!shape->channel && (!q.scope || !q.scope->connected))
        r->status = amojo_refuse(&q, 404, "scope is not connected");
    else
        r->status = shape->call(&q);
    if (r->status >= 400)
        s->counters.amojo_refused++;
}

void amojo_api_handle(struct sandbox *s, struct request *x)
{
    struct amojo_ask q = {.sandbox = s, .x = x, .body = jread_parse(request_body(x))};
    const struct api_shape *shape = api_target(&q);
    const char *kind = shape ? shape->kind : "other";
    const char *event = jread_str(q.body, "event_type");
    const char *wrong = NULL;

    if (strcmp(kind, "new_message") == 0 && event && strcmp(event, "edit_message") == 0)
        kind = event;
    s->counters.amojo_calls++;
    if (q.channel)
        wrong = api_verify(s, x, q.channel);
    else
        wrong = shape ? "unknown channel" : "unknown address";
    gate_take(s, x,
              &(struct gate_call){.side = "amojo",
                                  .kind = kind,
                                  .where = q.scope_id,
                                  .key = api_key(&q),
                                  .wrong = wrong,
                                  .wrong_status = q.channel ? 403 : 404,
                                  .if_wrong = q.channel ? &s->counters.amojo_forbidden
                                                        : &s->counters.amojo_refused,
                                  .body = q.body,
                                  .process = api_process,
                                  .error = amojo_reply_error});
}
