#pragma once

/* Webhooks of amojo: signed, sent once, whatever happens, one at a time per chat; and the
 * log of them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "tools/sandbox/http/lanes.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/vec.h"

struct amojo_chat;
struct amojo_message;
struct amojo_scope;
struct sandbox;

enum hook_state {
    HOOK_QUEUED,
    HOOK_SENT,
    HOOK_ANSWERED,
    HOOK_LOST
};

/* A webhook: owned by the log until it is cleared, and by its line until it is sent. */
struct hook_entry {
    uint64_t seq;
    uint64_t number;
    unsigned n_owners;
    struct sandbox *sandbox;
    struct lane_job lane;
    const char *kind; /* static */
    char *scope_id;
    char *chat;
    char *id;
    char *url;       /* as given, else NULL until it is sent */
    char *signature; /* header value, NULL = none */
    bool newline;
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
/* Is the webhook @number still to be answered? False after a reset. */
bool hooks_is_under_way(const struct sandbox *s, uint64_t number);
/* NULL after a reset. */
struct hook_entry *hooks_get(const struct hooks *h, uint64_t number);
struct json_object *hook_entry_json(const struct hook_entry *e);
void hooks_clear(struct hooks *h);

/* lanes: put a webhook on the wire; free one. */
int hooks_start(void *arg, struct lane_job *job);
void hooks_free_job(struct lane_job *job);
