/* The metrics of a worker. The counters of attempts are made when their target, outcome and
 * status are first seen. */

#include "egress/metrics.h"

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"

/* 0 = no answer, 100..599; whatever else counts as 600 */
#define N_STATUS   601
#define N_TARGETS  3
#define N_OUTCOMES 7

struct metrics {
    struct stats *stats;
    struct stat_counter *attempts[N_TARGETS][N_OUTCOMES][N_STATUS]; /* made when first seen */
    struct stat_histogram *seconds[N_TARGETS];
    struct stat_gauge *skew;
    struct stat_gauge *queued;
    struct stat_gauge *running;
    struct stat_gauge *kept;
    struct stat_counter *connects;
};

int metrics_new(struct stats *s, struct metrics **ret_metrics)
{
    struct metrics *f = mem_zalloc(sizeof(*f));

    if (!f)
        return -ENOMEM;
    f->stats = s;
    for (unsigned t = TARGET_AMOJO; t < N_TARGETS; t++) {
        char labels[64];

        (void)snprintf(labels, sizeof(labels), "target=\"%s\"", target_name(t)); /* fits */
        f->seconds[t] = stats_histogram(s, "amo_attempt_seconds", labels,
                                        "time of one attempt, from connect to answer");
    }
    f->skew = stats_gauge(s, "amo_clock_skew_seconds", "",
                          "amojo's clock minus ours, from the last answer");
    f->queued = stats_gauge(s, "amo_attempts_queued", "", "commands taken and not yet started");
    f->running = stats_gauge(s, "amo_attempts_running", "", "attempts under way");
    f->kept = stats_gauge(s, "amo_results_kept", "", "results core has not yet taken");
    f->connects = stats_counter(s, "amo_connects_total", "", "connections opened");
    *ret_metrics = f;
    return 0;
}

void metrics_free(struct metrics *f)
{
    mem_free(f);
}

void metrics_attempt(struct metrics *f, enum target t, uint64_t outcome, unsigned status,
                     int64_t took_ms)
{
    unsigned at = status == 0 || (status >= 100 && status < 600) ? status : 600;
    struct stat_counter **c = &f->attempts[t][outcome < N_OUTCOMES ? outcome : 0][at];
    char labels[96];

    if (!*c) {
        (void)snprintf(labels, sizeof(labels), "target=\"%s\",outcome=\"%s\",status=\"%u\"",
                       target_name(t), outcome_name(outcome), at); /* fits */
        *c = stats_counter(f->stats, "amo_attempts_total", labels,
                           "attempts by what they meant; status 0 is no answer");
    }
    stat_add(*c, 1);
    stat_observe(f->seconds[t], (double)took_ms / 1000.0);
}

void metrics_skew(struct metrics *f, int64_t skew_ms)
{
    stat_set(f->skew, (double)skew_ms / 1000.0);
}

void metrics_now(struct metrics *f, size_t n_queued, size_t n_running, size_t n_kept,
                 uint64_t n_connects)
{
    stat_set(f->queued, (double)n_queued);
    stat_set(f->running, (double)n_running);
    stat_set(f->kept, (double)n_kept);
    stat_add(f->connects, n_connects - f->connects->value);
}
