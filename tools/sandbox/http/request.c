/* Life of a request: READING (body arrives) -> HANDLED (the handler has it; the connection
 * is suspended when it did not answer at once) -> ANSWERED or CUT -> freed by on_done.
 * A client that leaves while its connection is suspended goes unnoticed; every sleep here has
 * an end, so the request is freed then. */
#include "tools/sandbox/http/request.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/net.h"
#include "tools/sandbox/kit/http_date.h"

enum {
    BODY_MAX = 4 * 1024 * 1024,
    BODY_MAX_CONTROL = 64 * 1024 * 1024,
    CONNECTIONS_MAX = 4096,
    CONNECTION_MEMORY = 64 * 1024,
    IDLE_S = 120,
    BACKLOG = 1024,
};

enum request_state {
    EXCHANGE_READING,
    EXCHANGE_HANDLED,
    EXCHANGE_ANSWERED,
    EXCHANGE_CUT
};

struct request {
    struct list asleep; /* in listener.sleepers while suspended */
    struct listener *listener;
    struct MHD_Connection *connection;
    enum request_state state;
    bool suspended;
    bool too_big;
    char *path;  /* the raw target, cut at '?' */
    char *query; /* points into path's memory */
    char method[16];
    struct buf body;
    struct timer timer;
    request_fn *later_fn;
    void *later_arg;
    void *own;
    void (*own_free)(void *own);
    int status;
    struct MHD_Response *response;
    char retry_after[64];
};

struct listener {
    struct MHD_Daemon *daemon;
    struct timers *timers;
    struct listener_options options;
    struct list sleepers;
    bool woken; /* something was resumed since the last run */
    unsigned port;
    int fd; /* listening socket until libmicrohttpd owns it */
};

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection);
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **con_cls);
static void on_done(void *cls, struct MHD_Connection *connection, void **con_cls,
                    enum MHD_RequestTerminationCode why);
static void on_log(void *cls, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

static int listener_start(struct listener *l)
{
    const struct listener_options *o = &l->options;
    unsigned int flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                         MHD_USE_SUPPRESS_DATE_NO_CLOCK;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, NULL},
        {MHD_OPTION_HTTPS_MEM_KEY,  0, NULL},
        {MHD_OPTION_END,            0, NULL},
    };
    char *pem[2] = {NULL, NULL};
    int rc = -ENOMEM;

    if (o->cert && o->key) {
        flags |= MHD_USE_TLS;
        pem[0] = mem_strdup(o->cert);
        pem[1] = mem_strdup(o->key);
        if (!pem[0] || !pem[1])
            goto out;
        tls[0].ptr_value = pem[0];
        tls[1].ptr_value = pem[1];
    } else {
        tls[0].option = MHD_OPTION_END;
    }
    l->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, l, MHD_OPTION_EXTERNAL_LOGGER, on_log, l,
        MHD_OPTION_LISTEN_SOCKET, l->fd, MHD_OPTION_URI_LOG_CALLBACK, on_uri, l,
        MHD_OPTION_NOTIFY_COMPLETED, on_done, l, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned int)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_S,
        MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (l->daemon)
        l->fd = -1; /* closed by libmicrohttpd from now on */
    rc = l->daemon ? 0 : -EIO;
out:
    mem_free(pem[0]);
    mem_free(pem[1]);
    return rc;
}

int listener_open(struct listener **ret_listener, struct timers *timers,
                  const struct listener_options *options)
{
    struct listener *l = mem_zalloc(sizeof(*l));
    int rc = -ENOMEM;

    if (!l)
        goto out;
    l->fd = -1;
    l->timers = timers;
    l->options = *options;
    list_init(&l->sleepers);
    rc = net_listen(options->address, BACKLOG, 0, &l->fd);
    if (rc)
        goto out;
    l->port = net_port(l->fd);
    rc = listener_start(l);
    if (rc)
        goto out;
    *ret_listener = l;
    l = NULL; /* handed over */
out:
    listener_close(l);
    return rc;
}

