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
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/net.h"
#include "base/num.h"
#include "ingress/http/guard.h"
#include "ingress/http/listener_head.h"
#include "ingress/http/metrics.h"
#include "ingress/http/request.h"
#include "proto/bus/loop.h"
#include "proto/limits.h"

#define LISTENER_ACCEPT  64   /* connections taken in one turn */
#define LISTENER_BACKLOG 1024 /* the kernel's queue of them */
#define LISTENER_TICK_MS 250
#define LISTENER_GRACE_MS                                                                      \
    1000 /* when draining: for a connection that has not said anything yet */
#define LISTENER_SWALLOW (16U << 10) /* bytes read and dropped so that a refusal gets through */

enum connection_state {
    CONNECTION_NEW,     /* connected, nothing read */
    CONNECTION_IDLE,    /* between requests */
    CONNECTION_HEAD,    /* the request line is there */
    CONNECTION_BODY,    /* the head is there */
    CONNECTION_WAITING, /* put aside until the flush */
    CONNECTION_ANSWERED,
};

/* One connection; embedded in it is the one request it can have. */
struct connection {
    struct list link;
    struct listener *listener;
    struct MHD_Connection *connection;
    int fd;
    struct address peer;
    enum connection_state state;
    int64_t until_ms;  /* monotonic; 0 never */
    size_t target_len; /* of the request target, its query and all */
    bool odd_target;   /* with blanks or control characters */
    size_t swallowed;
    size_t held; /* bytes of the body counted in the listener's sum */
    bool cut;
    struct request x;
};

struct listener {
    struct listener_config config;
    struct MHD_Daemon *daemon;
    struct MHD_Response *ok; /* the one answer that is always the same */
    char address[128];       /* with the real port */
    int fd;                  /* listening, -1 closed */
    bool full;               /* not accepting: as many connections as we may or can have */
    struct list connections;
    size_t n_connections;
    size_t body_bytes;       /* of all requests that are being read */
    struct address entering; /* of the connection being handed to libmicrohttpd */
    int entering_fd;
    bool draining;
    int timer;
    struct loop_deferred again;
};

/* The one place where a state begins; it ends at @until_ms (monotonic, 0 never). */
static void connection_enter(struct connection *g, enum connection_state state,
                             int64_t until_ms)
{
    g->state = state;
    g->until_ms = until_ms;
}

static void on_listen(void *arg);
static void on_epoll(void *arg);
static void on_tick(void *arg);
static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code);
static void *on_request_line(void *arg, const char *uri, struct MHD_Connection *connection);
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **context);
static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode why);
static enum MHD_Result connection_head(struct connection *g, const struct listener_line *line);
static enum MHD_Result connection_body(struct connection *g, const char *data, size_t *size);
static enum MHD_Result connection_whole(struct connection *g);
static enum MHD_Result connection_answer(struct connection *g);

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
        0, NULL, NULL, on_request, d, MHD_OPTION_EXTERNAL_LOGGER, drop_words, NULL,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, d, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, d, MHD_OPTION_URI_LOG_CALLBACK, on_request_line, d,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)num_min(d->config.max_connections, 1U << 20), MHD_OPTION_CONNECTION_TIMEOUT,
        LIMIT_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)LIMIT_HEADER_BYTES + LIMIT_ANSWER_HEAD, MHD_OPTION_END);
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

