#pragma once

/* Core's store, in the words of the bridge: registry, spools, conversations, messages, commands,
 * dead letters, quarantine. SQLite behind it (core/store/db.h). Everything a turn changes is one
 * transaction; every event has a savepoint inside it.
 *
 * Functions return 0, STORE_E_NONE where "not there" is an answer, -Exxx otherwise. Rows that are
 * handed out own their texts (x_fini). */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "core/model/rows.h"
#include "proto/registry.h"

struct store;
struct key;
struct keys;

enum {
    STORE_E_NONE = 1, /* no such row */
    STORE_E_KNOWN,    /* the row was there before */
    STORE_E_ERASED,   /* it is there, without its content: a person was erased */
};

/* Failures of the store that are told apart because what is to be done differs
 * (adr/0016-error-classes.md): -Exxx like any other. */
#define STORE_BUSY     (-EAGAIN)  /* another process kept it locked */
#define STORE_FULL     (-EDQUOT)  /* no room on the disk */
#define STORE_READONLY (-EROFS)   /* it may not be written */
#define STORE_DAMAGED  (-EUCLEAN) /* what stands in the file is not what was written */

/* @url is "sqlite:<path>". Runs the migrations that are missing; refuses a database of a newer
 * program (-EPROTO) in words. Other schemes: -EPROTONOSUPPORT. */
AMO_MUSTCHECK int store_open(const char *url, struct buf *ret_why, struct store **ret_store);
void store_close(struct store *s);
const char *store_path(const struct store *s);
/* SQLite's words about the last failure if it was @rc, for the log; "-" if it came from elsewhere. And
 * the errno that says the same as @rc. */
const char *store_error(const struct store *s, int rc);
int store_errno(int rc);
/* A damaged page was met (@rc is STORE_DAMAGED): the next start looks at the whole store before it is
 * used. */
void store_found_damaged(struct store *s, int rc);
/* Was it looked at when it was opened? Then another start would find nothing new. */
bool store_is_looked_at(const struct store *s);
/* What is damaged and could not be mended, in SQLite's words; NULL: nothing is known. */
const char *store_damage(const struct store *s);
/* Rows of conversations are: who walks through all of them would meet it every time. */
bool store_conversations_are_hurt(const struct store *s);
/* How many migrations this program knows, and the number in the database. */
int store_schema_version(void);

/* --- transactions --------------------------------------------------------------------------- */
/* Begins when not begun; cheap to call again. */
AMO_MUSTCHECK int store_begin(struct store *s);
bool store_in_transaction(const struct store *s);
AMO_MUSTCHECK int store_commit(struct store *s);
/* So much stands in the store's log, as of the last commit. */
int64_t store_log_bytes(const struct store *s);
/* Nothing of the transaction stands. Before the process ends: what is in memory goes with it. */
AMO_MUSTCHECK int store_abandon(struct store *s);
AMO_MUSTCHECK int store_savepoint(struct store *s);
AMO_MUSTCHECK int store_release(struct store *s);
/* Undo what came since the savepoint; the transaction stands. */
AMO_MUSTCHECK int store_rollback_to(struct store *s);

/* --- meta ----------------------------------------------------------------------------------- */
AMO_MUSTCHECK int store_meta_get(struct store *s, const char *key, struct buf *ret);
AMO_MUSTCHECK int store_meta_drop(struct store *s, const char *key);
AMO_MUSTCHECK int store_meta_put(struct store *s, const char *key, struct view value);
/* Do sealed rows exist (so that a missing master key must not be made anew)? */
AMO_MUSTCHECK int store_has_sealed(struct store *s, bool *ret);

/* --- registry (secrets sealed with @keys) --------------------------------------------------- */
AMO_MUSTCHECK int store_registry_load(struct store *s, const struct keys *keys,
                                      struct registry **ret_registry);
/* Adds one to the version. */
AMO_MUSTCHECK int store_registry_bump(struct store *s);
/* @answer: support's answer without its secret, JSON; VIEW_NONE keeps the one that is there.
 * Replaces a channel of the same id. */
