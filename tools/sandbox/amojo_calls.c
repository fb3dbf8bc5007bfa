/* What: every call to amojo but messages: connect, disconnect, chats, statuses, typing,
 *       reactions, history.
 * From: amojo_api, through the gate; signature and scope are right.
 * To:   amojo_store.
 * Holds: nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tools/sandbox/amojo_api.h"
#include "tools/sandbox/amojo_check.h"
#include "tools/sandbox/sandbox.h"

enum {
    HISTORY_MAX = 50
};

/* The end of every check: 400 with the words, true when the call is refused. */
static bool call_refused(const struct jcheck *c, struct json_object *body, struct reply *r)
{
    if (!body)
        amojo_reply_error(r, 400, "body: is not JSON");
    else if (jcheck_bad(c))
        amojo_reply_error(r, 400, c->words);
    return !body || jcheck_bad(c);
}

static struct json_object *connect_reply(const struct amojo_scope *sc)
{
    struct json_object *o = json_object_new_object();

    jread_add_str(o, "account_id", sc->account_id);
    jread_add_str(o, "scope_id", sc->id);
    jread_add_str(o, "title", sc->title);
    jread_add_str(o, "hook_api_version", sc->hook_api_version);
    jread_add_bool(o, "is_time_window_disabled", sc->time_window_disabled);
    return o;
}

static struct amojo_scope *connect_scope(struct sandbox *s, struct amojo_channel *ch,
                                         const char *account)
{
    struct amojo_scope *sc = amojo_scope_find(&s->amojo, ch, account);

    if (sc)
        return sc;
    if (!sandbox_has_room(s, amojo_count_objects(&s->amojo), SANDBOX_OBJECTS_MAX, "objects"))
        return NULL;
    return amojo_scope_add(&s->amojo, ch, account, &sc) ? NULL : sc;
}

void amojo_call_connect(struct sandbox *s, struct amojo_channel *ch, struct json_object *body,
                        struct reply *r)
{
    struct jcheck c = {""};
    const char *account = jcheck_str(&c, body, "", "account_id", JCHECK_REQUIRED, 64);
    const char *version = jcheck_str(&c, body, "", "hook_api_version", JCHECK_REQUIRED, 0);
    const char *title = jcheck_str(&c, body, "", "title", JCHECK_OPTIONAL, 0);
    bool window = jcheck_bool(&c, body, "", "is_time_window_disabled");
    struct amojo_scope *sc = NULL;

    if (version && strcmp(version, "v2") != 0)
        jcheck_fail(&c, "", "hook_api_version", "must be v2");
    if (call_refused(&c, body, r))
        return;
    if (ch->restricted && !strmap_get(&ch->allowed, account)) {
        amojo_reply_error(r, 403, "account is not allowed on this channel");
        return;
    }
    sc = connect_scope(s, ch, account);
    if (!sc) {
        amojo_reply_error(r, 507, "sandbox_full");
        return;
    }
    if (title)
        amojo_set(&sc->title, title);
    sc->time_window_disabled = window;
    sc->connected = true;
    sc->connects++;
    s->counters.amojo_connects++;
    amojo_reply_json(r, connect_reply(sc));
}

void amojo_call_disconnect(struct sandbox *s, struct amojo_channel *ch,
                           struct json_object *body, struct reply *r)
{
    struct jcheck c = {""};
    const char *account = jcheck_str(&c, body, "", "account_id", JCHECK_REQUIRED, 64);
    struct amojo_scope *sc = NULL;

    if (call_refused(&c, body, r))
        return;
    sc = amojo_scope_find(&s->amojo, ch, account);
    if (!sc || !sc->connected) {
        amojo_reply_error(r, 404, "account is not connected");
        return;
    }
    sc->connected = false;
    s->counters.amojo_disconnects++;
    r->status = 200;
}

static struct json_object *chats_reply(const struct amojo_chat *chat, bool only_ids)
{
    struct json_object *o = json_object_new_object();
    struct json_object *u = json_object_new_object();
    const struct amojo_user *user = chat->user;