int listener_new(const struct listener_config *config, struct listener **ret_listener)
{
    struct listener *d = mem_zalloc(sizeof(*d));
    int rc = -ENOMEM;

    if (!d)
        return -ENOMEM;
    d->config = *config;
    d->fd = -1;
    list_init(&d->connections);
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

/* Whoever knocks now waits in the kernel's queue; watching it would only spin. */
static void listener_pause(struct listener *d)
{
    if (d->full)
        return;
    d->full = true;
    loop_remove_fd(d->config.loop, d->fd);
}

static void listener_go_on(struct listener *d)
{
    if (!d->full || d->fd < 0 || d->n_connections >= d->config.max_connections)
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
    if (!guard_enter(d->config.guard, &d->entering)) {
        stat_add(d->config.metrics->crowded, 1);
        (void)close(fd); /* nothing was said */
        return true;
    }
    d->entering_fd = fd;
    /* it owns the socket from now on, also when it refuses */
    if (MHD_add_connection(d->daemon, fd, (const struct sockaddr *)&peer, len) != MHD_YES)
        stat_add(d->config.metrics->crowded, 1);
    if (d->entering_fd >= 0) /* on_connection did not take it over */
        guard_leave(d->config.guard, &d->entering);
    d->entering_fd = -1;
    return true;
}

static void on_listen(void *arg)
{
    struct listener *d = arg;

    for (int i = 0; i < LISTENER_ACCEPT && d->fd >= 0; i++) {
        if (d->n_connections >= d->config.max_connections)
            listener_pause(d);
        if (d->full || !listener_accept(d))
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
        if (d->n_connections >= d->config.max_connections || !listener_accept(d))
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

static void connection_cut(struct connection *g)
{
    if (g->cut)
        return;
    g->cut = true;
    (void)shutdown(g->fd, SHUT_RDWR); /* libmicrohttpd sees the end and cleans up */
}

/* The client left in the middle of its request. libmicrohttpd misses it when the end came in with
 * the last bytes: its epoll is edge-triggered, and it reads no further once a read came short. */
static bool connection_left(const struct connection *g)
{
    char byte;

    return (g->state == CONNECTION_HEAD || g->state == CONNECTION_BODY) &&
           recv(g->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void on_tick(void *arg)
{
    struct listener *d = arg;
    int64_t now = clock_mono_ms();

    for (struct list *i = d->connections.next; i != &d->connections; i = i->next) {
        struct connection *g = LIST_ENTRY(i, struct connection, link);

        if (!g->cut && connection_left(g))
            connection_cut(g);
        if (!g->until_ms || g->until_ms > now)
            continue;
        if (!g->cut && g->state != CONNECTION_IDLE)
            stat_add(d->config.metrics->cut, 1);
        connection_cut(g);
    }
    listener_go_on(d);
    stat_set(d->config.metrics->connections, (double)d->n_connections);
    listener_run(d); /* its own timeouts */
}

void listener_drain(struct listener *d)
{
    int64_t now = clock_mono_ms();

    listener_close(d);
    d->draining = true;
    for (struct list *i = d->connections.next; i != &d->connections; i = i->next) {
        struct connection *g = LIST_ENTRY(i, struct connection, link);

        if (g->state == CONNECTION_IDLE)
            connection_cut(g);
        else if (g->state == CONNECTION_NEW)
            g->until_ms = now + LISTENER_GRACE_MS;
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

/* --- a connection ------------------------------------------------------------------------- */

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct listener *d = arg;
    struct connection *g = *context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        g = mem_zalloc(sizeof(*g));
        if (!g)
            return; /* on_request refuses who has no place here */
        list_init(&g->link);
        request_init(&g->x);
        g->listener = d;
        g->connection = connection;
        g->fd = d->entering_fd;
        g->peer = d->entering;
        g->until_ms = clock_mono_ms() + LIMIT_REQUEST_MS;
        list_add_tail(&d->connections, &g->link);
        d->n_connections++;
        d->entering_fd = -1;
        *context = g;
        return;
    }
    if (!g)
        return;
    guard_leave(d->config.guard, &g->peer);
    list_remove(&g->link);
    d->n_connections--;
    d->body_bytes -= g->held;
    request_fini(&g->x);
    mem_free(g);
    *context = NULL;
    listener_go_on(d);
}

static struct connection *connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

static void *on_request_line(void *arg, const char *uri, struct MHD_Connection *connection)
{
    struct connection *g = connection_of(connection);

    (void)arg;
    if (g) {
        g->target_len = strlen(uri);
        g->odd_target = !listener_head_target_fits(uri);
        connection_enter(g, CONNECTION_HEAD, clock_mono_ms() + LIMIT_REQUEST_MS);
    }
    return g;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode why)
{
    struct listener *d = arg;
    struct connection *g = connection_of(connection);

    (void)context;
    (void)why;
    if (!g)
        return;
    request_reset(&g->x);
    d->body_bytes -= g->held;
    g->held = 0;
    g->swallowed = 0;
    /* libmicrohttpd ends an idle connection; ours is for one that trickles its next head */
    connection_enter(g, CONNECTION_IDLE,
                     clock_mono_ms() + (int64_t)LIMIT_IDLE_S * 1000 + LIMIT_REQUEST_MS);
    if (d->draining)
        connection_cut(g);
}

/* --- a request ---------------------------------------------------------------------------- */

/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd says which parameters */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **context)
{
    struct connection *g = *context;

    (void)arg;
    (void)connection;
    if (!g)
        return MHD_NO; /* there was no memory for it */
    switch (g->state) {
    case CONNECTION_NEW:
    case CONNECTION_IDLE:
    case CONNECTION_HEAD:
        return connection_head(g, &(struct listener_line){method, url, version});
    case CONNECTION_BODY:
        return *size ? connection_body(g, data, size) : connection_whole(g);
    case CONNECTION_WAITING:
    case CONNECTION_ANSWERED:
        return connection_answer(g);
    }
    return MHD_NO;
}

/* How much of a body is read only to be dropped. */
static bool swallows(const struct connection *g, const struct listener_head *head)
{
    if (head->broken)
        return false;
    return head->chunked ? g->x.status == 413 : head->length <= LISTENER_SWALLOW;
}

static enum MHD_Result connection_head(struct connection *g, const struct listener_line *line)
{
    struct request *x = &g->x;
    struct listener_head head;

    connection_enter(g, CONNECTION_BODY, g->until_ms); /* counted from the head on */
    listener_head_read(g->connection, line, x, &head);
    if (g->odd_target && !head.broken)
        head.broken = "the address holds a blank or a control character";
    x->began_us = clock_mono_us();
    x->origin = guard_origin(g->listener->config.guard, &g->peer, head.forwarded);
    x->close =
        head.chunked; /* the lines behind a chunked body can hide where it ends, unseen */
    if (head.broken) {
        x->close = true;
        request_fault(x, 400, "bad_request", head.broken, NULL);
    } else if (head.bytes > LIMIT_HEADER_BYTES) {
        /* what is accepted must be answered, and the answer's head needs room beside it */
        x->close = true;
        request_fault(x, 431, "head_too_large", "the head is larger than allowed", NULL);
    } else if (g->target_len > LIMIT_URL) {
        request_fault(x, 414, "too_long", "the address is longer than allowed", NULL);
    } else if (buf_error(&x->path_buf)) {
        request_unavailable(x, "busy", "there is no memory for it now");
    } else {
        g->listener->config.head(g->listener->config.arg, x);
    }
    if (!x->status && !head.chunked && head.length > x->body_max)
        request_fault(x, 413, "too_large", "the body is larger than allowed", NULL);
    if (x->status && !swallows(g, &head) && (head.length || head.chunked || head.broken)) {
        x->close = true;
        return connection_answer(g);
    }
    x->body.max = x->body_max;
    if (!x->status && head.length)
        (void)buf_reserve(&x->body,
                          num_min(head.length, LISTENER_SWALLOW)); /* or piece by piece */
    return MHD_YES;
}

/* An answer cannot be given inside a body: what comes is dropped, up to a limit, then cut. */
static enum MHD_Result connection_body(struct connection *g, const char *data, size_t *size)
{
    struct request *x = &g->x;
    size_t n = *size;

    *size = 0;
    if (!x->status && n > x->body_max - x->body.len)
        request_fault(x, 413, "too_large", "the body is larger than allowed", NULL);
    else if (!x->status && g->listener->body_bytes + n > LIMIT_BODIES_BYTES)
        request_fault(x, 503, "busy", "too much is being sent at once", NULL);
    if (x->status) {
        buf_fini(&x->body);
        g->swallowed += n;
        return g->swallowed > num_max(x->body_max, LISTENER_SWALLOW) ? MHD_NO : MHD_YES;
    }
    if (buf_add(&x->body, data, n)) {
        request_fault(x, 503, "busy", "there is no memory for it now", NULL);
        return MHD_YES;
    }
    g->held += n;
    g->listener->body_bytes += n;
    return MHD_YES;
}

static enum MHD_Result connection_whole(struct connection *g)
{
    struct request *x = &g->x;

    if (!x->status && x->whole)
        x->whole(g->listener->config.arg, x);
    /* what was to be kept of the body is in the spool by now */
    request_drop_body(x);
    g->listener->body_bytes -= g->held;
    g->held = 0;
    if (!x->waits)
        return connection_answer(g);
    connection_enter(g, CONNECTION_WAITING, 0);
    MHD_suspend_connection(g->connection);
    g->listener->config.wait(g->listener->config.arg, x);
    return MHD_YES;
}

void listener_answer(struct request *x)
{
    struct connection *g =
        (struct connection *)(void *)((char *)x -
                                      offsetof(struct connection, x)); /* its owner */

    x->waits = false;
    MHD_resume_connection(g->connection);
}

static enum MHD_Result connection_answer(struct connection *g)
{
    struct listener *d = g->listener;
    struct request *x = &g->x;

    if (g->state == CONNECTION_ANSWERED)
        return MHD_YES;
    connection_enter(g, CONNECTION_ANSWERED, clock_mono_ms() + LIMIT_REQUEST_MS);
    if (!x->status)
        request_unavailable(x, "internal", "no answer was decided");
    if (!x->trusted && x->status >= 400 && x->status != 503 &&
        guard_strike(d->config.guard, &x->origin, clock_mono_ms())) {
        x->status = 0;
        x->retry_after_s = 1;
        x->close = true;
        request_fault(x, 429, "too_many", "too many requests that could not be verified", NULL);
    }
    metrics_count(d->config.metrics, x, clock_mono_us());
    x->close = x->close || d->draining;
    return listener_head_answer(g->connection, x, d->ok);
}
