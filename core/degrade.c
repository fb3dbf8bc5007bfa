/* A manager's message in the shape a service can take.
 *
 * From: router.c (may it cross at all?), resolve.c (a message about to be sent). To: the same.
 * Holds: nothing; pure. */

#include "core/degrade.h"

static bool has(struct view v)
{
    return v.len > 0;
}

static bool is_media(struct view type)
{
    static const char *const words[] = {"picture", "video", "voice",
                                        "audio",   "file",  "sticker"};

    for (size_t i = 0; i < AMO_COUNT(words); i++) {
        if (view_is(type, words[i]))
            return true;
    }
    return false;
}

static bool has_forward(const struct content *c)
{
    return has(c->forward_text) || has(c->forward_media);
}

static bool has_place(const struct content *c)
{
    return has(c->lat) && has(c->lon);
}

static bool has_card(const struct content *c)
{
    return has(c->contact_name) || has(c->contact_phone);
}

/* Something a person could read or open. */
static bool has_anything(const struct content *c)
{
    return has(c->text) || has(c->media) || has_forward(c) || has_place(c) || has_card(c) ||
           has(c->buttons) || has(c->list);
}

const char *degrade_objection(const struct content *c)
{
    if (has_anything(c))
        return NULL;
    if (view_is(c->type, "text"))
        return "the message is empty";
    return is_media(c->type) ? "the file has no link" : "unsupported message type";
}

/* The type that what is there can bear. */
static struct view bearable_type(const struct content *c)
{
    if (is_media(c->type) && has(c->media))
        return c->type;
    if (view_is(c->type, "location") && has_place(c))
        return c->type;
    if (view_is(c->type, "contact") && has_card(c))
        return c->type;
    return has(c->media) ? VIEW_LIT("file") : VIEW_LIT("text");
}

/* The words of both; the file of the forwarded one when there is no other. */
static int take_forward(struct content *c, struct buf *made)
{
    if (!has_forward(c))
        return 0;
    (void)buf_add_view(made, c->text); /* asked once, below */
    if (has(c->text) && has(c->forward_text))
        (void)buf_add_char(made, '\n');
    (void)buf_add_view(made, c->forward_text);
    if (!has(c->media) && has(c->forward_media)) {
        c->media = c->forward_media;
        c->media_name = c->forward_media_name;
        c->media_size = c->forward_media_size;
        c->type = c->forward_type;
    } else if (has(c->forward_media)) {
        if (made->len)
            (void)buf_add_char(made, '\n');
        (void)buf_add_view(made, c->forward_media);
    }
    c->text = buf_view(made);
    return buf_error(made);
}

/* A quoted message without words, in a sign that every client can read. */
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
    return VIEW_NONE;
}

/* "> " before every line of the quoted words, then the message's own. */
static int lead_quote(struct content *c, struct buf *made)
{
    struct view rest = has(c->reply_text) ? c->reply_text : sign_of(c->reply_type);
    struct buf quoted;
    int rc = 0;

    if (!has(rest))
        return 0;
    buf_init(&quoted, made->max);
    while (has(rest)) {
        const char *end = view_find(rest, "\n");
        size_t len = end ? (size_t)(end - rest.ptr) : rest.len;

        (void)buf_add_str(&quoted, "> "); /* asked once, below */
        (void)buf_add_view(&quoted, view_make(rest.ptr, len));
        (void)buf_add_char(&quoted, '\n');
        len += end ? 1 : 0;
        rest = view_make(rest.ptr + len, rest.len - len);
    }
    (void)buf_add_view(&quoted, c->text); /* which may be in @made */
    rc = buf_error(&quoted);
    buf_reset(made);
    rc = rc ? rc : buf_add_view(made, buf_view(&quoted));
    buf_fini(&quoted);
    c->text = buf_view(made);
    return rc;
}

int degrade_outbound(struct content *c, bool quote, struct buf *made)
{
    int rc = take_forward(c, made);

    c->type = bearable_type(c);
    if (rc == 0 && quote)
        rc = lead_quote(c, made);
    return rc;
}

int64_t degrade_error_code(struct view code)
{
    static const struct {
        const char *code;
        int64_t number;
    } codes[] = {
        {"chat_deleted",   901},
        {"channel_off",    902},
        {"internal",       903},
        {"not_on_channel", 904},
    };

    for (size_t i = 0; i < AMO_COUNT(codes); i++) {
        if (view_is(code, codes[i].code))
            return codes[i].number;
    }
    return 905;
}
