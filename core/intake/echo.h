#pragma once

/* What may be our own message coming back waits until that is known: webhooks of amo while a message in
 * a user's name is unclear, and a service's reports of what its side wrote while one of our messages to
 * it is being tried and has no id there yet (docs/adr/0010-echo.md). Behind such a report, later messages
 * of clients in the same thread wait as well.
 *
 * They wait in core/intake/echoes.h, in order, under the conversation whose message is unclear. The time is
 * counted here and not in the store: only time in which the outcome can become known, from zero after each start
 * of core, and independently of other deferred events. */

#include "core/intake/echoes.h"
#include "core/model/phone.h"
#include "core/turn/turn.h"
#include "proto/event.h"

/* Must a webhook or report of this conversation wait? Also true while earlier ones of it do, to keep their
 * order. */
bool echo_is_pending(struct core *c, enum echo_side side, const struct conversation *conv);
/* Is a message of this conversation being tried, or was it and nobody knows whether it arrived? */
bool echo_is_tried(struct core *c, enum echo_side side, const struct conversation *conv);
/* Ends the walk when it returns anything but 0; below 0 that is an error. */
typedef int echo_first_fn(struct core *c, const struct conversation *conv, void *arg);
/* Calls @fn for the conversations that managers have begun and whose id at the service is not known yet, if
 * the report may belong there: neither its source nor @client (without a key: any client) excludes it. */
AMO_MUSTCHECK int echo_first_words(struct core *c, const struct event *e,
                                   const struct phone *client, echo_first_fn *fn, void *arg);
/* For a thread that is not known: the conversation that a manager has begun with the connector, whose
 * call is being tried and whose id at the service is not known yet, if its client may be @client
 * (without a key: any client); 0 none. */
AMO_MUSTCHECK int echo_pending_first(struct core *c, const struct event *e,
                                     const struct phone *client, int64_t *ret_conversation);
/* ECHO_NOBODYS when that is true of the event in hand, or of webhooks before it, else 0. */
int64_t echo_behind_spools(const struct core *c, enum echo_side side);
/* The conversation under which a webhook or report that may be the second of two which come again to a
 * store that was put back waits while the first one, of the other side, waits itself: @conversation, or
 * where that is 0 the first one's. 0: it does not. A webhook of no known conversation waits for the report
 * that begins its chat. */
int64_t echo_behind_other(const struct core *c, enum echo_side side, int64_t conversation,
                          const struct event *event);
/* Something waits until it is known whose it is: it comes again, and so may its cause. */
bool echo_waits_for_spools(const struct core *c);
/* Does a webhook wait, of @conversation or, where that is 0, of any with @connector, that comes again to a store that
 * was put back? A forgotten core may have sent what it says: the service may report it, and by an id that is
 * known here only once the webhook has come out and was answered again. -Exxx. */
AMO_MUSTCHECK int echo_may_be_reported(struct core *c, struct view connector,
                                       int64_t conversation, bool *ret);
/* @cmd is over, whichever way: what waited for it is applied by echo_run. */
void echo_settled(struct core *c, const struct core_command *cmd);
/* Apply what waited for something that is over. Outside any savepoint. */
void echo_run(struct core *c);
/* Once a second: time passes, and what has waited long enough waits no more. */
void echo_tick(struct core *c, int64_t now_mono_ms);
