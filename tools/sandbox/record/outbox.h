#pragma once

/* What one side sends: a log of it, and the lines in which it waits. Knows what webhooks and calls
 * have in common; each has its own in a struct that begins with an outbox_entry. */

#include <stdint.h>

#include <json-c/json.h>

#include "base/compiler.h"
#include "tools/sandbox/http/lanes.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/vec.h"

struct outbox_entry;
struct sandbox;
struct wire_result;

/* Free what an entry has beyond an outbox_entry's. */
typedef void outbox_fini_fn(struct outbox_entry *e);

struct outbox {
    struct vec log; /* struct outbox_entry, by number */
    uint64_t last_number;
    struct lanes *lanes;
    outbox_fini_fn *fini;
};

/* Owned by the log until it is cleared, and by its line until it is over. */
struct outbox_entry {
    uint64_t seq;
    uint64_t number;
    unsigned n_owners;
    struct sandbox *sandbox;
    outbox_fini_fn *fini;
    struct lane_job lane;
    int status;        /* 0 = no answer */
    const char *error; /* static */
    int64_t queued_at_ms;
    int64_t took_us;
    struct blob *body; /* NULL = none */
};

/* -ENOMEM. */
AMO_MUSTCHECK int outbox_init(struct outbox *b, struct sandbox *s, lanes_start_fn *start,
                              outbox_fini_fn *fini);
/* Free it with all that is in it. Accepts one that is all zero. */
void outbox_fini(struct outbox *b);
/* A new entry of @size bytes, which begin with an outbox_entry, all zero beyond it: at the limits
 * of log and queue -ENOSPC; -ENOMEM. Then outbox_add() or outbox_drop(). */
AMO_MUSTCHECK int outbox_entry_new(struct sandbox *s, struct outbox *b, size_t size,
                                   void **ret_entry);
/* Into the log and at the end of line @lane (NULL: a line of its own). Takes @e in any case.
 * -ENOMEM. */
AMO_MUSTCHECK int outbox_add(struct outbox *b, struct outbox_entry *e, const char *lane);
/* One owner less; the last one frees. Accepts NULL. */
void outbox_drop(struct outbox_entry *e);
/* The entry called @number; NULL after a reset. */
void *outbox_get(const struct outbox *b, uint64_t number);
struct outbox_entry *outbox_entry_of(struct lane_job *job);
/* What came of it. */
void outbox_note(struct outbox_entry *e, const struct wire_result *result);
/* A new object with what all entries have; @name is that of the number. */
struct json_object *outbox_entry_json(const struct outbox_entry *e, const char *name);
/* Empty the log. */
void outbox_clear(struct outbox *b);
