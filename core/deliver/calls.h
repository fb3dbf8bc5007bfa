#pragma once

/* Calls outside lanes, never stored: connect, create chat, history, typing, test. Three uses: an
 * operator's `account connect` and automatic connect calls; looks for a message whose outcome
 * is unclear (core/deliver/look.h); and calls that are made once or not at all. */

#include "core/turn/turn.h"
#include "proto/command.h"

struct call;

/* The command of a look (core/deliver/look.h) was settled otherwise. */
void call_cancel(struct core *c, const struct core_command *cmd);
/* Reconnect the scope's channel automatically: after 404s, repeated 403s and webhooks of version 1. At
 * most once in `core/connect_every_ms`, also across restarts; success releases its hold, or lets one
 * command try whether the 403s are over. */
void call_reconnect(struct core *c, struct dest *d);
/* Once a second, if there is a worker: connects a few accounts that want it (dest->connect_wanted) or
 * have not been connected since core started; not those connected in the last
 * `core/connect_every_ms`, by core or an operator. */
void call_connect_at_start(struct core *c, int64_t now_mono_ms);
/* An operator has just connected it. */
void call_connected(struct core *c, struct dest *d);

/* One connect call; @done gets the result (NULL: no worker answered in time, or there has been none for
 * some seconds). -ENOMEM. */
typedef void call_done_fn(struct core *c, void *arg, const struct result *r);
struct connect_call {
    const char *channel;
    const char *account;
    const char *title;
    bool window_off; /* the channel's time window does not count in the account */
};
AMO_MUSTCHECK int call_connect(struct core *c, const struct connect_call *what,
                               call_done_fn *done, void *arg);

/* One call of @body towards @d (NULL: not limited by any destination), made once if that is possible before
 * @until_mono_ms. Best effort: failure is ignored; @done may be NULL. -ENOMEM; -EBUSY: too many wait. */
struct command;
AMO_MUSTCHECK int call_once(struct core *c, struct dest *d, const struct command *body,
                            int64_t until_mono_ms, call_done_fn *done, void *arg);

/* Why @done got no result, for an operator. */
const char *call_unmade_words(const struct core *c);

/* Calls that may go now are packed for workers: those that go before messages, or @after them. */
void call_dispatch(struct core *c, bool after, int64_t now_mono_ms);
/* The call that @p was asked to make and @r is of; NULL: none, or it is over. */
struct call *call_asked(struct core *c, const struct peer *p, const struct result *r);
/* @r is its answer. */
void call_answered(struct core *c, struct call *q, const struct result *r);
/* Those at @p are asked again. */
void call_worker_lost(struct core *c, const struct peer *p);
/* Time-outs. */
void call_tick(struct core *c, int64_t now_mono_ms);
/* When the next one is due after @then_mono_ms; those due before wait for something else. */
int64_t call_next_due(const struct core *c, int64_t then_mono_ms);
void call_free(struct core *c);
