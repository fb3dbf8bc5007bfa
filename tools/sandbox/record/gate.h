#pragma once

/* What stands between a call whose signature is right and its effect: the faults. It takes a
 * rule, waits, processes or does not, waits again, answers or cuts, and writes the outcome
 * into the journal. */

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "tools/sandbox/http/exchange.h"

struct sandbox;

/* Must an answer still wait for the thing called @number? */
typedef bool gate_hold_fn(const struct sandbox *s, uint64_t number);

/* What the call is to be answered. */
struct reply {
    int status;
    struct json_object *json; /* owned; NULL = empty body */
    char reason[256];         /* for the journal, "" when there is nothing to say */
    gate_hold_fn *hold;       /* true while the answer must wait; NULL = it need not */
    uint64_t hold_number;     /* what it waits for */
};

/* Process the call: all effects happen here. @body is borrowed, NULL when it is not JSON. */
typedef void gate_process_fn(struct sandbox *s, struct exchange *x, struct json_object *body,
                             uint64_t entry, struct reply *ret_reply);
/* The error body of this side for a status, as @ret_reply->json. */
typedef void gate_error_fn(struct reply *ret_reply, int status, const char *words);

struct gate_call {
    const char *side;         /* static */
    const char *kind;         /* static or living as long as @body */
    uint64_t entry;           /* journal number, 0 = none */
    struct json_object *body; /* taken over; may be NULL */
    gate_process_fn *process;
    gate_error_fn *error;
};

/* What is known of a call when it arrived; borrowed, strings may be NULL. */
struct gate_seen {
    const char *side; /* static */
    const char *kind;
    const char *where; /* scope or connector */
    const char *key;
    const char *wrong; /* why it is not verified, NULL = it is */
};

/* Write the call into the journal. The entry's number; 0 when nothing is listed. *ret_full:
 * the journal may not grow, the call must be refused with 507. */
uint64_t gate_journal(struct sandbox *s, struct exchange *x, const struct gate_seen *seen,
                      bool *ret_full);
/* Takes the exchange over. */
void gate_pass(struct sandbox *s, struct exchange *x, const struct gate_call *call);
/* Answer without any fault, journal included (a refused signature, an unknown channel).
 * Frees what @reply holds. */
void gate_answer(struct sandbox *s, struct exchange *x, uint64_t entry, struct reply *reply);
