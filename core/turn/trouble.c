/* What a failure means: the end of this run of core, or that one row is put aside.
 *
 * A failure of the machine (no memory, a failing or full disk) says nothing about the row being handled:
 * core ends and is started again from the store. Everything else concerns the row: it is undone, logged
 * and left, and core continues. One table: docs/adr/0016-error-classes.md. */

#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "core/turn/turn.h"

/* the same pass may meet the same row every second */
#define ROW_FAILED_EVERY_MS 60000

bool core_is_trouble(int rc)
{
    return rc == -EIO || rc == -ENOMEM || rc == STORE_BUSY || rc == STORE_FULL ||
           rc == STORE_READONLY || rc == STORE_DAMAGED;
}

void core_log_store(const struct core *c, const char *what, const char *in, int rc)
{
    log_failed(LOG_LEVEL_ERROR, what, store_errno(rc), "in=%s file=%s sqlite=\"%s\"", in,
               store_path(c->store), store_error(c->store, rc));
}

void core_give_up(struct core *c, const char *in, int rc)
{
    if (c->turn->exit_code == EXIT_TEMPORARY || c->turn->exit_code == EXIT_USAGE)
        return;
    core_log_store(c, "store.failed", in, rc);
    c->turn->exit_code = c->turn->ending(c, rc);
    if (c->loop)
        loop_stop(c->loop);
}

static void row_tell(struct core *c, const char *in, int rc)
{
    int64_t now = clock_mono_ms();

    c->turn->n_rows_failed++;
    if (c->turn->row_failed_mono_ms &&
        now - c->turn->row_failed_mono_ms < ROW_FAILED_EVERY_MS && c->turn->row_failed_in == in)
        return;
    c->turn->row_failed_mono_ms = now;
    c->turn->row_failed_in = in;
    core_log_store(c, "row.failed", in, rc);
}

void core_row_failed(struct core *c, const char *in, int rc)
{
    if (core_is_trouble(rc))
        core_give_up(c, in, rc);
    else
        row_tell(c, in, rc);
}

void core_ask(struct core *c)
{
    c->turn->asked_apart = store_damage(c->store) && c->turn->commit;
    if (c->turn->asked_apart)
        c->turn->commit(c);
    c->turn->asked_changes = store_changes(c->store);
}

bool core_asked(struct core *c, const char *in, int rc)
{
    bool only_read = store_changes(c->store) == c->turn->asked_changes;

    if (rc != STORE_DAMAGED || c->turn->exit_code)
        return false;
    if (c->turn->asked_apart && only_read) {
        row_tell(c, in, rc);
        rc = store_abandon(c->store);
        if (rc == 0)
            c->turn->dirty = false; /* there was nothing else in it */
    }
    if (rc == 0)
        return true;
    c->turn->hand = (struct hand){.asked = true};
    core_give_up(c, in, rc);
    c->turn->hand = (struct hand){0};
    return false;
}

int core_row_begin(struct core *c)
{
    int rc = core_turn(c);

    return rc ? rc : store_savepoint(c->store);
}

int core_row_end(struct core *c, const char *in, int rc)
{
    int undone = 0;

    if (c->turn->exit_code)
        return rc ? rc : -EIO;
    if (rc == 0)
        rc = store_release(c->store);
    if (rc == 0)
        return 0;
    core_drop_staged(c); /* what it would have made */
    core_row_failed(c, in, rc);
    if (c->turn->exit_code)
        return rc;
    undone = store_rollback_to(c->store);
    if (undone)
        core_give_up(c, in, undone);
    return rc;
}
