#pragma once

/* What a request of a Mobilon service means: the connector API of docs/connector.md. Strict where
 * amojo's reader is forgiving, because the caller is ours to teach: a wrong field is refused by
 * name. Pure: bytes in, events out; who asks was checked before. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "proto/event.h"

struct json;

/* What is wrong, in the words of the API's error answer; all constants. */
struct service_fault {
    int status; /* 400 or 422; 0 = nothing is wrong */
    const char *code;
    const char *message;
    const char *field; /* or NULL */
};

enum {
    SERVICE_E_FAULT = 1, /* the request is refused; the fault says why */
};

/* 1 to 128 of [A-Za-z0-9._:-]: an id a service gives a message, and a key of its own. */
bool service_id_valid(struct view id);

/* One message. The event lacks connector, trace, taken_ms and dedup, and borrows the body and
 * *ret_doc, which the caller frees. SERVICE_E_FAULT, -ENOMEM. */
AMO_MUSTCHECK int service_message(struct view body, struct json **ret_doc, struct event *ret,
                                  struct service_fault *ret_fault);

/* A call with statuses: the document and how many items it has, 1 to LIMIT_STATUSES. */
AMO_MUSTCHECK int service_statuses(struct view body, struct json **ret_doc, size_t *ret_n,
                                   struct service_fault *ret_fault);
/* Item @i of it as an event. With SERVICE_E_FAULT the item alone is refused; *ret then holds at
 * most its message_id. */
AMO_MUSTCHECK int service_status(struct json *doc, size_t i, struct event *ret,
                                 struct service_fault *ret_fault);
