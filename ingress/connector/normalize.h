#pragma once

/* What a request of a Mobilon service means: the connector API of docs/connector.md. What the
 * words need to reach the right person is read strictly, because the caller is ours to teach: a
 * wrong field is refused by name. What is only shown is never refused; what became of it is in
 * the warnings. Pure: bytes in, events out; who asks was checked before. */

#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "ingress/connector/content.h"
#include "ingress/connector/read.h"
#include "proto/event.h"

struct json;

#define SERVICE_REFUSED_ID 64U

/* One request that is one event. */
struct service_normal {
    /* Without connector, trace, taken_ms and dedup; an edit's message_id is what the body says, if anything. Its
     * texts borrow the body and what is owned below. */
    struct event event;
    struct json *doc;           /* owned */
    struct service_parts parts; /* owned */
    struct service_warnings warnings;
    char refused_id[SERVICE_REFUSED_ID +
                    1]; /* of what is refused the message's id, cut; "" not known */
};

/* @now_ms is the wall time at the listener. 0 (service_normal_fini when done); SERVICE_E_FAULT, -ENOMEM (nothing to finish). *ret is written
 * in any case. */
typedef int service_read_fn(struct view body, int64_t now_ms, struct service_normal *ret,
                            struct service_fault *ret_fault);
/* POST …/messages */
AMO_MUSTCHECK int service_message(struct view body, int64_t now_ms, struct service_normal *ret,
                                  struct service_fault *ret_fault);
/* PATCH …/messages/{id}: EVENT_SERVICE_EDIT; the type is absent when the caller gave none. */
AMO_MUSTCHECK int service_edit(struct view body, int64_t now_ms, struct service_normal *ret,
                               struct service_fault *ret_fault);
/* POST …/reactions */
AMO_MUSTCHECK int service_reaction(struct view body, int64_t now_ms, struct service_normal *ret,
                                   struct service_fault *ret_fault);
/* POST …/typing; `expires_ms` is how long it lasts, for want of a clock here. */
AMO_MUSTCHECK int service_typing(struct view body, int64_t now_ms, struct service_normal *ret,
                                 struct service_fault *ret_fault);
void service_normal_fini(struct service_normal *n);

/* A call with statuses: the document, which the caller frees, and how many items it has, 1 to
 * LIMIT_STATUSES. SERVICE_E_FAULT, -ENOMEM. */
AMO_MUSTCHECK int service_statuses(struct view body, struct json **ret_doc, size_t *ret_n,
                                   struct service_fault *ret_fault);
/* Item @i of it as an event, and what became of its lesser parts. With SERVICE_E_FAULT the item
 * alone is refused; *ret then holds at most its message_id. */
AMO_MUSTCHECK int service_status(struct json *doc, size_t i, int64_t now_ms, struct event *ret,
                                 struct service_warnings *ret_warnings,
                                 struct service_fault *ret_fault);
