/* The public listener.
 *
 * From: amoCRM and the Mobilon services, over HTTP.
 * To: the routes, as whole requests.
 * Holds: connections; a waiting one until its event is flushed. */

#include "ingress/http/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/net.h"
#include "base/num.h"
#include "ingress/http/connection.h"
#include "ingress/http/listener_head.h"
#include "ingress/http/metrics.h"
#include "proto/limits.h"

#define LISTENER_ACCEPT  32   /* connections taken before what came on them is read */
#define LISTENER_DYING   256  /* that were put out and are not gone yet */
#define LISTENER_BACKLOG 4096 /* the kernel's queue of them; what finds no room there is late */
#define LISTENER_SPARE   384  /* descriptors that are not for them: these, spool, bus */
#define LISTENER_CALM_MS 60000 /* after which places that were short are told to be enough */
#define LISTENER_TICK_MS 250
#define LISTENER_GRACE_MS                                                                      \
    300 /* when draining: for a connection that has not proven anything; time for what is on its  \
           way */
#define LISTENER_KNOWN_MS 2000 /* the same for one of somebody who verified lately */

static void on_listen(void *arg);
static void on_epoll(void *arg);
static void on_tick(void *arg);

/* --- opening and closing ------------------------------------------------------------------ */

static size_t keep_escapes(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg;
    (void)connection;
    return strlen(text); /* the routes know what a path may contain */
}

static void drop_words(void *arg, const char *format, va_list values)
{
    (void)arg;
    (void)format;
    (void)values; /* about single connections, and with what they sent: not for the log */
}

static int daemon_start(struct listener *d)
{
    const union MHD_DaemonInfo *info = NULL;

    d->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
        0, NULL, NULL, connection_on_request, d, MHD_OPTION_EXTERNAL_LOGGER, drop_words, NULL,
        MHD_OPTION_NOTIFY_CONNECTION, connection_on_notify, d, MHD_OPTION_NOTIFY_COMPLETED,
        connection_on_completed, d, MHD_OPTION_URI_LOG_CALLBACK, connection_on_line, d,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)d->places.max + LISTENER_DYING, MHD_OPTION_CONNECTION_TIMEOUT, LIMIT_IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)LIMIT_HEADER_BYTES + LIMIT_ANSWER_HEAD,
        MHD_OPTION_END);
    if (!d->daemon)
        return -EIO;
    info = MHD_get_daemon_info(d->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info)
        return -EIO;
    return loop_add_fd(d->config.loop, info->epoll_fd, on_epoll, d);
}

/* The address to open again at, when the first one had port 0. */
static void fix_port(struct listener *d)
{
    const char *colon = strrchr(d->config.listen, ':'); /* it was parsed */

    (void)snprintf(d->address, sizeof(d->address), "%.*s:%u", (int)(colon - d->config.listen),
                   d->config.listen, net_port(d->fd)); /* fits */
}

/* As many as were asked for, or as the limit of open files leaves: whoever finds none of these
 * could not even be put in somebody's place. */
static size_t max_places(const struct listener_config *config)
{
    uint64_t max = num_min(config->max_connections, 1U << 20);
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) == 0)
        max =
            num_min(max, r.rlim_cur > 2 * (uint64_t)LISTENER_SPARE ? r.rlim_cur - LISTENER_SPARE
                                                                   : r.rlim_cur / 2);
    return (size_t)max;
}

int listener_new(const struct listener_config *config, struct listener **ret_listener)
{
    struct listener *d = mem_zalloc(sizeof(*d));
    int rc = -ENOMEM;

    if (!d)
        return -ENOMEM;
    d->config = *config;
    d->fd = -1;
    list_init(&d->connections);
    places_init(&d->places, config->guard, max_places(config));
    loop_deferred_init(&d->again, on_epoll, d);
    rc = view_copy(view_of(config->listen), d->address, sizeof(d->address));
    rc = rc ? rc : listener_open(d);
    if (rc == 0)
        fix_port(d);
    rc = rc ? rc : listener_head_ok(&d->ok);
    rc = rc ? rc : daemon_start(d);
    rc = rc ? rc : loop_add_timer(config->loop, LISTENER_TICK_MS, true, on_tick, d, &d->timer);
    if (rc == 0) {
        *ret_listener = d;
        d = NULL;
    }
    listener_free(d);
    return rc;
}

