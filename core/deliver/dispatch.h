#pragma once

/* Commands leave: queue → COMMAND_PUSH, within workers' credit, and come back when a worker is
 * lost or a lease is over. */

#include "core/turn/turn.h"

/* As many as may go now. Called at the turn's end, after the commit. */
void dispatch_run(struct core *c);
/* A worker said HELLO; @held (pairs of command and attempt) is what it still works on. */
void dispatch_worker_joined(struct core *c, struct peer *p, struct view held);
/* The process @p is proven dead: what it held is given back at once. */
void dispatch_lost(struct core *c, struct peer *p);
/* @p has been silent for long: what it holds stays in flight until the lease is over, and that is a loss unless it says
 * by then that it has it. */
void dispatch_silent(struct core *c, struct peer *p);
/* The process of @p has closed the socket of this session: what @held does not name it has never
 * got and never will. That is ready again at once; the rest as in dispatch_detach. */
void dispatch_unreceived(struct core *c, struct peer *p, struct view held);
/* This session of @p is over, and it has not died: what it holds stays in flight until the lease is over. */
void dispatch_detach(struct core *c, struct peer *p);
/* Leases and back-offs whose time has come. */
void dispatch_due(struct core *c, int64_t now_mono_ms);
/* Packs one command into a worker's batch of this turn; also used for calls. -ENOSPC; -EBUSY while
 * rows of this turn are not committed, because the command may depend on them. */
struct command;
AMO_MUSTCHECK int dispatch_pack(struct core *c, struct peer *p, struct command *body,
                                size_t *ret_bytes);
/* The batches leave. */
void dispatch_flush(struct core *c);
