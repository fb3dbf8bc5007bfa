/* What: settings, channels, scopes, connectors, faults, reset.
 * From: control.
 * To:   the stores.
 * Holds: nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tools/sandbox/acts/answer.h"
#include "tools/sandbox/acts/control.h"
#include "tools/sandbox/amojo/notes.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/kit/text.h"
#include "tools/sandbox/record/faults.h"
#include "tools/sandbox/record/settings.h"
#include "tools/sandbox/record/verify.h"
#include "tools/sandbox/record/world.h"
#include "tools/sandbox/service/store.h"

enum {
    CONNECTORS_MAX = 10000
};

struct json_object *control_settings_get(struct control_request *q)
{
    return settings_json(&q->sandbox->settings);
}

struct json_object *control_settings_patch(struct control_request *q)
{
    struct jcheck c = {""};

    settings_patch(&q->sandbox->settings, q->body, &c);
    return jcheck_bad(&c) ? control_refuse_words(q->x, &c) : control_settings_get(q);
}

static struct json_object *setup_keys(const struct names *m)
{
    struct json_object *list = json_object_new_array();

    for (const struct name *e = names_first(m); e; e = names_next(m, e))
        json_object_array_add(list, json_object_new_string(e->text));
    return list;
}

static struct json_object *channel_json(const void *channel)
{
    const struct amojo_channel *ch = channel;
    struct json_object *o = json_object_new_object();

    jread_add_str(o, "id", ch->id);
    jread_add_str(o, "secret", ch->secret);
    jread_add_str_or_null(o, "webhook_url", ch->webhook_url);
    jread_add_str(o, "bot_id", ch->bot_id);
    jread_add_str(o, "name", ch->name);
    jread_add_str(o, "code", ch->code);
    jread_add_str(o, "client_uuid", ch->client_uuid);
    json_object_object_add(o, "allowed_accounts",
                           ch->restricted ? setup_keys(&ch->allowed) : NULL);
    json_object_object_add(o, "users", setup_keys(&ch->speakers));
    return o;
}

static void registration_accounts(const struct amojo_channel *ch, struct json_object *list)
{
    for (const struct name *e = names_first(&ch->allowed); e; e = names_next(&ch->allowed, e)) {
        struct json_object *a = jread_append_object(list);

        jread_add_str(a, "id", e->text);
        jread_add_str(a, "external_id", "amocrm:31000001");
    }
}

/* Members that a test wants otherwise, or (null) not at all. */
static void registration_lay_over(struct json_object *o, const struct amojo_channel *ch)
{
    struct json_object *over = ch->registration ? json_tokener_parse(ch->registration) : NULL;

    for (struct jread_walk w = jread_walk(over); jread_next(&w);) {
        jread_add(o, w.key, w.value);
        if (!w.value)
            json_object_object_del(o, w.key);
    }
    json_object_put(over);
}

/* What amoCRM's support mails when a channel was registered, but for what the channel has. */
static const char registration_form[] =
    "{\"id\":null,\"code\":null,\"secret_key\":null,\"name\":null,\"webhook_url\":\"\","
    "\"enabled\":true,\"test_mode\":false,\"allowed_acc_list\":[],"
    "\"contact_email\":\"sandbox@example.com\",\"created_at\":0,\"updated_at\":0,"
    "\"widget_code\":\"sandbox\",\"supports_reply\":true,\"write_first\":true,"
    "\"webhook_url_v2\":\"\",\"time_window\":{\"enabled\":false,\"expires\":0,\"tags\":null,"
    "\"need_template\":false},\"bot\":{\"id\":null,\"name\":null,\"is_bot\":true},"
    "\"webhook_events\":[\"messages\"],\"saves_files\":true,"
    "\"icon\":\"https://example.com/icon.svg\",\"webhook_v2\":true,"
    "\"time_window_support\":false,\"need_display_template\":false,\"time_window_enum\":0,"
    "\"reactions_all\":true,\"reactions_list\":\"\",\"en_enabled\":false}";

static struct json_object *registration_json(const struct amojo_channel *ch)
{
    struct json_object *whole = json_object_new_object();
    struct json_object *o = jread_parse(view_of(registration_form));
    struct json_object *bot = jread_object(o, "bot");

