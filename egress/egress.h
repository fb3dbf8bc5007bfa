#pragma once

/* Map of amo-egress, in the order a command meets its parts:
 *
 *   edge       the session with core: COMMAND_PUSH in, RESULT_PUSH out
 *   transfers  each attempt, from its command to its result being taken
 *   registry   whose channel, whose secret (a copy of core's, in memory only)
 *   http       the calls under way: one curl multi for each address policy
 *   metrics    what is counted; shown by admin
 *
 * Around them: one loop, a tap for the monitor, an admin listener. No database, nothing on disk;
 * a worker that dies costs one lease for what it held. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "base/process.h"
#include "proto/bus/callers.h"

struct admin;
struct edge;
struct metrics;
struct http;
struct loop;
struct registry;
struct stats;
struct tap;
struct transfers;

struct egress {
    const struct process *process;
    struct id boot; /* names this life to core */
    struct loop *loop;
    struct edge_callers callers;
    struct tap *tap;
    struct edge *edge;
    struct transfers *transfers;
    struct registry *registry;
    struct http *http;
    struct stats *stats;
    struct metrics *metrics;
    struct admin *admin;

    int signal_fd;
    int64_t lease_ms; /* of core's WELCOME */
    uint64_t credit;  /* attempts it can hold in all, when nothing is wrong */
    uint64_t places;  /* attempts made at once */
    uint64_t credit_told;
    struct buf held; /* of the last HELLO */
    struct buf scratch;
    bool stopping;
    bool aborted; /* past the drain's deadline */
    int stop_timer;
};

/* What needs rights: the admin listener, the files of certificates. Errors were logged. 0 or the exit code. */
AMO_MUSTCHECK int egress_open(const struct process *p, struct egress **ret_egress);
/* The session with core; signals arrive from now on. The same. */
AMO_MUSTCHECK int egress_connect(struct egress *e);
/* "admin=…" of the line `ready`. */
void egress_describe(const struct egress *e, struct buf *out);
/* Accepts NULL. */
void egress_close(struct egress *e);
/* Until SIGTERM has drained it; the exit code. */
AMO_MUSTCHECK int egress_run(struct egress *e);
