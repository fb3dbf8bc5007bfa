#pragma once

/* Bodies of the frames that open and keep a session between an edge and core, and those that
 * carry ranges and lists. Commands and results themselves are in proto/command.h, events in
 * proto/event.h, the registry in proto/registry.h. All texts are borrowed. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "proto/pack.h"

/* A range of numbers, both ends included. */
struct range {
    uint64_t low;
    uint64_t high;
};

/* HELLO */
struct hello {
    uint64_t role; /* enum role */
    struct view name;
    struct view version;       /* of the program */
    uint64_t registry_version; /* held already; 0 none */
    struct id spool;           /* ingress */
    uint64_t low;              /* ingress: lowest number still held */
    uint64_t next;             /* ingress: next number to be given */
    uint64_t fresh;            /* ingress: this process has sent nothing from here on, so core
                                  can have nothing; 0 absent: `next` is used */
    uint64_t known; /* ingress: the highest number that a core has said it has taken; 0 none */
    struct view lives;     /* ingress: boot ids of the processes that had this spool before,
                                  the last one first */
    uint64_t credit;       /* egress: attempts it can hold in all */
    uint64_t credit_bytes; /* egress: their bytes */
    uint64_t places;       /* egress: attempts it makes at once; 0 not said: half the credit */
    struct view held;      /* egress: packed list of (id, attempt) it works on or has
                                  unreported results for; see held_* below */
    uint64_t session; /* sockets this process has opened, 1, 2, …: a later one proves that
                                  nothing reaches the earlier ones any more; 0 not said */
    int64_t mono_ms;  /* its monotonic clock; comes back as `echo_ms`; 0 not said */
    struct view
        lacks; /* what it could not give up (process_lacks); none: nothing, or not said */
    struct view
        strangers; /* variables that are no settings (process_strangers); none: the same */
};

/* WELCOME */
struct welcome {
    uint64_t credit;       /* to ingress: events in flight */
    uint64_t credit_bytes; /* to ingress: their bytes */
    struct id spool;       /* to ingress: echo of HELLO's */
    uint64_t low;          /* to ingress: core has everything below it; 0 not said */
    uint64_t mark;         /* to ingress: highest number ever taken from this spool, 0 none */
    struct view taken;     /* to ingress: ranges_* of numbers taken at or above `low` */
    struct view registry;  /* registry_encode for the role; absent when the version is held */
    int64_t lease_ms;      /* silence of half of it: start nothing new */
    int64_t echo_ms;       /* HELLO's mono_ms */
    int64_t core_ms;       /* core's monotonic clock between HELLO and this; 0 not said */
};

/* CREDIT, HEARTBEAT */
struct heartbeat {
    uint64_t registry_version;
    uint64_t credit;
    uint64_t credit_bytes;
    uint64_t places;       /* egress */
    uint64_t spool_events; /* ingress */
    uint64_t spool_bytes;
    uint64_t low;  /* ingress: below it everything is taken or lost; 0 not said */
    uint64_t busy; /* egress: attempts under way */
    struct view
        refused; /* ingress: sources refused in the last hour; ingress/accept/refused.h */
    struct view
        refusals;     /* ingress: kinds of refused requests, some at a time; proto/refusal.h */
    int64_t mono_ms;  /* its monotonic clock; 0 not said */
    uint64_t leaving; /* egress: 1, it ends now, and this is its last frame */
    uint64_t
        spool_max; /* ingress: bytes that its spool may have; 0 not said, as the next ones */
    uint64_t disk_free; /* ingress: bytes left for it where its spool is … */
    uint64_t disk_size; /* … of so many */
    uint64_t closed;    /* ingress: 1, it takes nothing now: its /readyz is 503 */
    struct view state;  /* ingress: the lines of its /readyz */
    int64_t
        closed_from_ms; /* ingress: wall times of the first and the last moment of the last time
                               that it took nothing, of which it knows; 0 there was none */
    int64_t closed_to_ms;
    struct view closed_why; /* and the first line of its /readyz then */
};

/* HEARTBEAT_ANSWER */
struct heartbeat_answer {
    int64_t echo_ms; /* the heartbeat's mono_ms; 0 not said */
    int64_t core_ms; /* core's monotonic clock at the answer; 0 not said */
    struct view pad; /* zeros, which overwrite what libzmq's buffers hold of a registry */
};

