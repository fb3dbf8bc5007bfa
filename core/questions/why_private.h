#pragma once

/* Parts of a line of why; errors stick in the buf. */

#include "core/questions/why.h"

struct last_attempt;

/* A line that is too long for its buf is cut: that is none. 0, -errno. */
AMO_MUSTCHECK int why_line_error(const struct buf *out);
/* "2026-11-30T01:45:11Z" */
void why_add_time(struct buf *out, int64_t unix_ms);
/* "last answer 500 {…}", cut, or "last attempt: timeout". */
void why_add_attempt(const struct last_attempt *a, struct view evidence, struct buf *out);
