/* Verbs about channels and connectors.
 *
 * From: control.c. To: the store and core_registry_changed. Holds: nothing. */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/process.h"
#include "core/control.h"
#include "core/inquiry.h"
#include "proto/limits.h"
#include "proto/sign.h"

static int string_of(struct view v, char **ret)
{
    *ret = mem_strndup(v.ptr ? v.ptr : "", v.len);
    return *ret ? 0 : -ENOMEM;
}

/* "https://host[:port]" without path's end; plain http is for sandboxes and private networks. */
static bool url_is_fine(struct view url)
{
    bool fine = view_starts(url, "https://") || view_starts(url, "http://");

    for (size_t i = 0; fine && i < url.len; i++)
        fine = url.ptr[i] > ' ' && url.ptr[i] <= '~' && url.ptr[i] != '@';
    return fine && url.len < LIMIT_URL;
}

static const char *segment_url(struct view segment)
{
    if (view_is(segment, "com"))
        return "https://amojo.amocrm.com";
    if (view_is(segment, "kommo"))
        return "https://amojo.kommo.com";
    return "https://amojo.amocrm.ru";
}

/* --- channels ------------------------------------------------------------------------------- */

/* Support's answer: {"result": {"ru": {…}}, "error": null}, or the inner object alone. */
static const struct json_node *answer_channel(const struct json_node *root)
{
    static const char *const segments[] = {"ru", "com", "kommo", "en"};
    const struct json_node *result = json_get(root, "result");

    for (size_t i = 0; i < AMO_COUNT(segments); i++) {
        const struct json_node *n = json_get(result ? result : root, segments[i]);

        if (json_is_object(n))
            return n;
    }
    return json_get(result ? result : root, "id") ? (result ? result : root) : NULL;
}

static int text_field(struct json *doc, const struct json_node *n, const char *key,
                      struct view *ret)
{
    int rc = json_text(doc, json_path(n, key), ret);

    if (rc == 0 && !ret->ptr)
        *ret = VIEW_LIT("");
    return rc;
}

/* The flags of the answer, without its secret: what channel show tells in words. */
static int answer_flags(struct json *doc, const struct json_node *n, struct buf *out)
{
    static const char *const flags[] = {"enabled",       "test_mode",   "supports_reply",
                                        "write_first",   "saves_files", "webhook_v2",
                                        "reactions_all", "en_enabled",  "time_window_support"};
    struct json_writer w;
    struct view url = VIEW_NONE;

    json_writer_init(&w, out);
    json_open_object(&w, NULL);
    for (size_t i = 0; i < AMO_COUNT(flags); i++) {
        bool b = false;

        if (json_bool(json_get(n, flags[i]), &b))
            json_add_bool(&w, flags[i], b);
    }
    if (text_field(doc, n, "webhook_url_v2", &url) == 0)
        json_add_text_if(&w, "webhook_url_v2", url);
    json_open_array(&w, "allowed_accounts");
    for (size_t i = 0; i < json_array_len(json_get(n, "allowed_acc_list")); i++) {
        struct view id = VIEW_NONE;

        if (text_field(doc, json_array_at(json_get(n, "allowed_acc_list"), i), "id", &id) == 0)
            json_add_text(&w, NULL, id);
    }
    json_close_array(&w);
    json_close_object(&w);
    return buf_error(out);
}

static int channel_fill(struct control_ask *ask, struct json *doc, const struct json_node *n,
                        struct reg_channel *ch)
{
    struct view id = VIEW_NONE;
    struct view secret = VIEW_NONE;
    struct view name = VIEW_NONE;
    struct view code = VIEW_NONE;
    struct view bot = VIEW_NONE;
    struct view url = control_arg(ask, "url");
    int rc = text_field(doc, n, "id", &id);

