#pragma once

/* What is to be sent, in lines: one line per chat or conversation, one job of a line on the
 * wire at a time, lines never wait for each other. Knows nothing of HTTP. */

#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "tools/sandbox/kit/timers.h"

struct lane;
struct lanes;

/* Embedded in what is sent. */
struct lane_job {
    struct list link;
    struct lane *lane;
};

/* Put the job on the wire; end with lanes_done() or lanes_again(), also later. Not 0: it
 * could not even start; the job is asked again a little later. */
typedef int lanes_start_fn(void *arg, struct lane_job *job);
/* The job is dropped: free it. */
typedef void lanes_free_fn(struct lane_job *job);

AMO_MUSTCHECK int lanes_new(struct lanes **ret_lanes, struct timers *timers,
                            lanes_start_fn *start, lanes_free_fn *free_fn, void *arg);
/* Frees all jobs. Accepts NULL. */
void lanes_free(struct lanes *ls);
/* Put @job at the end of line @key; taken over on success. -ENOMEM. */
AMO_MUSTCHECK int lanes_add(struct lanes *ls, const char *key, struct lane_job *job);
/* Start what may start, with at most @limit on the wire. */
void lanes_pump(struct lanes *ls, int64_t limit, int64_t mono_ms);
/* @job, which was started, is over; it is freed and its line continues. */
void lanes_done(struct lanes *ls, struct lane_job *job);
/* @job, which was started, stays first in its line and starts again after @ms. */
void lanes_again(struct lanes *ls, struct lane_job *job, int64_t mono_ms, int64_t ms);
/* Jobs in all lines, started or not. */
size_t lanes_count(const struct lanes *ls);
/* Forget everything; the caller has taken started ones off the wire. */
void lanes_clear(struct lanes *ls);
