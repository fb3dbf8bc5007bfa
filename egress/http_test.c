/* Calls out, against a server on the same loop that does what each case says. It looks at its
 * sockets by a timer, so that no memory of ours is asked for on its side. */

#include "egress/http.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/net.h"
#include "base/num.h"
#include "base/testing.h"
#include "proto/bus/testing/loops.h"
#include "proto/limits.h"

#define N_CALLS 4
#define FINE    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n"

struct server {
    int fd;
    int conns[N_CALLS];
    char got[8192]; /* the last request */
    size_t n_got;
    unsigned n_requests;
    const char *answer; /* NULL: says nothing */
    size_t n_zeros;     /* of body behind the answer */
    size_t left[N_CALLS];
    bool closes; /* … after it */
};

struct told {
    struct rig *rig;
    unsigned n;
    enum http_end end;
    enum stage stage;
    unsigned status;
    bool truncated;
    bool html;
    char words[128];
    char body[64];
    char line[64];
    char date[64];
    char retry_after[16];
};

struct rig {
    struct loop *loop;
    struct http *http;
    struct server server;
    struct told told[N_CALLS];
    unsigned n_done;
    unsigned n_wanted;
    struct loops_wait wait;
};

/* --- the server ----------------------------------------------------------------------------- */

static void server_end(struct server *s, int i)
{
    (void)close(s->conns[i]);
    s->conns[i] = -1;
}

/* As much as goes now: the client reads on the same thread. */
static void server_send(struct server *s, int i)
{
    static const char zeros[4096];
    ssize_t n = 1;

    while (s->left[i] && n > 0) {
        n = send(s->conns[i], zeros, num_min(s->left[i], sizeof(zeros)),
                 MSG_DONTWAIT | MSG_NOSIGNAL);
        s->left[i] -= n > 0 ? (size_t)n : 0;
    }
    if (n < 0 && errno != EAGAIN)
        s->left[i] = 0; /* the client has enough */
    if (s->left[i] == 0 && s->closes)
        server_end(s, i);
}

static void server_read(struct server *s, int i)
{
    ssize_t n = recv(s->conns[i], s->got, sizeof(s->got) - 1, MSG_DONTWAIT);

    if (n < 0)
        return;
    if (n == 0) {
        server_end(s, i);
        return;
    }
    s->n_got = (size_t)n;
    s->got[n] = '\0';
    s->n_requests++;
    if (s->answer)
        (void)!write(s->conns[i], s->answer, strlen(s->answer)); /* it left: no fault */
    s->left[i] = s->n_zeros;
    server_send(s, i);
}

static bool server_turn(void *arg)
{
    struct rig *r = arg;
    struct server *s = &r->server;

    for (int i = 0; i < N_CALLS; i++) {
        if (s->conns[i] < 0)
            s->conns[i] = accept(s->fd, NULL, NULL);
        if (s->conns[i] >= 0 && s->left[i])
            server_send(s, i);
        else if (s->conns[i] >= 0)
            server_read(s, i);
    }
    return r->n_done >= r->n_wanted;
}

static void server_open(struct server *s)
{
    assert_int_equal(net_listen("127.0.0.1:0", 16, 0, &s->fd), 0);
    assert_int_equal(fcntl(s->fd, F_SETFL, O_NONBLOCK), 0);
    for (int i = 0; i < N_CALLS; i++)
        s->conns[i] = -1;
    s->answer = FINE "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nRetry-After:  7 \r\n\r\nfine";
}

static void server_close(struct server *s)
{
    for (int i = 0; i < N_CALLS; i++) {
        if (s->conns[i] >= 0)
            (void)close(s->conns[i]);
    }
    assert_int_equal(close(s->fd), 0);
}

/* --- a life --------------------------------------------------------------------------------- */

static void begin(struct rig *r)
{
    *r = (struct rig){0};
    for (int i = 0; i < N_CALLS; i++)
        r->told[i].rig = r;
    assert_int_equal(loop_new(&r->loop), 0);
    server_open(&r->server);
    loops_wait_begin(&r->wait, r->loop, server_turn, r);
}

static void end(struct rig *r)
{
    http_free(r->http);
    loop_free(r->loop);
    server_close(&r->server);
    loops_wait_end(&r->wait);
}

