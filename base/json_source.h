#pragma once

/* What has to be looked up in the source of a document because json-c does not tell, or spoils it.
 * Part of base/json_read.c. */

#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"

/* Is there a run of digits that a 64-bit integer cannot hold? Runs inside strings also
 * count: the only effect is that the two values at the limits of the range are rejected in such a
 * document. */
bool json_source_has_huge_integer(struct view text);
/* @text with those pairs of escaped surrogates in UTF-8 that json-c 0.16 makes U+FFFD of; @out
 * (room for text.len) stays empty when there are none. -ENOMEM. */
AMO_MUSTCHECK int json_source_join_pairs(struct view text, struct buf *out);
