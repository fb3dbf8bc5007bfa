/* The list of message types, those with media first, and look-ups in it. */

#include "ingress/read/message_type.h"

#include <stddef.h>

#include "base/compiler.h"

static const char *const words[] = {"file",    "video", "picture", "voice",   "audio",
                                    "sticker", "text",  "contact", "location"};
#define N_MEDIA 6 /* the first ones */

static bool is_one_of(struct view type, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (view_is(type, words[i]))
            return true;
    }
    return false;
}

bool message_type_is_known(struct view type)
{
    return is_one_of(type, AMO_COUNT(words));
}

bool message_type_is_media(struct view type)
{
    return is_one_of(type, N_MEDIA);
}