static void request_wake(struct request *x)
{
    if (!x->suspended)
        return;
    x->suspended = false;
    list_remove(&x->asleep);
    x->listener->woken = true;
    MHD_resume_connection(x->connection);
}

void listener_close(struct listener *l)
{
    if (!l)
        return;
    /* libmicrohttpd aborts when it is stopped with a suspended connection; and the run that lets
     * the sleepers go may put a request to sleep that came just now. */
    do {
        while (!list_is_empty(&l->sleepers)) {
            struct request *x = LIST_ENTRY(l->sleepers.next, struct request, asleep);

            timers_disarm(&x->timer);
            x->state = EXCHANGE_CUT;
            request_wake(x);
        }
        if (l->daemon)
            (void)MHD_run(l->daemon); /* on the way out: nothing to be done about a failure */
    } while (!list_is_empty(&l->sleepers));
    if (l->daemon)
        MHD_stop_daemon(l->daemon);
    if (l->fd >= 0)
        (void)close(l->fd); /* nothing was promised on it */
    mem_free(l);
}

int listener_fd(const struct listener *l)
{
    return MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int64_t listener_wait_ms(const struct listener *l)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;

    /* With external polling neither libmicrohttpd's descriptor nor its time-out tells of a
     * connection resumed between two runs. */
    if (l->woken)
        return 0;
    if (MHD_get_timeout(l->daemon, &ms) != MHD_YES)
        return -1;
    return ms > 60000 ? 60000 : (int64_t)ms;
}

void listener_run(struct listener *l)
{
    l->woken = false;
    (void)MHD_run(l->daemon); /* only fails for a daemon with its own thread */
}

unsigned listener_port(const struct listener *l)
{
    return l->port;
}

static void on_log(void *cls, const char *fmt, va_list args)
{
    /* Mostly clients that went away, and the cuts we make on purpose. */
    (void)cls;
    (void)fmt;
    (void)args;
}

static void request_free(struct request *x)
{
    if (!x)
        return;
    timers_disarm(&x->timer);
    if (x->own_free)
        x->own_free(x->own);
    if (x->response)
        MHD_destroy_response(x->response);
    buf_fini(&x->body);
    mem_free(x->path);
    mem_free(x);
}

/* Called with the request target as it was on the wire; signatures cover exactly that. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct listener *l = cls;
    struct request *x = mem_zalloc(sizeof(*x));
    char *query = NULL;

    if (!x)
        return NULL;
    x->listener = l;
    x->connection = connection;
    x->path = mem_strdup(uri);
    if (!x->path) {
        mem_free(x);
        return NULL;
    }
    query = strchr(x->path, '?');
    if (query)
        *query++ = '\0';
    x->query = query ? query : x->path + strlen(x->path);
    buf_init(&x->body,
             strncmp(uri, "/_sandbox/", 10) == 0 ? BODY_MAX_CONTROL : (size_t)BODY_MAX);
    return x;
}

static void request_take_body(struct request *x, const char *upload, size_t *upload_len)
{
    /* Over the limit the rest is swallowed, so that the 413 can be read by the other side. */
    if (!x->too_big && buf_add(&x->body, upload, *upload_len))
        x->too_big = true;
    *upload_len = 0;
}

static enum MHD_Result request_send(struct request *x)
{
    enum MHD_Result rc = MHD_NO;

    if (x->state == EXCHANGE_CUT || !x->response)
        return MHD_NO; /* libmicrohttpd closes the connection */
    rc = MHD_queue_response(x->connection, (unsigned int)x->status, x->response);
    MHD_destroy_response(x->response);
    x->response = NULL;
    return rc;
}

