#pragma once

/* Every waiting command in memory: lanes (order), destinations (rate, hold, pause) and the
 * timers of both. No sockets, no store: time and randomness are arguments, so tests own them.
 *
 * A lane is one conversation towards one destination; only its first command may be READY,
 * WAITING, IN_FLIGHT or CHECKING. A destination is a scope (calls to amojo) or a connector.
 *
 * From: intake and start-up (queue_add). To: dispatch (queue_next). Holds: every command that is
 * not settled. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/list.h"
#include "base/table.h"
#include "core/model/command.h"
#include "core/queue/heap.h"
#include "core/queue/places.h"
#include "core/queue/stuck.h"
#include "core/queue/window.h"

const char *hold_reason_name(enum hold_reason r);
/* The same for people, as the end of a sentence. */
const char *hold_reason_words(enum hold_reason r);
/* May it be one command's own matter? Then other lanes are asked. */
bool hold_is_doubtful(enum hold_reason r);

/* so many lanes must have failed before a doubtful hold is believed by all others */
#define DEST_WITNESSES 3

struct dest {
    struct queue *queue;
    enum dest_kind kind;
    enum dest_class class;
    char *key;            /* as it is shown: "scope:<id>" or "connector:<name>" */
    const char *name;     /* of the scope or the connector; within @key */
    struct list in_all;   /* queue->all_dests */
    struct list link;     /* in a list of queue->places; alone otherwise */
    struct list *in_ring; /* which one; NULL none of the rings */
    struct due again;     /* in queue->asleep: something is ready, and may not go before */
    struct window window;
    struct list commands; /* core_command.in_dest, oldest first */
    struct list
        running;      /* lanes whose first command has a place at a worker, oldest call first */
    struct list busy; /* in queue->busy while it has places */
    size_t n_placed;  /* its places at workers */
    size_t n_calls;   /* and those of calls outside lanes */
    /* lanes whose head is READY, first come first served: messages, everything else */
    struct list ready[2];
    struct list parked;  /* lanes that wait for this scope's pause to end */
    bool paused;         /* by an operator */
    bool connected_once; /* scope: connected since this core has begun, or not due then */
    bool connect_wanted; /* scope: to be reconnected automatically at the next tick */
    bool probing;        /* the probe of a hold is under way */
    enum hold_reason hold;
    int64_t paused_mono_ms;  /* since when */
    int64_t paused_total_ms; /* of ended pauses */
    int64_t left_unix_ms;    /* scope: disconnected since; 0 it is not */
    int64_t hold_until_ms;   /* mono; then one probe may go */
    int64_t probe;           /* its command */
    int64_t probe_lane;
    int64_t
        ask_ms; /* mono; then one lane that has not failed yet may go, before hold_until_ms */
    int64_t
        not_before_ms; /* mono; the other side asked for it, so it holds also for lanes that have not failed */
    int64_t witness[DEST_WITNESSES]; /* lanes that failed in this hold, or in this row */
    uint32_t n_witnesses;
    uint32_t holds;        /* in a row, for the back-off */
    uint32_t n_asked;      /* how often a lane that was asked has also failed in this hold */
    uint32_t looks_failed; /* in a row */
    uint32_t failures;     /* counted ones in a row */
    int64_t
        last_failed; /* the last command of which a call to it has failed, for people; 0 none */
    int64_t hold_since_ms;
    int64_t held_total_ms; /* of ended holds */
    /* Who was served: answers that showed that it lives, numbered. */
    uint64_t n_served;
    int64_t served_lane;    /* by the last one */
    uint64_t served_no;     /* the last one */
    uint64_t served_before; /* the last one of any other lane */
    uint64_t connected_no;  /* scope: the last successful connect, in the same numbers */
    /* token bucket; rate 0 = no limit */
    double rate;
    double full_rate;
    double rate_near; /* a learnt one grows quickly up to this */
    double burst;
    double tokens;
    int64_t tokens_at_ms;
    uint32_t
        n_served_second; /* answers that showed that it lives, in this second and the last full one */
    uint32_t n_served_before;
    int64_t second_mono_ms; /* when this second began */
    int64_t suspect; /* of its commands the one under way that may kill its worker; 0 none */
    int64_t suspect_mono_ms; /* since when */
    int64_t looks_mono_ms;   /* no look before */
    size_t n_waiting;        /* commands not settled */
    size_t n_account;        /* scope: commands of it, in both directions */
    size_t
        n_own; /* scope: those of them that it caused itself: what amo sends, and core's reports */
    bool set_aside; /* scope: what amo sends for it waits in the store (core/intake/room.h) */
    bool aside_unsure;  /* … and may have been sent by core before its store was put back */
    size_t n_in_flight; /* of them under way, as far as is known, and calls outside lanes */
    int64_t no_room_since_ms; /* since when its next one has not fitted; 0 it does */
    int64_t
        reconnected_unix_ms; /* scope: the last automatic connect call of this core; 0 none */
};

