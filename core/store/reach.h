#pragma once

/* What the store knows about who is reached: which numbers have how many conversations of which
 * account, and the chats that a conversation has left behind in other accounts. */

#include "core/store/store.h"

/* Which (connector, source, account) have conversations, one after the other, each found by a step along an index,
 * however many conversations it has: the first that comes after @at, whose texts are replaced; NULL in all of them is
 * before the first. STORE_E_NONE: there is no more, @at is as it was. */
AMO_MUSTCHECK int store_reach_next(struct store *s, struct conversation *at);
/* How many conversations of @of have an id above @*after, counting @limit at most; @*after is the last one's then. */
AMO_MUSTCHECK int store_reach_count(struct store *s, const struct conversation *of,
                                    int64_t limit, int64_t *after, int64_t *ret);
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

/* --- numbers that were moved ------------------------------------------------------------------ */
/* The last move of a number, so that it can be undone. */
struct source_move {
    char *
        from; /* the account that it was listed for; NULL none, it was nobody's by name. Owned when read,
                       borrowed when written */
    struct view to;   /* the account that it went to; read: within @space */
    char *space;      /* owned; NULL when written */
    bool was_default; /* managers of @from wrote from it by default */
    int64_t at_ms;
    int64_t message; /* the newest of all messages then; read only */
};
void source_move_fini(struct source_move *m);
AMO_MUSTCHECK int store_source_move_note(struct store *s, struct view connector,
                                         struct view source, const struct source_move *m);
/* STORE_E_NONE. Finish with source_move_fini. */
AMO_MUSTCHECK int store_source_move(struct store *s, struct view connector, struct view source,
                                    struct source_move *ret);
AMO_MUSTCHECK int store_source_move_forget(struct store *s, struct view connector,
                                           struct view source);
/* Has a conversation of it a message that came since the move, or was delivered since? True as well when too
 * many others came to tell. */
AMO_MUSTCHECK int store_source_used(struct store *s, struct view connector, struct view source,
                                    const struct source_move *m, bool *ret);
/* How many of its messages were given up since @since_ms because the number went to somebody else, or may have been;
 * among the newest 2,000 dead letters. */
AMO_MUSTCHECK int store_source_given_up(struct store *s, struct view connector,
                                        struct view source, int64_t since_ms, int64_t *ret);
/* Is there a conversation of the number? */
AMO_MUSTCHECK int store_source_met(struct store *s, struct view connector, struct view source,
                                   bool *ret);
/* Since when a number has been listed for an account, and for which one before that. */
struct source_owner {
    int64_t at_ms;
    char *was;  /* NULL: none, or nobody knows */
    char *user; /* who gave it */
};
void source_owner_fini(struct source_owner *o);
/* It is given to @scope, and was @was's, which is listed for it now; NULL: nobody is. */
struct source_given {
    struct view scope;
    const char *was;
    const char *user;
    int64_t at_ms;
};
AMO_MUSTCHECK int store_source_given(struct store *s, struct view connector, struct view source,
                                     const struct source_given *given);
/* Of @scope, which it is listed for; STORE_E_NONE when that is not known. Finish with source_owner_fini. */
AMO_MUSTCHECK int store_source_owner(struct store *s, struct view connector, struct view source,
                                     const char *scope, struct source_owner *ret);
/* Has it a conversation? False also when the store cannot say. */
bool store_source_is_known(struct store *s, struct view connector, struct view source);
