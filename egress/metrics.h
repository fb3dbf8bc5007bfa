#pragma once

/* What a worker counts, for /metrics. One owner of each metric; names are in
 * docs/operations.md. */

#include <stdint.h>

#include "base/compiler.h"
#include "base/stats.h"
#include "egress/judge.h"

struct metrics;

AMO_MUSTCHECK int metrics_new(struct stats *s, struct metrics **ret_metrics);
void metrics_free(struct metrics *f);

/* One attempt is over. @status 0 when there was no answer. */
void metrics_attempt(struct metrics *f, enum target t, uint64_t outcome, unsigned status,
                     int64_t took_ms);
/* Clock of amojo minus ours. */
void metrics_skew(struct metrics *f, int64_t skew_ms);
void metrics_now(struct metrics *f, size_t n_queued, size_t n_running, size_t n_kept,
                 uint64_t n_connects);