/* Nobody comes in: those who were put out go first, or all places are taken by who may stay. */
static bool is_full(const struct listener *d)
{
    return d->n_connections >= d->places.max + LISTENER_DYING || d->places.n > d->places.max;
}

/* Whoever knocks now waits in the kernel's queue; watching it would only spin. */
static void listener_pause(struct listener *d)
{
    if (d->full)
        return;
    d->full = true;
    loop_remove_fd(d->config.loop, d->fd);
}

void listener_go_on(struct listener *d)
{
    if (!d->full || d->fd < 0 || is_full(d))
        return;
    d->full = loop_add_fd(d->config.loop, d->fd, on_listen, d) != 0; /* else at the next tick */
}

void listener_free(struct listener *d)
{
    const union MHD_DaemonInfo *info = NULL;

    if (!d)
        return;
    loop_remove_timer(d->config.loop, d->timer);
    if (d->fd >= 0) {
        listener_pause(d);
        (void)close(d->fd); /* nothing is written to it */
        d->fd = -1;
    }
    if (d->daemon) {
        info = MHD_get_daemon_info(d->daemon, MHD_DAEMON_INFO_EPOLL_FD);
        if (info)
            loop_remove_fd(d->config.loop, info->epoll_fd);
        MHD_stop_daemon(d->daemon);
    }
    if (d->ok)
        MHD_destroy_response(d->ok);
    loop_cancel(&d->again);
    mem_free(d);
}

const char *listener_address(const struct listener *d)
{
    return d->address;
}

int listener_open(struct listener *d)
{
    int rc = 0;

    if (d->fd >= 0 || d->draining)
        return 0;
    rc = net_listen(d->address, LISTENER_BACKLOG, 1, &d->fd);
    if (rc)
        return rc;
    d->full = false;
    rc = loop_add_fd(d->config.loop, d->fd, on_listen, d);
    if (rc) {
        (void)close(d->fd); /* nothing is written to it */
        d->fd = -1;
    }
    return rc;
}

bool listener_is_open(const struct listener *d)
{
    return d->fd >= 0;
}

/* One connection from the kernel's queue. False when there is none. */
static bool listener_accept(struct listener *d)
{
    struct sockaddr_storage peer = {0};
    socklen_t len = sizeof(peer);
    int fd = accept(d->fd, (struct sockaddr *)&peer, &len); /* libmicrohttpd unblocks it */

    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
        listener_pause(d);
    if (fd < 0)
        return errno == EINTR || errno == ECONNABORTED;
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* nothing of ours executes anything */
    d->entering = address_of((const struct sockaddr *)&peer);
    d->entering_fd = fd;
    d->entered = NULL;
    /* it owns the socket from now on, also when it refuses */
    if (MHD_add_connection(d->daemon, fd, (const struct sockaddr *)&peer, len) != MHD_YES ||
        !d->entered)
        stat_add(d->config.metrics->crowded, 1);
    else
        connection_make_room(d->entered);
    d->entering_fd = -1;
    return true;
}

static void on_listen(void *arg)
{
    struct listener *d = arg;

    size_t n = (size_t)num_min(LISTENER_ACCEPT, d->places.max / 8 + 1);

    for (size_t i = 0; i < n && d->fd >= 0; i++) {
        if (d->places.n > d->places.max)
            listener_pause(d);
        if (d->full || is_full(d) || !listener_accept(d))
            break;
    }
    loop_defer(d->config.loop, &d->again);
}

void listener_close(struct listener *d)
{
    int fd = d->fd;

    if (fd < 0)
        return;
    /* what the kernel has queued here would be reset by closing. No more than it can have queued:
       whoever goes on knocking must not hold us here */
    for (int i = 0; i <= LISTENER_BACKLOG; i++) {
        if (is_full(d))
            (void)MHD_run(d->daemon); /* those who were put out go, and there is room again */
        if (is_full(d) || !listener_accept(d))
            break;
    }
    listener_pause(d);
    d->fd = -1;
    (void)close(fd); /* nothing is written to it */
    loop_defer(d->config.loop, &d->again);
}