    rc = rc ? rc : text_field(doc, n, "secret_key", &secret);
    rc = rc ? rc : text_field(doc, n, "name", &name);
    rc = rc ? rc : text_field(doc, n, "code", &code);
    rc = rc ? rc : text_field(doc, n, "bot.id", &bot);
    if (rc)
        return rc;
    if (id.len == 0 || id.len > 64 || memchr(id.ptr, '_', id.len) ||
        memchr(id.ptr, '/', id.len))
        return control_fail(ask, EXIT_USAGE, "the answer has no usable channel id");
    if (secret.len == 0)
        return control_fail(ask, EXIT_USAGE, "the answer has no secret_key");
    if (url.len == 0)
        url = view_of(segment_url(control_arg(ask, "segment")));
    if (!url_is_fine(url))
        return control_fail(ask, EXIT_USAGE, "the amojo URL is not http(s)://host[:port]");
    while (url.len && url.ptr[url.len - 1] == '/')
        url.len--;
    rc = string_of(id, &ch->id);
    rc = rc ? rc : string_of(code, &ch->code);
    rc = rc ? rc : string_of(name, &ch->name);
    rc = rc ? rc : string_of(url, &ch->url);
    rc = rc ? rc : string_of(bot, &ch->bot_id);
    return rc ? rc : secret_init(&ch->secrets[0], secret);
}

static int channel_store(struct control_ask *ask, struct json *doc, const struct json_node *n)
{
    struct core *c = ask->core;
    struct registry *tmp = NULL;
    struct reg_channel *ch = NULL;
    struct buf flags;
    int rc = registry_new(&tmp);

    buf_init(&flags, 1 << 16);
    ch = rc ? NULL : registry_add_channel(tmp);
    rc = ch ? channel_fill(ask, doc, n, ch) : -ENOMEM;
    rc = rc ? rc : answer_flags(doc, n, &flags);
    rc = rc ? rc : store_channel_put(c->store, &c->keys, ch, buf_view(&flags));
    rc = rc ? rc : core_registry_changed(c);
    if (rc == 0) {
        json_open_object(ask->w, NULL);
        json_add_text(ask->w, "id", view_of(ch->id));
        json_add_text(ask->w, "code", view_of(ch->code));
        json_add_text(ask->w, "name", view_of(ch->name));
        json_add_text(ask->w, "url", view_of(ch->url));
        json_close_object(ask->w);
        rc = control_wait_registry(ask);
    }
    registry_free(tmp);
    buf_fini(&flags);
    return rc;
}

int verb_channel_add(struct control_ask *ask)
{
    struct view reply = control_arg(ask, "reply");
    const struct json_node *n = NULL;
    struct json *doc = NULL;
    struct buf bare;
    int rc = 0;

    buf_init(&bare, 1 << 20);
    rc = json_strip_comments(reply, &bare);
    if (rc == -ENOSPC)
        rc = control_fail(ask, EXIT_USAGE, "support's answer is longer than 1 MiB");
    rc = rc ? rc : json_parse(buf_view(&bare), &doc);
    if (rc == 0)
        n = answer_channel(json_root(doc));
    if (rc > 0 && ask->error->len == 0)
        rc = control_fail(ask, EXIT_USAGE, "support's answer is not JSON");
    else if (rc == 0 && !n)
        rc = control_fail(ask, EXIT_USAGE, "support's answer has no result.ru with an id");
    rc = rc ? rc : channel_store(ask, doc, n);
    json_free(doc);
    secret_wipe(bare.ptr, bare.len);
    buf_fini(&bare);
    return rc;
}

static void channel_row(struct control_ask *ask, const struct reg_channel *ch)
{
    const struct registry *r = ask->core->registry;
    int64_t scopes = 0;

    for (size_t i = 0; i < r->n_scopes; i++)
        scopes += strcmp(r->scopes[i].channel, ch->id) == 0;
    json_add_text(ask->w, "id", view_of(ch->id));
    json_add_text(ask->w, "code", view_of(ch->code));
    json_add_text(ask->w, "name", view_of(ch->name));
    json_add_text(ask->w, "url", view_of(ch->url));
    json_add_text(ask->w, "bot_id", view_of(ch->bot_id));
    json_add_int(ask->w, "scopes", scopes);
}

