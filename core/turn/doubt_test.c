#include "core/turn/doubt.h"

#include "base/clock.h"
#include "core/control/control.h"
#include "core/deliver/clock_ask.h"
#include "core/store/private.h"
#include "core/testing/rig.h"
#include "core/watch.h"

#define HOUR_MS 3600000LL
#define DAY_MS  (24 * HOUR_MS)

/* What a call of now, or one that was begun before, says about amojo's clock. */
static void measured(struct rig *r, int64_t skew_ms, bool known, bool begun_before)
{
    const struct result result = {.skew_known = known,
                                  .skew_ms = skew_ms,
                                  .attempt =
                                      r->core.turn->doubt.attempt + (begun_before ? 0 : 1)};

    doubt_measured(&r->core, &result, 0);
}

/* The next life of core finds that the last one ended so long ago (negative: in the future). */
static void restart_after(struct rig *r, int64_t ms)
{
    struct doubt *d = &r->core.turn->doubt;

    assert_int_equal(core_turn(&r->core), 0);
    d->trusted_ms -= ms;
    d->newest_ms -= ms;
    d->written_mono_ms = 0;
    assert_int_equal(doubt_write(&r->core), 0);
    rig_commit(r);
    assert_int_equal(store_commit(r->core.store), 0);
    rig_restart(r);
}

static void a_start_that_follows_upon_the_last_life_is_believed(void **state)
{
    struct rig *r = *state;

    assert_false(r->core.turn->doubt.on); /* a new store has nothing to lose */
    restart_after(r, 60000);
    assert_false(r->core.turn->doubt.on);
}

static void a_start_far_from_the_last_life_is_doubted_until_amojo_agrees(void **state)
{
    struct rig *r = *state;

    restart_after(r, 3 * DAY_MS);
    assert_true(r->core.turn->doubt.on);
    assert_string_equal(r->core.turn->doubt.why, "ahead_of_last_time");
    measured(r, 0, false, false); /* no Date is no proof */
    assert_true(r->core.turn->doubt.on);
    measured(r, 61000, true, false);
    assert_true(r->core.turn->doubt.on);
    measured(r, 500, true, false);
    assert_false(r->core.turn->doubt.on);
    restart_after(r, -HOUR_MS);
    assert_string_equal(r->core.turn->doubt.why, "behind_last_time");
}

static void doubt_outlives_a_restart_and_any_time(void **state)
{
    struct rig *r = *state;

    restart_after(r, 3 * DAY_MS);
    r->core.turn->doubt.written_mono_ms = 0;
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(doubt_write(&r->core), 0);
    assert_int_equal(store_commit(r->core.store), 0);
    rig_restart(r);
    assert_true(r->core.turn->doubt.on);
    (void)doubt_tick(&r->core, r->core.turn->doubt.last_mono_ms + DAY_MS,
                     r->core.turn->doubt.last_unix_ms + DAY_MS);
    assert_true(core_clock_doubtful(&r->core));
}

static void a_jump_either_way_is_doubted_and_older_calls_prove_nothing(void **state)
{
    struct rig *r = *state;
    struct doubt *d = &r->core.turn->doubt;

    for (int way = -1; way <= 1; way += 2) {
        r->core.turn->next_attempt += 10;
        (void)doubt_tick(&r->core, d->last_mono_ms + 1000,
                         d->last_unix_ms + 1000 + (int64_t)way * HOUR_MS);
        assert_string_equal(d->why, "jump");
        measured(r, 0, true, true);
        assert_true(d->on);
        measured(r, 0, true, false);
        assert_false(d->on);
        d->last_unix_ms = clock_unix_ms(); /* it is right again */
        d->last_mono_ms = clock_mono_ms();
    }
}

