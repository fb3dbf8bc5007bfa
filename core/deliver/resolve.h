#pragma once

/* A stored command becomes a sendable one: the ids it needs are looked up now, not when it was
 * queued, because an answer may have taught them meanwhile. */

#include "core/turn/turn.h"
#include "proto/command.h"

/* The rows a resolved command borrows its texts from. */
struct resolved {
    struct command body;
    struct command_row row;
    struct conversation conversation;
    struct message message;             /* which the command is, or is about */
    struct message quoted;              /* which it answers */
    struct message forwarded;           /* which it forwards … */
    struct conversation forwarded_from; /* … and from where */
    struct buf text;                    /* words that had to be made */
};

/* The reason of COMMAND_SERVICE_FAILED that is about an edit and not about its message. */
#define EDIT_FAILED "edit_failed"

enum {
    RESOLVE_E_STALE = 1, /* not needed any more */
    RESOLVE_E_PARENT,    /* what it is about does not exist (any more) */
    RESOLVE_E_ERASED,    /* what it said was erased */
    RESOLVE_E_MOVED,     /* its conversation reaches another account now: reach_stray */
};

/* The same for the account in its row, which its conversation may have left: to look there. */
AMO_MUSTCHECK int resolve_where_it_was(struct core *c, const struct core_command *cmd,
                                       struct resolved *ret);
/* 0, RESOLVE_E_*, -Exxx. Finish with resolved_fini in any case. */
AMO_MUSTCHECK int resolve_command(struct core *c, const struct core_command *cmd,
                                  struct resolved *ret);
void resolved_fini(struct resolved *r);
/* Which status a waiting command tells amo (1, 2, -1; 0 none), and the code of a failure (0 none).
 * -Exxx of the store; nothing when the command is not there or was erased. */
AMO_MUSTCHECK int resolve_tells(struct core *c, const struct core_command *cmd,
                                int64_t *ret_status, int64_t *ret_code);
/* Our ids of the conversation's chat, and theirs where the two are to be linked. */
void resolve_chat(struct resolved *r);
/* The client as the sender, for a call that names the client (create chat). */
void resolve_client(struct resolved *r);
