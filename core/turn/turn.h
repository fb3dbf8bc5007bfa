#pragma once

/* One turn of the loop: everything that is read is applied in one transaction of the store, and what is
 * promised to others is sent after its commit. What all rooms above share is here as well.
 *
 * core_turn() opens it; core_keep() queues the new commands of an event that was applied, core_forget()
 * drops those of one that was undone. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "base/list.h"
#include "base/table.h"
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

struct admin;
struct bus_socket;
struct checkpoint;
struct config;
struct control_verb;
struct echo_row;
struct erase;
struct stats;
struct tap;

/* An answer or frame that leaves after the commit. */
struct parcel {
    struct list link;
    struct bus_socket *socket;
    unsigned char route[256];
    size_t route_len;
    struct envelope envelope;
    struct buf body;
};

/* One command of core->fresh. */
struct fresh {
    struct list link;
    struct command_row row;
};

/* Two that became one: what is in the lanes of @from is sent before what will come in those of @to. */
struct join {
    struct list link; /* core->joins */
    int64_t from;
    int64_t to;
};

/* When a lane's last typing was sent. */
struct hint_slot {
    int64_t lane;
    int64_t mono_ms;
};
#define CORE_HINTS 1024

/* A worker known before the restart that has not reconnected yet. */
struct known_worker {
    struct list link;
    char name[64];
};

/* What core is about to read or change rows for: kept aside if it cannot get past damage there. */
struct hand {
    struct spool *spool; /* of the event; NULL: it waits in the store */
    uint64_t number;
    struct view event; /* borrowed; VIEW_NONE none */
    int64_t command;   /* 0 none */
    bool asked;        /* for somebody who asks: nothing of it is tried again by itself */
};

/* What rooms above do when the store has failed (@rc), before the process ends with the code returned. */
typedef int core_ending_fn(struct core *c, int rc);
/* What this turn has done so far is committed and acknowledged; failure ends core. */
typedef void core_commit_fn(struct core *c);

struct core {
    struct config *config;
    struct loop *loop;
    struct stats *stats;
    struct admin *admin;
    struct tap *tap;
    struct id boot;
    int64_t began_mono_ms;
    int signal_fd; /* -1 none yet */
    int exit_code;
    core_ending_fn *ending; /* NULL: nothing */
    core_commit_fn *commit;
    bool stopping;

    struct bus_socket *events;
    struct bus_socket *commands;
    struct bus_socket *control;

    struct store *store;
    struct keys keys;
    struct checkpoint *checkpoint;
    struct registry *registry;

    struct list peers;
    size_t n_peers;
    struct list spools;
    struct list parcels;
    struct loop_deferred turn_end;
    bool turn_dirty;       /* something to commit or acknowledge */
    bool registry_changed; /* tell the edges after the commit */
    bool reach_due;        /* who is reached has changed: look at all that waits */
    bool
        reach_soon; /* conversations are brought in line in every turn, not from tick to tick */

    uint64_t reach_print; /* reach_fingerprint of the registry in force */
    int64_t reach_at;     /* conversations above it are still to be looked at; -1 none */
    struct buf
        leaving; /* int64_t: lanes that are under way to whom their conversation has left */

