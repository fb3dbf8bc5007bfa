#pragma once

/* Numbers from outside: strict parsing and checked arithmetic. */

#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

/* Decimal digits only: no sign (but '-' for i64), no space, no tail, no overflow.
 * 0, or -EINVAL (not a number), -ERANGE (does not fit). */
AMO_MUSTCHECK int num_parse_u64(struct view text, uint64_t *ret);
AMO_MUSTCHECK int num_parse_i64(struct view text, int64_t *ret);
/* As above with bounds, both included. -ERANGE outside. */
AMO_MUSTCHECK int num_parse_range(struct view text, uint64_t low, uint64_t high, uint64_t *ret);
/* Bytes: digits with an optional K, M, G, KiB, MiB, GiB (all powers of 1024). */
AMO_MUSTCHECK int num_parse_bytes(struct view text, uint64_t *ret);

/* Sum and product; -EOVERFLOW with @ret untouched. */
AMO_MUSTCHECK int num_add(uint64_t a, uint64_t b, uint64_t *ret);
AMO_MUSTCHECK int num_mul(uint64_t a, uint64_t b, uint64_t *ret);

static inline uint64_t num_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}
static inline uint64_t num_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}