AMO_MUSTCHECK int store_channel_put(struct store *s, const struct keys *keys,
                                    const struct reg_channel *c, struct view answer);
AMO_MUSTCHECK int store_channel_answer(struct store *s, struct view id, struct buf *ret_json);
AMO_MUSTCHECK int store_connector_put(struct store *s, const struct keys *keys,
                                      const struct reg_connector *c);
AMO_MUSTCHECK int store_connector_off(struct store *s, struct view name, bool off);
/* With its sources and the accounts that left; nobody may use it any more. */
AMO_MUSTCHECK int store_channel_remove(struct store *s, struct view id);
AMO_MUSTCHECK int store_connector_remove(struct store *s, struct view name);
/* A scope that is there keeps its pause, its default source, and the later time of connecting. */
AMO_MUSTCHECK int store_scope_put(struct store *s, const struct reg_scope *scope);
/* Paused since @now_ms, unless it is already; and resumed: the commands of the scope are credited
 * with the time they stood still, so that a restart does not forget it. */
AMO_MUSTCHECK int store_scope_pause(struct store *s, struct view id, int64_t now_ms);
AMO_MUSTCHECK int store_scope_resume(struct store *s, struct view id, int64_t now_ms);
/* STORE_E_NONE when it is not paused. */
AMO_MUSTCHECK int store_scope_paused_since(struct store *s, struct view id, int64_t *ret_ms);
/* A connect call that nobody asked for goes out now. */
AMO_MUSTCHECK int store_scope_reconnecting(struct store *s, struct view id, int64_t now_ms);
/* Disconnected: nobody to the edges, and paused. Back again: neither. */
AMO_MUSTCHECK int store_scope_leave(struct store *s, struct view id, int64_t now_ms);
AMO_MUSTCHECK int store_scope_come_back(struct store *s, struct view id, int64_t now_ms);
/* From which number a manager writes who names none; "" any. */
AMO_MUSTCHECK int store_scope_default_source(struct store *s, struct view id,
                                             struct view source);
AMO_MUSTCHECK int store_source_put(struct store *s, struct view connector, struct view source,
                                   struct view scope);
/* It is nobody's default any more, either. */
AMO_MUSTCHECK int store_source_remove(struct store *s, struct view connector,
                                      struct view source);

/* --- spools --------------------------------------------------------------------------------- */
/* @ranges is session.h pairs. STORE_E_NONE for a new spool. */
AMO_MUSTCHECK int store_spool_get(struct store *s, const struct id *spool, uint64_t *ret_mark,
                                  uint64_t *ret_low, struct buf *ret_ranges);
AMO_MUSTCHECK int store_spool_put(struct store *s, const struct id *spool, uint64_t mark,
                                  uint64_t low, struct view ranges);
/* Boot id of the process whose events were taken last; zero when that is not known. */
AMO_MUSTCHECK int store_spool_taker(struct store *s, const struct id *spool, struct id *ret);
AMO_MUSTCHECK int store_spool_taken_from(struct store *s, const struct id *spool,
                                         const struct id *boot);

/* --- conversations -------------------------------------------------------------------------- */
AMO_MUSTCHECK int store_conversation(struct store *s, int64_t id, struct conversation *ret);
AMO_MUSTCHECK int store_conversation_by_service(struct store *s, struct view connector,
                                                struct view source, struct view service_id,
                                                struct conversation *ret);
AMO_MUSTCHECK int store_conversation_by_chat(struct store *s, struct view scope,
                                             struct view chat_id, struct conversation *ret);
AMO_MUSTCHECK int store_conversation_by_client(struct store *s, struct view scope,
                                               struct view client_id, struct conversation *ret);
/* Of this phone's key, unless it is shared or another person of the same source claims the phone: one whose service id is not known before the others, then the newest. An empty
 * @source stands for any, and a conversation without one for every. */