    struct queue *queue;
    int64_t n_waiting; /* events in the store that wait; bounded */
    struct list
        echoes; /* conversations in which events may be echoes, and wait (core/intake/echo.c) */
    struct table *echo_keys;    /* the same, by their key */
    int64_t echo_mono_ms;       /* of the last tick */
    uint64_t echo_place;        /* of the next one that waits; in the order in which they do */
    int64_t echo_since_mono_ms; /* so long has the one in hand waited; or 0 */
    int64_t
        echo_in_hand; /* a report that has waited under this conversation is applied; or 0 */
    const struct echo_row *echo_row; /* of whichever is applied after a wait; NULL: none is … */
    uint64_t echo_row_place;         /* … and its place: it may have to go back there */
    struct list wakes;               /* woken keys whose events are still to be applied */
    struct list fresh; /* of the event being applied: become commands when it stands */
    struct list joins; /* conversations that became one: their lanes do when that stands */
    int wake_timer;
    int64_t wake_at_ms;
    uint64_t next_attempt;     /* identity of the next attempt; never reused */
    uint64_t others_attempts;  /* up to here they may be of another life of core, or store */
    int64_t settling_until_ms; /* after a start: statuses wait for the workers of before */
    struct list known_workers; /* names still awaited */
    struct list
        known_ingresses; /* the same, since what they send again may be the cause of what others do */
    int64_t suspect; /* the one command under way that may kill its workers; 0 none */
    struct list inquiries;
    struct list door_tests; /* test webhooks that are waited for */
    struct hint_slot hints[CORE_HINTS];
    struct list control_waits;
    const struct control_verb *verbs;
    size_t n_verbs;
    struct erase *erase;       /* the erasure under way, NULL none */
    uint64_t next_turn;        /* number of the next SPOOL_TURN; never reused */
    int64_t rebuild_max_bytes; /* a larger store is not written anew while core runs */
    bool asked_apart;          /* the question in hand has a transaction of its own … */
    int64_t asked_changes;     /* … which began at this store_changes() */

    uint64_t ticks; /* seconds since the start, about */
    uint64_t commits;
    bool more_aged; /* the last sweep has not found the end of what is old */
    struct hand hand;
    bool
        again; /* the event in hand may have been applied by a core that this store knows nothing of */
    bool forgotten;         /* that is so: the store was put back */
    int64_t loaded;         /* the last command that was there when core started */
    uint64_t n_rows_failed; /* rows left as they are, since the start */
    int64_t row_failed_mono_ms;
    const char *row_failed_in;

    /* clock */
    struct doubt doubt;
    int64_t skew_ms;       /* against amojo's Date, when it was measured last */
    int64_t frame_unix_ms; /* when its sender sent the frame that is read, by his clock */

    /* figures; each has one owner, named in docs/operations.md */
    struct stat_counter *n_events;
    struct stat_counter *n_repeats;
    struct stat_counter *n_quarantined;
    struct stat_counter *n_dead;
    struct stat_counter *n_commits;
    struct stat_counter *n_reactions_off;
    struct stat_histogram *journey_in;
    struct stat_histogram *journey_out;
};

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
/* Commands of core->fresh enter the queue, and lanes of core->joins become one; or are forgotten. */
AMO_MUSTCHECK int core_keep(struct core *c);
void core_forget(struct core *c);
/* A command row that was just stored enters the queue. */
AMO_MUSTCHECK int core_enqueue(struct core *c, const struct command_row *row);
/* Look again whether something can be dispatched, at the end of the turn. */
void core_wake(struct core *c);
/* --- trouble -------------------------------------------------------------------------------- */
/* Is @rc a failure of the machine, and not of the row in hand? Then core ends and is started again. -ENOSPC
 * is none: one of a row's texts is longer than what it must fit into. */
bool core_is_trouble(int rc);
/* The store failed: told in words, exit 75, be restarted; 2 when another start would find the same. */
void core_give_up(struct core *c, const char *in, int rc);
/* The line for it: file, errno and SQLite's words. */
void core_log_store(const struct core *c, const char *what, const char *in, int rc);
/* One row failed and is left as it is: logged (the same @in once a minute) and counted. Trouble ends core,
 * so check exit_code afterwards. @in is a literal. */
void core_row_failed(struct core *c, const char *in, int rc);
/* Around what is read for somebody who asks: an operator, a service. Where a damaged page is met nothing
 * more can be written in that transaction; so in a store that is known to be damaged a question has one of
 * its own, and costs itself alone. core_asked() is given what came of it: true if it met damage, which was
 * told and undone, and core goes on. False: it did not, or core has ended. */
void core_ask(struct core *c);
bool core_asked(struct core *c, const char *in, int rc);
/* Around everything that is done for one row: what fails is undone and logged as above, and the turn
 * continues. core_row_end() returns @rc, or why the row could not be kept; what happens to the row then
 * is up to the caller. */
AMO_MUSTCHECK int core_row_begin(struct core *c);
AMO_MUSTCHECK int core_row_end(struct core *c, const char *in, int rc);

/* May nothing expire now, because the clock is not proven (core/turn/doubt.h)? */
bool core_clock_doubtful(const struct core *c);
