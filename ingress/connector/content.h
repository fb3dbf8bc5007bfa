#pragma once

/* What a message says in the connector API (docs/connector.md, "Messages"): type, words, file,
 * place, card, quote, forward, posts. A part that does not belong to the type is a fault. */

#include <stdbool.h>

#include "base/buf.h"
#include "ingress/connector/read.h"
#include "proto/content.h"

/* What had to be rewritten; the content borrows it. */
struct service_parts {
    struct buf shared_post;
    struct buf post;
    struct buf place;
};

/* Allocates nothing. */
void service_parts_init(struct service_parts *p);
void service_parts_fini(struct service_parts *p);

/* A whole message into @c, which is clear: every part its type needs must be there. Faults and
 * errors are in @r. */
void service_content_read(struct service_reader *r, struct service_parts *p, struct content *c);
/* A change of one: only what is given, at least something unless @deleted. */
void service_content_read_change(struct service_reader *r, bool deleted,
                                 struct service_parts *p, struct content *c);
