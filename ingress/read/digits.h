#pragma once

/* Decimal numbers that are carried as the digits they came with, because a double would change
 * them: geographical coordinates. */

#include "base/buf.h"
#include "base/compiler.h"
#include "base/json.h"

#define DIGITS_ROOM 32U /* bytes one number may need in @made */

/* The digits of @n such that they are a JSON number. What only our reader accepts as one ("007",
 * "1.") is rewritten into @made: a buf of at least DIGITS_ROOM * 2 bytes that nothing else is
 * added to, for two numbers at most. VIEW_NONE when @n is no number. -ENOMEM. */
AMO_MUSTCHECK int digits_read(struct json *doc, const struct json_node *n, struct buf *made,
                              struct view *ret);
