/* What: the history of a chat, newest first.
 * From: api, through the gate; signature and scope are right.
 * To:   the bridge.
 * Holds: nothing. */
#include <stdlib.h>

#include "tools/sandbox/amojo/calls.h"
#include "tools/sandbox/amojo/show.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/http/request.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/record/world.h"

enum {
    HISTORY_MAX = 50
};

static void history_speaker(struct json_object *o, const struct amojo_message *m,
                            struct json_object *payload)
{
    jread_add_str(o, "id", m->speaker_id);
    jread_add_str(o, "name", jread_str(jread_object(payload, "sender"), "name"));
}

static struct json_object *history_content(const struct amojo_message *m,
                                           struct json_object *payload)
{
    static const char *const fields[] = {"type",           "text",      "media",
                                         "thumbnail",      "file_name", "file_size",
                                         "media_group_id", "location",  "contact"};
    static const char *const links[] = {"reply_to", "forwards"};
    struct json_object *o = json_object_new_object();
    struct json_object *content = amojo_message_content(m);

    jread_add_str(o, "id", m->id);
    jread_add_str(o, "client_id", m->client_id);
    jread_copy(o, content, fields, AMO_COUNT(fields));
    for (size_t i = 0; i < AMO_COUNT(links); i++) { /* of a call beside, of a webhook inside */
        struct json_object *v = jread_object(payload, links[i]);

        jread_add(o, links[i], v ? v : jread_object(content, links[i]));
    }
    json_object_put(content);
    return o;
}

static struct json_object *history_item(const struct amojo_message *m)
{
    struct json_object *o = json_object_new_object();
    struct json_object *whole = jread_blob(m->body);
    struct json_object *payload = jread_object(whole, "payload");
    const struct amojo_user *u = m->client ? m->client : m->chat->user;

    payload = payload ? payload : jread_object(whole, "message");
    jread_add_int(o, "timestamp", jread_int(payload, "timestamp", m->at_ms / 1000));
    jread_add_int(o, "msec_timestamp", jread_int(payload, "msec_timestamp", m->at_ms));
    if (m->from != FROM_CLIENT)
        history_speaker(jread_add_object(o, "sender"), m, payload);
    if (u)
        amojo_add_user(jread_add_object(o, m->from == FROM_CLIENT ? "sender" : "receiver"), u);
    json_object_object_add(o, "message", history_content(m, payload));
    json_object_put(whole);
    return o;
}

/* Number of a query parameter; -1 when it is there but no number. */
static int64_t history_number(const char *text, int64_t otherwise)
{
    char *end = NULL;
    long v = strtol(text, &end, 10);

    if (!*text)
        return otherwise;
    return *end || v < 0 ? -1 : v;
}

static const struct amojo_message *message_at(const struct amojo_chat *chat, size_t i)
{
    return chat->messages.at[i];
}

int amojo_call_history(struct amojo_ask *q)
{
    struct amojo_chat *chat = names_get(&q->scope->chats_by_id, q->id);
    int64_t limit = history_number(request_argument(q->x, "limit"), HISTORY_MAX);
    int64_t offset = history_number(request_argument(q->x, "offset"), 0);
    struct json_object *o = NULL;
    struct json_object *items = NULL;
    int64_t until_ms = sandbox_unix_ms(q->sandbox) - q->sandbox->settings.history_delay_ms;
    size_t n = chat ? chat->messages.n : 0;

    if (limit < 1 || limit > HISTORY_MAX || offset < 0)
        return amojo_refuse(q, 400, "limit: must be 1 to 50");
    q->sandbox->counters.amojo_histories++;
    while (n > 0 && message_at(chat, n - 1)->at_ms > until_ms)
        n--; /* not shown yet */
    if (!chat || (size_t)offset >= n)
        return 204;
    o = json_object_new_object();
    items = jread_add_array(o, "messages");
    for (size_t i = n - (size_t)offset; i > 0 && limit > 0; i--, limit--)
        json_object_array_add(items, history_item(chat->messages.at[i - 1]));
    return amojo_answer(q, o);
}
