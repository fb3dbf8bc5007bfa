/* What: what one side sends, listed and in lines.
 * From: amojo/hooks, service/calls.
 * To:   http/lanes.
 * Holds: an entry from queue to answer, and in the log until a reset. */
#include "tools/sandbox/record/outbox.h"

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "tools/sandbox/http/wire.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/record/world.h"

/* One owner less; the last one frees. */
static void outbox_drop(struct outbox_entry *e)
{
    if (--e->n_owners > 0)
        return;
    e->fini(e);
    json_object_put(e->shown.o);
    mem_free(e);
}

void *outbox_entry_of(struct lane_job *job)
{
    return LIST_ENTRY(job, struct outbox_entry, lane);
}

static void outbox_free_job(struct lane_job *job)
{
    outbox_drop(outbox_entry_of(job));
}

int outbox_init(struct outbox *b, struct sandbox *s, const char *name, lanes_start_fn *start,
                outbox_fini_fn *fini)
{
    b->name = name;
    b->fini = fini;
    return lanes_new(&b->lanes, &s->timers, start, outbox_free_job, s);
}

void outbox_fini(struct outbox *b)
{
    lanes_free(b->lanes);
    outbox_clear(b);
}

int outbox_entry_new(struct sandbox *s, struct outbox *b, size_t size, void **ret_entry)
{
    struct outbox_entry *e = NULL;
    struct json_object *o = NULL;

    if (!sandbox_has_space(s, b->log.n, (size_t)s->settings.max_log, "max_log") ||
        !sandbox_has_space(s, lanes_count(b->lanes), SANDBOX_QUEUE_MAX, "queued calls"))
        return -ENOSPC;
    e = mem_zalloc(size);
    if (!e)
        return -ENOMEM;
    o = json_object_new_object();
    e->shown = (struct journal_entry){sandbox_seq(s), o};
    e->number = b->last_number + 1;
    e->n_owners = 1;
    e->sandbox = s;
    e->fini = b->fini;
    jread_add_uint(o, "seq", e->shown.seq);
    jread_add_uint(o, b->name, e->number);
    jread_add_int(o, "status", 0); /* no answer */
    jread_add_str_or_null(o, "error", NULL);
    jread_add_int(o, "queued_at_ms", sandbox_unix_ms(s));
    jread_add_int(o, "took_us", 0);
    *ret_entry = e;
    return 0;
}

int outbox_add(struct outbox *b, struct outbox_entry *e, const char *lane)
{
    char alone[32];
    int rc = vec_reserve(&b->log);

    (void)snprintf(alone, sizeof(alone), "alone-%llu",
                   (unsigned long long)e->number); /* fits */
    if (rc == 0)
        rc = lanes_add(b->lanes, lane ? lane : alone, &e->lane);
    if (rc) {
        outbox_drop(e);
        return rc;
    }
    e->n_owners++; /* its line */
    b->last_number = e->number;
    return vec_add(&b->log, e); /* there is room */
}

void *outbox_get(const struct outbox *b, uint64_t number)
{
    uint64_t first = b->last_number - b->log.n + 1;

    return number < first || number > b->last_number ? NULL : b->log.at[number - first];
}

void outbox_note(struct outbox_entry *e, const struct wire_result *result, bool over)
{
    e->over = over;
    jread_add_int(e->shown.o, "status", result->status);
    jread_add_str_or_null(e->shown.o, "error", result->error);
    jread_add_int(e->shown.o, "took_us", result->took_us);
}

void outbox_clear(struct outbox *b)
{
    for (size_t i = 0; i < b->log.n; i++)
        outbox_drop(b->log.at[i]);
    vec_fini(&b->log);
}
