#pragma once

/* Who has how much of the store: kept by triggers (core/store/schema.c), so it is right after every
 * statement and every rollback. Errors: core/store/store.h. The functions are in schema.c. */

#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

struct store;

/* Rooms that somebody outside can fill. Numbers are stored. */
enum store_room {
    STORE_ROOM_QUEUE = 1,  /* commands that are not settled */
    STORE_ROOM_WAITING,    /* events that wait for what they are about */
    STORE_ROOM_QUARANTINE, /* messages kept for a person */
    STORE_ROOM_REPORTS,    /* services' statuses, edits and reactions kept for a person */
    STORE_ROOM_DEAD,       /* dead letters */
    STORE_ROOMS,
};

struct store_share {
    int64_t n;     /* rows */
    int64_t bytes; /* of their bodies */
};

/* All rooms of @who: "c<connector>" or "s<scope>"; "p<connector>/<scope>" for what the first has for the second; ""
 * for what nobody can be named for. */
AMO_MUSTCHECK int store_shares_of(struct store *s, const char *who,
                                  struct store_share ret[STORE_ROOMS]);
/* Of what @connector has, what is about each account, as far as that is known: one call for each account
 * and room, in the order of the accounts' ids. What waits is about nobody in particular. The callback returns
 * 0 or an error that ends the walk. */
typedef int store_part_fn(void *arg, struct view scope, enum store_room room,
                          const struct store_share *share);
AMO_MUSTCHECK int store_shares_parts(struct store *s, const char *connector, store_part_fn *fn,
                                     void *arg);
/* Forgets who has nothing any more. */
AMO_MUSTCHECK int store_shares_sweep(struct store *s);
