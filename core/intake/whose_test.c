/* One client at two numbers of a service, which calls him the same at both and counts the messages of each. */

#include <stdio.h>

#include "base/clock.h"
#include "core/deliver/resolve.h"
#include "core/deliver/settle.h"
#include "core/intake/deferred.h"
#include "core/testing/rig.h"

static void take(struct rig *r, struct event e)
{
    rig_take(r, &e);
}

static struct event by_two(struct event e)
{
    e.source = VIEW_LIT("line2");
    if (e.kind == EVENT_AMO_MESSAGE)
        e.chat_id = VIEW_LIT("chat-2");
    return e;
}

static struct event status_of(const char *id)
{
    struct event e = rig_status(id, "read");

    e.conversation = VIEW_LIT("thread");
    return e;
}

/* A manager's words by the first number were answered with 7; others are on their way by the second. */
static struct core_command *second_in_flight(struct rig *r)
{
    rig_client_message_done(r, "m0", "amo-0");
    rig_manager_message_done(r, "amo-1", "7");
    take(r, by_two(rig_client_text("m1")));
    take(r, by_two(rig_manager_text("amo-2")));
    rig_turn(r);
    assert_int_equal(rig_command(r, COMMAND_SERVICE_MESSAGE)->state, COMMAND_IN_FLIGHT);
    return rig_command(r, COMMAND_SERVICE_MESSAGE);
}

static void answered(struct rig *r, const char *id)
{
    rig_result(r, r->worker, rig_command(r, COMMAND_SERVICE_MESSAGE),
               (struct result){.outcome = OUTCOME_DONE, .service_message_id = view_of(id)});
    rig_commit(r);
    deferred_run(&r->core);
    rig_commit(r);
}

static void assert_told(struct rig *r, const char *key, int64_t told)
{
    struct message m = rig_message(r, key);

    assert_int_equal(m.reported_status, told);
    message_fini(&m);
}

static void an_id_that_either_may_have_is_neithers(void **state)
{
    struct rig *r = *state;
    struct event edit = rig_edit("7", "other words");
    struct event reaction = rig_client_reaction("7", "👍");
    struct message m;

    (void)second_in_flight(r);
    answered(r, "7");
    edit.conversation = reaction.conversation = VIEW_LIT("thread");
    take(r, edit);
    rig_assert_quarantined(r, "ambiguous_id");
    take(r, reaction);
    rig_assert_quarantined(r, "ambiguous_id");
    take(r, status_of("7"));
    rig_assert_quarantined(r, "unknown_message"); /* which goes by itself: there may be many */
    rig_assert_counts(r, 0, 3, 0);
    assert_told(r, "aamo-1", 0);
    assert_told(r, "aamo-2", 0);
    m = rig_message(r, "aamo-1");
    take(r, status_of(m.mid)); /* our id says which */
    message_fini(&m);
    assert_told(r, "aamo-1", 2);
}

static void a_status_waits_until_the_other_one_is_answered(void **state)
{
    struct rig *r = *state;

    (void)second_in_flight(r);
    take(r, status_of("7"));
    rig_assert_counts(r, 0, 0, 1);
    rig_restart(r);
    rig_turn(r);
    rig_assert_counts(r, 0, 0, 1);
    answered(r, "8");
    rig_assert_counts(r, 0, 0, 0);
    assert_told(r, "aamo-1", 2);
    assert_told(r, "aamo-2", 0);
}

static void a_status_that_came_before_the_answer_of_its_id_is_neithers(void **state)
{
    struct rig *r = *state;

    (void)second_in_flight(r);
    take(r, status_of("7"));
    answered(r, "7");
    rig_assert_counts(r, 0, 1, 0);
    rig_assert_quarantined(r, "unknown_message");
    assert_told(r, "aamo-1", 0);
}

static void a_status_waits_no_longer_than_the_other_one_is_tried(void **state)
{
    struct rig *r = *state;
    struct core_command *c = second_in_flight(r);

    take(r, status_of("7"));
    assert_int_equal(core_turn(&r->core), 0);
    settle_dead(&r->core, c, "refused", VIEW_NONE);
    deferred_run(&r->core);
    rig_commit(r);
    rig_assert_counts(r, 1, 0, 0);
    assert_told(r, "aamo-1", 2);
}

static void a_clients_own_id_waits_for_nobody(void **state)
{
    struct rig *r = *state;
    struct event edit = rig_edit("m0", "other words");

    (void)second_in_flight(r);
    edit.conversation = VIEW_LIT("thread");
    take(r, edit);
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 1);
}

/* Words would be lost without a trace: they are another conversation's. */
static void an_id_that_comes_again_by_the_other_number_is_no_repeat(void **state)
{
    struct rig *r = *state;

    take(r, rig_client_text("m1"));
    take(r, rig_client_text("m1"));
    rig_assert_counts(r, 0, 0, 0);
    take(r, by_two(rig_client_text("m1")));
    rig_assert_counts(r, 0, 1, 0);
    rig_assert_quarantined(r, "id_again");
}

