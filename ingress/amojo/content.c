/* The content of amoCRM's message: words, file, keyboard, quote, forward.
 *
 * From: normalize.c, a part of the parsed body.
 * To: the same, fields of the event.
 * Holds: the parts that are JSON in the event, while the event borrows them. */

#include "ingress/amojo/content.h"

#include <errno.h>

#include "ingress/read/digits.h"
#include "ingress/read/message_type.h"

static void read_markup(struct amo_reader *r, const struct json_node *markup,
                        struct amo_parts *p, struct content *c);
static void read_template(struct amo_reader *r, const struct json_node *template,
                          struct amo_parts *p, struct content *c);
static void read_reply(struct amo_reader *r, const struct json_node *quoted, struct content *c);
static void read_forwards(struct amo_reader *r, const struct json_node *messages,
                          struct amo_parts *p, struct content *c);
static void read_place(struct amo_reader *r, const struct json_node *place, struct amo_parts *p,
                       struct content *c);

void amo_parts_init(struct amo_parts *p, size_t max)
{
    buf_init(&p->buttons, max);
    buf_init(&p->list, max);
    buf_init(&p->template, max);
    buf_init(&p->forward_ids, max);
    buf_init(&p->forward_text, max);
    buf_init(&p->place, (size_t)2 * DIGITS_ROOM);
}

void amo_parts_fini(struct amo_parts *p)
{
    buf_fini(&p->buttons);
    buf_fini(&p->list);
    buf_fini(&p->template);
    buf_fini(&p->forward_ids);
    buf_fini(&p->forward_text);
    buf_fini(&p->place);
}

int amo_parts_error(const struct amo_parts *p)
{
    const struct buf *const all[] = {&p->buttons,     &p->list,         &p->template,
                                     &p->forward_ids, &p->forward_text, &p->place};
    int rc = 0;

    for (size_t i = 0; i < AMO_COUNT(all) && !rc; i++)
        rc = buf_error(all[i]);
    return rc;
}

void amo_parts_drop_large(struct amo_parts *p, struct content *c)
{
    const struct {
        struct buf *made;
        struct view *part;
    } all[] = {
        {&p->buttons,      &c->buttons     },
        {&p->list,         &c->list        },
        {&p->template,     &c->template    },
        {&p->forward_ids,  &c->forward_ids },
        {&p->forward_text, &c->forward_text},
    };

    for (size_t i = 0; i < AMO_COUNT(all); i++) {
        if (buf_error(all[i].made) != -ENOSPC)
            continue;
        buf_reset(all[i].made);
        *all[i].part = VIEW_NONE;
    }
}

size_t amo_parts_len(const struct amo_parts *p)
{
    return p->buttons.len + p->list.len + p->template.len + p->forward_ids.len +
           p->forward_text.len + p->place.len;
}

/* N17 */
static void read_type(struct amo_reader *r, const struct json_node *inner, struct content *c,
                      struct view *raw_type)
{
    *raw_type = amo_read_text(r, inner, "type");
    if (!raw_type->ptr)
        c->type = VIEW_LIT("text");
    else
        c->type = message_type_is_known(*raw_type) ? *raw_type : VIEW_LIT("unknown");
}

void amo_content_read(struct amo_reader *r, const struct json_node *inner, struct amo_parts *p,
                      struct content *c, struct view *raw_type)
{
    const struct json_node *contact = json_get(inner, "contact");

    read_type(r, inner, c, raw_type);
    c->text = amo_read_text(r, inner, "text");
    if (!c->text.ptr)
        c->text = VIEW_LIT("");
    c->media = amo_read_text(r, inner, "media");
    c->thumbnail = amo_read_text(r, inner, "thumbnail");
    c->media_name = amo_read_text(r, inner, "file_name");
    c->media_size = amo_read_count(inner, "file_size");
    c->media_group = amo_read_text(r, inner, "media_group_id");
    c->media_duration = amo_read_count(inner, "media_duration");
    c->sticker_id = amo_read_text(r, inner, "sticker_id");
    c->contact_name = amo_read_text(r, contact, "name");
    c->contact_phone = amo_read_text(r, contact, "phone");
    read_place(r, json_get(inner, "location"), p, c);
    read_markup(r, json_get(inner, "markup"), p, c);
    read_template(r, json_get(inner, "template"), p, c);
    read_reply(r, json_get(json_get(inner, "reply_to"), "message"), c);
    read_forwards(r, json_get(json_get(inner, "forwards"), "messages"), p, c);
}

/* Half a place is none. */
static void read_place(struct amo_reader *r, const struct json_node *place, struct amo_parts *p,
                       struct content *c)
{
    struct view lat = VIEW_NONE;
    struct view lon = VIEW_NONE;

