#pragma once

/* For tests only: a whole core in a scratch directory whose loop is never run. Frames are handed
 * to it by hand and its turn is ended by hand, so a test sees each step and nothing happens by
 * itself. Its sockets are bound; the routes of the peers here lead nowhere.
 *
 * There is one scope ("ch_acc": channel "ch", account "acc") of one connector ("svc"). */

#include "base/testing.h"
#include "core/core.h"
#include "core/peers/peers.h"
#include "core/peers/spools.h"
#include "core/turn/deaths.h"
#include "proto/command.h"
#include "proto/event.h"

struct rig {
    char dir[64];
    struct core core;
    struct config *config;
    struct peer *ingress;
    struct peer *worker;
    struct id spool;
    uint64_t next_number;    /* of the spool */
    uint64_t fail_memory_at; /* in the next rig_push: mem_fail_at, for core alone */
    uint64_t restarts;
    bool
        counts_deaths; /* else a restart forgets what core died of: faults are made dozens of times over */
    const char
        *more_config; /* lines for the end of the configuration; at the next rig_restart */
};

/* cmocka's setup and teardown: *state is a struct rig. */
int rig_setup(void **state);
int rig_teardown(void **state);
/* Core is killed (what was not committed is lost) and started again; peers say HELLO. */
void rig_restart(struct rig *r);
/* A life of core in which @live happens, and that dies as soon as it has something of @kind in hand; then the next
 * one begins. From now on deaths are counted. */
typedef void rig_life_fn(struct rig *r, void *arg);
void rig_dies(struct rig *r, enum deed_kind kind, rig_life_fn *live, void *arg);
/* The scope and its connector; done by rig_setup. */
void rig_register(struct rig *r);
/* A second connector "two" with the account "ch_two", and lines of the first account. */
void rig_register_second(struct rig *r);
/* Another scope of the first one's service, "<channel>_<account>". */
void rig_register_account(struct rig *r, const char *scope_id);
void rig_register_source(struct rig *r, const char *source, const char *scope);
/* One more session of an egress. */
struct peer *rig_worker(struct rig *r, const char *name, unsigned char boot);

/* The turn's end: commit, acknowledge, dispatch. */
void rig_turn(struct rig *r);
/* The same without dispatching: workers have no credit meanwhile. */
void rig_commit(struct rig *r);

/* EVENT_PUSH of one event; its number. No turn's end. */
uint64_t rig_push(struct rig *r, const struct event *e);
void rig_push_bytes(struct rig *r, uint64_t number, struct view bytes, bool suspect);
/* The same and its commit, without dispatching. */
void rig_take(struct rig *r, const struct event *e);
/* One that must not harm core: whichever store call, and then whichever allocation fails while it
 * is taken, nothing of it is there after the restart; in the end it is taken. @want_commands: how
 * many it makes. */
void rig_take_with_faults(struct rig *r, const struct event *e, int64_t want_commands);
/* A client's text, thread "thread" of source "line1"; a manager's text into chat "chat". */
struct event rig_client_text(const char *id);
struct event rig_manager_text(const char *id);
struct event rig_status(const char *id, const char *status);
/* Written to the client of rig_client_text on the service's side, by its bot. */
struct event rig_outgoing_text(const char *id);
/* The service edits its message @id; a manager reacts to amo's message @amo_id. */
struct event rig_edit(const char *id, const char *text);
struct event rig_manager_reaction(const char *amo_id, const char *emoji);
struct event rig_client_reaction(const char *id, const char *emoji);

/* The only command of this kind, NULL when there is none; asserts that there are not two. */
struct core_command *rig_command(struct rig *r, enum command_kind kind);
/* How many commands of this kind are not settled. */
size_t rig_count(struct rig *r, enum command_kind kind);
/* The only command of this kind as it would leave now; finish with resolved_fini. */
struct resolved;
void rig_resolve(struct rig *r, enum command_kind kind, struct resolved *ret);
/* What resolve_command says of it. */
int rig_resolve_code(struct rig *r, enum command_kind kind);
/* Push, commit and dispatch one message of @kind; it is IN_FLIGHT at r->worker. */
struct core_command *rig_in_flight(struct rig *r, enum command_kind kind, const char *id);
/* RESULT_PUSH of one result; id and attempt of @cmd are filled in. No turn's end. */
void rig_result(struct rig *r, struct peer *p, const struct core_command *cmd,
                struct result result);
void rig_result_raw(struct rig *r, struct peer *p, const struct result *result);
/* A client's message @id that amo has taken as @amo_id, in chat "chat-1"; a manager's message
 * @amo_id that the service has taken as @service_id, in thread "thread". */
void rig_client_message_done(struct rig *r, const char *id, const char *amo_id);
void rig_manager_message_done(struct rig *r, const char *amo_id, const char *service_id);
/* A message of the service's bot, IN_FLIGHT in the conversation of an earlier client's; amo's answer to it. */
struct core_command *rig_outgoing_in_flight(struct rig *r, const char *id);
void rig_outgoing_answered(struct rig *r, const char *amo_id);
/* The service has taken what @command brought it, in its @thread, as its message @id. */
void rig_service_took(struct rig *r, int64_t command, const char *thread, const char *id);
/* The conversation of thread "thread", source "line1"; finish with conversation_fini. */
struct conversation rig_conversation(struct rig *r);
/* The calls that may go at the monotonic time @now_ms: their commands as packed for
 * r->worker; the texts are good until the next call. Their number. */
size_t rig_calls(struct rig *r, int64_t now_ms, struct command *ret, size_t cap);

/* What every peer is said to have in flight is what the queue has there. */
void rig_assert_accounts(struct rig *r);
/* The message known as "m<mid>", "a<amo's id>" in the rig's account, or "s<connector>/<id>" by what its
 * service gave it, in either direction; finish with message_fini. */
struct message rig_message(struct rig *r, const char *word);
bool rig_has_message(struct rig *r, const char *word);
/* Of two such messages the first was known before the second. */
void rig_assert_before(struct rig *r, const char *first, const char *second);
/* Dead letters, quarantined events, waiting statuses; commands stored. */
void rig_assert_counts(struct rig *r, int64_t dead, int64_t quarantine, int64_t waiting);
int64_t rig_stored_commands(struct rig *r);
/* What the store says everybody has is what a recount finds; part of rig_teardown(). */
void rig_assert_shares(struct rig *r);
/* The reason of the newest dead letter or quarantined event. */
void rig_assert_dead(struct rig *r, const char *reason);
void rig_assert_quarantined(struct rig *r, const char *reason);
