#pragma once

/* Conversations, the chats amo knows them by, and people without one. Errors and ownership:
 * core/store/store.h. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "core/model/rows.h"

struct json_writer;
struct store;

AMO_MUSTCHECK int store_conversation(struct store *s, int64_t id, struct conversation *ret);
AMO_MUSTCHECK int store_conversation_by_service(struct store *s, struct view connector,
                                                struct view source, struct view service_id,
                                                struct conversation *ret);
AMO_MUSTCHECK int store_conversation_by_chat(struct store *s, struct view scope,
                                             struct view chat_id, struct conversation *ret);
AMO_MUSTCHECK int store_conversation_by_client(struct store *s, struct view scope,
                                               struct view client_id, struct conversation *ret);
/* The conversation with this phone's key, unless it is shared or another person of the same source
 * claims the phone. First one whose service id is not known, then the newest. An empty @source matches
 * any, and a conversation without one matches every @source. */
AMO_MUSTCHECK int store_conversation_by_phone(struct store *s, struct view connector,
                                              struct view source, struct view phone,
                                              struct conversation *ret);
/* @c->id is set. */
AMO_MUSTCHECK int store_conversation_add(struct store *s, struct conversation *c);
/* All fields but id. */
AMO_MUSTCHECK int store_conversation_update(struct store *s, const struct conversation *c);
/* @from turned out to be @to: everything that leads to the first leads to the second from now on:
 * chats, messages, commands that wait and dead letters. Its row is kept for that. */
AMO_MUSTCHECK int store_conversation_merge(struct store *s, int64_t from, int64_t to);
/* In which of the two did a manager write last, of messages from @since_message on? STORE_E_NONE. */
AMO_MUSTCHECK int store_conversation_written_last(struct store *s, int64_t since_message,
                                                  int64_t one, int64_t other, int64_t *ret);
/* A person without a conversation who has one of our ids: an author of a service, or a client?
 * STORE_E_NONE. And is it the id of a conversation's client? */
AMO_MUSTCHECK int store_person(struct store *s, const char *user_id, bool *ret_author);
AMO_MUSTCHECK int store_person_add(struct store *s, const char *user_id, bool author);
AMO_MUSTCHECK int store_person_has_conversation(struct store *s, const char *user_id,
                                                bool *ret);
/* chat @chat_id of @scope belongs to @conversation. */
AMO_MUSTCHECK int store_chat_put(struct store *s, struct view scope, struct view chat_id,
                                 int64_t conversation);
/* It came to it by a phone. */
AMO_MUSTCHECK int store_chat_by_phone(struct store *s, struct view scope, struct view chat_id);
/* One of the conversation's chats that came so, or one that did not, as far as its messages tell: the last
 * one. Appends nothing when there is none. */
AMO_MUSTCHECK int store_chat_of(struct store *s, int64_t conversation, bool by_phone,
                                struct buf *ret_chat_id);
/* All that came so go to @to, and with them what waits to be sent to the service out of them. */
AMO_MUSTCHECK int store_chats_move(struct store *s, int64_t conversation, int64_t to);
/* Of one connector, by the service's id under any source or by a phone's key, as above: adds the
 * numbers found. */
struct conversation_ids {
    int64_t *ids; /* the caller's */
    size_t max;
    size_t n;
};
/* Of one connector, those that a manager began and whose id at the service is not known yet, newest
 * first. */
AMO_MUSTCHECK int store_conversations_unnamed(struct store *s, struct view connector,
                                              struct conversation_ids *ids);
/* By the service's id of it, whatever its source: of one connector, or of any (VIEW_NONE). Adds the numbers found. */
AMO_MUSTCHECK int store_conversations_by_service_id(struct store *s, struct view connector,
                                                    struct view service_id,
                                                    struct conversation_ids *ids);
/* By the client's phone (core/model/phone.h), also those in which others have spoken, too. */
AMO_MUSTCHECK int store_conversations_by_phone(struct store *s, struct view connector,
                                               struct view key, struct conversation_ids *ids);
/* In any account, by what amo or we call its chat or its client there; of one connector, by the service's id of the
 * client. Adds the numbers found. */
AMO_MUSTCHECK int store_conversations_by_amo(struct store *s, struct view word,
                                             struct conversation_ids *ids);
AMO_MUSTCHECK int store_conversations_by_contact(struct store *s, struct view connector,
                                                 struct view word,
                                                 struct conversation_ids *ids);
/* Another number than 0 ends the walk and comes back. */
typedef int store_conversation_fn(void *arg, const struct conversation *conv);
/* The newest @limit before number @before, of an account or (VIEW_NONE) of all; newest first. */
AMO_MUSTCHECK int store_conversations_newest(struct store *s, struct view scope, int64_t before,
                                             int64_t limit, store_conversation_fn *fn,
                                             void *arg);
/* The same of all, with nothing but the client's name, VIEW_NONE none. */
typedef int store_conversation_name_fn(void *arg, int64_t id, struct view name);
AMO_MUSTCHECK int store_conversation_names(struct store *s, int64_t before, int64_t limit,
                                           store_conversation_name_fn *fn, void *arg);
/* The chats of a conversation: texts appended to @w's open array. */
AMO_MUSTCHECK int store_chats_json(struct store *s, const struct conversation *c,
                                   struct json_writer *w);
