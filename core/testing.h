#pragma once

/* For tests only: a whole core in a scratch directory whose loop is never run. Frames are handed
 * to it by hand and its turn is ended by hand, so a test sees each step and nothing happens by
 * itself. Its sockets are bound; the peers here have routes nobody listens to.
 *
 * There is one scope ("ch_acc": channel "ch", account "acc") of one connector ("svc"). */

#include "base/testing.h"
#include "core/core.h"
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
};

/* cmocka's setup and teardown: *state is a struct rig. */
int rig_setup(void **state);
int rig_teardown(void **state);
/* Core dies without a word (what was not committed is gone) and starts anew; peers say HELLO. */
void rig_restart(struct rig *r);
/* The scope and its connector; done by rig_setup. */
void rig_register(struct rig *r);
/* One more session of an egress. */
struct peer *rig_worker(struct rig *r, const char *name, unsigned char boot);

/* The turn's end: commit, acknowledge, dispatch. */
void rig_turn(struct rig *r);
/* The same without dispatching: workers have no credit meanwhile. */
void rig_commit(struct rig *r);

/* EVENT_PUSH of one event; its number. No turn's end. */
uint64_t rig_push(struct rig *r, const struct event *e);
void rig_push_bytes(struct rig *r, uint64_t number, struct view bytes, bool suspect);
/* A client's text, thread "thread" of source "line1"; a manager's text into chat "chat". */
struct event rig_client_text(const char *id);
struct event rig_manager_text(const char *id);
struct event rig_status(const char *id, const char *status);

/* The only command of this kind, NULL when there is none; asserts that there are not two. */
struct core_command *rig_command(struct rig *r, enum command_kind kind);
/* Push, commit and dispatch one message of @kind; it is IN_FLIGHT at r->worker. */
struct core_command *rig_in_flight(struct rig *r, enum command_kind kind, const char *id);
/* RESULT_PUSH of one result; id and attempt of @cmd are filled in. No turn's end. */
void rig_result(struct rig *r, struct peer *p, const struct core_command *cmd,
                struct result result);
void rig_result_raw(struct rig *r, struct peer *p, const struct result *result);
/* The inquiries that may go at the monotonic time @now_ms: their commands as packed for
 * r->worker; the texts are good until the next call. Their number. */
size_t rig_inquiries(struct rig *r, int64_t now_ms, struct command *ret, size_t cap);

/* What every peer is said to have in flight is what the queue has there. */
void rig_assert_accounts(struct rig *r);
/* The message of a key ("m…", "a…", "s…"); finish with message_fini. */
struct message rig_message(struct rig *r, const char *key);
bool rig_has_message(struct rig *r, const char *key);
/* Dead letters, quarantined events, waiting statuses; commands stored. */
void rig_assert_counts(struct rig *r, int64_t dead, int64_t quarantine, int64_t waiting);
int64_t rig_stored_commands(struct rig *r);
/* The reason of the newest dead letter or quarantined event. */
void rig_assert_dead(struct rig *r, const char *reason);
void rig_assert_quarantined(struct rig *r, const char *reason);
