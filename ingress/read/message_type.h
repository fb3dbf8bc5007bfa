#pragma once

/* The nine words for what a message is, the same at amoCRM and at our connector API. */

#include <stdbool.h>

#include "base/buf.h"

/* text, contact, file, video, picture, voice, audio, sticker, location: exactly, lower case. */
bool message_type_is_known(struct view type);
/* One whose content is a file: file, video, picture, voice, audio, sticker. */
bool message_type_is_media(struct view type);
