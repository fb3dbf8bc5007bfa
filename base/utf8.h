#pragma once

/* Characters of a text that is valid UTF-8. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define UTF8_JOINER 0x200dU /* makes one sign of those before and behind it */

/* The character that @text begins with, which is not empty, and its length in bytes. */
uint32_t utf8_first(struct view text, size_t *ret_len);
/* Says how the sign before it looks (U+FE0E as text, U+FE0F as a picture) and shows nothing
 * itself. */
bool utf8_is_variation(uint32_t c);
/* Belongs to the sign before it: an accent, a variation, a colour of skin, a frame, a joiner. */
bool utf8_extends(uint32_t c);
/* Is @at, a boundary of characters, in the middle of what a reader takes for one sign? Covers
 * emoji and accents, not every script. */
bool utf8_is_inside(struct view text, size_t at);
/* Is there anything to see in it, other than blanks and marks that stand for themselves? */
bool utf8_shows(struct view text);