AMO_MUSTCHECK int store_conversation_by_phone(struct store *s, struct view connector,
                                              struct view source, struct view phone,
                                              struct conversation *ret);
/* @c->id is set. */
AMO_MUSTCHECK int store_conversation_add(struct store *s, struct conversation *c);
/* All fields but id. */
AMO_MUSTCHECK int store_conversation_update(struct store *s, const struct conversation *c);
/* @from turned out to be @to: whatever leads to the first leads to the second from now on, chats,
 * messages, commands that wait and dead letters. Its row stays for that. */
AMO_MUSTCHECK int store_conversation_merge(struct store *s, int64_t from, int64_t to);
/* In which of the two did a manager write last, of messages from @since_message on? STORE_E_NONE. */
AMO_MUSTCHECK int store_conversation_written_last(struct store *s, int64_t since_message,
                                                  int64_t one, int64_t other, int64_t *ret);
/* Somebody without a conversation who was met under an id of ours: an author of a service, or a client?
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
/* Of one connector, those that a manager began and whose name at the service nobody has told yet,
 * newest first. */
AMO_MUSTCHECK int store_conversations_unnamed(struct store *s, struct view connector,
                                              struct conversation_ids *ids);
AMO_MUSTCHECK int store_conversations_by_word(struct store *s, struct view connector,
                                              struct view word, struct view phone,
                                              struct conversation_ids *ids);
/* The chats of a conversation: texts appended to @w's open array. */
struct json_writer;
AMO_MUSTCHECK int store_chats_json(struct store *s, const struct conversation *c,
                                   struct json_writer *w);
/* How many of the @newest messages are of it: "inbound", "outbound", "imported" and the time of the
 * last, members of @w's open object. */
AMO_MUSTCHECK int store_conversation_counts_json(struct store *s, int64_t conversation,
                                                 int64_t newest, struct json_writer *w);

/* --- messages ------------------------------------------------------------------------------- */
AMO_MUSTCHECK int store_message_add(struct store *s, const struct message *m, int64_t *ret_id);
AMO_MUSTCHECK int store_message(struct store *s, int64_t id, struct message *ret);
AMO_MUSTCHECK int store_message_by_key(struct store *s, const struct key *key,
                                       struct message *ret);
/* For trace: by mid, trace id, amo's id in any account, or an id of any connector's service; the
 * newest that is called so. */
AMO_MUSTCHECK int store_message_by_any(struct store *s, struct view id, struct message *ret);
/* Learn an id and make the message found by it. Of amo's ids a taken one stays with the first; what a
 * service answered is the newest's, because a service may begin to count anew. */
AMO_MUSTCHECK int store_message_learn_amo(struct store *s, const struct message *m,
                                          struct view amo_id);
AMO_MUSTCHECK int store_message_learn_answer(struct store *s, const struct message *m,
                                             struct view service_id);
AMO_MUSTCHECK int store_message_state(struct store *s, int64_t id, enum message_state state,
                                      int64_t now_ms);
AMO_MUSTCHECK int store_message_failed(struct store *s, int64_t id, const char *reason,
                                       struct view words, int64_t now_ms);
AMO_MUSTCHECK int store_message_type(struct store *s, int64_t id, struct view type);
AMO_MUSTCHECK int store_message_chat(struct store *s, int64_t id, struct view chat_id);
/* A manager's reaction: VIEW_NONE takes it away. And what he set last; appends nothing when there is
 * none. */
AMO_MUSTCHECK int store_reaction_put(struct store *s, int64_t message, struct view person,
                                     struct view emoji);
AMO_MUSTCHECK int store_reaction_get(struct store *s, int64_t message, struct view person,
                                     struct buf *ret_emoji);
/* Something about the message that must be done once; STORE_E_KNOWN: it was. */
AMO_MUSTCHECK int store_message_once(struct store *s, int64_t id, struct view key);
AMO_MUSTCHECK int store_message_told(struct store *s, int64_t id, int64_t told);

