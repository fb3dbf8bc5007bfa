#pragma once

/* The answers of amojo. */

#include <stdbool.h>

#include <json-c/json.h>

struct amojo_ask;
struct reply;

/* amojo's error body for a status from 400 on. */
void amojo_reply_error(struct reply *r, int status, const char *words);
/* The same as the answer to @q. Returns @status. */
int amojo_refuse(struct amojo_ask *q, int status, const char *words);
/* The answer to @q is @o, which is taken over. Returns 200. */
int amojo_answer(struct amojo_ask *q, struct json_object *o);
/* The end of every check: false when there is no JSON or it is wrong; then 400 is the answer. */
bool amojo_is_right(struct amojo_ask *q);
