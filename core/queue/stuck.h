#pragma once

/* Conversations that stand still because their first command has not been delivered for long, while others wait behind
 * it. Counted on the way by whoever goes through all commands for another reason (core/watch.c), a piece at a time, so it
 * costs nothing of its own however many wait; what is told is of the last time that was gone through all of them.
 *
 * What waits for a pause, an account that left or a hold is not counted: these have lines of their own. */

#include <stddef.h>
#include <stdint.h>

struct core_command;

struct stuck_lanes {
    size_t n;         /* lanes */
    int64_t oldest;   /* the first command of the one that has stood longest; 0 none */
    int64_t since_ms; /* wall time; it has waited since then */
};

struct stuck_count {
    struct stuck_lanes last; /* that was counted to its end */
    struct stuck_lanes now;  /* is being counted */
};

/* @c is one of all commands; @limit_ms: so long is not long. */
void stuck_look(struct stuck_count *s, const struct core_command *c, int64_t now_unix_ms,
                int64_t limit_ms);
/* All of them were looked at. */
void stuck_end(struct stuck_count *s);
