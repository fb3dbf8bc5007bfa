/* `amoctl queue drop`: what waits for a service or an account that will not come back is given up, and
 * its senders are informed.
 *
 * From: control.c. To: settle.c. Holds: nothing. */

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/control/moves.h"
#include "core/control/verbs.h"
#include "core/deliver/calls.h"
#include "core/deliver/settle.h"

/* given up in one call, so that core does not stand still; the answer says how many are left */
#define DROP_MAX 5000

/* Which commands are meant; one of the three. */
struct drop {
    struct view connector;
    struct view scope;
    int64_t conversation;
};

static struct view name_of(const struct dest *d)
{
    return view_of(d->name);
}

/* Towards the connector; or for an account of it that left, which could only come back with it. */
static bool is_of_connector(const struct registry *r, const struct lane *l, struct view name)
{
    const struct reg_scope *s = NULL;

    if (l->dest->kind == DEST_CONNECTOR)
        return view_equal(name_of(l->dest), name);
    s = registry_scope(r, name_of(l->dest));
    return s && s->disconnected && view_is(name, s->connector);
}

static bool is_meant(const struct core *c, const struct drop *d, const struct lane *l)
{
    if (d->connector.len)
        return is_of_connector(c->turn->registry, l, d->connector);
    if (d->scope.len)
        return (l->scope && view_equal(name_of(l->scope), d->scope)) ||
               (l->dest->kind == DEST_SCOPE && view_equal(name_of(l->dest), d->scope));
    return l->id > 1 && l->id / 2 == d->conversation;
}

static int drop_read(struct control_ask *ask, struct drop *d)
{
    const struct json_node *conversation = json_get(json_root(ask->args), "conversation");
    uint64_t number = 0;
    int n = 0;

    d->connector = control_arg(ask, "connector");
    d->scope = control_arg(ask, "scope_id");
    if (conversation) {
        if (!json_int(conversation, &d->conversation) &&
            num_parse_range(control_arg(ask, "conversation"), 1, INT64_MAX, &number))
            return control_fail(ask, EXIT_USAGE,
                                "--conversation takes our number, as in conversation list");
        d->conversation = d->conversation ? d->conversation : (int64_t)number;
    }
    n = (d->connector.len > 0) + (d->scope.len > 0) + (d->conversation > 0);
    if (n != 1)
        return control_fail(ask, EXIT_USAGE,
                            "one of --connector, --scope and --conversation is needed");
    return 0;
}

static int by_id(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;

    return (*x > *y) - (*x < *y);
}

struct found {
    int64_t *ids; /* in the order in which they came */
    size_t n;
    int64_t under_way; /* at a worker: their outcome decides */
};

static int drop_find(struct core *c, const struct drop *d, struct found *f)
{
    const struct core_command *cmd = NULL;
    size_t cap = queue_count(c->queue);
    size_t iter = 0;

    f->ids = mem_zalloc_array(cap + 1, sizeof(*f->ids));
    if (!f->ids)
        return -ENOMEM;
    while (f->n < cap && (cmd = table_next(c->queue->commands, &iter))) {
        if (!is_meant(c, d, cmd->lane))
            continue;
        if (cmd->state == COMMAND_IN_FLIGHT)
            f->under_way++;
        else
            f->ids[f->n++] = cmd->id;
    }
    qsort(f->ids, f->n, sizeof(*f->ids), by_id);
    return 0;
}

static void drop_all(struct core *c, const struct found *f, size_t n)
{
    for (size_t i = 0; i < n && !c->turn->exit_code; i++) {
        struct core_command *cmd = queue_find(c->queue, f->ids[i]);

        if (!cmd)
            continue;
        call_cancel(c, cmd);
        settle_dead(c, cmd, "dropped", VIEW_NONE);
    }
}

/* A name that nobody has, and nothing that waits for it: a slip of the pen must not look like a queue
 * that is empty. */
static const char *drop_unknown(const struct registry *r, const struct drop *d)
{
    if (d->connector.len && !registry_connector(r, d->connector))
        return "no such connector, and nothing waits for it; see amoctl queue";
    if (d->scope.len && !registry_scope(r, d->scope))
        return "no such account, and nothing waits for it; see amoctl queue";
    return NULL;
}

int verb_queue_drop(struct control_ask *ask)
{
    bool dry_run = moves_flag(ask, "dry_run");
    struct drop d = {0};
    struct found f = {0};
    size_t n = 0;
    int rc = drop_read(ask, &d);

    rc = rc ? rc : drop_find(ask->core, &d, &f);
    if (rc)
        return rc;
    if (f.n == 0 && f.under_way == 0 && drop_unknown(ask->core->turn->registry, &d)) {
        mem_free(f.ids);
        return control_fail(ask, EXIT_FAILED, "%s",
                            drop_unknown(ask->core->turn->registry, &d));
    }
    n = f.n < DROP_MAX ? f.n : DROP_MAX;
    if (!dry_run)
        drop_all(ask->core, &f, n);
    json_open_object(ask->w, NULL);
    json_add_int(ask->w, "dropped", (int64_t)(dry_run ? f.n : n));
    json_add_int(ask->w, "under_way", f.under_way);
    json_add_int(ask->w, "left", dry_run ? 0 : (int64_t)(f.n - n));
    if (dry_run)
        json_add_bool(ask->w, "dry_run", true);
    json_close_object(ask->w);
    mem_free(f.ids);
    return EXIT_FINE;
}
