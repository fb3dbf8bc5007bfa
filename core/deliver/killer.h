#pragma once

/* Commands with which core has died (core/turn/deaths.h): they are given up without doing again what killed. */

#include <msgpack.h>

#include "core/turn/deaths.h"
#include "core/turn/turn.h"

struct peer;

/* of the dead letter */
#define KILLER_REASON "core_lost"

/* @cmd is in hand as @kind; *@ret_outer is for the end. False: core has died with it so often that it was given up
 * instead, and it is not there any more. */
bool killer_begin(struct core *c, struct core_command *cmd, enum deed_kind kind,
                  struct deed *ret_outer);
/* Gives it up after @n_deaths: at first as any other, with words for whoever wrote it; if that has killed, too,
 * without any. */
void killer_give_up(struct core *c, struct core_command *cmd, unsigned n_deaths);
/* The result @item of @p is taken from it unread, but for what it is about and whether it was done; its command is
 * given up. */
void killer_result(struct core *c, struct peer *p, const msgpack_object *item,
                   unsigned n_deaths);
