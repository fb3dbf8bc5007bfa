#pragma once

/* Whose results are believed: a worker may tell of the attempts that core gave it, and of no others. One that
 * was taken over could otherwise say that what waits, or what another worker has, is done: it would be lost. */

#include <stdbool.h>

#include "core/turn/turn.h"
#include "proto/command.h"

struct call;
struct peer;

enum owed {
    OWED_NOW, /* the attempt under way at this worker */
    OWED_LATE, /* an earlier attempt of this very command, or one that another life of core made */
    OWED_NOT, /* of no command, or not this worker's to tell: ignored */
};

/* What the result @r of @p is. *@ret_cmd or *@ret_call is what it is about: with OWED_NOT a command may be set
 * too, which is another one. -errno of the store. */
AMO_MUSTCHECK int owed_judge(struct core *c, const struct peer *p, const struct result *r,
                             struct core_command **ret_cmd, struct call **ret_call,
                             enum owed *ret);
/* One more that is not OWED_NOW. So many of them have a reason: a result is told again in a new session, and when
 * its acknowledgement was late. False: too many, and the session of @p is over. */
bool owed_allows(struct core *c, struct peer *p);
