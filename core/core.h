#pragma once

/* The map of amo-core: its rooms, in the order in which a message meets them. A room calls those below it in
 * the list of core/CMakeLists.txt and no others; each has a README.md.
 *
 *   frames     checks that each frame of an edge belongs to its session, and hands it to its room
 *              (core/frames.h)
 *   peers      who is connected: sessions, capacity of workers, spools and which process may use each
 *   intake     EVENT_PUSH → rows, under savepoints. lookup: what the store knows; the router (pure)
 *              decides; follow: conversations move where the registry says; apply: conversation, message,
 *              command. Deferred events: waiting (for the message they are about), echo (until it is known
 *              whether they are our own message coming back). answer: a service asks where its message is
 *   shares     who has how much of core, and for which account; who has too much is told to the ingresses
 *   turn       one transaction of the store for each turn of the loop; acknowledgements are sent and new
 *              commands queued only after its commit. doubt: is the clock believed? trouble: does a
 *              failure end core or only a row?
 *   store      SQLite, behind functions named after the bridge's own things
 *   queue      every command in memory: lanes, destinations, holds, timers
 *   deliver    dispatch (queue → COMMAND_PUSH, within the workers' credit), resolve (ids are filled in
 *              just before sending), settle (RESULT_PUSH → what an outcome means), blame (is a failure the
 *              command's or the destination's?), calls (outside the lanes: connect, typing, tests), look
 *              (for an unclear message in amo's history), moved (what waits follows its conversation),
 *              parting (may the account that a command leaves have it already?)
 *   erase      removes a person's texts, names and files from store and spools
 *   control    amoctl's verbs that change something, one file for each noun; core/verbs.c has their table
 *   questions  amoctl's verbs that only look; why something is not yet where it should be, in words
 *   doctor     the checks of `amoctl doctor` and the calls of `amoctl probe`
 *   watch      what happens by time alone: life times, "delayed", pruning (core/watch.h)
 *   model      below all of them, and pure: what things are and mean
 *
 * One thread and one loop; the checkpoint thread uses only the database file. */

#include "base/buf.h"
#include "base/compiler.h"

struct config;
struct control;
struct deliver;
struct erase;
struct intake;
struct loop;
struct peers;
struct process;
struct queue;
struct shares;
struct stats;
struct store;
struct top;
struct turn;
struct watch;

/* What each room holds; one that is missing here holds nothing between two calls. Each struct is defined in its
 * room's header: a room uses those below it, and cannot name members of those above. */
struct core {
    /* for every room */
    struct config *config; /* borrowed */
    struct loop *loop;     /* the only one; everything happens in its turns */
    struct stats *stats;   /* what /metrics shows; each room makes its own counters */

    /* the rooms */
    struct peers *peers;     /* sessions, workers, spools, and the sockets of the edges */
    struct intake *intake;   /* events that wait, and what they wait for */
    struct shares *shares;   /* who has too much of core */
    struct turn *turn;       /* what is sent at the commit; registry, clock, exit code */
    struct store *store;     /* the database */
    struct queue *queue;     /* commands, lanes, destinations */
    struct deliver *deliver; /* calls outside lanes */
    struct erase *erase;     /* the erasure under way */
    struct control *control; /* amoctl's socket, and calls that wait for their answer */
    struct watch *watch;     /* what is due in which tick */
    struct top *top;         /* core.c's own: signals, admin listener, wake timer */
};

/* Opens everything in the order of architecture.md; on failure words go to the log. */
AMO_MUSTCHECK int core_open(struct core *c, struct config *config);
/* core_open() for main: 0, or the exit code after words in the log. */
AMO_MUSTCHECK int core_start(struct core *c, const struct process *p);
/* Signals arrive from now on. As core_start(). */
AMO_MUSTCHECK int core_connect(struct core *c);
/* "admin=…" of the line `ready`. */
void core_describe(const struct core *c, struct buf *out);
/* Until stopped; the exit code. */
int core_run(struct core *c);
void core_close(struct core *c);
