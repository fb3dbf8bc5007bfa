/* The content of a message that comes through the connector API.
 *
 * From: normalize.c, the parsed body.
 * To: the same, fields of the event.
 * Holds: the parts that are JSON in the event, while the event borrows them. */

#include "ingress/connector/content.h"

#include <string.h>

#include "ingress/read/digits.h"
#include "ingress/read/message_type.h"
#include "proto/limits.h"

#define LATITUDE_MAX   90.0
#define LONGITUDE_MAX  180.0
#define DURATION_MAX   (30ULL * 24 * 3600) /* seconds; more is a mistake of units */
/* bytes, where amojo does not ask for them; more is a mistake, too */
#define SIZE_MAX_SHOWN (1ULL << 53)

static void leave_out_all(struct service_shown *s);
static void read_words(struct service_reader *r, struct content *c);
static void read_media(struct service_reader *r, bool required, struct content *c);
static void read_place(struct service_reader *r, bool required, struct service_parts *p,
                       struct content *c);
static void read_card(struct service_reader *r, bool required, struct content *c);
static void read_reply(struct service_shown *s, struct content *c);
static void read_forward(struct service_shown *s, struct content *c);
static void read_posts(struct service_reader *r, struct service_parts *p, struct content *c);

void service_parts_init(struct service_parts *p)
{
    /* its texts have limits of their own */
    buf_init(&p->shared_post, LIMIT_CONNECTOR_BODY);
    buf_init(&p->post, LIMIT_CONNECTOR_BODY);
    buf_init(&p->place, (size_t)2 * DIGITS_ROOM);
}

void service_parts_fini(struct service_parts *p)
{
    buf_fini(&p->shared_post);
    buf_fini(&p->post);
    buf_fini(&p->place);
}

void service_content_read(struct service_reader *r, struct service_parts *p, struct content *c)
{
    c->type = service_type(r, "type");
    if (!c->type.ptr)
        service_fail(r, "required", "is required", "type");
    read_words(r, c);
    read_media(r, message_type_is_media(c->type), c);
    read_place(r, view_is(c->type, "location"), p, c);
    read_card(r, view_is(c->type, "contact"), c);
    c->callback_data = service_shown_whole(&r->shown, "callback_data", LIMIT_NAME);
    read_posts(r, p, c);
    read_reply(&r->shown, c);
    read_forward(&r->shown, c);
    if (view_is(c->type, "text") && !c->text.ptr && !c->forward_type.ptr && !c->shared_post.ptr)
        service_fail(r, "required", "is required", "text");
}

/* The words of a text are all it has; those below a file, a place or a card are not. */
static void read_words(struct service_reader *r, struct content *c)
{
    bool all =
        c->type.ptr ? view_is(c->type, "text") : !json_is_object(json_get(r->root, "media"));

    c->text = all ? service_text(r, "text", LIMIT_CONNECTOR_BODY)
                  : service_shown_text(&r->shown, "text", LIMIT_CONNECTOR_BODY);
}

void service_content_read_change(struct service_reader *r, bool deleted,
                                 struct service_parts *p, struct content *c)
{
    if (deleted) {
        leave_out_all(&r->shown);
        return;
    }
    c->type = service_type(r, "type");
    read_words(r, c);
    read_media(r, false, c);
    read_place(r, view_is(c->type, "location"), p, c);
    read_card(r, view_is(c->type, "contact"), c);
    if (!c->text.ptr && !c->media.ptr && !c->lat.ptr && !c->contact_name.ptr)
        service_fail(r, "required", "there is nothing to change", "text");
}

/* Of a message that is gone nothing is shown any more. */
static void leave_out_all(struct service_shown *s)
{
    static const char *const keys[] = {"type",     "text",    "media",
                                       "location", "contact", "sticker_id"};

    for (size_t i = 0; i < AMO_COUNT(keys); i++) {
        const struct json_node *n = json_get(s->root, keys[i]);

        if (n && !service_node_is_nothing(n))
            service_shown_warn(s, "invalid", "was left out: the message is deleted", keys[i]);
    }
}

/* Does the object say anything? */
static bool has_members(const struct json_node *object)
{
    const void *iter = NULL;
    struct view key;
    const struct json_node *value = NULL;

    while (json_next(object, &iter, &key, &value)) {
        if (value && !service_node_is_nothing(value))
            return true;
    }
    return false;
}

