#pragma once

/* A command in core's memory: its states, and the one function that moves it between them.
 *
 * The body stays in the store and is read when the command is dispatched. What is in flight is
 * written nowhere: after a crash the command is simply not settled. */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "core/model/rows.h"
#include "proto/command.h"

/* X(STATE, "what is true of the command"). docs/states.md is checked against both tables. */
#define COMMAND_STATES(X)                                                                      \
    X(QUEUED, "behind another command of its lane")                                            \
    X(READY, "head of its lane; goes when its destination and a worker let it")                \
    X(WAITING, "head of its lane; its back-off is not over")                                   \
    X(IN_FLIGHT, "a worker has it")                                                            \
    X(CHECKING, "its outcome is unclear; the history of the chat is being asked")              \
    X(DONE, "settled: the remote side has taken it")                                           \
    X(DEAD, "given up: a dead letter with its evidence")

enum command_state {
#define COMMAND_STATE_ENUM(name, meaning) COMMAND_##name,
    COMMAND_STATES(COMMAND_STATE_ENUM)
#undef COMMAND_STATE_ENUM
};

/* X(FROM, TO, "why"): every legal move; all others are bugs. */
#define COMMAND_MOVES(X)                                                                       \
    X(QUEUED, READY, "the one before it was settled")                                          \
    X(QUEUED, DEAD, "its life time is over")                                                   \
    X(READY, IN_FLIGHT, "dispatched to a worker")                                              \
    X(READY, DONE, "not needed any more: a later status stands behind it")                     \
    X(READY, DEAD, "its life time is over, or what it needs has died")                         \
    X(WAITING, READY, "its back-off is over")                                                  \
    X(WAITING, DEAD, "its life time is over")                                                  \
    X(IN_FLIGHT, DONE, "outcome done")                                                         \
    X(IN_FLIGHT, WAITING, "outcome retry or unknown")                                          \
    X(IN_FLIGHT, READY, "outcome hold, handed back unstarted, or its worker was lost")         \
    X(IN_FLIGHT, CHECKING, "refused or unreadable, but it may have been taken before")         \
    X(IN_FLIGHT, DEAD, "outcome dead, or attempts used up")                                    \
    X(CHECKING, DONE, "the history has it")                                                    \
    X(CHECKING, WAITING, "not in the history: again; or it could not be asked now")            \
    X(CHECKING, DEAD, "the history does not have it, three times")                             \
    X(WAITING, DONE, "a late answer of an earlier attempt said done")                          \
    X(READY, WAITING, "workers were lost with it in hand: one such at a time, and later")      \
    X(CHECKING, READY, "core could not begin the question; asked again")                       \
    X(READY, CHECKING, "its conversation moved, and the account it leaves may have it")

/* Why a destination is held. */
enum hold_reason {
    HOLD_NONE,
    HOLD_CONNECT,   /* cannot be reached */
    HOLD_THROTTLED, /* 429 */
    HOLD_FORBIDDEN, /* repeated 403: a person must look */
    HOLD_NOT_FOUND, /* 404 for the whole scope */
    HOLD_GONE,      /* 410: switched off until an operator acts */
    HOLD_BREAKER,   /* too many failures one after the other, of several lanes */
    HOLD_PRIVATE,   /* resolves to a private address */
    HOLD_PROXY,     /* what answers is not the remote side itself: a page, a redirect */
};

struct lane;
struct dest;
struct peer;

/* When something is due. */
struct due {
    int64_t mono_ms;
    size_t heap_at; /* place in a timer heap (core/queue/heap.h), 1-based; 0 = in none */
};

struct core_command {
    int64_t id;
    enum command_state state;
    enum command_kind kind;
    struct lane *lane;
    struct list in_lane; /* lane->commands, in intake order */
    struct list in_dest; /* dest->commands, by age */
    struct peer *worker; /* while IN_FLIGHT; NULL: silent since */
    struct due due;      /* WAITING: when the back-off ends; IN_FLIGHT: when the lease ends */
    int64_t message;
    struct id trace;   /* of what it came of; zero none */
    int64_t taken_ms;  /* by core, wall time */
    int64_t waited_ms; /* before that: part of the age shown to people, not of its life time */
    int64_t paused_ms; /* less what its scope's pauses had come to before it: queue_paused_ms */
    int64_t first_mono_ms; /* first counted attempt of this life of core; 0 none */
    int64_t first_held_ms; /* dest's held time then */
    int64_t
        asked_ms; /* since then: time it waited because it was asked to, or through no fault of its own */
    /* its last failure, in the destination's numbers of who was served (core/deliver/blame.c) */
    uint64_t failed_no;
    uint64_t first_failed_no;
    uint64_t attempt;  /* identity of the attempt in flight or the last one */
    uint32_t attempts; /* counted */
    uint32_t lost;     /* workers lost with it in hand */
    uint32_t waits;    /* back-offs that counted nothing */
    uint32_t body_len; /* bytes, as far as known */
    bool tried;        /* may have reached the remote side before */
    bool again;  /* so may those behind it in the lane: all were sent before (turn->again) */
    bool unsure; /* may have been done, though no attempt in the store shows it: before the
                          store was restored, or in flight when its conversation moved */
    bool noted;  /* unsure because it was in flight: until its attempt comes home */
    bool first;  /* head of its lane when core started: it may have been in flight */
    int64_t
        parting_mono_ms; /* since when the account that it leaves is asked for it; 0 it is not */
    bool look_waits;     /* CHECKING: amo cannot be asked now, or whoever asks it is silent */
    bool unproven;       /* was answered 2xx, and amo's id was not in the answer */
    bool failed;         /* since core's start, at least once */
    bool unblamed;       /* its last failure was taken for the destination's matter */
    bool done_late;      /* an earlier attempt said done; the one under way is waited for */
    enum hold_reason failed_as;
    bool forbidden; /* had its one re-signed attempt after 403 */
    bool delayed;   /* the card shows that it waits */
    bool own;       /* its account caused it, and not a service (core/store/shares.h) */
    bool erased;    /* its person was erased: nothing of its attempts is stored */
    bool forsaken;  /* IN_FLIGHT: nothing was heard of its worker any more */
};

const char *command_state_name(enum command_state s);
bool command_may_move(enum command_state from, enum command_state to);
/* The table's word for a legal move; NULL for another. */
const char *command_move_why(enum command_state from, enum command_state to);
/* Its trace id for the log, written to @ret. */
const char *command_trace(const struct core_command *c, char ret[ID_TEXT_LEN + 1]);
/* A message: protected by its own key, so it may go again after a restart at once. */
bool command_is_message(enum command_kind kind);
/* It makes a message at amo: an unclear outcome is settled by its history. */
bool command_is_new_at_amo(enum command_kind kind);
/* Is it sent to a connector? Otherwise to amojo. */
bool command_is_for_service(enum command_kind kind);
/* Is it worth sending even without any person's text? A status, a failure. */
bool command_survives_erasure(enum command_kind kind);
/* Milliseconds a command of this kind lives from intake: messages and edits a day, the rest an
 * hour. */
int64_t command_life_ms(enum command_kind kind);
/* A message whose first unclear attempt began at @since_ms (0: there is none, store.h) may be
 * accepted a second time by a service, which need not remember a webhook-id for longer than a day. Also
 * true of a time that no clock can have shown. */
bool command_is_forgotten(int64_t since_ms, int64_t now_unix_ms);
/* Two lanes a conversation: towards amo and towards the service. */
int64_t command_lane_of(int64_t conversation, bool to_amo);
