#pragma once

/* The life of one attempt, from the COMMAND_PUSH that brings it to the RESULT_TAKEN that
 * settles it.
 *
 *   QUEUED   taken within credit, waits for room          -> RUNNING, KEPT (unstarted)
 *   RUNNING  its call is under way                        -> KEPT
 *   KEPT     its result waits to be sent                  -> SENT, freed
 *   SENT     its result is with core, not yet taken       -> KEPT (new session), freed
 *
 * Never: RUNNING twice (a repeat is a new attempt with a new number), nor freed without
 * RESULT_TAKEN naming (id, attempt).
 *
 * The part that talks to core is handed in, so this can be tested without a bus. Runs on the
 * loop. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "egress/target.h"
#include "proto/registry.h"

struct metrics;
struct http;
struct loop;
struct transfers;

struct transfers_hooks {
    /* May something new start now? Asked before each start. */
    bool (*may_start)(void *arg);
    /* Send one RESULT_PUSH. 0; EDGE_E_AWAY: keep until transfers_resend(); else: try again. */
    int (*send)(void *arg, struct view body);
    /* When core sent the frame at hand, in our monotonic time; @core_ms is its stamp, 0 none. */
    int64_t (*sent)(void *arg, int64_t core_ms);
    /* How many are under way or kept has changed. */
    void (*changed)(void *arg);
    void *arg;
};

struct transfers_settings {
    size_t concurrency; /* attempts under way at once */
    size_t credit;      /* attempts taken and not reported, queue included */
    int64_t attempt_ms; /* longest attempt */
    enum status_spelling spelling;
};

/* Borrows everything but the settings and hooks, which it copies. -ENOMEM. */
AMO_MUSTCHECK int transfers_new(struct loop *loop, struct http *http, struct metrics *metrics,
                                const struct transfers_settings *s,
                                const struct transfers_hooks *hooks,
                                struct transfers **ret_transfers);
/* No call may be under way: free the http first. Accepts NULL. */
void transfers_free(struct transfers *ts);

/* What attempts are signed with from now on; NULL: none. Borrowed until the next. */
void transfers_set_registry(struct transfers *ts, const struct registry *r);
/* A COMMAND_PUSH. What cannot be taken is handed back unstarted. PACK_E_MALFORMED: nothing of it
 * was taken. -ENOMEM: those behind the first one without memory were not; core's lease brings
 * them back. */
AMO_MUSTCHECK int transfers_accept(struct transfers *ts, struct view body);
/* A RESULT_TAKEN's pairs (id, attempt). */
void transfers_taken(struct transfers *ts, struct view pairs);
/* A new session: every result is sent (again). */
void transfers_resend(struct transfers *ts);
/* Results sent more than @age_ms ago and not taken are sent again. */
void transfers_resend_older(struct transfers *ts, int64_t age_ms);
/* Start nothing any more: what is queued now, and what comes, is given back unstarted. */
void transfers_stop(struct transfers *ts);

/* Appends (id, attempt) of everything still held. */
AMO_MUSTCHECK int transfers_held(const struct transfers *ts, struct buf *out);
size_t transfers_n_queued(const struct transfers *ts);
size_t transfers_n_running(const struct transfers *ts);
size_t transfers_n_kept(const struct transfers *ts); /* KEPT and SENT */