static int open_http(struct rig *r)
{
    const struct http_settings s = {
        .ca_file = "no-such-file", .connect_ms = 3000, .max_connections = 4};

    return http_new(r->loop, &s, &r->http);
}

static void copy(char *to, size_t cap, struct view v)
{
    to[0] = '\0';
    (void)!view_copy(v, to, cap); /* what is too long is not compared */
}

static void on_done(void *arg, const struct http_answer *a)
{
    struct told *t = arg;

    t->n++;
    t->rig->n_done++;
    t->end = a->end;
    t->stage = a->stage;
    t->status = a->status;
    t->truncated = a->truncated;
    t->html = a->html;
    copy(t->words, sizeof(t->words), view_of(a->words));
    copy(t->body, sizeof(t->body), a->body);
    copy(t->line, sizeof(t->line), a->status_line);
    copy(t->date, sizeof(t->date), a->date);
    copy(t->retry_after, sizeof(t->retry_after), a->retry_after);
}

struct ask {
    const char *host; /* NULL: the server's address */
    const char *method;
    const char *body;
    enum http_policy policy;
    bool fresh;
    unsigned port; /* 0: the server's */
    int64_t total_ms;
};

static int fill(const struct rig *r, struct http_request *q, const struct ask *a)
{
    int rc = buf_add_f(&q->url, "http://%s:%u/path?q=1", a->host ? a->host : "127.0.0.1",
                       a->port ? a->port : net_port(r->server.fd));

    q->policy = a->policy;
    q->method = a->method ? a->method : "GET";
    q->fresh = a->fresh;
    rc = rc ? rc : buf_add_str(&q->headers, "X-One: 1\nX-Two: 2\n");
    if (a->body)
        rc = rc ? rc : buf_add_str(&q->body, a->body);
    return rc;
}

/* Call number @i; 0, or -errno and the call went back. */
static int ask(struct rig *r, unsigned i, struct ask a)
{
    struct http_call *c = http_take(r->http);
    int rc = c ? fill(r, http_call_request(c), &a) : -ENOMEM;

    rc = rc ? rc : http_send(c, a.total_ms ? a.total_ms : 5000, on_done, &r->told[i]);
    if (rc && c)
        http_put(c);
    if (rc == 0)
        r->n_wanted++;
    return rc;
}

static void run(struct rig *r)
{
    assert_int_equal(loop_run(r->loop), 0);
    assert_int_equal(r->n_done, r->n_wanted);
}