static void a_report_by_the_other_number_is_no_echo(void **state)
{
    struct rig *r = *state;
    struct event report = rig_outgoing_text("7");

    (void)second_in_flight(r);
    answered(r, "8");
    take(r, report); /* what it has answered by this number */
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 0);
    take(r, by_two(report)); /* a colleague's words by that one */
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 1);
}

/* The words that amo shows last. */
static void assert_last_edit(struct rig *r, const char *words)
{
    const struct core_command *last = NULL;
    struct core_command *c = NULL;
    struct resolved body;
    size_t iter = 0;

    while ((c = table_next(r->core.queue->commands, &iter)))
        if (c->kind == COMMAND_AMO_EDIT && (!last || c->id > last->id))
            last = c;
    assert_non_null(last);
    assert_int_equal(resolve_command(&r->core, last, &body), 0);
    assert_true(view_is(body.body.content.text, words));
    resolved_fini(&body);
}

static struct event edit_of(const char *id, const char *words)
{
    struct event e = rig_edit(id, words);

    e.conversation = VIEW_LIT("thread");
    return e;
}

static void an_edit_does_not_overtake_one_that_waits(void **state)
{
    struct rig *r = *state;
    struct core_command *c = second_in_flight(r);

    take(r, edit_of("7", "first"));
    rig_assert_counts(r, 0, 0, 1);
    take(r, status_of("7"));
    c->state = COMMAND_READY; /* not tried any more, but nobody has woken them */
    take(r, edit_of("7", "second"));
    c->state = COMMAND_IN_FLIGHT;
    rig_assert_counts(r, 0, 0, 3);
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 0);
    answered(r, "8");
    rig_assert_counts(r, 0, 0, 0);
    assert_last_edit(r, "second");
}

static void what_waits_for_a_call_that_did_not_begin_waits_no_longer(void **state)
{
    static const struct result not_begun[] = {
        {.outcome = OUTCOME_HOLD, .cause = CAUSE_CONNECT},
        {.outcome = OUTCOME_UNSTARTED                      },
    };
    struct rig *r = *state;
    struct core_command *c = second_in_flight(r);

    for (size_t i = 0; i < AMO_COUNT(not_begun); i++) {
        take(r, edit_of("7", i ? "third" : "first"));
        rig_assert_counts(r, 0, 0, 1);
        rig_result(r, r->worker, c, not_begun[i]);
        rig_commit(r);
        rig_assert_counts(r, 0, 0, 0);
        assert_last_edit(r, i ? "third" : "first");
        take(r, edit_of("7", i ? "fourth" : "second"));
        assert_last_edit(r, i ? "fourth" : "second");
        dest_success(c->lane->dest, c->lane->id, clock_mono_ms());
        rig_turn(r);
    }
}

/* More numbers than are looked into. */
static void of_more_namesakes_than_are_looked_at_any_may_be_meant(void **state)
{
    enum {
        NUMBERS = 17
    };
    static char sources[NUMBERS][8];
    static char ids[NUMBERS][8];
    struct rig *r = *state;
    struct event e;

    rig_client_message_done(r, "m0", "amo-0");
    rig_manager_message_done(r, "amo-1", "7");
    for (int i = 0; i < NUMBERS; i++) {
        (void)snprintf(sources[i], sizeof(sources[i]), "no%02d", i); /* fits */
        (void)snprintf(ids[i], sizeof(ids[i]), "c-%d", i);           /* fits */
        e = rig_client_text(ids[i]);
        e.source = view_of(sources[i]);
        take(r, e);
    }
    take(r, status_of("7"));
    rig_assert_counts(r, 0, 1, 0);
    rig_assert_quarantined(r, "unknown_message");
    assert_told(r, "aamo-1", 0);
    take(r, edit_of("7", "other words"));
    rig_assert_quarantined(r, "ambiguous_id");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

static const struct CMUnitTest tests[] = {
    CASE(an_id_that_either_may_have_is_neithers),
    CASE(a_status_waits_until_the_other_one_is_answered),
    CASE(a_status_that_came_before_the_answer_of_its_id_is_neithers),
    CASE(a_status_waits_no_longer_than_the_other_one_is_tried),
    CASE(a_clients_own_id_waits_for_nobody),
    CASE(an_id_that_comes_again_by_the_other_number_is_no_repeat),
    CASE(a_report_by_the_other_number_is_no_echo),
    CASE(an_edit_does_not_overtake_one_that_waits),
    CASE(what_waits_for_a_call_that_did_not_begin_waits_no_longer),
    CASE(of_more_namesakes_than_are_looked_at_any_may_be_meant),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
