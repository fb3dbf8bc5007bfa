#pragma once

/* One turn of the loop: everything that is read is applied in one transaction of the store, and what is
 * promised to others is sent after its commit.
 *
 * core_turn() opens it; core_commit_staged() queues the new commands of an event that was applied, core_drop_staged()
 * drops those of one that was undone. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "base/list.h"
#include "base/table.h"
#include "core/core.h"
#include "core/model/command.h"
#include "core/model/reach.h"
#include "core/queue/queue.h"
#include "core/store/keys.h"
#include "core/store/store.h"
#include "core/turn/doubt.h"
#include "proto/bus/loop.h"
#include "proto/envelope.h"
#include "proto/messages.h"
#include "proto/registry.h"

struct bus_socket;
struct checkpoint;
struct deaths;
struct spool;
struct stat_counter;

/* An answer or frame that leaves after the commit. */
struct parcel {
    struct list link;
    struct bus_socket *socket;
    unsigned char route[256];
    size_t route_len;
    struct envelope envelope;
    struct buf body;
};

/* One command of turn->staged. */
struct staged {
    struct list link;
    struct command_row row;
};

/* Two that became one: what is in the lanes of @from is sent before what will come in those of @to. */
struct join {
    struct list link; /* turn->joins */
    int64_t from;
    int64_t to;
};

/* What core is about to read or change rows for: kept aside if it cannot get past damage there. */
struct hand {
    struct spool *spool; /* of the event; NULL: it waits in the store */
    uint64_t number;
    bool held;         /* it was in the spool when this session began */
    struct view event; /* borrowed; VIEW_NONE none */
    int64_t command;   /* 0 none */
    bool
        asked; /* for an operator or a service who asks: nothing of it is retried automatically */
};

/* What higher rooms do when the store has failed (@rc), before the process ends with the code returned. */
typedef int core_ending_fn(struct core *c, int rc);
/* What this turn has done so far is committed and acknowledged; failure ends core. */
typedef void core_commit_fn(struct core *c);

struct turn {
    int exit_code; /* not 0: this run of core is over, and nothing more is promised */
    bool stopping; /* in order: nothing new is begun */
    core_ending_fn *ending;
    core_commit_fn *commit;
    uint64_t n_rows_failed; /* rows left as they are, since the start */
    int64_t row_failed_mono_ms;
    const char *row_failed_in;

    /* the transaction, and what hangs on it */
    struct loop_deferred end;
    bool dirty;       /* something to commit or acknowledge */
    uint64_t commits; /* since the start */
    struct stat_counter *n_commits;
    struct checkpoint *checkpoint;
    struct list parcels;
    struct list staged; /* of the event being applied: become commands once it is */
    struct list
        joins; /* conversations that were merged: their lanes are, once the event is applied */
    struct hand hand;
    struct deaths *deaths; /* what core died with; NULL: nothing is counted */
    bool asked_apart;      /* the question in hand has a transaction of its own … */
    int64_t asked_changes; /* … which began at this store_changes() */
    bool again; /* the event in hand may have been applied before the store was restored */

    /* the registry in force */
    struct keys keys;
    struct registry *registry;
    bool registry_changed; /* tell the edges after the commit */
    bool reach_due;        /* who is reached has changed: look at all that waits */
    /* conversations are brought in line in every turn, not from tick to tick */
    bool reach_soon;
    uint64_t reach_print; /* reach_fingerprint of the registry in force */
    int64_t reach_at;     /* conversations above it are still to be looked at; -1 none */

    /* numbers that are never used again */
    uint64_t next_attempt; /* identity of the next attempt */
    uint64_t
        others_attempts; /* up to here they may be of an earlier run of core, or of the store before it was restored */
    int64_t loaded;     /* the last command that was there when core started */
    uint64_t next_turn; /* of the next SPOOL_ROTATE */

    struct doubt doubt; /* is the clock believed? */
    int64_t skew_ms;    /* amojo's clock minus ours, when it was measured last */
};

/* @end is called with @c at the end of every turn. -ENOMEM. */
AMO_MUSTCHECK int turn_new(struct core *c, loop_fn *end, core_commit_fn *commit,
                           core_ending_fn *ending);
/* What was not committed is forgotten. */
void turn_free(struct core *c);

/* --- the turn ------------------------------------------------------------------------------- */
/* Before the first write of a turn: begins the transaction and asks for the turn's end. When the
 * store cannot begin, the process ends with 75 and this returns non-zero. */
AMO_MUSTCHECK int core_turn(struct core *c);
/* A new or changed registry: load it again and tell every edge after the commit. */
AMO_MUSTCHECK int core_registry_changed(struct core *c);
/* The registry as the store has it: after a change that was undone. */
AMO_MUSTCHECK int core_registry_reload(struct core *c);
/* What the registry in force says about pauses and about who is reached; at the start. */
void core_apply_pauses(struct core *c);
void core_reach_changed(struct core *c);
/* A row of the store enters the queue, as @ret. -errno. */
AMO_MUSTCHECK int core_queue_add(struct core *c, const struct command_row *row,
                                 struct core_command **ret);
/* Frames that wait for the commit leave; or are forgotten. */
void core_send_parcels(struct core *c);
void core_forget_parcels(struct core *c);
/* Commands of turn->staged enter the queue and lanes of turn->joins are merged; or both are forgotten. */
AMO_MUSTCHECK int core_commit_staged(struct core *c);
void core_drop_staged(struct core *c);
/* A command row that was just stored enters the queue. */
AMO_MUSTCHECK int core_enqueue(struct core *c, const struct command_row *row);
/* Look again whether something can be dispatched, at the end of the turn. */
void core_wake(struct core *c);
/* --- trouble -------------------------------------------------------------------------------- */
/* Is @rc a failure of the machine, and not of the row in hand? Then core ends and is started again. -ENOSPC
 * is none: one of a row's texts is longer than what it must fit into. */
bool core_is_trouble(int rc);
/* The store failed: logs why and ends with 75, to be restarted; with 2 when another start would find the
 * same. */
void core_give_up(struct core *c, const char *in, int rc);
/* The line for it: file, errno and SQLite's message. */
void core_log_store(const struct core *c, const char *what, const char *in, int rc);
/* One row failed and is left as it is: logged (the same @in once a minute) and counted. Trouble ends core,
 * so check exit_code afterwards. @in is a literal. */
void core_row_failed(struct core *c, const char *in, int rc);
/* Around what is read for an operator or a service that asks. After SQLite has met a damaged page nothing
 * more can be written in that transaction; so in a store that is known to be damaged each question has a
 * transaction of its own, and damage costs only that question. core_asked() gets its result: true if it
 * met damage, which was logged and undone, and core continues. False: it did not, or core has ended. */
void core_ask(struct core *c);
bool core_asked(struct core *c, const char *in, int rc);
/* Around everything that is done for one row: what fails is undone and logged as above, and the turn
 * continues. core_row_end() returns @rc, or why the row could not be kept; what happens to the row then
 * is up to the caller. */
AMO_MUSTCHECK int core_row_begin(struct core *c);
AMO_MUSTCHECK int core_row_end(struct core *c, const char *in, int rc);

/* May nothing expire now, because the clock is not proven (core/turn/doubt.h)? */
bool core_clock_doubtful(const struct core *c);
