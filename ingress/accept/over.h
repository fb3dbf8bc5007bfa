#pragma once

/* Connectors that are over a share of core, as core tells it (SHARES): they are refused for a while, because what
 * they send again later is lost to nobody: at the head, or, for one account alone, messages of its sources, once
 * the source is known. Kept by name, in memory alone. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* One connector over one share. */
struct over_row {
    char connector[64];
    char scope[200];  /* "" whomever it is for */
    char share[16];   /* its name, for people */
    bool reports;     /* statuses, edits and reactions alone are refused */
    int64_t until_ms; /* monotonic: it is refused so long, unless another list comes */
    int64_t retry_ms; /* monotonic: there may be room then */
};

struct over {
    struct over_row *rows; /* owned */
    size_t n;
    size_t cap;
};

void over_init(struct over *o);
void over_fini(struct over *o);
/* The body of SHARES takes the place of what was known. Without memory nobody is refused. */
void over_hear(struct over *o, struct view body, int64_t now_mono_ms);
/* A new session: core tells anew who it is. */
void over_forget(struct over *o);
/* Why @connector is refused now; NULL it is not. @report: it brings statuses, an edit or a reaction. */
const struct over_row *over_find(const struct over *o, struct view connector, bool report,
                                 int64_t now_mono_ms);
/* Why its messages for @scope are refused now, though others are not; NULL they are not. */
const struct over_row *over_find_account(const struct over *o, struct view connector,
                                         const char *scope, int64_t now_mono_ms);
/* What it hears as Retry-After: seconds, at least one. */
unsigned over_retry_s(const struct over_row *row, int64_t now_mono_ms);
