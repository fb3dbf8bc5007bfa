#pragma once

/* What a manager writes, from the shorthand of an act to the `message` of a webhook. */

#include <json-c/json.h>

#include "tools/sandbox/kit/jread.h"

struct amojo_scope;

/* The keys an act lays over a plain text message: its `message` object, and the same keys given
 * directly, with shorthand for reply_to, forwards, buttons and list. New object; NULL, with an
 * explanation, when it names an unknown message. */
struct json_object *control_content(const struct amojo_scope *sc, struct json_object *act,
                                    struct jcheck *c);
