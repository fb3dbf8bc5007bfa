#include "egress/transfer.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/stats.h"
#include "base/table.h"
#include "base/testing.h"
#include "egress/attempt.h"
#include "egress/http.h"
#include "egress/metrics.h"
#include "proto/bus/edge.h"
#include "proto/bus/loop.h"
#include "proto/bus/socket.h"
#include "proto/command.h"
#include "proto/limits.h"
#include "proto/session.h"

/* Everything but a bus: core is played by the hooks. */
struct bench {
    struct loop *loop;
    struct http *http;
    struct stats *stats;
    struct metrics *metrics;
    struct transfers *ts;
    bool may_start;
    int64_t age_ms; /* of what core sends */
    int send_rc;
    int n_sends;
    struct buf sent; /* the last frame that went */
    int stop_after;  /* stop the loop at this send */
};

static int64_t sent(void *arg, int64_t core_ms)
{
    (void)core_ms;
    return clock_mono_ms() - ((struct bench *)arg)->age_ms;
}

static bool may_start(void *arg)
{
    return ((struct bench *)arg)->may_start;
}

static int send_frame(void *arg, struct view body)
{
    struct bench *b = arg;

    b->n_sends++;
    if (b->n_sends >= b->stop_after)
        loop_stop(b->loop);
    if (b->send_rc)
        return b->send_rc;
    buf_reset(&b->sent);
    return buf_add_view(&b->sent, body);
}

static void changed(void *arg)
{
    (void)arg;
}

static void stop_loop(void *arg)
{
    loop_stop(arg);
}

static void bench_open(struct bench *b)
{
    const struct http_settings http = {
        .ca_file = "none", .connect_ms = 100, .max_connections = 4};
    const struct transfers_settings settings = {
        .concurrency = 2, .credit = 4, .attempt_ms = 500};
    const struct transfers_hooks hooks = {may_start, send_frame, sent, changed, b};

    b->may_start = true;
    b->stop_after = 1;
    buf_init(&b->sent, LIMIT_FRAME_BYTES);
    assert_non_null(buf_reserve(&b->sent, 65536)); /* so that it never fails below */
    assert_int_equal(loop_new(&b->loop), 0);
    assert_int_equal(http_new(b->loop, &http, &b->http), 0);
    assert_int_equal(stats_new(&b->stats), 0);
    assert_int_equal(metrics_new(b->stats, &b->metrics), 0);
    assert_int_equal(transfers_new(b->loop, b->http, b->metrics, &settings, &hooks, &b->ts), 0);
}

static void bench_close(struct bench *b)
{
    http_free(b->http);
    transfers_free(b->ts);
    metrics_free(b->metrics);
    stats_free(b->stats);
    loop_free(b->loop);
    buf_fini(&b->sent);
}

static void bench_run(struct bench *b, int64_t at_most_ms)
{
    int timer = 0;

    assert_int_equal(loop_add_timer(b->loop, at_most_ms, false, stop_loop, b->loop, &timer), 0);
    assert_int_equal(loop_run(b->loop), 0);
}

static void add_commands(struct buf *out, uint64_t first_id, size_t n)
{
    msgpack_packer pk;

    buf_init(out, 1 << 20);
    pack_init(&pk, out);
    (void)msgpack_pack_map(&pk, 1);
    pack_key(&pk, "commands");
    (void)msgpack_pack_array(&pk, n);
    for (size_t i = 0; i < n; i++) {
        const struct command c = {
            .kind = COMMAND_AMO_MESSAGE,
            .id = first_id + i,
            .attempt = 1,
            .scope = VIEW_LIT("channel_account"),
            .key = VIEW_LIT("key"),
            .content.text = VIEW_LIT("text"),
        };

        assert_int_equal(command_encode(&c, out), 0);
    }
}

