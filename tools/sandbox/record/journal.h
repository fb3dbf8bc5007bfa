#pragma once

/* A log of what happened, in order, kept as testers see it: a JSON object each, with its number as
 * the member `seq`. */

#include <stdint.h>

#include <json-c/json.h>

#include "base/compiler.h"
#include "tools/sandbox/kit/vec.h"

struct journal_entry {
    uint64_t seq;
    struct json_object *o;
};

struct journal {
    struct vec entries; /* struct journal_entry, by seq */
};

/* Append; takes @o in any case. -ENOMEM. */
AMO_MUSTCHECK int journal_add(struct journal *j, struct json_object *o);
/* The object numbered @seq, borrowed; NULL after a reset or when it was never written (seq 0). */
struct json_object *journal_get(const struct journal *j, uint64_t seq);
/* One more owner of what a struct journal_entry holds. */
struct json_object *journal_entry_json(const void *entry);
void journal_clear(struct journal *j);
