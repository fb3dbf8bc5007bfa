#pragma once

/* Reading amojo's JSON by rules N7, N8 and N15 of docs/amojo.md, "Bodies": what cannot be
 * converted counts as absent, and running out of memory is the only error. It is kept in the
 * reader, so that a row of fields is a row of lines; whoever began asks for it at the end. */

#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"

struct amo_reader {
    struct json *doc; /* borrowed; the texts live as long */
    int rc;           /* 0 or -ENOMEM */
};

/* A value as text, VIEW_NONE when there is none; of a value, a member, a path of members. */
struct view amo_read_value(struct amo_reader *r, const struct json_node *n);
struct view amo_read_text(struct amo_reader *r, const struct json_node *n, const char *key);
struct view amo_read_path(struct amo_reader *r, const struct json_node *n, const char *path);
/* A count of something: 0 unless above 0 (N18). */
uint64_t amo_read_count(const struct json_node *n, const char *key);
/* Seconds as milliseconds, 0 when there are none or too many. */
int64_t amo_read_seconds(const struct json_node *n, const char *key);
/* The time of a message in milliseconds: msec_timestamp, else timestamp, else 0. */
int64_t amo_read_time(const struct json_node *n);
