#pragma once

/* Looks up what the router must know about one event; decides nothing. */

#include "base/crypto.h"
#include "core/model/router.h"
#include "core/turn/turn.h"
#include "proto/event.h"

/* What was looked up for one event; owns the rows the facts borrows. */
struct lookup {
    struct facts facts;
    struct conversation conversation;
    struct conversation by_client;
    struct conversation by_phone;
    struct conversation about;
    struct message duplicate;
    struct message target;
};

/* Fills a cleared @l; finish with lookup_fini in any case. -EINVAL for ids that cannot be looked
 * up, -Exxx of the store. */
AMO_MUSTCHECK int lookup_event(struct core *c, const struct event *e, struct lookup *l);
void lookup_fini(struct lookup *l);
/* Whose message a service's id must name: a hit that is not theirs counts as none. */
struct wanted {
    struct view connector;
    struct view scope;    /* VIEW_NONE: any of its accounts */
    int64_t conversation; /* 0: of any */
    struct view thread;   /* the service's id of its conversation; VIEW_NONE: any */
    struct view source;   /* with @thread: by which number; VIEW_NONE: that was not said */
    enum namesake
        *namesake; /* where to say so if another of that name may be meant; may be NULL */
    bool ours;     /* what we sent, and nothing else */
    bool
        changes; /* what is found will be changed: by an id alone that is ambiguous nothing is found */
};
/* A message by what a service calls it. The id counts first as one of its own, as what it sent to us,
 * then as what it answered; then it may be our mid. Of ours alone: as what it answered, then as our
 * mid. STORE_E_NONE, also for what can be no id, and while what it sent under the id waits or stands in
 * quarantine: that is meant, and nothing else that is called so. */
AMO_MUSTCHECK int lookup_message(struct core *c, const struct wanted *w, struct view id,
                                 struct message *ret);
/* A hash of the key of what a service sent; VIEW_NONE of what is no id. */
AMO_MUSTCHECK int lookup_hash(struct view connector, struct view id,
                              unsigned char hash[CRYPTO_SHA256_LEN], struct view *ret);
/* A hash of what was written in a conversation, under which what may have been done by a core whose store was put
 * back stands in quarantine; VIEW_NONE of no words. */
AMO_MUSTCHECK int lookup_words_hash(int64_t conversation, struct view words,
                                    unsigned char hash[CRYPTO_SHA256_LEN], struct view *ret);
/* The same of a webhook, by its chat; VIEW_NONE when nobody knows that. */
AMO_MUSTCHECK int lookup_webhook_hash(struct core *c, const struct event *e,
                                      unsigned char hash[CRYPTO_SHA256_LEN], struct view *ret);
/* By what amo calls it in its account, or by our id when amo names that. STORE_E_NONE. */
AMO_MUSTCHECK int lookup_message_of_amo(struct core *c, struct view scope, struct view amo_id,
                                        struct view our_id, struct message *ret);
/* The message that a status, an edit or a reaction is about. STORE_E_NONE, also with NAMESAKE_HAS_IT: it may be either.
 * Without @ret_namesake, which begins as NAMESAKE_NONE, nobody asks for another one. */
AMO_MUSTCHECK int lookup_target(struct core *c, const struct event *e,
                                enum namesake *ret_namesake, struct message *ret);
