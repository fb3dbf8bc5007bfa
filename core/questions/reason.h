#pragma once

/* What a message's reason, which is a word of core's or the name of a cause, says to people. */

#include "base/buf.h"

/* NULL: the word says it by itself. */
const char *reason_words(struct view reason);
