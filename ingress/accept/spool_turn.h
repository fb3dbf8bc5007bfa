#pragma once

/* SPOOL_TURN: core wants all that lies in the spool now to be gone from the disk, so the present
 * file is closed, and core is told when everything in it was taken and deleted. Part of push.c. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct edge;
struct spool;

struct turn {
    uint64_t number; /* core's number of it; 0 none */
    uint64_t before; /* what lay in the spool then has lower numbers */
    bool closed;     /* the file of then takes no more events */
    bool told;       /* core has the answer */
    int trouble;     /* why it could not be closed, logged once; 0 nothing */
};

/* SPOOL_TURN's body. Core asks again when it hears nothing: the same number is the same turn. */
void turn_asked(struct turn *t, struct spool *spool, struct edge *edge, struct view body);
/* One step on, if there is one to take. */
void turn_step(struct turn *t, struct spool *spool, struct edge *edge);
