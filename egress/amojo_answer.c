/* amojo: what an answer teaches.
 *
 * From: egress/transfer.c, what came back.
 * To: back to it: amo's ids, what the history holds, words for people.
 * Holds: nothing. Source: docs/amojo.md "Identifiers", "Answers". */

#include "egress/amojo.h"

#include "base/ids.h"
#include "proto/limits.h"

static void read_message(const struct command *c, struct target_reading *ret);
static void read_edit(const struct command *c, const struct http_answer *a,
                      struct target_reading *ret);
static bool is_consent(const struct target_reading *r, const struct http_answer *a);
static void read_chat(const struct command *c, struct target_reading *ret);
static void read_connect(struct target_reading *ret);
static void read_history(const struct command *c, const struct http_answer *a,
                         struct target_reading *ret);
static void read_error(struct target_reading *ret);

void amojo_read(const struct command *c, const struct http_answer *a,
                struct target_reading *ret)
{
    *ret = (struct target_reading){0};
    /* no memory and no JSON are the same here: not readable; NULL reads as absent below */
    if (a->end == HTTP_ANSWERED && a->body.len && !a->truncated &&
        json_parse(a->body, &ret->doc))
        ret->doc = NULL;
    ret->form = target_form(a, ret->doc != NULL);
    if (a->status < 200 || a->status > 299) {
        read_error(ret);
        return;
    }
    switch ((enum command_kind)c->kind) {
    case COMMAND_AMO_MESSAGE:
    case COMMAND_AMO_OUTGOING:
        read_message(c, ret);
        break;
    case COMMAND_AMO_EDIT:
        read_edit(c, a, ret);
        break;
    case COMMAND_AMO_CONNECT:
        read_connect(ret);
        break;
    case COMMAND_AMO_CREATE_CHAT:
        read_chat(c, ret);
        break;
    case COMMAND_AMO_HISTORY:
        read_history(c, a, ret);
        break;
    case COMMAND_AMO_STATUS:
    case COMMAND_AMO_REACTION:
    case COMMAND_AMO_TYPING:
    case COMMAND_AMO_DISCONNECT:
        ret->readable = is_consent(ret, a);
        break;
    case COMMAND_AMO_REACH:
    case COMMAND_AMO_HOOK:
    case COMMAND_SERVICE_MESSAGE:
    case COMMAND_SERVICE_REACTION:
    case COMMAND_SERVICE_TYPING:
    case COMMAND_SERVICE_FAILED:
    case COMMAND_SERVICE_TEST:
        ret->readable = true; /* any 2xx, with or without a body */
        break;
    }
}

/* To what need teach nothing amojo says nothing, a word, or some JSON that is no error. Anything
 * else, half a document too, is not amojo's. */
static bool is_consent(const struct target_reading *r, const struct http_answer *a)
{
    static const char *const errors[] = {"error", "errors", "error_code", "error_type"};
    const struct json_node *root = target_root(r);

    if (!r->doc) /* JSON that is longer than we read is some JSON */
        return target_is_word(a->body) || (a->truncated && a->body.len &&
                                           (a->body.ptr[0] == '{' || a->body.ptr[0] == '['));
    for (size_t i = 0; i < AMO_COUNT(errors); i++) {
        if (json_get(root, errors[i]))
            return false;
    }
    return !view_is(target_text(r->doc, json_get(root, "status")), "error");
}

/* An id of amo's: a UUID, and not what we sent. One edition of the answer gives our own ids back
 * where others give amo's. */
static struct view foreign_id(struct json *doc, const struct json_node *n, struct view ours)
{
    struct view v = target_text(doc, n);
    struct id id;

    if (view_empty(v) || view_equal(v, ours) || id_parse(v, &id))
        return VIEW_NONE;
    return v;
}

/* msgid is amo's id here, ours comes back as ref_id. */
static struct view amo_message_id(const struct target_reading *r, const struct json_node *n,
                                  struct view ours)
{
    struct view id = target_text(r->doc, json_get(n, "msgid"));

    return view_empty(id) || id.len > LIMIT_ID || view_equal(id, ours) ? VIEW_NONE : id;
}

static void read_message(const struct command *c, struct target_reading *ret)
{
    const struct json_node *n = json_get(target_root(ret), "new_message");
    struct view named = target_text(ret->doc, json_get(n, "ref_id"));

    if (!view_empty(named) && !view_equal(named, c->key))
        return; /* of another message: a cache in between */
    ret->amo_message_id = amo_message_id(ret, n, c->key);
    ret->readable = !view_empty(ret->amo_message_id);
    ret->amo_chat_id = foreign_id(ret->doc, json_get(n, "conversation_id"), c->conversation_id);
    ret->amo_sender_id = foreign_id(ret->doc, json_get(n, "sender_id"), c->sender_id);
    ret->amo_receiver_id = foreign_id(ret->doc, json_get(n, "receiver_id"), c->receiver_id);
}

