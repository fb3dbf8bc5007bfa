#pragma once

/* Commands become calls, and their outcomes decide what happens next: what the room holds. The commands
 * themselves are in the queue. */

#include "core/turn/turn.h"

struct stat_counter;
struct stat_histogram;

/* When a lane's last typing was sent. */
struct typing_slot {
    int64_t lane;
    int64_t mono_ms;
};
#define TYPING_SLOTS 1024

struct deliver {
    struct list calls; /* calls outside lanes (core/deliver/calls.h) */
    int64_t suspect;   /* the one under way to which the next loss is its end; 0 none */
    int64_t suspect_mono_ms;
    size_t n_lost_suspects; /* in the hands of the worker that is being lost */
    struct typing_slot typing[TYPING_SLOTS];
    size_t
        n_claims; /* attempts of earlier lives of core that workers had, after the first lease */
    struct stat_counter *n_dead;
    struct stat_counter *n_foreign;
    struct stat_histogram *journey_in;
    struct stat_histogram *journey_out;
};

/* -ENOMEM. */
AMO_MUSTCHECK int deliver_new(struct core *c);
void deliver_free(struct core *c);
