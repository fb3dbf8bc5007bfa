#pragma once

/* The spools core knows: what is taken of each, and which process may use it.
 *
 * A spool's numbers mean something only as long as one process gives them. So a spool has one live
 * session, and another process that comes with its id must take a new id: its folder is a copy.
 *
 * A spool belongs to the name of the ingress whose events were taken last. Another name gets it only from
 * somebody who shows that he has the folder (its list of lives), and while the owner is not expected; whoever
 * does not get it takes a new id, and loses nothing. */

#include "core/model/taken.h"
#include "core/turn/turn.h"
#include "proto/session.h"

/* A spool core has seen, by its id. */
struct spool {
    struct list link;
    struct id id;
    struct taken_set taken;
    bool dirty; /* changed in this turn */
    uint64_t
        later; /* the first event that there was no room for: behind it nothing is taken before
                        it, which would overtake it; 0 none */
    uint64_t
        sent_before; /* below it every number may have been sent to a core before this life of core;
                             0 no process has said HELLO for it in this life */
    struct id sender; /* boot id of the process that said so */
    struct id taker;  /* boot id of the process whose events were taken last; zero unknown */
    char name[64];    /* of that process: the owner; "" nobody yet */
    bool taker_dirty;
    bool kept;           /* the store has a row of it */
    struct id holder;    /* boot id of the process that speaks for it; zero none yet */
    struct id former[8]; /* of those it was taken over from: should one of them come back, there
                            are two of it */
    size_t n_former;
    int64_t
        echo_ms; /* the time of the last of it that waits (core/intake/echoes.h); 0 none lately */
    int64_t used_mono_ms;
    /* sums of the events that were taken last in this life of core, by number */
    struct {
        uint64_t number; /* 0 none */
        uint32_t sum;
    } sums[512];
};

enum {
    SPOOLS_E_COPY = 1, /* core has taken numbers that this process has not sent */
    SPOOLS_E_FORKED,   /* events were taken from a process that this one does not come after */
    SPOOLS_E_HELD,     /* another live process speaks for it */
    SPOOLS_E_OWNED,    /* it belongs to another name */
    SPOOLS_E_ENDED, /* another process took it over from this one, and this one still lives */
};

/* The spool of this id, out of memory or the store; owned by @c. NULL: it cannot be read now. */
struct spool *spools_load(struct core *c, const struct id *id);
/* May the process of this HELLO speak for @s from now on? Then all other sessions of @s are over
 * for good. 0, SPOOLS_E_*. */
AMO_MUSTCHECK int spools_claim(struct core *c, struct spool *s, const struct hello *h,
                               const struct id *boot, int64_t now_mono_ms);
/* Below which number may a core before this life have taken events of @s that this store does not know
 * of? What is sent first in this life of core was not sent to any before, so a process that comes back, or
 * comes after the one that said HELLO first, changes nothing. */
uint64_t spools_sent_before(struct spool *s, const struct hello *h, const struct id *boot);
/* An event of it was taken from this process. */
void spools_took(struct spool *s, const struct id *boot, const char *name);
/* What event @number of it was; and whether @bytes, under a number that was taken, are others than those. What
 * was taken longer ago than a credit of events is not known. */
void spools_note(struct spool *s, uint64_t number, struct view bytes);
bool spools_differ(const struct spool *s, uint64_t number, struct view bytes);
/* A SPOOLS_E_* in words for the other side. */
const char *spools_words(int rc);
/* What was taken in this turn, into its transaction. -errno of the store. */
AMO_MUSTCHECK int spools_write(struct core *c);
/* The ingresses that were there before this start may send again what the store does not know. */
AMO_MUSTCHECK int spools_await(struct core *c);
/* One of them is here. */
void spools_came(struct core *c, const char *name);
/* Soon after a start: one of them does not speak yet. And which, or NULL. */
bool spools_are_missed(const struct core *c, int64_t now_mono_ms);
const char *spools_missed(const struct core *c, int64_t now_mono_ms);
/* Ingresses that said HELLO last within a week, of a name that no process here has now: what they took while core was
 * away may lie in their spools. @fn for each; its name is borrowed. -errno of the store. */
typedef void spools_gone_fn(void *arg, struct view name, int64_t seen_unix_ms);
AMO_MUSTCHECK int spools_gone(struct core *c, spools_gone_fn *fn, void *arg);
/* Is anything that was sent before still to come from a spool other than @but? NULL: from any. And from
 * whom, or NULL; and how many events, at most. */
bool spools_send_again(const struct core *c, const struct spool *but, int64_t now_mono_ms);
const struct peer *spools_sending_again(const struct core *c, const struct spool *but,
                                        int64_t now_mono_ms);
uint64_t spools_left(const struct peer *p);
/* Forgets, in memory, spools that no process has used lately. */
void spools_tick(struct core *c, int64_t now_mono_ms);
void spools_free(struct core *c);
