/* Events wait for what they are about.
 *
 * From: intake.c, a decision to wait. To: intake.c again, once the key is woken or overdue.
 * Holds: the event, in the store. */

#include "core/intake/deferred.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/intake/echo.h"
#include "core/intake/echoes.h"
#include "core/intake/intake.h"
#include "core/store/erase.h"
#include "core/turn/deaths.h"
#include "proto/limits.h"

/* applied for one key before other work gets its turn */
#define WAKE_EVENTS  1000
/* overdue ones looked at in one tick: about a tenth of it. A full room is empty within a minute, and what
 * may be an echo never waits behind them (core/intake/echo.c) */
#define OVERDUE_ROWS 2000
/* so soon is one looked at again whose message waits itself */
#define PUT_OFF_MS   10000

/* its keys are of before */
#define WAITING_KEYS_META "waiting_keys"

struct wake {
    struct list link;
    char *key;
    char mid[ID_DERIVED_MAX +
             1]; /* of what the key means first; while that waits itself, nothing is woken */
};

static int key_of(const struct event *e, struct key *ret)
{
    if (e->kind == EVENT_AMO_REACTION)
        return key_amo(e->scope, e->message_id, ret);
    if (e->kind == EVENT_SERVICE_STATUS)
        return key_answered(e->connector, e->message_id, ret);
    return key_sent(e->connector, e->message_id, ret);
}

int deferred_key(const struct event *e, char ret[DEFERRED_KEY_MAX])
{
    struct key key;

    if (key_of(e, &key))
        return -EINVAL;
    memcpy(ret, key.text, sizeof(key.text));
    return 0;
}

int deferred_thread_key(const struct event *e, char ret[DEFERRED_KEY_MAX])
{
    struct key key;

    if (key_thread(e->connector, e->conversation, &key))
        return -EINVAL;
    memcpy(ret, key.text, sizeof(key.text));
    return 0;
}

enum deferred_why deferred_why(const struct waiting_row *row)
{
    if (row->until_ms == 0)
        return DEFERRED_ECHO;
    return row->until_ms == INT64_MAX ? DEFERRED_ROOM : DEFERRED_MESSAGE;
}

int deferred_put(struct core *c, const char *key, struct view bytes, int64_t wait_ms)
{
    int rc =
        store_deferred_add(c->store, key, bytes, c->intake->who, clock_unix_ms() + wait_ms);

    if (rc == 0)
        c->intake->n_deferred++;
    return rc;
}

static void wake_unless(struct core *c, const char *key, const char *mid)
{
    struct wake *w = NULL;

    if (c->intake->n_deferred == 0)
        return; /* nobody waits at all */
    w = mem_zalloc(sizeof(*w));
    if (w)
        w->key = mem_strdup(key);
    if (!w || !w->key) {
        mem_free(w);
        return;
    }
    (void)snprintf(w->mid, sizeof(w->mid), "%s", mid);
    list_init(&w->link);
    list_add_tail(&c->intake->wakes, &w->link);
}

void deferred_wake(struct core *c, const char *key)
{
    wake_unless(c, key, "");
}

static void wake_key(struct core *c, int spelt, const struct key *key)
{
    if (spelt == 0) /* else nothing can wait under it */
        deferred_wake(c, key->text);
}

void deferred_wake_sent(struct core *c, const char *connector, struct view id, bool outgoing)
{
    struct key key;

    wake_key(c, key_sent(view_of(connector), id, &key), &key);
    if (outgoing)
        wake_key(c, key_answered(view_of(connector), id, &key), &key);
}

void deferred_wake_answered(struct core *c, const char *connector, struct view id)
{
    struct key key;

    char mid[ID_DERIVED_MAX + 1];

    wake_key(c, key_answered(view_of(connector), id, &key), &key);
    if (key_sent(view_of(connector), id, &key) == 0 &&
        id_derive(view_of(connector), VIEW_NONE, id, mid) == 0)
        wake_unless(c, key.text, mid);
}

void deferred_wake_thread(struct core *c, const char *connector, struct view thread)
{
    struct key key;

    wake_key(c, key_thread(view_of(connector), thread, &key), &key);
}

void deferred_wake_amo(struct core *c, const char *scope, struct view amo_id)
{
    struct key key;

    wake_key(c, key_amo(view_of(scope), amo_id, &key), &key);
}

/* --- keys of before --------------------------------------------------------------------------- */

static int rekey_one(void *arg, int64_t id, struct view bytes)
{
    struct deed deed = deed_of(DEED_WAITING_LOAD, id);
    struct core *c = arg;
    struct deed outer;
    struct event e;
    struct key key;
    bool killed = deaths_begin(c, &deed, &outer) >= DEATHS_MAX;
    bool read = !killed && event_decode(bytes, &e) == 0;

    (killed ? deaths_pass : deaths_end)(c, &outer);
    if (!read)
        return 0; /* it is kept for a person when its time is over */
    if (e.kind == EVENT_AMO_MESSAGE || e.kind == EVENT_SERVICE_MESSAGE || key_of(&e, &key))
        return 0; /* what may be an echo has the key of its conversation */
    return store_deferred_move(c->store, id, key.text);
}