    if (!place || r->rc)
        return;
    r->rc = digits_read(r->doc, json_get(place, "lat"), &p->place, &lat);
    if (!r->rc)
        r->rc = digits_read(r->doc, json_get(place, "lon"), &p->place, &lon);
    if (r->rc || !lat.ptr || !lon.ptr)
        return;
    c->lat = lat;
    c->lon = lon;
}

/* --- keyboard and list -------------------------------------------------------------------- */

/* False when it has no words: there would be nothing to press. */
static bool add_button(struct amo_reader *r, const struct json_node *button, size_t row,
                       struct json_writer *w)
{
    struct view text = amo_read_text(r, button, "text");

    if (!text.ptr)
        return false;
    json_open_object(w, NULL);
    json_add_text(w, "text", text);
    json_add_text_if(w, "url", amo_read_text(r, button, "url"));
    json_add_int(w, "row", (int64_t)row);
    json_close_object(w);
    return true;
}

static void read_buttons(struct amo_reader *r, const struct json_node *rows, struct buf *out,
                         struct view *ret)
{
    struct json_writer w;
    size_t n_buttons = 0;

    if (json_array_len(rows) == 0)
        return;
    json_writer_init(&w, out);
    json_open_array(&w, NULL);
    for (size_t i = 0; i < json_array_len(rows); i++) {
        const struct json_node *row = json_array_at(rows, i);

        for (size_t k = 0; k < json_array_len(row); k++)
            n_buttons += add_button(r, json_array_at(row, k), i, &w);
    }
    json_close_array(&w);
    if (n_buttons)
        *ret = buf_view(out);
}

/* The members of @n that are texts; how many there were. */
static size_t add_texts(struct amo_reader *r, const struct json_node *n,
                        const char *const *keys, size_t n_keys, struct json_writer *w)
{
    size_t n_added = 0;

    for (size_t i = 0; i < n_keys; i++) {
        struct view text = amo_read_text(r, n, keys[i]);

        json_add_text_if(w, keys[i], text);
        n_added += text.ptr != NULL;
    }
    return n_added;
}

static size_t add_section(struct amo_reader *r, const struct json_node *section,
                          struct json_writer *w)
{
    static const char *const title[] = {"title"};
    static const char *const row_keys[] = {"callback_data", "title", "description"};
    const struct json_node *rows = json_get(section, "rows");
    size_t n_texts = 0;

    json_open_object(w, NULL);
    n_texts = add_texts(r, section, title, AMO_COUNT(title), w);
    json_open_array(w, "rows");
    for (size_t i = 0; i < json_array_len(rows); i++) {
        const struct json_node *row = json_array_at(rows, i);

        if (!json_is_object(row))
            continue;
        json_open_object(w, NULL);
        n_texts += add_texts(r, row, row_keys, AMO_COUNT(row_keys), w);
        json_close_object(w);
    }
    json_close_array(w);
    json_close_object(w);
    return n_texts;
}

static void read_list(struct amo_reader *r, const struct json_node *list, struct buf *out,
                      struct view *ret)
{
    static const char *const keys[] = {"header", "body", "footer", "button"};
    const struct json_node *sections = json_get(list, "sections");
    struct json_writer w;
    size_t n_texts = 0;

    if (!json_is_object(list))
        return;
    json_writer_init(&w, out);
    json_open_object(&w, NULL);
    n_texts = add_texts(r, list, keys, AMO_COUNT(keys), &w);
    json_open_array(&w, "sections");
    for (size_t i = 0; i < json_array_len(sections); i++) {
        if (json_is_object(json_array_at(sections, i)))
            n_texts += add_section(r, json_array_at(sections, i), &w);
    }
    json_close_array(&w);
    json_close_object(&w);
    if (n_texts)
        *ret = buf_view(out);
}

/* N21 */
static void read_markup(struct amo_reader *r, const struct json_node *markup,
                        struct amo_parts *p, struct content *c)
{
    if (!markup)
        return;
    read_buttons(r, json_get(markup, "buttons"), &p->buttons, &c->buttons);
    read_list(r, json_get(markup, "list_message"), &p->list, &c->list);
}

/* --- template ----------------------------------------------------------------------------- */

static void add_params(struct amo_reader *r, const struct json_node *params,
                       struct json_writer *w)
{
    json_open_array(w, "params");
    for (size_t i = 0; i < json_array_len(params); i++) {
        const struct json_node *param = json_array_at(params, i);
        struct view key = amo_read_text(r, param, "key");

        if (!key.ptr)
            continue;
        json_open_object(w, NULL);
        json_add_text(w, "key", key);
        json_add_text(w, "value", amo_read_text(r, param, "value")); /* null when empty */
        json_close_object(w);
    }
    json_close_array(w);
}

/* A template that names nothing and says nothing is none. */
static void read_template(struct amo_reader *r, const struct json_node *template,
                          struct amo_parts *p, struct content *c)
{
    struct view external_id = amo_read_text(r, template, "external_id");
    struct view words = amo_read_text(r, template, "content");
    struct json_writer w;
    int64_t id = 0;
    bool has_id = json_int(json_get(template, "id"), &id);