/* Is this part there, and may it be? Without a type (a change) any part may, but only one. What
 * has nothing in it is not there; what has something and does not belong here is refused, because
 * without it the message would not be what was sent. */
static bool part(struct service_reader *r, const char *path, bool fits, bool required,
                 const struct content *c)
{
    if (!service_object(r, path) || !has_members(json_path(r->root, path))) {
        if (required)
            service_fail(r, "required", "is required", path);
        return false;
    }
    if (c->type.ptr ? !fits : c->media.ptr || c->lat.ptr)
        service_fail(r, "invalid", "does not belong to this type of message", path);
    return true;
}

/* --- a file ------------------------------------------------------------------------------- */

/* What a person would call the file: the end of the URL's path. */
static struct view name_of_url(struct view url)
{
    const char *host = view_find(url, "://");
    struct view path;
    size_t from = 0;

    if (!host)
        return VIEW_LIT("file");
    path = view_make(host + 3, url.len - (size_t)(host + 3 - url.ptr));
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] == '?' || path.ptr[i] == '#')
            path.len = i;
        else if (path.ptr[i] == '/')
            from = i + 1;
    }
    if (from == 0 || from >= path.len)
        return VIEW_LIT("file");
    return view_cut(view_make(path.ptr + from, path.len - from), LIMIT_NAME);
}

/* amojo wants the size of these, and nobody here fetches the file to find it out. */
static bool wants_size(struct view type)
{
    return !type.ptr || view_is(type, "picture") || view_is(type, "video") ||
           view_is(type, "file");
}

static void read_sticker(struct service_shown *s, struct content *c)
{
    c->sticker_id = service_shown_whole(s, "sticker_id", LIMIT_ID);
    if (!c->sticker_id.ptr || !c->type.ptr || view_is(c->type, "sticker"))
        return;
    c->sticker_id = VIEW_NONE;
    service_shown_warn(s, "invalid", "was left out: does not belong to this type of message",
                       "sticker_id");
}

static void read_media(struct service_reader *r, bool required, struct content *c)
{
    struct service_shown *s = &r->shown;

    read_sticker(s, c);
    if (!part(r, "media", message_type_is_media(c->type), required, c))
        return;
    c->media = service_url_must(r, "media.url");
    c->media_name = service_shown_text(s, "media.name", LIMIT_NAME);
    if (!c->media_name.ptr && c->media.ptr)
        c->media_name = name_of_url(c->media);
    if (wants_size(c->type)) {
        c->media_size = service_count(r, "media.size", 1, INT64_MAX);
        if (!c->media_size)
            service_fail(r, "required", "is required", "media.size");
    } else {
        c->media_size = service_shown_count(s, "media.size", 1, SIZE_MAX_SHOWN);
    }
    c->media_mime = service_shown_text(s, "media.mime", LIMIT_ID);
    c->media_duration = service_shown_count(s, "media.duration", 0, DURATION_MAX);
    c->thumbnail = service_shown_url(s, "media.thumbnail");
    c->media_group = service_shown_whole(s, "media.group", LIMIT_ID);
}

/* --- a place, a card ---------------------------------------------------------------------- */

static void read_place(struct service_reader *r, bool required, struct service_parts *p,
                       struct content *c)
{
    if (!part(r, "location", view_is(c->type, "location"), required, c))
        return;
    c->lat = service_degrees(r, "location.lat", LATITUDE_MAX, &p->place);
    c->lon = service_degrees(r, "location.lon", LONGITUDE_MAX, &p->place);
}

static void read_card(struct service_reader *r, bool required, struct content *c)
{
    if (!part(r, "contact", view_is(c->type, "contact"), required, c))
        return;
    /* amojo wants both; a card without a name goes by its phone */
    c->contact_phone = service_number_or_text_must(r, "contact.phone", LIMIT_ID);
    c->contact_name = service_shown_text(&r->shown, "contact.name", LIMIT_NAME);
    if (!c->contact_name.ptr)
        c->contact_name = c->contact_phone;
}

/* --- quote, forward ----------------------------------------------------------------------- */

/* A quote that names no message and says nothing is none. */
static void read_reply(struct service_shown *s, struct content *c)
{
    if (!service_shown_object(s, "reply_to"))
        return;
    c->reply_id = service_shown_whole(s, "reply_to.id", LIMIT_ID);
    c->reply_type = service_shown_type(s, "reply_to.type");
    c->reply_text = service_shown_text(s, "reply_to.text", LIMIT_CONNECTOR_BODY);
    if (!c->reply_id.ptr && !c->reply_text.ptr && !c->reply_type.ptr) {
        service_shown_warn(s, "required",
                           "the quote was left out: is required, or else the text",
                           "reply_to.id");
        return;
    }
    c->reply_author = service_shown_text(s, "reply_to.author", LIMIT_NAME);
    c->reply_sent_ms = service_shown_time(s, "reply_to.sent_at");
}