static void it_is_our_clock_that_counts_not_the_workers(void **state)
{
    struct rig *r = *state;
    const struct result result = {.skew_known = true, .attempt = UINT64_MAX};

    /* the worker's clock is amojo's; ours is two days ahead of both */
    doubt_measured(&r->core, &result, clock_unix_ms() - 2 * DAY_MS);
    assert_string_equal(r->core.turn->doubt.why, "amojo_disagrees");
    assert_true(r->core.turn->skew_ms < -2 * DAY_MS + 60000);
}

static void no_number_is_used_again_by_a_clock_that_was_set_back(void **state)
{
    struct rig *r = *state;
    uint64_t attempt = 0;
    uint64_t turn = 0;

    attempt = r->core.turn->next_attempt += 1000;
    turn = r->core.turn->next_turn += 10;
    restart_after(r, -DAY_MS); /* the last life was a day ahead */
    assert_true(r->core.turn->next_attempt > attempt + ((uint64_t)DAY_MS << 20));
    assert_true(r->core.turn->next_turn > turn + (uint64_t)DAY_MS);
}

static void nothing_is_pruned_by_a_clock_that_moved_further_than_core_is_up(void **state)
{
    struct rig *r = *state;
    struct doubt *d = &r->core.turn->doubt;
    int64_t mono = clock_mono_ms();
    int64_t now = clock_unix_ms();

    assert_true(doubt_may_prune(&r->core, mono, now)); /* never yet */
    doubt_pruned(&r->core, mono, now);
    assert_true(doubt_may_prune(&r->core, mono + 5000, now + 5000));
    assert_false(doubt_may_prune(&r->core, mono + 5000, now + DAY_MS));
    assert_false(doubt_may_prune(&r->core, mono + 5000, now - 1));
    d->proven = true;
    assert_true(doubt_may_prune(&r->core, mono + 5000, now + DAY_MS));
    d->on = true;
    assert_false(doubt_may_prune(&r->core, mono + 5000, now + 5000));
}

static int64_t number(struct rig *r, const char *sql)
{
    struct db_rows *rows = NULL;
    int64_t n = 0;

    assert_int_equal(db_query(r->core.store->db, &rows, sql, ""), 0);
    assert_int_equal(db_next(rows), 1);
    n = db_int(rows, 0);
    db_end(rows);
    return n;
}

static void run(struct rig *r, const char *sql, int64_t ms)
{
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(db_run(r->core.store->db, sql, "i", ms), 0);
}

/* By a clock of three days ago, and by one of next month. */
static void what_a_wrong_clock_stamped_begins_anew_when_the_clock_is_proven(void **state)
{
    struct rig *r = *state;
    struct doubt *d = &r->core.turn->doubt;
    int64_t now = clock_unix_ms();
    struct event e = rig_client_text("m1");
    struct core_command *c = NULL;

    rig_take(r, &e);
    (void)doubt_tick(&r->core, d->last_mono_ms + 1000, now - 3 * DAY_MS);
    (void)doubt_tick(&r->core, d->last_mono_ms + 1000, now + 30 * DAY_MS);
    c = rig_command(r, COMMAND_AMO_MESSAGE);
    c->taken_ms = now - 3 * DAY_MS;
    run(r, "/* test */ UPDATE commands SET taken_ms=?", now - 3 * DAY_MS);
    run(r, "/* test */ UPDATE messages SET taken_ms=?", now - 3 * DAY_MS);
    run(r, "INSERT INTO quarantine(event,at_ms) VALUES(x'80',?)", now + 30 * DAY_MS);
    run(r, "INSERT INTO dead(id,died_ms) VALUES(9,?)", now - 3 * DAY_MS);
    run(r, "INSERT INTO waiting(key,until_ms) VALUES('k',?)", now - 3 * DAY_MS + HOUR_MS);
    run(r, "/* test */ UPDATE channels SET old_until_ms=?", now - 2 * DAY_MS);
    assert_int_equal(doubt_agree(&r->core), 0);
    assert_true(c->taken_ms >= now);
    assert_true(number(r, "/* test */ SELECT taken_ms FROM commands") >= now);
    assert_true(number(r, "/* test */ SELECT taken_ms FROM messages") >= now);
    assert_true(number(r, "/* test */ SELECT at_ms FROM quarantine") >= now);
    assert_true(number(r, "/* test */ SELECT at_ms FROM quarantine") < now + DAY_MS);
    assert_true(number(r, "/* test */ SELECT died_ms FROM dead") >= now);
    assert_true(number(r, "/* test */ SELECT until_ms FROM waiting") >= now + HOUR_MS);
    assert_true(number(r, "/* test */ SELECT old_until_ms FROM channels") >= now + DAY_MS);
    assert_int_equal(number(r, "/* test */ SELECT count(*) FROM dead"), 1);
}

