#pragma once

/* What a message says, in either direction: the message model that event and command share.
 * Ingress fills it from either side's JSON, core passes it on, egress writes it for the other
 * side. Fields that do not apply are absent (VIEW_NONE, 0). All texts are borrowed.
 *
 * Parts that only pass through, and that core has no say in, are JSON documents in one text:
 * `buttons`, `list`, `template`, `shared_post`, `post` (docs/adr/0008-parts-as-json.md). Their
 * shapes are in docs/connector.md. */

#include <stdint.h>

#include "base/buf.h"
#include "proto/pack.h"

struct content {
    struct view type; /* one of amojo's nine words, or "unknown" */
    struct view text; /* words, or the caption of a file */

    /* a file, as a link */
    struct view media; /* its URL */
    struct view media_name;
    struct view media_mime;
    uint64_t media_size;     /* bytes, 0 unknown */
    uint64_t media_duration; /* seconds, 0 unknown */
    struct view thumbnail;   /* URL */
    struct view media_group; /* files that were sent together share it */
    struct view sticker_id;

    /* a place: decimal numbers as they came, because a double would change them */
    struct view lat;
    struct view lon;
    /* a card */
    struct view contact_name;
    struct view contact_phone;

    struct view callback_data; /* of the list row a client chose */
    struct view buttons;       /* JSON array: [{"text","url"?,"row"}] */
    struct view list;          /* JSON object: header, body, footer, button, sections */
    struct view template;      /* JSON object: id, external_id, content, params */
    struct view shared_post;   /* JSON object: url, preview_link, preview_permalink, … */
    struct view post;          /* JSON object: the post this is a comment on */

    /* the quoted message: ids, and what it said in case no one knows the ids.
     * In an event the ids are as the sender gave them (`reply_id` the sender's own,
     * `reply_client_id` ours); in a command they are the receiver's own and ours. */
    struct view reply_id;
    struct view reply_client_id;
    struct view reply_type;
    struct view reply_text;
    struct view reply_author; /* a name */
    int64_t reply_sent_ms;

    /* forwarded messages: the first one in full; the words of all of them in `forward_text` */
    struct view forward_id;
    struct view forward_client_id;
    struct view forward_ids; /* JSON array of the sender's ids, when there are several */
    struct view forward_type;
    struct view forward_text;
    struct view forward_media;
    struct view forward_media_name;
    uint64_t forward_media_size;
    struct view forward_author; /* a name */
    int64_t forward_sent_ms;
};

/* The rows of a field table whose struct holds a `struct content content`. Keys are flat. */
#define CONTENT_FIELD(type_, struct_, member)                                                  \
    {                                                                                          \
#member, type_, offsetof(struct struct_, content) + offsetof(struct content, member)   \
    }

#define CONTENT_FIELDS(struct_)                                                                \
    CONTENT_FIELD(FIELD_TEXT, struct_, type), CONTENT_FIELD(FIELD_TEXT, struct_, text),        \
        CONTENT_FIELD(FIELD_TEXT, struct_, media),                                             \
        CONTENT_FIELD(FIELD_TEXT, struct_, media_name),                                        \
        CONTENT_FIELD(FIELD_TEXT, struct_, media_mime),                                        \
        CONTENT_FIELD(FIELD_U64, struct_, media_size),                                         \
        CONTENT_FIELD(FIELD_U64, struct_, media_duration),                                     \
        CONTENT_FIELD(FIELD_TEXT, struct_, thumbnail),                                         \
        CONTENT_FIELD(FIELD_TEXT, struct_, media_group),                                       \
        CONTENT_FIELD(FIELD_TEXT, struct_, sticker_id),                                        \
        CONTENT_FIELD(FIELD_TEXT, struct_, lat), CONTENT_FIELD(FIELD_TEXT, struct_, lon),      \
        CONTENT_FIELD(FIELD_TEXT, struct_, contact_name),                                      \
        CONTENT_FIELD(FIELD_TEXT, struct_, contact_phone),                                     \
        CONTENT_FIELD(FIELD_TEXT, struct_, callback_data),                                     \
        CONTENT_FIELD(FIELD_TEXT, struct_, buttons), CONTENT_FIELD(FIELD_TEXT, struct_, list), \
        CONTENT_FIELD(FIELD_TEXT, struct_, template),                                          \
        CONTENT_FIELD(FIELD_TEXT, struct_, shared_post),                                       \
        CONTENT_FIELD(FIELD_TEXT, struct_, post),                                              \
        CONTENT_FIELD(FIELD_TEXT, struct_, reply_id),                                          \
        CONTENT_FIELD(FIELD_TEXT, struct_, reply_client_id),                                   \
        CONTENT_FIELD(FIELD_TEXT, struct_, reply_type),                                        \
        CONTENT_FIELD(FIELD_TEXT, struct_, reply_text),                                        \
        CONTENT_FIELD(FIELD_TEXT, struct_, reply_author),                                      \
        CONTENT_FIELD(FIELD_I64, struct_, reply_sent_ms),                                      \
        CONTENT_FIELD(FIELD_TEXT, struct_, forward_id),                                        \
        CONTENT_FIELD(FIELD_TEXT, struct_, forward_client_id),                                 \
        CONTENT_FIELD(FIELD_TEXT, struct_, forward_ids),                                       \
        CONTENT_FIELD(FIELD_TEXT, struct_, forward_type),                                      \
        CONTENT_FIELD(FIELD_TEXT, struct_, forward_text),                                      \
        CONTENT_FIELD(FIELD_TEXT, struct_, forward_media),                                     \
        CONTENT_FIELD(FIELD_TEXT, struct_, forward_media_name),                                \
        CONTENT_FIELD(FIELD_U64, struct_, forward_media_size),                                 \
        CONTENT_FIELD(FIELD_TEXT, struct_, forward_author),                                    \
        CONTENT_FIELD(FIELD_I64, struct_, forward_sent_ms)
