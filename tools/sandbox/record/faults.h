#pragma once

/* Rules that make calls go wrong; docs/sandbox.md, section 6. Knows nothing of HTTP: it says
 * what should happen to a call, the gate does it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/vec.h"

enum fault_cut {
    FAULT_CUT_NOT,
    FAULT_CUT_BEFORE,
    FAULT_CUT_AFTER
};

/* What is played on one call; holds its own reference to the body. */
struct fault_play {
    uint64_t number; /* 0 = nothing is played */
    int status;      /* 0 = the true answer */
    bool process;    /* has its effect although another status is answered */
    struct blob *body;
    char retry_after[64];
    int64_t delay_ms;
    int64_t delay_before_ms;
    enum fault_cut cut;
};

struct faults {
    struct vec rules; /* struct fault, first fitting one wins */
    uint64_t last_number;
};

/* Add a rule; @c says what is wrong with it. A new JSON object of the rule, NULL then. */
struct json_object *faults_add(struct faults *f, struct json_object *rule, struct jcheck *c);
/* Forget one rule (false when there is none) or all. */
bool faults_remove(struct faults *f, uint64_t number);
void faults_clear(struct faults *f);
/* {"items":[...]} */
struct json_object *faults_json(const struct faults *f);
/* The play for a call of @side and @kind; number 0 when no rule fits. */
void faults_take(struct faults *f, const char *side, const char *kind, const char *path,
                 struct view body, struct fault_play *ret_play);
void fault_play_fini(struct fault_play *p);
