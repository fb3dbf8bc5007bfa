#pragma once

/* Shares: how much of the queue, the waiting room, the quarantine and the store may be one connector's, for one
 * of its accounts, or one account's own (docs/adr/0019-shares.md, docs/adr/0023-shares-of-accounts.md). How much
 * it is comes from the store (core/store/shares.h).
 *
 * A connector over a share is told to the ingresses (SHARES), which refuse it at the head, because it sends
 * again; one that is over what it may have for an account is refused messages for that account alone. What an
 * account's own webhooks bring is never refused: amojo sends once. */

#include <stdbool.h>
#include <stdint.h>

#include "core/turn/turn.h"
#include "proto/limits.h"

struct json_writer;
struct peer;

enum share {
    SHARE_QUEUE,      /* commands that are not settled */
    SHARE_WAITING,    /* events that wait for what they are about */
    SHARE_QUARANTINE, /* messages in quarantine */
    SHARE_REPORTS,    /* its statuses, edits and reactions there */
    SHARE_BYTES,      /* of all these, and of dead letters */
    SHARES,
};

/* "queue", … */
const char *share_name(enum share share);

AMO_MUSTCHECK int shares_new(struct core *c);
void shares_free(struct core *c);

/* Who is meant by an event's @connector, or by its @scope when it has none. */
void shares_who(struct view connector, struct view scope, char ret[LIMIT_ID + 2]);
/* Is there room among what waits, @n_waiting of all, for one more of @who? @echo: there is some more for what may
 * be an echo. Who has less than an even part of the room there is still lets in when it is full. */
bool shares_may_wait(struct core *c, const char *who, int64_t n_waiting, bool echo);

/* Who is over a share? At most fifty times a second; a change is told to every ingress. */
void shares_look(struct core *c, int64_t now_mono_ms);
/* The same in every tick; and the list again, because it is forgotten in the end. */
void shares_tick(struct core *c, int64_t now_mono_ms);
/* The list to @p, behind its WELCOME. */
void shares_tell(struct core *c, struct peer *p);

/* For people. " <connector> (<share>)" and " <connector> for <scope> (<share>)" for each that is over one, and how
 * many. */
size_t shares_over(const struct core *c, struct buf *ret_names);
/* What @connector is over, in words, since when, and who is refused; with a @scope (else VIEW_NONE) only what it is over
 * for this account. Nothing is appended when it is over nothing. */
void shares_words(const struct core *c, struct view connector, struct view scope,
                  struct buf *ret_words);
/* One object for each share: how much it is, how much it may be, over it since when. */
void shares_json(struct core *c, struct view connector, struct json_writer *w);
/* One for each account and share in which the connector has an even part for it, or more. */
void shares_accounts_json(struct core *c, struct view connector, struct json_writer *w);
/* One for each share: what the account's connector has for it; and what it has itself. */
void shares_account_json(struct core *c, const struct reg_scope *scope, struct json_writer *w);
void shares_own_json(struct core *c, const struct reg_scope *scope, struct json_writer *w);
/* The figures of all connectors. */
void shares_gauges(struct core *c);
