#pragma once

/* What is kept of an answer for the person who looks at a dead letter: the status line and the
 * beginning of the body, or why there was none; and the error text of the other side. Always
 * UTF-8 without control characters, never with one of our signatures or secrets in it, nor with what the other side
 * repeats of the message (egress/echoed.h). Pure. */

#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "egress/target.h"

/* Append at most LIMIT_EVIDENCE_BYTES about @a to @out. Each of the @n_masks texts, where the
 * other side echoes it, is shown as asterisks. @asked: what it was called with; NULL nothing. -ENOMEM, -ENOSPC. */
AMO_MUSTCHECK int evidence_add(struct buf *out, const struct http_answer *a,
                               const struct view *masks, size_t n_masks,
                               const struct command *asked);
/* Append @text as one line for people, of at most @max bytes. */
AMO_MUSTCHECK int evidence_add_words(struct buf *out, struct view text, size_t max,
                                     const struct command *asked);
