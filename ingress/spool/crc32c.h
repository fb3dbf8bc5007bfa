#pragma once

/* CRC-32C (Castagnoli), the check sum of the spool's records and of the repeat log. Finds
 * damage, not malice. Pure. */

#include <stddef.h>
#include <stdint.h>

/* Start with @seed 0; a longer text may be given in parts, each result seeding the next. */
uint32_t crc32c(uint32_t seed, const void *bytes, size_t len);
