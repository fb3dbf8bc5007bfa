/* A queue that is full: its events wait in their spools, and all that empties it goes on. */

#include "core/intake/room.h"

#include "core/intake/intake.h"
#include "core/peers/peers.h"
#include "core/store/db.h"
#include "core/testing/amoctl.h"
#include "core/watch.h"
#include "proto/limits.h"
#include "proto/session.h"

/* One frame of @p with client's texts "m<number>" for the numbers from @first to @last. */
static void push(struct rig *r, struct peer *p, uint64_t low, uint64_t first, uint64_t last)
{
    struct buf event;
    struct buf body;

    buf_init(&event, 1 << 16);
    buf_init(&body, 1 << 16);
    assert_int_equal(event_push_begin(&body, &p->spool->id, low, last - first + 1), 0);
    for (uint64_t n = first; n <= last; n++) {
        char id[32];
        struct event e;

        (void)snprintf(id, sizeof(id), "m%s%d", p == r->ingress ? "" : "x", (int)n); /* fits */
        e = rig_client_text(id);
        buf_reset(&event);
        assert_int_equal(event_encode(&e, &event), 0);
        assert_int_equal(event_push_add(&body, n, buf_view(&event), false), 0);
    }
    intake_push(&r->core, p, buf_view(&body));
    buf_fini(&event);
    buf_fini(&body);
}

static size_t n_later(const struct rig *r)
{
    size_t n = 0;

    for (const struct list *i = r->core.turn->parcels.next; i != &r->core.turn->parcels;
         i = i->next)
        n += LIST_ENTRY_CONST(i, struct parcel, link)->envelope.kind == MSG_EVENT_LATER;
    return n;
}

/* The oldest message is delivered. */
static void deliver_one(struct rig *r, const char *amo_id)
{
    struct core_command *c = NULL;
    size_t iter = 0;

    rig_turn(r);
    while ((c = table_next(r->core.queue->commands, &iter)) && c->state != COMMAND_IN_FLIGHT)
        ;
    assert_non_null(c);
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DONE,
                               .amo_message_id = view_of(amo_id),
                               .amo_chat_id = VIEW_LIT("chat")});
    rig_commit(r);
}

static void from_the_bound_on_events_stay_in_the_spool(void **state)
{
    struct rig *r = *state;

    r->core.queue->max = 3;
    push(r, r->ingress, 1, 1, 5); /* in one frame: what fits is taken */
    assert_int_equal(pairs_count(buf_view(&r->ingress->acks)), 3);
    assert_int_equal(n_later(r), 1);
    rig_commit(r);
    assert_int_equal(n_later(r), 0); /* it left behind the commit */
    assert_int_equal(rig_stored_commands(r), 3);
    assert_true(taken_has(&r->ingress->spool->taken, 3));
    assert_false(taken_has(&r->ingress->spool->taken, 4));
    push(r, r->ingress, 4, 4, 4);
    assert_int_equal(n_later(r), 1);
    assert_false(r->core.turn->dirty); /* a spool that asks costs no commit */
    push(r, r->ingress, 4, 2, 2);      /* a repeat is named all the same */
    assert_int_equal(pairs_count(buf_view(&r->ingress->acks)), 1);
    rig_commit(r);
    deliver_one(r, "amo-1");
    push(r, r->ingress, 4, 4, 5); /* from the first one that stayed */
    rig_commit(r);
    assert_int_equal(queue_count(r->core.queue), 3);
    assert_true(taken_has(&r->ingress->spool->taken, 4));
    assert_false(taken_has(&r->ingress->spool->taken, 5));
    assert_int_equal(r->core.turn->exit_code, 0);
}

/* Frames that were under way when the first of them was refused come when there is room again. */
static void nothing_overtakes_what_had_to_stay(void **state)
{
    struct rig *r = *state;

    r->core.queue->max = 2;
    push(r, r->ingress, 1, 1, 2);
    push(r, r->ingress, 1, 3, 4);
    rig_commit(r);
    deliver_one(r, "amo-1");
    deliver_one(r, "amo-2");
    assert_int_equal(queue_count(r->core.queue), 0);
    push(r, r->ingress, 1, 5, 6);
    assert_int_equal(n_later(r), 1);
    rig_commit(r);
    assert_int_equal(queue_count(r->core.queue), 0);
    push(r, r->ingress, 3, 3, 4);
    rig_commit(r);
    assert_true(taken_has(&r->ingress->spool->taken, 4));
    deliver_one(r, "amo-3");
    push(r, r->ingress, 5, 5, 5);
    rig_commit(r);
    assert_true(taken_has(&r->ingress->spool->taken, 5));
}

