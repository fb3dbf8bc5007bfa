#pragma once

/* What the router planned for one event is carried out: rows of conversations and messages, and
 * the commands that come of them. Everything happens inside the savepoint of the event; new
 * commands are left in core->turn->staged until it is released (core_commit_staged). */

#include "core/intake/lookup.h"
#include "core/model/router.h"
#include "core/turn/turn.h"
#include "proto/command.h"
#include "proto/event.h"

/* A message of either side: conversation, message row, command. */
AMO_MUSTCHECK int apply_message(struct core *c, const struct event *e,
                                const struct decision *p);
/* A status of the service: told to amo when it is news; may teach the conversation's id. */
AMO_MUSTCHECK int apply_status(struct core *c, const struct event *e,
                               const struct message *named, const struct decision *p);
AMO_MUSTCHECK int apply_edit(struct core *c, const struct event *e,
                             const struct message *named);
/* A reaction of either side, to the other one. */
AMO_MUSTCHECK int apply_reaction(struct core *c, const struct event *e,
                                 const struct message *named);
/* Tell the service that its message @m was given up with @command. @words may be VIEW_NONE. */
AMO_MUSTCHECK int apply_failure(struct core *c, const struct message *m, int64_t command,
                                const char *reason, struct view words);

/* A delivery status for amo. */
struct status_update {
    struct view scope;
    struct view connector; /* whose report it is; VIEW_NONE: core tells it by itself */
    int64_t conversation;  /* 0: a lane of its own */
    int64_t message;       /* 0: there is no row */
    struct view amo_id;    /* empty: amo never named it, no status is sent */
    int64_t code;          /* 1, 2, -1 */
    int64_t error_code;    /* with -1 */
    struct view error_text;
    struct view error_word; /* a service's own code of it; VIEW_NONE none */
    bool delayed;           /* it is no failure yet: only says that it takes long */
    struct id trace;
    int64_t taken_ms;
};
AMO_MUSTCHECK int apply_status_update(struct core *c, const struct status_update *t);
