/* What shows that a message arrived although it was given up. */

#include <unistd.h>

#include "base/clock.h"
#include "core/deliver/settle.h"
#include "core/intake/echo.h"
#include "core/intake/intake.h"
#include "core/intake/room.h"
#include "core/testing/rig.h"

static void take(struct rig *r, struct event e)
{
    rig_take(r, &e);
}

static void assert_state(struct rig *r, const char *key, enum message_state state)
{
    struct message m = rig_message(r, key);

    assert_int_equal(m.state, state);
    assert_int_equal(m.reason != NULL, state == MESSAGE_FAILED);
    message_fini(&m);
}

static void give_up(struct rig *r, enum command_kind kind, const char *reason)
{
    settle_dead(&r->core, rig_command(r, kind), reason, VIEW_NONE);
    rig_commit(r);
}

/* A manager's words that nobody can say anything about. */
static void words_are_given_up(struct rig *r)
{
    rig_client_message_done(r, "m0", "amo-0");
    (void)rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    assert_int_equal(core_turn(&r->core), 0);
    give_up(r, COMMAND_SERVICE_MESSAGE, "unclear");
    assert_state(r, "aamo-1", MESSAGE_FAILED);
}

static void named(struct rig *r, struct event (*event)(const char *, const char *),
                  const char *more)
{
    struct message m = rig_message(r, "aamo-1");

    take(r, event(m.mid, more));
    message_fini(&m);
}

static void a_status_shows_that_it_arrived(void **state)
{
    static const char *const statuses[] = {"sent", "delivered", "read"};
    struct rig *r = *state;

    words_are_given_up(r);
    named(r, rig_status, "failed");
    assert_state(r, "aamo-1", MESSAGE_FAILED);
    for (size_t i = 0; i < AMO_COUNT(statuses); i++) {
        named(r, rig_status, statuses[i]);
        assert_state(r, "aamo-1", MESSAGE_DELIVERED_TO_SERVICE);
    }
    named(r, rig_status, "failed");
    assert_state(r, "aamo-1", MESSAGE_DELIVERED_TO_SERVICE);
}

static void a_clients_reaction_shows_that_it_arrived(void **state)
{
    struct rig *r = *state;

    words_are_given_up(r);
    named(r, rig_client_reaction, "👍");
    assert_state(r, "aamo-1", MESSAGE_DELIVERED_TO_SERVICE);
    assert_int_equal(rig_count(r, COMMAND_AMO_REACTION), 1);
}

static void a_report_shows_that_it_arrived(void **state)
{
    struct rig *r = *state;
    struct event report = rig_outgoing_text("s-1");

    words_are_given_up(r);
    report.content.text = VIEW_LIT("good day"); /* what the manager wrote, and nobody else */
    take(r, rig_status("s-1", "sent"));
    take(r, report);
    rig_assert_counts(r, 1, 0, 0);
    assert_state(r, "aamo-1", MESSAGE_DELIVERED_TO_SERVICE);
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 0);
}

static void a_webhook_shows_that_a_colleagues_words_arrived(void **state)
{
    struct rig *r = *state;
    struct event hook = rig_manager_text("amo-1");

    (void)rig_outgoing_in_flight(r, "o1");
    hook.chat_id = VIEW_LIT("chat-1");
    hook.content.text = VIEW_LIT("from the other side");
    take(r, hook);
    rig_assert_counts(r, 0, 0, 1);
    give_up(r, COMMAND_AMO_OUTGOING, "unclear");
    assert_state(r, "msvc-o1", MESSAGE_FAILED);
    echo_tick(&r->core, clock_mono_ms());
    rig_commit(r);
    assert_state(r, "aamo-1", MESSAGE_DELIVERED_TO_AMO);
}

/* It was set aside because its account has its share of the queue, and the words were given up meanwhile. */
static void so_does_one_that_was_set_aside(void **state)
{
    struct rig *r = *state;
    struct event hook = rig_manager_text("amo-1");

    (void)rig_outgoing_in_flight(r, "o1");
    hook.chat_id = VIEW_LIT("chat-1");
    hook.content.text = VIEW_LIT("from the other side");
    queue_dest(r->core.queue, DEST_SCOPE, VIEW_LIT("ch_acc"))->set_aside = true;
    take(r, hook);
    assert_int_equal(r->core.intake->n_aside, 1);
    give_up(r, COMMAND_AMO_OUTGOING, "unclear");
    room_tick(&r->core, clock_unix_ms());
    rig_commit(r);
    assert_int_equal(r->core.intake->n_aside, 0);
    assert_state(r, "aamo-1", MESSAGE_DELIVERED_TO_AMO);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 0);
}

