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
    STAT_COUNTER_ROWS,
    STAT_GAUGE_ROWS,
};

static const double bounds[] = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,
                                0.2,    0.5,   1,     2,     5,    10,   30,   60};

struct stat_histogram {
    uint64_t buckets[AMO_COUNT(bounds) + 1];
    uint64_t count;
    double sum;
};

struct stat_row {
    char value[STATS_ROW_VALUE]; /* zeros behind it; no NUL when it fills it */
    double amount;
};

struct stat_rows {
    const char *label; /* a constant of the maker's */
    struct stat_row rows[STATS_ROWS];
    size_t n;
    double other;
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
        struct stat_rows *rows; /* owned; NULL: there was no memory for them */
    } as;
};

struct stats {
    struct list metrics; /* kept sorted by name, so that one name's rows stand together */
    size_t n_metrics;
    struct metric spare; /* what is counted when nothing could be made */
    struct stat_rows spare_rows;
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
    if (m->kind == STAT_COUNTER_ROWS || m->kind == STAT_GAUGE_ROWS)
        mem_free(m->as.rows);
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

/* --- rows by a label from outside --------------------------------------------------------- */

static struct stat_rows *rows_of(struct stats *s, struct metric *m, const char *label)
{
    if (m == &s->spare)
        return &s->spare_rows;
    if (!m->as.rows)
        m->as.rows = mem_zalloc(sizeof(*m->as.rows));
    if (!m->as.rows)
        return &s->spare_rows;
    m->as.rows->label = label;
    return m->as.rows;
}

struct stat_rows *stats_counter_rows(struct stats *s, const char *name, const char *labels,
                                     const char *label, const char *help)
{
    return rows_of(s, stats_find_or_make(s, STAT_COUNTER_ROWS, name, labels, help), label);
}

struct stat_rows *stats_gauge_rows(struct stats *s, const char *name, const char *labels,
                                   const char *label, const char *help)
{
    return rows_of(s, stats_find_or_make(s, STAT_GAUGE_ROWS, name, labels, help), label);
}

static void row_set(struct stat_row *row, struct view value, double amount)
{
    *row = (struct stat_row){.amount = amount};
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];

        row->value[i] = c;
        if (c <= ' ' || c > '~' || c == '"' || c == '\\')
            row->value[i] = '_'; /* it must not end the label */
    }
}

static struct stat_row *row_of(struct stat_rows *r, struct view value)
{
    struct stat_row named;

    row_set(&named, value, 0);
    for (size_t i = 0; i < r->n; i++) {
        if (memcmp(r->rows[i].value, named.value, sizeof(named.value)) == 0)
            return &r->rows[i];
    }
    return NULL;
}

void stat_rows_add(struct stat_rows *r, struct view value, uint64_t n)
{
    struct stat_row *row = value.len <= STATS_ROW_VALUE ? row_of(r, value) : NULL;

    if (row)
        row->amount += (double)n;
    else if (r->n < STATS_ROWS && value.len <= STATS_ROW_VALUE)
        row_set(&r->rows[r->n++], value, (double)n);
    else
        r->other += (double)n;
}

void stat_rows_clear(struct stat_rows *r)
{
    r->n = 0;
    r->other = 0;
}

void stat_rows_put(struct stat_rows *r, struct view value, double amount)
{
    struct stat_row *least = &r->rows[0];

    if (value.len > STATS_ROW_VALUE) {
        r->other += amount;
        return;
    }
    if (r->n < STATS_ROWS) {
        row_set(&r->rows[r->n++], value, amount);
        return;
    }
    for (size_t i = 1; i < r->n; i++)
        least = r->rows[i].amount < least->amount ? &r->rows[i] : least;
    if (least->amount >= amount) {
        r->other += amount;
        return;
    }
    r->other += least->amount;
    row_set(least, value, amount);
}

static void rows_print(const struct metric *m, struct buf *out)
{
    const struct stat_rows *r = m->as.rows;
    const char *comma = m->labels[0] ? "," : "";

    for (size_t i = 0; r && i < r->n; i++)
        (void)buf_add_f(out, "%s{%s%s%s=\"%.*s\"} %.15g\n", m->name, m->labels, comma, r->label,
                        (int)STATS_ROW_VALUE, r->rows[i].value, r->rows[i].amount);
    if (r)
        (void)buf_add_f(out, "%s{%s%s%s=\"other\"} %.15g\n", m->name, m->labels, comma,
                        r->label, r->other);
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
    case STAT_COUNTER_ROWS:
    case STAT_GAUGE_ROWS:
        rows_print(m, out);
        break;
    }
}

int stats_print(const struct stats *s, struct buf *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram", "counter", "gauge"};
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
