#pragma once

/* The answers of amojo. */

#include <json-c/json.h>

#include "tools/sandbox/record/gate.h"

/* amojo's error body for a status from 400 on. */
void amojo_reply_error(struct reply *r, int status, const char *words);
/* 200 with @o, which is taken over. */
void amojo_reply_json(struct reply *r, struct json_object *o);
