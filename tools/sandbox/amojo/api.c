/* What: takes calls to amojo, checks who speaks, routes them.
 * From: http/exchange, through sandbox.c.
 * To:   gate, then calls, message, history.
 * Holds: nothing; the gate holds the call. */
#include "tools/sandbox/amojo/api.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "tools/sandbox/amojo/calls.h"
#include "tools/sandbox/amojo/reply.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/http/exchange.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/record/gate.h"
#include "tools/sandbox/record/verify.h"
#include "tools/sandbox/record/world.h"

/* Who is spoken to, taken from the path. Unused members are NULL. */
struct amojo_target {
    struct amojo_channel *channel;
    struct amojo_scope *scope; /* NULL when that account never connected */
    char scope_id[128];
    char id[64];      /* message id of delivery_status, chat id of history */
    const char *kind; /* static */
};

static const char prefix[] = "/v2/origin/custom/";

/* The shapes of an address after the scope or channel id; '*' stands for one id. */
static const struct {
    const char *method;
    const char *tail;
    const char *kind;
    bool channel; /* addressed by channel id instead of scope id */
} shapes[] = {
    {"POST",   "/connect",           "connect",         true },
    {"DELETE", "/disconnect",        "disconnect",      true },
    {"POST",   "/chats",             "chats",           false},
    {"POST",   "",                   "new_message",     false},
    {"POST",   "/*/delivery_status", "delivery_status", false},
    {"POST",   "/typing",            "typing",          false},
    {"POST",   "/react",             "react",           false},
    {"GET",    "/chats/*/history",   "history",         false},
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

static void target_look_up(const struct sandbox *s, bool by_channel, struct amojo_target *t)
{
    char channel[128];
    size_t n = strcspn(t->scope_id, "_");

    memcpy(channel, t->scope_id, n);
    channel[n] = '\0';
    if (by_channel && t->scope_id[n])
        return;
    t->channel = names_get(&s->amojo->channels, channel);
    if (!by_channel)
        t->scope = names_get(&s->amojo->scopes, t->scope_id);
}

/* Split a path; false when amojo has no such address. Looks channel and scope up; an unknown
 * channel is left NULL. */
static bool api_target(const struct sandbox *s, const char *method, const char *path,
                       struct amojo_target *ret_target)
{
    size_t n = 0;
    const char *tail = NULL;

    *ret_target = (struct amojo_target){.kind = "other"};
    if (strncmp(path, prefix, sizeof(prefix) - 1) != 0)
        return false;
    path += sizeof(prefix) - 1;
    n = strcspn(path, "/");
    tail = path + n;
    if (view_copy(view_make(path, n), ret_target->scope_id, sizeof(ret_target->scope_id)))
        return false;
    for (size_t i = 0; i < AMO_COUNT(shapes); i++) {
        if (strcmp(method, shapes[i].method) != 0 ||
            !shape_fits(shapes[i].tail, tail, ret_target->id, sizeof(ret_target->id)))
            continue;
        ret_target->kind = shapes[i].kind;
        target_look_up(s, shapes[i].channel, ret_target);
        return true;
    }
    return false;
}

/* What the journal calls the thing this call is about. */
static const char *api_key(const struct amojo_target *t, struct json_object *body)
{
    struct json_object *payload = jread_object(body, "payload");
    const char *key = t->id[0] ? t->id : NULL;

    if (payload)
        key = jread_str(payload, "msgid") ? jread_str(payload, "msgid")
                                          : jread_str(payload, "id");
    else if (!key)
        key = jread_str(body, "conversation_id");
    return key;
}

static const char *api_verify(struct sandbox *s, struct exchange *x,
                              const struct amojo_channel *ch)
{
    struct view body = exchange_body(x);
    struct verify_call call = {
        .method = exchange_method(x),
        .path = exchange_path(x),
        .date = exchange_header(x, "Date"),
        .content_type = exchange_header(x, "Content-Type"),
        .content_md5 = exchange_header(x, "Content-MD5"),
        .signature = exchange_header(x, "X-Signature"),
        .body = body.ptr,
        .body_len = body.len,
    };

    return verify_call(&call, ch->secret, sandbox_unix_ms(s) / 1000);
}

static void api_process(struct sandbox *s, struct exchange *x, struct json_object *body,
                        uint64_t entry, struct reply *r)
{
    struct amojo_target t;

    (void)entry;
    /* Looked up anew: the call may have slept, and a reset may have come between. */
    if (!api_target(s, exchange_method(x), exchange_path(x), &t) || !t.channel) {
        amojo_reply_error(r, 404, "unknown channel");
    } else if (strcmp(t.kind, "connect") == 0) {
        amojo_call_connect(s, t.channel, body, r);
    } else if (strcmp(t.kind, "disconnect") == 0) {
        amojo_call_disconnect(s, t.channel, body, r);
    } else if (!t.scope || !t.scope->connected) {
        amojo_reply_error(r, 404, "scope is not connected");
    } else if (strcmp(t.kind, "new_message") == 0) {
        amojo_call_message(s, t.scope, body, exchange_body(x), r);
    } else if (strcmp(t.kind, "chats") == 0) {
        amojo_call_chats(s, t.scope, body, r);
    } else if (strcmp(t.kind, "delivery_status") == 0) {
        amojo_call_status(s, t.scope, t.id, body, r);
    } else if (strcmp(t.kind, "typing") == 0) {
        amojo_call_typing(s, t.scope, body, r);
    } else if (strcmp(t.kind, "react") == 0) {
        amojo_call_react(s, t.scope, body, r);
    } else {
        amojo_call_history(s, t.scope, t.id, exchange_argument(x, "limit"),
                           exchange_argument(x, "offset"), r);
    }
    if (r->status >= 400)
        s->counters.amojo_refused++;
}

/* Refused before the gate: no channel, no right signature, no room. */
static void api_refuse(struct sandbox *s, struct exchange *x, uint64_t entry, int status,
                       const char *words)
{
    struct reply r = {0};

    amojo_reply_error(&r, status, words);
    gate_answer(s, x, entry, &r);
}

void amojo_api_handle(struct sandbox *s, struct exchange *x)
{
    struct amojo_target t;
    bool known = api_target(s, exchange_method(x), exchange_path(x), &t);
    struct json_object *body = jread_parse(exchange_body(x));
    const char *event = jread_str(body, "event_type");
    const char *wrong = NULL;
    bool full = false;
    uint64_t entry = 0;

    if (known && strcmp(t.kind, "new_message") == 0 && event &&
        strcmp(event, "edit_message") == 0)
        t.kind = "edit_message";
    s->counters.amojo_calls++;
    if (!known || !t.channel)
        wrong = known ? "unknown channel" : "unknown address";
    else
        wrong = api_verify(s, x, t.channel);
    entry = gate_journal(s, x,
                         &(struct gate_seen){.side = "amojo",
                                             .kind = t.kind,
                                             .where = t.scope_id,
                                             .key = api_key(&t, body),
                                             .wrong = wrong},
                         &full);
    if (full || wrong) {
        int status = full ? 507 : !known || !t.channel ? 404 : 403;

        if (!full)
            *(status == 403 ? &s->counters.amojo_forbidden : &s->counters.amojo_refused) += 1;
        json_object_put(body);
        api_refuse(s, x, entry, status, full ? "sandbox_full: max_journal" : wrong);
        return;
    }
    gate_pass(
        s, x,
        &(struct gate_call){"amojo", t.kind, entry, body, api_process, amojo_reply_error});
}
