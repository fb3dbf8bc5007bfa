#pragma once

/* Which account an event is of, and which sources that may use. To the door an account that left is nobody; what
 * core had taken before keeps it (docs/adr/0012-leaving-and-rotating.md). */

#include "core/model/router.h"
#include "core/turn/turn.h"

/* The account @id as the event in hand finds it: connected, or, when the event has waited as a possible echo, also
 * one that has left meanwhile. NULL: none. Borrowed from the registry in force, as below. */
const struct reg_scope *whose_account(const struct core *c, struct view id);
/* The account @came_for, which had the source when a service's message came, if it has left; else NULL. It may be
 * NULL. */
const struct reg_scope *whose_left(const struct core *c, const char *came_for);
/* Does a conversation that is called as that of @found have a message of the same id, too? Services call a client by the
 * same name at each of their numbers, and may count the messages of each conversation. @conversations: all that are
 * called @thread; of a full list nobody knows whether it is all, so that counts as yes. While one is tried, and while
 * what came before waits for that, NAMESAKE_IS_TRIED. -Exxx. */
AMO_MUSTCHECK int whose_namesake(struct core *c, const struct message *found,
                                 struct view thread, struct view id,
                                 const struct conversation_ids *conversations,
                                 enum namesake *ret);
/* own_source, n_sources and shared of @m. */
void whose_sources(const struct registry *r, const struct reg_scope *scope, struct facts *m);
/* unknown_source and foreign_source of @m: may the account write from @source? One that left might have when its
 * words were accepted, unless the source is somebody else's. */
void whose_right(const struct registry *r, const struct reg_scope *scope, struct view source,
                 struct facts *m);
