#include "base/stats.h"

#include <stdio.h>
#include <string.h>

#include "base/testing.h"

static const char *printed(const struct stats *s, struct buf *out)
{
    buf_reset(out);
    assert_int_equal(stats_print(s, out), 0);
    return buf_str(out);
}

static int make_stats(void **state)
{
    struct stats *s = NULL;

    if (stats_new(&s))
        return -1;
    *state = s;
    return 0;
}

static int drop_stats(void **state)
{
    stats_free(*state);
    return 0;
}

static void counters_of_one_name_share_their_help(void **state)
{
    struct stats *s = *state;
    struct buf out;

    buf_init(&out, 100000);
    stat_add(stats_counter(s, "amo_webhooks_total", "result=\"ok\"", "webhooks"), 2);
    stat_add(stats_counter(s, "amo_webhooks_total", "result=\"bad\"", "webhooks"), 1);
    stat_set(stats_gauge(s, "amo_workers", "", "workers"), 3);
    assert_string_equal(printed(s, &out), "# HELP amo_webhooks_total webhooks\n"
                                          "# TYPE amo_webhooks_total counter\n"
                                          "amo_webhooks_total{result=\"bad\"} 1\n"
                                          "amo_webhooks_total{result=\"ok\"} 2\n"
                                          "# HELP amo_workers workers\n"
                                          "# TYPE amo_workers gauge\n"
                                          "amo_workers{} 3\n");
    buf_fini(&out);
}

static void the_same_metric_is_made_once(void **state)
{
    struct stats *s = *state;

    assert_ptr_equal(stats_counter(s, "amo_a_total", "x=\"1\"", "a"),
                     stats_counter(s, "amo_a_total", "x=\"1\"", "a"));
    assert_ptr_not_equal(stats_counter(s, "amo_a_total", "x=\"1\"", "a"),
                         stats_counter(s, "amo_a_total", "x=\"2\"", "a"));
}

static void histogram_buckets_are_cumulative(void **state)
{
    struct stats *s = *state;
    struct stat_histogram *h = stats_histogram(s, "amo_accept_seconds", "", "time to accept");
    struct buf out;
    const char *text = NULL;

    buf_init(&out, 100000);
    stat_observe(h, 0.0004);
    stat_observe(h, 0.003);
    stat_observe(h, 0.005);
    stat_observe(h, 1000);
    text = printed(s, &out);
    assert_non_null(strstr(text, "amo_accept_seconds_bucket{le=\"0.0005\"} 1\n"));
    assert_non_null(strstr(text, "amo_accept_seconds_bucket{le=\"0.002\"} 1\n"));
    assert_non_null(strstr(text, "amo_accept_seconds_bucket{le=\"0.005\"} 3\n"));
    assert_non_null(strstr(text, "amo_accept_seconds_bucket{le=\"60\"} 3\n"));
    assert_non_null(strstr(text, "amo_accept_seconds_bucket{le=\"+Inf\"} 4\n"));
    assert_non_null(strstr(text, "amo_accept_seconds_count{} 4\n"));
    assert_non_null(strstr(text, "amo_accept_seconds_sum{} 1000.008400\n"));
    buf_fini(&out);
}

static void without_memory_a_metric_is_counted_but_not_shown(void **state)
{
    struct stats *s = *state;
    struct stat_counter *c = NULL;
    struct buf out;

    buf_init(&out, 100000);
    for (uint64_t n = 1; n <= 4; n++) {
        mem_fail_at(n);
        c = stats_counter(s, "amo_a_total", "", "a");
        mem_fail_at(0);
        assert_non_null(c);
        stat_add(c, 1);
        assert_string_equal(printed(s, &out), "");
    }
    stat_add(stats_counter(s, "amo_a_total", "", "a"), 1);
    assert_non_null(strstr(printed(s, &out), "amo_a_total{} 1\n"));
    buf_fini(&out);
}

static void the_number_of_metrics_is_bounded(void **state)
{
    struct stats *s = *state;
    struct buf out;
    const char *p = NULL;
    char label[32];
    size_t n = 0;

    buf_init(&out, 1 << 20);
    for (int i = 0; i < STATS_MAX + 10; i++) {
        (void)snprintf(label, sizeof(label), "n=\"%d\"", i);
        assert_non_null(stats_counter(s, "amo_a_total", label, "a"));
    }
    for (p = printed(s, &out); (p = strstr(p, "amo_a_total{")); p++)
        n++;
    assert_int_equal(n, STATS_MAX);
    buf_fini(&out);
}

static void a_label_from_outside_has_so_many_rows_and_no_more(void **state)
{
    struct stats *s = *state;
    struct stat_rows *all = stats_counter_rows(s, "amo_c_total", "p=\"1\"", "connector", "c");
    struct stat_rows *now = stats_gauge_rows(s, "amo_g", "", "connector", "g");
    char name[STATS_ROW_VALUE + 2];
    const char *text = NULL;
    struct buf out;

    buf_init(&out, 100000);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof(name), "c%d", i); /* fits */
        stat_rows_add(all, view_of(name), 2);
        stat_rows_put(now, view_of(name), i);
    }
    stat_rows_add(all, VIEW_LIT("c0"), 5);
    memset(name, 'x', sizeof(name));
    stat_rows_add(all, view_make(name, STATS_ROW_VALUE + 1), 1);
    text = printed(s, &out);
    /* who came first, and the largest */
    assert_non_null(strstr(text, "# TYPE amo_c_total counter\n"));
    assert_non_null(strstr(text, "\namo_c_total{p=\"1\",connector=\"c0\"} 7\n"));
    assert_null(strstr(text, "amo_c_total{p=\"1\",connector=\"c32\"}"));
    assert_non_null(strstr(text, "\namo_c_total{p=\"1\",connector=\"other\"} 1937\n"));
    assert_non_null(strstr(text, "\namo_g{connector=\"c999\"} 999\n"));
    assert_null(strstr(text, "amo_g{connector=\"c967\"}"));
    assert_non_null(strstr(text, "\namo_g{connector=\"other\"} 468028\n"));
    stat_rows_clear(now);
    stat_rows_put(now, VIEW_LIT("a\"b\\"), 1);
    text = printed(s, &out);
    assert_non_null(strstr(text, "\namo_g{connector=\"a_b_\"} 1\n"));
    assert_null(strstr(text, "c999"));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counters_of_one_name_share_their_help, make_stats,
                                        drop_stats),
        cmocka_unit_test_setup_teardown(a_label_from_outside_has_so_many_rows_and_no_more,
                                        make_stats, drop_stats),
        cmocka_unit_test_setup_teardown(the_same_metric_is_made_once, make_stats, drop_stats),
        cmocka_unit_test_setup_teardown(histogram_buckets_are_cumulative, make_stats,
                                        drop_stats),
        cmocka_unit_test_setup_teardown(without_memory_a_metric_is_counted_but_not_shown,
                                        make_stats, drop_stats),
        cmocka_unit_test_setup_teardown(the_number_of_metrics_is_bounded, make_stats,
                                        drop_stats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
