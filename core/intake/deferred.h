#pragma once

/* Events that were taken but cannot be applied yet: they are about a message that is not known
 * (an edit, a status or a reaction overtook it). They wait in the store under a key and are applied
 * when the key is woken; if it never is, they are quarantined. What may be an echo waits separately
 * (core/intake/echo.h). */

#include "core/intake/intake.h"
#include "core/model/key.h"
#include "core/turn/turn.h"
#include "proto/event.h"

/* Room for any key. */
#define DEFERRED_KEY_MAX KEY_MAX

/* The key of a message by the id an event calls it by: -EINVAL when it can be none. A status waits for
 * an answer to us, an edit or a reaction for what was sent to us or for that. */
AMO_MUSTCHECK int deferred_key(const struct event *e, char ret[DEFERRED_KEY_MAX]);

/* The key of what is tried in the conversation that it names. */
AMO_MUSTCHECK int deferred_thread_key(const struct event *e, char ret[DEFERRED_KEY_MAX]);

struct waiting_row;
/* Why an event waits outside the queue. */
enum deferred_why {
    DEFERRED_MESSAGE, /* for the message it is about, which is not known */
    DEFERRED_ECHO,    /* it may be one */
    DEFERRED_ROOM,    /* its account has its share of the queue */
};
enum deferred_why deferred_why(const struct waiting_row *row);

/* Keep @bytes under @key for @wait_ms. */
AMO_MUSTCHECK int deferred_put(struct core *c, const char *key, struct view bytes,
                               int64_t wait_ms);
/* Something is known now that events may wait for. They are applied by deferred_run, outside the
 * savepoint of what woke them; nothing happens when the process ends before: they are overdue
 * then. Without memory they wait until they are overdue. */
void deferred_wake(struct core *c, const char *key);
/* The same for a message's ids. A service sent it under @id, or reported it (@outgoing) as written on
 * its own side; in that case it may also report its status. */
void deferred_wake_sent(struct core *c, const char *connector, struct view id, bool outgoing);
/* A service answered one of our messages with @id. */
void deferred_wake_answered(struct core *c, const char *connector, struct view id);
/* What was tried in a conversation that a service calls so is over. */
void deferred_wake_thread(struct core *c, const char *connector, struct view thread);
void deferred_wake_amo(struct core *c, const char *scope, struct view amo_id);
/* Converts the keys of events that an older version stored. Once. */
AMO_MUSTCHECK int deferred_rekey(struct core *c);
/* An event that was taken out of the store and waits no longer. Trouble ends core while it is still
 * in hand. */
AMO_MUSTCHECK int deferred_apply(struct core *c, struct view event, enum intake_how how);
/* Apply what was woken, echoes too. Outside any savepoint. */
void deferred_run(struct core *c);
/* What has waited too long. */
void deferred_overdue(struct core *c, int64_t now_unix_ms);
void deferred_free(struct core *c);
