/* QUERY → ANSWER: what is told, to whom, and when. */

#include "core/intake/answer.h"

#include <string.h>

#include "core/deliver/resolve.h"
#include "core/store/db.h"
#include "core/testing/rig.h"
#include "proto/limits.h"
#include "proto/query.h"

/* The answer that stands in the outbox; false: none. Texts borrow @frame. */
static bool ask_of(struct rig *r, const char *connector, struct view id, struct buf *frame,
                   struct answer *ret)
{
    const struct query q = {.number = 7, .connector = view_of(connector), .message_id = id};
    const struct parcel *p = NULL;
    struct buf body;

    buf_init(&body, 1 << 16);
    assert_int_equal(query_encode(&q, &body), 0);
    answer_query(&r->core, r->ingress, buf_view(&body));
    buf_fini(&body);
    if (list_is_empty(&r->core.turn->parcels))
        return false;
    p = LIST_ENTRY(r->core.turn->parcels.prev, struct parcel, link);
    assert_int_equal(p->envelope.kind, MSG_ANSWER);
    buf_reset(frame);
    assert_int_equal(buf_add_view(frame, buf_view(&p->body)), 0);
    assert_int_equal(answer_decode(buf_view(frame), ret), 0);
    assert_int_equal(ret->number, 7);
    rig_commit(r);
    return true;
}

static void assert_state(struct rig *r, const char *id, const char *direction,
                         const char *state)
{
    struct answer a = {0};
    struct buf frame;

    buf_init(&frame, 1 << 16);
    assert_true(ask_of(r, "svc", view_of(id), &frame, &a));
    assert_true(a.found);
    assert_true(view_is(a.direction, direction));
    assert_true(view_is(a.state, state));
    assert_true(a.taken_ms > 0);
    assert_int_equal(a.settled_ms > 0, strcmp(state, "accepted") != 0);
    buf_fini(&frame);
}

static void assert_not_found(struct rig *r, const char *connector, struct view id)
{
    struct answer a = {0};
    struct buf frame;

    buf_init(&frame, 1 << 16);
    assert_true(ask_of(r, connector, id, &frame, &a));
    assert_false(a.found);
    assert_int_equal(a.mid.len + a.amo_id.len + a.service_id.len + a.state.len, 0);
    buf_fini(&frame);
    assert_int_equal(r->core.turn->exit_code, 0);
}

static void a_clients_message_is_followed_from_door_to_door(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct answer a = {0};
    struct buf frame;

    buf_init(&frame, 1 << 16);
    rig_take(r, &e);
    assert_state(r, "m1", "in", "accepted");
    rig_turn(r);
    rig_result(r, r->worker, rig_command(r, COMMAND_AMO_MESSAGE),
               (struct result){.outcome = OUTCOME_DONE, .amo_message_id = VIEW_LIT("amo-1")});
    assert_state(r, "m1", "in", "delivered_to_amo");
    assert_state(r, "svc-m1", "in", "delivered_to_amo"); /* by our id as well */
    assert_true(ask_of(r, "svc", VIEW_LIT("m1"), &frame, &a));
    assert_true(view_is(a.mid, "svc-m1"));
    assert_true(view_is(a.amo_id, "amo-1"));
    assert_true(view_is(a.service_id, "m1"));
    assert_int_equal(a.reason.len + a.words.len, 0);
    buf_fini(&frame);
}

static void a_managers_message_is_found_by_both_ids(void **state)
{
    struct rig *r = *state;
    struct message m;

    rig_manager_message_done(r, "amo-1", "s-1");
    m = rig_message(r, "aamo-1");
    assert_state(r, "s-1", "out", "delivered_to_service");
    assert_state(r, m.mid, "out", "delivered_to_service");
    message_fini(&m);
}

static void what_was_written_on_the_services_side_is_outward(void **state)
{
    struct event e = rig_outgoing_text("o1");

    rig_take(*state, &e);
    assert_state(*state, "o1", "out", "accepted");
}

static void a_failure_is_told_with_its_words(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct answer a = {0};
    struct buf frame;

    buf_init(&frame, 1 << 16);
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DEAD,
                               .cause = CAUSE_REFUSED,
                               .words = VIEW_LIT("text: cannot be blank")});
    assert_state(r, "m1", "in", "failed");
    assert_true(ask_of(r, "svc", VIEW_LIT("m1"), &frame, &a));
    assert_true(view_is(a.reason, "refused"));
    assert_true(view_is(a.words, "text: cannot be blank"));
    buf_fini(&frame);
}