/* --- turns -------------------------------------------------------------------------------- */

static void on_epoll(void *arg)
{
    listener_run(arg);
}

void listener_run(struct listener *d)
{
    MHD_UNSIGNED_LONG_LONG left_ms = 0;

    (void)MHD_run(d->daemon); /* fails only for a daemon of another kind */
    /* it keeps a list of sockets it has not read to the end: its epoll does not tell of them */
    if (MHD_get_timeout(d->daemon, &left_ms) == MHD_YES && left_ms == 0)
        loop_defer(d->config.loop, &d->again);
}

/* The client left in the middle of its request. libmicrohttpd misses it when the end came in with
 * the last bytes: its epoll is edge-triggered, and it reads no further once a read came short. */
static bool connection_left(const struct connection *g)
{
    char byte;

    return (g->state == CONNECTION_HEAD || g->state == CONNECTION_BODY) &&
           recv(g->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* An operator hears of it once, and once when it has been over for a while. */
static void tell_short(struct listener *d, bool short_of, int64_t mono_ms)
{
    if (short_of)
        d->short_ms = mono_ms;
    if (short_of && !d->told) {
        d->told = true;
        log_line(LOG_LEVEL_WARN, "places.short", "connections=%zu of=%zu body_bytes=%zu",
                 d->places.n, d->places.max, d->places.body_bytes);
    } else if (d->told && mono_ms - d->short_ms >= LISTENER_CALM_MS) {
        d->told = false;
        log_line(LOG_LEVEL_INFO, "places.enough", NULL);
    }
}

/* The listener is shut while it drains, and whoever comes finds nobody: so those who have proven
 * nothing yet cannot make that take as long as a request may. */
static bool is_over(const struct listener *d, const struct connection *g, int64_t mono_ms)
{
    bool known = g->place.who && g->place.who->known;
    int64_t grace_ms = known ? LISTENER_KNOWN_MS : LISTENER_GRACE_MS;

    if (g->until_ms && g->until_ms <= mono_ms)
        return true;
    return d->draining && g->place.use != PLACE_BUSY && mono_ms - d->drained_ms >= grace_ms;
}

static void on_tick(void *arg)
{
    struct listener *d = arg;
    int64_t now = clock_mono_ms();
    bool short_of = places_are_short(&d->places);

    guard_age(d->config.guard, now);
    tell_short(d, short_of, now);
    for (struct list *i = d->connections.next; i != &d->connections; i = i->next) {
        struct connection *g = LIST_ENTRY(i, struct connection, link);

        if (!g->cut && connection_left(g))
            connection_cut(g);
        if (!g->cut && short_of && place_is_late(&g->place, now))
            connection_put_out(g, PLACE_FOR_TIME);
        if (!is_over(d, g, now))
            continue;
        if (!g->cut && g->state != CONNECTION_IDLE)
            stat_add(d->config.metrics->cut, 1);
        connection_cut(g);
    }
    listener_go_on(d);
    metrics_places(d->config.metrics, &d->places);
    listener_run(d); /* its own timeouts */
}

void listener_drain(struct listener *d)
{
    listener_close(d);
    if (!d->draining)
        d->drained_ms = clock_mono_ms();
    d->draining = true;
    for (struct list *i = d->connections.next; i != &d->connections; i = i->next) {
        struct connection *g = LIST_ENTRY(i, struct connection, link);

        if (g->state == CONNECTION_IDLE)
            connection_cut(g);
    }
    loop_defer(d->config.loop, &d->again);
}

size_t listener_busy(const struct listener *d)
{
    size_t n = 0;

    for (const struct list *i = d->connections.next; i != &d->connections; i = i->next)
        n += !LIST_ENTRY_CONST(i, struct connection, link)->cut;
    return n;
}

void listener_answer(struct request *x)
{
    struct connection *g =
        (struct connection *)(void *)((char *)x -
                                      offsetof(struct connection, x)); /* its owner */

    x->waits = false;
    MHD_resume_connection(g->connection);
}
