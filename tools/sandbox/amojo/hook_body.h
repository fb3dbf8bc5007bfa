#pragma once

/* The JSON of amojo's webhooks, version 2. */

#include <stdint.h>

#include <json-c/json.h>

struct amojo_chat;
struct amojo_message;
struct sandbox;

/* Bodies, new objects. @overlay is laid over message.message (may be NULL). */
struct json_object *hook_body_message(const struct sandbox *s, const struct amojo_message *m,
                                      const char *text, const char *source,
                                      struct json_object *overlay);
/* @act: the tester's, with type, emoji, manager, form, duration_ms. */
struct json_object *hook_body_reaction(const struct sandbox *s, const struct amojo_message *m,
                                       struct json_object *act);
struct json_object *hook_body_typing(const struct sandbox *s, const struct amojo_chat *chat,
                                     struct json_object *act);
/* The webhook amojo may send for a message that was imported in a user's name; its number, 0
 * when it could not be sent. */
uint64_t hooks_echo(struct sandbox *s, const struct amojo_message *m);