    jread_add_str(o, "id", ch->id);
    jread_add_str(o, "code", ch->code);
    jread_add_str(o, "secret_key", ch->secret);
    jread_add_str(o, "name", ch->name);
    jread_add_str(o, "webhook_url", ch->webhook_url);
    jread_add_str(o, "webhook_url_v2", ch->webhook_url);
    registration_accounts(ch, jread_add_array(o, "allowed_acc_list"));
    jread_add_int(o, "created_at", ch->created_ms / 1000);
    jread_add_int(o, "updated_at", ch->created_ms / 1000);
    jread_add_str(bot, "id", ch->bot_id);
    jread_add_str(bot, "name", ch->name);
    jread_add_str(o, "client_uuid", ch->client_uuid);
    registration_lay_over(o, ch);
    json_object_object_add(jread_add_object(whole, "result"), ch->segment ? ch->segment : "ru",
                           o);
    json_object_object_add(whole, "error", NULL);
    return whole;
}

/* Put every string of an array into @m. */
static void setup_read_set(struct jcheck *c, struct json_object *list, const char *key,
                           struct names *m, void *value)
{
    for (size_t i = 0; i < jread_len(list); i++) {
        struct json_object *v = jread_at(list, i);

        if (!json_object_is_type(v, json_type_string))
            jcheck_fail(c, "", key, "must hold strings");
        else if (names_put(m, json_object_get_string(v), value))
            jcheck_fail(c, "", key, "no memory");
    }
}

/* A text that a tester may set. */
struct setup_text {
    const char *key;
    char **field;
    size_t max;
};

/* Set those that are given and not blank, unless something is wrong with one. */
static void setup_read_texts(struct jcheck *c, struct json_object *o,
                             const struct setup_text *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *v = jcheck_str(c, o, "", texts[i].key, JCHECK_OPTIONAL, texts[i].max);

        if (v && *v && !jcheck_bad(c))
            text_set(texts[i].field, v);
    }
}

static void channel_read(struct jcheck *c, struct json_object *o, struct amojo_channel *ch)
{
    const struct setup_text texts[] = {
        {"secret",      &ch->secret,      128 },
        {"webhook_url", &ch->webhook_url, 2000},
        {"bot_id",      &ch->bot_id,      64  },
        {"name",        &ch->name,        128 },
        {"code",        &ch->code,        128 },
        {"client_uuid", &ch->client_uuid, 64  },
        {"segment",     &ch->segment,     16  },
    };
    struct json_object *allowed = NULL;
    struct json_object *over = jread_object(o, "registration");

    if (over)
        text_set(&ch->registration, json_object_to_json_string(over));
    setup_read_texts(c, o, texts, AMO_COUNT(texts));
    if (json_object_object_get_ex(o, "allowed_accounts", &allowed)) {
        names_fini(&ch->allowed);
        ch->restricted = allowed != NULL;
        setup_read_set(c, jread_array(o, "allowed_accounts"), "allowed_accounts", &ch->allowed,
                       ch);
    }
    setup_read_set(c, jread_array(o, "users"), "users", &ch->speakers, ch);
}

struct json_object *control_channels_post(struct control_request *q)
{
    struct sandbox *s = q->sandbox;
    struct jcheck c = {""};
    const char *id = jcheck_str(&c, q->body, "", "id", JCHECK_OPTIONAL, 64);
    struct amojo_channel *ch = names_get(&s->amojo->channels, id);

    if (q->body && !json_object_is_type(q->body, json_type_object))
        jcheck_fail(&c, "", "body", "must be an object");
    if (id && (!*id || strpbrk(id, "_/")))
        jcheck_fail(&c, "", "id", "may not be blank nor hold _ or /");
    if (jcheck_bad(&c))
        return control_refuse_words(q->x, &c);
    if (!ch && (!amojo_has_room(s) || amojo_channel_add(s->amojo, id, sandbox_unix_ms(s), &ch)))
        return control_refuse(q->x, 507, "sandbox_full", "", "objects");
    channel_read(&c, q->body, ch);
    return jcheck_bad(&c) ? control_refuse_words(q->x, &c) : channel_json(ch);
}

