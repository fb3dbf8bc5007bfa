#pragma once

/* What the last messages were, by trace id: the calls about one are told with its number and its person,
 * and with the time since it came to the door. */

#include <stdint.h>

#include "base/compiler.h"
#include "base/ids.h"
#include "proto/pack.h"

struct stories;

struct story {
    struct id trace;
    int64_t taken_ms; /* wall time when ingress accepted it; 0: not told */
    char *source;     /* owned, as the next; NULL: none */
    char *who;        /* the conversation, as whoever wrote calls it */
};

AMO_MUSTCHECK int stories_new(struct stories **ret_stories);
void stories_free(struct stories *s);
/* An event's fields. Without memory for it, it is not remembered. */
void stories_learn(struct stories *s, const struct id *trace, const msgpack_object *fields);
/* NULL: not known, or too long ago. Borrowed until the next is learnt. */
const struct story *stories_find(const struct stories *s, const struct id *trace);
/* The conversation that an event, or a command, names; VIEW_NONE: none. Borrowed from @fields. */
struct view stories_who(const msgpack_object *fields);