/* A manager wrote "yes" and it was set aside; later a colleague did, too, and nobody knows what became of that. */
static void set_aside_before_a_colleague_wrote_the_same(struct rig *r)
{
    struct event hook = rig_manager_text("amo-1");
    struct event report = rig_outgoing_text("o1");

    rig_client_message_done(r, "m0", "amo-0");
    hook.chat_id = VIEW_LIT("chat-1");
    hook.content.text = report.content.text = VIEW_LIT("yes");
    queue_dest(r->core.queue, DEST_SCOPE, VIEW_LIT("ch_acc"))->set_aside = true;
    take(r, hook);
    assert_int_equal(r->core.intake->n_aside, 1);
    (void)usleep(2000); /* another millisecond of wall time */
    (void)rig_push(r, &report);
    rig_turn(r);
    assert_int_equal(rig_command(r, COMMAND_AMO_OUTGOING)->state, COMMAND_IN_FLIGHT);
}

static void what_was_set_aside_before_words_were_tried_is_not_their_echo(void **state)
{
    struct rig *r = *state;

    set_aside_before_a_colleague_wrote_the_same(r);
    give_up(r, COMMAND_AMO_OUTGOING, "unclear");
    room_tick(&r->core, clock_unix_ms());
    rig_commit(r);
    assert_int_equal(r->core.intake->n_aside, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
}

static void nor_if_it_comes_out_while_they_are_tried(void **state)
{
    struct rig *r = *state;

    set_aside_before_a_colleague_wrote_the_same(r);
    room_tick(&r->core, clock_unix_ms());
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 1); /* it waits with all webhooks of its chat */
    give_up(r, COMMAND_AMO_OUTGOING, "unclear");
    echo_tick(&r->core, clock_mono_ms());
    rig_commit(r);
    rig_assert_counts(r, 1, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
}

static void a_repeat_of_its_sender_shows_nothing(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");

    words_are_given_up(r);
    take(r, rig_manager_text("amo-1"));
    assert_state(r, "aamo-1", MESSAGE_FAILED);
    take(r, e);
    assert_int_equal(core_turn(&r->core), 0);
    give_up(r, COMMAND_AMO_MESSAGE, "refused");
    take(r, e);
    take(r, rig_edit("m1", "other words"));
    assert_state(r, "msvc-m1", MESSAGE_FAILED);
}

/* Its answers said nothing, and its service reported it meanwhile. */
static void what_was_reported_before_it_was_given_up_has_arrived(void **state)
{
    struct rig *r = *state;
    size_t told = 0;

    rig_client_message_done(r, "m0", "amo-0");
    (void)rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    named(r, rig_status, "delivered");
    assert_state(r, "aamo-1", MESSAGE_ACCEPTED);
    told = rig_count(r, COMMAND_AMO_STATUS);
    assert_int_equal(core_turn(&r->core), 0);
    give_up(r, COMMAND_SERVICE_MESSAGE, "attempts");
    assert_state(r, "aamo-1", MESSAGE_DELIVERED_TO_SERVICE);
    assert_int_equal(rig_count(r, COMMAND_AMO_STATUS), told);
    rig_assert_counts(r, 1, 0, 0); /* its evidence is kept */
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

static const struct CMUnitTest tests[] = {
    CASE(a_status_shows_that_it_arrived),
    CASE(a_clients_reaction_shows_that_it_arrived),
    CASE(a_report_shows_that_it_arrived),
    CASE(a_webhook_shows_that_a_colleagues_words_arrived),
    CASE(so_does_one_that_was_set_aside),
    CASE(what_was_set_aside_before_words_were_tried_is_not_their_echo),
    CASE(nor_if_it_comes_out_while_they_are_tried),
    CASE(a_repeat_of_its_sender_shows_nothing),
    CASE(what_was_reported_before_it_was_given_up_has_arrived),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
