#pragma once

/* The reactions that support switched on for a channel, as the text of its answer: signs one after
 * the other, with anything between them. Pure.
 *
 * Messengers spell one sign differently: with or without a variation selector (U+FE0F, U+FE0E),
 * which says how it looks and not what it is. So signs are compared without. */

#include <stdbool.h>

#include "base/buf.h"

/* Is it the same sign, however it is spelled? */
bool reaction_same(struct view a, struct view b);
/* @emoji in the spelling of @list: as a whole sign of it, or else, when it has a colour of skin,
 * the same sign without; a part of a sign is none. VIEW_NONE when it is not listed. Borrows
 * @list. */
struct view reaction_listed(struct view list, struct view emoji);
