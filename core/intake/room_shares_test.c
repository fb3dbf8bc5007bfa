/* What is set aside for one account: it is there once, stands in nobody's way, and is held against what others say. */

#include <unistd.h>

#include "base/clock.h"
#include "core/deliver/settle.h"
#include "core/intake/echo.h"
#include "core/intake/intake.h"
#include "core/intake/room.h"
#include "core/peers/peers.h"
#include "core/peers/spools.h"
#include "core/store/erase.h"
#include "core/store/quarantine.h"
#include "core/store/registry.h"
#include "core/testing/amoctl.h"

/* With room for eight commands, the account may have four. */
static void with_room_for_eight(struct rig *r)
{
    rig_client_message_done(r, "m0", "amo-0");
    r->core.queue->max = 8;
}

static struct event in_chat(const char *id)
{
    static int64_t sent_ms; /* a repeat has the same */
    struct event e = rig_manager_text(id);

    sent_ms = sent_ms ? sent_ms : e.sent_ms;
    e.chat_id = VIEW_LIT("chat-1");
    e.sent_ms = sent_ms;
    e.dedup = e.message_id;
    return e;
}

static void take(struct rig *r, struct event e)
{
    rig_take(r, &e);
}

static void managers_write(struct rig *r, int from, int to)
{
    for (int i = from; i <= to; i++) {
        char id[32];

        (void)snprintf(id, sizeof(id), "w-%d", i); /* fits */
        take(r, in_chat(id));
    }
}

static void tick(struct rig *r)
{
    room_tick(&r->core, clock_unix_ms());
    rig_commit(r);
}

/* Is what a client writes to another service taken? */
static bool others_are_served(struct rig *r)
{
    struct event e = rig_client_text("x1");
    uint64_t number = 0;

    e.connector = VIEW_LIT("two");
    number = rig_push(r, &e);
    rig_commit(r);
    return taken_has(&r->ingress->spool->taken, number);
}

/* Ingress gives each its own. */
static void with_trace(struct event *e, int i)
{
    e->trace.bytes[8] = (unsigned char)i;
    e->trace.bytes[9] = 1;
}

/* A webhook's signature knows no time: whoever has one may send it over and over. */
static void repeats_of_what_is_known_take_no_room(void **state)
{
    struct rig *r = *state;
    struct event known = in_chat("amo-1");

    rig_register_second(r);
    rig_client_message_done(r, "m0", "amo-0");
    take(r, known);
    r->core.queue->max = 8;
    managers_write(r, 1, 5);
    assert_int_equal(r->core.intake->n_aside, 2);
    for (int i = 0; i < 40; i++) {
        with_trace(&known, i);
        take(r, known);
    }
    assert_int_equal(r->core.intake->n_aside, 2);
    rig_assert_counts(r, 0, 0, 0);
    assert_true(others_are_served(r));
}

static void repeats_of_what_is_set_aside_are_there_once(void **state)
{
    struct rig *r = *state;
    struct event again = in_chat("w-5");
    struct event reaction = rig_manager_reaction("w-5", "x");

    rig_register_second(r);
    with_room_for_eight(r);
    managers_write(r, 1, 5);
    reaction.dedup = VIEW_LIT("r:w-5:1:react:x:1700000000");
    for (int i = 0; i < 40; i++) {
        with_trace(&again, i);
        take(r, again);
        with_trace(&reaction, i);
        take(r, reaction);
    }
    assert_int_equal(r->core.intake->n_aside, 2);
    assert_true(others_are_served(r));
    reaction.dedup = VIEW_LIT("r:w-5:1:react:x:1700000001"); /* once more, later */
    take(r, reaction);
    assert_int_equal(r->core.intake->n_aside, 3);
    again.scope = VIEW_LIT("ch_two"); /* another account's of the same id is another one */
    queue_dest(r->core.queue, DEST_SCOPE, again.scope)->set_aside = true;
    take(r, again);
    assert_int_equal(r->core.intake->n_aside, 4);
    r->core.queue->max = 100;
    tick(r);
    assert_int_equal(r->core.intake->n_aside, 0);
    take(r, in_chat("w-5"));
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 5 + 1);
}

