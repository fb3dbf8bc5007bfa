#pragma once

/* Webhooks of amojo: signed, sent once, whatever happens, one at a time per chat; and the
 * log of them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "tools/sandbox/blob.h"
#include "tools/sandbox/vec.h"

struct amojo_chat;
struct amojo_message;
struct amojo_scope;
struct lane_job;
struct sandbox;

enum hook_state {
    HOOK_QUEUED,
    HOOK_SENT,
    HOOK_ANSWERED,
    HOOK_LOST
};

struct hook_entry {
    uint64_t seq;
    uint64_t number;
    const char *kind; /* static */
    char *scope_id;
    char *chat;
    char *id;
    char *url; /* NULL until it is known */
    enum hook_state state;
    int status;
    const char *error; /* static */
    int64_t queued_at_ms;
    int64_t sent_at_ms;
    int64_t took_us;
    struct blob *body;
};

struct hooks {
    struct vec log;
    uint64_t last_number;
};

/* What is to be sent; all borrowed. */
struct hook_send {
    const char *kind; /* static */
    struct amojo_scope *scope;
    const char *chat;      /* NULL = unknown */
    const char *id;        /* message, NULL = none */
    const char *url;       /* NULL = the channel's */
    const char *secret;    /* NULL = the channel's */
    const char *signature; /* NULL = the right one; "" = no header */
    const char *lane;      /* NULL = the chat, else a line of its own */
    bool by_hand;          /* a tester's own bytes: sent although nobody is connected */
    bool newline;          /* one LF behind the body, outside the signature */
    struct view body;
};

/* What is sent by amojo itself (@by_hand false) goes only to a connected account: -ENETDOWN.
 * -ENOSPC when a limit is reached, -ENOTCONN without any address to send to, -ENOMEM. */
AMO_MUSTCHECK int hooks_send(struct sandbox *s, const struct hook_send *h,
                             uint64_t *ret_number);
/* NULL after a reset. */
struct hook_entry *hooks_get(const struct hooks *h, uint64_t number);
struct json_object *hook_entry_json(const struct hook_entry *e);
void hooks_clear(struct hooks *h);

/* lanes: put a webhook on the wire; free one. */
int hooks_start(void *arg, struct lane_job *job);
void hooks_free_job(struct lane_job *job);

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
