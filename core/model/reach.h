#pragma once

/* Who is reached. The registry says it, not what a conversation remembers: a number that was given
 * to another account, an account that came back under another channel and a connector that was
 * replaced take their conversations with them, by the rule here and by no other.
 *
 * Pure. core/intake/follow.h moves conversations by it, core/deliver/moved.h what waits.
 * Source: docs/delivery.md, "Who is reached"; docs/adr/0014-who-is-reached.md. */

#include <stdbool.h>
#include <stdint.h>

#include "core/model/rows.h"
#include "proto/registry.h"

enum reach_way {
    REACH_STAYS,   /* as the conversation remembers it */
    REACH_FOLLOWS, /* to another account, or to another connector of its own */
    REACH_NOBODY,  /* its number belongs to no account now */
};

struct reach {
    enum reach_way way;
    const struct reg_scope
        *scope; /* the account that has it, through scope->connector; NULL none. Borrowed */
};

/* Whom the conversation reaches by @r. Pure; looks at connector, source and scope of @conv alone.
 *
 * A listed source decides: it belongs to one account. Otherwise the conversation stays with its
 * account, also under another channel or connector, as long as that account may use the source there.
 * Otherwise it belongs to the only account of its connector, as in ingress. */
struct reach reach_of(const struct registry *r, const struct conversation *conv);
/* The account of @scope as it is connected now: as before, or under one other channel. NULL: it left. */
const struct reg_scope *reach_home(const struct registry *r, const char *scope);
/* Are the two of one account of amoCRM, under whichever channel? */
bool reach_is_same_account(const char *scope, const char *other);
/* Can the client be named to the service: by its own id, or by a phone? */
bool reach_has_address(const struct conversation *conv);
/* What of the registry decides who is reached, as one number. */
uint64_t reach_fingerprint(const struct registry *r);
