#pragma once

/* What the ingresses refused, as their heartbeats tell: of each kind how often and the last one. Kept while core
 * runs; an ingress says it again to a core that was started anew. Bounded: TRAIL_MAX rows, TRAIL_OF_INGRESS of one
 * ingress, whose oldest make room. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/core.h"
#include "proto/refusal.h"

struct peer;

#define TRAIL_MAX        512U
#define TRAIL_OF_INGRESS 128U
#define TRAIL_NAME       128U

/* A kind of one ingress; in a list of trail_read(), of all of them. */
struct trail_row {
    char ingress[64];
    enum refusal_side side;
    char name[TRAIL_NAME + 1]; /* of a channel its id */
    unsigned status;
    char code[REFUSAL_WORD + 1];
    char field[REFUSAL_TEXT + 1]; /* "" none, as the next */
    char reason[REFUSAL_WORD + 1];
    bool verified;
    char id[REFUSAL_TEXT + 1];
    char from[REFUSAL_TEXT + 1];
    uint64_t n;            /* since */
    uint64_t before;       /* of these, counted by a process of before */
    int64_t told_since_ms; /* what the present process counts from */
    int64_t since_unix_ms; /* an hour without one begins the count anew */
    int64_t last_unix_ms;
};

struct trail {
    struct trail_row *rows; /* owned */
    size_t n;
    size_t cap;
};

void trail_free(struct core *c);
/* What ingress @p tells. Names that the registry does not have, and what is no refusal, are passed over. */
void trail_hear(struct core *c, const struct peer *p, struct view bytes);
/* Of one sender, or with VIEW_NONE of all: the ingresses' rows of a kind together, the last one first. *ret has an
 * owned list, to be freed with mem_free. -ENOMEM. */
AMO_MUSTCHECK int trail_read(const struct core *c, enum refusal_side side, struct view name,
                             struct trail *ret);
