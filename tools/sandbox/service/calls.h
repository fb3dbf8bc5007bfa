#pragma once

/* What the services call at the bridge: client messages, status reports, calls made by hand.
 * Each is repeated, same id, same body, until the bridge accepts it; those of a conversation
 * go one after another. And the log of them. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "tools/sandbox/record/outbox.h"

struct sandbox;
struct service_connector;

enum call_kind {
    CALL_MESSAGE,
    CALL_STATUS,
    CALL_OTHER
};
struct call_entry {
    struct outbox_entry out;
    char *key;           /* header Idempotency-Key, NULL = none */
    char webhook_id[48]; /* the same for all attempts */
    enum call_kind kind;
    uint64_t attempts;
};

/* What is to be called; all borrowed. */
struct call_send {
    enum call_kind kind;
    const struct service_connector *connector;
    const char *method;
    const char *path;
    const char *conversation; /* NULL = unknown */
    const char *id;           /* NULL = none */
    const char *lane;         /* NULL = the conversation, else a line of its own */
    const char *key;          /* header Idempotency-Key, NULL = none */
    bool after_messages;      /* in the line of the conversation's messages */
    struct view body;         /* ptr NULL = none */
};

/* -ENOSPC when a limit is reached, -ENOMEM. */
AMO_MUSTCHECK int calls_send(struct sandbox *s, const struct call_send *c,
                             uint64_t *ret_number);
/* outbox: put a call on the wire; free what a call has of its own. */
int calls_start(void *arg, struct lane_job *job);
void calls_fini_entry(struct outbox_entry *entry);
