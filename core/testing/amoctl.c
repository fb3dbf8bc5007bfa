/* Sends a verb over core's control socket and runs turns until its answer is there. */

#include "core/testing/amoctl.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/deliver/calls.h"
#include "core/deliver/deliver.h"
#include "core/erase/erase.h"
#include "proto/bus/socket.h"
#include "proto/control.h"
#include "proto/limits.h"

static struct bus_socket *amoctl;
static uint64_t amoctl_restarts; /* of core, when it connected */

static void amoctl_connect(const struct rig *r)
{
    char endpoint[128];

    (void)snprintf(endpoint, sizeof(endpoint), "ipc://%s/control", r->dir);
    assert_int_equal(bus_dealer_connect(endpoint, NULL, &amoctl), 0);
    amoctl_restarts = r->restarts;
}

int ctl_setup(void **state)
{
    assert_int_equal(rig_setup(state), 0);
    amoctl_connect(*state);
    return 0;
}

int ctl_teardown(void **state)
{
    bus_socket_free(amoctl);
    return rig_teardown(state);
}

void ctl_call(struct rig *r, const char *verb, const char *args)
{
    struct envelope env = {.version = ENVELOPE_VERSION, .kind = MSG_CONTROL_CALL};
    struct control_call c = {.verb = view_of(verb), .args = view_of(args)};
    char head[ENVELOPE_MAX_LEN];
    struct buf body;
    size_t n = 0;

    if (r->restarts != amoctl_restarts) {
        bus_socket_free(amoctl); /* a call into the old connection may be lost with it */
        amoctl_connect(r);
    }
    buf_init(&body, LIMIT_FRAME_BYTES);
    assert_int_equal(control_call_encode(&c, &body), 0);
    envelope_encode(&env, head, &n);
    assert_int_equal(bus_send(amoctl, VIEW_NONE, view_make(head, n), buf_view(&body)), 0);
    buf_fini(&body);
}

static struct reply read_reply(const struct bus_message *m)
{
    struct reply reply = {0};
    struct control_answer a;

    assert_int_equal(control_answer_decode(m->body, &a), 0);
    reply.code = (int)a.code;
    if (a.json.len)
        assert_int_equal(json_parse(a.json, &reply.doc), 0);
    (void)snprintf(reply.error, sizeof(reply.error), "%.*s", (int)a.error.len,
                   a.error.ptr ? a.error.ptr : "");
    (void)snprintf(reply.next, sizeof(reply.next), "%.*s", (int)a.next.len,
                   a.next.ptr ? a.next.ptr : "");
    return reply;
}

void ctl_tick(struct rig *r, int64_t now_mono_ms)
{
    call_tick(&r->core, now_mono_ms);
    erase_tick(&r->core, now_mono_ms);
    control_tick(&r->core, now_mono_ms);
}

/* Runs core until an answer comes; @now_ms is the time its tick believes in, 0 the real one. */
bool ctl_wait(struct rig *r, int ms, int64_t now_ms, struct reply *ret)
{
    const struct timespec one_ms = {0, 1000000};
    int64_t until = clock_mono_ms() + ms;

    do {
        struct bus_message m;

        control_readable(&r->core);
        ctl_tick(r, now_ms ? now_ms : clock_mono_ms());
        if (r->core.turn->exit_code == 0)
            rig_commit(r);
        if (r->core.turn->exit_code)
            return false; /* it answers nobody any more */
        if (bus_recv(amoctl, &m) == 0) {
            *ret = read_reply(&m);
            bus_message_fini(&m);
            return true;
        }
        (void)nanosleep(&one_ms, NULL); /* between looks; the wait has a deadline */
    } while (clock_mono_ms() < until);
    return false;
}

static size_t pending(const struct core *c)
{
    size_t n = 0;

    for (const struct list *i = c->control->waits.next; i != &c->control->waits; i = i->next)
        n++;
    for (const struct list *i = c->deliver->calls.next; i != &c->deliver->calls; i = i->next)
        n++;
    return n;
}

void ctl_begin(struct rig *r, const char *verb, const char *args)
{
    int64_t until = clock_mono_ms() + 20000;
    size_t before = pending(&r->core);
    struct reply reply;

    ctl_call(r, verb, args);
    do
        assert_false(ctl_wait(r, 1, 0, &reply));
    while (pending(&r->core) == before && clock_mono_ms() < until);
    assert_true(pending(&r->core) > before);
    assert_false(ctl_wait(r, 20, 0, &reply));
}

/* What a live ingress does when REGISTRY comes: its next heartbeat says that it holds it. */
void ctl_ingress_holds_registry(struct rig *r)
{
    r->ingress->registry_version = UINT64_MAX;
}

struct reply ctl_ask(struct rig *r, const char *verb, const char *args)
{
    struct reply reply = {0};

    ctl_ingress_holds_registry(r);
    ctl_call(r, verb, args);
    if (!ctl_wait(r, 20000, 0, &reply))
        fail_msg("%s was not answered", verb);
    return reply;
}

void ctl_fine(struct rig *r, const char *verb, const char *args)
{
    struct reply reply = ctl_ask(r, verb, args);

    if (reply.code != EXIT_FINE)
        print_message("%s: %d %s\n", verb, reply.code, reply.error);
    assert_int_equal(reply.code, EXIT_FINE);
    json_free(reply.doc);
}

void ctl_sad(struct rig *r, const char *verb, const char *args, int code, const char *words)
{
    struct reply reply = ctl_ask(r, verb, args);

    if (reply.code != code || !strstr(reply.error, words))
        print_message("%s %s: %d %s\n", verb, args, reply.code, reply.error);
    assert_int_equal(reply.code, code);
    assert_non_null(strstr(reply.error, words));
    assert_null(reply.doc);
    assert_int_equal(r->core.turn->exit_code, 0); /* a wrong call harms nobody */
}

void ctl_text(const struct reply *reply, const struct json_node *n, const char *path,
              const char *want)
{
    struct view v = VIEW_NONE;

    assert_int_equal(json_text(reply->doc, json_path(n, path), &v), 0);
    if (!view_is(v, want))
        print_message("%s is %.*s\n", path, (int)v.len, v.ptr ? v.ptr : "");
    assert_true(view_is(v, want));
}

int64_t ctl_int(const struct json_node *n, const char *path)
{
    int64_t i = -1;

    assert_true(json_int(json_path(n, path), &i));
    return i;
}
