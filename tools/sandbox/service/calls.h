#pragma once

/* What the services call at the bridge: client messages, status reports, calls made by hand.
 * Each is repeated, same id, same body, until the bridge accepts it; those of a conversation
 * go one after another. And the log of them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "tools/sandbox/http/lanes.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/vec.h"

struct sandbox;
struct service_connector;
struct service_message;

enum call_kind {
    CALL_MESSAGE,
    CALL_STATUS,
    CALL_OTHER
};
enum call_state {
    CALL_QUEUED,
    CALL_SENT,
    CALL_WAITING,
    CALL_ACCEPTED,
    CALL_FAILED
};

/* A call: owned by the log until it is cleared, and by its line until it is accepted or given up. */
struct call_entry {
    uint64_t seq;
    uint64_t number;
    unsigned n_owners;
    struct sandbox *sandbox;
    struct lane_job lane;
    char *key;           /* header Idempotency-Key, NULL = none */
    char webhook_id[48]; /* the same for all attempts */
    enum call_kind kind;
    char *connector;
    char *method;
    char *path;         /* after /v1/connectors/{name} */
    char *conversation; /* NULL = unknown */
    char *id;           /* NULL = none */
    enum call_state state;
    int status;
    const char *error; /* static */
    uint64_t attempts;
    int64_t queued_at_ms;
    int64_t done_at_ms;
    int64_t took_us;
    struct blob *body;
    struct blob *answer;
};

struct calls {
    struct vec log;
    uint64_t last_number;
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
/* Report what became of a message, as the connector's settings say. */
void calls_report(struct sandbox *s, const struct service_connector *k,
                  const struct service_message *m);
/* One status report; members may be NULL but @id and @status. */
struct call_status {
    const char *id;
    const char *status;
    const char *conversation;
    struct json_object *error;
};
AMO_MUSTCHECK int calls_send_status(struct sandbox *s, const struct service_connector *k,
                                    const struct call_status *st, uint64_t *ret_number);
/* NULL after a reset. */
struct call_entry *calls_get(const struct calls *c, uint64_t number);
const char *call_kind_name(enum call_kind kind);
struct json_object *call_entry_json(const struct call_entry *e);
void calls_clear(struct calls *c);

/* lanes: put a call on the wire; free one. */
int calls_start(void *arg, struct lane_job *job);
void calls_free_job(struct lane_job *job);
