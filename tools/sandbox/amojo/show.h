#pragma once

/* Messages of amojo as JSON: for lists, for the history, and embedded in others. */

#include <stdbool.h>

#include <json-c/json.h>

struct amojo_action;
struct amojo_message;
struct amojo_scope;

/* The newest `message` object: what an edit left out is as it was. New object, never NULL. */
struct json_object *amojo_message_content(const struct amojo_message *m);
/* The part of the newest body that is the message call's payload or the webhook's `message`;
 * the whole parsed body is in *ret_whole (json_object_put). */
struct json_object *amojo_message_payload(const struct amojo_message *m,
                                          struct json_object **ret_whole);
/* Text of the newest form of a message; NULL when it has none. Own copy (mem_free). */
char *amojo_message_text(const struct amojo_message *m);
/* Message object as shown in lists. */
struct json_object *amojo_message_json(const struct amojo_message *m);
/* As amojo embeds it in a webhook: quoted or forwarded. */
struct json_object *amojo_message_embedded(const struct amojo_message *m);

struct json_object *amojo_action_json(const struct amojo_action *a);
/* Is its `type` this word (react, unreact; of an edit the message's type)? */
bool amojo_action_is(const struct amojo_action *a, const char *type);
/* What an action says: text of an edit, emoji of a reaction. NULL or an own copy (mem_free). */
char *amojo_action_text(const struct amojo_action *a);
