#pragma once

/* The session of an edge (ingress, egress) with core: HELLO until WELCOME, heartbeats, a new
 * socket when core falls silent (a DEALER would deliver what it queued for the old core), and
 * only frames of the present session are handed on.
 *
 * Runs on the process's loop. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "proto/envelope.h"
#include "proto/messages.h"
#include "proto/session.h"

struct callers;
struct edge;
struct loop;
struct tap;

struct edge_handlers {
    /* Fill @ret, which already has what the edge knows; its texts must stay valid until the
     * call returns to the loop. */
    void (*hello)(void *arg, struct hello *ret);
    void (*heartbeat)(void *arg, struct heartbeat *ret);
    /* The session is open. @w borrows the frame. */
    void (*welcome)(void *arg, const struct welcome *w);
    /* A frame of this session other than the above. */
    void (*message)(void *arg, const struct envelope *e, struct view body);
    /* Core gives no session to this spool id (SPOOL_REFUSED's body); NULL where there is none. */
    void (*spool_refused)(void *arg, struct view body);
    /* The session is over: nothing sent is certain, a new HELLO is on its way. */
    void (*lost)(void *arg);
    void *arg;
};

/* Heartbeat every second; silence of five means core is away. */
#define EDGE_HEARTBEAT_MS 1000
#define EDGE_SILENCE_MS   5000

enum {
    EDGE_E_AWAY = 1, /* no session: keep it and send it after welcome */
    EDGE_E_FULL,     /* core does not read: keep it and try later */
};

/* @boot names this life of the process. Connects at once, never fails for core being away.
 * @tap may be NULL. */
AMO_MUSTCHECK int edge_new(struct loop *loop, const char *endpoint, const struct id *boot,
                           struct tap *tap, const struct edge_handlers *handlers,
                           struct edge **ret_edge);
void edge_free(struct edge *e);
/* Only what a process of @core says is heard from now on; borrowed. NULL: of anybody's. */
void edge_trust(struct edge *e, const struct callers *core);
/* @trace may be NULL. 0, EDGE_E_AWAY, EDGE_E_FULL, -errno. */
AMO_MUSTCHECK int edge_send(struct edge *e, enum msg_kind kind, const struct id *trace,
                            struct view body);
bool edge_is_up(const struct edge *e);
/* Why core gives no session, in its words, made safe for a log line; "" when it said nothing. */
const char *edge_refused(const struct edge *e);
/* The boot id of the core of the present session; zero without one. Borrowed. */
const struct id *edge_core_boot(const struct edge *e);
/* Monotonic time at which core surely lived: when the last frame of it was sent, not when it was
 * read. 0 before the first. */
int64_t edge_heard_ms(const struct edge *e);
/* Within a message handler: when core sent the frame at hand, in our monotonic time; @core_ms is
 * the stamp in its body, 0 none. */
int64_t edge_sent_ms(struct edge *e, int64_t core_ms);
/* This process ends, and core is told so with a last heartbeat: otherwise it would count as alive for some
 * seconds. Nothing is sent after it. */
void edge_leave(struct edge *e);
/* Ask for a new session now (for instance after the spool took a new id). */
void edge_restart(struct edge *e);