/* --- commands ------------------------------------------------------------------------------- */
AMO_MUSTCHECK int store_command_add(struct store *s, const struct command_row *c,
                                    int64_t *ret_id);
AMO_MUSTCHECK int store_command(struct store *s, int64_t id, struct command_row *ret);
AMO_MUSTCHECK int store_command_progress(struct store *s, int64_t id, int64_t attempts,
                                         int64_t next_ms, int64_t lost);
/* No worker was lost because of it. */
AMO_MUSTCHECK int store_command_acquit(struct store *s, int64_t id);
AMO_MUSTCHECK int store_command_settle(struct store *s, int64_t id);
/* Every waiting command in intake order, without its body. The callback returns 0 or an error
 * that ends the walk. */
typedef int store_command_fn(void *arg, const struct command_row *row);
AMO_MUSTCHECK int store_commands_walk(struct store *s, store_command_fn *fn, void *arg);

/* --- attempts: the evidence ----------------------------------------------------------------- */
AMO_MUSTCHECK int store_attempt_add(struct store *s, const struct attempt_row *a);
enum unclear_attempts {
    UNCLEAR_NONE,
    UNCLEAR_SLIGHT, /* answers that hardly ever hide a success: 408, 503 */
    UNCLEAR_ANY,
};
/* What the command's attempts in the account @scope, by which it was not done, leave open. */
AMO_MUSTCHECK int store_command_unclear(struct store *s, int64_t id, const char *scope,
                                        enum unclear_attempts *ret);
/* This store was put back: whatever it holds up to @id may have been done since. */
AMO_MUSTCHECK int store_commands_unsure(struct store *s, int64_t id);
AMO_MUSTCHECK int store_command_unsure(struct store *s, int64_t id, bool unsure);
/* When the first attempt of a message to a service began that had no clear outcome (no answer, a cut
 * one, a failure of the server's): the service may have taken it. 0: none, or a refusal came after it,
 * which a service that had it would not give. */
AMO_MUSTCHECK int store_message_unclear(struct store *s, int64_t message,
                                        int64_t *ret_since_ms);
/* Where a message to amo may stand: the chats that its attempts went to, and those of its
 * conversation, in whichever account. Another number than 0 ends the walk. */
typedef int store_place_fn(void *arg, struct view scope, struct view chat);
AMO_MUSTCHECK int store_message_places(struct store *s, const struct message *m,
                                       store_place_fn *fn, void *arg);
/* May an attempt have left it to amo to find the chat? True also when nothing is known of any. */
AMO_MUSTCHECK int store_message_unplaced(struct store *s, int64_t message, bool *ret);
/* JSON objects appended to @w's open array: of a command, or of a message when @command is 0. */
struct json_writer;
AMO_MUSTCHECK int store_attempts_json(struct store *s, int64_t command, int64_t message,
                                      struct json_writer *w);

/* --- dead letters, quarantine, events that wait --------------------------------------------- */
AMO_MUSTCHECK int store_dead_add(struct store *s, int64_t command, const char *reason,
                                 int64_t now_ms);
/* Back to the lane's tail as a new command: its row (attempts 0). STORE_E_NONE, STORE_E_ERASED. */
AMO_MUSTCHECK int store_dead_retry(struct store *s, int64_t id, int64_t now_ms,
                                   struct command_row *ret);
/* 0 when it has its content, STORE_E_NONE, STORE_E_ERASED. */
AMO_MUSTCHECK int store_dead_whole(struct store *s, int64_t id);
/* A message to a service that was called for it before @before_ms without a clear answer: it may have
 * had its effect. STORE_E_NONE when there is no such letter. */
AMO_MUSTCHECK int store_dead_may_double(struct store *s, int64_t id, int64_t before_ms,
                                        bool *ret_may);
AMO_MUSTCHECK int store_dead_drop(struct store *s, int64_t id);
AMO_MUSTCHECK int store_dead_json(struct store *s, int64_t id, struct json_writer *w);

