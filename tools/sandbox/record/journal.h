#pragma once

/* Every call that arrived, in order, with what was found and answered. */

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/compiler.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/vec.h"

struct journal_entry {
    uint64_t seq;
    int64_t at_ms;
    const char *side; /* static */
    bool verified;
    int status; /* 0 until answered, and when cut */
    uint64_t fault;
    char *kind;
    char *method;
    char *path;
    char *where; /* scope id or connector name */
    char *key;
    char *user_agent;
    char *reason;
    struct blob *body;
};

/* A call that just arrived; everything borrowed, strings may be NULL. */
struct journal_call {
    uint64_t seq;
    int64_t at_ms;
    const char *side; /* static */
    const char *kind;
    const char *method;
    const char *path;
    const char *where;
    const char *key;
    const char *user_agent;
    const char *wrong; /* why it is not verified, NULL = it is */
    struct blob *body;
};

struct journal {
    struct vec entries; /* by seq */
};

/* Append; strings are copied, @body gets one more owner. -ENOMEM. */
AMO_MUSTCHECK int journal_add(struct journal *j, const struct journal_call *call);
/* The entry, NULL after a reset or when it was never written (seq 0). */
struct journal_entry *journal_get(const struct journal *j, uint64_t seq);
/* Of a struct journal_entry. */
struct json_object *journal_entry_json(const void *entry);
void journal_clear(struct journal *j);
