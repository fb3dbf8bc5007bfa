#pragma once

/* A time as an operator writes it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

struct control_ask;

/* "2026-11-30", "2026-11-30T10:05", "2026-11-30 10:05:30" in UTC, or with a zone of its own behind the time; or how long ago: "90s",
 * "90m", "2h", "3d". False for anything else. */
bool when_parse(struct view text, int64_t now_ms, int64_t *ret_ms);
/* The time that argument @key names so; @ret_ms stays as it is when there is none. EXIT_USAGE with words. */
AMO_MUSTCHECK int when_read(struct control_ask *ask, const char *key, int64_t *ret_ms);
