#pragma once

/* The questionnaire at a terminal: each question in both languages on stderr, answers from stdin. */

#include "tools/ctl/letter/questions.h"

enum {
    REGISTRATION_E_ENDED = 2, /* stdin ended, or could not be read */
};

/* Takes an answer; may look at more than its form. */
typedef int registration_take_fn(struct registration *r, enum registration_item item,
                                 struct view text, struct buf *why);

/* Asks for what @r still wants; @fallbacks (NULL: none) are taken by an empty line, "no" and the
 * like otherwise as the question says. REGISTRATION_E_ENDED, -ENOMEM. */
AMO_MUSTCHECK int registration_ask(struct registration *r,
                                   const char *const fallbacks[REGISTRATION_N],
                                   registration_take_fn *take);
