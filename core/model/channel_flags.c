/* Three steps with a channel's flags: keep what support's answer says, apply what was kept to
 * the channel in the registry, and explain each flag in words. */

#include "core/model/channel_flags.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/url.h"
#include "core/model/reaction_list.h"
#include "proto/limits.h"

/* accounts and kinds of webhook that are kept of an answer: it has a handful of either */
#define KEPT_MAX 1000

/* A flag that is true or false, and what either means for the people who use the channel. */
struct plain_flag {
    const char *key;
    enum channel_flag_state off; /* how bad is false */
    const char *yes;
    const char *no;
};

static const struct plain_flag plain_flags[] = {
    {"enabled",        CHANNEL_FLAG_PROBLEM, "the channel works",
     "support has switched the channel off: nothing works; ask support why"                                                                                                     },
    {"webhook_v2",     CHANNEL_FLAG_PROBLEM, "webhooks come in the form that the bridge reads",
     "webhooks come in the old form, which says too little: ask support to switch v2 on"                                                                                        },
    {"write_first",    CHANNEL_FLAG_NOTE,
     "managers can begin a conversation with a phone number from a card",                       "managers can only answer: ask support for \"write first\" if they should begin"},
    {"supports_reply", CHANNEL_FLAG_NOTE,    "quotes are passed on both ways",
     "amoCRM shows no quotes: the quoted words lead the text of a client's message"                                                                                             },
    {"saves_files",    CHANNEL_FLAG_OK,
     "amoCRM may fetch a file months later: links to files must stay good that long",           "amoCRM copies files at once: links to files may be short-lived"                },
    {"en_enabled",     CHANNEL_FLAG_OK,      "also offered in the international segment",
     "offered in its own segment only"                                                                                                                                          },
    {"test_mode",      CHANNEL_FLAG_OK,
     "support calls the channel a test; the bridge does nothing differently",                   "in ordinary use"                                                               },
};

static const char *const texts_kept[] = {"webhook_url_v2", "reactions_list", "widget_code",
                                         "client_uuid"};

static const char *state_name(enum channel_flag_state s)
{
    switch (s) {
    case CHANNEL_FLAG_OK:
        return "ok";
    case CHANNEL_FLAG_NOTE:
        return "note";
    case CHANNEL_FLAG_PROBLEM:
        return "problem";
    }
    return "?";
}

static struct view text_of(struct json *doc, const struct json_node *n)
{
    struct view v = VIEW_NONE;

    return json_text(doc, n, &v) == 0 && v.ptr ? v : VIEW_LIT("");
}

static bool is_true(const struct json_node *n)
{
    bool b = false;

    return json_bool(n, &b) && b;
}

/* --- keeping -------------------------------------------------------------------------------- */

/* The texts of @list, or of the member @key of its elements. */
static void keep_texts(struct json *doc, const struct json_node *list, const char *name,
                       const char *key, struct json_writer *w)
{
    size_t n = json_array_len(list);

    json_open_array(w, name);
    for (size_t i = 0; i < n && i < KEPT_MAX; i++) {
        const struct json_node *at = json_array_at(list, i);
        struct view v = text_of(doc, key ? json_get(at, key) : at);

        if (v.len)
            json_add_text(w, NULL, v);
    }
    json_close_array(w);
}

static void keep_window(const struct json_node *window, struct json_writer *w)
{
    int64_t expires_s = 0;

    if (!json_is_object(window))
        return;
    json_open_object(w, "time_window");
    json_add_bool(w, "enabled", is_true(json_get(window, "enabled")));
    if (json_int(json_get(window, "expires"), &expires_s))
        json_add_int(w, "expires", expires_s);
    json_add_bool(w, "need_template", is_true(json_get(window, "need_template")));
    json_close_object(w);
}

/* A list of texts is as good as one text. */
static void keep_list(struct json *doc, const struct json_node *list, const char *key,
                      struct json_writer *w)
{
    struct buf joined;

    buf_init(&joined, LIMIT_CAPTION);
    for (size_t i = 0; i < json_array_len(list); i++) {
        (void)buf_add_str(&joined, i ? "," : ""); /* sticky: what is too long allows nothing */
        (void)buf_add_view(&joined, text_of(doc, json_array_at(list, i)));
    }
    json_add_text(w, key, buf_error(&joined) ? VIEW_LIT("") : buf_view(&joined));
    buf_fini(&joined);
}

