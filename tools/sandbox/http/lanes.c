/* What: lines of jobs. READY lines are in a list of their own, in the order they became so;
 * the others wait for their first job to end or for a timer. */
#include "tools/sandbox/http/lanes.h"

#include <errno.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/table.h"

enum {
    STUMBLE_MS = 50
};

/* Ready in lanes.ready, busy with its first job started, or waiting for its timer. A line without
 * jobs is forgotten. */
struct lane {
    struct list all;  /* lanes.all */
    struct list link; /* lanes.ready */
    struct lanes *lanes;
    char *key;
    struct list jobs; /* struct lane_job */
    struct timer timer;
};

struct lanes {
    struct table *by_key;
    struct list all;
    struct list ready;
    struct timers *timers;
    lanes_start_fn *start;
    lanes_free_fn *free_fn;
    void *arg;
    int64_t busy;
    size_t n_jobs;
};

int lanes_new(struct lanes **ret_lanes, struct timers *timers, lanes_start_fn *start,
              lanes_free_fn *free_fn, void *arg)
{
    struct lanes *ls = mem_zalloc(sizeof(*ls));

    if (!ls)
        return -ENOMEM;
    if (table_new(&ls->by_key)) {
        mem_free(ls);
        return -ENOMEM;
    }
    list_init(&ls->all);
    list_init(&ls->ready);
    ls->timers = timers;
    ls->start = start;
    ls->free_fn = free_fn;
    ls->arg = arg;
    *ret_lanes = ls;
    return 0;
}

/* A line that is known has a job. */
static struct lane_job *lane_first(const struct lane *l)
{
    return LIST_ENTRY(l->jobs.next, struct lane_job, link);
}

static void lane_free(struct lane *l)
{
    list_remove(&l->all);
    list_remove(&l->link);
    timers_disarm(&l->timer);
    while (!list_is_empty(&l->jobs)) {
        struct lane_job *job = lane_first(l);

        list_remove(&job->link);
        l->lanes->n_jobs--;
        l->lanes->free_fn(job);
    }
    mem_free(l->key);
    mem_free(l);
}

void lanes_clear(struct lanes *ls)
{
    struct lane *l = NULL;

    while (!list_is_empty(&ls->all)) {
        l = LIST_ENTRY(ls->all.next, struct lane, all);
        (void)table_remove(ls->by_key, view_of(l->key)); /* it is there */
        lane_free(l);
    }
    ls->busy = 0;
}

void lanes_free(struct lanes *ls)
{
    if (!ls)
        return;
    lanes_clear(ls);
    table_free(ls->by_key);
    mem_free(ls);
}

static void lane_ready(struct lane *l)
{
    list_add_tail(&l->lanes->ready, &l->link);
}

static struct lane *lane_new(struct lanes *ls, const char *key)
{
    struct lane *l = mem_zalloc(sizeof(*l));

    if (!l)
        return NULL;
    l->lanes = ls;
    list_init(&l->link);
    list_init(&l->all);
    list_init(&l->jobs);
    l->key = mem_strdup(key);
    if (!l->key || table_add(ls->by_key, view_of(l->key), l)) {
        mem_free(l->key);
        mem_free(l);
        return NULL;
    }
    list_add_tail(&ls->all, &l->all);
    lane_ready(l);
    return l;
}

int lanes_add(struct lanes *ls, const char *key, struct lane_job *job)
{
    struct lane *l = table_get(ls->by_key, view_of(key));

    if (!l)
        l = lane_new(ls, key);
    if (!l)
        return -ENOMEM;
    job->lane = l;
    list_add_tail(&l->jobs, &job->link);
    ls->n_jobs++;
    return 0;
}

static void lane_on_timer(void *arg)
{
    lane_ready(arg);
}

void lanes_pump(struct lanes *ls, int64_t limit, int64_t mono_ms)
{
    while (ls->busy < limit && !list_is_empty(&ls->ready)) {
        struct lane *l = LIST_ENTRY(ls->ready.next, struct lane, link);

        list_remove(&l->link);
        ls->busy++;
        if (ls->start(ls->arg, lane_first(l))) {
            lanes_again(ls, lane_first(l), mono_ms, STUMBLE_MS);
            return; /* the cause is not the line's; leave the others for the next turn */
        }
    }
}

void lanes_done(struct lanes *ls, struct lane_job *job)
{
    struct lane *l = job->lane;

    ls->busy--;
    list_remove(&job->link);
    ls->n_jobs--;
    ls->free_fn(job);
    if (!list_is_empty(&l->jobs)) {
        lane_ready(l);
        return;
    }
    (void)table_remove(ls->by_key, view_of(l->key)); /* it is there */
    lane_free(l);
}

void lanes_again(struct lanes *ls, struct lane_job *job, int64_t mono_ms, int64_t ms)
{
    ls->busy--;
    timers_arm(ls->timers, &job->lane->timer, mono_ms + ms, lane_on_timer, job->lane);
}

size_t lanes_count(const struct lanes *ls)
{
    return ls->n_jobs;
}
