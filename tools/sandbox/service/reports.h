#pragma once

/* What a service says became of a message: delivered, read, failed. */

#include <stdint.h>

#include <json-c/json.h>

#include "base/compiler.h"

struct sandbox;
struct service_connector;

/* One status report; members may be NULL but @id and @status. */
struct report {
    const char *id;
    const char *status;
    const char *conversation;
    struct json_object *error;
};

/* As calls_send(). */
AMO_MUSTCHECK int reports_send(struct sandbox *s, const struct service_connector *k,
                               const struct report *r, uint64_t *ret_number);
/* Report what became of the message @m of the log, as the connector's settings say. */
void reports_message(struct sandbox *s, const struct service_connector *k,
                     struct json_object *m);
