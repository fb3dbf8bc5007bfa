#pragma once

/* What core died of. Something of the outside that is kept, and taken up again by itself, would kill every life of
 * core if it kills one: an event that waits, a command, an answer that its worker keeps, the HELLO of a process. So
 * before core takes up one of them it notes which, in a small file beside the store; its next life finds there what
 * the last one died with, and counts. What core has died with DEATHS_MAX times is not taken up as others are: its
 * room keeps it aside for a person, and everything else goes on (docs/adr/0026-counted-before.md).
 *
 * The file is mapped, so noting is a few writes to memory: the kernel keeps them when the process dies, and what a
 * power cut takes is not worth a flush. Without the file nothing is counted, and core works all the same. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/ids.h"

struct core;
struct deaths;

/* Twice with the very same thing in hand is no chance. */
#define DEATHS_MAX 2

/* What core does with it; each is counted for itself, because one that succeeds says nothing of the others. The
 * numbers are in the file; words for people. */
#define DEED_LIST(X)                                                                           \
    X(NONE, 0, "nothing")                                                                      \
    X(EVENT, 1, "an event from a spool")                                                       \
    X(WAITING, 2, "an event that had waited")                                                  \
    X(WAITING_LOAD, 3, "an event that waits, at the start")                                    \
    X(ECHOES, 4, "a conversation in which possible echoes wait")                               \
    X(LOAD, 5, "a command, at the start")                                                      \
    X(SEND, 6, "a command that was to be sent")                                                \
    X(RESULT, 7, "a worker's answer to a command")                                             \
    X(LOOK, 8, "the look for a command in amo's history")                                      \
    X(AGED, 9, "a command that was late or too old")                                           \
    X(BACK, 10, "a command that came back without an answer")                                  \
    X(REACH, 11, "a command, to see whom it reaches")                                          \
    X(MOVE, 12, "a conversation that follows its account")                                     \
    X(CALL, 13, "a call outside all lanes")                                                    \
    X(FRAME, 14, "a frame of another process")

enum deed_kind {
#define X(name, number, words) DEED_##name = (number),
    DEED_LIST(X)
#undef X
};

/* One thing that core has in hand. */
struct deed {
    enum deed_kind kind;
    uint64_t key[3];
};

/* What the doctor says. */
struct deaths_seen {
    size_t n;       /* deaths with something in hand that are remembered */
    int64_t at_ms;  /* the last one; wall time */
    struct deed of; /* what was in hand then */
    unsigned times; /* so often with that; 0: it was taken up since, and nobody died */
};

/* Opens "<store>.deaths", makes it if need be, and counts what the last life had in hand. @was and @now are the boot
 * ids of that life, as the store has it, and of this one: what is counted of another store is forgotten, and so is
 * what another version of the program died of. -ENOMEM; that the file cannot be used is only logged. */
AMO_MUSTCHECK int deaths_open(const char *store_path, const struct id *was,
                              const struct id *now, struct deaths **ret);
/* NULL does nothing. */
void deaths_close(struct deaths *d);
/* This life ends by itself, because of a failure; @counts: what is in hand may be its cause. Three such ends count as
 * much as a death. Nothing is noted any more. */
void deaths_ending(struct deaths *d, bool counts);

struct deed deed_of(enum deed_kind kind, int64_t id);
/* @bytes are what tells it from others. */
struct deed deed_of_bytes(enum deed_kind kind, struct view bytes);
/* It is in hand from now on, and *@ret_outer no longer: pass that to the end. How many deaths are its own: from
 * DEATHS_MAX on it may not be done as usual. */
unsigned deaths_begin(const struct core *c, const struct deed *deed, struct deed *ret_outer);
/* It is over, and nobody died: what is counted against it is forgotten. */
void deaths_end(const struct core *c, const struct deed *outer);
/* It was left out: it stays counted. */
void deaths_pass(const struct core *c, const struct deed *outer);
/* The deaths with this command in hand, whatever was done with it. */
unsigned deaths_of_command(const struct core *c, int64_t id);
/* May something that was left out be tried now? After a minute of this life, two after one death more, and so on up to
 * an hour. */
bool deaths_may_try(const struct core *c, unsigned n_deaths, int64_t now_mono_ms);
void deaths_seen(const struct core *c, struct deaths_seen *ret);
const char *deed_words(enum deed_kind kind);

/* For tests: this process is killed as soon as it has something of @kind in hand; DEED_NONE never. */
void deaths_die_at(enum deed_kind kind);