static void one_that_was_lost_meanwhile_is_not_waited_for(void **state)
{
    struct rig *r = *state;

    r->core.queue->max = 1;
    push(r, r->ingress, 1, 1, 2);
    rig_commit(r);
    deliver_one(r, "amo-1");
    push(r, r->ingress, 3, 3, 3); /* the disk does not read the second one any more */
    rig_commit(r);
    assert_true(taken_has(&r->ingress->spool->taken, 3));
}

static void a_spool_whose_events_stay_stops_no_other(void **state)
{
    const struct id boot = {{31}};
    const struct id id = {{32}};
    const struct hello h = {.role = ROLE_INGRESS, .name = VIEW_LIT("two"), .spool = id};
    struct rig *r = *state;
    struct peer *two = peer_new(&r->core, r->core.peers->events, VIEW_LIT("two"), &h, &boot);

    assert_non_null(two);
    two->spool = spools_load(&r->core, &id);
    assert_non_null(two->spool);
    r->core.queue->max = 2;
    push(r, r->ingress, 1, 1, 3);
    push(r, two, 1, 1, 2);
    rig_commit(r);
    deliver_one(r, "amo-1");
    push(r, two, 1, 1, 2); /* it is the first to ask */
    rig_commit(r);
    assert_true(taken_has(&two->spool->taken, 1));
    assert_false(taken_has(&two->spool->taken, 2));
    deliver_one(r, "amo-2");
    push(r, r->ingress, 3, 3, 3);
    rig_commit(r);
    assert_true(taken_has(&r->ingress->spool->taken, 3));
}

static void a_start_with_more_than_the_bound_loses_nothing(void **state)
{
    struct rig *r = *state;

    push(r, r->ingress, 1, 1, 4);
    rig_commit(r);
    r->more_config = "core/commands_max = 2\n";
    rig_restart(r);
    assert_int_equal(queue_count(r->core.queue), 4);
    assert_false(room_is_there(&r->core));
    push(r, r->ingress, 5, 5, 5);
    rig_commit(r);
    assert_int_equal(queue_count(r->core.queue), 4);
    for (int i = 0; i < 3; i++) {
        char id[16];

        (void)snprintf(id, sizeof(id), "amo-%d", i); /* fits */
        deliver_one(r, id);
    }
    push(r, r->ingress, 5, 5, 5);
    rig_commit(r);
    assert_true(taken_has(&r->ingress->spool->taken, 5));
    assert_int_equal(queue_count(r->core.queue), 2);
}

/* A result, the deferred status that it wakes, and an operator's verb. */
static void what_empties_the_queue_asks_for_no_room(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    struct event read = rig_status("svc-id", "read");

    rig_take(r, &read);
    rig_assert_counts(r, 0, 0, 1);
    push(r, r->ingress, 2, r->next_number, r->next_number + 1);
    rig_commit(r);
    r->core.queue->max = 1;
    assert_false(room_is_there(&r->core));
    rig_result(
        r, r->worker, c,
        (struct result){.outcome = OUTCOME_DONE, .service_message_id = VIEW_LIT("svc-id")});
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0);
    assert_non_null(rig_command(r, COMMAND_AMO_STATUS));
    assert_int_equal(queue_count(r->core.queue), 3);
    ctl_fine(r, "queue.drop", "{\"scope_id\":\"ch_acc\"}");
    rig_assert_counts(r, 3, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_MESSAGE), 0);
    ctl_fine(r, "dead.retry", "{\"ids\":[2]}");
    assert_int_equal(rig_count(r, COMMAND_AMO_MESSAGE), 1);
    watch_tick(&r->core);
    rig_commit(r);
    assert_int_equal(r->core.turn->exit_code, 0);
}

static void the_configured_bound_is_the_limit(void **state)
{
    struct rig *r = *state;

    assert_int_equal(r->core.queue->max, LIMIT_COMMANDS);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(from_the_bound_on_events_stay_in_the_spool),
        CASE(nothing_overtakes_what_had_to_stay),
        CASE(one_that_was_lost_meanwhile_is_not_waited_for),
        CASE(a_spool_whose_events_stay_stops_no_other),
        CASE(a_start_with_more_than_the_bound_loses_nothing),
        CASE(what_empties_the_queue_asks_for_no_room),
        CASE(the_configured_bound_is_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
