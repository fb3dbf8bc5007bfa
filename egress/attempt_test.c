/* An attempt from its command to its result, over real connections to a service on the same loop. The
 * service looks at its sockets by a timer and core is played by hooks, so that the allocation that
 * fails is the worker's. */

#include "egress/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/net.h"
#include "base/stats.h"
#include "base/testing.h"
#include "egress/http.h"
#include "egress/metrics.h"
#include "egress/transfer.h"
#include "proto/bus/edge.h"
#include "proto/bus/testing/loops.h"
#include "proto/session.h"

#define N_MAX 8
#define DONE                                                                                   \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n"          \
    "{\"id\":\"s-1\"}"

struct rig {
    struct loop *loop;
    struct http *http;
    struct stats *stats;
    struct metrics *metrics;
    struct registry *registry;
    struct transfers *ts;
    unsigned n_wanted; /* results */
    struct loops_wait wait;

    /* the service */
    int fd;
    int conns[N_MAX];
    const char *answer; /* NULL: it says nothing */
    bool cuts;          /* … and closes at once */
    unsigned n_requests;
    unsigned n_open; /* requests it has not answered */
    unsigned n_open_most;
    char got[4096]; /* the last request */

    /* core */
    int send_rc; /* instead of taking a frame, once */
    unsigned n_frames;
    struct result results[N_MAX]; /* numbers only: texts are compared when they come */
    unsigned n_results;
    char service_id[32]; /* of the last one */
    char words[64];
};

/* --- the service ---------------------------------------------------------------------------- */

static void service_answer(struct rig *r, int i)
{
    if (r->answer)
        (void)!send(r->conns[i], r->answer, strlen(r->answer),
                    MSG_NOSIGNAL); /* it may be gone */
    if (r->answer)
        r->n_open--;
    if (r->cuts) {
        (void)close(r->conns[i]);
        r->conns[i] = -1;
    }
}

static void service_read(struct rig *r, int i)
{
    ssize_t n = recv(r->conns[i], r->got, sizeof(r->got) - 1, MSG_DONTWAIT);

    if (n < 0)
        return;
    if (n == 0) {
        (void)close(r->conns[i]);
        r->conns[i] = -1;
        return;
    }
    r->got[n] = '\0';
    r->n_requests++;
    r->n_open++;
    if (r->n_open > r->n_open_most)
        r->n_open_most = r->n_open;
    service_answer(r, i);
}

static bool turn(void *arg)
{
    struct rig *r = arg;

    for (int i = 0; i < N_MAX; i++) {
        if (r->conns[i] < 0)
            r->conns[i] = accept(r->fd, NULL, NULL);
        if (r->conns[i] >= 0)
            service_read(r, i);
    }
    return r->n_results >= r->n_wanted;
}

/* --- core ----------------------------------------------------------------------------------- */

static bool may_start(void *arg)
{
    (void)arg;
    return true;
}

static int64_t sent(void *arg, int64_t core_ms)
{
    (void)arg;
    (void)core_ms;
    return clock_mono_ms();
}

static void changed(void *arg)
{
    (void)arg;
}

static void copy(char *to, size_t cap, struct view v)
{
    to[0] = '\0';
    (void)!view_copy(v, to, cap); /* what is too long is not compared */
}

static void take(struct rig *r, const struct result *result)
{
    unsigned char pair[16] = {0};

    for (int i = 0; i < 8; i++) {
        pair[i] = (unsigned char)(result->id >> (56 - 8 * i));
        pair[8 + i] = (unsigned char)(result->attempt >> (56 - 8 * i));
    }
    transfers_taken(r->ts, view_make(pair, sizeof(pair)));
}

static int send_frame(void *arg, struct view body)
{
    struct rig *r = arg;
    const msgpack_object *items = NULL;
    struct pack_doc d;
    size_t n = 0;

    r->n_frames++;
    if (r->send_rc) {
        int rc = r->send_rc;

        r->send_rc = 0;
        return rc;
    }
    assert_int_equal(pack_doc_open(&d, body), 0);
    n = pack_array(pack_doc_root(&d), "results", &items);
    for (size_t i = 0; i < n && r->n_results < N_MAX; i++) {
        struct result *to = &r->results[r->n_results++];

        assert_int_equal(result_decode_object(&items[i], to), 0);
        copy(r->service_id, sizeof(r->service_id), to->service_message_id);
        copy(r->words, sizeof(r->words), to->words);
    }
    pack_doc_close(&d);
    return 0;
}

/* Core names what it has on disk a moment later; not from inside. */
static void take_all(struct rig *r)
{
    for (unsigned i = 0; i < r->n_results; i++)
        take(r, &r->results[i]);
}

/* --- a life --------------------------------------------------------------------------------- */

static void make_registry(struct rig *r)
{
    struct reg_connector *c = NULL;
    char url[64];

    assert_int_equal(registry_new(&r->registry), 0);
    c = registry_add_connector(r->registry);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/hook", net_port(r->fd)); /* fits */
    c->name = mem_strdup("svc");
    c->url = mem_strdup(url);
    c->allow_private = true;
    assert_int_equal(secret_init(&c->secrets[0], VIEW_LIT("a secret of 24 bytes, or")), 0);
}