/* The next two to be started are of different destinations, whoever came first. */
static void destinations_take_turns(void **state)
{
    const char *const names[] = {"one", "one", "one", "two"};
    struct bench b = {0};
    struct transfer *t = NULL;
    msgpack_packer pk;
    struct buf body;

    (void)state;
    bench_open(&b);
    buf_init(&body, 1 << 20);
    pack_init(&pk, &body);
    (void)msgpack_pack_map(&pk, 1);
    pack_key(&pk, "commands");
    (void)msgpack_pack_array(&pk, AMO_COUNT(names));
    for (size_t i = 0; i < AMO_COUNT(names); i++) {
        const struct command c = {.kind = COMMAND_SERVICE_MESSAGE,
                                  .id = i + 1,
                                  .attempt = 1,
                                  .connector = view_of(names[i]),
                                  .key = VIEW_LIT("key")};

        assert_int_equal(command_encode(&c, &body), 0);
    }
    assert_int_equal(transfers_accept(b.ts, buf_view(&body)), 0);
    buf_fini(&body);
    t = transfers_next(b.ts);
    assert_int_equal(t->id, 1);
    transfer_move(t, TRANSFER_RUNNING);
    t = transfers_next(b.ts);
    assert_int_equal(t->id, 4);
    transfer_move(t, TRANSFER_RUNNING);
    transfer_free(t); /* "two" is over */
    t = transfers_next(b.ts);
    assert_int_equal(t->id, 2);
    transfer_free(t);
    assert_int_equal(transfers_next(b.ts)->id, 3);
    assert_int_equal(table_count(b.ts->by_destination), 1);
    bench_close(&b);
}

static void accept_commands(struct bench *b, uint64_t first_id, size_t n)
{
    struct buf body;

    add_commands(&body, first_id, n);
    assert_int_equal(transfers_accept(b->ts, buf_view(&body)), 0);
    buf_fini(&body); /* what was taken borrows nothing of it */
}

static size_t sent_results(const struct bench *b, struct result *ret, size_t cap)
{
    const msgpack_object *items = NULL;
    struct pack_doc d;
    size_t n = 0;

    assert_int_equal(pack_doc_open(&d, buf_view(&b->sent)), 0);
    n = pack_array(pack_doc_root(&d), "results", &items);
    assert_true(n <= cap);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(result_decode_object(&items[i], &ret[i]), 0);
    pack_doc_close(&d); /* the texts borrow b->sent */
    return n;
}

static void take(struct bench *b, uint64_t id)
{
    struct buf pairs;

    buf_init(&pairs, 64);
    assert_int_equal(pairs_add(&pairs, id, 1), 0);
    transfers_taken(b->ts, buf_view(&pairs));
    buf_fini(&pairs);
}

static void without_a_registry_commands_are_held_and_kept_until_taken(void **state)
{
    struct result r[4];
    struct bench b = {0};
    struct buf held;

    (void)state;
    bench_open(&b);
    accept_commands(&b, 7, 2);
    assert_int_equal(transfers_n_queued(b.ts), 2);
    bench_run(&b, 2000);
    assert_int_equal(sent_results(&b, r, 4), 2);
    assert_true(r[0].id == 7 && r[1].id == 8 && r[0].attempt == 1);
    assert_true(r[0].outcome == OUTCOME_HOLD && r[0].cause == CAUSE_UNREGISTERED);
    assert_int_equal(transfers_n_kept(b.ts), 2);
    buf_init(&held, 64);
    assert_int_equal(transfers_held(b.ts, &held), 0);
    assert_int_equal(pairs_count(buf_view(&held)), 2);
    buf_fini(&held);
    take(&b, 99); /* nobody's */
    assert_int_equal(transfers_n_kept(b.ts), 2);
    take(&b, 8);
    take(&b, 7);
    take(&b, 7);
    assert_int_equal(transfers_n_kept(b.ts), 0);
    bench_close(&b);
}

