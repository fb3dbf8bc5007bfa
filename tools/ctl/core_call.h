#pragma once

/* One question to core over bus/control, and its answer. Asks once: a call that changes something
 * is not repeated behind the operator's back. */

#include "base/buf.h"
#include "base/compiler.h"

#define ASK_WAIT_MS      10000 /* core answers at once, unless it is at work */
#define ASK_WAIT_LONG_MS 25000 /* core itself waits 20 s for a remote side */

struct ask_answer {
    int code;         /* what amoctl exits with: EXIT_* of base/process.h */
    struct buf json;  /* core's document; empty: none. May hold a secret made just now: wiped */
    struct buf error; /* one sentence for people; empty: none */
};

void ask_answer_init(struct ask_answer *a);
void ask_answer_fini(struct ask_answer *a);

/* Waits up to 5 s for core to be there, then up to @wait_ms for the answer. What goes wrong on
 * the way is told in the answer, too: EXIT_UNREACHABLE with where it was tried, EXIT_USAGE for an
 * endpoint that cannot be used. @verb and @args as in proto/control.h.
 * bus_init must have been called. */
void ask_core(const char *endpoint, struct view verb, struct view args, int wait_ms,
              struct ask_answer *ret);
