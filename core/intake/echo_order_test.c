/* In which order what waits comes out, when events come by several ingresses. */

#include "base/clock.h"
#include "base/ids.h"
#include "core/deliver/dispatch.h"
#include "core/intake/echo.h"
#include "core/intake/echoes.h"
#include "core/intake/intake.h"
#include "core/model/router.h"
#include "core/peers/peers.h"
#include "core/peers/spools.h"
#include "core/queue/queue.h"
#include "core/testing/rig.h"
#include "proto/session.h"

#define MIN_MS 60000

/* Another ingress, whose spool has still to send again what it sent before. */
static struct peer *second_ingress(struct rig *r)
{
    const struct hello h = {.role = ROLE_INGRESS,
                            .name = VIEW_LIT("in-2"),
                            .version = VIEW_LIT("1"),
                            .spool = {{200}}};
    struct peer *p =
        peer_new(&r->core, r->core.peers->events, VIEW_LIT("route-2"), &h, &h.spool);

    assert_non_null(p);
    p->spool = spools_load(&r->core, &h.spool);
    assert_non_null(p->spool);
    p->sent_before = 1000;
    r->ingress->sent_before = 1000;
    return p;
}

static int64_t began_ms;

static int setup(void **state)
{
    began_ms = clock_unix_ms();
    return rig_setup(state);
}

/* It comes by @p, and came to its door so long before the test began, by that one's clock. */
static void take_by(struct rig *r, struct peer *p, struct event e, int64_t ago_ms)
{
    struct peer *ingress = r->ingress;
    struct id spool = r->spool;

    e.taken_ms = began_ms - ago_ms;
    r->ingress = p;
    r->spool = p->spool->id;
    rig_take(r, &e);
    r->ingress = ingress;
    r->spool = spool;
}

/* A report of a colleague's word in @thread. */
static struct event report(const char *id, const char *thread)
{
    struct event e = rig_outgoing_text(id);

    e.content.text = view_of(id);
    if (thread) {
        e.conversation = view_of(thread);
        e.receiver_id = view_of(thread);
        e.receiver_phone = VIEW_NONE;
    }
    return e;
}

/* A manager's words in the chat that amo makes of the thread of rig_client_text. */
static void chat_of_the_client(struct event *hook, char id[ID_DERIVED_MAX + 1])
{
    struct event client = rig_client_text("m1");

    assert_int_equal(router_client_id(client.connector, client.source, client.conversation, id),
                     0);
    hook->chat_id = VIEW_LIT("chat-1");
    hook->chat_client_id = view_of(id);
}

/* Time passes in which both ingresses are there. */
static void pass(struct rig *r, struct peer *p, int64_t ms)
{
    int64_t now = r->core.intake->echo_mono_ms ? r->core.intake->echo_mono_ms : clock_mono_ms();

    r->core.intake->echo_mono_ms = now;
    for (int64_t until = now + ms; now <= until; now += 500) {
        r->ingress->heard_mono_ms = p->heard_mono_ms = now;
        echo_tick(&r->core, now);
    }
    rig_commit(r);
}

/* Everything has been sent again. */
static void all_came(struct rig *r, struct peer *p)
{
    p->sent_before = r->ingress->sent_before = 0;
    pass(r, p, 1000);
}

static void what_came_to_its_door_first_comes_out_first(void **state)
{
    struct rig *r = *state;
    struct peer *p = second_ingress(r);

    take_by(r, p, report("s-3", "thread-3"), 1000);
    take_by(r, r->ingress, report("s-1", "thread-1"), 3000);
    take_by(r, r->ingress, report("s-2", "thread-2"), 2000);
    rig_assert_counts(r, 0, 0, 3);
    all_came(r, p);
    rig_assert_before(r, "msvc-s-1", "msvc-s-2");
    rig_assert_before(r, "msvc-s-2", "msvc-s-3");
}

/* The second ingress's report of the thread came to core before all of this, and to its door after it. */
static void a_webhook_finds_the_chat_that_came_by_the_same_door_before_it(void **state)
{
    struct rig *r = *state;
    struct peer *p = second_ingress(r);
    struct event hook = rig_manager_text("amo-1");
    char id[ID_DERIVED_MAX + 1];

    chat_of_the_client(&hook, id);
    take_by(r, p, report("s-2", NULL), 1000);
    take_by(r, r->ingress, report("s-1", NULL), 4000);
    take_by(r, r->ingress, rig_client_text("m1"), 3000);
    take_by(r, r->ingress, hook, 2000);
    rig_assert_counts(r, 0, 0, 4);
    all_came(r, p);
    rig_assert_before(r, "msvc-s-1", "msvc-m1");
    rig_assert_counts(
        r, 0, 0, 2); /* it may be a colleague's words, and the last report is of it perhaps */
}

/* Nothing of its thread came before it to any door. */
static void a_clients_message_does_not_wait_for_what_came_after_it(void **state)
{
    struct rig *r = *state;
    struct peer *p = second_ingress(r);

    take_by(r, p, report("s-1", NULL), 1000);
    take_by(r, r->ingress, rig_client_text("m1"), 3000);
    rig_assert_counts(r, 0, 0, 1);
    all_came(r, p);
    rig_assert_before(r, "msvc-m1", "msvc-s-1");
}

