#pragma once

/* The questionnaire at a terminal: each question in both languages on stderr, answers from stdin. */

#include "tools/ctl/letter/questions.h"

enum {
    LETTER_E_ENDED = 2, /* stdin ended, or could not be read */
};

/* Takes an answer; may look at more than its form. */
typedef int letter_take_fn(struct letter *l, enum letter_item item, struct view text,
                           struct buf *why);

/* Asks for what @l still wants; @fallbacks (NULL: none) are taken by an empty line, "no" and the
 * like otherwise as the question says. LETTER_E_ENDED, -ENOMEM. */
AMO_MUSTCHECK int letter_ask(struct letter *l, const char *const fallbacks[LETTER_N],
                             letter_take_fn *take);
