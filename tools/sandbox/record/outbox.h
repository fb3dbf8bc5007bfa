#pragma once

/* What one side sends: a log of it, and the lines in which it waits. Knows what webhooks and calls
 * have in common; each has its own in a struct that begins with an outbox_entry. */

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "tools/sandbox/http/lanes.h"
#include "tools/sandbox/record/journal.h"

struct outbox_entry;
struct sandbox;
struct wire_result;

/* Free what an entry has beyond an outbox_entry's. */
typedef void outbox_fini_fn(struct outbox_entry *e);

struct outbox {
    struct vec log; /* struct outbox_entry, by number */
    uint64_t last_number;
    struct lanes *lanes;
    const char *name; /* of the number, as testers see it */
    outbox_fini_fn *fini;
};

/* Owned by the log until it is cleared, and by its line until it is over. */
struct outbox_entry {
    struct journal_entry shown; /* as testers see it, with its body */
    uint64_t number;
    unsigned n_owners;
    bool over; /* nothing more comes of it */
    struct sandbox *sandbox;
    outbox_fini_fn *fini;
    struct lane_job lane;
};

/* -ENOMEM. */
AMO_MUSTCHECK int outbox_init(struct outbox *b, struct sandbox *s, const char *name,
                              lanes_start_fn *start, outbox_fini_fn *fini);
/* Free it with all that is in it. Accepts one that is all zero. */
void outbox_fini(struct outbox *b);
/* A new entry of @size bytes, which begin with an outbox_entry, all zero beyond it: at the limits
 * of log and queue -ENOSPC; -ENOMEM. Then outbox_add(). */
AMO_MUSTCHECK int outbox_entry_new(struct sandbox *s, struct outbox *b, size_t size,
                                   void **ret_entry);
/* Into the log and at the end of line @lane (NULL: a line of its own). Takes @e in any case.
 * -ENOMEM. */
AMO_MUSTCHECK int outbox_add(struct outbox *b, struct outbox_entry *e, const char *lane);
/* The entry called @number; NULL after a reset. */
void *outbox_get(const struct outbox *b, uint64_t number);
/* The entry that holds @job. */
void *outbox_entry_of(struct lane_job *job);
/* What came of it, for good or (not @over) this time. */
void outbox_note(struct outbox_entry *e, const struct wire_result *result, bool over);
/* Empty the log. */
void outbox_clear(struct outbox *b);