static void what_may_not_start_goes_back_unstarted(void **state)
{
    struct result r[4];
    struct bench b = {0};

    (void)state;
    bench_open(&b);
    b.may_start = false;
    accept_commands(&b, 1, 3);
    bench_run(&b, 2000);
    assert_int_equal(sent_results(&b, r, 4), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(r[i].outcome, OUTCOME_UNSTARTED);
    bench_close(&b);
}

/* It lay in a socket for longer than it may be started. */
static void what_is_older_than_its_start_goes_back_unstarted(void **state)
{
    struct result r[2];
    struct bench b = {.age_ms = 3600000};

    (void)state;
    bench_open(&b);
    accept_commands(&b, 1, 1);
    bench_run(&b, 2000);
    assert_int_equal(sent_results(&b, r, 2), 1);
    assert_int_equal(r[0].outcome, OUTCOME_UNSTARTED);
    bench_close(&b);
}

static void what_is_over_the_credit_goes_back_unstarted(void **state)
{
    struct result r[8];
    struct bench b = {0};

    (void)state;
    bench_open(&b);
    accept_commands(&b, 1, 6);
    assert_int_equal(transfers_n_queued(b.ts), 4);
    bench_run(&b, 2000);
    assert_int_equal(sent_results(&b, r, 8), 2);
    assert_true(r[0].id == 5 && r[0].outcome == OUTCOME_UNSTARTED);
    assert_true(r[1].id == 6 && r[1].outcome == OUTCOME_UNSTARTED);
    bench_close(&b);
}

static void while_core_does_not_read_results_are_offered_again(void **state)
{
    struct bench b = {0};

    (void)state;
    bench_open(&b);
    b.send_rc = EDGE_E_FULL;
    b.stop_after = 3;
    accept_commands(&b, 1, 1);
    bench_run(&b, 5000);
    assert_int_equal(b.n_sends, 3);
    assert_int_equal(transfers_n_kept(b.ts), 1);
    bench_close(&b);
}

static void while_core_is_away_nothing_is_offered_until_it_is_back(void **state)
{
    struct bench b = {0};

    (void)state;
    bench_open(&b);
    b.send_rc = EDGE_E_AWAY;
    b.stop_after = 2;
    accept_commands(&b, 1, 1);
    bench_run(&b, 200);
    assert_int_equal(b.n_sends, 1);
    assert_int_equal(transfers_n_kept(b.ts), 1);
    bench_close(&b);
}

static void nonsense_is_refused_whole_and_strange_commands_one_by_one(void **state)
{
    struct result r[4];
    struct bench b = {0};
    /* two maps: one without an id, one of no kind */
    static const char bytes[] = "\x81\xa8"
                                "commands\x92\x80\x82\xa2id\x05\xa7"
                                "attempt\x02";

    (void)state;
    bench_open(&b);
    assert_int_equal(transfers_accept(b.ts, VIEW_LIT("\xc1")), PACK_E_MALFORMED);
    assert_int_equal(transfers_accept(b.ts, VIEW_LIT("")), PACK_E_MALFORMED);
    assert_int_equal(transfers_accept(b.ts, view_make(bytes, sizeof(bytes) - 1)), 0);
    bench_run(&b, 2000);
    assert_int_equal(sent_results(&b, r, 4), 1);
    assert_true(r[0].id == 5 && r[0].attempt == 2 && r[0].outcome == OUTCOME_HOLD);
    bench_close(&b);
}

/* One command from its frame to its result, the @nth allocation failing. Returns whether it was
 * taken. */
static bool survive(uint64_t nth)
{
    struct buf body;
    struct bench b = {0};
    int rc = 0;

    bench_open(&b);
    add_commands(&body, 1, 1);
    b.stop_after = 1;
    mem_fail_at(nth);
    rc = transfers_accept(b.ts, buf_view(&body));
    if (rc == 0) {
        int timer = 0;

        if (loop_add_timer(b.loop, 2000, false, stop_loop, b.loop, &timer) == 0)
            assert_int_equal(loop_run(b.loop), 0);
        else
            loop_stop(b.loop);
    }
    mem_fail_at(0);
    assert_true(rc == 0 || rc == -ENOMEM);
    /* taken and not lost, or not taken at all */
    assert_int_equal(
        transfers_n_queued(b.ts) + transfers_n_running(b.ts) + transfers_n_kept(b.ts), rc == 0);
    buf_fini(&body);
    bench_close(&b);
    return rc == 0;
}

static void without_memory_a_command_is_refused_or_reported_never_lost(void **state)
{
    int n_taken = 0;

    (void)state;
    for (uint64_t n = 1; n <= 40; n++)
        n_taken += survive(n);
    assert_true(n_taken > 0 && n_taken < 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_registry_commands_are_held_and_kept_until_taken),
        cmocka_unit_test(what_may_not_start_goes_back_unstarted),
        cmocka_unit_test(what_is_older_than_its_start_goes_back_unstarted),
        cmocka_unit_test(what_is_over_the_credit_goes_back_unstarted),
        cmocka_unit_test(destinations_take_turns),
        cmocka_unit_test(while_core_does_not_read_results_are_offered_again),
        cmocka_unit_test(while_core_is_away_nothing_is_offered_until_it_is_back),
        cmocka_unit_test(nonsense_is_refused_whole_and_strange_commands_one_by_one),
        cmocka_unit_test(without_memory_a_command_is_refused_or_reported_never_lost),
    };

    bus_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
