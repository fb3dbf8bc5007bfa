/* The content of a message that comes through the connector API.
 *
 * From: service_normalize.c, the parsed body.
 * To: the same, fields of the event.
 * Holds: the parts that are JSON in the event, while the event borrows them. */

#include "ingress/service_content.h"

#include <string.h>

#include "ingress/digits.h"
#include "ingress/message_type.h"
#include "proto/limits.h"

#define LATITUDE_MAX  90.0
#define LONGITUDE_MAX 180.0
#define DURATION_MAX  (30ULL * 24 * 3600) /* seconds; more is a mistake of units */

static void read_media(struct service_reader *r, bool required, struct content *c);
static void read_place(struct service_reader *r, bool required, struct service_parts *p,
                       struct content *c);
static void read_card(struct service_reader *r, bool required, struct content *c);
static void read_reply(struct service_reader *r, struct content *c);
static void read_forward(struct service_reader *r, struct content *c);
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
    c->text = service_text(r, "text", LIMIT_CONNECTOR_BODY);
    read_media(r, message_type_is_media(c->type), c);
    read_place(r, view_is(c->type, "location"), p, c);
    read_card(r, view_is(c->type, "contact"), c);
    c->callback_data = service_text(r, "callback_data", LIMIT_NAME);
    read_posts(r, p, c);
    read_reply(r, c);
    read_forward(r, c);
    if (view_is(c->type, "text") && !c->text.ptr && !json_path(r->root, "forward") &&
        !c->shared_post.ptr)
        service_fail(r, "required", "is required", "text");
}

void service_content_read_change(struct service_reader *r, bool deleted,
                                 struct service_parts *p, struct content *c)
{
    c->type = service_type(r, "type");
    c->text = service_text(r, "text", LIMIT_CONNECTOR_BODY);
    read_media(r, false, c);
    read_place(r, !deleted && view_is(c->type, "location"), p, c);
    read_card(r, !deleted && view_is(c->type, "contact"), c);
    if (!deleted && !c->text.ptr && !c->media.ptr && !c->lat.ptr && !c->contact_name.ptr)
        service_fail(r, "required", "there is nothing to change", "text");
}

/* Is this part there, and may it be? Without a type (a change) any part may, but only one. */
static bool part(struct service_reader *r, const char *path, bool fits, bool required,
                 const struct content *c)
{
    if (!service_object(r, path)) {
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

static void read_media(struct service_reader *r, bool required, struct content *c)
{
    bool is_sticker = view_is(c->type, "sticker");

    c->sticker_id = service_text(r, "sticker_id", LIMIT_ID);
    if (c->sticker_id.ptr && c->type.ptr && !is_sticker)
        service_fail(r, "invalid", "does not belong to this type of message", "sticker_id");
    if (!part(r, "media", message_type_is_media(c->type), required, c))
        return;
    c->media = service_url_must(r, "media.url");
    c->media_name = service_text(r, "media.name", LIMIT_NAME);
    if (!c->media_name.ptr && c->media.ptr)
        c->media_name = name_of_url(c->media);
    c->media_size = service_count(r, "media.size", 1, INT64_MAX);
    if (!c->media_size && wants_size(c->type))
        service_fail(r, "required", "is required", "media.size");
    c->media_mime = service_text(r, "media.mime", LIMIT_ID);
    c->media_duration = service_count(r, "media.duration", 0, DURATION_MAX);
    c->thumbnail = service_url(r, "media.thumbnail");
    c->media_group = service_text(r, "media.group", LIMIT_ID);
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
    c->contact_name = service_text_must(r, "contact.name", LIMIT_NAME);
    c->contact_phone = service_text_must(r, "contact.phone", LIMIT_ID);
}

/* --- quote, forward ----------------------------------------------------------------------- */

static void read_reply(struct service_reader *r, struct content *c)
{
    if (!service_object(r, "reply_to"))
        return;
    c->reply_id = service_text(r, "reply_to.id", LIMIT_ID);
    c->reply_type = service_type(r, "reply_to.type");
    c->reply_text = service_text(r, "reply_to.text", LIMIT_CONNECTOR_BODY);
    c->reply_author = service_text(r, "reply_to.author", LIMIT_NAME);
    c->reply_sent_ms = service_time(r, "reply_to.sent_at");
    if (!c->reply_id.ptr && !c->reply_text.ptr && !c->reply_type.ptr)
        service_fail(r, "required", "is required, or else the text", "reply_to.id");
}

static void read_forward(struct service_reader *r, struct content *c)
{
    if (!service_object(r, "forward"))
        return;
    c->forward_id = service_text(r, "forward.id", LIMIT_ID);
    c->forward_type = service_type(r, "forward.type");
    c->forward_text = service_text(r, "forward.text", LIMIT_CONNECTOR_BODY);
    if (service_object(r, "forward.media")) {
        c->forward_media = service_url_must(r, "forward.media.url");
        c->forward_media_name = service_text(r, "forward.media.name", LIMIT_NAME);
        if (!c->forward_media_name.ptr && c->forward_media.ptr)
            c->forward_media_name = name_of_url(c->forward_media);
        c->forward_media_size = service_count(r, "forward.media.size", 1, INT64_MAX);
    }
    c->forward_author = service_text(r, "forward.author", LIMIT_NAME);
    c->forward_sent_ms = service_time(r, "forward.sent_at");
    if (!c->forward_id.ptr && !c->forward_text.ptr && !c->forward_media.ptr)
        service_fail(r, "required", "is required, or else the text or the file", "forward.id");
    if (!c->forward_type.ptr)
        c->forward_type = c->forward_media.ptr ? VIEW_LIT("file") : VIEW_LIT("text");
}

/* --- posts -------------------------------------------------------------------------------- */

/* A member of a post: its path in the request, after the dot its key in what we keep. */
struct post_field {
    const char *path;
    bool url;
};

static void read_post(struct service_reader *r, const struct post_field *fields, size_t n,
                      struct buf *out, struct view *ret)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_open_object(&w, NULL);
    for (size_t i = 0; i < n; i++) {
        const char *path = fields[i].path;
        struct view v =
            fields[i].url ? service_url(r, path) : service_text(r, path, LIMIT_NAME);

        json_add_text_if(&w, strchr(path, '.') + 1, v);
    }
    json_close_object(&w);
    if (!r->rc)
        r->rc = buf_error(out);
    *ret = buf_view(out);
}

static void read_posts(struct service_reader *r, struct service_parts *p, struct content *c)
{
    static const struct post_field shared[] = {
        {"shared_post.url",               true },
        {"shared_post.preview_link",      true },
        {"shared_post.preview_permalink", true },
        {"shared_post.site_name",         false}
    };
    static const struct post_field post[] = {
        {"post.id",                false},
        {"post.url",               true },
        {"post.preview_url",       true },
        {"post.preview_permalink", true },
        {"post.username",          false},
        {"post.caption",           false}
    };

    if (service_object(r, "shared_post")) {
        (void)service_url_must(r, "shared_post.url"); /* read with the others */
        read_post(r, shared, AMO_COUNT(shared), &p->shared_post, &c->shared_post);
    }
    if (service_object(r, "post")) {
        (void)service_text_must(r, "post.id", LIMIT_NAME); /* as above */
        (void)service_url_must(r, "post.url");
        read_post(r, post, AMO_COUNT(post), &p->post, &c->post);
    }
}
