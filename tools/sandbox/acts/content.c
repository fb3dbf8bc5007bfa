/* What: a manager's shorthand for quotes, forwards, buttons and lists becomes a message.
 * From: manager.
 * To:   amojo/hook_body.
 * Holds: nothing. */
#include "tools/sandbox/acts/content.h"

#include "tools/sandbox/amojo/show.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/kit/names.h"

/* Taken as they are. */
static const char *const plain_keys[] = {
    "type",    "media",          "thumbnail",      "file_name",  "file_size",
    "tag",     "media_duration", "media_group_id", "sticker_id", "location",
    "contact", "post",           "markup",         "template",
};

/* The embedded form of the message that @name (either side's id, or an object with `id` or
 * `msgid`) stands for. NULL with words. */
static struct json_object *content_embedded(const struct amojo_scope *sc,
                                            struct json_object *name, const char *key,
                                            struct jcheck *c,
                                            const struct amojo_message **ret_message)
{
    const char *id = json_object_is_type(name, json_type_string) ? json_object_get_string(name)
                                                                 : jread_str(name, "id");
    const char *msgid = id ? id : jread_str(name, "msgid");
    const struct amojo_message *m = names_get(&sc->messages_by_id, id);

    m = m ? m : names_get(&sc->messages_by_client, msgid);
    *ret_message = m;
    if (m)
        return amojo_message_embedded(m);
    jcheck_fail(c, "", key, "no such message");
    return NULL;
}

static struct json_object *content_reply(const struct amojo_scope *sc, struct json_object *v,
                                         struct jcheck *c)
{
    const struct amojo_message *m = NULL;
    struct json_object *o = NULL;

    if (jread_object(v, "message"))
        return json_object_get(v);
    o = json_object_new_object();
    json_object_object_add(o, "message", content_embedded(sc, v, "reply_to", c, &m));
    return o;
}

static struct json_object *content_forwards(const struct amojo_scope *sc, struct json_object *v,
                                            struct jcheck *c)
{
    bool many = json_object_is_type(v, json_type_array);
    struct json_object *o = NULL;
    struct json_object *list = NULL;

    if (jread_array(v, "messages"))
        return json_object_get(v);
    o = json_object_new_object();
    list = jread_add_array(o, "messages");
    for (size_t i = 0; i < (many ? jread_len(v) : 1); i++) {
        const struct amojo_message *m = NULL;

        json_object_array_add(
            list, content_embedded(sc, many ? jread_at(v, i) : v, "forwards", c, &m));
        if (m)
            jread_add_str(o, "conversation_ref_id", m->chat->id);
    }
    return o;
}

/* Rows of buttons: a text stands for a button, a single button for a row. */
static struct json_object *content_buttons(struct json_object *v)
{
    struct json_object *o = json_object_new_object();
    struct json_object *rows = json_object_new_array();

    for (size_t i = 0; i < jread_len(v); i++) {
        struct json_object *given = jread_at(v, i);
        bool whole = json_object_is_type(given, json_type_array);
        struct json_object *row = json_object_new_array();

        for (size_t j = 0; j < (whole ? jread_len(given) : 1); j++) {
            struct json_object *b = whole ? jread_at(given, j) : given;

            if (json_object_is_type(b, json_type_string))
                jread_add_str(jread_append_object(row), "text", json_object_get_string(b));
            else
                json_object_array_add(row, json_object_get(b));
        }
        json_object_array_add(rows, row);
    }
    jread_add_str(o, "mode", "inline");
    json_object_object_add(o, "buttons", rows);
    return o;
}

struct json_object *control_content(const struct amojo_scope *sc, struct json_object *act,
                                    struct jcheck *c)
{
    struct json_object *o = json_object_new_object();

    jread_copy(o, act, plain_keys, AMO_COUNT(plain_keys));
    if (jread_get(act, "reply_to"))
        json_object_object_add(o, "reply_to", content_reply(sc, jread_get(act, "reply_to"), c));
    if (jread_get(act, "forwards"))
        json_object_object_add(o, "forwards",
                               content_forwards(sc, jread_get(act, "forwards"), c));
    if (jread_array(act, "buttons"))
        json_object_object_add(o, "markup", content_buttons(jread_array(act, "buttons")));
    if (jread_object(act, "list"))
        jread_add(jread_add_object(o, "markup"), "list_message", jread_object(act, "list"));
    jread_lay_over(o, jread_object(act, "message"));
    if (!jcheck_bad(c))
        return o;
    json_object_put(o);
    return NULL;
}
