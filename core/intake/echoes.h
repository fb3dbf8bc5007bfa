#pragma once

/* The room of events that may be our own message coming back, and of what keeps its place behind them: queues
 * by conversation, and each thread of a service and chat of amo in order. The events are in the store; their
 * order and how long they have waited are in memory. What they wait for is decided in core/intake/echo.h. */

#include "base/list.h"
#include "core/intake/intake.h"
#include "core/turn/turn.h"
#include "proto/event.h"

enum echo_side {
    ECHO_AMO,     /* webhooks of amo: what we sent it in a user's name */
    ECHO_SERVICE, /* a service's reports: what we sent it for a manager */
};

/* The key for repeats that wait while another spool is still repeating what may be their cause: until
 * then it is not known to which conversation they belong. */
#define ECHO_NOBODYS (INT64_MAX / 4)

/* Between two ticks no more time is counted than this: core was not running. */
#define ECHO_STEP_MAX_MS 2000

/* One event that waits, and when its time is over by the clocks of its conversation. */
struct end {
    struct list link;      /* in its queue */
    struct list in_thread; /* or in its chat of amo */
    struct echo *of;
    struct echo_thread *thread; /* NULL none */
    bool client;      /* a client's message: no echo, it only keeps its place in its thread */
    int64_t until_ms; /* a client's: it waits no longer, by core->intake->echo_ran_ms */
    int64_t counted_ms;
    int64_t waited_ms;
    int64_t
        since_ms; /* it waits since then, for one thing after the other; by core->intake->echo_ran_ms */
    struct stand stand;
    uint64_t words;  /* echoes_words of its text */
    uint64_t chat;   /* echoes_chat */
    uint64_t ids[2]; /* echoes_words of its sender's id of it, and of our mid */
    int64_t row;     /* in the store */
    bool again;      /* core->turn->again when it came */
};

/* Some that wait, in the order in which they stand. */
struct ends {
    struct list list;
    struct list *near; /* where one stood last that is not at the end; NULL unknown */
};

/* What waits in one conversation, of one side. */
struct echo {
    struct list link; /* core->intake->echoes */
    char key[32];     /* in core->intake->echo_keys, and in the store */
    enum echo_side side;
    int64_t conversation;
    int64_t counted_ms; /* so long could the outcome become known */
    int64_t waited_ms;  /* the same, and while the destination was held */
    struct ends ends;
    size_t n_ends;
    size_t n_clients; /* among them */
    bool again;       /* some of it may be the echo of anything that core has loaded */
    bool over;        /* nothing is waited for any more */
};

/* What waited before this start; its time is counted from zero. */
AMO_MUSTCHECK int echoes_load(struct core *c);
void echoes_free(struct core *c);

bool stand_is_before(const struct stand *one, const struct stand *other);
/* Where the event in hand stands or would stand. What it is about when there are several ingresses: what was in a
 * spool when its ingress came to core stands where the door's clock says, since it may arrive long after what came
 * later by another door. What came since arrived as it came, and stands behind all that waits. And what came by one
 * spool stands in its order there, whatever the clocks say. What was set aside for its account stands where it came. */
struct stand echoes_stand(const struct core *c, const struct event *event);

/* Keep an event of @conversation, whose number is @scope's now (NULL: that is not to be kept). It is
 * stored whether core may have done it before its store was put back; an event that waits again keeps
 * what is known of it, and where it stands. -ENOMEM, -Exxx of the store. */
AMO_MUSTCHECK int echoes_put(struct core *c, enum echo_side side, int64_t conversation,
                             const struct event *event, struct view bytes, const char *scope);
/* The queue of a conversation; NULL none. */
struct echo *echoes_find(const struct core *c, enum echo_side side, int64_t conversation);
/* The first of a queue; NULL none. */
struct end *echoes_first(const struct echo *e);
/* Does anything wait there that may be an echo? */
bool echoes_wait(const struct core *c, enum echo_side side, int64_t conversation);
/* The conversation under which earlier events of @event's thread wait, or earlier webhooks of its chat: it
 * waits behind them, whatever they wait for. A client's message does so only until the reports before it have
 * been here for core/echo_ms, because a report may wait for long while a destination is held or paused. 0
 * none. */
int64_t echoes_of_thread(const struct core *c, enum echo_side side, const struct event *event);
/* Nothing of its thread waits before this client's message, or it has waited for that long enough. */
bool echoes_client_may_go(const struct core *c, const struct end *end);
/* A sum of a text: two texts of one sum wait for each other, which does no harm. */
uint64_t echoes_words(struct view text);
/* A sum of our id of the chat: as amo names it, or as it would be if the report began the conversation. 0: it is
 * not known. */
uint64_t echoes_chat(const struct event *event);
/* Does a message wait that somebody may call @id, a client's behind a report included? */
bool echoes_have(const struct core *c, struct view id);
/* @end waits no more; its row is its caller's to take. */
void echoes_remove(struct core *c, struct end *end);
/* A queue that has become empty, or with all that is in it in memory. */
void echoes_drop(struct core *c, struct echo *e);