AMO_MUSTCHECK int hello_encode(const struct hello *h, struct buf *out);
AMO_MUSTCHECK int hello_decode(struct view body, struct hello *ret);
AMO_MUSTCHECK int welcome_encode(const struct welcome *w, struct buf *out);
AMO_MUSTCHECK int welcome_decode(struct view body, struct welcome *ret);
AMO_MUSTCHECK int heartbeat_encode(const struct heartbeat *h, struct buf *out);
AMO_MUSTCHECK int heartbeat_decode(struct view body, struct heartbeat *ret);
AMO_MUSTCHECK int heartbeat_answer_encode(const struct heartbeat_answer *a, struct buf *out);
AMO_MUSTCHECK int heartbeat_answer_decode(struct view body, struct heartbeat_answer *ret);

/* SPOOL_ROTATE, SPOOL_ROTATED */
struct spool_rotate {
    uint64_t number; /* core's; comes back in the answer */
    uint64_t kept;   /* answer: damaged files set aside in the folder, which no program reads */
};

AMO_MUSTCHECK int spool_rotate_encode(const struct spool_rotate *t, struct buf *out);
AMO_MUSTCHECK int spool_rotate_decode(struct view body, struct spool_rotate *ret);

/* SPOOL_REFUSED */
struct spool_refused {
    struct id spool;    /* HELLO's: another process has it, take a new id */
    uint64_t low;       /* core has everything of it below */
    struct view reason; /* in words */
};

AMO_MUSTCHECK int spool_refused_encode(const struct spool_refused *r, struct buf *out);
AMO_MUSTCHECK int spool_refused_decode(struct view body, struct spool_refused *ret);

/* Lists of pairs of numbers, as one bin: ranges (low, high) or holdings (command id, attempt).
 * Big-endian, 16 bytes a pair. */
AMO_MUSTCHECK int pairs_add(struct buf *out, uint64_t a, uint64_t b);
size_t pairs_count(struct view pairs); /* a torn end is not counted */
void pairs_at(struct view pairs, size_t i, uint64_t *ret_a, uint64_t *ret_b);

/* EVENT_PUSH: {spool, low, events: [[number, event bytes], …]}; the caller adds the events. */
AMO_MUSTCHECK int event_push_begin(struct buf *out, const struct id *spool, uint64_t low,
                                   size_t n_events);
AMO_MUSTCHECK int event_push_add(struct buf *out, uint64_t number, struct view event,
                                 int suspect);

/* SHARES: {over: [[connector, share, reports, seconds], …], accounts: [[connector, scope, share, seconds], …]}:
 * the whole list, each time. The caller adds the rows, those of connectors first. */
struct share_over {
    struct view connector;
    struct view scope; /* for this account alone; VIEW_NONE as a whole */
    struct view share; /* its name, for people */
    bool reports;      /* statuses, edits and reactions alone are refused */
    uint64_t
        retry_s; /* what the caller hears; the list holds until the next, or for ten seconds or this */
};

/* @n rows follow, and then shares_accounts() if @accounts. */
AMO_MUSTCHECK int shares_begin(struct buf *out, size_t n, bool accounts);
AMO_MUSTCHECK int shares_accounts(struct buf *out, size_t n);
AMO_MUSTCHECK int shares_add(struct buf *out, const struct share_over *o);
/* Each row to @fn; its texts borrow @body. What is no row is left out. PACK_E_MALFORMED, -ENOMEM. */
typedef void share_over_fn(void *arg, const struct share_over *o);
AMO_MUSTCHECK int shares_decode(struct view body, share_over_fn *fn, void *arg);

/* GOING: {counts}; a body without it is a plain stop. */
AMO_MUSTCHECK int going_encode(bool counts, struct buf *out);
bool going_counts(struct view body);

/* EVENT_TAKEN and RESULT_TAKEN: {spool, pairs}; RESULT_TAKEN's pairs are (id, attempt). EVENT_LATER has
 * no pairs. */
AMO_MUSTCHECK int taken_encode(const struct id *spool, struct view pairs, struct buf *out);
AMO_MUSTCHECK int taken_decode(struct view body, struct id *ret_spool, struct view *ret_pairs);