    jread_add_str(o, "id", chat->id);
    jread_add_str(u, "id", user->id);
    if (!only_ids) {
        jread_add_str(u, "client_id", user->client_id);
        jread_add_str(u, "name", user->name);
        jread_add_str(u, "phone", user->phone);
    }
    json_object_object_add(o, "user", u);
    return o;
}

/* The participant of a chat that is being made: ours by id, or (seen live) a CRM user by
 * ref_id alone, who then gets a participant of his own. */
static struct amojo_user *chats_user(struct sandbox *s, struct amojo_scope *sc,
                                     struct json_object *user)
{
    const char *id = jread_str(user, "id");
    const char *phone = jread_str(jread_object(user, "profile"), "phone");
    struct amojo_user *u = strmap_get(&sc->users_by_client, id);

    if (!u && amojo_user_add(&s->amojo, sc, NULL, id, &u))
        return NULL;
    if (jread_str(user, "name"))
        amojo_set(&u->name, jread_str(user, "name"));
    if (phone)
        amojo_set(&u->phone, phone);
    return u;
}

void amojo_call_chats(struct sandbox *s, struct amojo_scope *sc, struct json_object *body,
                      struct reply *r)
{
    struct jcheck c = {""};
    const char *conversation =
        jcheck_str(&c, body, "", "conversation_id", JCHECK_REQUIRED, AMOJO_CLIENT_ID_MAX);
    const char *source = amojo_check_source(&c, body, "");
    struct json_object *user = jcheck_object(&c, body, "", "user", JCHECK_REQUIRED);
    bool by_ref = jread_str(user, "ref_id") && !jread_get(user, "id");
    struct amojo_chat *chat = NULL;
    struct amojo_user *u = NULL;

    if (!by_ref) {
        (void)jcheck_str(&c, user, "user", "id", JCHECK_REQUIRED, AMOJO_CLIENT_ID_MAX);
        (void)jcheck_str(&c, user, "user", "name", JCHECK_REQUIRED, 0); /* c keeps it */
    }
    if (call_refused(&c, body, r))
        return;
    if (!sandbox_has_room(s, amojo_count_objects(&s->amojo), SANDBOX_OBJECTS_MAX, "objects")) {
        amojo_reply_error(r, 507, "sandbox_full");
        return;
    }
    chat = strmap_get(&sc->chats_by_client, conversation);
    if (!chat) {
        u = chats_user(s, sc, user);
        if (!u || amojo_chat_add(&s->amojo, sc, NULL, conversation, u, &chat)) {
            amojo_reply_error(r, 500, "no memory");
            return;
        }
        chat->seq = sandbox_seq(s);
        amojo_set(&chat->source, source);
        s->counters.amojo_chats++;
    }
    amojo_reply_json(r, chats_reply(chat, by_ref));
}

/* Either spelling, or both when they agree. */
static int64_t status_read(struct jcheck *c, struct json_object *body, const char *id)
{
    bool new_form = jread_get(body, "status_code");
    bool old_form = jread_get(body, "delivery_status");
    int64_t code = jcheck_int(c, body, "", "status_code", JCHECK_OPTIONAL);
    int64_t old = jcheck_int(c, body, "", "delivery_status", JCHECK_OPTIONAL);
    const char *msgid = jcheck_str(c, body, "", "msgid", JCHECK_OPTIONAL, 0);

    if (!new_form && !old_form)
        jcheck_fail(c, "", "status_code", "is required");
    if (new_form && old_form && code != old)
        jcheck_fail(c, "", "delivery_status", "differs from status_code");
    if (msgid && strcmp(msgid, id) != 0)
        jcheck_fail(c, "", "msgid", "differs from the address");
    if (!new_form)
        code = old;
    if (code != -1 && code != 1 && code != 2)
        jcheck_fail(c, "", "status_code", "must be -1, 1 or 2");
    amojo_check_error(c, body, "", code);
    return code;
}

