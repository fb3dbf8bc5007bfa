#pragma once

/* Messages of amojo as JSON: for lists, for the history, and embedded in others. */

#include <json-c/json.h>

struct amojo_message;
struct amojo_scope;
struct amojo_user;

/* The newest `message` object: what an edit left out is as it was. New object, never NULL. */
struct json_object *amojo_message_content(const struct amojo_message *m);
/* Text of the newest form of a message; NULL when it has none. Own copy (mem_free). */
char *amojo_message_text(const struct amojo_message *m);
/* As shown in lists, of a struct amojo_message. */
struct json_object *amojo_message_json(const void *message);
/* Add what amojo tells of a client: ids, name and addresses, as far as they are known. */
void amojo_add_user(struct json_object *o, const struct amojo_user *u);
/* As amojo embeds it in a webhook: quoted or forwarded. */
struct json_object *amojo_message_embedded(const struct amojo_message *m);
