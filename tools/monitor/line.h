#pragma once

/* An item as one line: for people `time process direction what key=value …`, for programs one
 * JSON object. What it may show is decided by mask.h. */

#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "proto/bus/tap.h"
#include "proto/envelope.h"
#include "tools/monitor/decode.h"
#include "tools/monitor/recall.h"

struct line_style {
    bool json;
    bool reveal; /* personal data as it is; never secrets */
};

/* Appends the line with its end. @about may be NULL. -ENOMEM, -ENOSPC. */
AMO_MUSTCHECK int line_item(struct line_style style, const struct tap_message *m,
                            const struct envelope *env, const struct decode_item *item,
                            const struct recall_about *about, struct buf *out);
/* Appends " key=value" for each field of @item, as the line for people has them. */
void line_fields(struct line_style style, const struct decode_item *item, uint64_t kind,
                 struct buf *out);
/* Appends the line that reports @n dropped frames of @process. */
AMO_MUSTCHECK int line_dropped(struct line_style style, struct view process, uint64_t n,
                               int64_t unix_ms, struct buf *out);
