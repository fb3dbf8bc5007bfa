#pragma once

/* The map of amo-core: its parts in the order a message meets them.
 *
 *   peers      who is connected: sessions of ingress and egress processes
 *   spools     what is taken of every spool, and who may speak for it
 *   intake     EVENT_PUSH → store, under savepoints, through the pure router
 *   lookup     what the store knows about one event, for the router
 *   apply      what the router planned becomes rows: conversation, message, command
 *   waiting    events that wait for the message they are about
 *   echo       events that may be our own words coming back, and wait until that can be told
 *   reach      who is reached: conversations and what waits follow the registry
 *   shared     a second voice makes a conversation a group's: cards led there by a phone leave it
 *   hint       typing: outside spool, store and lanes
 *   turn       one store transaction a turn of the loop; acknowledgements only after its commit
 *   queue      every command in memory: lanes, destinations, timers
 *   dispatch   queue → COMMAND_PUSH, within workers' credit
 *   resolve    ids into a command as it leaves; degrade: in the shape that the other side can hold
 *   settle     RESULT_PUSH → store: what an outcome means for its command
 *   blame      whose matter a failure is, the command's or its destination's: the neighbours decide
 *   inquiry    calls outside lanes: connect, typing, tests
 *   look       and those that look for an unclear message in amo's history
 *   watch      what only time brings: life times, "delayed", pruning
 *   answer     a service asks where its message is
 *   rotation   secrets and tokens that take turns
 *   erase      a person's texts, names and files out of store and spools
 *   control    amoctl's verbs; moves counts whom one would move or cut off before it does; doctor and
 *              check are what `amoctl doctor` looks at
 *
 * Asked by many of them: key (how messages are known), person (ids of people), phone (an address, read
 * by one rule), store, doubt (is the clock believed) and trouble (what a failure ends: core, or a row).
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
