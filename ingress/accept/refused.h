#pragma once

/* Sources that were refused at the listener because they belong to no account: remembered for an hour,
 * so that core's doctor can name them. Bounded: a service may send any word. */

#include <stdint.h>

#include "base/buf.h"

#define REFUSED_ROWS 16
#define REFUSED_NAME 64 /* of a connector or a source; what is longer is not remembered */

struct refused_row {
    char connector[REFUSED_NAME + 1];
    char source[REFUSED_NAME + 1];
    uint64_t n;
    int64_t last_unix_ms; /* 0: the row is free */
};

struct refused {
    struct refused_row rows[REFUSED_ROWS];
    struct buf text;
};

void refused_init(struct refused *r);
void refused_fini(struct refused *r);
/* One more message of @source was refused. */
void refused_note(struct refused *r, struct view connector, struct view source,
                  int64_t now_unix_ms);
/* Those of the last hour, "<connector>\t<source>\t<count>\t<wall time of the last, ms>\n" each.
 * VIEW_NONE: none. Borrowed until the next call. */
struct view refused_text(struct refused *r, int64_t now_unix_ms);
