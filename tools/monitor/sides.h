#pragma once

/* Both sides of one conversation: a service and amo name it differently, and few frames have both names.
 * Begins with the names that are known and learns others: what has the trace of an item of this
 * conversation is of it as well. */

#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "tools/monitor/decode.h"
#include "tools/monitor/recall.h"

struct sides;

AMO_MUSTCHECK int sides_new(struct sides **ret_sides);
void sides_free(struct sides *s);
/* A name of it; one of a service's belongs to its connector, else VIEW_NONE. Without room for it, the name is
 * not known. */
void sides_add(struct sides *s, struct view connector, struct view name);
/* Is @item of this conversation? If so its names and its trace are learnt. @about may be NULL. */
bool sides_have(struct sides *s, const struct decode_item *item,
                const struct recall_about *about);
