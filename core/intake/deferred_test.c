/* Events that wait: under which keys, how many, and what wakes them. */

#include "core/intake/deferred.h"

#include <string.h>

#include "base/clock.h"
#include "core/store/db.h"
#include "core/testing/rig.h"
#include "core/watch.h"
#include "proto/limits.h"

#define HOUR_MS 3600000LL

static void put(struct rig *r, const char *key, const struct event *e)
{
    struct buf bytes;

    buf_init(&bytes, 1 << 20);
    assert_int_equal(event_encode(e, &bytes), 0);
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(deferred_put(&r->core, key, buf_view(&bytes), HOUR_MS), 0);
    buf_fini(&bytes);
}

/* What n_deferred says is what the store has. */
static void assert_waiting(struct rig *r, int64_t want)
{
    int64_t dead = 0;
    int64_t quarantine = 0;
    int64_t waiting = 0;

    assert_int_equal(store_counts(r->core.store, &dead, &quarantine, &waiting), 0);
    assert_int_equal(waiting, want);
    assert_int_equal(r->core.intake->n_deferred, want);
}

/* --- keys ----------------------------------------------------------------------------------- */

static void a_key_says_whose_id_it_is(void **state)
{
    struct event e = rig_status("id/1", "read");
    char key[DEFERRED_KEY_MAX];

    (void)state;
    assert_int_equal(deferred_key(&e, key), 0);
    assert_string_equal(key, "tsvc/id/1"); /* of what we sent */
    e.kind = EVENT_SERVICE_EDIT;
    assert_int_equal(deferred_key(&e, key), 0);
    assert_string_equal(key, "ssvc/id/1"); /* of what was sent to us */
    e = rig_manager_reaction("id/1", "x");
    assert_int_equal(deferred_key(&e, key), 0);
    assert_string_equal(key, "aid/1/ch_acc");
}

static void the_longest_ids_fit_and_longer_ones_are_refused(void **state)
{
    struct event e = rig_status("x", "read");
    char text[LIMIT_ID + 1];
    char key[DEFERRED_KEY_MAX];

    (void)state;
    memset(text, 'y', sizeof(text));
    e.connector = view_make(text, LIMIT_ID);
    e.message_id = view_make(text, LIMIT_ID);
    assert_int_equal(deferred_key(&e, key), 0);
    assert_int_equal(strlen(key), 2 + 2 * LIMIT_ID);
    e.message_id = view_make(text, LIMIT_ID + 1);
    assert_int_equal(deferred_key(&e, key), -EINVAL);
    e.message_id = VIEW_LIT("x");
    e.connector = view_make(text, LIMIT_ID + 1);
    assert_int_equal(deferred_key(&e, key), -EINVAL);
    e.connector = VIEW_NONE;
    assert_int_equal(deferred_key(&e, key), -EINVAL); /* nobody's */
    e.connector = VIEW_LIT("svc");
    e.message_id = VIEW_NONE;
    assert_int_equal(deferred_key(&e, key), -EINVAL);
}

/* --- waking --------------------------------------------------------------------------------- */

static void nobody_is_woken_where_nobody_waits(void **state)
{
    struct rig *r = *state;

    deferred_wake(&r->core, "ssvc/x");
    assert_true(list_is_empty(&r->core.intake->wakes));
    deferred_run(&r->core);
    assert_false(store_in_transaction(r->core.store));
}

static void only_what_waits_under_the_key_is_woken(void **state)
{
    struct rig *r = *state;
    struct event one = rig_client_text("m1");
    struct event two = rig_client_text("m2");

    put(r, "ssvc/a", &one);
    put(r, "ssvc/b", &two);
    deferred_wake(&r->core, "ssvc/");
    deferred_wake(&r->core, "ssvc/aa");
    deferred_run(&r->core);
    assert_waiting(r, 2);
    deferred_wake(&r->core, "ssvc/a");
    deferred_wake(&r->core, "ssvc/a"); /* twice is once */
    deferred_run(&r->core);
    assert_waiting(r, 1);
    assert_true(rig_has_message(r, "msvc-m1"));
    assert_false(rig_has_message(r, "msvc-m2"));
    rig_commit(r);
}

static void a_key_longer_than_any_wakes_nobody(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    char text[2 * DEFERRED_KEY_MAX];

    put(r, "ssvc/a", &e);
    memset(text, 'y', sizeof(text));
    deferred_wake_amo(&r->core, "ch_acc", view_make(text, sizeof(text)));
    deferred_wake_sent(&r->core, "svc", view_make(text, sizeof(text)), true);
    deferred_wake_answered(&r->core, "svc", view_make(text, sizeof(text)));
    assert_true(list_is_empty(&r->core.intake->wakes));
    rig_commit(r);
}

/* What one of them wakes is applied as well: its edit, which waited for it. */
static void one_may_wake_another(void **state)
{
    struct rig *r = *state;
    struct event message = rig_client_text("m1");
    struct event edit = rig_edit("m1", "mended");

    put(r, "ssvc/first", &message);
    put(r, "ssvc/m1", &edit);
    deferred_wake(&r->core, "ssvc/first");
    deferred_run(&r->core);
    assert_waiting(r, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 1);
    rig_commit(r);
}

/* Two copies of a spool sent it: it waits twice, and is done once. */
static void what_came_twice_is_done_once(void **state)
{
    struct rig *r = *state;
    struct event message = rig_client_text("m1");
    struct event edit = rig_edit("m1", "mended");

    edit.trace.bytes[1] = 7;
    put(r, "ssvc/m1", &edit);
    put(r, "ssvc/m1", &edit);
    put(r, "ssvc/first", &message);
    deferred_wake(&r->core, "ssvc/first");
    deferred_run(&r->core);
    deferred_run(&r->core);
    assert_waiting(r, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 1);
    rig_commit(r);
}