static void start(struct rig *r)
{
    begin(r);
    assert_int_equal(open_http(r), 0);
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

static void an_answer_comes_back_with_what_is_judged_by(void **state)
{
    struct rig *r = *state;

    assert_int_equal(ask(r, 0, (struct ask){.method = "POST", .body = "{\"a\":1}"}), 0);
    assert_int_equal(r->told[0].n, 0); /* never from inside */
    run(r);
    assert_int_equal(r->told[0].end, HTTP_ANSWERED);
    assert_int_equal(r->told[0].stage, STAGE_ANSWERED);
    assert_int_equal(r->told[0].status, 200);
    assert_string_equal(r->told[0].body, "fine");
    assert_string_equal(r->told[0].line, "HTTP/1.1 200 OK");
    assert_string_equal(r->told[0].date, "Thu, 01 Jan 2026 00:00:00 GMT");
    assert_string_equal(r->told[0].retry_after, "7");
    assert_non_null(strstr(r->server.got, "POST /path?q=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(r->server.got, "X-One: 1\r\n"));
    assert_non_null(strstr(r->server.got, "X-Two: 2\r\n"));
    assert_null(strstr(r->server.got, "Expect:"));
    assert_non_null(strstr(r->server.got, "\r\n\r\n{\"a\":1}"));
}

static void any_method_goes_out_under_its_name(void **state)
{
    struct rig *r = *state;

    assert_int_equal(ask(r, 0, (struct ask){.method = "DELETE", .body = "{}"}), 0);
    run(r);
    assert_non_null(strstr(r->server.got, "DELETE /path"));
    assert_non_null(strstr(r->server.got, "\r\n\r\n{}"));
}

/* The second call is made from the first one's end, as a worker does it. */
static void second_call(void *arg, const struct http_answer *a)
{
    struct told *t = arg;

    on_done(arg, a);
    if (t->n == 1 && t == &t->rig->told[0])
        assert_int_equal(ask(t->rig, 1, (struct ask){.fresh = t->rig->server.closes}), 0);
}

static uint64_t connects_of_two(bool closes)
{
    struct http_call *c = NULL;
    uint64_t n = 0;
    struct rig r;

    start(&r);
    r.server.closes = closes;
    c = http_take(r.http);
    assert_int_equal(fill(&r, http_call_request(c), &(struct ask){0}), 0);
    r.n_wanted = 1;
    assert_int_equal(http_send(c, 5000, second_call, &r.told[0]), 0);
    run(&r);
    assert_int_equal(r.told[1].end, HTTP_ANSWERED);
    assert_int_equal(r.server.n_requests, 2);
    n = http_n_connects(r.http);
    end(&r);
    return n;
}

static void a_connection_is_kept_for_the_next_call(void **state)
{
    (void)state;
    assert_int_equal(connects_of_two(false), 1);
    assert_int_equal(connects_of_two(true), 2);
}

static void a_public_call_never_dials_a_private_address(void **state)
{
    struct rig *r = *state;

    assert_int_equal(ask(r, 0, (struct ask){.policy = HTTP_POLICY_PUBLIC}), 0);
    run(r);
    assert_int_equal(r->told[0].end, HTTP_PRIVATE);
    assert_int_equal(r->told[0].stage, STAGE_ADDRESS);
    assert_true(r->told[0].words[0] != '\0');
    assert_int_equal(r->server.n_requests, 0);
    assert_int_equal(http_n_connects(r->http), 0);
}

static void where_nobody_listens_nothing_was_sent(void **state)
{
    struct rig *r = *state;
    unsigned port = 0;
    int fd = -1;

    assert_int_equal(net_listen("127.0.0.1:0", 1, 0, &fd), 0);
    port = net_port(fd);
    assert_int_equal(close(fd), 0);
    assert_int_equal(ask(r, 0, (struct ask){.port = port}), 0);
    run(r);
    assert_int_equal(r->told[0].end, HTTP_NOT_SENT);
    assert_int_equal(r->told[0].stage, STAGE_CONNECT);
}

static void an_answer_that_breaks_off_is_no_answer(void **state)
{
    static const char *const halves[] = {"", "HTTP/1.1 200 OK\r\n",
                                         "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nhalf"};

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(halves); i++) {
        struct rig r;

        start(&r);
        r.server.answer = halves[i];
        r.server.closes = true;
        assert_int_equal(ask(&r, 0, (struct ask){0}), 0);
        run(&r);
        assert_int_equal(r.told[0].end, HTTP_SENT_CUT);
        assert_int_equal(r.told[0].stage, STAGE_SENT);
        assert_int_equal(r.told[0].status, 0);
        end(&r);
    }
}

static void a_server_that_says_nothing_is_timed_out(void **state)
{
    struct rig *r = *state;

    r->server.answer = NULL;
    assert_int_equal(ask(r, 0, (struct ask){.total_ms = 200}), 0);
    run(r);
    assert_int_equal(r->told[0].end, HTTP_SENT_TIMEOUT);
    assert_int_equal(r->server.n_requests, 1);
}

static void a_redirect_is_an_answer_and_is_not_followed(void **state)
{
    struct rig *r = *state;

    r->server.answer = "HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Type: text/html\r\n"
                       "Content-Length: 0\r\n\r\n";
    assert_int_equal(ask(r, 0, (struct ask){0}), 0);
    run(r);
    assert_int_equal(r->told[0].status, 302);
    assert_true(r->told[0].html);
    assert_int_equal(r->server.n_requests, 1);
}

static void an_answer_without_end_is_read_to_our_limit(void **state)
{
    struct rig *r = *state;

    r->server.answer = "HTTP/1.1 200 OK\r\n\r\n";
    r->server.n_zeros = LIMIT_ANSWER_BYTES + 8192;
    r->server.closes = true;
    assert_int_equal(ask(r, 0, (struct ask){0}), 0);
    run(r);
    assert_int_equal(r->told[0].end, HTTP_ANSWERED);
    assert_true(r->told[0].truncated);
}

/* One resolves, the others wait for it; each gets its answer. */
static void calls_to_one_name_share_its_resolving(void **state)
{
    struct rig *r = *state;

    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(ask(r, i, (struct ask){.host = "localhost"}), 0);
    run(r);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(r->told[i].end, HTTP_ANSWERED);
    assert_int_equal(r->server.n_requests, 3);
}

static void an_abort_ends_every_call_once(void **state)
{
    struct rig *r = *state;

    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(ask(r, i, (struct ask){.host = i ? "localhost" : NULL}), 0);
    http_abort(r->http);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(r->told[i].n, 1);
        assert_int_equal(r->told[i].end, HTTP_NOT_SENT);
    }
    run(r);
    assert_int_equal(r->server.n_requests, 0);
}

static void calls_under_way_end_without_a_word_when_all_ends(void **state)
{
    struct rig *r = *state;

    assert_int_equal(ask(r, 0, (struct ask){0}), 0);
    http_free(r->http);
    r->http = NULL;
    r->n_wanted = 0;
    run(r);
    assert_int_equal(r->told[0].n, 0);
}

/* --- without memory ------------------------------------------------------------------------- */

/* One call with the @nth allocation of ours failing: from the opening (@whole) or from the sending
 * on. True when it was reached. */
static bool call_fails_at(uint64_t nth, bool whole)
{
    struct rig r;
    uint64_t before = 0;
    bool reached = false;
    int rc = 0;

    begin(&r);
    if (!whole)
        assert_int_equal(open_http(&r), 0);
    before = mem_count();
    mem_fail_at(nth);
    rc = whole ? open_http(&r) : 0;
    rc = rc ? rc : ask(&r, 0, (struct ask){.method = "POST", .body = "{}"});
    assert_true(rc == 0 || rc == -ENOMEM);
    assert_int_equal(loop_run(r.loop), 0);
    reached = mem_count() - before >= nth;
    mem_fail_at(0);
    assert_int_equal(r.told[0].n, rc == 0); /* once, or never when it was refused */
    assert_int_equal(r.n_done, r.n_wanted);
    if (rc)
        assert_int_equal(r.server.n_requests, 0);
    else if (r.told[0].end == HTTP_ANSWERED) /* … and whole */
        assert_string_equal(r.told[0].body, "fine");
    else /* what went out is never called unsent */
        assert_int_equal(r.told[0].end, HTTP_SENT_CUT);
    end(&r);
    return reached;
}

static void without_memory_a_call_is_refused_or_ends_once(void **state)
{
    uint64_t n = 1;

    (void)state;
    while (call_fails_at(n, true))
        n++;
    assert_true(n > 6);
    for (n = 1; call_fails_at(n, false); n++)
        ;
    assert_true(n > 4);
}

/* The pool: what failed goes back and is as good as new. */
static void a_call_that_had_no_memory_is_used_again(void **state)
{
    struct rig *r = *state;

    assert_int_equal(ask(r, 0, (struct ask){0}), 0);
    mem_fail_at(2); /* the url's */
    assert_int_equal(ask(r, 1, (struct ask){0}), -ENOMEM);
    mem_fail_at(0);
    assert_int_equal(ask(r, 2, (struct ask){.method = "POST", .body = "x"}), 0);
    run(r);
    assert_int_equal(r->told[0].end, HTTP_ANSWERED);
    assert_int_equal(r->told[1].n, 0);
    assert_int_equal(r->told[2].end, HTTP_ANSWERED);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_answer_comes_back_with_what_is_judged_by),
        CASE(any_method_goes_out_under_its_name),
        cmocka_unit_test(a_connection_is_kept_for_the_next_call),
        CASE(a_public_call_never_dials_a_private_address),
        CASE(where_nobody_listens_nothing_was_sent),
        cmocka_unit_test(an_answer_that_breaks_off_is_no_answer),
        CASE(a_server_that_says_nothing_is_timed_out),
        CASE(a_redirect_is_an_answer_and_is_not_followed),
        CASE(an_answer_without_end_is_read_to_our_limit),
        CASE(calls_to_one_name_share_its_resolving),
        CASE(an_abort_ends_every_call_once),
        CASE(calls_under_way_end_without_a_word_when_all_ends),
        cmocka_unit_test(without_memory_a_call_is_refused_or_ends_once),
        CASE(a_call_that_had_no_memory_is_used_again),
    };

    return cmocka_run_group_tests(tests, loops_begin, loops_end);
}
