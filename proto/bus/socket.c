/* Creates ROUTER and DEALER sockets, and sends and receives frame sets. Each frame set is
 * copied to the tap while it has a listener. */

#include "proto/bus/socket.h"

#include <errno.h>
#include <stdlib.h>

#include <czmq.h>

#include "base/mem.h"
#include "proto/bus/callers.h"
#include "proto/bus/socket_file.h"
#include "proto/bus/tap.h"
#include "proto/limits.h"

struct bus_socket {
    zsock_t *sock;
    struct tap *tap;
    bool router;
    char *endpoint;          /* of a ROUTER */
    struct socket_file file; /* likewise */
};

static_assert(sizeof(zmq_msg_t) == 64, "bus_message.parts holds zmq_msg_t");

void bus_init(void)
{
    /* czmq reads it when it starts; our signals come through a signalfd */
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread exists */
    (void)setenv("ZSYS_SIGHANDLER", "false", 1);
    (void)zsys_init();
    zsys_handler_set(NULL);
    zsys_set_logstream(stderr);
}

void bus_fini(void)
{
    zsys_shutdown();
}

static int bus_socket_new(int type, struct tap *tap, struct bus_socket **ret)
{
    struct bus_socket *s = mem_zalloc(sizeof(*s));

    if (!s)
        return -ENOMEM;
    s->sock = zsock_new(type);
    if (!s->sock) {
        mem_free(s);
        return -ENOMEM;
    }
    s->tap = tap;
    s->router = type == ZMQ_ROUTER;
    /* Above any credit, so that flow is credit's business alone; but nobody fills core's memory. */
    zsock_set_sndhwm(s->sock, LIMIT_HWM);
    zsock_set_rcvhwm(s->sock, s->router ? LIMIT_READ_FRAMES : LIMIT_HWM);
    /* What is promised is kept elsewhere; a second lets a last answer leave. */
    zsock_set_linger(s->sock, 1000);
    zsock_set_maxmsgsize(s->sock, s->router ? LIMIT_READ_BYTES : LIMIT_FRAME_BYTES);
    zsock_set_reconnect_ivl(s->sock, 50);
    zsock_set_reconnect_ivl_max(s->sock, 1000);
    if (s->router)
        zsock_set_router_mandatory(s->sock, 1);
    *ret = s;
    return 0;
}

int bus_router_bind(const char *endpoint, struct tap *tap, struct bus_socket **ret_socket)
{
    struct bus_socket *s = NULL;
    int rc = socket_file_check(endpoint);

    if (rc == 0)
        rc = bus_socket_new(ZMQ_ROUTER, tap, &s);
    if (rc == 0 && !(s->endpoint = mem_strdup(endpoint)))
        rc = -ENOMEM;
    rc = rc ? rc : socket_file_bind(&s->file, zsock_resolve(s->sock), endpoint);
    if (rc == 0) {
        *ret_socket = s;
        s = NULL;
    }
    bus_socket_free(s);
    return rc;
}

int bus_router_keep(struct bus_socket *s)
{
    int rc = 0;

    if (socket_file_is_ours(&s->file))
        return 0;
    rc = socket_file_bind(&s->file, zsock_resolve(s->sock), s->endpoint);
    return rc ? rc : BUS_E_TAKEN;
}

const char *bus_router_path(const struct bus_socket *s)
{
    return s->file.path;
}

int bus_dealer_connect(const char *endpoint, struct tap *tap, struct bus_socket **ret_socket)
{
    struct bus_socket *s = NULL;
    int rc = socket_file_check(endpoint);

    if (rc == 0)
        rc = bus_socket_new(ZMQ_DEALER, tap, &s);
    if (rc == 0 && zsock_connect(s->sock, "%s", endpoint) < 0)
        rc = errno ? -errno : -EIO;
    if (rc == 0) {
        *ret_socket = s;
        s = NULL;
    }
    bus_socket_free(s);
    return rc;
}