/* What an edit is answered is not documented: it need teach nothing. */
static void read_edit(const struct command *c, const struct http_answer *a,
                      struct target_reading *ret)
{
    const struct json_node *n = json_get(target_root(ret), "new_message");
    struct view named = target_text(ret->doc, json_get(n, "ref_id"));

    ret->amo_message_id = amo_message_id(ret, n, c->message_client_id);
    if (!view_empty(named) && !view_empty(c->message_client_id) &&
        !view_equal(named, c->message_client_id) &&
        !view_equal(ret->amo_message_id, c->message_id)) {
        ret->amo_message_id = VIEW_NONE;
        return; /* of another message: a cache in between */
    }
    ret->amo_chat_id = foreign_id(ret->doc, json_get(n, "conversation_id"), c->conversation_id);
    ret->readable = is_consent(ret, a);
}

static void read_chat(const struct command *c, struct target_reading *ret)
{
    const struct json_node *root = target_root(ret);

    ret->amo_chat_id = foreign_id(ret->doc, json_get(root, "id"), c->conversation_id);
    ret->amo_sender_id = foreign_id(ret->doc, json_path(root, "user.id"), c->sender_id);
    ret->readable = !view_empty(ret->amo_chat_id);
}

static void read_connect(struct target_reading *ret)
{
    struct view scope = target_text(ret->doc, json_get(target_root(ret), "scope_id"));

    if (!view_empty(scope) && scope.len <= LIMIT_ID) {
        ret->scope_id = scope;
        ret->readable = true;
    }
}

/* Is it the one that is looked for? Without a key: one that was written in amoCRM, of which amo
 * knows no id of ours. */
static bool is_wanted(const struct command *c, const struct target_reading *r,
                      const struct json_node *m)
{
    struct view ours = target_text(r->doc, json_get(m, "client_id"));

    return view_empty(c->key) ? view_empty(ours) : view_equal(ours, c->key);
}

/* Are all of the page older than what is looked for? Then the pages behind it are, too, in whichever
 * order amo keeps them. A row without a time may be of any. */
static bool is_passed(const struct json_node *messages, int64_t until_ms)
{
    for (size_t i = 0; i < json_array_len(messages); i++) {
        const struct json_node *m = json_array_at(messages, i);
        int64_t at = 0;

        if (json_int(json_get(m, "timestamp"), &at) && at > 0 && at < INT64_MAX / 1000)
            at *= 1000;
        (void)json_int(json_get(m, "msec_timestamp"),
                       &at); /* where there is one, it is finer */
        if (at <= 0 || at >= until_ms)
            return false;
    }
    return until_ms > 0;
}

/* Without a key: the newest that was written in amoCRM. */
static void read_history(const struct command *c, const struct http_answer *a,
                         struct target_reading *ret)
{
    const struct json_node *messages = json_get(target_root(ret), "messages");

    if (a->status == 204) { /* no such chat, or nothing in it */
        ret->readable = ret->complete = true;
        return;
    }
    if (!json_is_array(messages))
        return;
    ret->readable = ret->complete = true;
    for (size_t i = 0; i < json_array_len(messages) && !ret->found; i++) {
        const struct json_node *m = json_get(json_array_at(messages, i), "message");
        struct view id = target_text(ret->doc, json_get(m, "id"));

        if (view_empty(id) || id.len > LIMIT_ID) {
            ret->readable = ret->complete = false; /* this row might be the one */
            continue;
        }
        if (!is_wanted(c, ret, m))
            continue;
        ret->found = true;
        ret->amo_message_id = id;
    }
    if (ret->found)
        ret->readable = ret->complete = true;
    else if (ret->complete && json_array_len(messages) >= AMOJO_HISTORY_PAGE &&
             !is_passed(messages, c->until_ms))
        ret->next_offset = c->offset + AMOJO_HISTORY_PAGE;
}

/* The form of an error is not documented: for people to read, never for decisions. */
static void read_error(struct target_reading *ret)
{
    const struct json_node *root = target_root(ret);
    struct view words = target_text(ret->doc, json_get(root, "error_description"));

    ret->words = view_empty(words) ? target_text(ret->doc, json_get(root, "detail")) : words;
}
