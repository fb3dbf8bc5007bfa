#pragma once

/* A name that nobody has, and the one of the registry that may have been meant: it differs in its case, in blanks,
 * in signs as phones have them, or by a slip of the pen. The one place that decides this. */

#include "base/buf.h"
#include "proto/registry.h"

enum near_what {
    NEAR_ACCOUNT, /* by the id of the scope or of the account, or by its title */
    NEAR_CHANNEL,
    NEAR_CONNECTOR,
};

/* Appends "; did you mean NAME?", or nothing. Errors stick in the buf. */
void near_words(const struct registry *r, enum near_what what, struct view word,
                struct buf *out);
/* A listed source of @connector that is nearly @source, or, if there is none, one of another connector that is it. Of
 * numbers, which are alike, only the way they are written may differ, or how many digits there are. NULL: none. */
const struct reg_source *near_source(const struct registry *r, struct view connector,
                                     struct view source);