/* @same: what makes two entries one, VIEW_NONE none; STORE_E_KNOWN when it is there. */
AMO_MUSTCHECK int store_quarantine_add(struct store *s, const char *reason, struct view event,
                                       struct view scope, struct view connector, uint64_t kind,
                                       const struct id *trace, struct view same,
                                       int64_t now_ms);
/* The event's bytes. STORE_E_NONE, STORE_E_ERASED. */
AMO_MUSTCHECK int store_quarantine_event(struct store *s, int64_t id, struct buf *ret_event);
AMO_MUSTCHECK int store_quarantine_drop(struct store *s, int64_t id);
/* Number and reason of the newest entry; 0 when there is none. */
AMO_MUSTCHECK int store_quarantine_newest(struct store *s, int64_t *ret_id,
                                          struct buf *ret_reason);
AMO_MUSTCHECK int store_quarantine_json(struct store *s, int64_t id, struct json_writer *w);

/* @until_ms 0: how long is not for the store to say. */
AMO_MUSTCHECK int store_waiting_add(struct store *s, const char *key, struct view event,
                                    int64_t until_ms);
/* Take one waiting event of @key out. STORE_E_NONE. */
AMO_MUSTCHECK int store_waiting_take(struct store *s, const char *key, struct buf *ret_event);
/* The same, and its place; with that it is put back before those that came after it. */
AMO_MUSTCHECK int store_waiting_take_first(struct store *s, const char *key,
                                           struct buf *ret_event, int64_t *ret_place);
AMO_MUSTCHECK int store_waiting_put_back(struct store *s, int64_t place, const char *key,
                                         struct view event);
/* One that waits comes under another key. */
AMO_MUSTCHECK int store_waiting_move(struct store *s, int64_t id, const char *key);
/* Drop one that is exactly @event. */
AMO_MUSTCHECK int store_waiting_drop(struct store *s, struct view event);
/* Take one that is overdue. */
AMO_MUSTCHECK int store_waiting_take_overdue(struct store *s, int64_t now_ms,
                                             struct buf *ret_event);
/* The key and bytes of each event that waits as what may be an echo, oldest first. The callback returns 0 or
 * an error that ends the walk. */
typedef int store_echo_fn(void *arg, const char *key, struct view event);
AMO_MUSTCHECK int store_echoes_walk(struct store *s, store_echo_fn *fn, void *arg);

/* --- figures, lists, pruning ---------------------------------------------------------------- */
AMO_MUSTCHECK int store_counts(struct store *s, int64_t *ret_dead, int64_t *ret_quarantine,
                               int64_t *ret_waiting);
AMO_MUSTCHECK int store_conversations_json(struct store *s, struct view scope,
                                           struct json_writer *w);
/* What was stamped by a clock that is proven to be another: everything that expires, whose time lies in
 * what the clock showed then or in the future, begins anew. */
struct store_stamps {
    int64_t low_ms;
    int64_t high_ms;
    int64_t row; /* messages up to this number are older */
    int64_t now_ms;
    int64_t overlap_ms; /* secrets that are being rotated out stay at least so long */
};
/* @ret_registry: the registry was changed. */
AMO_MUSTCHECK int store_stamp_anew(struct store *s, const struct store_stamps *t,
                                   bool *ret_registry);
/* Number of the newest message; 0 none. */
AMO_MUSTCHECK int store_message_newest(struct store *s, int64_t *ret_id);
/* At most @limit rows of each kind older than the given times. */
AMO_MUSTCHECK int store_prune(struct store *s, int64_t messages_before_ms,
                              int64_t dead_before_ms, int64_t limit);
/* Workers core knew, so that it waits for them after a restart. */
AMO_MUSTCHECK int store_worker_seen(struct store *s, struct view name, const struct id *boot,
                                    int64_t now_ms);
typedef void store_worker_fn(void *arg, struct view name, const struct id *boot);
AMO_MUSTCHECK int store_workers_walk(struct store *s, store_worker_fn *fn, void *arg);
AMO_MUSTCHECK int store_worker_forget(struct store *s, struct view name);
