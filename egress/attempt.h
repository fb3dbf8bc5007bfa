#pragma once

/* One attempt in memory: what egress/transfer.c (until it has its result) and egress/report.c (until its
 * result is taken) share. Private to them. */

#include "base/list.h"
#include "egress/target.h"
#include "egress/transfer.h"
#include "proto/bus/loop.h"
#include "proto/command.h"

enum transfer_state {
    TRANSFER_QUEUED,
    TRANSFER_RUNNING,
    TRANSFER_KEPT,
    TRANSFER_SENT,
};
#define TRANSFER_N_STATES 4

/* (id, attempt) as the bus writes it: the key of the table. */
#define TRANSFER_KEY_LEN 16

/* A result without its texts always fits: it needs no memory when there is none. */
#define RESULT_SMALL 256

/* The bytes of one COMMAND_PUSH, shared by its commands. */
struct batch {
    size_t n_users;
    size_t len;
    char bytes[];
};

/* The attempts to one destination, an account or a connector. */
struct line {
    struct list link;   /* transfers->lines while something is queued; alone otherwise */
    struct list queued; /* transfer.in_line, as they came */
    size_t n_users;     /* queued and running */
    size_t n_running;
    size_t key_len;
    char key[];
};

struct transfer {
    struct list link;    /* in the list of its state */
    struct list in_line; /* line->queued while it is QUEUED */
    struct line *line;   /* while it is QUEUED or RUNNING */
    struct transfers *ts;
    enum transfer_state state;
    char key[TRANSFER_KEY_LEN];
    uint64_t id;
    uint64_t attempt;

    /* until it has its result */
    struct batch *batch;
    struct command command; /* borrows the batch */
    int64_t start_by_ms;    /* monotonic */
    int64_t finish_by_ms;
    int64_t began_unix_ms;
    struct http_call *call;

    /* from then on */
    char *result; /* owned unless it is small */
    size_t result_len;
    char small[RESULT_SMALL];
    int64_t sent_ms; /* monotonic */
};

struct transfers {
    struct loop *loop;
    struct http *http;
    struct metrics *metrics;
    struct transfers_settings settings;
    struct transfers_hooks hooks;
    const struct registry *registry;
    struct table *table;          /* key -> transfer */
    struct table *by_destination; /* line->key -> line */
    struct list lines;            /* those that have something queued, in turn */
    struct list lists[TRANSFER_N_STATES];
    size_t n[TRANSFER_N_STATES];
    size_t batch_bytes;
    bool stopped;
    struct loop_deferred pump; /* start what may start */
    struct loop_deferred push; /* send the results of this turn */
    int queue_timer;           /* while something is queued */
    int push_timer;            /* while core's socket is full */
    struct buf frame;
    struct buf scratch;
};

/* The trace id of its command for the log, written to @ret; zeros when the command was not understood. */
const char *transfer_trace(const struct transfer *t, char ret[ID_TEXT_LEN + 1]);
/* Into @state: the one place where a state changes. */
void transfer_move(struct transfer *t, enum transfer_state state);
/* It has its result: off with the command, keep the result until it is taken. */
void transfer_keep(struct transfer *t, const struct result *r);
/* Gone. */
void transfer_free(struct transfer *t);

/* In the table and QUEUED. -ENOMEM, -EEXIST. */
AMO_MUSTCHECK int transfer_new(struct transfers *ts, uint64_t id, uint64_t attempt,
                               struct transfer **ret_transfer);
/* Its command is known: it stands behind the others to the same destination. -ENOMEM. */
AMO_MUSTCHECK int transfer_line_up(struct transfer *t);
/* The one to start next: the first of the destination that has the fewest under way. NULL: none is queued. */
struct transfer *transfers_next(struct transfers *ts);
/* Is it held already? Then its result will come, or comes again if it was on its way: core may
 * not have got it. */
bool transfer_is_held(struct transfers *ts, uint64_t id, uint64_t attempt);

/* A copy of @body with one user. -ENOMEM. One user less; the last one frees it. */
AMO_MUSTCHECK int batch_new(struct transfers *ts, struct view body, struct batch **ret_batch);
void batch_leave(struct transfers *ts, struct batch **batch_p);
