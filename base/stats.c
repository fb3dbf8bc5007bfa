/* The list of metrics of a process, sorted by name and labels, and printing it. A metric that
 * cannot be made is counted in a spare one that is never printed. */

#include "base/stats.h"

#include <errno.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"

enum stat_kind {
    STAT_COUNTER,
    STAT_GAUGE,
    STAT_HISTOGRAM,
};

static const double bounds[] = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,
                                0.2,    0.5,   1,     2,     5,    10,   30,   60};

struct stat_histogram {
    uint64_t buckets[AMO_COUNT(bounds) + 1];
    uint64_t count;
    double sum;
};

struct metric {
    struct list link;
    enum stat_kind kind;
    char *name;
    char *labels;
    char *help;
    union {
        struct stat_counter counter;
        struct stat_gauge gauge;
        struct stat_histogram histogram;
    } as;
};

struct stats {
    struct list metrics; /* kept sorted by name, so that one name's rows stand together */
    size_t n_metrics;
    struct metric spare; /* what is counted when nothing could be made */
};

int stats_new(struct stats **ret_stats)
{
    struct stats *s = mem_zalloc(sizeof(*s));

    if (!s)
        return -ENOMEM;
    list_init(&s->metrics);
    list_init(&s->spare.link);
    *ret_stats = s;
    return 0;
}

static void metric_free(struct metric *m)
{
    if (!m)
        return;
    mem_free(m->name);
    mem_free(m->labels);
    mem_free(m->help);
    mem_free(m);
}

void stats_free(struct stats *s)
{
    if (!s)
        return;
    while (!list_is_empty(&s->metrics)) {
        struct metric *m = LIST_ENTRY(s->metrics.next, struct metric, link);

        list_remove(&m->link);
        metric_free(m);
    }
    mem_free(s);
}

static struct metric *metric_new(enum stat_kind kind, const char *name, const char *labels,
                                 const char *help)
{
    struct metric *m = mem_zalloc(sizeof(*m));

    if (!m)
        return NULL;
    list_init(&m->link);
    m->kind = kind;
    m->name = mem_strdup(name);
    m->labels = mem_strdup(labels);
    m->help = mem_strdup(help);
    if (m->name && m->labels && m->help)
        return m;
    metric_free(m);
    return NULL;
}

static struct metric *stats_find_or_make(struct stats *s, enum stat_kind kind, const char *name,
                                         const char *labels, const char *help)
{
    struct list *place = s->metrics.next;
    struct metric *m = NULL;

    for (; place != &s->metrics; place = place->next) {
        int c = 0;

        m = LIST_ENTRY(place, struct metric, link);
        c = strcmp(m->name, name);
        if (c == 0)
            c = strcmp(m->labels, labels);
        if (c == 0)
            return m;
        if (c > 0)
            break;
    }
    m = s->n_metrics < STATS_MAX ? metric_new(kind, name, labels, help) : NULL;
    if (!m)
        return &s->spare;
    list_insert_before(place, &m->link);
    s->n_metrics++;
    return m;
}

struct stat_counter *stats_counter(struct stats *s, const char *name, const char *labels,
                                   const char *help)
{
    return &stats_find_or_make(s, STAT_COUNTER, name, labels, help)->as.counter;
}

struct stat_gauge *stats_gauge(struct stats *s, const char *name, const char *labels,
                               const char *help)
{
    return &stats_find_or_make(s, STAT_GAUGE, name, labels, help)->as.gauge;
}

struct stat_histogram *stats_histogram(struct stats *s, const char *name, const char *labels,
                                       const char *help)
{
    return &stats_find_or_make(s, STAT_HISTOGRAM, name, labels, help)->as.histogram;
}

void stat_observe(struct stat_histogram *h, double seconds)
{
    size_t i = 0;

    while (i < AMO_COUNT(bounds) && seconds > bounds[i])
        i++;
    h->buckets[i]++;
    h->count++;
    h->sum += seconds;
}

static void histogram_print(const struct metric *m, struct buf *out)
{
    const char *comma = m->labels[0] ? "," : "";
    uint64_t below = 0;

    for (size_t i = 0; i < AMO_COUNT(bounds); i++) {
        below += m->as.histogram.buckets[i];
        (void)buf_add_f(out, "%s_bucket{%s%sle=\"%g\"} %llu\n", m->name, m->labels, comma,
                        bounds[i], (unsigned long long)below);
    }
    (void)buf_add_f(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", m->name, m->labels, comma,
                    (unsigned long long)m->as.histogram.count);
    (void)buf_add_f(out, "%s_sum{%s} %.6f\n%s_count{%s} %llu\n", m->name, m->labels,
                    m->as.histogram.sum, m->name, m->labels,
                    (unsigned long long)m->as.histogram.count);
}

static void metric_print(const struct metric *m, struct buf *out)
{
    switch (m->kind) {
    case STAT_COUNTER:
        (void)buf_add_f(out, "%s{%s} %llu\n", m->name, m->labels,
                        (unsigned long long)m->as.counter.value);
        break;
    case STAT_GAUGE:
        (void)buf_add_f(out, "%s{%s} %.15g\n", m->name, m->labels, m->as.gauge.value);
        break;
    case STAT_HISTOGRAM:
        histogram_print(m, out);
        break;
    }
}

int stats_print(const struct stats *s, struct buf *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    const char *last = "";

    for (const struct list *l = s->metrics.next; l != &s->metrics; l = l->next) {
        const struct metric *m = LIST_ENTRY_CONST(l, struct metric, link);

        if (strcmp(last, m->name) != 0)
            (void)buf_add_f(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
                            kinds[m->kind]);
        last = m->name;
        metric_print(m, out);
    }
    return buf_error(out);
}
