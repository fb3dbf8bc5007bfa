#pragma once

/* How much of each share whoever may have: a connector (docs/adr/0019-shares.md), and an account of it
 * (docs/adr/0023-shares-of-accounts.md). Looks at the settings and at how full the queue is; holds nothing. */

#include <stddef.h>
#include <stdint.h>

#include "core/shares/shares.h"

/* No limit. */
#define SHARE_UNLIMITED INT64_MAX

/* What a connector with @accounts accounts may have, no more than an even part of it counted of each. */
int64_t limit_connector(const struct core *c, enum share share, size_t accounts);
/* What it may have whomever it is for; @limit is the above. */
int64_t limit_in_all(const struct core *c, enum share share, int64_t limit);
/* What one of several accounts may have of @limit while the connector has @others for the others. */
int64_t limit_account(int64_t limit, int64_t others, size_t accounts);
/* Of one account at most so much counts against the others. */
int64_t limit_even(int64_t limit, size_t accounts);
/* Of the events that wait, one connector's or one account's. @more: so many may wait above the usual. */
int64_t limit_waiting(const struct core *c, int64_t more);