static void what_is_old_stays_old_when_the_clock_is_proven(void **state)
{
    struct rig *r = *state;
    int64_t now = clock_unix_ms();
    struct event e = rig_client_text("m1");

    rig_take(r, &e);
    run(r, "/* test */ UPDATE commands SET taken_ms=?", now - 2 * DAY_MS);
    run(r, "INSERT INTO dead(id,died_ms) VALUES(9,?)", now - 20 * DAY_MS);
    restart_after(r, DAY_MS); /* switched off since yesterday */
    assert_true(r->core.turn->doubt.on);
    measured(r, 0, true, false);
    assert_false(r->core.turn->doubt.on);
    assert_int_equal(number(r, "/* test */ SELECT taken_ms FROM commands"), now - 2 * DAY_MS);
    assert_int_equal(number(r, "/* test */ SELECT died_ms FROM dead"), now - 20 * DAY_MS);
}

static void a_quiet_bridge_asks_amojo_for_its_date(void **state)
{
    struct rig *r = *state;
    struct command asked[4];
    int64_t mono = clock_mono_ms();

    assert_false(doubt_tick(&r->core, mono, clock_unix_ms())); /* not without doubt */
    restart_after(r, 3 * DAY_MS);
    for (int i = 0; i < 2; i++) { /* one at a time */
        assert_true(doubt_tick(&r->core, mono, clock_unix_ms()));
        clock_ask(&r->core, mono);
    }
    assert_int_equal(rig_calls(r, clock_mono_ms(), asked, 4), 1);
    assert_int_equal(asked[0].kind, COMMAND_AMO_REACH);
}

static void a_life_counts_from_when_core_takes_the_message(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    int64_t now = clock_unix_ms();

    e.taken_ms = now - 2 * DAY_MS; /* of an ingress before its clock was set */
    rig_take(r, &e);
    assert_true(rig_command(r, COMMAND_AMO_MESSAGE)->taken_ms >= now);
    for (int i = 0; i < 6; i++)
        watch_tick(&r->core);
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_start_that_follows_upon_the_last_life_is_believed,
                                        rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            a_start_far_from_the_last_life_is_doubted_until_amojo_agrees, rig_setup,
            rig_teardown),
        cmocka_unit_test_setup_teardown(doubt_outlives_a_restart_and_any_time, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(
            a_jump_either_way_is_doubted_and_older_calls_prove_nothing, rig_setup,
            rig_teardown),
        cmocka_unit_test_setup_teardown(it_is_our_clock_that_counts_not_the_workers, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(no_number_is_used_again_by_a_clock_that_was_set_back,
                                        rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            nothing_is_pruned_by_a_clock_that_moved_further_than_core_is_up, rig_setup,
            rig_teardown),
        cmocka_unit_test_setup_teardown(
            what_a_wrong_clock_stamped_begins_anew_when_the_clock_is_proven, rig_setup,
            rig_teardown),
        cmocka_unit_test_setup_teardown(what_is_old_stays_old_when_the_clock_is_proven,
                                        rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_quiet_bridge_asks_amojo_for_its_date, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(a_life_counts_from_when_core_takes_the_message,
                                        rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