/* A lane is one conversation towards one destination, for one account: when the conversation moves
 * to another account, what is still for the old one has a lane of its own. */
struct lane {
    int64_t id;
    struct lane *sibling;  /* of the same id, towards others; NULL none */
    struct list commands;  /* core_command.in_lane */
    struct list link;      /* dest->ready, dest->running or scope->parked; alone otherwise */
    int64_t began_mono_ms; /* when its first command was sent last */
    bool placed;           /* that has a place at a worker */
    bool shown;            /* and it is one of places.n_shown */
    int64_t ready_no;      /* its place among all that are ready */
    struct dest *dest;     /* where its commands are sent */
    struct dest *scope;    /* whose pause stops it; the same as dest towards amo; may be NULL */
    struct lane *after;    /* of a conversation that was merged with this: its commands are sent
                             before what came later; NULL none */
    struct lane *followed; /* whose `after` this is; NULL none */
    uint64_t
        leaving; /* the last core->intake->leaving_pass that found something in it which its
                              conversation has left behind */
};

struct queue {
    void (*landed)(struct core_command *c); /* it leaves IN_FLIGHT; NULL: not of interest */
    struct table *commands;
    struct table *lanes; /* by id: the first of its siblings */
    struct table *dests;
    struct list all_dests; /* the same in the order in which they came; none ever goes */
    struct heap timers;    /* of commands: WAITING and IN_FLIGHT */
    struct heap asleep;    /* dest.again */
    struct places places;  /* core/queue/places.h */
    double scope_rate;
    double scope_burst;
    int64_t retry_base_ms;
    int64_t retry_cap_ms;
    bool doubt;         /* of the wall clock: queue_add waits no longer than retry_cap_ms */
    int64_t ready_tail; /* the last ready_no given behind others */
    int64_t ready_head; /* the last one given before others */
    uint64_t random;    /* state of the jitter */
    size_t n_again;     /* commands that are `again` */
    size_t max;         /* of commands; see queue_has_room. 0 = no limit */
    bool full;          /* as queue_has_room said last */
    struct stuck_count stuck; /* as core/watch.c goes through all commands */
};

AMO_MUSTCHECK int queue_new(double scope_rate, double scope_burst, int64_t retry_base_ms,
                            int64_t retry_cap_ms, uint64_t seed, struct queue **ret_queue);
void queue_free(struct queue *q);

/* How long pauses of its scope have stopped the clock of @c. */
int64_t queue_paused_ms(const struct core_command *c, int64_t now_mono_ms);

/* The destination of a scope or connector, made when missing. NULL: no memory. */
struct dest *queue_dest(struct queue *q, enum dest_kind kind, struct view name);

/* The one of this key ("scope:<id>"); NULL: there is none. */
struct dest *queue_dest_of(const struct queue *q, struct view key);

/* A command from the store, new or at start-up. It is QUEUED or READY (WAITING when
 * row->next_ms is in the future: an hour at most, which a Retry-After may ask for; in `doubt` of the
 * clock retry_cap_ms). @row is borrowed. -ENOMEM, -EEXIST. */
AMO_MUSTCHECK int queue_add(struct queue *q, const struct command_row *row, int64_t now_mono_ms,
                            int64_t now_unix_ms, struct core_command **ret_command);
/* Puts a command that has just entered a lane before those that entered the bridge after it, as far as
 * these are QUEUED. NULL: nothing. */
