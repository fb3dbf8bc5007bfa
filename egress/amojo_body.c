/* amojo: the body of each call.
 *
 * From: egress/target_amojo.c, a command.
 * To: back to it, as the bytes that are signed and sent.
 * Holds: nothing. Source: docs/amojo.md "Calls", "Messages". amojo is strict about types and
 * about required members, and ignores what it does not know. */

#include "egress/amojo.h"

#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "proto/limits.h"

/* The sources API takes 36 characters, the chat API 40: what both take. */
#define SOURCE_MAX        36
#define TYPING_MS_DEFAULT 5000
#define TIME_MS_MIN       100000000000LL /* 1973: fewer digits would be seconds to it */
#define TYPING_MS_MAX     30000

static int write_new(const struct command *c, int64_t now_ms, struct json_writer *w);
static int write_edit(const struct command *c, int64_t now_ms, struct json_writer *w);
static int write_content(const struct command *c, struct json_writer *w);
static void write_reply(const struct command *c, int64_t now_ms, struct json_writer *w);
static void write_forward(const struct command *c, int64_t now_ms, struct json_writer *w);
static void write_status(const struct command *c, enum status_spelling spelling,
                         struct json_writer *w);
static int write_reaction(const struct command *c, struct json_writer *w);
static int write_typing(const struct command *c, int64_t now_ms, struct json_writer *w);
static void write_connect(const struct command *c, struct json_writer *w);
static void write_disconnect(const struct command *c, struct json_writer *w);
static void write_chat(const struct command *c, struct json_writer *w);
static void write_hook(const struct command *c, int64_t now_ms, struct json_writer *w);
static enum status_spelling spelling_of(const struct command *c,
                                        const struct target_context *x);

int amojo_body(const struct command *c, const struct target_context *x, struct buf *out)
{
    struct json_writer w;
    int rc = 0;

    json_writer_init(&w, out);
    switch ((enum command_kind)c->kind) {
    case COMMAND_AMO_MESSAGE:
    case COMMAND_AMO_OUTGOING:
        rc = write_new(c, x->now_ms, &w);
        break;
    case COMMAND_AMO_EDIT:
        rc = write_edit(c, x->now_ms, &w);
        break;
    case COMMAND_AMO_STATUS:
        write_status(c, spelling_of(c, x), &w);
        break;
    case COMMAND_AMO_REACTION:
        rc = write_reaction(c, &w);
        break;
    case COMMAND_AMO_TYPING:
        rc = write_typing(c, x->now_ms, &w);
        break;
    case COMMAND_AMO_CONNECT:
        write_connect(c, &w);
        break;
    case COMMAND_AMO_DISCONNECT:
        write_disconnect(c, &w);
        break;
    case COMMAND_AMO_CREATE_CHAT:
        write_chat(c, &w);
        break;
    case COMMAND_AMO_HOOK:
        write_hook(c, x->now_ms, &w);
        break;
    case COMMAND_AMO_HISTORY: /* a GET: nothing */
    case COMMAND_AMO_REACH:
    case COMMAND_SERVICE_MESSAGE:
    case COMMAND_SERVICE_REACTION:
    case COMMAND_SERVICE_TYPING:
    case COMMAND_SERVICE_FAILED:
    case COMMAND_SERVICE_TEST:
        break;
    }
    return rc ? rc : buf_error(out);
}

static struct view text_or(struct view v, struct view other)
{
    return view_empty(v) ? other : v;
}

/* A name with nothing to see in it is none: amojo refuses a blank one with the message. */
static struct view name_or(struct view name, struct view other)
{
    return utf8_shows(name) ? name : other;
}

static struct view url_or_none(struct view url)
{
    return target_url_is_fine(url) ? url : VIEW_NONE;
}

/* --- people -------------------------------------------------------------------------------- */

static void write_profile(struct view phone, struct view email, struct json_writer *w)
{
    if (view_empty(phone) && view_empty(email))
        return;
    json_open_object(w, "profile");
    json_add_text_if(w, "phone", phone);
    json_add_text_if(w, "email", email);
    json_close_object(w);
}

/* A name is required: the phone or our id stands in for one that is not known, but not where
 * amo itself knows who it is. */
