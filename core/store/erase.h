#pragma once

/* The store's part in erasing a person (core/erase/erase.h). What is found is kept beside the database,
 * in memory, until store_erase_begin(); store_erase_apply() then takes the content of all of it
 * away and leaves ids, times, states and reasons.
 *
 * Walks go by id in small steps, so that nothing else waits long: @at is the id to continue after. */

#include "core/store/store.h"

/* Nothing is found. */
AMO_MUSTCHECK int store_erase_begin(struct store *s);
AMO_MUSTCHECK int store_erase_add_conversation(struct store *s, int64_t id);
/* One that is shared with others: only the person's name and phone are removed, as its client's. */
AMO_MUSTCHECK int store_erase_add_client(struct store *s, int64_t id);
AMO_MUSTCHECK int store_erase_has_conversation(struct store *s, int64_t id, bool *ret);
/* The messages of the conversations found, among the next @limit ids. */
AMO_MUSTCHECK int store_erase_find_messages(struct store *s, int64_t limit, int64_t *at,
                                            bool *ret_more);
/* 0 when there is none. */
AMO_MUSTCHECK int store_newest_message(struct store *s, int64_t *ret_id);

AMO_MUSTCHECK int store_conversations_walk(struct store *s, int64_t limit,
                                           store_conversation_fn *fn, void *arg, int64_t *at,
                                           bool *ret_more);
/* Commands that have a body, which is borrowed. */
typedef int store_body_fn(void *arg, int64_t id, int64_t lane, struct view body);
AMO_MUSTCHECK int store_bodies_walk(struct store *s, int64_t limit, store_body_fn *fn,
                                    void *arg, int64_t *at, bool *ret_more);
/* Dead letters that have one, all of them; @with_them: of a conversation or a message found. One
 * that is found. */
typedef int store_dead_fn(void *arg, int64_t id, bool with_them, struct view body);
AMO_MUSTCHECK int store_dead_walk(struct store *s, store_dead_fn *fn, void *arg);
AMO_MUSTCHECK int store_erase_add_dead(struct store *s, int64_t id);
/* The evidence of attempts, among the next @limit ids; one that is found; and that of all attempts
 * of a command. */
typedef int store_evidence_fn(void *arg, int64_t attempt, struct view evidence);
AMO_MUSTCHECK int store_evidence_walk(struct store *s, int64_t limit, store_evidence_fn *fn,
                                      void *arg, int64_t *at, bool *ret_more);
AMO_MUSTCHECK int store_erase_add_evidence(struct store *s, int64_t attempt);
AMO_MUSTCHECK int store_erase_add_evidence_of(struct store *s, int64_t command);
/* Quarantined events, and those that wait; the bytes are borrowed. */
enum store_event_place {
    STORE_EVENT_QUARANTINE,
    STORE_EVENT_WAITING,
};
typedef int store_event_fn(void *arg, int64_t id, struct view event);
AMO_MUSTCHECK int store_events_walk(struct store *s, enum store_event_place place,
                                    store_event_fn *fn, void *arg);
/* Every chat that has one of the messages found, once. */
typedef int store_chat_fn(void *arg, struct view chat_id);
AMO_MUSTCHECK int store_erase_chats(struct store *s, store_chat_fn *fn, void *arg);

struct store_erased {
    int64_t names;     /* conversations with a name or phone */
    int64_t messages;  /* of the conversations found */
    int64_t words;     /* of the remote side, kept with a message that failed */
    int64_t evidence;  /* of attempts */
    int64_t reactions; /* rows */
    int64_t dead;      /* dead letters with their bodies */
};
/* What store_erase_apply() would take away. */
AMO_MUSTCHECK int store_erase_count(struct store *s, struct store_erased *ret);
AMO_MUSTCHECK int store_erase_apply(struct store *s);
/* Quarantine entries are kept without their events; events that wait are deleted. @ids: @n numbers of rows. */
AMO_MUSTCHECK int store_erase_events(struct store *s, enum store_event_place place,
                                     const int64_t *ids, size_t n);
/* Another body, VIEW_NONE none; and of attempts to come no evidence is kept. */
AMO_MUSTCHECK int store_command_erase(struct store *s, int64_t id, struct view body);
/* @report: JSON without anything personal. */
AMO_MUSTCHECK int store_erasure_add(struct store *s, int64_t now_ms, struct view report,
                                    int64_t *ret_id);
AMO_MUSTCHECK int store_erasure_report(struct store *s, int64_t id, struct view report);

/* Bytes of the database; and the request that it be rewritten, at the next start at the latest. */
AMO_MUSTCHECK int store_size(struct store *s, int64_t *ret_bytes);
AMO_MUSTCHECK int store_wish_rebuild(struct store *s);
/* Is it requested? And: it is done. */
AMO_MUSTCHECK int store_rebuild_is_wished(struct store *s, bool *ret);
AMO_MUSTCHECK int store_rebuild_is_done(struct store *s);

/* Ingresses that were here, so that one that is away is missed. At most LIMIT_PEERS, those seen
 * last. */
AMO_MUSTCHECK int store_ingress_seen(struct store *s, struct view name, const struct id *spool,
                                     int64_t now_ms);
typedef void store_ingress_fn(void *arg, struct view name, int64_t seen_ms);
AMO_MUSTCHECK int store_ingresses_walk(struct store *s, store_ingress_fn *fn, void *arg);
