#pragma once

/* Characters of a UTF-8 text, and the signs a reader sees in them. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define UTF8_REPLACEMENT 0xfffdU /* for a byte that begins no character */

/* The character that @text begins with, which is not empty, and its length in bytes;
 * UTF8_REPLACEMENT and 1 for a byte that begins none. */
uint32_t utf8_first(struct view text, size_t *ret_len);
/* Says how the sign before it looks (U+FE0E as text, U+FE0F as a picture) and shows nothing
 * itself. */
bool utf8_is_variation(uint32_t c);
/* An emoji by itself, or a place that Unicode keeps for the next ones. */
bool utf8_is_picture(uint32_t c);
/* Two of them make a flag. */
bool utf8_is_flag_half(uint32_t c);
/* A colour of skin for the emoji before it. */
bool utf8_is_skin(uint32_t c);
/* Belongs to the sign before it: an accent, a variation, a colour of skin, a frame, a joiner. */
bool utf8_extends(uint32_t c);
/* Is @at, a boundary of characters, in the middle of what a reader takes for one sign? */
bool utf8_is_inside(struct view text, size_t at);
/* Is there anything to see in it, other than blanks and marks without a letter under them? */
bool utf8_shows(struct view text);
/* The characters that @c is when case and accents do not count (И, и and й are и), and any blank is one space;
 * how many, 0 for a mark alone. */
#define UTF8_FOLDED_MAX 4
size_t utf8_fold(uint32_t c, uint32_t ret[UTF8_FOLDED_MAX]);
/* Columns of a terminal: 0 for marks, 2 for wide characters. */
size_t utf8_columns(uint32_t c);