static void begin(struct rig *r)
{
    const struct http_settings http = {
        .ca_file = "none", .connect_ms = 1000, .max_connections = 4};
    const struct transfers_settings settings = {
        .concurrency = 2, .credit = 6, .attempt_ms = 3000};
    const struct transfers_hooks hooks = {may_start, send_frame, sent, changed, r};

    *r = (struct rig){.answer = DONE};
    for (int i = 0; i < N_MAX; i++)
        r->conns[i] = -1;
    assert_int_equal(net_listen("127.0.0.1:0", 16, 0, &r->fd), 0);
    assert_int_equal(fcntl(r->fd, F_SETFL, O_NONBLOCK), 0);
    make_registry(r);
    assert_int_equal(loop_new(&r->loop), 0);
    loops_wait_begin(&r->wait, r->loop, turn, r);
    assert_int_equal(http_new(r->loop, &http, &r->http), 0);
    assert_int_equal(stats_new(&r->stats), 0);
    assert_int_equal(metrics_new(r->stats, &r->metrics), 0);
    assert_int_equal(transfers_new(r->loop, r->http, r->metrics, &settings, &hooks, &r->ts), 0);
    transfers_set_registry(r->ts, r->registry);
}

static void end(struct rig *r)
{
    http_free(r->http);
    transfers_free(r->ts);
    metrics_free(r->metrics);
    stats_free(r->stats);
    registry_free(r->registry);
    loop_free(r->loop);
    for (int i = 0; i < N_MAX; i++) {
        if (r->conns[i] >= 0)
            (void)close(r->conns[i]);
    }
    assert_int_equal(close(r->fd), 0);
}

static void command_bytes(uint64_t first, unsigned n, struct buf *out)
{
    msgpack_packer pk;

    buf_init(out, 1 << 16);
    pack_init(&pk, out);
    (void)msgpack_pack_map(&pk, 1); /* asked below */
    pack_key(&pk, "commands");
    (void)msgpack_pack_array(&pk, n);
    for (unsigned i = 0; i < n; i++) {
        const struct command c = {.kind = COMMAND_SERVICE_MESSAGE,
                                  .id = first + i,
                                  .attempt = 3,
                                  .trace = {{7}},
                                  .start_within_ms = 2000,
                                  .finish_within_ms = 2000,
                                  .key = VIEW_LIT("key"),
                                  .connector = VIEW_LIT("svc"),
                                  .conversation = VIEW_LIT("7900"),
                                  .content.type = VIEW_LIT("text"),
                                  .content.text = VIEW_LIT("hello")};

        assert_int_equal(command_encode(&c, out), 0);
    }
}

static void accept_commands(struct rig *r, uint64_t first, unsigned n)
{
    struct buf body;

    command_bytes(first, n, &body);
    assert_int_equal(transfers_accept(r->ts, buf_view(&body)), 0);
    buf_fini(&body);
    r->n_wanted += n;
}

static void run(struct rig *r)
{
    assert_int_equal(loop_run(r->loop), 0);
    loops_wait_end(&r->wait);
}

static int setup(void **state)
{
    static struct rig r;

    begin(&r);
    *state = &r;
    return 0;
}

static int teardown(void **state)
{
    end(*state);
    return 0;
}

/* One command to a service that answers so; its result. */
static struct result result_of(const char *answer, bool cuts)
{
    struct result result;
    struct rig r;

    begin(&r);
    r.answer = answer;
    r.cuts = cuts;
    accept_commands(&r, 1, 1);
    run(&r);
    result = r.results[0];
    assert_int_equal(r.n_results, 1);
    end(&r);
    return result;
}

static void what_a_service_took_is_done_and_teaches_its_id(void **state)
{
    struct rig *r = *state;

    accept_commands(r, 5, 1);
    assert_int_equal(transfers_n_queued(r->ts) + transfers_n_running(r->ts), 1);
    run(r);
    assert_int_equal(r->results[0].id, 5);
    assert_int_equal(r->results[0].attempt, 3);
    assert_int_equal(r->results[0].kind, COMMAND_SERVICE_MESSAGE);
    assert_int_equal(r->results[0].trace.bytes[0], 7);
    assert_int_equal(r->results[0].outcome, OUTCOME_DONE);
    assert_int_equal(r->results[0].status, 200);
    assert_true(r->results[0].began_ms > 0 && r->results[0].took_ms >= 0);
    assert_string_equal(r->service_id, "s-1");
    assert_non_null(strstr(r->got, "POST /hook HTTP/1.1\r\n"));
    assert_non_null(strstr(r->got, "webhook-id: key\r\n"));
    assert_non_null(strstr(r->got, "webhook-signature: v1,"));
    assert_non_null(strstr(r->got, "\"text\":\"hello\""));
    assert_int_equal(transfers_n_kept(r->ts), 1); /* until it is named */
    take_all(r);
    assert_int_equal(transfers_n_kept(r->ts), 0);
}