static void write_client(const struct command *c, const char *key, struct json_writer *w)
{
    json_open_object(w, key);
    json_add_text_if(w, "id", c->sender_id);
    json_add_text_if(w, "ref_id", c->sender_ref_id);
    json_add_text_if(w, "name",
                     name_or(c->sender_name, text_or(c->sender_phone, c->sender_id)));
    json_add_text_if(w, "avatar", url_or_none(c->sender_avatar));
    write_profile(c->sender_phone, c->sender_email, w);
    json_add_text_if(w, "profile_link", c->sender_link);
    json_close_object(w);
}

/* A CRM user or the channel's bot: amo knows them by ref_id. */
static void write_author(const struct command *c, struct json_writer *w)
{
    json_open_object(w, "sender");
    json_add_text_if(w, "id", c->sender_id);
    json_add_text_if(w, "name", name_or(c->sender_name, c->sender_id));
    json_add_text_if(w, "ref_id", c->sender_ref_id);
    json_close_object(w);
}

static void write_receiver(const struct command *c, struct json_writer *w)
{
    json_open_object(w, "receiver");
    json_add_text_if(w, "id", c->receiver_id);
    json_add_text_if(w, "ref_id", c->receiver_ref_id);
    json_add_text_if(w, "name",
                     name_or(c->receiver_name, text_or(c->receiver_phone, c->receiver_id)));
    write_profile(c->receiver_phone, c->receiver_email, w);
    json_close_object(w);
}

/* Printable ASCII of at most 36 characters; anything else would be refused with the message. */
static bool source_is_fine(struct view source)
{
    if (view_empty(source) || source.len > SOURCE_MAX)
        return false;
    for (size_t i = 0; i < source.len; i++) {
        if (source.ptr[i] < ' ' || source.ptr[i] > '~')
            return false;
    }
    return true;
}

static void write_source(const struct command *c, struct json_writer *w)
{
    if (!source_is_fine(c->source))
        return;
    json_open_object(w, "source");
    json_add_text(w, "external_id", c->source);
    json_close_object(w);
}

/* --- messages ------------------------------------------------------------------------------ */

static int64_t time_or(int64_t ms, int64_t other_ms)
{
    return ms >= TIME_MS_MIN && ms <= CLOCK_MS_MAX ? ms : other_ms;
}

static void write_times(int64_t at_ms, int64_t now_ms, struct json_writer *w)
{
    at_ms = time_or(at_ms, now_ms);
    json_add_int(w, "timestamp", at_ms / 1000);
    json_add_int(w, "msec_timestamp", at_ms);
}

static int write_new(const struct command *c, int64_t now_ms, struct json_writer *w)
{
    int rc = 0;

    json_open_object(w, NULL);
    json_add_text(w, "event_type", VIEW_LIT("new_message"));
    json_open_object(w, "payload");
    write_times(c->sent_ms, now_ms, w);
    json_add_text(w, "msgid", c->key);
    json_add_text(w, "conversation_id", c->conversation_id);
    json_add_text_if(w, "conversation_ref_id", c->conversation_ref_id);
    json_add_bool(w, "silent", c->silent);
    write_source(c, w);
    if (c->kind == COMMAND_AMO_OUTGOING) {
        write_author(c, w);
        write_receiver(c, w);
    } else {
        write_client(c, "sender", w); /* and no receiver: that is what makes it incoming */
    }
    rc = write_content(c, w);
    write_reply(c, now_ms, w);
    write_forward(c, now_ms, w);
    json_close_object(w);
    json_close_object(w);
    return rc;
}

/* Given both names, amo takes ours for the message it knows by its own. */
static int write_edit(const struct command *c, int64_t now_ms, struct json_writer *w)
{
    int rc = 0;

    if (view_empty(c->message_client_id) && view_empty(c->message_id))
        return TARGET_E_IMPOSSIBLE;
    json_open_object(w, NULL);
    json_add_text(w, "event_type", VIEW_LIT("edit_message"));
    json_open_object(w, "payload");
    write_times(c->sent_ms, now_ms, w);
    json_add_text_if(w, "msgid", c->message_client_id);
    json_add_text_if(w, "conversation_id", c->conversation_id);
    json_add_text_if(w, "conversation_ref_id", c->conversation_ref_id);
    rc = write_content(c, w);
    json_add_text_if(w, "id", c->message_id);
    json_close_object(w);
    json_close_object(w);
    return rc;
}

