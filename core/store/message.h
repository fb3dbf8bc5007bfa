#pragma once

/* Messages, and the one table of all the ids they are known by. Errors and ownership: core/store/store.h. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "core/model/rows.h"

struct key;
struct store;

AMO_MUSTCHECK int store_message_add(struct store *s, const struct message *m, int64_t *ret_id);
AMO_MUSTCHECK int store_message(struct store *s, int64_t id, struct message *ret);
AMO_MUSTCHECK int store_message_by_key(struct store *s, const struct key *key,
                                       struct message *ret);
/* Did an answer tell the id of @key, of what was sent or answered, and does this service number what it sends to us in the
 * same way? Then the id may be that of a message which is not here: lost, or still to come. It is taken for such a
 * service if one of the ids before this one, or of the first ones, has its length and leads to a message of either kind. */
AMO_MUSTCHECK int store_id_is_ambiguous(struct store *s, const char *key, bool *ret);
/* The numbers of the messages that have this id, newest first, @max at most (one at least): the one whose mid or trace id
 * it is, else all of which it is amo's id, in any account, or the id of a connector's service. */
AMO_MUSTCHECK int store_messages_by_any(struct store *s, struct view id, int64_t *ret,
                                        size_t max, size_t *ret_n);
/* The ids that begin so: of messages, as above, and of events in quarantine or that wait. Those of messages come first,
 * and no id comes twice. @begin has eight characters at least, which are of no blank; else there are none. */
#define IDS_BEGIN_LEAST 8
#define IDS_FOUND_MAX   20
struct id_found {
    char *id;        /* owned */
    int64_t message; /* its number; 0: it is an event's */
};
struct ids_found {
    struct id_found ids[IDS_FOUND_MAX];
    size_t n;
    bool more; /* there are others */
};
AMO_MUSTCHECK int store_ids_beginning(struct store *s, struct view begin,
                                      struct ids_found *ret);
void ids_found_fini(struct ids_found *f);
/* Learn an id, by which the message is found from now on. An id of amo's that another message has stays
 * with that one; an id from a service's answer belongs to the newest, because a service may start
 * counting again. */
AMO_MUSTCHECK int store_message_learn_amo(struct store *s, const struct message *m,
                                          struct view amo_id);
AMO_MUSTCHECK int store_message_learn_answer(struct store *s, const struct message *m,
                                             struct view service_id);
/* Any state but failed; why it had failed is forgotten. */
AMO_MUSTCHECK int store_message_state(struct store *s, int64_t id, enum message_state state,
                                      int64_t now_ms);
AMO_MUSTCHECK int store_message_failed(struct store *s, int64_t id, const char *reason,
                                       struct view words, int64_t now_ms);
AMO_MUSTCHECK int store_message_type(struct store *s, int64_t id, struct view type);
AMO_MUSTCHECK int store_message_chat(struct store *s, int64_t id, struct view chat_id);
/* A manager's reaction: VIEW_NONE removes it. And the one set last; appends nothing when there is
 * none. */
AMO_MUSTCHECK int store_reaction_put(struct store *s, int64_t message, struct view person,
                                     struct view emoji);
AMO_MUSTCHECK int store_reaction_get(struct store *s, int64_t message, struct view person,
                                     struct buf *ret_emoji);
/* Something about the message that must be done once; STORE_E_KNOWN: it was. */
AMO_MUSTCHECK int store_message_once(struct store *s, int64_t id, struct view key);
/* What amo is told of a message, in place of what it was told before. */
struct message_report {
    int64_t status; /* 1, 2, -1, REPORTED_DELAYED */
    int64_t code;   /* with -1: 901 to 905; 0 none */
    struct view
        why; /* a service has said so, with this code of its own ("": none); VIEW_NONE: it was core */
    struct view words; /* with -1; VIEW_NONE none */
    int64_t at_ms;     /* wall time */
};
AMO_MUSTCHECK int store_message_reported(struct store *s, int64_t id,
                                         const struct message_report *r);

/* --- lists, newest first ------------------------------------------------------------------------ */
/* The place of a message among all: by when it was taken, then by its number. */
struct message_at {
    int64_t taken_ms;
    int64_t id;
};
enum messages_of {
    MESSAGES_ALL,
    MESSAGES_OF_CONVERSATION, /* and of those that were merged into it */
    MESSAGES_ACCEPTED,        /* in the state accepted */
    MESSAGES_FAILED,          /* in the state failed, or amo was told so */
};
struct messages_range {
    enum messages_of of;
    int64_t conversation;
    int64_t since_ms;         /* taken then or later */
    struct message_at before; /* and before this; both INT64_MAX: from the newest on */
};
/* The newest @max of @range, along an index. -ENOMEM. */
AMO_MUSTCHECK int store_messages_newest(struct store *s, const struct messages_range *range,
                                        struct message_at *ret, size_t max, size_t *ret_n);
/* How many of the newest messages of a conversation went which way. */
struct message_counts {
    int64_t inbound;
    int64_t outbound;
    int64_t imported;
    int64_t last_ms; /* when the newest was taken; 0 there is none */
};
/* Of the @newest at most, of it and of each that was merged into it. */
AMO_MUSTCHECK int store_messages_count(struct store *s, int64_t conversation, int64_t newest,
                                       struct message_counts *ret);
/* What a message must be; VIEW_NONE and 0: anything. */
struct message_filter {
    struct view scope;
    struct view connector;
    struct view source; /* of its conversation */
    struct view state;  /* "failed": or its service has reported it so */
    struct view reason;
    int64_t direction; /* MESSAGE_INBOUND, or another for all that are none */
};
/* False also when it is not there. */
AMO_MUSTCHECK int store_message_fits(struct store *s, int64_t id,
                                     const struct message_filter *filter, bool *ret);
/* The packed command of a message while it waits or is a dead letter, and its number while it waits (0: it
 * does not). STORE_E_NONE. */
AMO_MUSTCHECK int store_message_command(struct store *s, int64_t id, int64_t *ret_command,
                                        struct buf *ret_body);
