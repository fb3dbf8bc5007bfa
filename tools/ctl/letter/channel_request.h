#pragma once

/* `channel request`: the answers from flags, the configuration and, at a terminal, from the person
 * there; the letter for support on stdout or in a file. Needs no core. */

#include "base/config.h"
#include "tools/common/args.h"
#include "tools/ctl/letter/questions.h"

/* @config may be NULL: it only knows where the webhooks come to. */
int channel_request_run(const struct args *a, const struct config *config);

/* An answer, and of the icon the file behind it. As letter_answer. */
AMO_MUSTCHECK int channel_request_take(struct letter *l, enum letter_item item,
                                       struct view text, struct buf *why);