/* NOLINTNEXTLINE(readability-function-size): the signature is the library's */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **con_cls)
{
    struct listener *l = cls;
    struct request *x = *con_cls;

    (void)connection;
    (void)url;
    (void)version;
    if (!x)
        return MHD_NO;
    if (!x->method[0]) {
        if (view_copy(view_of(method), x->method, sizeof(x->method)))
            return MHD_NO;
        return MHD_YES;
    }
    if (*upload_len) {
        request_take_body(x, upload, upload_len);
        return MHD_YES;
    }
    if (x->state == EXCHANGE_READING) {
        x->state = EXCHANGE_HANDLED;
        if (x->too_big)
            request_answer(x, 413, "text/plain", VIEW_LIT("body too large\n"));
        else
            l->options.handle(l->options.arg, x);
        if (x->state == EXCHANGE_HANDLED) {
            x->suspended = true;
            list_add_tail(&l->sleepers, &x->asleep);
            MHD_suspend_connection(x->connection);
            return MHD_YES;
        }
    }
    return request_send(x);
}

static void on_done(void *cls, struct MHD_Connection *connection, void **con_cls,
                    enum MHD_RequestTerminationCode why)
{
    (void)cls;
    (void)connection;
    (void)why;
    request_free(*con_cls);
    *con_cls = NULL;
}

const char *request_method(const struct request *x)
{
    return x->method;
}

const char *request_path(const struct request *x)
{
    return x->path;
}

const char *request_query(const struct request *x)
{
    return x->query;
}

const char *request_argument(const struct request *x, const char *key)
{
    const char *v = MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, key);

    return v ? v : "";
}

int64_t request_number(const struct request *x, const char *key, int64_t otherwise)
{
    const char *text = request_argument(x, key);
    char *end = NULL;
    long long v = 0;

    if (!*text)
        return otherwise;
    errno = 0;
    v = strtoll(text, &end, 10);
    return errno || *end ? otherwise : (int64_t)v;
}

void request_unescape(char *text)
{
    (void)MHD_http_unescape(text); /* the new length, which the NUL tells as well */
}

struct view request_body(const struct request *x)
{
    return buf_view(&x->body);
}

const char *request_header(const struct request *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

void request_retry_after(struct request *x, const char *value)
{
    (void)snprintf(x->retry_after, sizeof(x->retry_after), "%s", value); /* cut is fine */
}

static struct MHD_Response *request_response(struct request *x, const char *type,
                                             struct view body)
{
    const struct listener_options *o = &x->listener->options;
    char date[HTTP_DATE_LEN + 1];
    struct MHD_Response *r = NULL;
    char *copy = mem_strndup(body.ptr ? body.ptr : "", body.len);

    if (!copy)
        return NULL;
    r = MHD_create_response_from_buffer_with_free_callback(body.len, copy, mem_free);
    if (!r) {
        mem_free(copy);
        return NULL;
    }
    http_date_format(o->unix_ms(o->arg) / 1000, date);
    /* Headers are short and well-formed: adding them fails only without memory, and an answer
     * without one of them is still an answer. */
    (void)MHD_add_response_header(r, "Date", date);
    if (type)
        (void)MHD_add_response_header(r, "Content-Type", type);
    if (x->retry_after[0])
        (void)MHD_add_response_header(r, "Retry-After", x->retry_after);
    return r;
}

void request_answer(struct request *x, int status, const char *type, struct view body)
{
    assert(x->state == EXCHANGE_HANDLED);
    timers_disarm(&x->timer);
    x->status = status;
    x->response = request_response(x, type, body);
    x->state = EXCHANGE_ANSWERED;
    request_wake(x);
}

void request_cut(struct request *x)
{
    assert(x->state == EXCHANGE_HANDLED);
    timers_disarm(&x->timer);
    x->state = EXCHANGE_CUT;
    request_wake(x);
}

static void request_on_timer(void *arg)
{
    struct request *x = arg;

    x->later_fn(x->later_arg, x);
}

void request_later(struct request *x, int64_t ms, request_fn *fn, void *arg)
{
    x->later_fn = fn;
    x->later_arg = arg;
    timers_arm(x->listener->timers, &x->timer, clock_mono_ms() + ms, request_on_timer, x);
}

void request_attach(struct request *x, void *own, void (*free_fn)(void *own))
{
    assert(!x->own);
    x->own = own;
    x->own_free = free_fn;
}