static void an_ingress_is_known(struct rig *r)
{
    const struct id spool = {{200}};

    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(
        store_ingress_seen(r->core.store, VIEW_LIT("in-2"), &spool, clock_unix_ms()), 0);
    rig_commit(r);
}

/* That the store was put back, and a core of before has sent this, only an ingress can say. */
static void it_does_not_come_out_before_the_ingresses_are_back(void **state)
{
    struct rig *r = *state;

    rig_client_message_done(r, "m0", "amo-0");
    an_ingress_is_known(r);
    queue_dest(r->core.queue, DEST_SCOPE, VIEW_LIT("ch_acc"))->set_aside = true;
    managers_write(r, 1, 1);
    rig_restart(r);
    tick(r);
    assert_int_equal(r->core.intake->n_aside, 1);
    spools_came(&r->core, "in-2");
    tick(r);
    assert_int_equal(r->core.intake->n_aside, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
}

static void nor_for_ever(void **state)
{
    struct rig *r = *state;

    rig_client_message_done(r, "m0", "amo-0");
    an_ingress_is_known(r);
    queue_dest(r->core.queue, DEST_SCOPE, VIEW_LIT("ch_acc"))->set_aside = true;
    managers_write(r, 1, 1);
    rig_restart(r);
    r->core.peers->settling_until_ms = clock_mono_ms();
    tick(r);
    assert_int_equal(r->core.intake->n_aside, 0);
}

/* As core/frames.c does when an ingress knows more than the store. */
static void the_store_was_put_back(struct rig *r)
{
    rig_restart(r);
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(store_waiting_forgotten(r->core.store, r->core.intake->loaded), 0);
    room_put_back(&r->core);
    r->ingress->sent_before = r->next_number + 10;
    r->ingress->forgets = true;
}

static struct event report_of(const char *id)
{
    struct event ret = rig_outgoing_text(id);

    ret.content.text = VIEW_LIT("good day"); /* what managers write */
    return ret;
}

static void service_answers(struct rig *r, const char *id)
{
    rig_turn(r);
    rig_result(r, r->worker, rig_command(r, COMMAND_SERVICE_MESSAGE),
               (struct result){.outcome = OUTCOME_DONE, .service_message_id = view_of(id)});
    rig_commit(r);
}

static void a_report_of_what_a_store_that_was_put_back_has_set_aside_is_no_message(void **state)
{
    struct rig *r = *state;

    rig_client_message_done(r, "m0", "amo-0");
    queue_dest(r->core.queue, DEST_SCOPE, VIEW_LIT("ch_acc"))->set_aside = true;
    managers_write(r, 1, 1);
    assert_int_equal(r->core.intake->n_aside, 1);
    the_store_was_put_back(r);
    take(r, report_of("s-1"));
    echo_tick(&r->core, clock_mono_ms());
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 1); /* it waits */
    tick(r);
    assert_int_equal(r->core.intake->n_aside, 0);
    r->ingress->sent_before = 0;
    echo_tick(&r->core, clock_mono_ms());
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 1); /* now for the answer */
    service_answers(r, "s-1");
    echo_tick(&r->core, clock_mono_ms());
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 0);
}

/* There is no room for it, its account is paused, and core is started once more. */
static void so_it_comes_out_whatever_the_share(void **state)
{
    struct rig *r = *state;

    with_room_for_eight(r);
    managers_write(r, 1, 6);
    assert_int_equal(r->core.intake->n_aside, 2);
    ctl_fine(r, "account.pause", "{\"scope_id\":\"ch_acc\"}");
    the_store_was_put_back(r);
    r->core.queue->max = 8;
    managers_write(r, 7, 7); /* it was sent as well */
    r->ingress->forgets = false;
    r->ingress->sent_before = 0;
    managers_write(r, 8, 8);
    assert_int_equal(r->core.intake->n_aside, 4);
    assert_true(room_may_be_reported(&r->core));
    rig_restart(r);
    r->core.queue->max = 8;
    assert_true(room_may_be_reported(&r->core));
    tick(r);
    assert_int_equal(r->core.intake->n_aside, 1); /* what is new waits for its turn */
    assert_false(room_may_be_reported(&r->core));
}

