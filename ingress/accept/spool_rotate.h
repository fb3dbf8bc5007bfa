#pragma once

/* SPOOL_ROTATE: core wants everything that is in the spool now to be removed from the disk, so the
 * present file is closed, and core is informed once everything in it is taken and deleted. Part of
 * push.c. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct edge;
struct spool;

struct turn {
    uint64_t number; /* core's number of it; 0 none */
    uint64_t before; /* what was in the spool then has lower numbers */
    bool closed;     /* the file of that time takes no more events */
    bool told;       /* core has the answer */
    int trouble;     /* why it could not be closed, logged once; 0 nothing */
};

/* SPOOL_ROTATE's body. Core asks again when no answer comes: the same number is the same turn. */
void turn_asked(struct turn *t, struct spool *spool, struct edge *edge, struct view body);
/* One step on, if there is one to take. */
void turn_step(struct turn *t, struct spool *spool, struct edge *edge);
