#pragma once

/* A time as an operator writes it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* "2026-11-30", "2026-11-30T10:05", "2026-11-30 10:05:30" in UTC, or with a zone of its own; or how long ago: "90s",
 * "90m", "2h", "3d". False for anything else. */
bool when_parse(struct view text, int64_t now_ms, int64_t *ret_ms);