static int wrong_type(const char *key, struct buf *ret_words)
{
    (void)buf_add_f(ret_words, "%s in support's answer is not what it should be: look at it",
                    key); /* fits */
    return CHANNEL_FLAGS_E_OBJECTION;
}

/* What cannot be read must not be taken for "everything is allowed". */
static int check_types(struct json *doc, const struct json_node *n, struct buf *ret_words)
{
    const struct json_node *list = json_get(n, "allowed_acc_list");
    size_t n_accounts = json_array_len(list);
    bool b = false;

    for (size_t i = 0; i < AMO_COUNT(plain_flags); i++) {
        const struct json_node *flag = json_get(n, plain_flags[i].key);

        if (json_is_present(flag) && !json_bool(flag, &b))
            return wrong_type(plain_flags[i].key, ret_words);
    }
    if (json_is_present(json_get(n, "reactions_all")) &&
        !json_bool(json_get(n, "reactions_all"), &b))
        return wrong_type("reactions_all", ret_words);
    if (json_is_present(list) && !json_is_array(list))
        return wrong_type("allowed_acc_list", ret_words);
    for (size_t i = 0; i < n_accounts; i++) {
        if (text_of(doc, json_get(json_array_at(list, i), "id")).len == 0)
            return wrong_type("allowed_acc_list", ret_words);
    }
    return 0;
}

int channel_flags_keep(struct json *doc, const struct json_node *n, struct view segment,
                       struct buf *out, struct buf *ret_words)
{
    struct json_writer w;
    bool b = false;
    int rc = check_types(doc, n, ret_words);

    if (rc)
        return rc;
    json_writer_init(&w, out);
    json_open_object(&w, NULL);
    json_add_text_if(&w, "segment", segment);
    for (size_t i = 0; i < AMO_COUNT(plain_flags); i++) {
        if (json_bool(json_get(n, plain_flags[i].key), &b))
            json_add_bool(&w, plain_flags[i].key, b);
    }
    if (json_bool(json_get(n, "reactions_all"), &b))
        json_add_bool(&w, "reactions_all", b);
    for (size_t i = 0; i < AMO_COUNT(texts_kept); i++) {
        if (json_is_array(json_get(n, texts_kept[i])))
            keep_list(doc, json_get(n, texts_kept[i]), texts_kept[i], &w);
        else if (json_is_present(json_get(n, texts_kept[i])))
            json_add_text(&w, texts_kept[i], text_of(doc, json_get(n, texts_kept[i])));
    }
    json_add_text_if(&w, "bot_id", text_of(doc, json_path(n, "bot.id")));
    keep_window(json_get(n, "time_window"), &w);
    if (json_is_array(json_get(n, "webhook_events")))
        keep_texts(doc, json_get(n, "webhook_events"), "webhook_events", NULL, &w);
    keep_texts(doc, json_get(n, "allowed_acc_list"), "allowed_accounts", "id", &w);
    keep_texts(doc, json_get(n, "allowed_acc_list"), "allowed_names", "external_id", &w);
    json_close_object(&w);
    return buf_error(out);
}

/* --- obeying -------------------------------------------------------------------------------- */

/* 0 with @ret NULL when there is nothing to read. */
static int read_kept(struct view kept, struct json **ret)
{
    int rc = kept.len ? json_parse(kept, ret) : 0;

    return rc < 0 ? rc : 0;
}

/* Of a channel that was imported without a word on its segment the address tells. */
static bool is_abroad(struct view segment, const char *url)
{
    if (segment.len)
        return !view_is(segment, "ru");
    return url && (strstr(url, "amocrm.com") || strstr(url, "kommo.com"));
}

int channel_flags_apply(struct view kept, struct reg_channel *c)
{
    const struct json_node *root = NULL;
    struct json *doc = NULL;
    struct view list;
    bool b = false;
    int rc = read_kept(kept, &doc);

    c->abroad = is_abroad(
        rc || !doc ? VIEW_NONE : text_of(doc, json_get(json_root(doc), "segment")), c->url);
    if (rc || !doc)
        return rc;
    root = json_root(doc);
    c->no_quotes = json_bool(json_get(root, "supports_reply"), &b) && !b;
    list = text_of(doc, json_get(root, "reactions_list"));
    if (json_bool(json_get(root, "reactions_all"), &b) && !b &&
        json_is_present(json_get(root, "reactions_list"))) {
        c->no_reactions = list.len == 0;
        if (list.len) {
            c->reactions_list = mem_strndup(list.ptr, list.len);
            rc = c->reactions_list ? 0 : -ENOMEM;
        }
    }
    json_free(doc);
    return rc;
}

