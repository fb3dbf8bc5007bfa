#pragma once

/* One question to core over bus/control, and its answer. Asks once: a call that changes something
 * is not repeated behind the operator's back. */

#include "base/buf.h"

struct json;

#define CORE_CALL_MS      10000 /* core answers at once, unless it is at work */
#define CORE_CALL_LONG_MS 25000 /* core itself waits 20 s for a remote side */

struct core_answer {
    int code;         /* what amoctl exits with: EXIT_* of base/process.h */
    struct buf json;  /* core's document; empty: none. May hold a secret made just now: wiped */
    struct buf error; /* one sentence for people; empty: none */
    struct buf next;  /* the list in @json goes on there; empty: it does not */
};

void core_answer_init(struct core_answer *a);
void core_answer_fini(struct core_answer *a);

/* Waits up to 5 s for core to be there, then up to @wait_ms for the answer. What goes wrong on
 * the way is also reported in the answer: EXIT_UNREACHABLE with where it was tried, EXIT_USAGE for an
 * endpoint that cannot be used. @verb and @args as in proto/control.h.
 * bus_init must have been called. */
void core_call(const char *endpoint, struct view verb, struct view args, int wait_ms,
               struct core_answer *ret);
/* The same for a list: all its parts together. When one of them cannot be had, that is the answer. */
void core_call_all(const char *endpoint, struct view verb, struct view args, int wait_ms,
                   struct core_answer *ret);
/* The same as core_call, and the answer's document; when it has none that can be read, that is an answer with
 * words too. json_free. */
struct json *core_ask(const char *endpoint, struct view verb, struct view args, int wait_ms,
                      struct core_answer *ret);