/* Thirty-two may be set aside then. One alone has half of them. */
static void who_has_its_share_of_that_stops_nobody_else(void **state)
{
    struct rig *r = *state;
    struct event e = in_chat("x-1");

    rig_register_second(r);
    with_room_for_eight(r);
    managers_write(r, 1, 60);
    assert_int_equal(r->core.intake->n_aside, 16);
    rig_assert_counts(r, 0, 60 - 4 - 16, 0);
    rig_assert_quarantined(r, "too_many_waiting");
    managers_write(r, 10, 60); /* once more: it is there, or stands in quarantine */
    assert_int_equal(r->core.intake->n_aside, 16);
    rig_assert_counts(r, 0, 60 - 4 - 16, 0);
    assert_true(others_are_served(r));
    e.scope = VIEW_LIT("ch_two"); /* another one has half of what is left */
    queue_dest(r->core.queue, DEST_SCOPE, e.scope)->set_aside = true;
    for (int i = 0; i < 20; i++) {
        char id[32];

        (void)snprintf(id, sizeof(id), "x-%d", i); /* fits */
        e.message_id = view_of(id);
        take(r, e);
    }
    assert_int_equal(room_n_aside(&r->core, e.scope), 8);
    assert_int_equal(r->core.intake->n_aside, 16 + 8);
}

static void it_is_measured_in_bytes_as_well(void **state)
{
    static char words[1000];
    struct rig *r = *state;
    struct event e = in_chat("w-1");

    r->more_config = "share/bytes = 3000\n";
    rig_restart(r);
    memset(words, 'x', sizeof(words));
    e.content.text = view_make(words, sizeof(words));
    rig_client_message_done(r, "m0", "amo-0");
    queue_dest(r->core.queue, DEST_SCOPE, e.scope)->set_aside = true;
    for (int i = 0; i < 5; i++) {
        char id[32];

        (void)snprintf(id, sizeof(id), "w-%d", i); /* fits */
        e.message_id = view_of(id);
        take(r, e);
    }
    assert_int_equal(r->core.intake->n_aside, 3);
    rig_assert_counts(r, 0, 2, 0);
}

/* The company has another scope then. */
static void who_comes_back_by_another_channel_overtakes_nothing(void **state)
{
    struct rig *r = *state;
    struct event e = in_chat("w-8");

    rig_register_account(r, "new_acc");
    rig_register_source(r, "line1", "ch_acc");
    with_room_for_eight(r);
    managers_write(r, 1, 7);
    assert_int_equal(r->core.intake->n_aside, 3);
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(store_scope_leave(r->core.store, VIEW_LIT("ch_acc"), clock_unix_ms()), 0);
    rig_register_source(r, "line1", "new_acc"); /* core reads all of it again */
    e.scope = VIEW_LIT("new_acc");
    take(r, e);
    assert_int_equal(room_n_aside(&r->core, e.scope), 1);
    tick(r);
    assert_int_equal(room_n_aside(&r->core, e.scope), 1);
    r->core.queue->max = 100;
    tick(r);
    tick(r);
    assert_int_equal(r->core.intake->n_aside, 0);
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 8);
}

/* A copied spool sends it again, and its account has something set aside. */
static void what_stands_in_quarantine_is_not_set_aside(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("amo-1");

    e.scope = VIEW_LIT("ch_two");
    with_trace(&e, 1);
    take(r, e); /* its account had left */
    rig_assert_counts(r, 0, 1, 0);
    rig_register_second(r);
    queue_dest(r->core.queue, DEST_SCOPE, e.scope)->set_aside = true;
    take(r, e);
    assert_int_equal(r->core.intake->n_aside, 0);
    tick(r);
    rig_assert_counts(r, 0, 1, 0);
    assert_int_equal(queue_count(r->core.queue), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(repeats_of_what_is_known_take_no_room),
        CASE(repeats_of_what_is_set_aside_are_there_once),
        CASE(what_stands_in_quarantine_is_not_set_aside),
        CASE(it_does_not_come_out_before_the_ingresses_are_back),
        CASE(nor_for_ever),
        CASE(who_comes_back_by_another_channel_overtakes_nothing),
        CASE(who_has_its_share_of_that_stops_nobody_else),
        CASE(it_is_measured_in_bytes_as_well),
        CASE(a_report_of_what_a_store_that_was_put_back_has_set_aside_is_no_message),
        CASE(so_it_comes_out_whatever_the_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