void queue_by_age(struct core_command *c);
struct core_command *queue_find(const struct queue *q, int64_t id);
/* The first of the lanes of this id, one for each destination and account (lane.sibling). NULL: none. */
const struct lane *queue_lanes(const struct queue *q, int64_t lane);
/* The lane towards @d for @scope; its `after` must be emptied before it. NULL when there is none. */
struct lane *queue_lane_at(const struct queue *q, int64_t lane, struct dest *d,
                           struct dest *scope);
size_t queue_count(const struct queue *q);
/* Is there room for what new events bring? There is none from `max` commands on, until an eighth of them is
 * settled. queue_add does not ask: what a result, a deferred event or an operator brings must never wait
 * for the queue to empty. */
bool queue_has_room(struct queue *q);
/* How many commands fit; SIZE_MAX without a limit. */
size_t queue_left(const struct queue *q);

/* The conversation of lanes @from was merged into that of lanes @to, which gets everything new: that is
 * sent once what is in @from now has left. -ENOMEM. */
AMO_MUSTCHECK int queue_join(struct queue *q, int64_t from, int64_t to);
/* The one mover. @due_mono_ms matters for WAITING and IN_FLIGHT. DONE and DEAD free the command
 * and let the next of the lane come forward. */
void queue_move(struct queue *q, struct core_command *c, enum command_state to,
                int64_t due_mono_ms, int64_t now_mono_ms);

/* The next command that may be sent now: READY, destination open, token there; takes the token.
 * @messages_only leaves statuses out. NULL: none now. The destination with the fewest calls under
 * way is first, within its class; those that have as many take turns. */
struct core_command *queue_next(struct queue *q, bool messages_only, int64_t now_mono_ms);
/* It could not be sent after all: the token is returned. Stays READY, first of its lane. */
void queue_give_back(struct queue *q, struct core_command *c);
/* Its next command fits no worker now: others go before it until the next run. False when it has not
 * fitted for a second: then they are to wait, until there is room. */
bool queue_pass_over(struct dest *d, int64_t now_mono_ms);
/* A token for a call outside lanes (history, connect): false = not now. */
bool dest_take_token(struct dest *d, int64_t now_mono_ms);
/* The same, while half of the burst is left; a learnt rate has a burst of one call,
 * which is a command's if one is ready. */
bool dest_take_spare_token(struct dest *d, int64_t now_mono_ms);

/* The WAITING or IN_FLIGHT command whose time has come, NULL when none. */
struct core_command *queue_due(struct queue *q, int64_t now_mono_ms);
/* When the next timer, hold or token is due; INT64_MAX when nothing waits for time. */
int64_t queue_next_due(const struct queue *q);

/* Full jitter: random in [200 ms, min(cap, base * 2^n)]. @n from 0. */
int64_t queue_backoff_ms(struct queue *q, uint32_t n);

/* The destination answered a command of @lane: it lives. Ends a hold, unless that asked for time or
 * for a person; the probe itself ends any that was in doubt. */
void dest_success(struct dest *d, int64_t lane, int64_t now_mono_ms);
/* A counted failure of @lane; true when it is the destination's matter: it opened the breaker, or
 * the destination is held (then nothing counts). @wish_ms as below. */
bool dest_failure(struct queue *q, struct dest *d, int64_t lane, int64_t wish_ms,
                  int64_t now_mono_ms);
/* @lane is whose failure it was; 0: no doubt about it. @wish_ms > 0: not before that. Doubles its
 * back-off with every hold in a row. */
void dest_hold(struct queue *q, struct dest *d, enum hold_reason why, int64_t lane,
               int64_t wish_ms, int64_t now_mono_ms);
void dest_release(struct dest *d, int64_t now_mono_ms);
/* It stays held, and one command may try now whether it still must be. */
void dest_probe_now(struct dest *d, int64_t now_mono_ms);
bool dest_is_held(const struct dest *d);
/* A connect call of the scope has come through. */
void dest_connected(struct dest *d);
/* Few have said so, and @lane is not one of them: it may be asked before the hold is over. */
bool dest_asks_lane(const struct dest *d, int64_t lane, int64_t now_mono_ms);
bool dest_is_witness(const struct dest *d, int64_t lane);
/* The number of the last answer that served any lane but this one. */
uint64_t dest_served_others(const struct dest *d, int64_t lane);
int64_t dest_held_ms(const struct dest *d, int64_t now_mono_ms);
void dest_pause(struct queue *q, struct dest *d, bool paused, int64_t now_mono_ms);
