/* The fake core's socket: keeps who speaks to it and sends what a case wants said. */

#include "proto/bus/testing/fake_core.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/testing.h"

#define OUT_LEN   (1 << 15)
#define PAIRS_LEN 4096

void fake_core_init(struct fake_core *c, fake_core_heard_fn *heard, void *arg)
{
    static int n;

    *c = (struct fake_core){.boot = {{2}}, .heard = heard, .arg = arg};
    (void)snprintf(c->endpoint, sizeof(c->endpoint), "ipc://core.%d", n++); /* fits */
    buf_init(&c->peer, 64);
    buf_init(&c->out, OUT_LEN);
    buf_init(&c->pairs, PAIRS_LEN);
    assert_true(buf_reserve(&c->peer, 64) && buf_reserve(&c->out, OUT_LEN) &&
                buf_reserve(&c->pairs, PAIRS_LEN));
}

static void answer_beat(struct fake_core *c, struct view body)
{
    struct heartbeat_answer a = {.core_ms = clock_mono_ms()};
    struct heartbeat beat;

    assert_int_equal(heartbeat_decode(body, &beat), 0);
    a.echo_ms = beat.mono_ms;
    c->busy = beat.busy;
    c->n_beats++;
    buf_reset(&c->out);
    assert_int_equal(heartbeat_answer_encode(&a, &c->out), 0);
    fake_core_say(c, MSG_HEARTBEAT_ANSWER, buf_view(&c->out));
}

static void frame(struct fake_core *c, const struct bus_message *m)
{
    struct envelope e;

    assert_int_equal(envelope_decode(m->head, &e), 0);
    c->edge_boot = e.edge_boot;
    buf_reset(&c->peer);
    assert_int_equal(buf_add_view(&c->peer, m->peer), 0);
    c->n_hellos += e.kind == MSG_HELLO;
    if (e.kind != MSG_HELLO && !id_equal(&e.core_boot, &c->boot))
        return; /* of a session with the core of before */
    if (e.kind == MSG_HEARTBEAT)
        answer_beat(c, m->body);
    else
        c->heard(c->arg, &e, m->body);
}

static void readable(void *arg)
{
    struct fake_core *c = arg;
    struct bus_message m;

    while (bus_recv(c->socket, &m) == 0) {
        if (!c->deaf)
            frame(c, &m);
        bus_message_fini(&m);
    }
}

void fake_core_open(struct fake_core *c, struct loop *loop)
{
    c->loop = loop;
    assert_int_equal(bus_router_bind(c->endpoint, NULL, &c->socket), 0);
    assert_int_equal(bus_socket_watch(c->socket, loop, readable, c), 0);
}

void fake_core_close(struct fake_core *c)
{
    if (c->socket)
        bus_socket_unwatch(c->socket, c->loop);
    bus_socket_free(c->socket);
    c->socket = NULL;
}

void fake_core_fini(struct fake_core *c)
{
    buf_fini(&c->peer);
    buf_fini(&c->out);
    buf_fini(&c->pairs);
}

void fake_core_say(struct fake_core *c, enum msg_kind kind, struct view body)
{
    struct envelope e = {.version = ENVELOPE_VERSION,
                         .kind = kind,
                         .edge_boot = c->edge_boot,
                         .core_boot = c->boot,
                         .unix_ms = clock_unix_ms()};
    char head[ENVELOPE_MAX_LEN];
    size_t len = 0;

    envelope_encode(&e, head, &len);
    (void)!bus_send(c->socket, buf_view(&c->peer), view_make(head, len), body);
}

void fake_core_welcome(struct fake_core *c, const struct hello *h, struct welcome w)
{
    w.spool = h->spool;
    w.echo_ms = h->mono_ms;
    w.core_ms = clock_mono_ms();
    buf_reset(&c->out);
    assert_int_equal(welcome_encode(&w, &c->out), 0);
    fake_core_say(c, MSG_WELCOME, buf_view(&c->out));
}

void fake_core_takes(struct fake_core *c, const struct id *spool)
{
    buf_reset(&c->out);
    assert_int_equal(taken_encode(spool, buf_view(&c->pairs), &c->out), 0);
    fake_core_say(c, spool ? MSG_EVENT_TAKEN : MSG_RESULT_TAKEN, buf_view(&c->out));
    buf_reset(&c->pairs);
}

void fake_core_dies(struct fake_core *c, struct view words)
{
    if (words.ptr)
        fake_core_say(c, MSG_GOING, words);
    c->boot.bytes[15]++;
    fake_core_say(c, MSG_HELLO_AGAIN, VIEW_LIT(""));
}
