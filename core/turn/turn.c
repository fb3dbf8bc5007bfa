/* The turn, and what it makes of the registry and of new commands.
 *
 * From: every room above. To: the store; the queue; the loop.
 * Holds: frames that leave after the commit; commands of the event in hand. */

#include "core/turn/turn.h"

#include <errno.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/stats.h"
#include "core/model/reach.h"
#include "core/store/checkpoint.h"
#include "core/turn/deaths.h"
#include "proto/bus/socket.h"

int turn_new(struct core *c, loop_fn *end, core_commit_fn *commit, core_ending_fn *ending)
{
    struct turn *t = mem_zalloc(sizeof(*t));

    if (!t)
        return -ENOMEM;
    c->turn = t;
    t->commit = commit;
    t->ending = ending;
    loop_deferred_init(&t->end, end, c);
    list_init(&t->parcels);
    list_init(&t->staged);
    list_init(&t->joins);
    t->n_commits =
        stats_counter(c->stats, "amo_commits_total", "", "transactions of the store");
    return 0;
}

void turn_free(struct core *c)
{
    struct turn *t = c->turn;

    if (!t)
        return;
    core_drop_staged(c);
    core_forget_parcels(c);
    checkpoint_stop(t->checkpoint);
    deaths_close(t->deaths);
    registry_free(t->registry);
    keys_fini(&t->keys);
    mem_free(t);
    c->turn = NULL;
}

int core_turn(struct core *c)
{
    int rc = 0;

    if (c->turn->exit_code)
        return -EIO;
    loop_defer(c->loop, &c->turn->end);
    c->turn->dirty = true;
    rc = store_begin(c->store);
    if (rc)
        core_give_up(c, "begin", rc);
    return rc;
}

void core_wake(struct core *c)
{
    loop_defer(c->loop, &c->turn->end);
}

static void parcel_free(struct parcel *p)
{
    list_remove(&p->link);
    buf_fini(&p->body);
    mem_free(p);
}

void core_forget_parcels(struct core *c)
{
    while (!list_is_empty(&c->turn->parcels))
        parcel_free(LIST_ENTRY(c->turn->parcels.next, struct parcel, link));
}

void core_send_parcels(struct core *c)
{
    while (!list_is_empty(&c->turn->parcels)) {
        struct parcel *p = LIST_ENTRY(c->turn->parcels.next, struct parcel, link);
        char head[ENVELOPE_MAX_LEN];
        size_t head_len = 0;

        p->envelope.unix_ms = clock_unix_ms();
        envelope_encode(&p->envelope, head, &head_len);
        /* whoever asked and went away does not wait for the answer any more */
        (void)!bus_send(p->socket, view_make(p->route, p->route_len), view_make(head, head_len),
                        buf_view(&p->body));
        parcel_free(p);
    }
}

/* --- the registry in force ---------------------------------------------------------------------- */

void core_apply_pauses(struct core *c)
{
    for (size_t i = 0; i < c->turn->registry->n_scopes; i++) {
        struct view id = view_of(c->turn->registry->scopes[i].id);
        struct dest *d = queue_dest(c->queue, DEST_SCOPE, id);
        int64_t now = clock_mono_ms();
        int64_t since = 0;

        if (d)
            d->left_unix_ms = c->turn->registry->scopes[i].left_ms;
        /* a disconnected account counts as paused since it left */
        if (!d || d->paused == c->turn->registry->scopes[i].paused)
            continue;
        /* after a restart: as long ago as it was, unless the wall clock says nonsense */
        if (!d->paused && store_scope_paused_since(c->store, id, &since) == 0 &&
            since < clock_unix_ms())
            now -= clock_unix_ms() - since;
        dest_pause(c->queue, d, c->turn->registry->scopes[i].paused, now);
    }
}

int core_registry_changed(struct core *c)
{
    int rc = store_registry_bump(c->store);

    return rc ? rc : core_registry_reload(c);
}

/* Pauses and secrets come and go often, and reach nobody else. */
void core_reach_changed(struct core *c)
{
    uint64_t print = reach_fingerprint(c->turn->registry);

    if (print == c->turn->reach_print)
        return;
    c->turn->reach_print = print;
    c->turn->reach_due = true;
    c->turn->reach_at = 0;
}

int core_registry_reload(struct core *c)
{
    struct registry *fresh = NULL;
    int rc = store_registry_load(c->store, &c->turn->keys, &fresh);

    if (rc)
        return rc;
    registry_free(c->turn->registry);
    c->turn->registry = fresh;
    c->turn->registry_changed = true;
    core_reach_changed(c);
    core_apply_pauses(c);
    core_wake(c);
    return 0;
}

/* --- new commands ------------------------------------------------------------------------------- */

int core_queue_add(struct core *c, const struct command_row *row, struct core_command **ret)
{
    c->queue->doubt = c->turn->doubt.on;
    return queue_add(c->queue, row, clock_mono_ms(), clock_unix_ms(), ret);
}

int core_enqueue(struct core *c, const struct command_row *row)
{
    struct core_command *cmd = NULL;
    int rc = core_queue_add(c, row, &cmd);

    if (rc == 0) {
        cmd->tried = cmd->again = c->turn->again;
        cmd->unsure = row->unsure;
        c->queue->n_again += c->turn->again;
        core_wake(c);
    }
    return rc;
}

/* The lanes of two conversations that became one, in both directions. */
static int keep_join(struct core *c, struct join *j)
{
    int rc = queue_join(c->queue, command_lane_of(j->from, true), command_lane_of(j->to, true));

    rc = rc ? rc
            : queue_join(c->queue, command_lane_of(j->from, false),
                         command_lane_of(j->to, false));
    list_remove(&j->link);
    mem_free(j);
    return rc;
}

int core_commit_staged(struct core *c)
{
    int rc = 0;

    while (rc == 0 && !list_is_empty(&c->turn->joins))
        rc = keep_join(c, LIST_ENTRY(c->turn->joins.next, struct join, link));
    while (rc == 0 && !list_is_empty(&c->turn->staged)) {
        struct staged *f = LIST_ENTRY(c->turn->staged.next, struct staged, link);

        list_remove(&f->link);
        rc = core_enqueue(c, &f->row);
        command_row_fini(&f->row);
        mem_free(f);
    }
    core_drop_staged(c);
    return rc;
}

void core_drop_staged(struct core *c)
{
    while (!list_is_empty(&c->turn->joins)) {
        struct join *j = LIST_ENTRY(c->turn->joins.next, struct join, link);

        list_remove(&j->link);
        mem_free(j);
    }
    while (!list_is_empty(&c->turn->staged)) {
        struct staged *f = LIST_ENTRY(c->turn->staged.next, struct staged, link);

        list_remove(&f->link);
        command_row_fini(&f->row);
        mem_free(f);
    }
}
