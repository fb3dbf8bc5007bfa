#pragma once

/* What the calls of the bridge did, kept with number and time. */

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "tools/sandbox/amojo/store.h"

struct sandbox;

/* Is there room for one more channel, scope, chat or user? Otherwise the caller answers 507. */
bool amojo_has_room(struct sandbox *s);
/* @m, which was just added, gets its number and time, and counts against the limit of messages. */
void amojo_message_born(struct sandbox *s, struct amojo_message *m, enum amojo_from from);
/* Take in a message the sandbox never saw, without content: in adopt mode. @id or @msgid may be
 * NULL. NULL: no memory. */
struct amojo_message *amojo_adopt_message(struct sandbox *s, struct amojo_scope *sc,
                                          const char *id, const char *msgid);
/* Keep a status of @m, counted in the lists. False when a limit or memory refuses it. */
bool amojo_note_status(struct sandbox *s, struct amojo_message *m, struct json_object *st,
                       int64_t code, bool by_edit);
/* Keep an action of the bridge, "edit", "reaction" or "typing"; false (507) when the log is full.
 * @chat and @m NULL = none. */
bool amojo_note_action(struct sandbox *s, const char *kind, const struct amojo_chat *chat,
                       const struct amojo_message *m, struct json_object *body);
