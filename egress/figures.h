#pragma once

/* What a worker counts, for /metrics. One owner of each figure; names are in
 * docs/operations.md. */

#include <stdint.h>

#include "base/compiler.h"
#include "base/stats.h"
#include "egress/judge.h"

struct figures;

AMO_MUSTCHECK int figures_new(struct stats *s, struct figures **ret_figures);
void figures_free(struct figures *f);

/* One attempt is over. @status 0 when there was no answer. */
void figures_attempt(struct figures *f, enum target t, uint64_t outcome, unsigned status,
                     int64_t took_ms);
/* Clock of amojo minus ours. */
void figures_skew(struct figures *f, int64_t skew_ms);
void figures_now(struct figures *f, size_t n_queued, size_t n_running, size_t n_kept,
                 uint64_t n_connects);
