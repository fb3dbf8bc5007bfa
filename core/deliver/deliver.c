/* What the room holds, made and freed. */

#include "core/deliver/deliver.h"

#include <errno.h>

#include "base/mem.h"
#include "base/stats.h"
#include "core/deliver/calls.h"

int deliver_new(struct core *c)
{
    struct deliver *d = mem_zalloc(sizeof(*d));

    if (!d)
        return -ENOMEM;
    c->deliver = d;
    list_init(&d->calls);
    d->n_dead = stats_counter(c->stats, "amo_dead_letters_total", "", "commands given up");
    d->n_foreign = stats_counter(c->stats, "amo_results_foreign_total", "",
                                 "results of workers that were not given the attempt");
    d->journey_in = stats_histogram(c->stats, "amo_journey_seconds", "direction=\"inbound\"",
                                    "webhook in to call answered");
    d->journey_out = stats_histogram(c->stats, "amo_journey_seconds", "direction=\"outbound\"",
                                     "webhook in to call answered");
    return 0;
}

void deliver_free(struct core *c)
{
    if (!c->deliver)
        return;
    call_free(c);
    mem_free(c->deliver);
    c->deliver = NULL;
}
