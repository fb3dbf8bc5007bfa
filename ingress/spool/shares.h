#pragma once

/* Who wrote what is in the spool, and how much more of it he may write. Part of the spool
 * (ingress/spool/spool.h); what each file holds of whom is kept with the file.
 *
 * Nothing that is in the spool can be taken out again to make room, so room must be left beforehand for those
 * who have not come yet: nobody may hold more than a multiple of what is still free (the dynamic thresholds of
 * Choudhury and Hahne, 1998). With the multiple 1 a connector alone gets half of the connectors' room, two of
 * them a third each, n of them 1/(n+1) each, and a newcomer always finds room. amojo sends once, so for its
 * accounts the multiple is large: one that floods is refused in the last ninth, and many that write alike only
 * when there is truly no room.
 *
 * Bytes alone would let a connector write millions of small events, and core, back again, could hold no more
 * commands than these, whoever the others are from. So the connectors share a number of events in the same
 * manner. amojo's accounts have none. Decision: docs/adr/0020-shares-at-the-door.md. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct account;
struct spool_writer;
struct table;

struct shares {
    struct table *accounts;    /* owned, by side and name */
    struct account *others[2]; /* owned; of each side, those for whom there is no place */
    uint64_t bytes[2];         /* of each side */
    uint64_t events[2];        /* of each side */
    /* of files whose writers are not known yet: as of connectors */
    uint64_t unknown;        /* bytes */
    uint64_t unknown_events; /* a number */
    uint64_t max_events;     /* of all connectors together; 0 no limit */
    size_t n[2];             /* accounts of each side */
};

/* What a file holds of one of them. */
struct share {
    struct account *account;
    uint64_t bytes;
    uint64_t events;
};
/* … and of all of them. It counts until all of the file is taken. */
struct held {
    struct share *list; /* owned */
    size_t n;
    uint64_t events; /* of connectors */
    bool counted;
    bool known; /* false: of a file that an earlier process wrote, and that was not read yet */
};

AMO_MUSTCHECK int shares_init(struct shares *s, uint64_t max_events);
void shares_fini(struct shares *s);

/* May @w write an event of @bytes more, when @total of the @max bytes of the spool are in use? */
bool shares_allow(const struct shares *s, const struct spool_writer *w, uint64_t bytes,
                  uint64_t total, uint64_t max);

/* @fn for everybody who has an account of his own. */
void shares_each(const struct shares *s,
                 void (*fn)(void *arg, const struct spool_writer *w, uint64_t bytes,
                            uint64_t events),
                 void *arg);

/* Where to count what @w writes into a file; good until the next call for that file. -ENOMEM. */
AMO_MUSTCHECK int shares_find(struct shares *s, struct held *h, const struct spool_writer *w,
                              struct share **ret);
/* One event of @bytes. */
void shares_count(struct shares *s, struct held *h, struct share *share, uint64_t bytes);
/* Does the file hold so many events of connectors that the next ones should go to another one? It counts
 * until all of it is taken, so a share must be more than one file's. */
bool shares_crowded(const struct shares *s, const struct held *h);
/* All of the file is taken, or is not any more. */
void shares_settle(struct shares *s, struct held *h, bool taken);
/* The file is gone. */
void shares_drop(struct shares *s, struct held *h);