/* In adopt mode a message the sandbox never saw is taken in, without content. */
static struct amojo_message *status_adopt(struct sandbox *s, struct amojo_scope *sc,
                                          const char *id)
{
    struct amojo_chat *chat = strmap_get(&sc->chats_by_id, "adopted");
    struct amojo_message *m = NULL;

    if (!chat) {
        if (amojo_chat_add(&s->amojo, sc, "adopted", NULL, NULL, &chat))
            return NULL;
        chat->seq = sandbox_seq(s);
    }
    if (amojo_message_add(&s->amojo, chat, id, NULL, NULL, &m))
        return NULL;
    m->seq = sandbox_seq(s);
    m->from = FROM_MANAGER;
    return m;
}

void amojo_call_status(struct sandbox *s, struct amojo_scope *sc, const char *id,
                       struct json_object *body, struct reply *r)
{
    struct jcheck c = {""};
    int64_t code = status_read(&c, body, id);
    struct amojo_message *m = strmap_get(&sc->messages_by_id, id);
    const char *error = jread_str(body, "error");
    bool backwards = false;

    if (call_refused(&c, body, r))
        return;
    if (!m && s->settings.adopt_unknown)
        m = status_adopt(s, sc, id);
    if (!m) {
        amojo_reply_error(r, 404, "message not found");
        return;
    }
    if (!sandbox_has_room(s, s->amojo.statuses.n, (size_t)s->settings.max_log, "max_log")) {
        amojo_reply_error(r, 507, "sandbox_full");
        return;
    }
    backwards = m->has_status && code < m->status;
    if (amojo_status_add(&s->amojo,
                         &(struct amojo_status){
                             .seq = sandbox_seq(s),
                             .at_ms = sandbox_unix_ms(s),
                             .scope = sc,
                             .status = code,
                             .error_code = jread_int(body, "error_code", 0),
                             .backwards = backwards,
                         },
                         m->id, error)) {
        amojo_reply_error(r, 500, "no memory");
        return;
    }
    m->has_status = true;
    m->status = code;
    m->error_code = jread_int(body, "error_code", 0);
    s->counters.amojo_statuses++;
    s->counters.amojo_backwards += backwards;
    r->status = 200;
}

void amojo_call_typing(struct sandbox *s, struct amojo_scope *sc, struct json_object *body,
                       struct reply *r)
{
    struct jcheck c = {""};
    const char *conversation = jcheck_str(&c, body, "", "conversation_id", JCHECK_REQUIRED, 0);
    struct json_object *sender = jcheck_object(&c, body, "", "sender", JCHECK_REQUIRED);

    (void)jcheck_str(&c, sender, "sender", "id", JCHECK_REQUIRED, 0); /* c keeps the mistake */
    if (jcheck_int(&c, body, "", "duration_ms", JCHECK_OPTIONAL) < 0)
        jcheck_fail(&c, "", "duration_ms", "is negative");
    if (call_refused(&c, body, r))
        return;
    if (!strmap_get(&sc->chats_by_client, conversation) && !s->settings.adopt_unknown) {
        amojo_reply_error(r, 404, "chat not found");
        return;
    }
    s->counters.amojo_typings++;
    r->status = 204;
}

static void react_check(struct jcheck *c, struct json_object *body)
{
    const char *type = jcheck_str(c, body, "", "type", JCHECK_REQUIRED, 0);
    struct json_object *user = jcheck_object(c, body, "", "user", JCHECK_REQUIRED);

    if (!jcheck_str(c, body, "", "conversation_id", JCHECK_OPTIONAL, 0) &&
        !jcheck_str(c, body, "", "conversation_ref_id", JCHECK_OPTIONAL, 0))
        jcheck_fail(c, "", "conversation_id", "or conversation_ref_id is required");
    if (!jcheck_str(c, body, "", "id", JCHECK_OPTIONAL, 0) &&
        !jcheck_str(c, body, "", "msgid", JCHECK_OPTIONAL, 0))
        jcheck_fail(c, "", "msgid", "or id is required");
    (void)jcheck_str(c, user, "user", "id", JCHECK_REQUIRED, 0); /* c keeps the mistake */
    (void)jcheck_str(c, user, "user", "ref_id", JCHECK_OPTIONAL, 0);
    if (type && strcmp(type, "react") != 0 && strcmp(type, "unreact") != 0)
        jcheck_fail(c, "", "type", "must be react or unreact");
    (void)jcheck_str(c, body, "", "emoji",
                     type && strcmp(type, "react") == 0 ? JCHECK_REQUIRED : JCHECK_OPTIONAL, 0);
}

