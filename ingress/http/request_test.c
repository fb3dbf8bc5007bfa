/* The one answer of a request, and what is counted of it. */

#include "ingress/http/request.h"

#include "base/json.h"
#include "base/testing.h"
#include "ingress/http/metrics.h"

static struct request x;

static int begin(void **state)
{
    (void)state;
    request_init(&x);
    return 0;
}

static int end(void **state)
{
    (void)state;
    request_fini(&x);
    return 0;
}

static void the_first_decision_stays(void **state)
{
    (void)state;
    request_answer(&x, 404, "nothing");
    request_ok(&x);
    request_answer(&x, 200, "all");
    request_fault(&x, 400, "bad", "bad", NULL);
    assert_int_equal(x.status, 404);
    assert_false(x.ok);
    assert_string_equal(buf_str(&x.answer), "nothing");
}

static void a_promise_that_cannot_be_kept_is_taken_back(void **state)
{
    (void)state;
    request_ok(&x);
    x.result = "duplicate";
    request_unavailable(&x, "spool_failed", "later");
    assert_int_equal(x.status, 503);
    assert_false(x.ok);
    assert_null(x.result);
    assert_true(x.retry_after_s > 0);
    assert_non_null(view_find(buf_view(&x.answer), "spool_failed"));
}

static void a_fault_is_json_and_names_its_field(void **state)
{
    struct json *doc = NULL;
    struct view v = VIEW_NONE;

    (void)state;
    request_fault(&x, 422, "too_long", "is \"longer\"", "text");
    assert_string_equal(x.type, "application/json");
    assert_int_equal(json_parse(buf_view(&x.answer), &doc), 0);
    assert_true(json_strict_text(json_path(json_root(doc), "error.field"), &v));
    assert_true(view_is(v, "text"));
    assert_true(json_strict_text(json_path(json_root(doc), "error.message"), &v));
    assert_true(view_is(v, "is \"longer\""));
    json_free(doc);
    assert_int_equal(x.retry_after_s, 0);
}

static void only_what_may_come_again_says_when(void **state)
{
    static const unsigned statuses[] = {400, 401, 404, 409, 413, 422, 429, 503};

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(statuses); i++) {
        request_reset(&x);
        request_fault(&x, statuses[i], "code", "words", NULL);
        assert_int_equal(x.retry_after_s > 0, statuses[i] == 429 || statuses[i] == 503);
    }
}

static void without_memory_the_status_says_it_alone(void **state)
{
    (void)state;
    mem_fail_at(1);
    request_fault(&x, 422, "too_long", "is longer", "text");
    mem_fail_at(0);
    assert_int_equal(x.status, 422);
    request_reset(&x);
    mem_fail_at(1);
    request_answer(&x, 404, "nothing");
    mem_fail_at(0);
    assert_int_equal(x.status, 404);
    assert_int_equal(x.answer.len, 0);
}

static void the_next_request_begins_with_nothing_of_this_one(void **state)
{
    static char large[8192];
    struct list others;

    (void)state;
    list_init(&others);
    list_add_tail(&others, &x.waiting);
    x.body.max = 1 << 20;
    assert_int_equal(buf_add_str(&x.body, "small"), 0);
    x.trusted = x.waits = x.close = x.asks = true;
    request_ok(&x);
    request_reset(&x);
    assert_true(list_is_empty(&others)); /* nobody answers it any more */
    assert_int_equal(x.status, 0);
    assert_false(x.trusted || x.waits || x.close || x.asks || x.ok);
    assert_int_equal(x.body.len, 0);
    assert_true(x.body.cap > 0); /* a small body's memory is kept … */
    x.body.max = 1 << 20;
    assert_int_equal(buf_add(&x.body, large, sizeof(large)), 0);
    request_reset(&x);
    assert_int_equal(x.body.cap, 0); /* … a large one's is not */
}

/* --- metrics -------------------------------------------------------------------------------- */

static void every_status_has_a_word(void **state)
{
    static const struct {
        unsigned status;
        const char *word;
    } cases[] = {
        {200, "accepted"    },
        {202, "accepted"    },
        {400, "refused"     },
        {401, "unauthorized"},
        {403, "unauthorized"},
        {404, "unknown"     },
        {405, "unknown"     },
        {409, "conflict"    },
        {413, "too_large"   },
        {415, "refused"     },
        {422, "refused"     },
        {429, "limited"     },
        {503, "unavailable" },
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        x.status = cases[i].status;
        assert_string_equal(request_result(&x), cases[i].word);
    }
    x.result = "duplicate"; /* what a route says goes first */
    assert_string_equal(request_result(&x), "duplicate");
}

static bool shows(const struct metrics *f, const char *line)
{
    struct buf page;
    bool found = false;

    buf_init(&page, 1 << 20);
    assert_int_equal(stats_print(f->stats, &page), 0);
    found = view_find(buf_view(&page), line) != NULL;
    buf_fini(&page);
    return found;
}

static void requests_are_counted_by_source_and_result(void **state)
{
    struct metrics f;

    (void)state;
    assert_int_equal(metrics_init(&f, "in"), 0);
    x.status = 200;
    metrics_count(&f, &x, 1000); /* of nobody: health, unknown paths */
    assert_false(shows(&f, "amo_webhooks_total{"));
    x.source = SOURCE_AMOJO;
    metrics_count(&f, &x, 1000);
    metrics_count(&f, &x, 1000);
    x.source = SOURCE_CONNECTOR;
    x.status = 202;
    x.warned = true;
    x.name = VIEW_LIT("svc");
    metrics_count(&f, &x, 1000);
    assert_true(shows(
        &f, "amo_webhooks_total{process=\"in\",source=\"amojo\",result=\"accepted\"} 2\n"));
    assert_true(shows(
        &f, "amo_webhooks_total{process=\"in\",source=\"connector\",result=\"accepted\"} 1\n"));
    assert_true(shows(&f, "amo_requests_warned_total{process=\"in\",connector=\"svc\"} 1\n"));
    assert_true(shows(&f, "amo_accept_seconds_count{process=\"in\"} 3\n"));
    metrics_count_previous(&f, "connector_token", "svc");
    assert_true(shows(&f, "amo_old_credentials_total{process=\"in\",kind=\"connector_token\","
                          "name=\"svc\"} 1\n"));
    metrics_fini(&f);
}

/* Counting is never a reason to refuse: a metric without memory is counted and not shown. */
static void without_memory_counting_goes_on(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 40; n++) {
        struct metrics f;
        int rc = 0;

        mem_fail_at(n);
        rc = metrics_init(&f, "in");
        assert_true(rc == 0 || rc == -ENOMEM);
        if (rc == 0) {
            x.source = SOURCE_AMOJO;
            x.status = 200;
            metrics_count(&f, &x, 1000);
            stat_add(f.flushes, 1);
            stat_set(f.connections, 1);
        }
        mem_fail_at(0);
        metrics_fini(&f);
    }
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(the_first_decision_stays),
        WITH(a_promise_that_cannot_be_kept_is_taken_back),
        WITH(a_fault_is_json_and_names_its_field),
        WITH(only_what_may_come_again_says_when),
        WITH(without_memory_the_status_says_it_alone),
        WITH(the_next_request_begins_with_nothing_of_this_one),
        WITH(every_status_has_a_word),
        WITH(requests_are_counted_by_source_and_result),
        WITH(without_memory_counting_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
