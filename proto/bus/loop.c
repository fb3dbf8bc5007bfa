/* The loop on top of zloop: descriptors, ZeroMQ sockets, timers, and deferred work, which runs
 * once everything that was readable has been read. */

#include "proto/bus/loop.h"

#include <errno.h>

#include <czmq.h>

#include "base/mem.h"

/* A watch that was removed is freed only at the end of the turn: zloop may still hold its
 * address in the set it is walking. */

struct watch {
    struct list link;
    struct loop *loop;
    loop_fn *fn;
    void *arg;
    zsock_t *sock; /* or NULL: */
    int fd;
    int timer; /* or 0 */
    bool repeat;
    bool dead;
};

struct loop {
    zloop_t *zloop;
    struct list watches;
    struct list graves;
    struct list deferred;
    bool deferred_armed;
    bool stopping;
};

int loop_new(struct loop **ret_loop)
{
    struct loop *l = mem_zalloc(sizeof(*l));

    if (!l)
        return -ENOMEM;
    l->zloop = zloop_new();
    if (!l->zloop) {
        mem_free(l);
        return -ENOMEM;
    }
    zloop_set_nonstop(l->zloop, true);
    list_init(&l->watches);
    list_init(&l->graves);
    list_init(&l->deferred);
    *ret_loop = l;
    return 0;
}

static void loop_bury(struct list *graves)
{
    while (!list_is_empty(graves)) {
        struct watch *w = LIST_ENTRY(graves->next, struct watch, link);

        list_remove(&w->link);
        mem_free(w);
    }
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    zloop_destroy(&l->zloop);
    loop_bury(&l->graves);
    loop_bury(&l->watches);
    mem_free(l);
}

static struct watch *watch_new(struct loop *l, loop_fn *fn, void *arg)
{
    struct watch *w = mem_zalloc(sizeof(*w));

    if (!w)
        return NULL;
    w->loop = l;
    w->fn = fn;
    w->arg = arg;
    w->fd = -1;
    list_init(&w->link);
    list_add_tail(&l->watches, &w->link);
    return w;
}

static int run_deferred(zloop_t *z, int id, void *arg)
{
    struct loop *l = arg;
    struct list now;

    (void)z;
    (void)id;
    l->deferred_armed = false;
    list_init(&now);
    while (!list_is_empty(&l->deferred)) {
        struct list *d = l->deferred.next;

        list_remove(d);
        list_add_tail(&now, d);
    }
    while (!list_is_empty(&now)) {
        struct loop_deferred *d = LIST_ENTRY(now.next, struct loop_deferred, link);

        list_remove(&d->link);
        d->fn(d->arg);
    }
    loop_bury(&l->graves);
    return l->stopping ? -1 : 0;
}

/* A timer of no delay fires at the next turn's beginning, when all that was readable in this
 * one has been read. */
static void loop_arm(struct loop *l)
{
    if (l->deferred_armed)
        return;
    l->deferred_armed = zloop_timer(l->zloop, 0, 1, run_deferred, l) > 0;
}

static void watch_remove(struct watch *w)
{
    w->dead = true;
    list_remove(&w->link);
    list_add_tail(&w->loop->graves, &w->link);
    loop_arm(w->loop);
}

static int on_fd(zloop_t *z, zmq_pollitem_t *item, void *arg)
{
    struct watch *w = arg;

    (void)z;
    (void)item;
    if (!w->dead)
        w->fn(w->arg);
    return w->loop->stopping ? -1 : 0;
}

int loop_add_fd(struct loop *l, int fd, loop_fn *fn, void *arg)
{
    zmq_pollitem_t item = {.fd = fd, .events = ZMQ_POLLIN};
    struct watch *w = watch_new(l, fn, arg);

    if (!w)
        return -ENOMEM;
    w->fd = fd;
    if (zloop_poller(l->zloop, &item, on_fd, w)) {
        watch_remove(w);
        return -ENOMEM;
    }
    zloop_poller_set_tolerant(l->zloop, &item);
    return 0;
}

