#pragma once

/* One line in core's log for whatever an operator has core do: who asked, for which verb, with which
 * arguments, and what came of it. Verbs that only look leave none, unless they were to reveal what is
 * masked.
 *
 * Of the arguments it shows ids, names and flags alone: a secret, a text or a client's phone is never
 * written, only that it was given. */

#include <stdbool.h>

#include "base/buf.h"

struct caller;
struct json;

#define AUDIT_USER_MAX 40

/* The name of the user of the process at the other end, as /etc/passwd has it now; "uid-1000" when it has
 * none, "unknown" when the kernel did not say. */
void audit_user(const struct caller *who, char ret[AUDIT_USER_MAX]);

/* A verb that changes nothing; any other does, one that is new as well. */
bool audit_only_looks(struct view verb);

struct audit {
    const struct caller *who;
    struct view verb;
    const char
        *result; /* "done", "asked" (a remote side is being asked), "refused", "failed" */
};
/* @args as they came; NULL: none could be read. */
void audit_write(const struct audit *a, struct json *args);
