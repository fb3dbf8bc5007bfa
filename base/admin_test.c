#include "base/admin.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/testing.h"

struct fixture {
    struct stats *stats;
    struct admin *admin;
    struct stat_gauge *gauge;
    bool ready;
    char answer[65536];
};

static bool is_ready(void *arg, struct buf *reasons)
{
    const struct fixture *f = arg;

    (void)buf_add_str(reasons, f->ready ? "core is away\n" : "no core\nspool \"full\"\n");
    return f->ready;
}

static void refresh(void *arg)
{
    const struct fixture *f = arg;

    stat_set(f->gauge, 42);
}

static int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){.ready = true};
    if (stats_new(&f.stats))
        return -1;
    f.gauge = stats_gauge(f.stats, "amo_workers", "", "workers");
    *state = &f;
    return admin_new("127.0.0.1:0", f.stats, is_ready, refresh, &f, &f.admin);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    admin_free(f->admin);
    stats_free(f->stats);
    return 0;
}

static int dial(const struct fixture *f)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((in_port_t)admin_port(f->admin)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* Runs the listener until the other side of @fd closes; what came is in f->answer. */
static const char *hear(struct fixture *f, int fd)
{
    int64_t until = clock_mono_ms() + 10000;
    size_t len = 0;
    ssize_t n = 1;

    while (n != 0 && clock_mono_ms() < until) {
        struct pollfd wait[] = {
            {.fd = fd,                 .events = POLLIN},
            {.fd = admin_fd(f->admin), .events = POLLIN}
        };

        assert_true(poll(wait, 2, 100) >= 0);
        admin_run(f->admin);
        n = recv(fd, f->answer + len, sizeof(f->answer) - 1 - len, MSG_DONTWAIT);
        if (n > 0)
            len += (size_t)n;
    }
    f->answer[len] = '\0';
    assert_int_equal(n, 0);
    assert_int_equal(close(fd), 0);
    return f->answer;
}

static const char *ask(struct fixture *f, const char *request)
{
    int fd = dial(f);

    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    return hear(f, fd);
}

static void assert_answer(const char *answer, const char *status, const char *body)
{
    const char *at = strstr(answer, "\r\n\r\n");

    assert_memory_equal(answer, status, strlen(status));
    assert_non_null(strstr(answer, "Connection: close\r\n"));
    assert_non_null(at);
    assert_string_equal(at + 4, body);
}

static void a_process_that_lives_is_healthy(void **state)
{
    assert_answer(ask(*state, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 ",
                  "ok\n");
    assert_answer(ask(*state, "GET /healthz?full=1 HTTP/1.1\r\nHost: x\r\n\r\n"),
                  "HTTP/1.1 200 ", "ok\n");
}

static void readiness_comes_with_notes_or_reasons(void **state)
{
    struct fixture *f = *state;

    assert_answer(ask(f, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 ",
                  "ready\ncore is away\n");
    f->ready = false;
    assert_answer(ask(f, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 503 ",
                  "{\"error\":{\"code\":\"not_ready\",\"message\":\"no core;spool "
                  "\\\"full\\\"\"}}\n");
}

static void metrics_are_refreshed_before_they_are_shown(void **state)
{
    const char *answer = ask(*state, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");

    assert_non_null(
        strstr(answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_non_null(strstr(answer, "\namo_workers{} 42\n"));
}

static void other_paths_and_methods_are_refused_in_json(void **state)
{
    assert_answer(
        ask(*state, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 404 ",
        "{\"error\":{\"code\":\"not_found\",\"message\":\"there are /healthz, /readyz "
        "and /metrics\"}}\n");
    assert_answer(
        ask(*state, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
        "HTTP/1.1 405 ",
        "{\"error\":{\"code\":\"method_not_allowed\",\"message\":\"only GET is answered "
        "here\"}}\n");
}

static void a_request_that_is_too_large_is_cut(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);
    char header[1024];
    const char *answer = NULL;

    memset(header, 'x', sizeof(header));
    memcpy(header, "X-A: ", 5);
    memcpy(header + sizeof(header) - 2, "\r\n", 2);
    assert_true(send(fd, "GET / HTTP/1.1\r\nHost: x\r\n", 25, MSG_NOSIGNAL) > 0);
    for (int i = 0; i < 40; i++) {
        if (send(fd, header, sizeof(header), MSG_NOSIGNAL) < 0)
            break;
    }
    answer = hear(f, fd);
    assert_null(strstr(answer, " 200 "));
}

static void guests_beyond_the_places_wait(void **state)
{
    struct fixture *f = *state;
    int fds[24]; /* 16 are let in, the others wait in the backlog */

    for (size_t i = 0; i < AMO_COUNT(fds); i++) {
        fds[i] = dial(f);
        admin_run(f->admin);
    }
    for (size_t i = 0; i < AMO_COUNT(fds); i++)
        assert_int_equal(close(fds[i]), 0);
    assert_answer(ask(f, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 ", "ok\n");
}

static void a_listener_can_be_switched_off(void **state)
{
    struct fixture *f = *state;
    struct admin *none = f->admin;

    assert_int_equal(admin_new("", f->stats, NULL, NULL, NULL, &none), 0);
    assert_null(none);
    assert_int_equal(admin_fd(none), -1);
    assert_int_equal(admin_port(none), 0);
    admin_run(none);
    admin_free(none);
}

static void a_bad_or_taken_address_is_told(void **state)
{
    struct fixture *f = *state;
    struct admin *second = NULL;
    char taken[32];

    assert_int_equal(admin_new("nowhere", f->stats, NULL, NULL, NULL, &second), -EINVAL);
    (void)snprintf(taken, sizeof(taken), "127.0.0.1:%u", admin_port(f->admin));
    assert_int_equal(admin_new(taken, f->stats, NULL, NULL, NULL, &second), -EADDRINUSE);
    assert_null(second);
}

static void without_memory_an_answer_is_cut_and_the_next_one_works(void **state)
{
    struct fixture *f = *state;

    for (uint64_t n = 1; n <= 2; n++) {
        mem_fail_at(n);
        (void)ask(f, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        mem_fail_at(0);
    }
    assert_answer(ask(f, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 ", "ok\n");
}

#define ADMIN_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
    ADMIN_TEST(a_process_that_lives_is_healthy),
    ADMIN_TEST(readiness_comes_with_notes_or_reasons),
    ADMIN_TEST(metrics_are_refreshed_before_they_are_shown),
    ADMIN_TEST(other_paths_and_methods_are_refused_in_json),
    ADMIN_TEST(a_request_that_is_too_large_is_cut),
    ADMIN_TEST(guests_beyond_the_places_wait),
    ADMIN_TEST(a_listener_can_be_switched_off),
    ADMIN_TEST(a_bad_or_taken_address_is_told),
    ADMIN_TEST(without_memory_an_answer_is_cut_and_the_next_one_works),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
