/* Both ends of a tap: the XPUB socket of a process, which sends copies while it has a
 * listener, and the reader that amo-monitor uses. */

#include "proto/bus/tap.h"

#include <errno.h>
#include <string.h>

#include <czmq.h>

#include "base/log.h"
#include "base/mem.h"
#include "proto/bus/callers.h"
#include "proto/bus/errors.h"
#include "proto/bus/loop.h"
#include "proto/bus/socket_file.h"
#include "proto/envelope.h"
#include "proto/limits.h"
#include "proto/messages.h"

struct tap {
    struct loop *loop;
    zsock_t *sock;
    char name[64];
    char *endpoint;
    struct socket_file file;
    uint64_t number;
    int n_topics; /* distinct subscriptions alive */
    int poll_timer;
    int keep_timer;
};

/* Subscriptions arrive as messages: 1 or 0 and the topic. Equal ones are announced once, so the
 * count says "somebody" or "nobody", not how many. */
static void tap_read_subscriptions(void *arg)
{
    struct tap *t = arg;

    for (;;) {
        zmq_msg_t m;
        const unsigned char *p = NULL;

        (void)zmq_msg_init(&m); /* cannot fail */
        if (zmq_msg_recv(&m, zsock_resolve(t->sock), ZMQ_DONTWAIT) < 0) {
            (void)zmq_msg_close(&m);
            return;
        }
        p = zmq_msg_data(&m);
        if (zmq_msg_size(&m) > 0 && p[0] == 1)
            t->n_topics++;
        else if (zmq_msg_size(&m) > 0 && p[0] == 0 && t->n_topics > 0)
            t->n_topics--;
        (void)zmq_msg_close(&m);
    }
}

/* Whoever takes the name sees nothing of ours; but monitors would see his. */
static void tap_keep(void *arg)
{
    struct tap *t = arg;
    int rc = 0;

    if (socket_file_is_ours(&t->file))
        return;
    rc = socket_file_bind(&t->file, zsock_resolve(t->sock), t->endpoint);
    if (rc)
        log_failed(LOG_LEVEL_ERROR, "tap.failed", rc, NULL);
    else
        log_line(LOG_LEVEL_ERROR, "bus.taken_over", "socket=tap file=%s", t->file.path);
}

static int tap_bind(struct tap *t, const char *prefix, const struct callers *callers)
{
    struct buf endpoint;
    int rc = 0;

    buf_init(&endpoint, 512);
    rc = buf_add_f(&endpoint, "%s-%s", prefix, t->name);
    rc = rc ? rc : socket_file_check(buf_str(&endpoint));
    if (rc == 0 && !(t->endpoint = mem_strdup(buf_str(&endpoint))))
        rc = -ENOMEM;
    if (rc == 0 && callers)
        rc = callers_filter(callers, zsock_resolve(t->sock));
    rc = rc ? rc : socket_file_bind(&t->file, zsock_resolve(t->sock), t->endpoint);
    buf_fini(&endpoint);
    return rc;
}

int tap_new(struct loop *loop, const char *endpoint, const char *name,
            const struct callers *callers, struct tap **ret_tap)
{
    struct tap *t = mem_zalloc(sizeof(*t));
    int rc = -ENOMEM;

    if (!t)
        return -ENOMEM;
    (void)snprintf(t->name, sizeof(t->name), "%s", name); /* names are at most 63 bytes */
    t->loop = loop;
    t->sock = zsock_new(ZMQ_XPUB);
    if (!t->sock)
        goto out;
    zsock_set_sndhwm(t->sock, LIMIT_TAP_HWM);
    zsock_set_linger(t->sock, 0);
    rc = tap_bind(t, endpoint, callers);
    rc = rc ? rc : loop_add_timer(loop, 200, true, tap_read_subscriptions, t, &t->poll_timer);
    rc = rc ? rc : loop_add_timer(loop, 1000, true, tap_keep, t, &t->keep_timer);
    if (rc == 0) {
        *ret_tap = t;
        t = NULL;
    }
out:
    tap_free(t);
    return rc;
}

