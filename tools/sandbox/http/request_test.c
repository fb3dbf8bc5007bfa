/* Requests that are answered now, later, or not at all. */
#include "tools/sandbox/http/request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "tools/sandbox/kit/timers.h"
#include "tools/sandbox/record/world.h"

enum {
    DEADLINE_MS = 10000
};

struct server {
    struct timers timers;
    struct listener *listener;
    request_fn *then; /* what the handler does */
    int n_freed;      /* of what was attached */
    char said[512];   /* what the handler saw */
};

static void on_request(void *arg, struct request *x)
{
    struct server *s = arg;

    s->then(s, x);
}

static int64_t on_clock(void *arg)
{
    (void)arg;
    return 1603972795000;
}

static void server_open(struct server *s, request_fn *then)
{
    struct listener_options o = {
        .address = "127.0.0.1:0", .handle = on_request, .unix_ms = on_clock, .arg = s};

    *s = (struct server){.then = then};
    timers_init(&s->timers);
    assert_int_equal(listener_open(&s->listener, &s->timers, &o), 0);
}

static void server_close(struct server *s)
{
    listener_close(s->listener);
}

static int client_open(const struct server *s, const char *request)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)listener_port(s->listener)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    return fd;
}

/* Until the server closes; what it sent is in @ret. */
static void client_read(struct server *s, int fd, char *ret, size_t cap)
{
    int64_t until = clock_mono_ms() + DEADLINE_MS;
    size_t len = 0;
    ssize_t n = 1;

    while (n != 0) {
        assert_true(clock_mono_ms() < until);
        timers_run(&s->timers, clock_mono_ms());
        listener_run(s->listener);
        n = recv(fd, ret + len, cap - 1 - len, MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN)
            break;
        len += n > 0 ? (size_t)n : 0;
    }
    ret[len] = '\0';
    assert_int_equal(close(fd), 0);
}

static void ask(struct server *s, const char *request, char *ret, size_t cap)
{
    client_read(s, client_open(s, request), ret, cap);
}

#define GET(target) "GET " target " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"

static void say_all(void *arg, struct request *x)
{
    struct server *s = arg;
    const char *header = request_header(x, "X-Thing");

    (void)snprintf(s->said, sizeof(s->said), "%s %s %s [%s] [%s] %lld", request_method(x),
                   request_path(x), request_query(x), request_argument(x, "text"),
                   header ? header : "-", (long long)request_number(x, "n", 5));
    request_answer(x, 201, "text/plain", request_body(x));
}

static void a_request_is_seen_as_it_came(void **state)
{
    struct server s;
    char answer[2048];

    (void)state;
    server_open(&s, say_all);
    ask(&s,
        "POST /a%2Fb?text=%D1%8F+b%2B&n=17&text=other HTTP/1.1\r\nHost: x\r\nX-Thing: t\r\n"
        "Connection: close\r\nContent-Length: 4\r\n\r\nbody",
        answer, sizeof(answer));
    assert_string_equal(s.said,
                        "POST /a%2Fb text=%D1%8F+b%2B&n=17&text=other [\xD1\x8F b+] [t] 17");
    assert_int_equal(strncmp(answer, "HTTP/1.1 201", 12), 0);
    assert_non_null(strstr(answer, "Date: Thu, 29 Oct 2020 11:59:55 GMT"));
    assert_non_null(strstr(answer, "Content-Type: text/plain"));
    assert_non_null(strstr(answer, "\r\n\r\nbody"));
    server_close(&s);
}

static void missing_arguments_are_blank_or_the_default(void **state)
{
    struct server s;
    char answer[2048];

    (void)state;
    server_open(&s, say_all);
    ask(&s, GET("/") "\r\n", answer, sizeof(answer));
    assert_string_equal(s.said, "GET /  [] [-] 5");
    ask(&s, GET("/?n=x&text") "\r\n", answer, sizeof(answer));
    assert_string_equal(s.said, "GET / n=x&text [] [-] 5");
    ask(&s, GET("/?n=99999999999999999999") "\r\n", answer, sizeof(answer));
    assert_string_equal(s.said, "GET / n=99999999999999999999 [] [-] 5");
    ask(&s, GET("/?n=-3") "\r\n", answer, sizeof(answer));
    assert_string_equal(s.said, "GET / n=-3 [] [-] -3");
    server_close(&s);
}

static void answer_now(void *arg, struct request *x)
{
    (void)arg;
    request_retry_after(x, "30");
    request_answer(x, 200, NULL, VIEW_LIT("late"));
}

static void answer_later(void *arg, struct request *x)
{
    request_later(x, 30, answer_now, arg);
}

