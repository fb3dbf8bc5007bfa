#pragma once

/* What a verb would change about who is reached, before it changes it: how many conversations
 * follow, which numbers are cut off. For every verb that does (source, account, connector). */

#include "core/control/control.h"

/* One change of the registry in the store, as the verb makes it; made and undone to count, and made
 * again for good. Returns 0 or an error. */
typedef int moves_make_fn(struct control_ask *ask, void *arg);

#define MOVES_NAMED 5

struct moves {
    int64_t moves;  /* conversations that follow to another account or connector */
    int64_t others; /* of them to another company: another account of amoCRM */
    int64_t cut;    /* conversations that no longer reach an account */
    struct {
        char *connector;
        char *source;
    } named
        [MOVES_NAMED]; /* numbers whose clients have written and are refused from now on, the first few; owned */
    size_t n_named;
    bool given; /* a number or an account is taken from somebody, whoever is known there */
    bool dry_run;
    bool
        meant; /* by the verb itself: nobody has to confirm that conversations go to another company */
};

/* Counts what @make would do; nothing is changed. Finish with moves_fini in any case. */
AMO_MUSTCHECK int moves_count(struct control_ask *ask, moves_make_fn *make, void *arg,
                              struct moves *ret);
void moves_fini(struct moves *m);
/* An explanation and EXIT_FAILED, if conversations would move or be cut off, or a number or an account would be
 * taken from somebody, while core is still learning, after a start, what it may have forgotten; also if
 * conversations would move to another company without the argument `move`, unless that is meant. Otherwise
 * 0. */
AMO_MUSTCHECK int moves_admitted(struct control_ask *ask, const struct moves *m);
/* The same if clients who have written would be cut off without the argument `yes`. */
AMO_MUSTCHECK int moves_cut_admitted(struct control_ask *ask, const struct moves *m);
/* "moves" and "cut_off" end the open object; of a dry run also that it would do @what. */
void moves_end(const struct moves *m, struct control_ask *ask, const char *what);
/* A flag among the arguments. */
bool moves_flag(struct control_ask *ask, const char *key);
