/* The listener, with clients on the same thread: what is read, refused, put aside and answered. The
 * clients look at their sockets by a timer, so that no memory of ours is asked for on their side. */

#include "ingress/http/listener.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/net.h"
#include "base/testing.h"
#include "ingress/http/guard.h"
#include "ingress/http/metrics.h"
#include "ingress/http/request.h"
#include "proto/bus/testing/loops.h"
#include "proto/limits.h"

#define N_CLIENTS 3

struct client {
    int fd;
    char got[8192];
    size_t n_got;
    bool ended; /* the listener closed it */
};

struct rig {
    struct loop *loop;
    struct listener *listener;
    struct guard *guard;
    struct metrics metrics;
    struct client clients[N_CLIENTS];
    size_t body_max;
    char body[64]; /* of the last whole request */
    char path[64];
    unsigned n_heads;
    unsigned n_whole;
    struct request *waiting; /* put aside, answered at the next turn of the clients */
    unsigned n_waits;
    bool (*done)(struct rig *r);
    struct loops_wait wait;
};

/* --- routes --------------------------------------------------------------------------------- */

static void whole(void *arg, struct request *x)
{
    struct rig *r = arg;

    r->n_whole++;
    (void)!view_copy(buf_view(&x->body), r->body, sizeof(r->body)); /* long ones are counted */
    if (view_is(x->path, "/wait")) {
        x->waits = true;
        return;
    }
    request_ok(x);
}

static void head(void *arg, struct request *x)
{
    struct rig *r = arg;

    r->n_heads++;
    (void)!view_copy(x->path, r->path, sizeof(r->path)); /* long ones are not looked at */
    x->source = SOURCE_CONNECTOR;
    if (view_is(x->path, "/health")) {
        request_answer(x, 200, "well");
        return;
    }
    if (x->method != METHOD_POST) {
        x->allow = "POST";
        request_fault(x, 405, "method", "only POST", NULL);
        return;
    }
    x->body_max = r->body_max;
    x->whole = whole;
}

static void wait_for_answer(void *arg, struct request *x)
{
    struct rig *r = arg;

    r->waiting = x;
    r->n_waits++;
}

/* --- clients -------------------------------------------------------------------------------- */

static void client_read(struct client *c)
{
    ssize_t n = 0;

    if (c->fd < 0 || c->ended)
        return;
    n = recv(c->fd, c->got + c->n_got, sizeof(c->got) - 1 - c->n_got, MSG_DONTWAIT);
    if (n > 0)
        c->n_got += (size_t)n;
    c->got[c->n_got] = '\0';
    c->ended = n == 0 || (n < 0 && errno != EAGAIN);
}

static bool turn(void *arg)
{
    struct rig *r = arg;
    struct request *x = r->waiting;

    for (int i = 0; i < N_CLIENTS; i++)
        client_read(&r->clients[i]);
    if (x) {
        r->waiting = NULL;
        request_ok(x);
        listener_answer(x);
        listener_run(r->listener);
    }
    return r->done(r);
}

static void dial(struct rig *r, int i)
{
    struct sockaddr_storage at;
    socklen_t len = 0;
    int fd = -1;

    assert_int_equal(net_parse_address(listener_address(r->listener), &at, &len), 0);
    fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, len), 0);
    r->clients[i] = (struct client){.fd = fd};
}

