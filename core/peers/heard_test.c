/* Who has fallen silent: against the same hours a week ago, or of the last two days. */

#include "core/peers/heard.h"

#include "base/table.h"
#include "core/testing/rig.h"

#define HOUR_MS 3600000LL
#define DAY_MS  (24 * HOUR_MS)
#define NOW_MS  (INT64_C(490896) * HOUR_MS + 1800000) /* half past */

static const struct event from_svc = {
    .connector = {"svc", 3}
};

static void come(struct rig *r, int n, int64_t at_ms)
{
    for (int i = 0; i < n; i++)
        heard_note(&r->core, &from_svc, at_ms);
}

static int64_t silent(struct rig *r, int64_t now_ms)
{
    const struct heard_row *row = heard_of(&r->core, HEARD_CONNECTOR, VIEW_LIT("svc"));
    int64_t usual = 0;

    assert_non_null(row);
    return heard_is_silent(row, now_ms, &usual) ? usual : 0;
}

static void trusts_its_clock(struct rig *r)
{
    r->core.turn->doubt.on = false;
}

static void a_week_ago_it_was_busy_at_this_time(void **state)
{
    struct rig *r = *state;

    trusts_its_clock(r);
    come(r, 1, NOW_MS - 8 * DAY_MS + 6 * HOUR_MS);
    come(r, 6, NOW_MS - 7 * DAY_MS - 2 * HOUR_MS);
    come(r, 5, NOW_MS - 7 * DAY_MS - HOUR_MS);
    come(r, 1, NOW_MS - 3 * HOUR_MS);
    assert_int_equal(silent(r, NOW_MS), 11);
    assert_int_equal(silent(r, NOW_MS - 90 * 60000LL), 0); /* not long enough */
    assert_int_equal(silent(r, NOW_MS + 4 * HOUR_MS), 0);  /* at that time it never is */
    come(r, 1, NOW_MS);
    assert_int_equal(silent(r, NOW_MS), 0);
}

static void yesterday_alone_says_nothing_and_two_days_do(void **state)
{
    struct rig *r = *state;

    trusts_its_clock(r);
    come(r, 1, NOW_MS - 3 * DAY_MS);
    come(r, 20, NOW_MS - DAY_MS - HOUR_MS);
    assert_int_equal(silent(r, NOW_MS), 0);
    come(r, 15, NOW_MS - 2 * DAY_MS - HOUR_MS); /* a clock that was put back a little counts */
    come(r, 1, NOW_MS - 3 * HOUR_MS);
    assert_int_equal(silent(r, NOW_MS), 15);
}

static void who_sends_little_is_not_missed(void **state)
{
    struct rig *r = *state;

    trusts_its_clock(r);
    come(r, 1, NOW_MS - 8 * DAY_MS + 6 * HOUR_MS);
    come(r, HEARD_BUSY - 1, NOW_MS - 7 * DAY_MS - HOUR_MS);
    come(r, 1, NOW_MS - 5 * HOUR_MS);
    assert_int_equal(silent(r, NOW_MS), 0);
}

static void a_clock_that_jumps_far_begins_anew(void **state)
{
    struct rig *r = *state;

    trusts_its_clock(r);
    come(r, 20, NOW_MS - 7 * DAY_MS - HOUR_MS);
    come(r, 1, NOW_MS + 400 * DAY_MS);
    assert_int_equal(silent(r, NOW_MS + 400 * DAY_MS + 3 * HOUR_MS), 0);
    come(r, 1, NOW_MS);
    assert_int_equal(silent(r, NOW_MS + 3 * HOUR_MS), 0);
    assert_int_equal(heard_of(&r->core, HEARD_CONNECTOR, VIEW_LIT("svc"))->since_unix_ms,
                     NOW_MS);
}

static void nobody_is_counted_whom_nobody_knows(void **state)
{
    struct rig *r = *state;
    const struct event strange = {.connector = VIEW_LIT("strange")};
    const struct event of_amo = {.scope = VIEW_LIT("ch_acc")};

    trusts_its_clock(r);
    heard_note(&r->core, &strange, NOW_MS);
    heard_note(&r->core, &(struct event){0}, NOW_MS);
    assert_int_equal(table_count(r->core.peers->heard.rows), 0);
    heard_note(&r->core, &of_amo, NOW_MS);
    assert_non_null(heard_of(&r->core, HEARD_CHANNEL, VIEW_LIT("ch")));
    r->core.turn->doubt.on = true;
    come(r, 1, NOW_MS);
    assert_null(heard_of(&r->core, HEARD_CONNECTOR, VIEW_LIT("svc")));
}

static void counts_outlive_core(void **state)
{
    struct rig *r = *state;

    trusts_its_clock(r);
    come(r, 1, NOW_MS - 8 * DAY_MS + 6 * HOUR_MS);
    come(r, 300, NOW_MS - 7 * DAY_MS - HOUR_MS);
    come(r, 1, NOW_MS - 3 * HOUR_MS);
    heard_tick(&r->core, INT64_MAX / 2);
    rig_commit(r);
    rig_restart(r);
    assert_int_equal(silent(r, NOW_MS), 300);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_week_ago_it_was_busy_at_this_time),
        CASE(yesterday_alone_says_nothing_and_two_days_do),
        CASE(who_sends_little_is_not_missed),
        CASE(a_clock_that_jumps_far_begins_anew),
        CASE(nobody_is_counted_whom_nobody_knows),
        CASE(counts_outlive_core),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
