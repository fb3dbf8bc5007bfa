#pragma once

/* Reading amojo's JSON by rules N7, N8 and N15 of docs/amojo.md, "Bodies": what cannot be
 * converted counts as absent, and running out of memory is the only error. It is kept in the
 * reader, so that a row of fields is a row of lines; the caller asks for it once, at the end. */

#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"

struct amo_reader {
    struct json *doc; /* borrowed; the texts live as long */
    int64_t now_ms;   /* wall time at the listener: nothing was written later */
    int rc;           /* 0 or -ENOMEM */
};

/* A value as text, VIEW_NONE when there is none; of a value, a member, a path of members. */
struct view amo_read_value(struct amo_reader *r, const struct json_node *n);
struct view amo_read_text(struct amo_reader *r, const struct json_node *n, const char *key);
struct view amo_read_path(struct amo_reader *r, const struct json_node *n, const char *path);
/* A count of something: 0 unless above 0 (N18). */
uint64_t amo_read_count(const struct json_node *n, const char *key);
/* Times, in milliseconds, 0 when there is none. The size of a number shows its unit
 * (clock_ms_of_number); a number that is no possible time, or more than a day ahead, counts as
 * none.
 *
 * The member @key of a webhook. */
int64_t amo_read_when(const struct amo_reader *r, const struct json_node *n, const char *key);
/* When the message @n was written, by msec_timestamp and timestamp: of two that agree to a second
 * the finer one, else the later one, because a webhook follows its message at once. Without either
 * @otherwise. */
int64_t amo_read_time(const struct amo_reader *r, const struct json_node *n, int64_t otherwise);