/* A number that is not known is left out. */
static void add_count(struct json_writer *w, const char *key, uint64_t n)
{
    if (n > 0 && n <= INT64_MAX)
        json_add_int(w, key, (int64_t)n);
}

static void write_file(struct view url, struct view name, uint64_t size, struct json_writer *w)
{
    json_add_text_if(w, "media", url);
    json_add_text_if(w, "file_name", name);
    add_count(w, "file_size", size);
}

/* The digits as they came; a whole number gets a fraction, because the member is a float. */
static void add_degrees(struct json_writer *w, const char *key, struct view digits)
{
    bool whole = !memchr(digits.ptr, '.', digits.len) && !memchr(digits.ptr, 'e', digits.len) &&
                 !memchr(digits.ptr, 'E', digits.len);

    json_add_raw(w, key, digits);
    if (whole)
        (void)buf_add_str(w->out, ".0"); /* errors stick in the buf */
}

static int write_location(const struct content *t, struct json_writer *w)
{
    if (view_empty(t->lat) && view_empty(t->lon))
        return 0;
    if (!target_is_number(t->lat) || !target_is_number(t->lon))
        return TARGET_E_IMPOSSIBLE;
    json_open_object(w, "location");
    add_degrees(w, "lon", t->lon);
    add_degrees(w, "lat", t->lat);
    json_close_object(w);
    return 0;
}

static void write_contact(const struct content *t, struct json_writer *w)
{
    if (view_empty(t->contact_name) && view_empty(t->contact_phone))
        return;
    json_open_object(w, "contact");
    json_add_text_if(w, "name", name_or(t->contact_name, t->contact_phone));
    json_add_text_if(w, "phone", t->contact_phone);
    json_close_object(w);
}

/* An object of texts that came as one JSON document: the members amo has, and no other. What is
 * none is left out: the words stand without it. */
static int write_texts(struct json_writer *w, const char *key, struct view text,
                       const char *const *members, size_t n_members)
{
    struct json *doc = NULL;
    int rc = 0;

    if (view_empty(text))
        return 0;
    rc = json_parse(text, &doc);
    if (rc)
        return rc < 0 ? rc : 0;
    json_open_object(w, key);
    for (size_t i = 0; i < n_members; i++) {
        struct view v = VIEW_NONE;

        if (json_strict_text(json_get(json_root(doc), members[i]), &v))
            json_add_text_if(w, members[i], v);
    }
    if (strcmp(key, "shared_post") == 0)
        json_add_text(w, "type", VIEW_LIT("post")); /* there is no other */
    json_close_object(w);
    json_free(doc);
    return 0;
}

static int write_posts(const struct content *t, struct json_writer *w)
{
    static const char *const shared[] = {"url", "preview_link", "preview_permalink",
                                         "site_name"};
    static const char *const comment[] = {
        "id", "url", "preview_url", "preview_permalink", "username", "caption"};
    int rc = write_texts(w, "shared_post", t->shared_post, shared, AMO_COUNT(shared));

    return rc ? rc : write_texts(w, "post", t->post, comment, AMO_COUNT(comment));
}

/* How far a message born at amo came, told with its edit. */
static void write_edited_status(const struct command *c, struct json_writer *w)
{
    if (c->status_code == 0)
        return;
    json_open_object(w, "delivery_status");
    json_add_int(w, "status_code", c->status_code);
    if (c->status_code == -1) {
        json_add_int(w, "error_code", c->error_code);
        json_add_text_if(w, "error", view_cut(c->error_text, LIMIT_ERROR_TEXT));
    }
    json_close_object(w);
}

