#pragma once

/* What happens between a correctly signed call and its effect: the faults. It takes a
 * rule, waits, processes or does not, waits again, answers or cuts, and writes the outcome
 * into the journal. */

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

struct request;
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
typedef void gate_process_fn(struct sandbox *s, struct request *x, struct json_object *body,
                             struct reply *ret_reply);
/* The error body of this side for a status, as @ret_reply->json. */
typedef void gate_error_fn(struct reply *ret_reply, int status, const char *words);

/* A call; what of it is borrowed is not looked at after gate_take(). */
struct gate_call {
    const char *side; /* static */
    const char *kind;
    const char *where;        /* scope id or connector name; as what follows, NULL: unknown */
    const char *key;          /* what it is about */
    const char *wrong;        /* why it is refused, static; NULL: it is let in */
    int wrong_status;         /* what is answered when it is wrong */
    uint64_t *if_wrong;       /* and where that is counted */
    struct json_object *body; /* taken over; may be NULL */
    gate_process_fn *process;
    gate_error_fn *error;
};

/* Writes the call into the journal; unless something is wrong with it or the journal is full, let
 * it through the faults. Takes the request over. */
void gate_take(struct sandbox *s, struct request *x, const struct gate_call *call);
