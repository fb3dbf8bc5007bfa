#pragma once

/* One line in core's log, and a row in its store, for whatever an operator has core do: who asked, for which verb,
 * with which arguments, and what came of it. Verbs that only look leave none, unless they were to reveal what is
 * masked; a dry run leaves the line alone. The newest are kept (LIMIT_ORDERS).
 *
 * Of the arguments it shows ids, names and flags alone: a secret, a text or a client's phone is never written, only
 * that it was given; nor is an id that is made of a phone or a mail address. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

struct caller;
struct json;
struct store;

#define AUDIT_USER_MAX 40

/* The name of the user of the process at the other end, as /etc/passwd has it now; "uid-1000" when it has
 * none, "unknown" when the kernel did not say. */
void audit_user(const struct caller *who, char ret[AUDIT_USER_MAX]);

/* A verb that changes nothing; any other does, one that is new as well. */
bool audit_only_looks(struct view verb);

struct audit {
    const struct caller *who;
    const char *user; /* as audit_user() has it */
    struct view verb;
    const char
        *result; /* "done", "asked" (a remote side is being asked), "refused", "failed" */
};
/* @args as they came; NULL: none could be read. @conversation is the one that a word in them meant; 0: none. */
void audit_write(const struct audit *a, int64_t conversation, struct json *args);
/* Is a row of it to be kept? */
bool audit_is_kept(struct view verb, struct json *args);
/* Appends @words, which are about a call with @args, without what of these is not written; cut. Errors stick. */
void audit_words(struct json *args, struct view words, struct buf *ret);
/* Keeps it in the transaction under way; audit_end() replaces the result and adds @words, cut. -Exxx of the store. */
AMO_MUSTCHECK int audit_keep(struct store *s, const struct audit *a, struct json *args,
                             int64_t *ret_id);
AMO_MUSTCHECK int audit_end(struct store *s, int64_t id, const char *result, struct view words);
