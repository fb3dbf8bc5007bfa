#pragma once

/* Is the body of a message call what amojo takes? Pure: looks at the JSON alone; whether the
 * ids in it are known is for message.c. */

#include <stdbool.h>
#include <stdint.h>

#include "tools/sandbox/kit/jread.h"

enum {
    AMOJO_CLIENT_ID_MAX = 64,
    AMOJO_SOURCE_MAX = 40
};

/* A participant as named in a call; borrowed from the body, members NULL when absent. */
struct amojo_party {
    bool given;
    const char *id;
    const char *ref_id;
    const char *name;
    const char *phone;
    const char *email;
    const char *avatar;
};

/* A message call, borrowed from the body. */
struct amojo_call {
    bool edit;
    bool silent;
    const char *msgid;
    const char *id;
    const char *conversation_id;
    const char *conversation_ref_id;
    const char *source;
    struct amojo_party sender;
    struct amojo_party receiver;
    struct json_object *quoted;    /* reply_to.message, NULL = none */
    struct json_object *forwarded; /* forwards.messages[0], NULL = none */
    struct json_object *forwards;
};

/* @lenient: a file's name and size may be missing. @c has words when the body is refused; then
 * @ret_call may be incomplete. */
void amojo_check_message(struct jcheck *c, struct json_object *body, bool lenient,
                         struct amojo_call *ret_call);
/* Does an embedded message say enough about itself to be shown without being known? */
void amojo_check_described(struct jcheck *c, struct json_object *m, const char *path);
/* A participant: @key of @o. Members that are wrong are noted and left NULL. */
void amojo_check_party(struct jcheck *c, struct json_object *o, const char *path,
                       struct amojo_party *ret);
/* Something that may be an emoji: no letters or digits alone. */
void amojo_check_emoji(struct jcheck *c, const char *emoji);
/* source.external_id of @o; NULL when absent or wrong. */
const char *amojo_check_source(struct jcheck *c, struct json_object *o, const char *path);
/* error_code and error beside the status @status in @o. */
void amojo_check_error(struct jcheck *c, struct json_object *o, const char *path,
                       int64_t status);
