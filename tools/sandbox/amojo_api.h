#pragma once

/* The amojo side of the sandbox: calls under /v2/origin/custom/.
 *
 * amojo_api_handle() finds the channel, checks the signature, writes the journal and sends
 * the call through the gate to one of the functions below, each in a file of its own kind. */

#include <json-c/json.h>

#include "tools/sandbox/amojo_store.h"
#include "tools/sandbox/gate.h"

struct sandbox;
struct amojo_scope;
struct amojo_channel;

/* Takes the exchange over. */
void amojo_api_handle(struct sandbox *s, struct exchange *x);

/* Who is spoken to, taken from the path. Unused members are NULL. */
struct amojo_target {
    struct amojo_channel *channel;
    struct amojo_scope *scope; /* NULL when that account never connected */
    char scope_id[128];
    char id[64];      /* message id of delivery_status, chat id of history */
    const char *kind; /* static */
};

/* Split a path; false when amojo has no such address. Looks channel and scope up; an unknown
 * channel is left NULL. */
bool amojo_api_target(const struct sandbox *s, const char *method, const char *path,
                      struct amojo_target *ret_target);

/* Answers. */
void amojo_reply_error(struct reply *r, int status, const char *words);
void amojo_reply_json(struct reply *r, struct json_object *o);

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
void amojo_call_history(struct sandbox *s, struct amojo_scope *sc, const char *chat_id,
                        const char *query, struct reply *r);
/* new_message and edit_message; @raw are the bytes of @body. */
void amojo_call_message(struct sandbox *s, struct amojo_scope *sc, struct json_object *body,
                        struct view raw, struct reply *r);

/* The chat of a call, by amojo's id first; NULL when unknown. */
struct amojo_chat *amojo_find_chat(const struct amojo_scope *sc, const char *id,
                                   const char *client_id);
/* The message a call names, by amojo's id if given, else by the bridge's. NULL when unknown. */
struct amojo_message *amojo_find_message(const struct amojo_scope *sc, const char *id,
                                         const char *msgid);
/* Take in a message the sandbox never saw, without content: in adopt mode. @id or @msgid may be
 * NULL. NULL: no memory. */
struct amojo_message *amojo_adopt_message(struct sandbox *s, struct amojo_scope *sc,
                                          const char *id, const char *msgid);
/* Keep an action of the bridge; false (507) when the log is full. @m NULL = none. */
bool amojo_note_action(struct sandbox *s, enum amojo_action_kind kind, struct amojo_chat *chat,
                       struct amojo_message *m, struct json_object *body);
/* Keep a status of @m, counted in the lists. False when a limit or memory refuses it. */
bool amojo_note_status(struct sandbox *s, struct amojo_message *m, struct json_object *st,
                       int64_t code, bool by_edit);
