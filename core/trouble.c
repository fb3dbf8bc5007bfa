/* What a failure means: the end of this life of core, or of one row's way.
 *
 * The machine's trouble (no memory, a failing or full disk) says nothing about the row in hand:
 * core ends and starts anew from the store. Everything else belongs to the row: it is undone, told,
 * and left, and core goes on. One table: docs/adr/0016-error-classes.md. */

#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "core/core.h"
#include "core/intake.h"
#include "core/peers.h"

/* the same pass may meet the same row every second */
#define ROW_FAILED_EVERY_MS 60000

bool core_is_trouble(int rc)
{
    return rc == -EIO || rc == -ENOMEM || rc == STORE_BUSY || rc == STORE_FULL ||
           rc == STORE_READONLY || rc == STORE_DAMAGED;
}

static void log_store(const struct core *c, const char *what, const char *in, int rc)
{
    log_failed(LOG_LEVEL_ERROR, what, store_errno(rc), "in=%s file=%s sqlite=\"%s\"", in,
               store_path(c->store), store_error(c->store, rc));
}

/* Of the whole turn it alone counts as taken. */
static int take_alone(struct core *c, const struct spool *spool, uint64_t number)
{
    struct taken_set *t = mem_zalloc(sizeof(*t));
    struct buf ranges;
    int rc = t ? 0 : -ENOMEM;

    buf_init(&ranges, (size_t)TAKEN_RANGES_MAX * 16);
    if (rc == 0) {
        taken_init(t);
        rc = store_spool_get(c->store, &spool->id, &t->mark, &t->low, &ranges);
    }
    if (rc == 0)
        rc = taken_decode_ranges(t, buf_view(&ranges));
    if (rc == 0 || rc == STORE_E_NONE)
        rc = taken_add(t, number);
    buf_reset(&ranges);
    rc = rc ? rc : taken_encode_ranges(t, &ranges);
    rc = rc ? rc : store_spool_put(c->store, &spool->id, t->mark, t->low, buf_view(&ranges));
    buf_fini(&ranges);
    mem_free(t);
    return rc;
}

/* The event lies in quarantine. */
static int event_aside(struct core *c, const struct hand *h)
{
    int rc =
        h->spool ? take_alone(c, h->spool, h->number) : store_waiting_drop(c->store, h->event);

    return rc ? rc : intake_quarantine(c, h->event, INTAKE_DAMAGED);
}

static int command_aside(struct core *c, int64_t id)
{
    int rc = store_dead_add(c->store, id, INTAKE_DAMAGED, clock_unix_ms());

    return rc == STORE_E_NONE ? 0 : rc;
}

/* After SQLite met a damaged page nothing more can be written in that transaction, so this life of core
 * ends. What was in hand would meet the page again: it is kept aside in a transaction of its own. */
static int hand_aside(struct core *c)
{
    const struct hand *h = &c->hand;
    int rc = store_abandon(c->store);

    rc = rc ? rc : store_begin(c->store);
    if (rc == 0 && h->event.ptr)
        rc = event_aside(c, h);
    else if (rc == 0 && h->command)
        rc = command_aside(c, h->command);
    else if (rc == 0 && !h->verb)
        rc = STORE_DAMAGED; /* whatever core does by itself at every start */
    return rc ? rc : store_commit(c->store);
}

static int damage_code(struct core *c, int rc)
{
    int failed = 0;

    if (!store_is_looked_at(c->store)) {
        store_found_damaged(c->store, rc); /* the next start looks, and mends what it can */
        return EXIT_TEMPORARY;
    }
    failed = hand_aside(c);
    if (failed)
        log_store(c, "store.failed", "aside", failed);
    return failed ? EXIT_USAGE : EXIT_TEMPORARY; /* every start would find the same */
}

void core_give_up(struct core *c, const char *in, int rc)
{
    if (c->exit_code == EXIT_TEMPORARY || c->exit_code == EXIT_USAGE)
        return;
    log_store(c, "store.failed", in, rc);
    c->exit_code = rc == STORE_DAMAGED ? damage_code(c, rc) : EXIT_TEMPORARY;
    peers_say_going(c, rc != STORE_FULL && rc != STORE_READONLY && rc != STORE_BUSY);
    loop_stop(c->loop);
}

void core_row_failed(struct core *c, const char *in, int rc)
{
    int64_t now = clock_mono_ms();

    if (core_is_trouble(rc)) {
        core_give_up(c, in, rc);
        return;
    }
    c->n_rows_failed++;
    if (c->row_failed_mono_ms && now - c->row_failed_mono_ms < ROW_FAILED_EVERY_MS &&
        c->row_failed_in == in)
        return;
    c->row_failed_mono_ms = now;
    c->row_failed_in = in;
    log_store(c, "row.failed", in, rc);
}

int core_row_begin(struct core *c)
{
    int rc = core_turn(c);

    return rc ? rc : store_savepoint(c->store);
}

int core_row_end(struct core *c, const char *in, int rc)
{
    int undone = 0;

    if (c->exit_code)
        return rc ? rc : -EIO;
    if (rc == 0)
        rc = store_release(c->store);
    if (rc == 0)
        return 0;
    intake_forget(c); /* what it would have made */
    core_row_failed(c, in, rc);
    if (c->exit_code)
        return rc;
    undone = store_rollback_to(c->store);
    if (undone)
        core_give_up(c, in, undone);
    return rc;
}
