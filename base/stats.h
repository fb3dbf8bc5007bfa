#pragma once

/* Counters, gauges and histograms of one process, printed in Prometheus' text form.
 *
 * A metric is made once at start and held by pointer by its one owner; labels are part of the
 * name it is made with. Labels from outside have a bounded set, so the number of metrics is
 * bounded too (STATS_MAX). Single thread. */

#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

#define STATS_MAX 4096

struct stats;

struct stat_counter {
    uint64_t value;
};
struct stat_gauge {
    double value;
};
struct stat_histogram;

AMO_MUSTCHECK int stats_new(struct stats **ret_stats);
void stats_free(struct stats *s);

/* The metric @name ("amo_webhooks_total") with @labels ("source=\"amojo\",result=\"ok\"", or
 * "" for none): the existing one or a new one, owned by @s. @help is shown once a name. When
 * there is no memory or room, a metric that is counted but not shown: never NULL. */
struct stat_counter *stats_counter(struct stats *s, const char *name, const char *labels,
                                   const char *help);
struct stat_gauge *stats_gauge(struct stats *s, const char *name, const char *labels,
                               const char *help);
/* Buckets for seconds: 0.5 ms … 60 s. */
struct stat_histogram *stats_histogram(struct stats *s, const char *name, const char *labels,
                                       const char *help);

/* A metric whose label @label has values from outside, as names of connectors are: at most STATS_ROWS of them
 * have a row, the others are summed up in the row "other". A counter's rows go to those who come first and
 * stay (a row that changed its meaning would look like a jump); a gauge's are set anew each time it is looked
 * at, and go to the largest. Never NULL, as above. */
struct stat_rows;
struct stat_rows *stats_counter_rows(struct stats *s, const char *name, const char *labels,
                                     const char *label, const char *help);
struct stat_rows *stats_gauge_rows(struct stats *s, const char *name, const char *labels,
                                   const char *label, const char *help);
#define STATS_ROWS      32U
#define STATS_ROW_VALUE 80U /* bytes of a value; a longer one is counted in "other" */
/* Of a counter. */
void stat_rows_add(struct stat_rows *r, struct view value, uint64_t n);
/* Of a gauge: nobody has anything; @value, which was not put before, has @amount. */
void stat_rows_clear(struct stat_rows *r);
void stat_rows_put(struct stat_rows *r, struct view value, double amount);

static inline void stat_add(struct stat_counter *c, uint64_t n)
{
    c->value += n;
}
static inline void stat_set(struct stat_gauge *g, double value)
{
    g->value = value;
}
void stat_observe(struct stat_histogram *h, double seconds);

/* Appends the text form of all of them to @out. */
AMO_MUSTCHECK int stats_print(const struct stats *s, struct buf *out);
