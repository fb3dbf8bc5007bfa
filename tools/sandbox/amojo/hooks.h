#pragma once

/* Webhooks of amojo: signed, sent once, whatever happens, one at a time per chat; and the
 * log of them. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "tools/sandbox/record/outbox.h"

struct amojo_chat;
struct amojo_message;
struct amojo_scope;
struct sandbox;

struct hook_entry {
    struct outbox_entry out;
    char *signature; /* header value, NULL = none */
    bool newline;
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
    bool by_hand;          /* a tester's own bytes: sent even if no account is connected */
    bool newline;          /* one LF behind the body, outside the signature */
    struct view body;
};

/* What amojo itself sends (@by_hand false) is sent only for a connected account: -ENETDOWN.
 * -ENOSPC when a limit is reached, -ENOTCONN without any address to send to, -ENOMEM. */
AMO_MUSTCHECK int hooks_send(struct sandbox *s, const struct hook_send *h,
                             uint64_t *ret_number);
/* Is the webhook @number still to be answered? False after a reset. */
bool hooks_is_under_way(const struct sandbox *s, uint64_t number);
/* outbox: put a webhook on the wire; free what a webhook has of its own. */
int hooks_start(void *arg, struct lane_job *job);
void hooks_fini_entry(struct outbox_entry *entry);
