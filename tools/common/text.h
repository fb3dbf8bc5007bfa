#pragma once

/* Text from outside on its way to a terminal: made harmless, and measured in columns.
 *
 * Harmless means: valid UTF-8 without control characters (a terminal obeys those) and without
 * the marks that turn the direction of writing around (a person would read something else than
 * what is there). */

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* The next code point of @rest, which is shortened by it; U+FFFD for a byte that begins none.
 * @rest must not be empty. */
uint32_t text_next(struct view *rest);
/* Appends @v as one harmless line: a line end or tab becomes a space, what else must not be shown
 * is left out, bytes that are not UTF-8 become U+FFFD. Errors stick in @out. */
void text_clean(struct view v, struct buf *out);
/* The same for a JSON document: what must not be shown is written as an escape, so nothing is
 * lost to who parses it. @json is valid JSON. */
void text_clean_json(struct view json, struct buf *out);
/* Number of code points. */
size_t text_chars(struct view v);
/* Columns a terminal needs for a clean @v: wide characters take two, combining marks none. */
size_t text_width(struct view v);
/* The first line of @rest when a line has @width columns: it ends at a blank or, if there is none, in
 * the middle of a word. @rest is shortened by it and by the blanks behind it. Clean text; at least one
 * character is taken, however small @width is. */
struct view text_line(struct view *rest, size_t width);
/* The widest word of @v. */
size_t text_widest_word(struct view v);
/* Appends @v, which is clean, in lines that end before column @width; a line break is followed by
 * @indent blanks. @at: the column where it begins. */
void text_fold(struct view v, size_t at, size_t indent, size_t width, struct buf *out);