    if (!has_id && !external_id.ptr && !words.ptr)
        return;
    json_writer_init(&w, &p->template);
    json_open_object(&w, NULL);
    if (has_id)
        json_add_int(&w, "id", id);
    json_add_text_if(&w, "external_id", external_id);
    json_add_text_if(&w, "content", words);
    add_params(r, json_get(template, "params"), &w);
    json_close_object(&w);
    c->template = buf_view(&p->template);
}

/* --- quote and forward -------------------------------------------------------------------- */

/* N22. What names no message and says nothing is no quote. */
static void read_reply(struct amo_reader *r, const struct json_node *quoted, struct content *c)
{
    struct view type = amo_read_text(r, quoted, "type");

    if (!json_is_object(quoted))
        return;
    c->reply_id = amo_read_text(r, quoted, "id");
    c->reply_client_id = amo_read_text(r, quoted, "msgid");
    c->reply_text = amo_read_text(r, quoted, "text");
    if (message_type_is_known(type))
        c->reply_type = type;
    if (!c->reply_id.ptr && !c->reply_client_id.ptr && !c->reply_text.ptr && !c->reply_type.ptr)
        return;
    c->reply_author = amo_read_path(r, quoted, "sender.name");
    c->reply_sent_ms = amo_read_time(r, quoted, 0);
}

static struct view forward_type(struct amo_reader *r, const struct json_node *message,
                                const struct content *c)
{
    struct view type = amo_read_text(r, message, "type");

    if (message_type_is_known(type))
        return type;
    return c->forward_media.ptr ? VIEW_LIT("file") : VIEW_LIT("text");
}

static void read_first_forward(struct amo_reader *r, const struct json_node *message,
                               struct content *c)
{
    c->forward_id = amo_read_text(r, message, "id");
    c->forward_client_id = amo_read_text(r, message, "msgid");
    c->forward_text = amo_read_text(r, message, "text");
    c->forward_media = amo_read_text(r, message, "media");
    c->forward_media_name = amo_read_text(r, message, "file_name");
    c->forward_media_size = amo_read_count(message, "file_size");
    c->forward_type = forward_type(r, message, c);
    c->forward_author = amo_read_path(r, message, "sender.name");
    c->forward_sent_ms = amo_read_time(r, message, 0);
}

static void add_line(struct buf *out, struct view line)
{
    if (!line.ptr)
        return;
    if (out->len)
        (void)buf_add_char(out, '\n'); /* errors are asked for at the end */
    (void)buf_add_view(out, line);
}

/* A place or a card in words. */
static void add_pair(struct buf *out, struct view one, struct view other)
{
    add_line(out, one.ptr ? one : other);
    if (one.ptr && other.ptr) {
        (void)buf_add_str(out, ", ");
        (void)buf_add_view(out, other);
    }
}

/* The words of all of them, their places and cards as words, and where the files of the later ones
 * lie. */
static void join_forwards(struct amo_reader *r, const struct json_node *messages,
                          const struct json_node *first, struct buf *out, struct content *c)
{
    for (size_t i = 0; i < json_array_len(messages); i++) {
        const struct json_node *message = json_array_at(messages, i);

        add_line(out, amo_read_text(r, message, "text"));
        if (message != first) /* whose file is the message's own */
            add_line(out, amo_read_text(r, message, "media"));
        add_pair(out, amo_read_path(r, message, "location.lat"),
                 amo_read_path(r, message, "location.lon"));
        add_pair(out, amo_read_path(r, message, "contact.name"),
                 amo_read_path(r, message, "contact.phone"));
    }
    if (out->len)
        c->forward_text = buf_view(out);
}

static void read_forward_ids(struct amo_reader *r, const struct json_node *messages,
                             struct buf *out, struct content *c)
{
    struct json_writer w;
    size_t n_ids = 0;

    json_writer_init(&w, out);
    json_open_array(&w, NULL);
    for (size_t i = 0; i < json_array_len(messages); i++) {
        struct view id = amo_read_text(r, json_array_at(messages, i), "id");

        if (id.ptr) {
            json_add_text(&w, NULL, id);
            n_ids++;
        }
    }
    json_close_array(&w);
    if (n_ids)
        c->forward_ids = buf_view(out);
}

/* N22 */
static void read_forwards(struct amo_reader *r, const struct json_node *messages,
                          struct amo_parts *p, struct content *c)
{
    size_t first = 0;

    while (first < json_array_len(messages) && !json_is_object(json_array_at(messages, first)))
        first++;
    if (first == json_array_len(messages))
        return;
    read_first_forward(r, json_array_at(messages, first), c);
    if (json_array_len(messages) > 1 || !c->forward_text.ptr)
        join_forwards(r, messages, json_array_at(messages, first), &p->forward_text, c);
    read_forward_ids(r, messages, &p->forward_ids, c);
}