static void every_answer_has_its_outcome(void **state)
{
    struct result x;

    (void)state;
    x = result_of("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", false);
    assert_true(x.outcome == OUTCOME_RETRY && x.cause == CAUSE_SERVER && x.status == 500);
    x = result_of("HTTP/1.1 429 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", false);
    assert_true(x.cause == CAUSE_THROTTLED && x.retry_after_ms == 7000);
    x = result_of("HTTP/1.1 302 No\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", false);
    assert_int_equal(x.cause, CAUSE_REDIRECT);
    x = result_of("", true);
    assert_true(x.outcome == OUTCOME_UNKNOWN && x.cause == CAUSE_CUT);
    x = result_of(NULL, false);
    assert_true(x.outcome == OUTCOME_UNKNOWN && x.cause == CAUSE_TIMEOUT);
}

static void a_refusal_comes_with_the_services_own_words(void **state)
{
    struct rig *r = *state;

    r->answer =
        "HTTP/1.1 422 No\r\nContent-Type: application/json\r\nContent-Length: 53\r\n\r\n"
        "{\"error\":{\"code\":\"too_long\",\"message\":\"is too long\"}}";
    accept_commands(r, 1, 1);
    run(r);
    assert_int_equal(r->results[0].outcome, OUTCOME_DEAD);
    assert_string_equal(r->words, "is too long");
}

static void no_more_run_at_once_than_may(void **state)
{
    struct rig *r = *state;

    accept_commands(r, 1, 6);
    assert_int_equal(transfers_n_queued(r->ts) + transfers_n_running(r->ts), 6);
    run(r);
    assert_int_equal(r->n_requests, 6);
    assert_true(r->n_open_most <= 2);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(r->results[i].outcome, OUTCOME_DONE);
}

static void a_command_that_is_held_is_not_made_twice(void **state)
{
    struct rig *r = *state;

    accept_commands(r, 1, 1);
    accept_commands(r, 1, 1); /* the same attempt again */
    r->n_wanted = 1;
    run(r);
    assert_int_equal(r->n_requests, 1);
}

static void results_go_again_in_a_new_session(void **state)
{
    struct rig *r = *state;
    struct buf held;

    r->send_rc = EDGE_E_FULL; /* the first time core does not read */
    accept_commands(r, 1, 2);
    run(r);
    assert_true(r->n_frames >= 2);
    assert_int_equal(transfers_n_kept(r->ts), 2);
    buf_init(&held, 256);
    assert_int_equal(transfers_held(r->ts, &held), 0);
    assert_int_equal(pairs_count(buf_view(&held)), 2);
    buf_fini(&held);
    transfers_resend_older(r->ts, 60000); /* none is that old */
    assert_int_equal(r->ts->n[TRANSFER_KEPT], 0);
    transfers_resend(r->ts);
    assert_int_equal(r->ts->n[TRANSFER_KEPT], 2);
}

/* --- without memory ------------------------------------------------------------------------- */

/* Each command that was taken has one result, whatever had no memory: and what the service has seen is
 * never said to be unstarted or to be tried again as if nothing had been sent. */
static bool fails_at(uint64_t nth)
{
    struct rig r;
    struct buf body;
    uint64_t before = 0;
    bool reached = false;
    int rc = 0;

    begin(&r);
    command_bytes(1, 2, &body);
    before = mem_count();
    mem_fail_at(nth);
    rc = transfers_accept(r.ts, buf_view(&body));
    assert_true(rc == 0 || rc == -ENOMEM);
    r.n_wanted = (unsigned)(transfers_n_queued(r.ts) + transfers_n_kept(r.ts));
    assert_true(rc ? r.n_wanted < 2 : r.n_wanted == 2);
    run(&r);
    reached = mem_count() - before >= nth;
    mem_fail_at(0);
    buf_fini(&body);
    assert_int_equal(r.n_results, r.n_wanted);
    assert_true(r.n_requests <= r.n_wanted);
    for (unsigned i = 0, n_seen = 0; i < r.n_results; i++) {
        uint64_t outcome = r.results[i].outcome;

        assert_int_equal(r.results[i].attempt, 3);
        n_seen += outcome == OUTCOME_DONE || outcome == OUTCOME_UNKNOWN;
        if (i + 1 == r.n_results)
            assert_true(n_seen >= r.n_requests);
    }
    take_all(&r);
    assert_int_equal(transfers_n_kept(r.ts), 0);
    end(&r);
    return reached;
}

static void without_memory_every_command_has_one_result_that_is_true(void **state)
{
    uint64_t n = 1;

    (void)state;
    while (n < 200 && fails_at(n))
        n++;
    assert_true(n > 10 && n < 200);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_a_service_took_is_done_and_teaches_its_id),
        cmocka_unit_test(every_answer_has_its_outcome),
        CASE(a_refusal_comes_with_the_services_own_words),
        CASE(no_more_run_at_once_than_may),
        CASE(a_command_that_is_held_is_not_made_twice),
        CASE(results_go_again_in_a_new_session),
        cmocka_unit_test(without_memory_every_command_has_one_result_that_is_true),
    };

    return cmocka_run_group_tests(tests, loops_begin, loops_end);
}
