#pragma once

/* Which numbers of a spool core has taken: everything below `low`, and ranges above it. Exact,
 * without a time window. Pure.
 *
 * Bounded by TAKEN_RANGES_MAX ranges: gaps exist only while events are in flight. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "proto/session.h"

#define TAKEN_RANGES_MAX 1024

struct taken_set {
    uint64_t low;                          /* all below are taken or were never given */
    uint64_t mark;                         /* the highest ever taken; 0 none */
    struct range ranges[TAKEN_RANGES_MAX]; /* sorted, apart, all at or above low */
    size_t n_ranges;
};

void taken_init(struct taken_set *t);
bool taken_has(const struct taken_set *t, uint64_t number);
/* -ENOSPC when there would be too many ranges: take it later. Taking twice is harmless. */
AMO_MUSTCHECK int taken_add(struct taken_set *t, uint64_t number);
/* Everything below @low counts as taken. */
void taken_raise_low(struct taken_set *t, uint64_t low);
/* The lowest number that is not taken. */
uint64_t taken_first_gap(const struct taken_set *t);
/* The same, from @from on. */
uint64_t taken_gap_from(const struct taken_set *t, uint64_t from);
/* A spool reports that it no longer holds anything below @low: so what is missing there is missing for
 * good, and is not a gap. Believed only as far as core itself has come: a spool cannot give up numbers
 * that core has never seen. */
void taken_heed_low(struct taken_set *t, uint64_t low);
/* As pairs (low, high). */
AMO_MUSTCHECK int taken_encode_ranges(const struct taken_set *t, struct buf *out);
/* -EINVAL when they are not sorted or too many. */
AMO_MUSTCHECK int taken_decode_ranges(struct taken_set *t, struct view pairs);