bool channel_takes_reaction(const struct reg_channel *c, struct view emoji)
{
    if (c->no_reactions)
        return false;
    return emoji.len == 0 || channel_reaction(c, emoji).ptr;
}

struct view channel_reaction(const struct reg_channel *c, struct view emoji)
{
    if (emoji.len == 0 || c->no_reactions)
        return VIEW_NONE;
    return c->reactions_list ? reaction_listed(view_of(c->reactions_list), emoji) : emoji;
}

static bool list_has(struct json *doc, const struct json_node *list, struct view text)
{
    size_t n = json_array_len(list);

    for (size_t i = 0; i < n; i++) {
        struct view v = text_of(doc, json_array_at(list, i));

        if (v.len == text.len && v.len && strncasecmp(v.ptr, text.ptr, v.len) == 0)
            return true;
    }
    return false;
}

static void add_list(struct json *doc, const struct json_node *list, size_t most,
                     struct buf *out)
{
    size_t n = json_array_len(list);

    for (size_t i = 0; i < n && i < most; i++) {
        (void)buf_add_str(out, i ? ", " : ""); /* sticky */
        (void)buf_add_view(out, text_of(doc, json_array_at(list, i)));
    }
    if (n > most)
        (void)buf_add_f(out, " and %zu more", n - most);
}

int channel_flags_admit(struct view kept, struct view account, struct buf *ret_words)
{
    const struct json_node *root = NULL;
    const struct json_node *allowed = NULL;
    struct json *doc = NULL;
    bool b = false;
    int rc = read_kept(kept, &doc);

    if (rc || !doc)
        return rc;
    root = json_root(doc);
    allowed = json_get(root, "allowed_accounts");
    rc = CHANNEL_FLAGS_E_OBJECTION;
    if (json_bool(json_get(root, "enabled"), &b) && !b) {
        (void)buf_add_str(ret_words,
                          "support has switched this channel off (enabled is false): "
                          "ask support, then import its new answer"); /* fits */
    } else if (json_bool(json_get(root, "webhook_v2"), &b) && !b) {
        (void)buf_add_str(ret_words,
                          "the channel sends webhooks of version 1 only (webhook_v2 is false): "
                          "ask support to switch v2 on, then import its new answer"); /* fits */
    } else if (json_array_len(allowed) && !list_has(doc, allowed, account)) {
        (void)buf_add_str(ret_words, "support allows this channel only for ");
        add_list(doc, allowed, 5, ret_words);
        (void)buf_add_str(ret_words,
                          " (allowed_acc_list): ask support to add the account, then "
                          "import its new answer"); /* cut is fine */
    } else {
        rc = 0;
    }
    json_free(doc);
    return rc;
}

/* --- in words ------------------------------------------------------------------------------- */

struct teller {
    struct json *doc;
    const struct json_node *root;
    channel_flag_fn *fn;
    void *arg;
};

static void tell(const struct teller *t, const char *flag, struct view value,
                 enum channel_flag_state state, const char *meaning)
{
    const struct channel_flag f = {flag, value, state, meaning};

    t->fn(t->arg, &f);
}

static void tell_plain(const struct teller *t)
{
    for (size_t i = 0; i < AMO_COUNT(plain_flags); i++) {
        const struct plain_flag *f = &plain_flags[i];
        bool b = false;

        if (json_bool(json_get(t->root, f->key), &b))
            tell(t, f->key, b ? VIEW_LIT("yes") : VIEW_LIT("no"), b ? CHANNEL_FLAG_OK : f->off,
                 b ? f->yes : f->no);
    }
}

static void tell_reactions(const struct teller *t)
{
    struct view list = text_of(t->doc, json_get(t->root, "reactions_list"));
    bool all = false;

    if (!json_bool(json_get(t->root, "reactions_all"), &all))
        return;
    if (all)
        tell(t, "reactions", VIEW_LIT("all"), CHANNEL_FLAG_OK, "any reaction, both ways");
    else if (list.len)
        tell(t, "reactions", list, CHANNEL_FLAG_OK,
             "these reactions, both ways; a client's other ones are not passed on");
    else
        tell(t, "reactions", VIEW_LIT("none"), CHANNEL_FLAG_NOTE,
             "managers cannot react, and a client's reactions are not passed on");
}

