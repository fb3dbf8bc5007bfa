#pragma once

/* What amoCRM shows as a reaction. */

#include <stdbool.h>

#include "base/buf.h"

/* Nothing but signs of Unicode's emoji, with what joins, colours and frames them; no letters or
 * words of any script. @text must be UTF-8. Which of many thousand signs really are emoji changes
 * every year, so this judges by blocks. */
bool emoji_is(struct view text);
