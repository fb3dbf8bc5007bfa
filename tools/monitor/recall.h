#pragma once

/* What the last commands were about: a result names its command only by number, and a person who
 * follows a message also wants its results. Keeps the last few thousand. */

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/ids.h"
#include "proto/pack.h"

struct recall;

struct recall_about {
    uint64_t command;
    struct id trace;
    char *scope;  /* NULL: none; as the next */
    char *ids[4]; /* of the conversation on either side */
    uint64_t kind;
    int64_t status_code; /* amo.status, as the next */
    int64_t error_code;
    char *source; /* NULL: none; as the next */
    char *who;    /* the conversation, as stories_who() calls it */
    char *type;   /* of the message, with how much text there was */
    size_t chars;
};

AMO_MUSTCHECK int recall_new(struct recall **ret_recall);
void recall_free(struct recall *r);
/* A command's fields. Without memory for it, it is not remembered. */
void recall_command(struct recall *r, const msgpack_object *fields);
/* What result @fields is about; NULL when its command was not seen. Borrowed. */
const struct recall_about *recall_result(const struct recall *r, const msgpack_object *fields);