void amojo_call_react(struct sandbox *s, struct amojo_scope *sc, struct json_object *body,
                      struct reply *r)
{
    struct jcheck c = {""};

    react_check(&c, body);
    if (call_refused(&c, body, r))
        return;
    if (!amojo_find_message(sc, jread_str(body, "id"), jread_str(body, "msgid")) &&
        !s->settings.adopt_unknown) {
        amojo_reply_error(r, 404, "message not found");
        return;
    }
    s->counters.amojo_reactions++;
    r->status = 200;
}

static struct json_object *history_party(const char *id, const char *client_id,
                                         const char *name, const char *phone)
{
    struct json_object *o = json_object_new_object();

    jread_add_str(o, "id", id);
    jread_add_str(o, "name", name);
    jread_add_str(o, "client_id", client_id);
    jread_add_str(o, "phone", phone);
    return o;
}

static struct json_object *history_item(const struct amojo_message *m)
{
    static const char *const fields[] = {"type",           "text",      "media",
                                         "thumbnail",      "file_name", "file_size",
                                         "media_group_id", "location",  "contact"};
    struct json_object *o = json_object_new_object();
    struct json_object *out = json_object_new_object();
    struct json_object *whole = NULL;
    struct json_object *payload = amojo_message_payload(m, &whole);
    struct json_object *content = jread_object(payload, "message");
    const struct amojo_user *u = m->chat->user;
    struct json_object *client =
        u ? history_party(u->id, u->client_id, u->name, u->phone) : NULL;

    jread_add_int(o, "timestamp", jread_int(payload, "timestamp", m->at_ms / 1000));
    jread_add_int(o, "msec_timestamp", jread_int(payload, "msec_timestamp", m->at_ms));
    if (m->from == FROM_CLIENT) {
        json_object_object_add(o, "sender", client);
    } else {
        json_object_object_add(o, "sender", history_party(m->speaker_id, NULL, NULL, NULL));
        json_object_object_add(o, "receiver", client);
    }
    jread_add_str(out, "id", m->id);
    jread_add_str(out, "client_id", m->client_id);
    for (size_t i = 0; i < AMO_COUNT(fields); i++) {
        struct json_object *v = jread_get(content, fields[i]);

        if (v)
            json_object_object_add(out, fields[i], json_object_get(v));
    }
    json_object_object_add(o, "message", out);
    json_object_put(whole);
    return o;
}

/* Number of a query parameter; -1 when it is there but no number. */
static int64_t history_number(const char *query, const char *key, int64_t otherwise)
{
    size_t n = strlen(key);
    char *end = NULL;
    long v = 0;

    for (const char *p = query; *p; p += strcspn(p, "&"), p += *p == '&') {
        if (strncmp(p, key, n) != 0 || p[n] != '=')
            continue;
        v = strtol(p + n + 1, &end, 10);
        return end == p + n + 1 || (*end && *end != '&') || v < 0 ? -1 : v;
    }
    return otherwise;
}

void amojo_call_history(struct sandbox *s, struct amojo_scope *sc, const char *chat_id,
                        const char *query, struct reply *r)
{
    struct amojo_chat *chat = strmap_get(&sc->chats_by_id, chat_id);
    int64_t limit = history_number(query, "limit", HISTORY_MAX);
    int64_t offset = history_number(query, "offset", 0);
    struct json_object *o = NULL;
    struct json_object *items = NULL;

    if (limit < 1 || limit > HISTORY_MAX || offset < 0) {
        amojo_reply_error(r, 400, "limit: must be 1 to 50");
        return;
    }
    s->counters.amojo_histories++;
    if (!chat || (size_t)offset >= chat->messages.n) {
        r->status = 204;
        return;
    }
    o = json_object_new_object();
    items = json_object_new_array();
    for (size_t i = chat->messages.n - (size_t)offset; i > 0 && limit > 0; i--, limit--)
        json_object_array_add(items, history_item(chat->messages.at[i - 1]));
    json_object_object_add(o, "messages", items);
    amojo_reply_json(r, o);
}
