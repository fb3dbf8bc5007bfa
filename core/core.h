#pragma once

/* The map of amo-core: its rooms, in the order in which a message meets them. A room calls those below it in
 * the list of core/CMakeLists.txt and no others; each has a README.md.
 *
 *   frames     every frame of an edge is held against its session and handed to its room (core/frames.h)
 *   peers      who is connected: sessions, the places of workers, spools and who may speak for them
 *   intake     EVENT_PUSH → rows, under savepoints: lookup (what the store knows), the pure router, follow
 *              (conversations go where the registry says), apply (conversation, message, command). What
 *              must wait does: waiting (for the message it is about), echo (until it can be told whether
 *              it is our own word coming back). answer: a service asks where its message is
 *   turn       one transaction of the store a turn of the loop; acknowledgements and new commands only
 *              when it stands. doubt: is the clock believed; trouble: what a failure ends, core or a row
 *   queue      every command in memory: lanes, destinations, holds, timers
 *   deliver    dispatch (queue → COMMAND_PUSH, within workers' credit), resolve (ids into a command as it
 *              leaves), settle (RESULT_PUSH → what an outcome means), blame (whose matter a failure is),
 *              calls (outside lanes: connect, typing, tests) and look (for an unclear message in amo's
 *              history), moved (what waits follows its conversation), parting (may the account that a
 *              command leaves have it already?)
 *   erase      a person's texts, names and files out of store and spools
 *   control    amoctl's verbs, one file a noun; core/verbs.c has their table
 *   doctor     what `amoctl doctor` and `amoctl probe` look at
 *   watch      what only time brings: life times, "delayed", pruning (core/watch.h)
 *
 * Under all of them: store (SQLite, in the words of the bridge) and model (pure: what things are and mean).
 *
 * One thread and one loop; the checkpoint thread touches the database file alone. */

#include "base/buf.h"
#include "base/compiler.h"
#include "core/turn/turn.h"

struct config;
struct process;

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
