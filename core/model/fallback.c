/* A manager's message in the shape a service can take.
 *
 * From: router.c (may it cross at all?), resolve.c (a message about to be sent). To: the same.
 * Holds: nothing; pure. */

#include "core/model/fallback.h"
#include "base/url.h"

static bool has(struct view v)
{
    return v.len > 0;
}

bool fallback_is_file(struct view type)
{
    static const char *const words[] = {"picture", "video", "voice",
                                        "audio",   "file",  "sticker"};

    for (size_t i = 0; i < AMO_COUNT(words); i++) {
        if (view_is(type, words[i]))
            return true;
    }
    return false;
}

static bool has_place(const struct content *c)
{
    return has(c->lat) && has(c->lon);
}

static bool has_card(const struct content *c)
{
    return has(c->contact_name) && has(c->contact_phone);
}

/* Something a person could read or open. */
static bool has_anything(const struct content *c)
{
    return has(c->text) || has(c->media) || has(c->forward_text) || has(c->forward_media) ||
           has_place(c) || has(c->contact_name) || has(c->contact_phone) || has(c->buttons) ||
           has(c->list);
}

const char *fallback_objection(const struct content *c)
{
    if (has_anything(c))
        return NULL;
    if (view_is(c->type, "text"))
        return "the message is empty";
    return fallback_is_file(c->type) ? "the file has no link" : "unsupported message type";
}

/* The type that what is there can bear. */
static struct view bearable_type(const struct content *c)
{
    if (view_is(c->type, "location") && has_place(c))
        return c->type;
    if (view_is(c->type, "contact") && has_card(c))
        return c->type;
    if (!url_is_link(c->media))
        return VIEW_LIT("text");
    return fallback_is_file(c->type) ? c->type : VIEW_LIT("file");
}

static void take_forwarded_file(struct content *c)
{
    if (url_is_link(c->media) || !url_is_link(c->forward_media))
        return;
    c->type = c->forward_type;
    c->media = c->forward_media;
    c->media_name = c->forward_media_name;
    c->media_size = c->forward_media_size;
    c->forward_media = VIEW_NONE;
}

static void add_line(struct buf *made, struct view one, struct view other)
{
    if (!has(one) && !has(other))
        return;
    if (made->len)
        (void)buf_add_char(made, '\n'); /* errors are asked for at the end */
    (void)buf_add_view(made, one);
    if (has(one) && has(other))
        (void)buf_add_str(made, ", ");
    (void)buf_add_view(made, other);
}

/* Parts that the type has no place for become lines; a service is given one thing at a time. */
static void add_parts(struct content *c, struct buf *made)
{
    bool file = !view_is(c->type, "text") && !view_is(c->type, "location") &&
                !view_is(c->type, "contact");

    if (!file) {
        add_line(made, c->media, VIEW_NONE);
        c->media = VIEW_NONE;
    }
    add_line(made, c->forward_media, VIEW_NONE);
    if (!view_is(c->type, "location")) {
        add_line(made, c->lat, c->lon);
        c->lat = c->lon = VIEW_NONE;
    }
    if (!view_is(c->type, "contact")) {
        add_line(made, c->contact_name, c->contact_phone);
        c->contact_name = c->contact_phone = VIEW_NONE;
    }
}

/* A quoted message without words, in a sign that every client can read; of one whose kind is not
 * known either, that something was quoted. */
static struct view sign_of(struct view type)
{
    static const struct {
        const char *type;
        const char *sign;
    } signs[] = {
        {"picture",  "\xf0\x9f\x96\xbc"},
        {"video",    "\xf0\x9f\x8e\xac"},
        {"voice",    "\xf0\x9f\x8e\xa4"},
        {"audio",    "\xf0\x9f\x8e\xb5"},
        {"file",     "\xf0\x9f\x93\x8e"},
        {"sticker",  "\xf0\x9f\x99\x82"},
        {"location", "\xf0\x9f\x93\x8d"},
        {"contact",  "\xf0\x9f\x91\xa4"},
    };

    for (size_t i = 0; i < AMO_COUNT(signs); i++) {
        if (view_is(type, signs[i].type))
            return view_of(signs[i].sign);
    }
    return VIEW_LIT("\xe2\x80\xa6"); /* … */
}

/* "> " before every line of the quoted words. */
static void add_quote(const struct content *c, struct buf *made)
{
    struct view rest = has(c->reply_text) ? c->reply_text : sign_of(c->reply_type);

    while (has(rest)) {
        const char *end = view_find(rest, "\n");
        size_t len = end ? (size_t)(end - rest.ptr) : rest.len;

        if (made->len)
            (void)buf_add_char(made, '\n'); /* errors are asked for at the end */
        (void)buf_add_str(made, "> ");
        (void)buf_add_view(made, view_make(rest.ptr, len));
        len += end ? 1 : 0;
        rest = view_make(rest.ptr + len, rest.len - len);
    }
}

int fallback_outbound(struct content *c, bool quote, struct buf *made)
{
    take_forwarded_file(c);
    c->type = bearable_type(c);
    if (quote)
        add_quote(c, made);
    add_line(made, c->text, VIEW_NONE);
    add_line(made, c->forward_text, VIEW_NONE);
    add_parts(c, made);
    if (made->len)
        c->text = buf_view(made);
    return buf_error(made);
}

int fallback_quote(struct content *c, struct buf *made)
{
    if (has(c->reply_text) || has(c->reply_type)) {
        add_quote(c, made);
        add_line(made, c->text, VIEW_NONE);
        c->text = buf_view(made);
    }
    c->reply_id = c->reply_client_id = VIEW_NONE;
    c->reply_text = c->reply_type = c->reply_author = VIEW_NONE;
    return buf_error(made);
}

static const char *const error_words[FALLBACK_ERRORS] = {"chat_deleted", "channel_off",
                                                         "internal", "not_on_channel", "other"};

int64_t fallback_error_code(struct view code)
{
    size_t i = 0;

    while (i < FALLBACK_ERRORS - 1 && !view_is(code, error_words[i]))
        i++;
    return FALLBACK_ERROR_FIRST + (int64_t)i;
}

const char *fallback_error_word(int64_t number)
{
    int64_t i = number - FALLBACK_ERROR_FIRST;

    return error_words[i >= 0 && i < FALLBACK_ERRORS ? i : FALLBACK_ERRORS - 1];
}