static void an_answer_may_come_later(void **state)
{
    struct server s;
    char answer[2048];
    int64_t began = clock_mono_ms();

    (void)state;
    server_open(&s, answer_later);
    ask(&s, GET("/") "\r\n", answer, sizeof(answer));
    assert_true(clock_mono_ms() - began >= 30);
    assert_non_null(strstr(answer, "Retry-After: 30"));
    assert_non_null(strstr(answer, "\r\n\r\nlate"));
    server_close(&s);
}

static void cut_later(void *arg, struct request *x)
{
    (void)arg;
    request_cut(x);
}

static void cut_now_or_later(void *arg, struct request *x)
{
    if (strcmp(request_path(x), "/now") == 0)
        request_cut(x);
    else
        request_later(x, 10, cut_later, arg);
}

static void a_connection_may_be_cut_instead(void **state)
{
    struct server s;
    char answer[2048];

    (void)state;
    server_open(&s, cut_now_or_later);
    ask(&s, GET("/now") "\r\n", answer, sizeof(answer));
    assert_string_equal(answer, "");
    ask(&s, GET("/later") "\r\n", answer, sizeof(answer));
    assert_string_equal(answer, "");
    server_close(&s);
}

static void on_freed(void *own)
{
    struct server *s = own;

    s->n_freed++;
}

static void attach_and_sleep(void *arg, struct request *x)
{
    struct server *s = arg;

    request_attach(x, s, on_freed);
    request_later(x, 3600000, answer_now, arg);
}

static void closing_lets_all_sleepers_go(void **state)
{
    struct server s;
    char answer[2048];
    int fds[3];

    (void)state;
    server_open(&s, attach_and_sleep);
    for (size_t i = 0; i < 3; i++) {
        fds[i] = client_open(&s, GET("/") "\r\n");
        for (int turn = 0; turn < 20; turn++)
            listener_run(s.listener);
    }
    assert_int_equal(s.n_freed, 0);
    server_close(&s);
    assert_int_equal(s.n_freed, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(recv(fds[i], answer, sizeof(answer), MSG_DONTWAIT) <= 0);
        assert_int_equal(close(fds[i]), 0);
    }
}

static void a_body_over_the_limit_is_refused_and_read_to_its_end(void **state)
{
    enum {
        BIG = 5 * 1024 * 1024
    };
    struct server s;
    char answer[2048];
    char head[128];
    static char piece[64 * 1024];
    int64_t until = clock_mono_ms() + DEADLINE_MS;
    int fd = -1;

    (void)state;
    server_open(&s, say_all);
    (void)snprintf(
        head, sizeof(head),
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n",
        (int)BIG);
    fd = client_open(&s, head);
    for (size_t sent = 0; sent < BIG;) {
        size_t left = BIG - sent < sizeof(piece) ? BIG - sent : sizeof(piece);
        ssize_t n = send(fd, piece, left, MSG_DONTWAIT | MSG_NOSIGNAL);

        assert_true(clock_mono_ms() < until);
        sent += n > 0 ? (size_t)n : 0;
        listener_run(s.listener);
    }
    client_read(&s, fd, answer, sizeof(answer));
    assert_int_equal(strncmp(answer, "HTTP/1.1 413", 12), 0);
    assert_string_equal(s.said, "");
    server_close(&s);
}

static void a_malformed_or_taken_address_is_an_error(void **state)
{
    struct server s;
    struct timers timers;
    struct listener *l = NULL;
    char taken[32];
    struct listener_options o = {
        .address = "localhost:1", .handle = on_request, .unix_ms = on_clock};

    (void)state;
    timers_init(&timers);
    assert_int_equal(listener_open(&l, &timers, &o), -EINVAL);
    server_open(&s, say_all);
    (void)snprintf(taken, sizeof(taken), "127.0.0.1:%u", listener_port(s.listener));
    o.address = taken;
    assert_int_equal(listener_open(&l, &timers, &o), -EADDRINUSE);
    o.address = "127.0.0.1:0";
    o.cert = "no certificate";
    o.key = "no key";
    assert_int_equal(listener_open(&l, &timers, &o), -EIO);
    assert_null(l);
    listener_close(NULL);
    server_close(&s);
}

static void escapes_of_a_path_are_taken_out(void **state)
{
    char text[] = "a%2Fb%20c+d%zz";

    (void)state;
    request_unescape(text);
    assert_string_equal(text, "a/b c+d%zz");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_seen_as_it_came),
        cmocka_unit_test(missing_arguments_are_blank_or_the_default),
        cmocka_unit_test(an_answer_may_come_later),
        cmocka_unit_test(a_connection_may_be_cut_instead),
        cmocka_unit_test(closing_lets_all_sleepers_go),
        cmocka_unit_test(a_body_over_the_limit_is_refused_and_read_to_its_end),
        cmocka_unit_test(a_malformed_or_taken_address_is_an_error),
        cmocka_unit_test(escapes_of_a_path_are_taken_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
