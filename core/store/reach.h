#pragma once

/* What the store knows about who is reached: which numbers have how many conversations of which
 * account, and the chats that a conversation has left behind in other accounts. */

#include "core/store/store.h"

/* One (connector, source, account) with its @n conversations; texts are borrowed. Another number
 * than 0 ends the walk. */
typedef int store_reach_fn(void *arg, const struct conversation *of, int64_t n);
/* Walks the table of conversations once: about half a second a million. */
AMO_MUSTCHECK int store_reach_walk(struct store *s, store_reach_fn *fn, void *arg);
/* When a message of a conversation of this source was taken last, among the newest 100,000 of all;
 * 0 none of them. */
AMO_MUSTCHECK int store_source_last(struct store *s, struct view connector, struct view source,
                                    int64_t *ret_ms);

/* The chat of a conversation in the account that it has now is kept, so that it is found again when
 * the conversation comes back. */
AMO_MUSTCHECK int store_chat_leave(struct store *s, const struct conversation *c);
/* Puts what was kept for c->scope into @c: chat_id, user_ref, linked, amo_born. Nothing was: none. */
AMO_MUSTCHECK int store_chat_return(struct store *s, struct conversation *c);

/* A waiting command belongs to another account or connector (NULL: none) from now on, and its attempts
 * are counted from zero. The same for its message (NULL: keeps the account whose manager wrote it). */
AMO_MUSTCHECK int store_command_redirect(struct store *s, int64_t id, const char *scope,
                                         const char *connector);
AMO_MUSTCHECK int store_message_redirect(struct store *s, int64_t id, const char *scope,
                                         const char *connector);
/* Sources of scopes that left, of the same amoCRM account as @scope, belong to @scope from now on; its
 * sources on other connectors move to its present one unless another account has them there. */
AMO_MUSTCHECK int store_sources_follow(struct store *s, const struct reg_scope *scope);
