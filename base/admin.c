/* The admin listener. libmicrohttpd runs without threads on an epoll descriptor of its own, so
 * that the process's loop sees one descriptor. Limits are small on purpose: its callers are
 * an operator, a probe or Prometheus, and none may hold memory or a connection for long. */

#include "base/admin.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/net.h"
#include "base/request_path.h"

#define ADMIN_CONNECTIONS_MAX 16
#define ADMIN_MEMORY_MAX      ((size_t)16 * 1024) /* bytes a connection: request line and headers */
#define ADMIN_IDLE_S          5U    /* libmicrohttpd's own timer starts again per byte */
#define ADMIN_LIFE_MS         15000 /* so this one cuts what trickles */
#define ADMIN_BODY_MAX        ((size_t)8 * 1024 * 1024) /* bytes: STATS_MAX histograms would fit */
#define ADMIN_REASONS_MAX     ((size_t)4096)
#define ADMIN_ROUNDS_MAX      16 /* of libmicrohttpd in one turn of our loop */

struct connection {
    int fd; /* libmicrohttpd's; -1 when the place is free */
    int64_t until_mono_ms;
};

struct admin {
    struct MHD_Daemon *daemon;
    int listen_fd; /* libmicrohttpd's once the daemon runs */
    struct stats *stats;
    admin_ready_fn *ready;
    admin_refresh_fn *refresh;
    void *arg;
    struct connection connections[ADMIN_CONNECTIONS_MAX];
};

#define TYPE_TEXT    "text/plain; charset=utf-8"
#define TYPE_JSON    "application/json"
#define TYPE_METRICS "text/plain; version=0.0.4; charset=utf-8"

static enum MHD_Result answer(struct MHD_Connection *conn, unsigned status, const char *type,
                              const struct buf *body)
{
    union {
        const char *ours;
        void *theirs; /* it is not written to, in spite of the type */
    } bytes = {buf_str(body)};
    struct MHD_Response *r = NULL;
    enum MHD_Result ok = MHD_NO; /* cuts the connection: all that can be said without memory */

    if (buf_error(body))
        return MHD_NO;
    r = MHD_create_response_from_buffer(body->len, bytes.theirs, MHD_RESPMEM_MUST_COPY);
    if (!r)
        return MHD_NO;
    if (MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES &&
        (status != MHD_HTTP_METHOD_NOT_ALLOWED ||
         MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES))
        ok = MHD_queue_response(conn, status, r);
    MHD_destroy_response(r);
    return ok;
}

static enum MHD_Result answer_error(struct MHD_Connection *conn, unsigned status,
                                    const char *code, struct view message)
{
    struct json_writer w;
    struct buf body;
    enum MHD_Result ok = MHD_NO;

    buf_init(&body, 2 * ADMIN_REASONS_MAX);
    json_writer_init(&w, &body);
    json_open_object(&w, NULL);
    json_open_object(&w, "error");
    json_add_text(&w, "code", view_of(code));
    json_add_text(&w, "message", message);
    json_close_object(&w);
    json_close_object(&w);
    (void)buf_add_char(&body, '\n'); /* answer() asks for errors */
    ok = answer(conn, status, TYPE_JSON, &body);
    buf_fini(&body);
    return ok;
}

static enum MHD_Result answer_health(struct MHD_Connection *conn)
{
    struct buf body;
    enum MHD_Result ok = MHD_NO;

    buf_init(&body, 64);
    (void)buf_add_str(&body, "ok\n"); /* answer() asks for errors */
    ok = answer(conn, MHD_HTTP_OK, TYPE_TEXT, &body);
    buf_fini(&body);
    return ok;
}

/* Ready: 200, "ready" and the notes below it. Not ready: 503 with the reasons as message. */
static enum MHD_Result answer_ready(struct admin *a, struct MHD_Connection *conn)
{
    struct buf reasons;
    struct buf body;
    enum MHD_Result ok = MHD_NO;

    buf_init(&reasons, ADMIN_REASONS_MAX);
    buf_init(&body, ADMIN_REASONS_MAX + 64);
    if (!a->ready || a->ready(a->arg, &reasons)) {
        (void)buf_add_str(&body, "ready\n"); /* answer() asks for errors */
        (void)buf_add_view(&body, buf_view(&reasons));
        if (reasons.len && reasons.ptr[reasons.len - 1] != '\n')
            (void)buf_add_char(&body, '\n');
        ok = answer(conn, MHD_HTTP_OK, TYPE_TEXT, &body);
    } else {
        while (reasons.len && reasons.ptr[reasons.len - 1] == '\n')
            reasons.len--;
        for (size_t i = 0; i < reasons.len; i++) {
            if (reasons.ptr[i] == '\n')
                reasons.ptr[i] = ';';
        }
        ok = answer_error(conn, MHD_HTTP_SERVICE_UNAVAILABLE, "not_ready", buf_view(&reasons));
    }
    buf_fini(&body);
    buf_fini(&reasons);
    return ok;
}

static enum MHD_Result answer_metrics(struct admin *a, struct MHD_Connection *conn)
{
    struct buf body;
    enum MHD_Result ok = MHD_NO;