static int write_content(const struct command *c, struct json_writer *w)
{
    const struct content *t = &c->content;
    struct view type = text_or(t->type, VIEW_LIT("text"));
    int rc = 0;

    json_open_object(w, "message");
    json_add_text(w, "type", type);
    /* an edit without a text leaves a file's caption alone */
    if (c->kind != COMMAND_AMO_EDIT || t->text.ptr || view_is(type, "text"))
        json_add_text(w, "text", text_or(t->text, VIEW_LIT("")));
    write_file(t->media, t->media_name, t->media_size, w);
    add_count(w, "media_duration", t->media_duration);
    json_add_text_if(w, "sticker_id", t->sticker_id);
    rc = write_location(t, w);
    write_contact(t, w);
    json_add_text_if(w, "callback_data", t->callback_data);
    rc = rc ? rc : write_posts(t, w);
    if (c->kind == COMMAND_AMO_EDIT)
        write_edited_status(c, w);
    json_close_object(w);
    return rc;
}

/* --- messages inside a message --------------------------------------------------------------- */

/* One that amo does not know by any id, in words. */
struct described {
    struct view type;
    struct view text;
    struct view author;
    int64_t sent_ms;
};

/* A place, a card and what amo has no word for would need parts that are not known: their words
 * are sent, or the name of the kind. False: there is nothing to describe. */
static bool describe(struct described *d)
{
    bool worded = view_empty(d->type) || view_is(d->type, "text") ||
                  view_is(d->type, "location") || view_is(d->type, "contact") ||
                  view_is(d->type, "unknown");

    if (view_empty(d->text) && (view_empty(d->type) || view_is(d->type, "text")))
        return false;
    if (worded && view_empty(d->text))
        d->text = d->type;
    if (worded)
        d->type = VIEW_LIT("text");
    return true;
}

static void write_described(const struct described *d, int64_t now_ms, struct json_writer *w)
{
    json_add_text(w, "type", d->type);
    json_add_text_if(w, "text", d->text);
    write_times(d->sent_ms, now_ms, w);
    json_open_object(w, "sender");
    json_add_text(w, "name", name_or(d->author, VIEW_LIT("?")));
    json_close_object(w);
}

static void write_reply(const struct command *c, int64_t now_ms, struct json_writer *w)
{
    const struct content *t = &c->content;
    bool known = !view_empty(t->reply_id) || !view_empty(t->reply_client_id);
    struct described d = {
        .type = t->reply_type,
        .text = t->reply_text,
        .author = t->reply_author,
        .sent_ms = time_or(t->reply_sent_ms, c->sent_ms),
    };

    if (!known && !describe(&d))
        return;
    json_open_object(w, "reply_to");
    json_open_object(w, "message");
    if (!view_empty(t->reply_id))
        json_add_text(w, "id", t->reply_id);
    else if (known)
        json_add_text(w, "msgid", t->reply_client_id);
    else
        write_described(&d, now_ms, w);
    json_close_object(w);
    json_close_object(w);
}

static void write_forward(const struct command *c, int64_t now_ms, struct json_writer *w)
{
    const struct content *t = &c->content;
    bool known = !view_empty(t->forward_id) || !view_empty(t->forward_client_id);
    struct described d = {
        .type = view_empty(t->forward_type) && !view_empty(t->forward_media) ? VIEW_LIT("file")
                                                                             : t->forward_type,
        .text = t->forward_text,
        .author = t->forward_author,
        .sent_ms = time_or(t->forward_sent_ms, c->sent_ms),
    };

    if (!known && !describe(&d))
        return;
    json_open_object(w, "forwards");
    json_open_array(w, "messages");
    json_open_object(w, NULL);
    if (!view_empty(t->forward_id)) {
        json_add_text(w, "id", t->forward_id);
    } else if (known) {
        json_add_text(w, "msgid", t->forward_client_id);
    } else {
        write_described(&d, now_ms, w);
        write_file(t->forward_media, t->forward_media_name, t->forward_media_size, w);
    }
    json_close_object(w);
    json_close_array(w);
    json_add_text_if(w, "conversation_ref_id", c->forward_conversation_ref_id);
    json_add_text_if(w, "conversation_id", c->forward_conversation_id);
    json_close_object(w);
}

/* --- everything else ------------------------------------------------------------------------- */