static void read_forwarded_file(struct service_shown *s, struct content *c)
{
    if (!service_shown_object(s, "forward.media"))
        return;
    c->forward_media = service_shown_url(s, "forward.media.url");
    if (!c->forward_media.ptr) {
        service_shown_warn(s, "required", "the file was left out: is required",
                           "forward.media.url");
        return;
    }
    c->forward_media_name = service_shown_text(s, "forward.media.name", LIMIT_NAME);
    if (!c->forward_media_name.ptr)
        c->forward_media_name = name_of_url(c->forward_media);
    c->forward_media_size = service_shown_count(s, "forward.media.size", 1, SIZE_MAX_SHOWN);
}

/* With a type there is one; one that names no message and says nothing is none. */
static void read_forward(struct service_shown *s, struct content *c)
{
    struct view type;

    if (!service_shown_object(s, "forward"))
        return;
    c->forward_id = service_shown_whole(s, "forward.id", LIMIT_ID);
    type = service_shown_type(s, "forward.type");
    c->forward_text = service_shown_text(s, "forward.text", LIMIT_CONNECTOR_BODY);
    read_forwarded_file(s, c);
    if (!c->forward_id.ptr && !c->forward_text.ptr && !c->forward_media.ptr) {
        service_shown_warn(
            s, "required",
            "the forward was left out: is required, or else the text or the file",
            "forward.id");
        return;
    }
    c->forward_author = service_shown_text(s, "forward.author", LIMIT_NAME);
    c->forward_sent_ms = service_shown_time(s, "forward.sent_at");
    if (!type.ptr)
        type = c->forward_media.ptr ? VIEW_LIT("file") : VIEW_LIT("text");
    c->forward_type = type;
}

/* --- posts -------------------------------------------------------------------------------- */

/* A member of a post: its path in the request, after the dot its key in what we keep. */
struct post_field {
    const char *path;
    size_t max; /* bytes; 0: a URL */
    bool must;  /* without it amojo would refuse the post, and the message with it */
};

static struct view post_text(struct service_shown *s, const struct post_field *f)
{
    if (f->max == 0)
        return service_shown_url(s, f->path);
    return f->must ? service_shown_whole(s, f->path, f->max) /* an id */
                   : service_shown_text(s, f->path, f->max);
}

/* A post that lacks what amojo must have is left out. */
static void read_post(struct service_reader *r, const struct post_field *fields, size_t n,
                      struct buf *out, struct view *ret)
{
    struct json_writer w;
    bool whole = true;

    json_writer_init(&w, out);
    json_open_object(&w, NULL);
    for (size_t i = 0; i < n; i++) {
        const char *path = fields[i].path;
        struct view v = post_text(&r->shown, &fields[i]);

        json_add_text_if(&w, strchr(path, '.') + 1, v);
        if (fields[i].must && !v.ptr) {
            service_shown_warn(&r->shown, "required", "the post was left out: is required",
                               path);
            whole = false;
        }
    }
    json_close_object(&w);
    if (!r->rc)
        r->rc = buf_error(out);
    if (whole)
        *ret = buf_view(out);
}

static void read_posts(struct service_reader *r, struct service_parts *p, struct content *c)
{
    static const struct post_field shared[] = {
        {"shared_post.url",               0,          true },
        {"shared_post.preview_link",      0,          false},
        {"shared_post.preview_permalink", 0,          false},
        {"shared_post.site_name",         LIMIT_NAME, false}
    };
    static const struct post_field post[] = {
        {"post.id",                LIMIT_NAME,    true },
        {"post.url",               0,             true },
        {"post.preview_url",       0,             false},
        {"post.preview_permalink", 0,             false},
        {"post.username",          LIMIT_NAME,    false},
        {"post.caption",           LIMIT_CAPTION, false}
    };

    if (service_shown_object(&r->shown, "shared_post"))
        read_post(r, shared, AMO_COUNT(shared), &p->shared_post, &c->shared_post);
    if (service_shown_object(&r->shown, "post"))
        read_post(r, post, AMO_COUNT(post), &p->post, &c->post);
}
