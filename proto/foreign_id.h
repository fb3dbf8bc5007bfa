#pragma once

/* One rule for every id that another side gives to something and that may come back to us from there: in
 * a status, a reaction, an edit, a question, a quote. What it lets in is learnt, found again and reported;
 * what it does not is refused in a request, and not learnt from an answer. */

#include <stdbool.h>

#include "base/buf.h"

/* 1 to LIMIT_ID bytes without blanks and control characters. */
bool foreign_id_is_fine(struct view id);
