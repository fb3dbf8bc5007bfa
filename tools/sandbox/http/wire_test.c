/* Calls over curl, one appearance on the wire each. */
#include "tools/sandbox/http/wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "tools/sandbox/http/request.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/timers.h"

enum {
    DEADLINE_MS = 10000
};

struct net {
    struct timers timers;
    struct listener *listener;
    struct wire *wire;
    int n_requests;
    int n_done;
    int status; /* what the server answers; 0 = it cuts the connection */
    const char *retry_after;
    bool sleeps;
    char request[256]; /* what the server saw */
    int got;           /* what the caller was told */
    char error[64];
    char answer[64];
    int64_t retry_after_ms;
};

static void on_request(void *arg, struct request *x)
{
    struct net *n = arg;
    const char *header = request_header(x, "X-Thing");

    n->n_requests++;
    (void)snprintf(n->request, sizeof(n->request), "%s %s [%s] %s", request_method(x),
                   request_path(x), header ? header : "-", request_body(x).ptr);
    if (n->sleeps)
        request_later(x, 3600000, on_request, n);
    else if (!n->status)
        request_cut(x);
    else {
        if (n->retry_after)
            request_retry_after(x, n->retry_after);
        request_answer(x, n->status, "text/plain", VIEW_LIT("fine"));
    }
}

static int64_t on_clock(void *arg)
{
    (void)arg;
    return clock_unix_ms();
}

static void on_done(void *arg, const struct wire_result *r)
{
    struct net *n = arg;

    n->n_done++;
    n->got = r->status;
    n->retry_after_ms = r->retry_after_ms;
    (void)snprintf(n->error, sizeof(n->error), "%s", r->error ? r->error : "");
    (void)snprintf(n->answer, sizeof(n->answer), "%.*s", (int)r->answer.len,
                   r->answer.len ? r->answer.ptr : "");
    assert_true(r->took_us >= 0);
}

static void net_open(struct net *n)
{
    struct listener_options o = {
        .address = "127.0.0.1:0", .handle = on_request, .unix_ms = on_clock, .arg = n};

    *n = (struct net){.status = 200};
    timers_init(&n->timers);
    assert_int_equal(listener_open(&n->listener, &n->timers, &o), 0);
    assert_int_equal(wire_new(&n->wire, &n->timers), 0);
}

static void net_close(struct net *n)
{
    wire_free(n->wire);
    listener_close(n->listener);
}

static void net_turn(struct net *n)
{
    wire_run(n->wire);
    timers_run(&n->timers, clock_mono_ms());
    listener_run(n->listener);
}

static void net_await(struct net *n, const int *counter, int want)
{
    int64_t until = clock_mono_ms() + DEADLINE_MS;

    while (*counter < want) {
        assert_true(clock_mono_ms() < until);
        net_turn(n);
    }
}

static int net_send(struct net *n, const char *method, const char *path, struct blob *body)
{
    struct wire_headers headers = {0};
    char url[128];

    wire_header(&headers, "X-Thing: %s", "t");
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", listener_port(n->listener), path);
    return wire_send(n->wire, &(struct wire_request){
                                  .method = method,
                                  .url = url,
                                  .body = body,
                                  .headers = headers,
                                  .timeout_ms = 100,
                                  .keep_alive = true,
                                  .done = on_done,
                                  .arg = n,
                              });
}

static void a_call_arrives_as_it_was_given_and_its_answer_comes_back(void **state)
{
    struct blob *body = blob_new("{\"a\":1}", 7);
    struct net n;

    (void)state;
    net_open(&n);
    assert_int_equal(net_send(&n, "PATCH", "/x", body), 0);
    blob_drop(body); /* the wire holds it */
    assert_int_equal(n.n_done, 0);
    net_await(&n, &n.n_done, 1);
    assert_string_equal(n.request, "PATCH /x [t] {\"a\":1}");
    assert_int_equal(n.got, 200);
    assert_string_equal(n.answer, "fine");
    assert_string_equal(n.error, "");
    assert_int_equal(n.retry_after_ms, -1);
    net_close(&n);
}

static void a_call_may_be_without_a_body(void **state)
{
    struct net n;

    (void)state;
    net_open(&n);
    n.status = 503;
    n.retry_after = "7";
    assert_int_equal(net_send(&n, "GET", "/x", NULL), 0);
    net_await(&n, &n.n_done, 1);
    assert_string_equal(n.request, "GET /x [t] ");
    assert_int_equal(n.got, 503);
    assert_int_equal(n.retry_after_ms, 7000);
    net_close(&n);
}

static void a_connection_that_is_cut_is_no_answer_and_no_second_call(void **state)
{
    struct blob *body = blob_new("b", 1);
    struct net n;

    (void)state;
    net_open(&n);
    assert_int_equal(net_send(&n, "POST", "/x", body), 0);
    net_await(&n, &n.n_done, 1);
    n.status = 0; /* on the connection that is open now */
    assert_int_equal(net_send(&n, "POST", "/x", body), 0);
    net_await(&n, &n.n_done, 2);
    assert_int_equal(n.got, 0);
    assert_string_not_equal(n.error, "");
    assert_int_equal(n.n_requests, 2);
    blob_drop(body);
    net_close(&n);
}

static void a_call_times_out(void **state)
{
    struct net n;

    (void)state;
    net_open(&n);
    n.sleeps = true;
    assert_int_equal(net_send(&n, "POST", "/x", NULL), 0);
    net_await(&n, &n.n_done, 1);
    assert_int_equal(n.got, 0);
    assert_string_equal(n.error, "Timeout was reached");
    net_close(&n);
}

static void nobody_is_called_for_what_was_aborted(void **state)
{
    struct net n;

    (void)state;
    net_open(&n);
    n.sleeps = true;
    for (int i = 0; i < 3; i++)
        assert_int_equal(net_send(&n, "POST", "/x", NULL), 0);
    net_await(&n, &n.n_requests, 3);
    wire_abort_all(n.wire);
    for (int i = 0; i < 20; i++)
        net_turn(&n);
    assert_int_equal(n.n_done, 0);
    n.sleeps = false;
    assert_int_equal(net_send(&n, "POST", "/x", NULL), 0); /* and it goes on */
    net_await(&n, &n.n_done, 1);
    assert_int_equal(n.got, 200);
    net_close(&n);
}

static void an_address_of_another_kind_is_not_called(void **state)
{
    struct net n;

    (void)state;
    net_open(&n);
    assert_int_equal(wire_send(n.wire, &(struct wire_request){.method = "GET",
                                                              .url = "file:///etc/hostname",
                                                              .timeout_ms = 100,
                                                              .done = on_done,
                                                              .arg = &n}),
                     0);
    net_await(&n, &n.n_done, 1);
    assert_int_equal(n.got, 0);
    assert_string_equal(n.error, "Unsupported protocol");
    net_close(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_arrives_as_it_was_given_and_its_answer_comes_back),
        cmocka_unit_test(a_call_may_be_without_a_body),
        cmocka_unit_test(a_connection_that_is_cut_is_no_answer_and_no_second_call),
        cmocka_unit_test(a_call_times_out),
        cmocka_unit_test(nobody_is_called_for_what_was_aborted),
        cmocka_unit_test(an_address_of_another_kind_is_not_called),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
