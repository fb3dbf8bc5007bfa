#pragma once

/* Messages, and the one table of all the ids they are known by. Errors and ownership: core/store/store.h. */

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
/* For trace: by mid, trace id, amo's id in any account, or an id of any connector's service; the
 * newest that is called so. */
AMO_MUSTCHECK int store_message_by_any(struct store *s, struct view id, struct message *ret);
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
AMO_MUSTCHECK int store_message_reported(struct store *s, int64_t id, int64_t told);
