#pragma once

/* May the wall clock be believed? Lives, retention, overlaps of secrets and everything else that
 * outlives a restart is wall time, and a clock that is wrong for a moment must neither end nor delete
 * anything. Doubt begins with a start whose clock does not follow upon the last one, with a jump, with
 * a disagreement with amojo's Date. It ends by proof: amojo's Date in the answer to a call that was
 * begun since, or an operator who agrees. It outlives a restart. In doubt nothing expires and nothing
 * is pruned (docs/adr/0015-clock.md). */

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct core;
struct result;

struct doubt {
    bool on;
    bool proven;            /* amojo or an operator agreed since the start or the last doubt */
    const char *why;        /* a word; NULL when not on */
    int64_t trusted_ms;     /* the last time that was not doubted */
    int64_t newest_ms;      /* the latest time that this store has ever seen */
    int64_t epoch_ms;       /* since when the clock is unproven; 0: it is proven */
    int64_t epoch_row;      /* messages up to this number are older */
    int64_t low_ms;         /* what the clock showed while it was in doubt: from here … */
    int64_t high_ms;        /* … to here */
    int64_t row;            /* messages up to this number are older than the doubt */
    uint64_t attempt;       /* calls up to this one were begun before */
    int64_t pruned_ms;      /* wall time of the last pruning; 0 none */
    int64_t pruned_mono_ms; /* of this life, or the start */
    int64_t last_mono_ms;
    int64_t last_unix_ms;
    int64_t written_mono_ms;
    int64_t ask_mono_ms; /* amojo is asked for its Date then */
    int64_t ask_wait_ms;
    uint64_t n_asked;
    bool asking;
};

/* After the store is open: judges the clock of this start by the last one. Sets the number from which
 * attempts and turns count, so that none is used again even if the clock was set back. -Exxx. */
AMO_MUSTCHECK int doubt_open(struct core *c);
/* Once a second: sees a jump, keeps the time on disk. True: amojo is to be asked for its Date. */
bool doubt_tick(struct core *c, int64_t now_mono_ms, int64_t now_unix_ms);
/* With every commit, before it. -Exxx. */
AMO_MUSTCHECK int doubt_write(struct core *c);
/* A result, whose frame its worker sent at @sent_unix_ms by its own clock (0 not known). */
void doubt_measured(struct core *c, const struct result *r, int64_t sent_unix_ms);
/* An operator has looked at the clock. -Exxx of the store. */
AMO_MUSTCHECK int doubt_agree(struct core *c);
/* May things be deleted for their age? Not in doubt, and not by a clock that has moved further since
 * the last time than this process is up, unless it is proven. */
bool doubt_may_prune(const struct core *c, int64_t now_mono_ms, int64_t now_unix_ms);
void doubt_pruned(struct core *c, int64_t now_mono_ms, int64_t now_unix_ms);
