#include "tools/sandbox/http/lanes.h"

#include <errno.h>

#include "base/mem.h"
#include "tools/sandbox/kit/strmap.h"
#include "tools/sandbox/kit/timers.h"

enum {
    STUMBLE_MS = 50
};

TAILQ_HEAD(job_list, lane_job);

/* READY: in lanes.ready; BUSY: its first job is started; WAITING: its timer runs. A line
 * without jobs is forgotten. */
enum lane_state {
    LANE_READY,
    LANE_BUSY,
    LANE_WAITING
};

struct lane {
    TAILQ_ENTRY(lane) link; /* lanes.ready */
    struct lanes *lanes;
    char *key;
    enum lane_state state;
    struct job_list jobs;
    struct timer timer;
};

TAILQ_HEAD(lane_list, lane);

struct lanes {
    struct strmap by_key;
    struct lane_list ready;
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
    TAILQ_INIT(&ls->ready);
    ls->timers = timers;
    ls->start = start;
    ls->free_fn = free_fn;
    ls->arg = arg;
    *ret_lanes = ls;
    return 0;
}

static void lane_free(struct lane *l)
{
    struct lane_job *job = NULL;

    timers_disarm(l->lanes->timers, &l->timer);
    while ((job = TAILQ_FIRST(&l->jobs))) {
        TAILQ_REMOVE(&l->jobs, job, link);
        l->lanes->n_jobs--;
        l->lanes->free_fn(job);
    }
    mem_free(l->key);
    mem_free(l);
}

void lanes_clear(struct lanes *ls)
{
    for (size_t i = 0; i < ls->by_key.cap; i++) {
        if (ls->by_key.slots[i].key)
            lane_free(ls->by_key.slots[i].value);
    }
    strmap_fini(&ls->by_key);
    TAILQ_INIT(&ls->ready);
    ls->busy = 0;
}

void lanes_free(struct lanes *ls)
{
    if (!ls)
        return;
    lanes_clear(ls);
    mem_free(ls);
}

static struct lane *lane_new(struct lanes *ls, const char *key)
{
    struct lane *l = mem_zalloc(sizeof(*l));

    if (!l)
        return NULL;
    l->lanes = ls;
    TAILQ_INIT(&l->jobs);
    l->key = mem_strdup(key);
    if (!l->key || strmap_put(&ls->by_key, key, l)) {
        mem_free(l->key);
        mem_free(l);
        return NULL;
    }
    l->state = LANE_READY;
    TAILQ_INSERT_TAIL(&ls->ready, l, link);
    return l;
}

int lanes_add(struct lanes *ls, const char *key, struct lane_job *job)
{
    struct lane *l = strmap_get(&ls->by_key, key);

    if (!l)
        l = lane_new(ls, key);
    if (!l)
        return -ENOMEM;
    job->lane = l;
    TAILQ_INSERT_TAIL(&l->jobs, job, link);
    ls->n_jobs++;
    return 0;
}

static void lane_ready(struct lane *l)
{
    l->state = LANE_READY;
    TAILQ_INSERT_TAIL(&l->lanes->ready, l, link);
}

static void lane_on_timer(void *arg)
{
    lane_ready(arg);
}

static void lane_wait(struct lane *l, int64_t due_ms)
{
    l->state = LANE_WAITING;
    if (timers_arm(l->lanes->timers, &l->timer, due_ms, lane_on_timer, l))
        lane_ready(l); /* no memory to wait with: try at once */
}

void lanes_pump(struct lanes *ls, int64_t limit, int64_t mono_ms)
{
    struct lane *l = NULL;

    while (ls->busy < limit && (l = TAILQ_FIRST(&ls->ready))) {
        TAILQ_REMOVE(&ls->ready, l, link);
        l->state = LANE_BUSY;
        ls->busy++;
        if (ls->start(ls->arg, TAILQ_FIRST(&l->jobs))) {
            lanes_again(ls, TAILQ_FIRST(&l->jobs), mono_ms, STUMBLE_MS);
            return; /* the cause is not the line's; leave the others for the next turn */
        }
    }
}

void lanes_done(struct lanes *ls, struct lane_job *job)
{
    struct lane *l = job->lane;

    ls->busy--;
    TAILQ_REMOVE(&l->jobs, job, link);
    ls->n_jobs--;
    ls->free_fn(job);
    if (!TAILQ_EMPTY(&l->jobs)) {
        lane_ready(l);
        return;
    }
    strmap_remove(&ls->by_key, l->key);
    lane_free(l);
}

void lanes_again(struct lanes *ls, struct lane_job *job, int64_t mono_ms, int64_t ms)
{
    ls->busy--;
    lane_wait(job->lane, mono_ms + ms);
}

size_t lanes_count(const struct lanes *ls)
{
    return ls->n_jobs;
}
