/* The end of this run of core, as far as it concerns others: the event or command being handled is put
 * aside if damage is in its way, and the edges are informed that core ends.
 *
 * From: core_give_up(). To: the quarantine, the dead letters; every ingress. Holds: nothing. */

#include "core/intake/aside.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/process.h"
#include "core/intake/intake.h"
#include "core/peers/peers.h"
#include "core/peers/spools.h"
#include "core/turn/deaths.h"

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
        h->spool ? take_alone(c, h->spool, h->number) : store_deferred_drop(c->store, h->event);

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
    const struct hand *h = &c->turn->hand;
    int rc = store_abandon(c->store);

    rc = rc ? rc : store_begin(c->store);
    if (rc == 0 && h->event.ptr)
        rc = event_aside(c, h);
    else if (rc == 0 && h->command)
        rc = command_aside(c, h->command);
    else if (rc == 0 && !h->asked)
        rc = STORE_DAMAGED; /* whatever core does by itself at every start */
    return rc ? rc : store_commit(c->store);
}

static int damage_code(struct core *c, int rc)
{
    int failed = 0;

    if (!store_is_looked_at(c->store)) {
        store_found_damaged(c->store, rc); /* the next start looks, and repairs what it can */
        return EXIT_TEMPORARY;
    }
    failed = hand_aside(c);
    if (failed)
        core_log_store(c, "store.failed", "aside", failed);
    return failed ? EXIT_USAGE : EXIT_TEMPORARY; /* every start would find the same */
}

int aside_ending(struct core *c, int rc)
{
    bool counts = rc != STORE_FULL && rc != STORE_READONLY && rc != STORE_BUSY;
    int code = EXIT_TEMPORARY;

    deaths_ending(c->turn->deaths, counts && rc != STORE_DAMAGED); /* that has its own end */
    if (rc == STORE_DAMAGED)
        code = damage_code(c, rc);
    peers_say_going(c, counts);
    return code;
}