/* The clock of a door is put back by an hour between two of its events. */
static void what_came_by_one_spool_keeps_its_order_whatever_the_clock_says(void **state)
{
    struct rig *r = *state;
    struct peer *p = second_ingress(r);

    take_by(r, r->ingress, report("s-1", NULL), 3000);
    take_by(r, r->ingress, report("s-2", "thread-2"), 60 * MIN_MS);
    take_by(r, r->ingress, rig_client_text("m1"), 60 * MIN_MS);
    take_by(r, p, report("s-0", "thread-2"), 5000);
    rig_assert_counts(r, 0, 0, 4);
    all_came(r, p);
    rig_assert_before(r, "msvc-s-0", "msvc-s-1");
    rig_assert_before(r, "msvc-s-1", "msvc-s-2");
    rig_assert_before(r, "msvc-s-2", "msvc-m1");
}

/* It is sent as it comes: its door's clock does not matter. */
static void what_came_since_stands_behind_all_that_waits(void **state)
{
    struct rig *r = *state;
    struct peer *p = second_ingress(r);

    take_by(r, r->ingress, report("s-1", NULL), 3000);
    p->sent_before = 0;
    take_by(r, p, rig_client_text("m1"), 60 * MIN_MS);
    take_by(r, p, rig_client_text("m2"), -60 * MIN_MS);
    p->sent_before = 1000;
    take_by(r, r->ingress, report("s-2", "thread-2"), 2000);
    rig_assert_counts(r, 0, 0, 4);
    all_came(r, p);
    rig_assert_before(r, "msvc-s-1", "msvc-s-2");
    rig_assert_before(r, "msvc-s-2", "msvc-m1");
    rig_assert_before(r, "msvc-m1", "msvc-m2");
}

static void a_restart_changes_no_order(void **state)
{
    struct rig *r = *state;
    struct peer *p = second_ingress(r);

    take_by(r, p, report("s-2", "thread-2"), 1000);
    take_by(r, r->ingress, report("s-1", NULL), 3000);
    rig_restart(r);
    p = second_ingress(r);
    take_by(r, r->ingress, rig_client_text("m1"), 60 * MIN_MS); /* behind it in its spool */
    take_by(r, p, report("s-0", "thread-9"), 60 * MIN_MS);      /* and this one in its */
    rig_assert_counts(r, 0, 0, 4);
    all_came(r, p);
    rig_assert_before(r, "msvc-s-1", "msvc-m1");
    rig_assert_before(r, "msvc-m1", "msvc-s-2");
    rig_assert_before(r, "msvc-s-2", "msvc-s-0");
}

/* It waits for a report that came to another door before it, though it came to core long after it. */
static void a_client_waits_for_a_report_that_comes_late(void **state)
{
    struct rig *r = *state;
    struct peer *p = second_ingress(r);

    take_by(r, r->ingress, report("s-1", NULL), 3000);
    take_by(r, r->ingress, rig_client_text("m2"), 1000);
    pass(r, p, 15000);
    take_by(r, p, report("s-2", NULL), 2000);
    take_by(r, p, rig_client_text("m1"), 1500);
    rig_assert_counts(r, 0, 0, 4);
    pass(r, p, 15000);
    rig_assert_counts(r, 0, 0, 3);
    all_came(r, p);
    rig_assert_before(r, "msvc-s-1", "msvc-s-2");
    rig_assert_before(r, "msvc-s-2", "msvc-m1");
    rig_assert_before(r, "msvc-m1", "msvc-m2");
}

/* Neither is before the other, unless by the order in which they arrived. */
static void two_of_one_time_do_not_wait_for_each_other(void **state)
{
    struct rig *r = *state;
    struct peer *p = second_ingress(r);
    struct event hook = rig_manager_text("amo-1");
    char id[ID_DERIVED_MAX + 1];

    chat_of_the_client(&hook, id);
    take_by(r, r->ingress, hook, 3000);
    take_by(r, p, report("s-1", NULL), 3000);
    rig_assert_counts(r, 0, 0, 2);
    all_came(r, p);
    rig_assert_counts(r, 0, 1, 0);
    rig_assert_quarantined(r, "unknown_conversation");
    assert_true(rig_has_message(r, "msvc-s-1"));
}

/* Which of them had come again, and had perhaps been done by a forgotten core, is in nobody's memory after a restart. */
static void what_waited_over_a_restart_counts_as_come_again(void **state)
{
    struct rig *r = *state;
    struct event hook = rig_manager_text("amo-1");

    rig_client_message_done(r, "m0", "amo-0");
    hook.chat_id = VIEW_LIT("chat-1");
    r->ingress->sent_before = r->next_number + 4;
    hook.message_id = VIEW_LIT("amo-1");
    take_by(r, r->ingress, hook, 4000);
    hook.message_id = VIEW_LIT("amo-2");
    take_by(r, r->ingress, hook, 3000);
    take_by(r, r->ingress, report("s-1", NULL),
            2000); /* the first one's, and the second one's */
    take_by(r, r->ingress, report("s-2", NULL), 1000);
    rig_assert_counts(r, 0, 0, 2);
    rig_restart(r);
    rig_turn(r);
    rig_service_took(r, 2, "thread", "s-1");
    rig_assert_counts(r, 0, 0, 2); /* whose they are is known when the last one is settled */
    rig_turn(r);
    rig_service_took(r, 3, "thread", "s-2");
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_came_to_its_door_first_comes_out_first),
        CASE(a_webhook_finds_the_chat_that_came_by_the_same_door_before_it),
        CASE(a_clients_message_does_not_wait_for_what_came_after_it),
        CASE(what_came_by_one_spool_keeps_its_order_whatever_the_clock_says),
        CASE(what_came_since_stands_behind_all_that_waits),
        CASE(a_restart_changes_no_order),
        CASE(a_client_waits_for_a_report_that_comes_late),
        CASE(two_of_one_time_do_not_wait_for_each_other),
        CASE(what_waited_over_a_restart_counts_as_come_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