struct json_object *control_channels_get(struct control_request *q)
{
    const struct names *channels = &q->sandbox->amojo->channels;
    char id[128];
    size_t n = strcspn(q->rest, "/");
    const struct amojo_channel *ch = NULL;

    if (!*q->rest)
        return control_items(channels, channel_json);
    if (view_copy(view_make(q->rest, n), id, sizeof(id)) == 0)
        ch = names_get(channels, id);
    if (ch && strcmp(q->rest + n, "/registration") == 0)
        return registration_json(ch);
    return ch && !q->rest[n] ? channel_json(ch)
                             : control_refuse(q->x, 404, "not_found", "id", "no such channel");
}

static struct json_object *scope_json(const void *scope)
{
    const struct amojo_scope *sc = scope;
    struct json_object *o = json_object_new_object();

    jread_add_str(o, "scope_id", sc->id);
    jread_add_str(o, "channel_id", sc->channel->id);
    jread_add_str(o, "account_id", sc->account_id);
    jread_add_str(o, "title", sc->title);
    jread_add_str(o, "manager_id", sc->manager_id);
    jread_add_bool(o, "connected", sc->connected);
    jread_add_uint(o, "connects", sc->connects);
    return o;
}

struct json_object *control_scopes_post(struct control_request *q)
{
    struct amojo_store *st = q->sandbox->amojo;
    struct jcheck c = {""};
    const char *channel = jcheck_str(&c, q->body, "", "channel_id", JCHECK_REQUIRED, 0);
    const char *account = jcheck_str(&c, q->body, "", "account_id", JCHECK_REQUIRED, 64);
    const char *title = jcheck_str(&c, q->body, "", "title", JCHECK_OPTIONAL, 0);
    struct amojo_channel *ch = names_get(&st->channels, channel);
    struct amojo_scope *sc = ch && account ? amojo_scope_find(st, ch, account) : NULL;

    if (jcheck_bad(&c))
        return control_refuse_words(q->x, &c);
    if (!ch)
        return control_refuse(q->x, 404, "not_found", "channel_id", "no such channel");
    if (!sc && (!amojo_has_room(q->sandbox) || amojo_scope_add(st, ch, account, &sc)))
        return control_refuse(q->x, 507, "sandbox_full", "", "objects");
    if (title)
        text_set(&sc->title, title);
    sc->connected = true;
    return scope_json(sc);
}

struct json_object *control_scopes_get(struct control_request *q)
{
    return control_items(&q->sandbox->amojo->scopes, scope_json);
}