int deferred_rekey(struct core *c)
{
    struct buf wished;
    int rc = 0;

    buf_init(&wished, 16);
    rc = store_meta_get(c->store, WAITING_KEYS_META, &wished);
    buf_fini(&wished);
    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    rc = store_begin(c->store);
    rc = rc ? rc : store_events_walk(c->store, STORE_EVENT_WAITING, rekey_one, c);
    rc = rc ? rc : store_meta_drop(c->store, WAITING_KEYS_META);
    return rc ? rc : store_commit(c->store);
}

int deferred_apply(struct core *c, struct view event, enum intake_how how)
{
    struct deed deed = deed_of_bytes(DEED_WAITING, event);
    struct hand before = c->turn->hand;
    struct deed outer;
    int rc = 0;

    if (deaths_begin(c, &deed, &outer) >= DEATHS_MAX)
        how = INTAKE_SUSPECT;
    c->turn->hand = (struct hand){.event = event};
    rc = intake_event(c, event, how);
    if (rc && core_is_trouble(rc))
        core_give_up(c, "waiting", rc);
    c->turn->hand = before;
    deaths_end(c, &outer);
    return rc;
}

/* The oldest one of @key is applied. STORE_E_NONE: there is none. */
static int deferred_apply_one(struct core *c, const char *key)
{
    struct buf event;
    int rc = core_turn(c);

    buf_init(&event, LIMIT_FRAME_BYTES);
    rc = rc ? rc : store_deferred_take(c->store, key, &event);
    if (rc == 0) {
        c->intake->n_deferred--;
        rc = deferred_apply(c, buf_view(&event), INTAKE_LATE);
    }
    buf_fini(&event);
    return rc;
}

/* What waits under @w came before its message: that may come out later and wakes it then, or may be another one than the
 * message of that id which has just become known. */
static bool sleeps_on(struct core *c, const struct wake *w)
{
    bool ambiguous = false;
    int rc = 0;

    if (!w->mid[0])
        return false;
    if (echoes_have(c, view_of(w->mid)))
        return true;
    rc = store_deferred_has(c->store, w->key, &ambiguous);
    if (rc == 0 && ambiguous)
        rc = store_id_is_ambiguous(c->store, w->key, &ambiguous);
    if (rc)
        core_row_failed(c, "waiting", rc);
    return ambiguous;
}

void deferred_run(struct core *c)
{
    echo_run(c);
    while (!list_is_empty(&c->intake->wakes) && !c->turn->exit_code) {
        struct wake *w = LIST_ENTRY(c->intake->wakes.next, struct wake, link);
        int rc = 0;

        if (sleeps_on(c, w))
            rc = STORE_E_NONE;
        for (int i = 0; rc == 0 && i < WAKE_EVENTS; i++)
            rc = deferred_apply_one(c, w->key);
        if (rc < 0)
            core_row_failed(c, "waiting", rc);
        else if (rc == 0)
            return; /* there may be more of them: after other work, at the next tick */
        list_remove(&w->link);
        mem_free(w->key);
        mem_free(w);
    }
}

/* What it is about is not unknown: it waits itself, since it may be an echo, and wakes this one when it comes
 * out as a message. Behind a destination that is held or paused, or after hours with the machine off, that is
 * long after the hour. */
static bool waits_for_what_waits(const struct core *c, struct view bytes)
{
    struct deed deed = deed_of_bytes(DEED_WAITING, bytes);
    struct deed outer;
    struct event e;
    bool ret = deaths_begin(c, &deed, &outer) < DEATHS_MAX && event_decode(bytes, &e) == 0 &&
               echoes_have(c, e.message_id);

    deaths_pass(c, &outer); /* it is still to be applied */
    return ret;
}

static int overdue_one(struct core *c, int64_t id, struct view event, int64_t now_unix_ms)
{
    int rc = 0;

    if (waits_for_what_waits(c, event))
        return store_deferred_put_off(c->store, id, now_unix_ms + PUT_OFF_MS);
    rc = store_deferred_remove(c->store, id);
    if (rc)
        return rc;
    c->intake->n_deferred--;
    /* what is still not known is kept for a person */
    return deferred_apply(c, event, INTAKE_LATE);
}

void deferred_overdue(struct core *c, int64_t now_unix_ms)
{
    struct buf event;
    int64_t id = 0;
    int rc = 0;

    buf_init(&event, LIMIT_FRAME_BYTES);
    for (int i = 0; rc == 0 && i < OVERDUE_ROWS && c->intake->n_deferred > 0; i++) {
        buf_reset(&event);
        rc = core_turn(c);
        rc = rc ? rc : store_deferred_overdue(c->store, now_unix_ms, &id, &event);
        rc = rc ? rc : overdue_one(c, id, buf_view(&event), now_unix_ms);
    }
    buf_fini(&event);
    if (rc && rc != STORE_E_NONE)
        core_row_failed(c, "waiting", rc);
}

void deferred_free(struct core *c)
{
    while (!list_is_empty(&c->intake->wakes)) {
        struct wake *w = LIST_ENTRY(c->intake->wakes.next, struct wake, link);

        list_remove(&w->link);
        mem_free(w->key);
        mem_free(w);
    }
}