void loop_remove_fd(struct loop *l, int fd)
{
    for (struct list *i = l->watches.next; i != &l->watches; i = i->next) {
        struct watch *w = LIST_ENTRY(i, struct watch, link);

        if (w->fd == fd && !w->sock && !w->timer) {
            zmq_pollitem_t item = {.fd = fd, .events = ZMQ_POLLIN};

            zloop_poller_end(l->zloop, &item);
            watch_remove(w);
            return;
        }
    }
}

static int on_socket(zloop_t *z, zsock_t *sock, void *arg)
{
    struct watch *w = arg;

    (void)z;
    (void)sock;
    if (!w->dead)
        w->fn(w->arg);
    return w->loop->stopping ? -1 : 0;
}

int loop_add_handle(struct loop *l, void *handle, loop_fn *fn, void *arg)
{
    struct watch *w = watch_new(l, fn, arg);

    if (!w)
        return -ENOMEM;
    w->sock = handle;
    if (zloop_reader(l->zloop, w->sock, on_socket, w)) {
        watch_remove(w);
        return -ENOMEM;
    }
    zloop_reader_set_tolerant(l->zloop, w->sock);
    return 0;
}

void loop_remove_handle(struct loop *l, const void *handle)
{
    for (struct list *i = l->watches.next; i != &l->watches; i = i->next) {
        struct watch *w = LIST_ENTRY(i, struct watch, link);

        if (w->sock && w->sock == handle) {
            zloop_reader_end(l->zloop, w->sock);
            watch_remove(w);
            return;
        }
    }
}

static int on_timer(zloop_t *z, int id, void *arg)
{
    struct watch *w = arg;

    (void)z;
    (void)id;
    if (!w->dead) {
        struct loop *l = w->loop;
        loop_fn *fn = w->fn;
        void *fn_arg = w->arg;

        if (!w->repeat)
            watch_remove(w);
        fn(fn_arg);
        return l->stopping ? -1 : 0;
    }
    return 0;
}

int loop_add_timer(struct loop *l, int64_t delay_ms, bool repeat, loop_fn *fn, void *arg,
                   int *ret_id)
{
    struct watch *w = watch_new(l, fn, arg);

    if (!w)
        return -ENOMEM;
    w->repeat = repeat;
    w->timer =
        zloop_timer(l->zloop, delay_ms > 0 ? (size_t)delay_ms : 0, repeat ? 0 : 1, on_timer, w);
    if (w->timer <= 0) {
        watch_remove(w);
        return -ENOMEM;
    }
    if (ret_id)
        *ret_id = w->timer;
    return 0;
}

void loop_remove_timer(struct loop *l, int id)
{
    if (id <= 0)
        return;
    for (struct list *i = l->watches.next; i != &l->watches; i = i->next) {
        struct watch *w = LIST_ENTRY(i, struct watch, link);

        if (w->timer == id) {
            (void)zloop_timer_end(l->zloop, id); /* it is there: we hold its watch */
            watch_remove(w);
            return;
        }
    }
}

void loop_deferred_init(struct loop_deferred *d, loop_fn *fn, void *arg)
{
    list_init(&d->link);
    d->fn = fn;
    d->arg = arg;
}

void loop_defer(struct loop *l, struct loop_deferred *d)
{
    if (list_is_empty(&d->link))
        list_add_tail(&l->deferred, &d->link);
    loop_arm(l);
}

void loop_cancel(struct loop_deferred *d)
{
    list_remove(&d->link);
}

int loop_run(struct loop *l)
{
    while (!l->stopping) {
        int rc = zloop_start(l->zloop);

        /* -1: a handler asked to stop; 0: polling was interrupted by a signal */
        if (rc == -1 && !l->stopping)
            return -EIO;
    }
    return 0;
}

void loop_stop(struct loop *l)
{
    l->stopping = true;
    loop_arm(l);
}