static bool connector_name_ok(const char *name)
{
    size_t n = name ? strlen(name) : 0;

    return n >= 1 && n <= 32 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

/* One of @words (NULL ends them), as its number; -1 and words when it is another. */
static int connector_word(struct jcheck *c, struct json_object *o, const char *key,
                          const char *const *words)
{
    const char *v = jcheck_str(c, o, "", key, JCHECK_OPTIONAL, 0);

    for (int i = 0; v && words[i]; i++) {
        if (strcmp(v, words[i]) == 0)
            return i;
    }
    if (v)
        jcheck_fail(c, "", key, "is not one of the words");
    return -1;
}

static void connector_read_words(struct jcheck *c, struct json_object *o,
                                 struct service_connector *k)
{
    static const char *const ids[] = {"mid", "service", NULL};
    int auth = connector_word(c, o, "auth", service_auth_names);
    int report = connector_word(c, o, "report", service_report_names);
    int id = connector_word(c, o, "report_id", ids);

    if (auth >= 0)
        k->auth = (enum service_auth)auth;
    if (report >= 0)
        k->report = (enum service_report)report;
    if (id >= 0)
        k->report_service_id = id == 1;
    if (jread_get(o, "answer_ids"))
        k->answer_ids = jcheck_bool(c, o, "", "answer_ids");
}

static void connector_check_secret(struct jcheck *c, struct json_object *o, const char *key)
{
    const char *v = jcheck_str(c, o, "", key, JCHECK_OPTIONAL, 200);
    uint8_t bytes[VERIFY_KEY_MAX];
    size_t n = 0;

    if (v && verify_webhook_key(v, bytes, &n))
        jcheck_fail(c, "", key, "is no whsec_ secret of 24 to 64 bytes");
}

static void connector_read(struct jcheck *c, struct json_object *o, struct service_connector *k)
{
    struct json_object *error = jcheck_object(c, o, "", "report_error", JCHECK_OPTIONAL);
    const char *prefix = jcheck_str(c, o, "", "conversation_prefix", JCHECK_OPTIONAL, 32);
    const struct setup_text texts[] = {
        {"bridge_url", &k->bridge_url, 1000},
        {"token",      &k->token,      200 },
        {"secret",     &k->secret,     200 },
    };
    const struct setup_text error_texts[] = {
        {"code", &k->error_code, 0},
        {"text", &k->error_text, 0},
    };
    struct json_object *old = NULL;

    connector_check_secret(c, o, "secret");
    connector_check_secret(c, o, "secret_old");
    connector_read_words(c, o, k);
    setup_read_texts(c, o, texts, AMO_COUNT(texts));
    setup_read_texts(c, error, error_texts, AMO_COUNT(error_texts));
    if (jcheck_bad(c))
        return;
    for (size_t n = k->bridge_url ? strlen(k->bridge_url) : 0; n > 0; n--) {
        if (k->bridge_url[n - 1] != '/')
            break;
        k->bridge_url[n - 1] = '\0';
    }
    if (prefix)
        text_set(&k->prefix, prefix);
    if (json_object_object_get_ex(o, "secret_old", &old))
        text_set(&k->secret_old, jread_str(o, "secret_old"));
}

struct json_object *control_connectors_post(struct control_request *q)
{
    struct service_store *st = q->sandbox->service;
    struct jcheck c = {""};
    const char *name = jcheck_str(&c, q->body, "", "name", JCHECK_REQUIRED, 0);
    struct service_connector *k = names_get(&st->connectors, name);

    if (name && !connector_name_ok(name))
        jcheck_fail(&c, "", "name", "must be 1 to 32 of a-z, 0-9 and -");
    if (!jcheck_bad(&c) && !k &&
        (st->connectors.n >= CONNECTORS_MAX || service_connector_add(st, name, &k)))
        return control_refuse(q->x, 507, "sandbox_full", "", "connectors");
    if (!jcheck_bad(&c))
        connector_read(&c, q->body, k);
    return jcheck_bad(&c) ? control_refuse_words(q->x, &c) : service_connector_json(k);
}

struct json_object *control_connectors_get(struct control_request *q)
{
    const struct names *connectors = &q->sandbox->service->connectors;
    const struct service_connector *k = names_get(connectors, q->rest);

    if (!*q->rest)
        return control_items(connectors, service_connector_json);
    return k ? service_connector_json(k)
             : control_refuse(q->x, 404, "not_found", "name", "no such connector");
}

struct json_object *control_faults_post(struct control_request *q)
{
    bool many = json_object_is_type(q->body, json_type_array);
    struct json_object *o = json_object_new_object();
    struct json_object *items = jread_add_array(o, "items");
    struct jcheck c = {""};

    for (size_t i = 0; i < (many ? jread_len(q->body) : 1) && !jcheck_bad(&c); i++) {
        struct json_object *rule = many ? jread_at(q->body, i) : q->body;
        struct json_object *item = faults_add(&q->sandbox->faults, rule, &c);

        if (item)
            json_object_array_add(items, item);
    }
    if (!jcheck_bad(&c))
        return o;
    json_object_put(o);
    return control_refuse_words(q->x, &c);
}

struct json_object *control_faults_get(struct control_request *q)
{
    return faults_json(&q->sandbox->faults);
}

struct json_object *control_faults_delete(struct control_request *q)
{
    struct faults *faults = &q->sandbox->faults;

    if (!*q->rest)
        faults_clear(faults);
    else if (!faults_remove(faults, strtoull(q->rest, NULL, 10)))
        return control_refuse(q->x, 404, "not_found", "fault", "no such rule");
    return faults_json(faults);
}
