#pragma once

/* For tests only: a core for one edge, played by the test: a ROUTER on the edge's own loop. It keeps
 * who speaks to it, answers heartbeats, and hands on the rest; what else it says, a case says.
 *
 * Once it is open it asks base/mem.h for nothing, so an allocation that fails is one of the edge's. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/ids.h"
#include "proto/bus/loop.h"
#include "proto/bus/socket.h"
#include "proto/envelope.h"
#include "proto/messages.h"
#include "proto/session.h"

/* A frame of the edge's that is no heartbeat. */
typedef void fake_core_heard_fn(void *arg, const struct envelope *e, struct view body);

struct fake_core {
    char endpoint[32]; /* of its own: a closed socket may still deliver for a second */
    struct loop *loop;
    struct bus_socket *socket;
    struct id boot;      /* of this life of core */
    struct id edge_boot; /* of the last frame */
    struct buf peer;     /* the edge's present routing id */
    struct buf out;      /* for a test that encodes a body */
    struct buf pairs;    /* what fake_core_takes will name */
    bool deaf;           /* reads, and answers and hands on nothing */
    unsigned n_hellos;
    unsigned n_beats;
    uint64_t busy; /* of the last heartbeat */
    fake_core_heard_fn *heard;
    void *arg;
};

void fake_core_init(struct fake_core *c, fake_core_heard_fn *heard, void *arg);
void fake_core_open(struct fake_core *c, struct loop *loop);
/* Before the loop is freed; harmless when it was not opened. */
void fake_core_close(struct fake_core *c);
void fake_core_fini(struct fake_core *c);

/* To the edge that sent the last frame, which may have closed. */
void fake_core_say(struct fake_core *c, enum msg_kind kind, struct view body);
/* WELCOME in answer to @h; of @w the times and the spool are filled in. */
void fake_core_welcome(struct fake_core *c, const struct hello *h, struct welcome w);
/* Names what is in ->pairs, and empties it: EVENT_TAKEN of @spool; NULL: RESULT_TAKEN. */
void fake_core_takes(struct fake_core *c, const struct id *spool);
/* This core ends and another one takes its place; before that it sends GOING with @words, or nothing
 * (VIEW_NONE). */
void fake_core_dies(struct fake_core *c, struct view words);