int verb_channel_list(struct control_ask *ask)
{
    const struct registry *r = ask->core->registry;

    json_open_array(ask->w, NULL);
    for (size_t i = 0; i < r->n_channels; i++) {
        json_open_object(ask->w, NULL);
        channel_row(ask, &r->channels[i]);
        json_close_object(ask->w);
    }
    json_close_array(ask->w);
    return EXIT_FINE;
}

int verb_channel_show(struct control_ask *ask)
{
    const struct reg_channel *ch = NULL;
    struct view id = VIEW_NONE;
    struct buf flags;
    int rc = control_need(ask, "id", &id);

    if (rc)
        return rc;
    ch = registry_channel(ask->core->registry, id);
    if (!ch)
        return control_fail(ask, EXIT_FAILED, "no such channel");
    buf_init(&flags, 1 << 16);
    rc = store_channel_answer(ask->core->store, id, &flags);
    if (rc == 0) {
        json_open_object(ask->w, NULL);
        channel_row(ask, ch);
        json_add_raw(ask->w, "answer", flags.len ? buf_view(&flags) : VIEW_LIT("null"));
        json_close_object(ask->w);
    }
    buf_fini(&flags);
    return rc;
}

/* --- connectors ----------------------------------------------------------------------------- */

static bool name_is_fine(struct view name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!islower((unsigned char)name.ptr[i]) && !isdigit((unsigned char)name.ptr[i]) &&
            name.ptr[i] != '-')
            return false;
    }
    return name.len >= 1 && name.len <= 20 && name.ptr[0] != '-' && !view_is(name, "amo");
}

/* Derived ids are "<name>-<id>": a name that begins with another one and '-' could meet it. */
static const char *name_meets(const struct registry *r, struct view name)
{
    for (size_t i = 0; i < r->n_connectors; i++) {
        struct view other = view_of(r->connectors[i].name);
        struct view shorter = other.len < name.len ? other : name;
        struct view longer = other.len < name.len ? name : other;

        if (longer.len > shorter.len && longer.ptr[shorter.len] == '-' &&
            memcmp(longer.ptr, shorter.ptr, shorter.len) == 0)
            return r->connectors[i].name;
    }
    return NULL;
}

/* The given secret, or a new one of 32 random bytes shown in @w once. */
static int connector_secret(struct control_ask *ask, struct secret *ret)
{
    struct view given = control_arg(ask, "secret");
    unsigned char bytes[32];
    char text[64] = "whsec_";
    int rc = 0;

    if (given.len)
        return webhook_secret_decode(given, ret)
                   ? control_fail(ask, EXIT_USAGE,
                                  "the secret is not base64 of 24 to 64 bytes (whsec_…)")
                   : 0;
    rc = crypto_random(bytes, sizeof(bytes));
    rc = rc ? rc : secret_init(ret, view_make(bytes, sizeof(bytes)));
    if (rc)
        return rc;
    crypto_base64(bytes, sizeof(bytes), text + 6); /* 44 characters and NUL */
    json_add_text(ask->w, "secret", view_of(text));
    secret_wipe(bytes, sizeof(bytes));
    secret_wipe(text, sizeof(text));
    return 0;
}

static int connector_token(struct control_ask *ask, struct secret *ret)
{
    struct view given = control_arg(ask, "token");
    unsigned char bytes[32];
    char text[2 * sizeof(bytes) + 1];
    int rc = 0;

    if (given.len)
        return given.len >= 32 && given.len <= LIMIT_ID
                   ? secret_init(ret, given)
                   : control_fail(ask, EXIT_USAGE, "the token has less than 32 bytes");
    rc = crypto_random(bytes, sizeof(bytes));
    if (rc)
        return rc;
    crypto_hex(bytes, sizeof(bytes), text);
    rc = secret_init(ret, view_of(text));
    json_add_text(ask->w, "token", view_of(text));
    secret_wipe(bytes, sizeof(bytes));
    secret_wipe(text, sizeof(text));
    return rc;
}

