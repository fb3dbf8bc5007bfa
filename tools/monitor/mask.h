#pragma once

/* What of a frame may be shown. The monitor runs in front of people who have no business with
 * clients' texts, names and phones, so a field is shown as it is only when it is listed as
 * harmless here: a field that was forgotten is hidden. Secrets are never shown. */

#include <stdbool.h>

#include "base/buf.h"

enum mask_class {
    MASK_PLAIN,    /* numbers, our own words and ids */
    MASK_ID,       /* ids from outside: may hold a phone, which is cut to its end */
    MASK_TEXT,     /* what people wrote or are called: its length only */
    MASK_PHONE,    /* its last four digits */
    MASK_UUID,     /* 16 bytes that name something */
    MASK_PAIRS,    /* packed ranges or holdings */
    MASK_REGISTRY, /* a packed registry: its version and how much is in it */
    MASK_SECRET,   /* never shown, whatever is asked */
};

/* Of a field by its name; MASK_TEXT for unknown ones. */
enum mask_class mask_class_of(struct view key);
/* Appends how text @v of class @c is shown: itself when @reveal, else what is left of it. UUID,
 * PAIRS and REGISTRY are no texts and shown like MASK_TEXT here. True: @v came through
 * unchanged. Errors stick in @out. */
bool mask_text(enum mask_class c, struct view v, bool reveal, struct buf *out);
