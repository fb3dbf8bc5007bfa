#pragma once

/* What the Mobilon services know: connectors, and what each was given, in order. */

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "base/compiler.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/names.h"
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
    struct names messages; /* the bridge's message id -> JSON object, of the log */
};

/* A webhook-id that was taken. */
struct service_webhook {
    struct json_object *entry; /* message or event as in its log; one owner more */
    struct blob *body;         /* of a message, else NULL */
};

struct service_store {
    struct names connectors; /* by name */
    struct journal messages;
    struct journal events;
    size_t first_listed; /* messages before it were there at the last reset of logs */
};

/* A connector with generated secrets; borrowed. -ENOMEM. */
AMO_MUSTCHECK int service_connector_add(struct service_store *st, const char *name,
                                        struct service_connector **ret);
/* @entry and @body (may be NULL) get one more owner. -ENOMEM. */
AMO_MUSTCHECK int service_webhook_add(struct service_connector *k, const char *webhook_id,
                                      struct json_object *entry, struct blob *body);
/* As shown to testers: of a struct service_connector. */
struct json_object *service_connector_json(const void *connector);

/* Forget what was given; with @all also the connectors. */
void service_clear(struct service_store *st, bool all);
void service_clear_logs(struct service_store *st);