/* The command's own, when it tries one out. */
static enum status_spelling spelling_of(const struct command *c, const struct target_context *x)
{
    if (view_is(c->spelling, "old"))
        return STATUS_SPELLING_OLD;
    return view_is(c->spelling, "new") ? STATUS_SPELLING_NEW : x->spelling;
}

static void write_status(const struct command *c, enum status_spelling spelling,
                         struct json_writer *w)
{
    json_open_object(w, NULL);
    if (spelling != STATUS_SPELLING_NEW) {
        json_add_text(w, "msgid", c->message_id);
        json_add_int(w, "delivery_status", c->status_code);
    }
    if (spelling != STATUS_SPELLING_OLD)
        json_add_int(w, "status_code", c->status_code);
    if (c->status_code == -1) {
        json_add_int(w, "error_code", c->error_code);
        json_add_text_if(w, "error", view_cut(c->error_text, LIMIT_ERROR_TEXT));
    }
    json_close_object(w);
}

/* One of two names under one of two keys; false when there is neither. */
static bool add_either(struct json_writer *w, const char *key, struct view v,
                       const char *other_key, struct view other)
{
    if (!view_empty(v))
        json_add_text(w, key, v);
    else
        json_add_text_if(w, other_key, other);
    return !view_empty(v) || !view_empty(other);
}

static int write_reaction(const struct command *c, struct json_writer *w)
{
    bool named = false;

    json_open_object(w, NULL);
    named = add_either(w, "conversation_id", c->conversation_id, "conversation_ref_id",
                       c->conversation_ref_id);
    named = add_either(w, "id", c->message_id, "msgid", c->message_client_id) && named;
    json_open_object(w, "user");
    json_add_text_if(w, "id", c->sender_id);
    json_add_text_if(w, "ref_id", c->sender_ref_id);
    json_close_object(w);
    json_add_text(w, "type", c->unset ? VIEW_LIT("unreact") : VIEW_LIT("react"));
    json_add_text_if(w, "emoji", c->emoji);
    json_close_object(w);
    return named ? 0 : TARGET_E_IMPOSSIBLE;
}

static int64_t typing_ms(const struct command *c, int64_t now_ms)
{
    int64_t left = c->expires_ms ? c->expires_ms - now_ms : TYPING_MS_DEFAULT;

    return left > TYPING_MS_MAX ? TYPING_MS_MAX : left;
}

static int write_typing(const struct command *c, int64_t now_ms, struct json_writer *w)
{
    if (target_is_stale(c, now_ms))
        return TARGET_E_IMPOSSIBLE;
    json_open_object(w, NULL);
    json_add_text(w, "conversation_id", c->conversation_id);
    json_add_int(w, "duration_ms", typing_ms(c, now_ms));
    json_open_object(w, "sender");
    json_add_text(w, "id", c->sender_id);
    json_close_object(w);
    json_close_object(w);
    return 0;
}

static void write_connect(const struct command *c, struct json_writer *w)
{
    json_open_object(w, NULL);
    json_add_text(w, "account_id", text_or(c->account, registry_scope_account(c->scope)));
    json_add_text_if(w, "title", c->title);
    json_add_text(w, "hook_api_version", VIEW_LIT("v2"));
    if (c->time_window_off)
        json_add_bool(w, "is_time_window_disabled", true);
    json_close_object(w);
}

static void write_disconnect(const struct command *c, struct json_writer *w)
{
    json_open_object(w, NULL);
    json_add_text(w, "account_id", text_or(c->account, registry_scope_account(c->scope)));
    json_close_object(w);
}

static void write_chat(const struct command *c, struct json_writer *w)
{
    json_open_object(w, NULL);
    json_add_text(w, "conversation_id", c->conversation_id);
    write_source(c, w);
    write_client(c, "user", w);
    json_close_object(w);
}

/* A webhook of our own making: ingress knows it by its one member, and by its age. */
static void write_hook(const struct command *c, int64_t now_ms, struct json_writer *w)
{
    json_open_object(w, NULL);
    json_open_object(w, "door_test");
    json_add_text(w, "nonce", c->key);
    json_add_int(w, "at_ms", now_ms);
    json_close_object(w);
    json_close_object(w);
}
