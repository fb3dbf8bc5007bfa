/* What: messages and actions as JSON, read again from the bodies they came in.
 * From: acts, history, hook_body.
 * To:   store.
 * Holds: nothing. */
#include "tools/sandbox/amojo/show.h"

#include "base/mem.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/kit/jread.h"

/* What a message may consist of; each is null in lists when it is not there. */
static const char *const content_keys[] = {
    "type",           "text",       "media",    "thumbnail", "file_name",     "file_size",
    "media_group_id", "sticker_id", "location", "contact",   "callback_data", "media_duration",
    "shared_post",    "post",       "markup",   "template",
};
static const char *const embedded_keys[] = {"type",      "text",      "media",    "thumbnail",
                                            "file_name", "file_size", "location", "contact"};

/* The payload of a call, the `message` of a webhook. */
static struct json_object *show_payload(struct json_object *whole)
{
    struct json_object *payload = jread_object(whole, "payload");

    return payload ? payload : jread_object(whole, "message");
}

/* The content of the message in it. */
static struct json_object *show_content(struct json_object *whole)
{
    return jread_object(show_payload(whole), "message");
}

struct json_object *amojo_message_content(const struct amojo_message *m)
{
    struct json_object *o = json_object_new_object();
    struct json_object *first = jread_blob(m->body);
    struct json_object *edit = jread_blob(m->edit);

    jread_lay_over(o, show_content(first));
    jread_lay_over(o, show_content(edit));
    json_object_put(first);
    json_object_put(edit);
    return o;
}

char *amojo_message_text(const struct amojo_message *m)
{
    struct json_object *content = amojo_message_content(m);
    const char *text = jread_str(content, "text");
    char *copy = text ? mem_strdup(text) : NULL;

    json_object_put(content);
    return copy;
}

/* How another message is named, and what it says: `form` is the key it was named by, or
 * "descriptive" when nobody knows it. */
static struct json_object *show_link(const struct amojo_scope *sc, struct json_object *embedded)
{
    struct json_object *o = json_object_new_object();
    const char *id = jread_str(embedded, "id");
    const char *msgid = jread_str(embedded, "msgid");
    const struct amojo_message *m = amojo_find_message(sc, id, msgid);
    struct json_object *content = m ? amojo_message_content(m) : json_object_get(embedded);
    const char *form = id ? "id" : "msgid";

    jread_add_str(o, "form", m ? form : "descriptive");
    jread_add_str_or_null(o, "id", m ? m->id : id);
    jread_add_str_or_null(o, "msgid", m ? m->client_id : msgid);
    jread_add_str_or_null(o, "type", jread_str(content, "type"));
    jread_add_str_or_null(o, "text", jread_str(content, "text"));
    jread_add_str_or_null(o, "media", jread_str(content, "media"));
    jread_add_str_or_null(o, "author", jread_str(jread_object(embedded, "sender"), "name"));
    json_object_put(content);
    return o;
}

/* What a message leans on: in the payload of a call, in the message of a webhook. */
static void show_links(struct json_object *o, const struct amojo_scope *sc,
                       struct json_object *payload)
{
    struct json_object *content = jread_object(payload, "message");
    struct json_object *reply = jread_object(payload, "reply_to");
    struct json_object *forwards = jread_object(payload, "forwards");
    struct json_object *list = NULL;
    struct json_object *shown = NULL;

    reply = reply ? reply : jread_object(content, "reply_to");
    reply = jread_object(reply, "message");
    list = jread_array(forwards ? forwards : jread_object(content, "forwards"), "messages");
    if (list)
        shown = json_object_new_array();
    for (size_t i = 0; i < jread_len(list); i++)
        json_object_array_add(shown, show_link(sc, jread_at(list, i)));
    json_object_object_add(o, "reply_to", reply ? show_link(sc, reply) : NULL);
    json_object_object_add(o, "forwards", shown);
}

/* Who speaks to whom, by the ids of the call that made the message. */
static void show_people(struct json_object *o, const struct amojo_message *m,
                        struct json_object *payload)
{
    struct json_object *sender = jread_object(payload, "sender");
    struct json_object *receiver = jread_object(payload, "receiver");