static void tell_window(const struct teller *t)
{
    const struct json_node *window = json_get(t->root, "time_window");
    char text[64];
    int64_t expires_s = 0;

    if (!window)
        return;
    if (!is_true(json_get(window, "enabled"))) {
        tell(t, "time_window", VIEW_LIT("no"), CHANNEL_FLAG_OK,
             "managers may answer at any time");
        return;
    }
    (void)json_int(json_get(window, "expires"), &expires_s);        /* else 0 */
    (void)snprintf(text, sizeof(text), "%" PRId64 " s", expires_s); /* fits */
    tell(
        t, "time_window", view_of(text), CHANNEL_FLAG_NOTE,
        is_true(json_get(window, "need_template"))
            ? "so long after a client's message a manager may answer, then only by a template; "
              "account connect --no-time-window ends that for one account"
            : "so long after a client's message a manager may answer; account connect "
              "--no-time-window ends that for one account");
}

static void tell_events(const struct teller *t)
{
    const struct json_node *events = json_get(t->root, "webhook_events");
    struct buf list;

    if (!events)
        return;
    buf_init(&list, 1024);
    add_list(t->doc, events, 20, &list);
    tell(t, "webhook_events", buf_view(&list), CHANNEL_FLAG_OK,
         json_array_len(events) > 1
             ? "what amoCRM posts to the bridge"
             : "managers' messages; typing and reactions only if support subscribes them");
    buf_fini(&list);
}

static void tell_accounts(const struct teller *t)
{
    const struct json_node *names = json_get(t->root, "allowed_names");
    const struct json_node *ids = json_get(t->root, "allowed_accounts");
    struct buf list;

    buf_init(&list, 4096);
    add_list(t->doc, json_array_len(names) ? names : ids, 20, &list);
    if (json_array_len(ids))
        tell(t, "allowed_acc_list", buf_view(&list), CHANNEL_FLAG_OK,
             "only these accounts can be connected, until support lifts it");
    else
        tell(t, "allowed_acc_list", VIEW_LIT("any"), CHANNEL_FLAG_OK,
             "any account can be connected");
    buf_fini(&list);
}

static void tell_rest(const struct teller *t)
{
    struct view bot = text_of(t->doc, json_get(t->root, "bot_id"));
    struct view url = text_of(t->doc, json_get(t->root, "webhook_url_v2"));
    struct view segment = text_of(t->doc, json_get(t->root, "segment"));

    if (bot.len)
        tell(t, "bot.id", bot, CHANNEL_FLAG_OK,
             "what Mobilon's own people and bots write is shown under the channel's name");
    else
        tell(t, "bot.id", VIEW_LIT("none"), CHANNEL_FLAG_NOTE,
             "what Mobilon's own people and bots write cannot be shown: only messages in the "
             "name of a CRM user can");
    if (url_address(url) == ADDRESS_PERSON)
        tell(t, "webhook_url_v2", VIEW_LIT("not shown"), CHANNEL_FLAG_NOTE,
             "the address " URL_PERSON ": give support one without");
    else if (url.len)
        tell(t, "webhook_url_v2", url, CHANNEL_FLAG_OK,
             "where amoCRM posts: it must lead to this bridge's /messages/:scope_id");
    if (segment.len)
        tell(t, "segment", segment, CHANNEL_FLAG_OK,
             "which amoCRM the channel was registered in");
}

int channel_flags_each(struct view kept, channel_flag_fn *fn, void *arg)
{
    struct teller t = {.fn = fn, .arg = arg};
    int rc = read_kept(kept, &t.doc);

    if (rc || !t.doc)
        return rc;
    t.root = json_root(t.doc);
    tell_plain(&t);
    tell_reactions(&t);
    tell_window(&t);
    tell_events(&t);
    tell_accounts(&t);
    tell_rest(&t);
    json_free(t.doc);
    return 0;
}

struct flag_writer {
    struct json_writer *w;
    bool cares;
};

static void write_flag(void *arg, const struct channel_flag *f)
{
    const struct flag_writer *to = arg;

    if (to->cares && f->state == CHANNEL_FLAG_OK)
        return;
    json_open_object(to->w, NULL);
    json_add_text(to->w, "flag", view_of(f->flag));
    json_add_text(to->w, "value", f->value);
    json_add_text(to->w, "state", view_of(state_name(f->state)));
    json_add_text(to->w, "meaning", view_of(f->meaning));
    json_close_object(to->w);
}

int channel_flags_tell(struct view kept, const char *key, bool cares, struct json_writer *w)
{
    struct flag_writer to = {w, cares};
    int rc = 0;

    json_open_array(w, key);
    rc = channel_flags_each(kept, write_flag, &to);
    json_close_array(w);
    return rc;
}
