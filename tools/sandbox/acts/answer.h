#pragma once

/* Answers to testers, and one act or many of them. */

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "tools/sandbox/kit/jread.h"

struct amojo_scope;
struct exchange;
struct names;
struct sandbox;

/* One request of a tester; @rest is what follows the route in the path ("" = nothing), decoded.
 * The handler answers. */
struct control_request {
    struct exchange *x;
    struct json_object *body; /* NULL when there is none; borrowed */
    const char *rest;
};
typedef void control_fn(struct sandbox *s, const struct control_request *q);
/* What one act led to: 0, or a status with words in @c (404, 400, 409, 507). @ret_item is the
 * new object shown to the tester. */
typedef int control_act_fn(struct sandbox *s, struct json_object *act, struct jcheck *c,
                           struct json_object **ret_item);

/* Answer with @o, which is taken over. */
void control_answer(struct exchange *x, int status, struct json_object *o);
/* Answer with {"items":[...]}: @json of each value of @list. */
void control_answer_all(struct exchange *x, const struct names *list,
                        struct json_object *(*json)(const void *value));
/* Answer with an error body. */
void control_refuse(struct exchange *x, int status, const char *code, const char *field,
                    const char *message);

/* Run @fn for one act, for each of an array, or `count` times with {n} and {c} filled in. */
void control_each(struct sandbox *s, const struct control_request *q, control_act_fn *fn);
/* The scope an act names, or the only one; NULL with words. */
struct amojo_scope *control_scope(struct sandbox *s, struct json_object *act, struct jcheck *c);