void tap_free(struct tap *t)
{
    if (!t)
        return;
    if (t->poll_timer)
        loop_remove_timer(t->loop, t->poll_timer);
    if (t->keep_timer)
        loop_remove_timer(t->loop, t->keep_timer);
    zsock_destroy(&t->sock);
    socket_file_fini(&t->file);
    mem_free(t->endpoint);
    mem_free(t);
}

bool tap_wanted(const struct tap *t)
{
    return t && t->n_topics > 0;
}

static bool tap_part(struct tap *t, struct view v, int flags)
{
    return zmq_send(zsock_resolve(t->sock), v.ptr, v.len, flags | ZMQ_DONTWAIT) >= 0;
}

void tap_frame(struct tap *t, char direction, struct view head, struct view body)
{
    struct envelope e = {0};
    const char *kind = NULL;
    unsigned char number[8];

    if (envelope_decode(head, &e) == 0)
        kind = msg_name(e.kind);
    /* these two carry secrets: a listener learns that they passed, not what they held */
    if (e.kind == MSG_WELCOME || e.kind == MSG_REGISTRY)
        body = VIEW_LIT("\x80");
    t->number++;
    for (int i = 0; i < 8; i++)
        number[i] = (unsigned char)(t->number >> (56 - 8 * i));
    /* a full subscriber drops the whole set; it sees the gap in the numbers */
    (void)(tap_part(t, view_of(kind ? kind : "UNKNOWN"), ZMQ_SNDMORE) &&
           tap_part(t, view_of(t->name), ZMQ_SNDMORE) &&
           tap_part(t, view_make(number, 8), ZMQ_SNDMORE) &&
           tap_part(t, view_make(&direction, 1), ZMQ_SNDMORE) &&
           tap_part(t, head, ZMQ_SNDMORE) && tap_part(t, body, 0));
}

struct tap_reader {
    zsock_t *sock;
};

int tap_reader_new(const char *const *topics, struct tap_reader **ret_reader)
{
    struct tap_reader *r = mem_zalloc(sizeof(*r));

    if (!r)
        return -ENOMEM;
    r->sock = zsock_new(ZMQ_SUB);
    if (!r->sock) {
        mem_free(r);
        return -ENOMEM;
    }
    zsock_set_rcvhwm(r->sock, LIMIT_TAP_HWM);
    if (!topics || !topics[0])
        zsock_set_subscribe(r->sock, "");
    for (; topics && *topics; topics++)
        zsock_set_subscribe(r->sock, *topics);
    *ret_reader = r;
    return 0;
}

int tap_reader_connect(struct tap_reader *r, const char *endpoint)
{
    return zsock_connect(r->sock, "%s", endpoint) < 0 ? -errno : 0;
}

void tap_reader_free(struct tap_reader *r)
{
    if (!r)
        return;
    zsock_destroy(&r->sock);
    mem_free(r);
}

static struct view frame_view(zframe_t *f)
{
    return f ? view_make(zframe_data(f), zframe_size(f)) : VIEW_NONE;
}

int tap_reader_next(struct tap_reader *r, int timeout_ms, struct tap_message *ret)
{
    zmsg_t *m = NULL;
    struct view number;
    struct view direction;

    zsock_set_rcvtimeo(r->sock, timeout_ms);
    m = zmsg_recv(r->sock);
    if (!m)
        return BUS_E_EMPTY;
    if (zmsg_size(m) != 6) {
        zmsg_destroy(&m);
        return BUS_E_MALFORMED;
    }
    ret->kind = frame_view(zmsg_first(m));
    ret->process = frame_view(zmsg_next(m));
    number = frame_view(zmsg_next(m));
    ret->number = 0;
    for (size_t i = 0; i < number.len && i < 8; i++)
        ret->number = ret->number << 8 | (unsigned char)number.ptr[i];
    direction = frame_view(zmsg_next(m));
    ret->direction = '?';
    if (direction.len)
        ret->direction = direction.ptr[0];
    ret->head = frame_view(zmsg_next(m));
    ret->body = frame_view(zmsg_next(m));
    ret->frames = m;
    return 0;
}

void tap_message_fini(struct tap_message *m)
{
    zmsg_t *frames = m->frames;

    zmsg_destroy(&frames);
    m->frames = NULL;
}