/* The chat of a message that waits for itself, so to say: it ends. */
static void waking_one_that_cannot_be_applied_ends(void **state)
{
    struct rig *r = *state;
    struct event edit = rig_edit("m1", "mended");

    put(r, "ssvc/x", &edit);
    deferred_wake(&r->core, "ssvc/x");
    deferred_run(&r->core);
    assert_waiting(r, 0);
    rig_commit(r);
    rig_assert_quarantined(r, "unknown_message");
}

static void very_many_are_applied_in_portions(void **state)
{
    struct rig *r = *state;
    struct event message = rig_client_text("m1");

    for (int i = 0; i < 1500; i++) {
        struct event edit = rig_edit("m1", "mended");

        edit.trace.bytes[1] = (uint8_t)(i / 256); /* each is another one */
        put(r, "ssvc/m1", &edit);
    }
    rig_commit(r);
    rig_take(r, &message);
    assert_waiting(r, 500); /* other work has its turn */
    watch_tick(&r->core);
    rig_commit(r);
    assert_waiting(r, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 1500);
}

static void a_poisoned_one_harms_nobody_else(void **state)
{
    struct rig *r = *state;
    struct event message = rig_client_text("m1");
    struct event edit = rig_edit("m1", "mended");

    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(deferred_put(&r->core, "ssvc/m1", VIEW_LIT("\x93no event"), HOUR_MS), 0);
    put(r, "ssvc/m1", &edit);
    rig_commit(r);
    rig_take(r, &message);
    rig_assert_counts(r, 0, 1, 0);
    rig_assert_quarantined(r, "failed");
    assert_waiting(r, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 1);
}

/* --- too long ------------------------------------------------------------------------------- */

static void what_is_overdue_is_looked_at_in_portions(void **state)
{
    struct rig *r = *state;
    struct event edit = rig_edit("m1", "mended");

    for (int i = 0; i < 2150; i++)
        put(r, "ssvc/m1", &edit);
    deferred_overdue(&r->core, clock_unix_ms() + 2 * HOUR_MS);
    assert_waiting(
        r, 150); /* a full room is empty within a minute, not after a quarter of an hour */
    deferred_overdue(&r->core, clock_unix_ms() + 2 * HOUR_MS);
    assert_waiting(r, 0);
    rig_commit(r);
    rig_assert_counts(r, 0, 2150, 0);
}

static void nothing_is_overdue_while_the_clock_is_doubtful(void **state)
{
    struct rig *r = *state;
    struct event edit = rig_edit("m1", "mended");
    struct buf bytes;

    buf_init(&bytes, 1 << 16);
    assert_int_equal(event_encode(&edit, &bytes), 0);
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(deferred_put(&r->core, "ssvc/m1", buf_view(&bytes), -1000), 0);
    buf_fini(&bytes);
    r->core.turn->doubt.on = true;
    watch_tick(&r->core);
    assert_waiting(r, 1);
    r->core.turn->doubt.on = false;
    watch_tick(&r->core);
    assert_waiting(r, 0);
    rig_commit(r);
    rig_assert_counts(r, 0, 1, 0);
}

static void one_connector_cannot_fill_the_house_without_end(void **state)
{
    struct rig *r = *state;
    struct event e = rig_edit("m1", "mended");

    r->core.intake->n_deferred = LIMIT_WAITING_ALL;
    rig_take(r, &e);
    rig_assert_counts(r, 0, 1, 0);
    rig_assert_quarantined(r, "too_many_waiting");
    e = rig_manager_reaction("amo-1", "x");
    rig_take(r, &e);
    rig_assert_counts(r, 0, 2, 0);
}

/* --- the store fails ------------------------------------------------------------------------ */

static void whatever_fails_while_it_is_applied_it_waits_still(void **state)
{
    struct rig *r = *state;
    struct event message = rig_client_text("m1");
    struct event edit = rig_edit("m1", "mended");
    uint64_t n = 0;

    put(r, "ssvc/x", &edit);
    rig_commit(r);
    rig_client_message_done(r, "m1", "amo-1");
    (void)message;
    for (n = 1; n < 60; n++) {
        deferred_wake(&r->core, "ssvc/x");
        db_fail_at(n);
        deferred_run(&r->core);
        db_fail_at(0);
        if (r->core.turn->exit_code == 0)
            break;
        rig_restart(r);
        assert_waiting(r, 1);
        assert_int_equal(rig_stored_commands(r), 0);
        assert_int_equal(queue_count(r->core.queue), 0);
    }
    assert_true(n > 4 && n < 60);
    assert_waiting(r, 0);
    rig_commit(r);
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_says_whose_id_it_is),
        cmocka_unit_test(the_longest_ids_fit_and_longer_ones_are_refused),
        CASE(nobody_is_woken_where_nobody_waits),
        CASE(only_what_waits_under_the_key_is_woken),
        CASE(a_key_longer_than_any_wakes_nobody),
        CASE(one_may_wake_another),
        CASE(what_came_twice_is_done_once),
        CASE(waking_one_that_cannot_be_applied_ends),
        CASE(very_many_are_applied_in_portions),
        CASE(a_poisoned_one_harms_nobody_else),
        CASE(what_is_overdue_is_looked_at_in_portions),
        CASE(nothing_is_overdue_while_the_clock_is_doubtful),
        CASE(one_connector_cannot_fill_the_house_without_end),
        CASE(whatever_fails_while_it_is_applied_it_waits_still),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
