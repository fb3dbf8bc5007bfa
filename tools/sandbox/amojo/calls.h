#pragma once

/* What the calls to amojo do, one function each, in files of their own kind: connect.c, marks.c,
 * message.c, history.c. */

#include "tools/sandbox/kit/jread.h"

struct amojo_channel;
struct amojo_scope;
struct request;
struct reply;
struct sandbox;

/* A call: who is spoken to, by the path, what is said, and what is found wrong with it. */
struct amojo_ask {
    struct sandbox *sandbox;
    struct request *x;
    struct json_object *body; /* NULL when it is no JSON; borrowed */
    struct amojo_channel *channel;
    struct amojo_scope *scope; /* NULL when that account never connected */
    char scope_id[128];
    char id[64]; /* message id of delivery_status, chat id of history; "" = none */
    struct jcheck check;
    struct reply *reply;
};

/* Makes the call's effects on the store, and the body of the answer. The status of the answer. */
typedef int amojo_call_fn(struct amojo_ask *q);

amojo_call_fn amojo_call_connect;
amojo_call_fn amojo_call_disconnect;
amojo_call_fn amojo_call_chats;
amojo_call_fn amojo_call_status;
amojo_call_fn amojo_call_typing;
amojo_call_fn amojo_call_react;
amojo_call_fn amojo_call_history;
amojo_call_fn amojo_call_message; /* new_message and edit_message */

/* The answers, in reply.c. */
/* amojo's error body for a status from 400 on. */
void amojo_reply_error(struct reply *r, int status, const char *words);
/* The same as the answer to @q. Returns @status. */
int amojo_refuse(struct amojo_ask *q, int status, const char *words);
/* The answer to @q is @o, which is taken over. Returns 200. */
int amojo_answer(struct amojo_ask *q, struct json_object *o);
/* The end of every check: false when there is no JSON or it is wrong; then 400 is the answer. */
bool amojo_is_right(struct amojo_ask *q);
