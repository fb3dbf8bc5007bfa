#pragma once

/* The icon of a channel: an SVG of 14x14 and at most 100 KB, as amoCRM's support asks for. Also
 * looks for anything in it that would run or be fetched where the icon is shown. */

#include "base/buf.h"
#include "base/compiler.h"

#define ICON_BYTES_MAX ((size_t)100000)

enum {
    ICON_E_WRONG = 1, /* not such an icon */
};

/* 0, -ENOMEM, or ICON_E_WRONG with the reason appended to @why; what is doubtful is appended to @doubts,
 * a line each. Reads @svg only. */
AMO_MUSTCHECK int icon_check(struct view svg, struct buf *why, struct buf *doubts);
