#pragma once

/* What a message of amoCRM says: its message.message, rules N17, N18, N21 and N22 of
 * docs/amojo.md, "Bodies". The parts that have no fields of their own (buttons, list, template)
 * become JSON in the shapes of docs/connector.md. What is malformed is left out, and the rest
 * of the message is kept. */

#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/json.h"
#include "ingress/amojo/read.h"
#include "proto/content.h"

/* What had to be rewritten; the content borrows it. */
struct amo_parts {
    struct buf buttons;
    struct buf list;
    struct buf template;
    struct buf forward_ids;
    struct buf forward_text;
    struct buf place;
};

/* Allocates nothing. @max bytes at most in each. */
void amo_parts_init(struct amo_parts *p, size_t max);
void amo_parts_fini(struct amo_parts *p);
/* 0, or the first error of any of them: -ENOMEM, -ENOSPC. */
AMO_MUSTCHECK int amo_parts_error(const struct amo_parts *p);
/* Those that were too large are left out of @c, whole, and are no error any more. */
void amo_parts_drop_large(struct amo_parts *p, struct content *c);
size_t amo_parts_len(const struct amo_parts *p);

/* Reads @inner (message.message) into @c, which is clear, and @raw_type (N17). Errors are in @r
 * and @p. */
void amo_content_read(struct amo_reader *r, const struct json_node *inner, struct amo_parts *p,
                      struct content *c, struct view *raw_type);