void bus_socket_free(struct bus_socket *s)
{
    if (!s)
        return;
    zsock_destroy(&s->sock);
    socket_file_fini(&s->file);
    mem_free(s->endpoint);
    mem_free(s);
}

int bus_socket_watch(struct bus_socket *s, struct loop *l, loop_fn *fn, void *arg)
{
    return loop_add_handle(l, s->sock, fn, arg);
}

void bus_socket_unwatch(struct bus_socket *s, struct loop *l)
{
    loop_remove_handle(l, s->sock);
}

static zmq_msg_t *message_part(struct bus_message *m, int i)
{
    return (zmq_msg_t *)(void *)m->parts[i];
}

/* All parts of one frame set are there when the first one is; what is too many is read and
 * counted, but not kept. */
static int recv_parts(void *handle, struct bus_message *m, int *ret_seen)
{
    int more = 1;
    int seen = 0;

    while (more) {
        zmq_msg_t spare;
        /* cppcheck-suppress uninitvar ; zmq_msg_init below is what initialises it */
        zmq_msg_t *part = m->n_parts < 3 ? message_part(m, m->n_parts) : &spare;

        (void)zmq_msg_init(part); /* cannot fail */
        if (zmq_msg_recv(part, handle, ZMQ_DONTWAIT) < 0) {
            int error = errno;

            (void)zmq_msg_close(part);
            if (error == EINTR)
                continue;
            return error == EAGAIN ? BUS_E_EMPTY : -error;
        }
        more = zmq_msg_more(part);
        if (part == &spare)
            (void)zmq_msg_close(part);
        else
            m->n_parts++;
        seen++;
    }
    *ret_seen = seen;
    return 0;
}

static struct view part_view(struct bus_message *m, int i)
{
    return view_make(zmq_msg_data(message_part(m, i)), zmq_msg_size(message_part(m, i)));
}

int bus_recv(struct bus_socket *s, struct bus_message *ret)
{
    int want = s->router ? 3 : 2;
    int seen = 0;
    int rc = 0;

    ret->n_parts = 0;
    rc = recv_parts(zsock_resolve(s->sock), ret, &seen);
    if (rc == 0 && seen != want)
        rc = BUS_E_MALFORMED;
    if (rc) {
        bus_message_fini(ret);
        return rc;
    }
    ret->peer = s->router ? part_view(ret, 0) : VIEW_NONE;
    ret->head = part_view(ret, want - 2);
    ret->body = part_view(ret, want - 1);
    if (tap_wanted(s->tap))
        tap_frame(s->tap, '<', ret->head, ret->body);
    return 0;
}

struct caller bus_message_from(const struct bus_message *m)
{
    const zmq_msg_t *part = NULL;

    if (m->n_parts == 0)
        return (struct caller){0};
    part = (const zmq_msg_t *)(const void *)m->parts[m->n_parts - 1];
    /* of the connection it came over, as it was made */
    return caller_parse(zmq_msg_gets(part, "Peer-Address"));
}

void bus_message_fini(struct bus_message *m)
{
    for (int i = 0; i < m->n_parts; i++)
        (void)zmq_msg_close(message_part(m, i)); /* a valid message: cannot fail */
    m->n_parts = 0;
}

static int send_part(void *handle, struct view v, int flags)
{
    while (zmq_send(handle, v.ptr, v.len, flags | ZMQ_DONTWAIT) < 0) {
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN)
            return BUS_E_FULL;
        return errno == EHOSTUNREACH ? BUS_E_GONE : -errno;
    }
    return 0;
}

int bus_send(struct bus_socket *s, struct view peer, struct view head, struct view body)
{
    void *handle = zsock_resolve(s->sock);
    int rc = 0;

    /* The first part decides: when it is taken, the others are. */
    if (s->router)
        rc = send_part(handle, peer, ZMQ_SNDMORE);
    rc = rc ? rc : send_part(handle, head, ZMQ_SNDMORE);
    rc = rc ? rc : send_part(handle, body, 0);
    if (rc == 0 && tap_wanted(s->tap))
        tap_frame(s->tap, '>', head, body);
    return rc;
}
