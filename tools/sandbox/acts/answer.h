#pragma once

/* Answers to testers, and one act or many of them. */

#include <json-c/json.h>

#include "tools/sandbox/kit/jread.h"

struct amojo_scope;
struct request;
struct names;
struct sandbox;

/* One request of a tester. */
struct control_request {
    struct sandbox *sandbox;
    struct request *x;
    struct json_object *body; /* NULL when there is none; borrowed */
    const char *rest;         /* what follows the route in the path, decoded; "" = nothing */
};
/* What is answered with status 200, a new object; NULL when it is answered otherwise or later. */
typedef struct json_object *control_fn(struct control_request *q);

/* One of the acts of a request. */
struct act {
    struct sandbox *sandbox;
    struct json_object *body; /* what a tester wants; borrowed */
    struct jcheck check;      /* what is wrong with it */
    struct json_object *item; /* what it led to: a new object, shown to the tester */
};
/* 0, or a status with words in act.check (404, 400, 409, 507). */
typedef int act_fn(struct act *a);

/* Answer with @o, which is taken over. */
void control_answer(struct request *x, int status, struct json_object *o);
/* Answer with an error body. NULL, what a control_fn then returns. */
struct json_object *control_refuse(struct request *x, int status, const char *code,
                                   const char *field, const char *message);
/* The same with the words of @c. */
struct json_object *control_refuse_words(struct request *x, const struct jcheck *c);
/* {"items":[...]}: @json of each value of @list. */
struct json_object *control_items(const struct names *list,
                                  struct json_object *(*json)(const void *value));

/* Run @fn for one act, for each of an array, or `count` times with {n} and {c} filled in. */
struct json_object *control_each(struct control_request *q, act_fn *fn);
/* Note what is wrong with @key; @status. */
int act_fail(struct act *a, int status, const char *key, const char *what);
/* The scope an act names, or the only one; NULL with words. */
struct amojo_scope *act_scope(struct act *a);
