/* Events wait for what they are about.
 *
 * From: intake.c, a plan that says "wait". To: intake.c again, once the key is woken or overdue.
 * Holds: the event, in the store. */

#include "core/waiting.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/intake.h"
#include "proto/limits.h"

/* applied for one key before other work gets its turn */
#define WAKE_EVENTS  1000
/* overdue ones looked at in one tick */
#define OVERDUE_ROWS 100

struct wake {
    struct list link;
    char *key;
};

int waiting_key(const struct event *e, char ret[WAITING_KEY_MAX])
{
    bool amo = e->kind == EVENT_AMO_REACTION;
    struct view holder = amo ? VIEW_LIT("") : e->connector;

    if (e->message_id.len == 0 || e->message_id.len > LIMIT_ID || holder.len > LIMIT_ID)
        return -EINVAL;
    (void)snprintf(ret, WAITING_KEY_MAX, "%c%.*s%s%.*s", amo ? 'a' : 's', (int)holder.len,
                   holder.ptr ? holder.ptr : "", amo ? "" : "/", (int)e->message_id.len,
                   e->message_id.ptr); /* two ids fit */
    return 0;
}

void waiting_echo_key(int64_t conversation, char ret[WAITING_KEY_MAX])
{
    (void)snprintf(ret, WAITING_KEY_MAX, "e%" PRId64, conversation); /* 21 characters */
}

int waiting_put(struct core *c, const char *key, struct view bytes, int64_t wait_ms)
{
    int rc = store_waiting_add(c->store, key, bytes, clock_unix_ms() + wait_ms);

    if (rc == 0)
        c->n_waiting++;
    return rc;
}

void waiting_wake(struct core *c, const char *key)
{
    struct wake *w = NULL;

    if (c->n_waiting == 0)
        return; /* nobody waits at all */
    w = mem_zalloc(sizeof(*w));
    if (w)
        w->key = mem_strdup(key);
    if (!w || !w->key) {
        mem_free(w);
        return;
    }
    list_init(&w->link);
    list_add_tail(&c->wakes, &w->link);
}

void waiting_wake_service(struct core *c, const char *connector, struct view id)
{
    char key[WAITING_KEY_MAX];

    if (snprintf(key, sizeof(key), "s%s/%.*s", connector, (int)id.len, id.ptr) <
        (int)sizeof(key))
        waiting_wake(c, key);
}

void waiting_wake_amo(struct core *c, struct view amo_id)
{
    char key[WAITING_KEY_MAX];

    if (snprintf(key, sizeof(key), "a%.*s", (int)amo_id.len, amo_id.ptr) < (int)sizeof(key))
        waiting_wake(c, key);
}

/* The oldest one of @key is applied. STORE_E_NONE: there is none. */
static int waiting_apply_one(struct core *c, const char *key)
{
    struct buf event;
    int rc = core_turn(c);

    buf_init(&event, LIMIT_FRAME_BYTES);
    rc = rc ? rc : store_waiting_take(c->store, key, &event);
    if (rc == 0) {
        c->n_waiting--;
        rc = intake_event(c, buf_view(&event), INTAKE_LATE);
    }
    buf_fini(&event);
    return rc;
}

void waiting_run(struct core *c)
{
    while (!list_is_empty(&c->wakes) && !c->exit_code) {
        struct wake *w = LIST_ENTRY(c->wakes.next, struct wake, link);
        int rc = 0;

        for (int i = 0; rc == 0 && i < WAKE_EVENTS; i++)
            rc = waiting_apply_one(c, w->key);
        if (rc < 0)
            core_give_up(c, "waiting", rc);
        else if (rc == 0)
            return; /* there may be more of them: after other work, at the next tick */
        list_remove(&w->link);
        mem_free(w->key);
        mem_free(w);
    }
}

void waiting_overdue(struct core *c, int64_t now_unix_ms, bool doubtful)
{
    struct buf event;
    int rc = 0;

    buf_init(&event, LIMIT_FRAME_BYTES);
    for (int i = 0; rc == 0 && i < OVERDUE_ROWS && c->n_waiting > 0; i++) {
        buf_reset(&event);
        rc = core_turn(c);
        rc = rc ? rc
                : store_waiting_take_overdue(c->store, now_unix_ms, doubtful ? "e*" : "*",
                                             &event);
        if (rc == 0) {
            c->n_waiting--;
            /* an echo that did not come was none; what is still not known is kept for a person */
            rc = intake_event(c, buf_view(&event), INTAKE_LATE);
        }
    }
    buf_fini(&event);
    if (rc && rc != STORE_E_NONE)
        core_give_up(c, "waiting", rc);
}

void waiting_free(struct core *c)
{
    while (c->wakes.next && !list_is_empty(&c->wakes)) {
        struct wake *w = LIST_ENTRY(c->wakes.next, struct wake, link);

        list_remove(&w->link);
        mem_free(w->key);
        mem_free(w);
    }
}