static void say_bytes(struct rig *r, int i, const char *bytes, size_t len)
{
    assert_int_equal(send(r->clients[i].fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void say(struct rig *r, int i, const char *text)
{
    say_bytes(r, i, text, strlen(text));
}

/* --- a life --------------------------------------------------------------------------------- */

static int open_listener(struct rig *r, uint64_t max_connections)
{
    const struct listener_config config = {.loop = r->loop,
                                           .listen = "127.0.0.1:0",
                                           .max_connections = max_connections,
                                           .guard = r->guard,
                                           .metrics = &r->metrics,
                                           .head = head,
                                           .wait = wait_for_answer,
                                           .arg = r};

    return listener_new(&config, &r->listener);
}

static void begin(struct rig *r)
{
    *r = (struct rig){.body_max = 100};
    for (int i = 0; i < N_CLIENTS; i++)
        r->clients[i].fd = -1;
    assert_int_equal(loop_new(&r->loop), 0);
    assert_int_equal(guard_new("", 100, &r->guard), 0);
    assert_int_equal(metrics_init(&r->metrics, "ingress"), 0);
    loops_wait_begin(&r->wait, r->loop, turn, r);
}

static void start(struct rig *r)
{
    begin(r);
    assert_int_equal(open_listener(r, 100), 0);
    dial(r, 0);
}

static void end(struct rig *r)
{
    for (int i = 0; i < N_CLIENTS; i++) {
        if (r->clients[i].fd >= 0)
            assert_int_equal(close(r->clients[i].fd), 0);
    }
    listener_free(r->listener);
    metrics_fini(&r->metrics);
    guard_free(r->guard);
    loop_free(r->loop);
}

/* Until @done holds; a loop runs once, so a rig has one wait. */
static void run(struct rig *r, bool (*done)(struct rig *r))
{
    r->done = done;
    assert_int_equal(loop_run(r->loop), 0);
    loops_wait_end(&r->wait);
}

static int setup(void **state)
{
    static struct rig r;

    start(&r);
    *state = &r;
    return 0;
}

static int teardown(void **state)
{
    end(*state);
    return 0;
}

/* Is there a whole answer, or the end? */
static bool is_answered(struct rig *r)
{
    const struct client *c = &r->clients[0];
    const char *body = strstr(c->got, "\r\n\r\n");
    const char *length = strstr(c->got, "Content-Length: ");

    if (c->ended)
        return true;
    return body && length && strlen(body + 4) >= strtoul(length + 16, NULL, 10);
}

static bool has(const struct rig *r, const char *what)
{
    return strstr(r->clients[0].got, what) != NULL;
}

/* One request, one answer. */
static void answers(const char *request, const char *status)
{
    struct rig r;

    start(&r);
    say(&r, 0, request);
    run(&r, is_answered);
    if (!has(&r, status))
        fail_msg("%s\n-> %s", request, r.clients[0].got);
    end(&r);
}

#define POST "POST /x HTTP/1.1\r\nHost: a\r\n"

static void a_whole_request_is_handed_on_and_answered(void **state)
{
    struct rig *r = *state;

    say(r, 0, "POST /a%2Fb?c=d HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    say(r, 0, "lo");
    run(r, is_answered);
    assert_true(has(r, "HTTP/1.1 200"));
    assert_true(has(r, "OK"));
    assert_string_equal(r->body, "hello");
    assert_string_equal(r->path, "/a%2Fb");
    assert_int_equal(r->n_heads, 1);
    assert_int_equal(r->n_whole, 1);
    assert_int_equal(listener_busy(r->listener), 1);
}

static void an_answer_of_the_head_alone_needs_no_body(void **state)
{
    (void)state;
    answers("GET /health HTTP/1.1\r\nHost: a\r\n\r\n", "200");
    answers("GET /x HTTP/1.1\r\nHost: a\r\n\r\n", "405");
    answers("DELETE /x HTTP/1.1\r\nHost: a\r\n\r\n", "Allow: POST");
}

static void a_head_that_can_be_read_two_ways_is_refused(void **state)
{
    (void)state;
    answers("POST /x HTTP/1.1\r\n\r\n", "400");
    answers("POST /x HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 0\r\n\r\n", "400");
    answers(POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", "400");
    answers(POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400");
    answers(POST "Transfer-Encoding: gzip\r\n\r\n", "400");
}

/* Bytes that libmicrohttpd would read in its own way, and behind them what must not be run. */
struct odd_head {
    const char *bytes;
    size_t len;
};
#define ODD(text)                                                                              \
    {                                                                                          \
        text "POST /second HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",                  \
            sizeof(text "POST /second HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n") - 1   \
    }

static bool has_ended(struct rig *r)
{
    return r->clients[0].ended;
}

static void what_libmicrohttpd_passes_over_is_refused_and_nothing_behind_it_is_run(void **state)
{
    static const struct odd_head heads[] = {
        ODD(POST "Content-Length: 2\r\n:x\r\n\r\nhi"),
        ODD(POST "Content-Length: 0\r\n:\r\n"),
        ODD(POST "Content-Length: 0\r\n: \r\nX: y\r\n\r\n"),
        ODD(POST "X:y\r\nContent-Length: 0\r\n:\r\n"), /* a byte less and a byte more */
        ODD(POST "Content-Length: 2\r\n\0x: y\r\n\r\nhi"),
        ODD(POST "Content-Length: 0\r\n\0\r\n"),
        ODD(POST "X:y\r\nContent-Length: 0\r\n\0\r\n"),
        ODD("POST /x HTTP/1.1\r\n\0: y\r\nHost: a\r\n\r\n"),
        ODD("POST /x HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n"),
        ODD(POST "Content-Length : 2\r\n\r\nhi"),
        ODD(POST "Content-Length\t: 2\r\n\r\nhi"),
        ODD(POST "Transfer-Encoding : chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
        ODD(POST "Content-Length:\r\n 2\r\n\r\nhi"),
        ODD(POST "Content-Length: 2\r\n 2\r\n\r\nhi"),
        ODD(POST "X: y\r\n\tz\r\nContent-Length: 2\r\n\r\nhi"),
        ODD(POST "X: y\rContent-Length: 5\r\nContent-Length: 2\r\n\r\nhi"),
        ODD(POST "Content-Length: 2\0\r\n\r\nhi"),
        ODD(POST "Content-Length: 2\0 3\r\n\r\nhi"),
        ODD(POST "X: y\0\r\nContent-Length: 2\r\n\r\nhi"),
        ODD(POST "X: \x01\r\nContent-Length: 2\r\n\r\nhi"),
        ODD(POST "X\x80: y\r\nContent-Length: 2\r\n\r\nhi"),
        ODD(POST "X: y\nContent-Length: 2\r\n\r\nhi"),
        ODD("POST /x HTTP/1.1\nHost: a\r\nContent-Length: 2\r\n\r\nhi"),
        ODD("POST /x HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n"
            "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
        ODD("POST /x y HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"),
        ODD("POST /x?\t HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"),
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(heads); i++) {
        struct rig r;

        start(&r);
        say_bytes(&r, 0, heads[i].bytes, heads[i].len);
        run(&r, has_ended);
        if (!has(&r, "HTTP/1.1 400") || r.n_heads + r.n_whole > 0)
            fail_msg("%zu: %s\n-> %s", i, heads[i].bytes, r.clients[0].got);
        end(&r);
    }
}

/* Lines behind a chunked body may end early, too: nothing is read behind them. */
static void nothing_is_run_behind_a_body_in_pieces(void **state)
{
    static const struct odd_head bodies[] = {
        ODD(POST "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
        ODD(POST "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n:z\r\n"),
        ODD(POST "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\0z\r\n"),
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(bodies); i++) {
        struct rig r;

        start(&r);
        say_bytes(&r, 0, bodies[i].bytes, bodies[i].len);
        run(&r, has_ended);
        assert_int_equal(r.n_heads, 1);
        assert_int_equal(r.n_whole, 1);
        assert_true(has(&r, "HTTP/1.1 200"));
        end(&r);
    }
}

static void what_may_be_written_in_several_ways_is_taken_in_all_of_them(void **state)
{
    (void)state;
    answers("POST /x?a=b HTTP/1.1\r\nhost:a\r\ncontent-LENGTH: \t 2\r\n\r\nhi", "200");
    answers(POST "X:\r\nY: \r\nZ: \xd0\x9f\tq\r\nContent-Length:2\r\n\r\nhi", "200");
    answers("\r\n\r\n" POST "!#$%&'*+-.^_`|~09azAZ: y\r\nContent-Length: 2\r\n\r\nhi", "200");
    answers("POST /x HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", "200");
    answers(POST "Cookie: a=b; c=d\r\nContent-Length: 2\r\n\r\nhi", "200");
}

static void a_body_over_its_limit_is_refused_however_it_comes(void **state)
{
    char longer[300];

    (void)state;
    (void)snprintf(longer, sizeof(longer), POST "Content-Length: 120\r\n\r\n%0120d", 1);
    answers(longer, "413");
    answers(POST "Content-Length: 100000\r\n\r\n", "413"); /* at once: it is not read */
    (void)snprintf(longer, sizeof(longer),
                   POST "Transfer-Encoding: chunked\r\n\r\n78\r\n%0120d\r\n0\r\n\r\n", 1);
    answers(longer, "413");
}

static void a_body_in_pieces_is_put_together(void **state)
{
    struct rig *r = *state;

    say(r, 0, POST "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
    run(r, is_answered);
    assert_string_equal(r->body, "hello");
}

static void an_address_over_its_limit_is_refused(void **state)
{
    char request[LIMIT_URL + 200];

    (void)state;
    (void)snprintf(request, sizeof(request), "GET /%0*d HTTP/1.1\r\nHost: a\r\n\r\n",
                   (int)LIMIT_URL, 1);
    answers(request, "414");
}

static void a_head_over_its_limit_is_refused(void **state)
{
    static char request[LIMIT_HEADER_BYTES + 400];
    int n = snprintf(request, sizeof(request), POST "Content-Length: 0\r\nX-A: ");

    (void)state;
    memset(request + n, 'a', LIMIT_HEADER_BYTES);
    memcpy(request + n + LIMIT_HEADER_BYTES, "\r\n\r\n", 5);
    answers(request, "431");
}

static void a_request_put_aside_is_answered_later(void **state)
{
    struct rig *r = *state;

    say(r, 0, "POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    run(r, is_answered);
    assert_true(has(r, "200"));
    assert_int_equal(r->n_waits, 1);
}

static bool two_answers(struct rig *r)
{
    const char *first = strstr(r->clients[0].got, "HTTP/1.1");

    return first && strstr(first + 1, "HTTP/1.1 405");
}

static void a_connection_takes_one_request_after_the_other(void **state)
{
    struct rig *r = *state;

    say(r, 0, POST "Content-Length: 2\r\n\r\nhiGET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    run(r, two_answers);
    assert_int_equal(r->n_heads, 2);
}

static bool both_are_answered(struct rig *r)
{
    return strstr(r->clients[0].got, "\r\n\r\n") && strstr(r->clients[1].got, "\r\n\r\n");
}

/* Nobody who comes is refused, and no request that is whole is lost for it. */
static void
over_the_limit_of_connections_who_comes_takes_the_place_of_who_asks_nothing(void **state)
{
    static const char *const firsts[] = {
        "GET /health HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(firsts); i++) {
        struct rig r;

        begin(&r);
        assert_int_equal(open_listener(&r, 1), 0);
        dial(&r, 0);
        say(&r, 0, firsts[i]);
        dial(&r, 1);
        say(&r, 1, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
        run(&r, both_are_answered);
        assert_true(has(&r, " 200 "));
        assert_non_null(strstr(r.clients[1].got, " 200 "));
        assert_int_equal(r.metrics.put_out[PLACE_FOR_ROOM]->value, i == 0);
        end(&r);
    }
}

static void a_closed_listener_opens_again_at_the_same_address(void **state)
{
    struct rig r;
    char address[128];

    (void)state;
    begin(&r);
    assert_int_equal(open_listener(&r, 100), 0);
    (void)snprintf(address, sizeof(address), "%s", listener_address(r.listener));
    listener_close(r.listener);
    listener_close(r.listener);
    assert_false(listener_is_open(r.listener));
    mem_fail_at(1);
    assert_int_equal(listener_open(r.listener), -ENOMEM);
    mem_fail_at(0);
    assert_false(listener_is_open(r.listener)); /* still closed, and it may be tried again */
    assert_int_equal(listener_open(r.listener), 0);
    assert_int_equal(listener_open(r.listener), 0);
    assert_true(listener_is_open(r.listener));
    assert_string_equal(listener_address(r.listener), address);
    dial(&r, 0);
    say(&r, 0, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    run(&r, is_answered);
    assert_true(has(&r, "200"));
    end(&r);
}

static void a_draining_listener_answers_what_it_has_and_closes(void **state)
{
    struct rig *r = *state;

    say(r, 0, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    listener_drain(r->listener); /* whoever knocked before is taken in */
    assert_false(listener_is_open(r->listener));
    assert_int_equal(listener_open(r->listener), 0); /* harmless, and it stays closed */
    assert_false(listener_is_open(r->listener));
    run(r, is_answered);
    assert_true(has(r, "200"));
    assert_true(has(r, "Connection: close"));
}

/* --- without memory ------------------------------------------------------------------------- */

static int opened(void *arg)
{
    struct rig *r = arg;
    int rc = open_listener(r, 100);

    if (rc)
        assert_null(r->listener);
    listener_free(r->listener);
    r->listener = NULL;
    return rc;
}

static void a_listener_that_had_no_memory_does_not_stand_half_open(void **state)
{
    struct rig r;
    uint64_t before = 0;
    uint64_t n_all = 0;

    (void)state;
    begin(&r);
    before = mem_count();
    assert_int_equal(opened(&r), 0);
    n_all = mem_count() - before;
    assert_true(n_all > 3);
    for (uint64_t n = 1; n <= n_all; n++) {
        mem_fail_at(n);
        assert_int_equal(opened(&r), -ENOMEM);
        mem_fail_at(0);
    }
    assert_int_equal(opened(&r), 0);
    end(&r);
}

/* The first connection has the failing allocation; the second one comes after it. */
static bool both_ended(struct rig *r)
{
    const struct client *c = &r->clients[1];

    if (is_answered(r) && c->fd < 0) {
        mem_fail_at(0);
        dial(r, 1);
        say(r, 1, POST "Content-Length: 5\r\n\r\nhello");
    }
    return c->fd >= 0 && (c->ended || strstr(c->got, "\r\n\r\n"));
}

/* What is answered 200 was handed on whole; else it is a refusal that asks for a repeat, or the end.
 * Nobody else notices. */
static bool request_fails_at(uint64_t nth, const char *request)
{
    struct rig r;
    uint64_t before = 0;
    bool reached = false;

    start(&r);
    say(&r, 0, request);
    before = mem_count();
    mem_fail_at(nth);
    run(&r, both_ended);
    reached = mem_count() - before >= nth;
    if (has(&r, " 200 "))
        assert_true(r.n_whole == 2 && strcmp(r.body, "hello") == 0);
    else
        assert_true(r.clients[0].n_got == 0 || has(&r, " 503 ") || has(&r, " 500 "));
    assert_non_null(strstr(r.clients[1].got, " 200 "));
    end(&r);
    return reached;
}

static void without_memory_a_request_is_refused_never_lost(void **state)
{
    static const char *const requests[] = {
        POST "Content-Length: 5\r\n\r\nhello",
        "POST /%77ait HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        POST "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(requests); i++) {
        uint64_t n = 1;

        while (n < 40 && request_fails_at(n, requests[i]))
            n++;
        assert_true(n > 2);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_whole_request_is_handed_on_and_answered),
        cmocka_unit_test(an_answer_of_the_head_alone_needs_no_body),
        cmocka_unit_test(a_head_that_can_be_read_two_ways_is_refused),
        cmocka_unit_test(
            what_libmicrohttpd_passes_over_is_refused_and_nothing_behind_it_is_run),
        cmocka_unit_test(nothing_is_run_behind_a_body_in_pieces),
        cmocka_unit_test(what_may_be_written_in_several_ways_is_taken_in_all_of_them),
        cmocka_unit_test(a_body_over_its_limit_is_refused_however_it_comes),
        CASE(a_body_in_pieces_is_put_together),
        cmocka_unit_test(an_address_over_its_limit_is_refused),
        cmocka_unit_test(a_head_over_its_limit_is_refused),
        CASE(a_request_put_aside_is_answered_later),
        CASE(a_connection_takes_one_request_after_the_other),
        cmocka_unit_test(
            over_the_limit_of_connections_who_comes_takes_the_place_of_who_asks_nothing),
        cmocka_unit_test(a_closed_listener_opens_again_at_the_same_address),
        CASE(a_draining_listener_answers_what_it_has_and_closes),
        cmocka_unit_test(a_listener_that_had_no_memory_does_not_stand_half_open),
        cmocka_unit_test(without_memory_a_request_is_refused_never_lost),
    };

    return cmocka_run_group_tests(tests, loops_begin, loops_end);
}
