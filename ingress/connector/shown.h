#pragma once

/* Parts of a request that are only shown, or not even that: the text reaches the right person
 * without them. A part that is read through this file cannot be a reason to refuse the request: there
 * is no fault here, only a warning in the answer that names the part. What is too long is cut, what
 * cannot be used is left out, and the rest of the message is kept.
 *
 * Parts without which a message cannot reach its reader, or would say something else, are read
 * by ingress/connector/read.h. Which part is which: docs/connector.md, "What is needed, what is
 * only shown". */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"

/* What became of one part, in the words of the API; all constants. */
struct service_warning {
    const char *field;
    const char *code; /* those of faults: "invalid", "too_long", "required" */
    const char *message;
};

/* More than there are parts of one request. */
#define SERVICE_WARNINGS_MAX 64U

struct service_warnings {
    struct service_warning all[SERVICE_WARNINGS_MAX];
    size_t n;
};

struct service_shown {
    struct json *doc;             /* borrowed */
    const struct json_node *root; /* the object that paths begin at */
    int64_t now_ms; /* wall time at the listener: nothing was written much later */
    struct service_warnings warnings;
    int rc; /* 0 or -ENOMEM */
};

/* null, "" and absent are the same below, and "[]" is where an object is wanted: it is how an
 * empty one looks in some languages. Paths are constants: warnings keep them. */

/* Is the member there, and is it an object? */
bool service_shown_object(struct service_shown *s, const char *path);
/* A text, cut at the end of a sign to at most @max bytes. A number becomes its digits. */
struct view service_shown_text(struct service_shown *s, const char *path, size_t max);
/* A text that means nothing when it is cut (an id, a phone): left out when it is longer. */
struct view service_shown_whole(struct service_shown *s, const char *path, size_t max);
/* An http(s) URL of printable ASCII, at most LIMIT_URL bytes. */
struct view service_shown_url(struct service_shown *s, const char *path);
/* One of amojo's nine words. */
struct view service_shown_type(struct service_shown *s, const char *path);
/* A time as Unix milliseconds, 0 when there is none: RFC 3339, or a number (clock_ms_of_number).
 * More than a day ahead is none. */
int64_t service_shown_time(struct service_shown *s, const char *path);
/* @otherwise when there is none. */
bool service_shown_bool(struct service_shown *s, const char *path, bool otherwise);
/* A number, rounded to a whole one; 0 when there is none, or none from @low to @high. */
uint64_t service_shown_count(struct service_shown *s, const char *path, uint64_t low,
                             uint64_t high);
/* The same, but what is out of bounds becomes the nearer bound. */
uint64_t service_shown_within(struct service_shown *s, const char *path, uint64_t low,
                              uint64_t high);

/* Says what became of @field. */
void service_shown_warn(struct service_shown *s, const char *code, const char *message,
                        const char *field);
/* The member "warnings", a list of {field, code, message}, or nothing when there are none. */
void service_warnings_write(const struct service_warnings *warnings, struct json_writer *w);
