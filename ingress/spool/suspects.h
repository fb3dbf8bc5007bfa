#pragma once

/* Which events may be what core dies of, or cannot get past: those that were in flight at its
 * ends. Part of push.c; the rules are in docs/delivery.md, "Poison". */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flight {
    uint64_t number;
    uint64_t bytes;
    int64_t sent_ms; /* monotonic */
};

struct suspect {
    uint64_t number;
    unsigned losses;
    unsigned alone; /* of them while it travelled alone */
    unsigned ends;  /* orderly ends of core while it travelled alone */
    bool marked;    /* nothing else explains them */
};

struct suspects {
    struct suspect *list; /* owned */
    size_t n;
    uint64_t first; /* the event that was first in hand at the last orderly end that counts */
    unsigned first_ends; /* and at so many in a row */
    uint64_t careful;    /* up to this number events travel one by one */
};

void suspects_fini(struct suspects *s);
/* NULL when it is none. */
const struct suspect *suspects_find(const struct suspects *s, uint64_t number);
/* Must it travel alone? @suspect as found. */
bool suspects_alone(const struct suspects *s, const struct suspect *suspect, uint64_t number);
/* Core has them, so they do no harm. */
void suspects_drop(struct suspects *s, uint64_t low, uint64_t high);
/* Core is back under another boot id: it died with these @n in hand, @alone: with the one that had
 * to. Without memory it is counted the next time. */
void suspects_died(struct suspects *s, const struct flight *flights, size_t n, bool alone);
/* The same after an end in order that counts. */
void suspects_ended(struct suspects *s, const struct flight *flights, size_t n, bool alone);
