#pragma once

/* What amoCRM shows as a reaction. */

#include <stdbool.h>

#include "base/buf.h"

/* One emoji or several, with what joins, colours and frames them, and nothing else: no letters of
 * any script, no other signs. @text must be UTF-8. */
bool emoji_is(struct view text);
