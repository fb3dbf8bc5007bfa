#pragma once

/* Reading a request of a Mobilon service: the parts without which it cannot reach its reader or
 * would say something else. Those are read strictly: null, "" and absent are the same, anything
 * else of the wrong kind is a fault that names the field. The first fault is kept; the caller
 * asks for it once, at the end. Paths are constants: faults keep them.
 *
 * Every other part is read through `shown`, which knows warnings only: ingress/connector/shown.h. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/json.h"
#include "ingress/connector/shown.h"

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

struct service_reader {
    struct json *doc;             /* borrowed */
    const struct json_node *root; /* the object that paths begin at */
    struct service_fault fault;
    int rc;                     /* 0 or -ENOMEM */
    struct service_shown shown; /* the same object, for what is only shown */
};

/* @now_ms is the wall time at the listener. */
void service_reader_init(struct service_reader *r, struct json *doc,
                         const struct json_node *root, int64_t now_ms);

/* The body as an object. SERVICE_E_FAULT, -ENOMEM. */
AMO_MUSTCHECK int service_parse(struct view body, struct json **ret_doc,
                                struct service_fault *ret_fault);

/* 422 with @code, unless something was wrong before. */
void service_fail(struct service_reader *r, const char *code, const char *message,
                  const char *field);
/* 0; SERVICE_E_FAULT with *ret_fault written; -ENOMEM. */
AMO_MUSTCHECK int service_verdict(const struct service_reader *r,
                                  struct service_fault *ret_fault);

/* Is the member there, and is it an object? An empty list is none: an empty object looks like
 * that in some languages. */
bool service_object(struct service_reader *r, const char *path);
/* A text of at most @max bytes, or VIEW_NONE. */
struct view service_text(struct service_reader *r, const char *path, size_t max);
/* The same, and it must be there. */
struct view service_text_must(struct service_reader *r, const char *path, size_t max);
/* An id as service_id_valid() has it, required. */
struct view service_id_must(struct service_reader *r, const char *path);
/* An id that names something, ours or whatever a service calls it (proto/foreign_id.h), a number by its
 * digits, with a warning; required. */
struct view service_name_must(struct service_reader *r, const char *path);
/* A text, or a number, which becomes its digits with a warning; required. */
struct view service_number_or_text_must(struct service_reader *r, const char *path, size_t max);
/* A text of at most LIMIT_URL bytes as url_is_plain() has it, required. */
struct view service_url_must(struct service_reader *r, const char *path);
/* One of amojo's nine words. */
struct view service_type(struct service_reader *r, const char *path);
/* @otherwise when absent. */
bool service_bool(struct service_reader *r, const char *path, bool otherwise);
/* A JSON number without fraction, both bounds included; 0 when absent. */
uint64_t service_count(struct service_reader *r, const char *path, uint64_t low, uint64_t high);
/* A JSON number, required, between -@bound and @bound: its digits (ingress/read/digits.h for @made). */
struct view service_degrees(struct service_reader *r, const char *path, double bound,
                            struct buf *made);

/* "" or an empty list: as good as absent. */
bool service_node_is_nothing(const struct json_node *n);
/* What is said of a name that is none. */
#define SERVICE_NAME_FAULT "must be 1 to 512 bytes without blanks and control characters"
/* 1 to 128 of [A-Za-z0-9._:-]: an id a service gives to a message it sends us. */
bool service_id_valid(struct view id);
