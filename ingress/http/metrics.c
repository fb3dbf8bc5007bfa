/* Makes the metrics of ingress, and counts requests by source and result. */

#include "ingress/http/metrics.h"

#include <stdio.h>

#include "ingress/http/guard.h"
#include "ingress/http/request.h"

static void init_strangers(struct metrics *f, const char *labels)
{
    char more[192];

    for (int i = 0; i < PLACE_N_REASONS; i++) {
        (void)snprintf(more, sizeof(more), "%s,reason=\"%s\"", labels,
                       place_reason_name((enum place_reason)i)); /* fits */
        f->put_out[i] =
            stats_counter(f->stats, "amo_put_out_total", more,
                          "unproven connections closed to make room, by what was short");
    }
    (void)snprintf(more, sizeof(more), "%s,reason=\"malformed\"", labels);
    f->malformed = stats_counter(f->stats, "amo_heads_refused_total", more,
                                 "requests answered at their head, by why");
    (void)snprintf(more, sizeof(more), "%s,reason=\"rate\"", labels);
    f->flooding = stats_counter(f->stats, "amo_heads_refused_total", more,
                                "requests answered at their head, by why");
    f->strangers = stats_gauge(f->stats, "amo_connections_strangers", labels,
                               "connections of addresses that verified nothing lately");
    (void)snprintf(more, sizeof(more), "%s,proof=\"none\"", labels);
    f->body_bytes =
        stats_gauge(f->stats, "amo_body_bytes", more, "bodies that are being read, by proof");
    (void)snprintf(more, sizeof(more), "%s,proof=\"token\"", labels);
    f->token_bytes =
        stats_gauge(f->stats, "amo_body_bytes", more, "bodies that are being read, by proof");
}

int metrics_init(struct metrics *f, const char *process)
{
    char labels[128];
    int rc = 0;

    *f = (struct metrics){.process = process};
    rc = stats_new(&f->stats);
    if (rc)
        return rc;
    (void)snprintf(labels, sizeof(labels), "process=\"%s\"",
                   process); /* a name has 63 at most */
    f->accept = stats_histogram(f->stats, "amo_accept_seconds", labels,
                                "from the head of a request to its durable acceptance");
    f->flushes =
        stats_counter(f->stats, "amo_flushes_total", labels, "times the spool was synced");
    f->flushed_events = stats_counter(f->stats, "amo_flushed_events_total", labels,
                                      "events that became durable by those");
    f->crowded = stats_counter(f->stats, "amo_connections_refused_total", labels,
                               "connections closed because there was no memory for them");
    f->cut = stats_counter(f->stats, "amo_connections_cut_total", labels,
                           "connections cut because a request took too long");
    f->warned = stats_counter_rows(f->stats, "amo_requests_warned_total", labels, "connector",
                                   "requests of services with a part that was cut or left out");
    f->over_share =
        stats_counter_rows(f->stats, "amo_over_share_total", labels, "sender",
                           "requests refused because so much of their sender waits");
    f->spool_connector =
        stats_gauge_rows(f->stats, "amo_spool_connector_bytes", labels, "connector",
                         "bytes of events of connectors that core has not taken yet");
    f->spool_connector_events =
        stats_gauge_rows(f->stats, "amo_spool_connector_events", labels, "connector",
                         "events of connectors that core has not taken yet");
    f->spool_amojo = stats_gauge(f->stats, "amo_spool_amojo_bytes", labels,
                                 "bytes of amojo's webhooks that core has not taken yet");
    f->spool_events =
        stats_gauge(f->stats, "amo_spool_events", labels, "events that core has not taken yet");
    f->spool_bytes =
        stats_gauge(f->stats, "amo_spool_bytes", labels, "bytes of segments with such events");
    f->spool_lost = stats_gauge(f->stats, "amo_spool_lost_events", labels,
                                "damaged events that were stepped over");
    f->connections = stats_gauge(f->stats, "amo_connections", labels, "open connections");
    init_strangers(f, labels);
    return 0;
}

void metrics_fini(struct metrics *f)
{
    stats_free(f->stats);
    f->stats = NULL;
}

void metrics_places(struct metrics *f, const struct places *p)
{
    stat_set(f->connections, (double)p->n);
    stat_set(f->strangers, (double)guard_strangers(p->guard)->connections);
    stat_set(f->body_bytes, (double)p->body_bytes);
    stat_set(f->token_bytes, (double)p->token_bytes);
}

static struct stat_counter *tally(struct metrics *f, enum source source, const char *result)
{
    struct stat_counter *counter = NULL;
    char labels[160];

    for (unsigned i = 0; i < f->n_tallies; i++) {
        if (f->tallies[i].result == result && f->tallies[i].source == (int)source)
            return f->tallies[i].counter;
    }
    (void)snprintf(labels, sizeof(labels), "process=\"%s\",source=\"%s\",result=\"%s\"",
                   f->process, source == SOURCE_AMOJO ? "amojo" : "connector",
                   result); /* words of ours */
    counter = stats_counter(f->stats, "amo_webhooks_total", labels,
                            "requests by what became of them");
    if (f->n_tallies < AMO_COUNT(f->tallies))
        f->tallies[f->n_tallies++] = (struct tally){result, (int)source, counter};
    return counter;
}

void metrics_count(struct metrics *f, const struct request *x, int64_t mono_us)
{
    if (x->source == SOURCE_NONE)
        return;
    if (x->warned && x->status == 202)
        stat_rows_add(f->warned, x->name, 1);
    stat_add(tally(f, x->source, request_result(x)), 1);
    if (!x->asks && (x->status == 200 || x->status == 202))
        stat_observe(f->accept, (double)(mono_us - x->began_us) / 1e6);
}

void metrics_count_refused(struct metrics *f, int source, unsigned status, struct view name)
{
    struct stat_rows *rows = NULL;
    char labels[160];

    for (unsigned i = 0; i < f->n_refused; i++) {
        if (f->refused[i].status == status && f->refused[i].source == source) {
            stat_rows_add(f->refused[i].rows, name, 1);
            return;
        }
    }
    (void)snprintf(labels, sizeof(labels), "process=\"%s\",source=\"%s\",status=\"%u\"",
                   f->process, source == SOURCE_AMOJO ? "amojo" : "connector",
                   status); /* fits */
    rows = stats_counter_rows(f->stats, "amo_refused_total", labels, "name",
                              "requests refused, by channel or connector");
    if (f->n_refused < AMO_COUNT(f->refused))
        f->refused[f->n_refused++] = (struct refused_tally){status, source, rows};
    stat_rows_add(rows, name, 1);
}

void metrics_count_previous(struct metrics *f, const char *kind, const char *name)
{
    char labels[160];

    (void)snprintf(labels, sizeof(labels), "process=\"%s\",kind=\"%s\"", f->process,
                   kind); /* words of ours */
    stat_rows_add(
        stats_counter_rows(f->stats, "amo_old_credentials_total", labels, "name",
                           "requests that proved themselves by a credential being rotated out"),
        view_of(name), 1);
}