    jread_add_str_or_null(o, "author", m->from == FROM_CLIENT ? NULL : m->speaker_id);
    jread_add_str_or_null(o, "sender_id", jread_str(sender, "id"));
    jread_add_str_or_null(o, "sender_name", jread_str(sender, "name"));
    jread_add_str_or_null(o, "receiver_id", jread_str(receiver, "id"));
    jread_add_str_or_null(o, "participant", m->client ? m->client->id : NULL);
    jread_add_bool(o, "silent", jread_bool(payload, "silent", false));
    jread_add_str_or_null(o, "source",
                          jread_str(jread_object(payload, "source"), "external_id"));
}

static void show_outcome(struct json_object *o, const struct amojo_message *m)
{
    jread_add_int(o, "effects", 1);
    jread_add_uint(o, "calls", amojo_tries(m->chat->scope, m->client_id));
    jread_add_uint(o, "repeats", m->repeats);
    jread_add_uint(o, "edits", m->edits);
    jread_add_int_or_null(o, "status", m->has_status, m->status);
    jread_add_int_or_null(o, "error_code", m->error_code != 0, m->error_code);
    jread_add_str_or_null(o, "error", m->error);
    json_object_object_add(
        o, "reactions", m->reactions ? json_object_get(m->reactions) : json_object_new_array());
}

struct json_object *amojo_message_json(const void *message)
{
    const struct amojo_message *m = message;
    struct json_object *o = json_object_new_object();
    struct json_object *first = jread_blob(m->body);
    struct json_object *newest = jread_blob(m->edit ? m->edit : m->body);
    struct json_object *content = amojo_message_content(m);

    jread_add_uint(o, "seq", m->seq);
    jread_add_int(o, "at_ms", m->at_ms);
    jread_add_str(o, "scope_id", m->chat->scope->id);
    jread_add_str(o, "chat", m->chat->id);
    jread_add_str_or_null(o, "conversation_id", m->chat->client_id);
    jread_add_str_or_null(o, "msgid", m->client_id);
    jread_add_str(o, "id", m->id);
    jread_add_str(o, "from", amojo_from_name(m->from));
    for (size_t i = 0; i < AMO_COUNT(content_keys); i++)
        json_object_object_add(o, content_keys[i],
                               json_object_get(jread_get(content, content_keys[i])));
    show_links(o, m->chat->scope, show_payload(first));
    show_people(o, m, show_payload(first));
    show_outcome(o, m);
    json_object_object_add(o, "payload", json_object_get(show_payload(newest)));
    json_object_put(content);
    json_object_put(newest);
    json_object_put(first);
    return o;
}

void amojo_add_user(struct json_object *o, const struct amojo_user *u)
{
    jread_add_str(o, "id", u->id);
    jread_add_str(o, "client_id", u->client_id);
    jread_add_str(o, "name", u->name);
    jread_add_str(o, "avatar", u->avatar);
    jread_add_str(o, "phone", u->phone);
    jread_add_str(o, "email", u->email);
}

struct json_object *amojo_message_embedded(const struct amojo_message *m)
{
    struct json_object *o = json_object_new_object();
    struct json_object *sender = jread_add_object(o, "sender");
    struct json_object *first = jread_blob(m->body);
    struct json_object *payload = show_payload(first);
    struct json_object *content = amojo_message_content(m);

    jread_add_str(o, "id", m->id);
    jread_add_str(o, "msgid", m->client_id); /* when the bridge gave it one */
    jread_copy(o, content, embedded_keys, AMO_COUNT(embedded_keys));
    jread_add_int(o, "timestamp", jread_int(payload, "timestamp", m->at_ms / 1000));
    jread_add_int(o, "msec_timestamp", jread_int(payload, "msec_timestamp", m->at_ms));
    jread_add_str(sender, "id", m->speaker_id);
    jread_add_str(sender, "name", jread_str(jread_object(payload, "sender"), "name"));
    if (m->from == FROM_CLIENT && m->client)
        jread_add_str(sender, "client_id", m->client->client_id);
    json_object_put(content);
    json_object_put(first);
    return o;
}
