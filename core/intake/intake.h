#pragma once

/* EVENT_PUSH → store: each event under its own savepoint, through the router. What cannot be
 * applied is quarantined in the same commit and counts as taken. */

#include "core/model/fallback.h"
#include "core/turn/turn.h"
#include "proto/limits.h"

struct echo_row;
struct event;
struct stat_counter;
struct stat_rows;
struct table;

/* Where an event stands among all that waits: in the order in which the events came. That is its order in each
 * queue and each thread, and whoever waits for another event waits for one before it. */
struct stand {
    int64_t at_ms;  /* when it came; not before what came before it by the same spool */
    uint64_t place; /* among those of one time: in which order core met them */
};

/* A lane in which something is under way to whom its conversation has left. */
struct leaving {
    int64_t lane;
    int64_t command; /* one that stands in it; 0 not known yet */
};

/* What a service reports of a manager's message: sent, delivered, read; failed with each code. */
#define INTAKE_STATUSES (3 + FALLBACK_ERRORS)

struct intake {
    int64_t loaded;     /* the newest row of all that waited when core started; 0 none */
    int64_t n_deferred; /* events in the store that wait; bounded */
    size_t
        n_unsure; /* accounts of which core may have sent some of that (core/intake/room.h) */
    int64_t n_aside; /* others that were set aside for their account (core/intake/room.h) */
    char who[LIMIT_ID + 2];   /* who caused the event in hand: "c<connector>" or "s<scope>" */
    char meant[LIMIT_ID + 1]; /* if it is a service's: the account it is about; "" not known */
    struct list wakes;        /* woken keys whose events are still to be applied */
    /* conversations in which events may be echoes, and wait (core/intake/echoes.c) */
    struct list echoes;
    struct table *echo_keys;    /* the same, by their key; NULL none yet */
    struct table *echo_ids;     /* by which ids all that waits may be named; NULL none yet */
    struct table *echo_threads; /* what of them waits in each thread or chat; NULL none yet */
    int64_t echo_mono_ms;       /* of the last tick */
    uint64_t echo_place;        /* of the next one that waits */
    int64_t echo_last_ms;       /* the latest time at which one of them stands */
    int64_t echo_ran_ms;        /* so long has core run, by the ticks */
    int64_t echo_since_ms;      /* then the one in hand came, by echo_ran_ms */
    int64_t echo_in_hand; /* one that has waited under this conversation is applied; or 0 */
    const struct echo_row *echo_row; /* of whichever is applied after a wait; NULL: none is … */
    int64_t aside_ms;                /* … and when it was set aside; 0 it was not */
    struct stand echo_row_stand;     /* … and where it stands: it may have to go back there */
    struct buf
        leaving; /* struct leaving: until that is looked for anew (core/deliver/moved.c) */
    uint64_t leaving_pass;  /* counts how often that was looked for anew, from 1 */
    bool forgotten;         /* the event in hand is sent again to a store that was put back */
    struct list door_tests; /* test webhooks that are waited for */
    struct stat_counter *n_events;
    struct stat_counter *n_repeats;
    struct stat_counter *n_over_credit;
    struct stat_counter *n_quarantined;
    struct stat_counter *n_reactions_off;
    struct stat_rows *n_statuses[INTAKE_STATUSES];
};

/* -ENOMEM. */
AMO_MUSTCHECK int intake_new(struct core *c);
/* What waited before this start. -Exxx of the store. */
AMO_MUSTCHECK int intake_load(struct core *c);
/* How many wait, counted anew. -Exxx of the store. */
AMO_MUSTCHECK int intake_count(struct core *c);
void intake_free(struct core *c);

/* A status of @e came to the message that it is about, which was reported as failed already. */
void intake_count_status(struct core *c, const struct event *e, bool failed_before);

/* One frame of @p. The acknowledgement leaves after the commit. From the first event on that there is no
 * room for nothing is taken: EVENT_LATER. */
void intake_push(struct core *c, struct peer *p, struct view body);

enum intake_how {
    INTAKE_FRESH,    /* as it comes from a spool */
    INTAKE_BACK,     /* the same, after it was set aside for its account (core/intake/room.h) */
    INTAKE_REPLAYED, /* as a person sends it out of quarantine */
    INTAKE_SUSPECT,  /* may have killed us: kept unread */
    INTAKE_LATE,     /* has waited for what it is about: waits no more */
    INTAKE_WOKEN, /* what it may be the echo of is settled; it may be another's, if that is unclear */
};

/* Apply one event under a savepoint of its own; what cannot be applied is quarantined, new
 * commands enter the queue. Returns only failures of the store. */
AMO_MUSTCHECK int intake_event(struct core *c, struct view bytes, enum intake_how how);
/* Reason of what could not be applied because a part of the store is damaged. */
#define INTAKE_DAMAGED "store_damaged"
/* Keep an event for a person. */
AMO_MUSTCHECK int intake_quarantine(struct core *c, struct view bytes, const char *reason);
