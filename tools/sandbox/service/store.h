#pragma once

/* What the Mobilon services know: connectors, and what each was given, in order. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/compiler.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/kit/vec.h"
#include "tools/sandbox/record/journal.h"

enum service_auth {
    AUTH_BEARER,
    AUTH_SIGNATURE,
    AUTH_BOTH
};
enum service_report {
    REPORT_NONE,
    REPORT_DELIVERED,
    REPORT_READ,
    REPORT_FAILED
};

/* As testers say them, by number; NULL ends them. */
extern const char *const service_auth_names[];
extern const char *const service_report_names[];

struct service_connector {
    char *name;
    char *bridge_url; /* NULL = none yet */
    char *token;
    char *secret;
    char *secret_old; /* NULL = none */
    enum service_auth auth;
    enum service_report report;
    char *error_code;
    char *error_text;
    bool report_service_id;
    bool answer_ids;
    char *prefix; /* of the name of a conversation that is written to first; NULL = none */
    struct names webhooks; /* webhook-id -> struct service_webhook */
    struct names messages; /* the bridge's message id -> struct service_message */
};

struct service_message {
    uint64_t seq;
    int64_t at_ms;
    struct service_connector *connector;
    char *id;
    char *service_id;
    char *conversation;
    bool write_first;
    uint64_t webhook_ids;
    uint64_t calls;
    uint64_t repeats;
    uint64_t body_changed;
    struct blob *body;
};

/* A webhook-id that was taken; one of message and event is set. */
struct service_webhook {
    struct service_message *message;
    struct json_object *event; /* as in the log; one owner more */
    struct blob *body;         /* of a message */
};

struct service_store {
    struct names connectors; /* by name */
    struct vec messages;
    struct journal events; /* each is a JSON object */
    size_t first_listed;   /* messages before it were there at the last reset of logs */
};

/* A connector with generated secrets; borrowed. -ENOMEM. */
AMO_MUSTCHECK int service_connector_add(struct service_store *st, const char *name,
                                        struct service_connector **ret);
/* Strings are copied, @body gets one more owner; the caller gives number and time. -ENOMEM. */
AMO_MUSTCHECK int service_message_add(struct service_store *st, struct service_connector *k,
                                      const char *id, const char *conversation,
                                      struct blob *body, struct service_message **ret);
/* @event and @body get one more owner; each may be NULL. -ENOMEM. */
AMO_MUSTCHECK int service_webhook_add(struct service_connector *k, const char *webhook_id,
                                      struct service_message *m, struct json_object *event,
                                      struct blob *body);

/* As shown to testers: of a struct service_connector, service_message. */
struct json_object *service_connector_json(const void *connector);
struct json_object *service_message_json(const void *message);
/* Text of a message, own copy (mem_free); NULL when it has none. */
char *service_message_text(const struct service_message *m);

/* Forget what was given; with @all also the connectors. */
void service_clear(struct service_store *st, bool all);
void service_clear_logs(struct service_store *st);
