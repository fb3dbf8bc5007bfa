#pragma once

/* For tests only: every member of struct content by name, so that a test can go through them all. */

#include <assert.h>

#include "proto/content.h"

/* clang-format 14 packs these rows differently at each run */
/* clang-format off */
#define CONTENT_TEXTS(X)                                                                       \
    X(type) X(text) X(media) X(media_name) X(media_mime) X(thumbnail) X(media_group)           \
    X(sticker_id) X(lat) X(lon) X(contact_name) X(contact_phone) X(callback_data) X(buttons)   \
    X(list) X(template) X(shared_post) X(post)                                                 \
    X(reply_id) X(reply_client_id) X(reply_type) X(reply_text) X(reply_author)                 \
    X(forward_id) X(forward_client_id) X(forward_ids) X(forward_type) X(forward_text)          \
    X(forward_media) X(forward_media_name) X(forward_author)
#define CONTENT_NUMBERS(X)                                                                     \
    X(media_size) X(media_duration) X(reply_sent_ms) X(forward_media_size) X(forward_sent_ms)
/* clang-format on */

/* A member that is added to the content is also added to one of the lists above. */
enum {
#define CONTENT_COUNT(member) CONTENT_TEXT_##member,
    CONTENT_TEXTS(CONTENT_COUNT)
#undef CONTENT_COUNT
    CONTENT_N_TEXTS
};
enum {
#define CONTENT_COUNT(member) CONTENT_NUMBER_##member,
    CONTENT_NUMBERS(CONTENT_COUNT)
#undef CONTENT_COUNT
    CONTENT_N_NUMBERS
};
static_assert(sizeof(struct content) ==
                  CONTENT_N_TEXTS * sizeof(struct view) + CONTENT_N_NUMBERS * sizeof(uint64_t),
              "the lists name every member of struct content");