static int connector_check(struct control_ask *ask, struct view name, struct view url)
{
    const char *meets = name_meets(ask->core->registry, name);
    bool may_dial_private = view_is(control_arg(ask, "allow_private"), "true");
    bool flag = false;

    if (json_bool(json_get(json_root(ask->args), "allow_private"), &flag))
        may_dial_private = flag;
    if (!name_is_fine(name))
        return control_fail(ask, EXIT_USAGE, "the name must be 1 to 20 of a-z, 0-9 and '-'");
    if (meets)
        return control_fail(ask, EXIT_USAGE,
                            "the name could be confused with connector %s in derived ids",
                            meets);
    if (registry_connector(ask->core->registry, name))
        return control_fail(ask, EXIT_FAILED, "this connector exists");
    if (!view_is(control_arg(ask, "kind"), "http"))
        return control_fail(ask, EXIT_USAGE, "the kind must be http");
    if (!url_is_fine(url))
        return control_fail(ask, EXIT_USAGE, "the url is not http(s)://…");
    if (!view_starts(url, "https://") && !may_dial_private)
        return control_fail(ask, EXIT_USAGE, "plain http needs --allow-private");
    return 0;
}

int verb_connector_add(struct control_ask *ask)
{
    struct core *c = ask->core;
    struct view name = VIEW_NONE;
    struct view url = VIEW_NONE;
    struct registry *tmp = NULL;
    struct reg_connector *con = NULL;
    int rc = control_need(ask, "name", &name);

    rc = rc ? rc : control_need(ask, "url", &url);
    rc = rc ? rc : connector_check(ask, name, url);
    rc = rc ? rc : registry_new(&tmp);
    if (rc)
        return rc;
    con = registry_add_connector(tmp);
    rc = con ? string_of(name, &con->name) : -ENOMEM;
    rc = rc ? rc : string_of(url, &con->url);
    if (rc == 0 &&
        !json_bool(json_get(json_root(ask->args), "allow_private"), &con->allow_private))
        con->allow_private = false;
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "name", name);
    json_add_text(ask->w, "kind", VIEW_LIT("http"));
    json_add_text(ask->w, "url", url);
    rc = rc ? rc : connector_secret(ask, &con->secrets[0]);
    rc = rc ? rc : connector_token(ask, &con->tokens[0]);
    json_close_object(ask->w);
    rc = rc ? rc : store_connector_put(c->store, &c->keys, con);
    rc = rc ? rc : core_registry_changed(c);
    registry_free(tmp);
    return rc ? rc : control_wait_registry(ask);
}

int verb_connector_list(struct control_ask *ask)
{
    const struct registry *r = ask->core->registry;

    json_open_array(ask->w, NULL);
    for (size_t i = 0; i < r->n_connectors; i++) {
        const struct reg_connector *con = &r->connectors[i];
        int64_t scopes = 0;

        for (size_t j = 0; j < r->n_scopes; j++)
            scopes += strcmp(r->scopes[j].connector, con->name) == 0;
        json_open_object(ask->w, NULL);
        json_add_text(ask->w, "name", view_of(con->name));
        json_add_text(ask->w, "kind", VIEW_LIT("http"));
        json_add_text(ask->w, "url", view_of(con->url));
        json_add_bool(ask->w, "allow_private", con->allow_private);
        json_add_bool(ask->w, "off", con->off);
        json_add_int(ask->w, "scopes", scopes);
        json_close_object(ask->w);
    }
    json_close_array(ask->w);
    return EXIT_FINE;
}
