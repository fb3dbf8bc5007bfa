#pragma once

/* What the files of target amojo share: target_amojo.c makes the request, amojo_body.c what is in
 * it, amojo_answer.c reads what came back. Private to them. */

#include "egress/target.h"

/* Append the body of @c's call; nothing for a call without one. TARGET_E_IMPOSSIBLE: a part it
 * cannot do without is missing, no JSON or stale. -ENOMEM, -ENOSPC. */
AMO_MUSTCHECK int amojo_body(const struct command *c, const struct target_context *x,
                             struct buf *out);
/* Messages in one page of a chat's history: amojo gives no more. */
#define AMOJO_HISTORY_PAGE 50

/* target_ops.read */
void amojo_read(const struct command *c, const struct http_answer *a,
                struct target_reading *ret);
