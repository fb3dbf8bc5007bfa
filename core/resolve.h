#pragma once

/* A stored command becomes a sendable one: the ids it needs are looked up now, not when it was
 * queued, because an answer may have taught them meanwhile. */

#include "core/core.h"
#include "proto/command.h"

/* The rows a resolved command borrows its texts from. */
struct resolved {
    struct command body;
    struct command_row row;
    struct conversation conversation;
    struct message message;
};

enum {
    RESOLVE_E_STALE = 1, /* not needed any more */
    RESOLVE_E_PARENT,    /* what it is about does not exist (any more) */
};

/* 0, RESOLVE_E_*, -Exxx. Finish with resolved_fini in any case. */
AMO_MUSTCHECK int resolve_command(struct core *c, const struct core_command *cmd,
                                  struct resolved *ret);
void resolved_fini(struct resolved *r);
