#pragma once

/* What the calls to amojo do, one function each, in files of their own kind: calls.c, message.c,
 * history.c. */

#include <json-c/json.h>

#include "base/buf.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/record/gate.h"

struct sandbox;

/* One function a call; all effects on the store happen in them. */
void amojo_call_connect(struct sandbox *s, struct amojo_channel *ch, struct json_object *body,
                        struct reply *r);
void amojo_call_disconnect(struct sandbox *s, struct amojo_channel *ch,
                           struct json_object *body, struct reply *r);
void amojo_call_chats(struct sandbox *s, struct amojo_scope *sc, struct json_object *body,
                      struct reply *r);
void amojo_call_status(struct sandbox *s, struct amojo_scope *sc, const char *id,
                       struct json_object *body, struct reply *r);
void amojo_call_typing(struct sandbox *s, struct amojo_scope *sc, struct json_object *body,
                       struct reply *r);
void amojo_call_react(struct sandbox *s, struct amojo_scope *sc, struct json_object *body,
                      struct reply *r);
/* @limit_text and @offset_text as in the query, "" when absent. */
void amojo_call_history(struct sandbox *s, struct amojo_scope *sc, const char *chat_id,
                        const char *limit_text, const char *offset_text, struct reply *r);
/* new_message and edit_message; @raw are the bytes of @body. */
void amojo_call_message(struct sandbox *s, struct amojo_scope *sc, struct json_object *body,
                        struct view raw, struct reply *r);