    buf_init(&body, ADMIN_BODY_MAX);
    if (a->refresh)
        a->refresh(a->arg);
    if (stats_print(a->stats, &body) == 0)
        ok = answer(conn, MHD_HTTP_OK, TYPE_METRICS, &body);
    else
        ok = answer_error(conn, MHD_HTTP_INTERNAL_SERVER_ERROR, "no_memory",
                          VIEW_LIT("the metrics did not fit into memory"));
    buf_fini(&body);
    return ok;
}

/* NOLINTBEGIN(readability-function-size,readability-non-const-parameter): the parameters are
 * libmicrohttpd's. */
/* Called with the headers; answers at once, so a body is never read. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *conn, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **request)
{
    struct view path = request_path_of(view_of(url));
    struct admin *a = arg;

    (void)version;
    (void)upload;
    (void)upload_len;
    (void)request;
    /* HEAD is a GET whose body libmicrohttpd leaves out */
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return answer_error(conn, MHD_HTTP_METHOD_NOT_ALLOWED, "method_not_allowed",
                            VIEW_LIT("only GET is answered here"));
    if (view_is(path, "/healthz"))
        return answer_health(conn);
    if (view_is(path, "/readyz"))
        return answer_ready(a, conn);
    if (view_is(path, "/metrics"))
        return answer_metrics(a, conn);
    return answer_error(conn, MHD_HTTP_NOT_FOUND, "not_found",
                        VIEW_LIT("there are /healthz, /readyz and /metrics"));
}
/* NOLINTEND(readability-function-size,readability-non-const-parameter) */

static struct connection *connection_find(struct admin *a, int fd)
{
    for (size_t i = 0; i < AMO_COUNT(a->connections); i++) {
        if (a->connections[i].fd == fd)
            return &a->connections[i];
    }
    return NULL;
}

static void on_connection(void *arg, struct MHD_Connection *conn, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct admin *a = arg;
    struct connection *g = NULL;

    (void)context;
    if (!info)
        return;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        g = connection_find(a, -1);
        if (g)
            *g = (struct connection){info->connect_fd, clock_mono_ms() + ADMIN_LIFE_MS};
    } else {
        g = connection_find(a, info->connect_fd);
        if (g)
            g->fd = -1;
    }
}

/* libmicrohttpd would print to stderr on its own; our log has one line a happening. */
static void on_log(void *arg, const char *fmt, va_list args)
{
    (void)arg;
    (void)fmt;
    (void)args;
}

static struct MHD_Daemon *start_daemon(struct admin *a)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, a,
                            MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET,
                            a->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)ADMIN_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                            ADMIN_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, ADMIN_MEMORY_MAX,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, a, MHD_OPTION_END);
}

int admin_new(const char *listen, struct stats *stats, admin_ready_fn *ready,
              admin_refresh_fn *refresh, void *arg, struct admin **ret_admin)
{
    struct admin *a = NULL;
    int rc = 0;

    if (*listen == '\0') {
        *ret_admin = NULL;
        return 0;
    }
    a = mem_zalloc(sizeof(*a));
    if (!a)
        return -ENOMEM;
    *a = (struct admin){
        .listen_fd = -1, .stats = stats, .ready = ready, .refresh = refresh, .arg = arg};
    for (size_t i = 0; i < AMO_COUNT(a->connections); i++)
        a->connections[i].fd = -1;
    rc = net_listen(listen, ADMIN_CONNECTIONS_MAX, 0, &a->listen_fd);
    if (rc)
        goto out;
    a->daemon = start_daemon(a);
    if (!a->daemon) {
        rc = -ENOMEM;
        goto out;
    }

    *ret_admin = a;
    a = NULL; /* handed over */
out:
    admin_free(a);
    return rc;
}

void admin_free(struct admin *a)
{
    if (!a)
        return;
    if (a->daemon)
        MHD_stop_daemon(a->daemon); /* also closes the listening socket */
    else if (a->listen_fd >= 0)
        (void)close(a->listen_fd); /* nothing was written to it */
    mem_free(a);
}

int admin_fd(const struct admin *a)
{
    const union MHD_DaemonInfo *info =
        a ? MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;

    return info ? info->epoll_fd : -1;
}

void admin_run(struct admin *a)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    int64_t now_ms = clock_mono_ms();

    if (!a)
        return;
    for (size_t i = 0; i < AMO_COUNT(a->connections); i++) {
        /* libmicrohttpd sees the end of the stream and closes */
        if (a->connections[i].fd >= 0 && now_ms > a->connections[i].until_mono_ms)
            (void)shutdown(a->connections[i].fd,
                           SHUT_RDWR); /* fails only when it is cut already */
    }
    /* What libmicrohttpd has read already does not wake its descriptor again: go on while it
     * says that it need not wait. Errors belong to single connections and close them. */
    for (int i = 0; i < ADMIN_ROUNDS_MAX && wait_ms == 0; i++) {
        if (MHD_run(a->daemon) != MHD_YES || MHD_get_timeout(a->daemon, &wait_ms) != MHD_YES)
            break;
    }
}

unsigned admin_port(const struct admin *a)
{
    return a ? net_port(a->listen_fd) : 0;
}