/* In words that an ingress of an older version passes on as well. */
static void what_the_service_itself_reported_is_told(void **state)
{
    struct rig *r = *state;
    struct event e = rig_status("s-1", "failed");
    struct answer a = {0};
    struct buf frame;

    rig_manager_message_done(r, "amo-1", "s-1");
    buf_init(&frame, 1 << 16);
    assert_true(ask_of(r, "svc", VIEW_LIT("s-1"), &frame, &a));
    assert_true(a.reported.len == 0 && a.reported_ms == 0);
    e.error_code = VIEW_LIT("not_on_channel");
    e.error_text = VIEW_LIT("blocked by user");
    rig_take(r, &e);
    assert_true(ask_of(r, "svc", VIEW_LIT("s-1"), &frame, &a));
    assert_true(view_is(a.state, "failed") && view_is(a.reported, "failed"));
    assert_true(view_is(a.reason, "not_on_channel") && view_is(a.words, "blocked by user"));
    assert_true(a.reported_ms >= a.taken_ms && a.settled_ms > 0);
    e = rig_status("s-1", "read"); /* it did arrive */
    rig_take(r, &e);
    assert_true(ask_of(r, "svc", VIEW_LIT("s-1"), &frame, &a));
    assert_true(view_is(a.state, "delivered_to_service") && view_is(a.reported, "read"));
    assert_int_equal(a.reason.len + a.words.len, 0);
    buf_fini(&frame);
}

static void a_report_without_a_code_has_one_all_the_same(void **state)
{
    struct rig *r = *state;
    struct event e = rig_status("s-1", "failed");
    struct answer a = {0};
    struct buf frame;

    rig_manager_message_done(r, "amo-1", "s-1");
    rig_take(r, &e);
    buf_init(&frame, 1 << 16);
    assert_true(ask_of(r, "svc", VIEW_LIT("s-1"), &frame, &a));
    assert_true(view_is(a.state, "failed") && view_is(a.reason, "failed"));
    buf_fini(&frame);
}

static void another_connector_is_told_nothing(void **state)
{
    struct rig *r = *state;

    rig_register_second(r);
    rig_client_message_done(r, "m1", "amo-1");
    assert_not_found(r, "two", VIEW_LIT("m1"));
    assert_not_found(r, "two", VIEW_LIT("svc-m1"));
    assert_not_found(r, "svc", VIEW_LIT("amo-1")); /* amo's ids are amo's */
    assert_not_found(r, "nobody", VIEW_LIT("m1"));
}

static void ids_that_nothing_can_have_are_not_found(void **state)
{
    struct rig *r = *state;
    char id[LIMIT_ID + 1];

    memset(id, 'x', sizeof(id));
    assert_not_found(r, "svc", view_make(id, sizeof(id)));
    assert_not_found(r, "svc", VIEW_LIT(""));
    assert_not_found(r, "svc", VIEW_NONE);
    assert_not_found(r, "svc", VIEW_LIT("' OR 1=1 --"));
    assert_not_found(r, "svc", VIEW_LIT("%"));
}

static void nonsense_has_no_answer(void **state)
{
    struct rig *r = *state;
    struct answer a = {0};
    struct buf frame;

    buf_init(&frame, 1 << 16);
    answer_query(&r->core, r->ingress, VIEW_LIT("\x93what"));
    answer_query(&r->core, r->ingress, VIEW_NONE);
    assert_true(list_is_empty(&r->core.turn->parcels));
    assert_false(ask_of(r, NULL, VIEW_LIT("m1"), &frame, &a));
    assert_int_equal(r->core.turn->exit_code, 0);
    buf_fini(&frame);
}

/* The message of this very turn is told of only once it is safe. */
static void an_answer_leaves_after_the_commit(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct query q = {.number = 1, .connector = VIEW_LIT("svc"), .message_id = VIEW_LIT("m1")};
    struct buf body;

    buf_init(&body, 1 << 16);
    assert_int_equal(query_encode(&q, &body), 0);
    (void)rig_push(r, &e);
    answer_query(&r->core, r->ingress, buf_view(&body));
    assert_false(list_is_empty(&r->core.turn->parcels));
    db_fail_at(1);
    rig_commit(r);
    db_fail_at(0);
    assert_int_equal(r->core.turn->exit_code, 75);
    assert_false(list_is_empty(&r->core.turn->parcels)); /* it has not left */
    buf_fini(&body);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_clients_message_is_followed_from_door_to_door),
        CASE(a_managers_message_is_found_by_both_ids),
        CASE(what_was_written_on_the_services_side_is_outward),
        CASE(a_failure_is_told_with_its_words),
        CASE(what_the_service_itself_reported_is_told),
        CASE(a_report_without_a_code_has_one_all_the_same),
        CASE(another_connector_is_told_nothing),
        CASE(ids_that_nothing_can_have_are_not_found),
        CASE(nonsense_has_no_answer),
        CASE(an_answer_leaves_after_the_commit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
