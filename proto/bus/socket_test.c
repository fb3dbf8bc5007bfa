/* The sockets of the bus: what is sent arrives whole or is answered with a reason. */

#include "proto/bus/socket.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <czmq.h>

#include "base/testing.h"
#include "proto/bus/callers.h"
#include "proto/bus/testing/loops.h"

#define ENDPOINT "ipc://socket_test"

/* A message that is on its way; five seconds at most. */
static void receive(struct bus_socket *s, struct bus_message *ret)
{
    int rc = BUS_E_EMPTY;

    for (int i = 0; i < 5000 && rc == BUS_E_EMPTY; i++) {
        rc = bus_recv(s, ret);
        if (rc == BUS_E_EMPTY)
            (void)poll(NULL, 0, 1); /* until there is one */
    }
    assert_int_equal(rc, 0);
}

static void pair(struct bus_socket **ret_router, struct bus_socket **ret_dealer)
{
    assert_int_equal(bus_router_bind(ENDPOINT, NULL, ret_router), 0);
    assert_int_equal(bus_dealer_connect(ENDPOINT, NULL, ret_dealer), 0);
}

static void a_frame_goes_there_and_back(void **state)
{
    struct bus_socket *router = NULL;
    struct bus_socket *dealer = NULL;
    struct bus_message m;
    struct bus_message answer;
    struct stat st;

    (void)state;
    pair(&router, &dealer);
    assert_int_equal(stat("socket_test", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    assert_int_equal(bus_recv(router, &m), BUS_E_EMPTY);
    assert_int_equal(bus_send(dealer, VIEW_NONE, VIEW_LIT("head"), VIEW_LIT("body")), 0);
    receive(router, &m);
    assert_true(m.peer.len > 0 && view_is(m.head, "head") && view_is(m.body, "body"));
    assert_int_equal(bus_send(router, m.peer, VIEW_LIT("h"), VIEW_LIT("")), 0);
    bus_message_fini(&m);
    receive(dealer, &answer);
    assert_true(!answer.peer.ptr && view_is(answer.head, "h") && answer.body.len == 0);
    bus_message_fini(&answer);
    bus_socket_free(dealer);
    bus_socket_free(router);
}

static void a_peer_that_is_not_there_is_gone(void **state)
{
    struct bus_socket *router = NULL;

    (void)state;
    assert_int_equal(bus_router_bind(ENDPOINT, NULL, &router), 0);
    assert_int_equal(bus_send(router, VIEW_LIT("nobody"), VIEW_LIT("h"), VIEW_LIT("b")),
                     BUS_E_GONE);
    bus_socket_free(router);
}

static void frames_of_another_number_are_read_and_dropped(void **state)
{
    struct bus_socket *router = NULL;
    zsock_t *other = zsock_new(ZMQ_DEALER);
    struct bus_message m;
    int rc = BUS_E_EMPTY;

    (void)state;
    assert_int_equal(bus_router_bind(ENDPOINT, NULL, &router), 0);
    assert_int_equal(zsock_connect(other, "%s", ENDPOINT), 0);
    assert_int_equal(zstr_send(other, "alone"), 0);
    assert_int_equal(zstr_sendx(other, "one", "two", "three", "four", NULL), 0);
    assert_int_equal(zstr_sendx(other, "head", "body", NULL), 0);
    for (int want = 0; want < 2; want++) {
        rc = BUS_E_EMPTY;
        for (int i = 0; i < 5000 && rc == BUS_E_EMPTY; i++) {
            rc = bus_recv(router, &m);
            if (rc == BUS_E_EMPTY)
                (void)poll(NULL, 0, 1);
        }
        assert_int_equal(rc, BUS_E_MALFORMED);
        assert_int_equal(m.n_parts, 0); /* there is nothing to finish */
    }
    receive(router, &m);
    assert_true(view_is(m.head, "head") && view_is(m.body, "body"));
    bus_message_fini(&m);
    zsock_destroy(&other);
    bus_socket_free(router);
}

static void an_endpoint_that_is_none_of_ours_is_refused(void **state)
{
    struct bus_socket *s = NULL;
    char longer[160] = "ipc://";

    (void)state;
    memset(longer + 6, 'x', sizeof(longer) - 7);
    assert_int_equal(bus_router_bind("tcp://127.0.0.1:1", NULL, &s), -EPROTONOSUPPORT);
    assert_int_equal(bus_dealer_connect("inproc://x", NULL, &s), -EINVAL);
    assert_int_equal(bus_dealer_connect(longer, NULL, &s), -ENAMETOOLONG);
    assert_true(bus_router_bind("ipc://no/such/folder/x", NULL, &s) < 0);
    assert_null(s);
    bus_socket_free(s);
}

static void count(void *arg)
{
    (*(int *)arg)++;
}

/* Both ends, watched; whatever step has no memory, nothing of the others is left. */
static int whole_life(void *arg)
{
    struct bus_socket *router = NULL;
    struct bus_socket *dealer = NULL;
    struct loop *loop = NULL;
    int rc = loop_new(&loop);

    rc = rc ? rc : bus_router_bind(ENDPOINT, NULL, &router);
    rc = rc ? rc : bus_dealer_connect(ENDPOINT, NULL, &dealer);
    rc = rc ? rc : bus_socket_watch(router, loop, count, arg);
    if (router)
        bus_socket_unwatch(router, loop); /* harmless when it is not watched */
    bus_socket_free(dealer);
    bus_socket_free(router);
    loop_free(loop);
    return rc;
}

static void without_memory_no_socket_is_left(void **state)
{
    int n = 0;

    (void)state;
    testing_fail_each_allocation(whole_life, &n);
    assert_int_equal(n, 0);
}

/* Sending and reading ask libzmq for memory, never ours: there is no step that could lose a frame. */
static void frames_pass_while_there_is_no_memory_of_ours(void **state)
{
    struct bus_socket *router = NULL;
    struct bus_socket *dealer = NULL;
    struct bus_message m;

    (void)state;
    pair(&router, &dealer);
    mem_fail_at(1);
    assert_int_equal(bus_send(dealer, VIEW_NONE, VIEW_LIT("head"), VIEW_LIT("body")), 0);
    receive(router, &m);
    mem_fail_at(0);
    assert_true(view_is(m.body, "body"));
    bus_message_fini(&m);
    bus_socket_free(dealer);
    bus_socket_free(router);
}

/* As libzmq binds: whatever has the name goes. */
static void take_the_name(void)
{
    zsock_t *other = zsock_new(ZMQ_ROUTER);

    assert_true(zsock_bind(other, "%s", ENDPOINT) >= 0);
    zsock_destroy(&other);
}

static void a_name_that_was_taken_is_taken_back_and_nobody_is_lost(void **state)
{
    struct bus_socket *router = NULL;
    struct bus_socket *dealer = NULL;
    struct bus_socket *late = NULL;
    struct bus_message m;
    struct stat st;

    (void)state;
    pair(&router, &dealer);
    assert_int_equal(bus_router_keep(router), 0);
    assert_int_equal(bus_send(dealer, VIEW_NONE, VIEW_LIT("h"), VIEW_LIT("1")), 0);
    receive(router, &m);
    for (int i = 0; i < 40; i++) { /* more often than listeners are kept */
        take_the_name();
        assert_int_equal(bus_router_keep(router), BUS_E_TAKEN);
        assert_int_equal(bus_router_keep(router), 0);
        if (i == 5)
            assert_int_equal(bus_send(router, m.peer, VIEW_LIT("h"), VIEW_LIT("2")), 0);
    }
    bus_message_fini(&m);
    assert_int_equal(stat("socket_test", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    receive(dealer, &m);
    assert_true(view_is(m.body, "2"));
    bus_message_fini(&m);
    assert_int_equal(bus_dealer_connect(ENDPOINT, NULL, &late), 0);
    assert_int_equal(bus_send(late, VIEW_NONE, VIEW_LIT("h"), VIEW_LIT("3")), 0);
    receive(router, &m);
    assert_true(view_is(m.body, "3"));
    bus_message_fini(&m);
    bus_socket_free(late);
    bus_socket_free(dealer);
    bus_socket_free(router);
    assert_int_equal(stat("socket_test", &st), -1); /* it goes with its listener */
}

static void a_frame_tells_whose_process_sent_it(void **state)
{
    struct bus_socket *router = NULL;
    struct bus_socket *dealer = NULL;
    struct bus_message m;
    struct bus_message answer;
    struct caller who;

    (void)state;
    pair(&router, &dealer);
    assert_int_equal(bus_send(dealer, VIEW_NONE, VIEW_LIT("h"), VIEW_LIT("b")), 0);
    receive(router, &m);
    who = bus_message_from(&m);
    assert_true(who.known && who.uid == geteuid() && who.gid == getegid() &&
                who.pid == getpid());
    assert_int_equal(bus_send(router, m.peer, VIEW_LIT("h"), VIEW_LIT("b")), 0);
    bus_message_fini(&m);
    receive(dealer, &answer);
    who = bus_message_from(&answer);
    assert_true(who.known && who.uid == geteuid() && who.pid == getpid());
    bus_message_fini(&answer);
    bus_socket_free(dealer);
    bus_socket_free(router);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_goes_there_and_back),
        cmocka_unit_test(a_name_that_was_taken_is_taken_back_and_nobody_is_lost),
        cmocka_unit_test(a_frame_tells_whose_process_sent_it),
        cmocka_unit_test(a_peer_that_is_not_there_is_gone),
        cmocka_unit_test(frames_of_another_number_are_read_and_dropped),
        cmocka_unit_test(an_endpoint_that_is_none_of_ours_is_refused),
        cmocka_unit_test(without_memory_no_socket_is_left),
        cmocka_unit_test(frames_pass_while_there_is_no_memory_of_ours),
    };

    return cmocka_run_group_tests(tests, loops_begin, loops_end);
}
