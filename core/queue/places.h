#pragma once

/* The places at the workers, and who shares them: each destination has a window (core/queue/window.h),
 * what is slow, held or not known has a part of all places, and neither direction gets all of them. A
 * place is one call that a live worker may have under way.
 *
 * Nobody is asked in vain: destinations that have something to send stand in rings by what they share, and by
 * how many calls they have under way: who has the fewest is next. Where the share is used up nobody is looked
 * at, and what may not go for reasons of its own leaves its ring until that changes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct core_command;
struct dest;
struct queue;

enum dest_kind {
    DEST_SCOPE,     /* an account of amoCRM, by its scope id */
    DEST_CONNECTOR, /* a service of Mobilon, by its connector's name */
};
#define DEST_N_KINDS 2

/* How a destination answers. */
enum dest_class {
    DEST_TRUSTED, /* quickly, and has just done so */
    DEST_PENDING, /* the same, but nothing of what is under way has been answered yet */
    DEST_DOUBTED, /* the same, but not since others began to hang */
    DEST_FRESH,   /* not known: it has not answered lately */
    DEST_SLOW,    /* late, or a call has been under way for longer than is usual */
    DEST_HELD,    /* it is held: probes only */
};
#define DEST_N_CLASSES 6
const char *dest_class_name(enum dest_class class);

/* more than a window has; the last is for who has more, as what workers still held when core began */
#define PLACES_RINGS 64

struct places {
    size_t all;                              /* of the live workers; 0 = no limit */
    size_t of[DEST_N_KINDS][DEST_N_CLASSES]; /* taken by commands */
    size_t calls[DEST_N_KINDS];              /* taken by calls outside lanes */
    size_t n_probing;                        /* held destinations that are being probed */
    size_t
        n_shown[DEST_N_KINDS]; /* of DEST_DOUBTED, beyond what these and the unknown may take */
    int64_t
        onset_mono_ms; /* since when a call is under way that outlasts what was usual; 0 none is */
    /* by calls under way; in the last one so many and more */
    struct list rings[DEST_N_KINDS][DEST_N_CLASSES][PLACES_RINGS];
    uint64_t filled[DEST_N_KINDS][DEST_N_CLASSES]; /* bit n: somebody may stand in ring n */
    struct list passed;                            /* see queue_pass_over */
    struct list put_off;                           /* those that have no message ready */
    struct list busy;                              /* destinations that have places */
    unsigned turn;                                 /* of the rings */
    bool moved; /* one has changed its ring since this was reset */
};

void places_init(struct places *p);

/* A run of dispatch begins; the live workers have @all places. */
void queue_run(struct queue *q, size_t all, int64_t now_mono_ms);
/* @c is with a live worker; it is not any more, or nobody knows. */
void queue_place_taken(struct core_command *c);
void queue_place_left(struct core_command *c);
/* The same for a call outside lanes to @d. */
void queue_call_begins(struct dest *d, int64_t now_mono_ms);
void queue_call_ends(struct dest *d);
/* A call to @d, which left at @began_mono_ms, has ended; @fine: it was answered, be it to refuse. @took_ms
 * is its worker's measure, which does not hold what core and bus have added. */
void queue_answered(struct dest *d, bool fine, int64_t began_mono_ms, int64_t took_ms,
                    int64_t now_mono_ms);

/* May a call be made to @d now that may as well not be made? Takes the token: half of the burst stays for
 * messages, and so does the last of its places. */
bool queue_spares_place(struct dest *d, int64_t now_mono_ms);
/* May a call be made to @d now in place of a command of its lane? If @d is open, or due for a probe,
 * which this is then (@ret_probing; the caller resets it once it is answered: dest_probed); and if its
 * share and a token are left, which it takes. */
bool queue_admits_call(struct dest *d, bool *ret_probing, int64_t now_mono_ms);
void dest_probed(struct dest *d);
/* How a look at @d has ended: after three failures in a row one at a time goes, after a back-off. */
void dest_looked(struct queue *q, struct dest *d, bool fine, int64_t now_mono_ms);
/* What keeps its next command from leaving now, for people: "window", "share", "rate", "worker"; "" when
 * nothing is ready, or a hold or a pause says so already. */
const char *dest_waits_for(const struct dest *d);
