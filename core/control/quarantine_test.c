/* What was kept for a person: tried again, all or none; handed back to ingress; dropped. And the
 * webhooks of an account that still speaks version 1. */

#include <string.h>

#include "base/clock.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/deliver/calls.h"
#include "core/intake/intake.h"
#include "core/queue/queue.h"
#include "core/store/db.h"
#include "core/testing/amoctl.h"
#include "proto/limits.h"
#include "proto/query.h"

static void take(struct rig *r, struct event e)
{
    rig_take(r, &e);
}

static void assert_result(struct rig *r, const char *args, const char *result)
{
    struct reply reply = ctl_ask(r, "quarantine.replay", args);

    if (reply.code != EXIT_FINE)
        print_message("%d %s\n", reply.code, reply.error);
    assert_int_equal(reply.code, EXIT_FINE);
    ctl_text(&reply, json_array_at(json_get(json_root(reply.doc), "replayed"), 0), "result",
             result);
    json_free(reply.doc);
}

/* What the queue holds is what the store holds. */
static void assert_queue_is_true(struct rig *r, int64_t want)
{
    assert_int_equal(queue_count(r->core.queue), want);
    assert_int_equal(rig_stored_commands(r), want);
}

/* --- an event ------------------------------------------------------------------------------- */

/* Kept because its connector had no account; now it has. */
static struct event homeless(const char *id)
{
    struct event e = rig_client_text(id);

    e.connector = VIEW_LIT("two");
    return e;
}

static void an_event_is_tried_again_when_the_cause_is_mended(void **state)
{
    struct rig *r = *state;
    struct event e = homeless("m1");
    struct message m;

    e.taken_ms -= 3LL * 24 * 3600 * 1000; /* it has lain there for days */
    take(r, e);
    rig_assert_quarantined(r, "connector_without_account");
    rig_register_second(r);
    assert_result(r, "{\"ids\":[1]}", "applied");
    rig_assert_counts(r, 0, 0, 0);
    m = rig_message(r, "mtwo-m1");
    assert_true(m.taken_ms > clock_unix_ms() - 60000); /* its life begins now */
    message_fini(&m);
    assert_queue_is_true(r, 1);
    rig_restart(r);
    assert_queue_is_true(r, 1);
}

static void one_that_still_cannot_cross_says_so(void **state)
{
    struct rig *r = *state;
    struct reply reply;
    const struct json_node *one = NULL;

    take(r, homeless("m1"));
    reply = ctl_ask(r, "quarantine.replay", "{\"ids\":[1]}");
    one = json_array_at(json_get(json_root(reply.doc), "replayed"), 0);
    ctl_text(&reply, one, "result", "quarantined again");
    ctl_text(&reply, one, "reason", "connector_without_account");
    assert_int_equal(ctl_int(one, "id"), 1);
    assert_int_equal(ctl_int(one, "as"), 2);
    json_free(reply.doc);
    rig_assert_counts(r, 0, 1, 0);
    assert_queue_is_true(r, 0);
}

/* Its repeat could not be known: neither here nor at the service. */
static void a_webhook_older_than_our_memory_stays(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("amo-2");
    struct reply reply;
    const struct json_node *one = NULL;

    e.sent_ms -= 181LL * 24 * 3600 * 1000;
    take(r, e);
    reply = ctl_ask(r, "quarantine.replay", "{\"ids\":[1]}");
    one = json_array_at(json_get(json_root(reply.doc), "replayed"), 0);
    ctl_text(&reply, one, "result", "quarantined again");
    ctl_text(&reply, one, "reason", "too_old");
    json_free(reply.doc);
    assert_queue_is_true(r, 0);
}

static void one_that_must_wait_says_so(void **state)
{
    struct rig *r = *state;

    r->core.intake->n_deferred = LIMIT_WAITING_ALL;
    take(r, rig_edit("m1", "mended"));
    rig_assert_quarantined(r, "too_many_waiting");
    r->core.intake->n_deferred = 0;
    assert_result(r, "{\"ids\":[1]}", "waits");
    rig_assert_counts(r, 0, 0, 1);
    assert_int_equal(r->core.intake->n_deferred, 1);
    take(r, rig_client_text("m1"));
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 1);
}

static void what_waits_for_it_is_applied_with_it(void **state)
{
    struct rig *r = *state;
    struct event edit = rig_edit("m1", "mended");

    edit.connector = VIEW_LIT("two");
    take(r, homeless("m1"));
    take(r, edit);
    rig_assert_counts(r, 0, 1, 1);
    rig_register_second(r);
    assert_result(r, "{\"ids\":[1]}", "applied");
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(r->core.intake->n_deferred, 0);
    assert_queue_is_true(r, 2);
}

static void several_are_tried_in_the_order_they_are_named(void **state)
{
    struct rig *r = *state;
    struct reply reply;
    const struct json_node *list = NULL;

    take(r, homeless("m1"));
    take(r, homeless("m2"));
    take(r, homeless("m3"));
    rig_register_second(r);
    reply = ctl_ask(r, "quarantine.replay", "{\"ids\":[2,1,3]}");
    list = json_get(json_root(reply.doc), "replayed");
    assert_int_equal(json_array_len(list), 3);
    assert_int_equal(ctl_int(json_array_at(list, 0), "id"), 2);
    json_free(reply.doc);
    rig_assert_counts(r, 0, 0, 0);
    assert_queue_is_true(r, 3);
}

static void a_repeat_of_what_went_otherwise_makes_no_second_message(void **state)
{
    struct rig *r = *state;

    take(r, homeless("m1"));
    rig_register_second(r);
    take(r, homeless("m1")); /* the service sent it again meanwhile */
    assert_result(r, "{\"ids\":[1]}", "applied");
    assert_queue_is_true(r, 1);
    rig_assert_counts(r, 0, 0, 0);
}

/* --- all or none ---------------------------------------------------------------------------- */

static void assert_none_changed(struct rig *r, int64_t kept)
{
    rig_assert_counts(r, 0, kept, 0);
    assert_queue_is_true(r, 0);
    rig_restart(r);
    rig_assert_counts(r, 0, kept, 0);
    assert_queue_is_true(r, 0);
}

static void of_several_all_are_tried_or_none(void **state)
{
    struct rig *r = *state;

    take(r, homeless("m1"));
    take(r, homeless("m2"));
    rig_register_second(r);
    ctl_sad(r, "quarantine.replay", "{\"ids\":[1,99]}", EXIT_FAILED, "99");
    ctl_sad(r, "quarantine.replay", "{\"ids\":[1,1]}", EXIT_USAGE, "twice");
    ctl_sad(r, "quarantine.replay", "{\"ids\":[1,2,1]}", EXIT_USAGE, "twice");
    ctl_sad(r, "quarantine.replay", "{\"ids\":[1,\"x\"]}", EXIT_USAGE, "not a number");
    ctl_sad(r, "quarantine.replay", "{\"ids\":[1,-2]}", EXIT_USAGE, "not a number");
    ctl_sad(r, "quarantine.replay", "{\"ids\":[]}", EXIT_USAGE, "no ids");
    ctl_sad(r, "quarantine.replay", "{}", EXIT_USAGE, "no ids");
    assert_none_changed(r, 2);
}

static void what_is_no_event_stops_the_others_as_well(void **state)
{
    struct rig *r = *state;

    take(r, homeless("m1"));
    rig_push_bytes(r, r->next_number++, VIEW_LIT("\x93no event"), false);
    rig_commit(r);
    rig_register_second(r);
    ctl_sad(r, "quarantine.replay", "{\"ids\":[1,2]}", EXIT_FAILED, "no event");
    assert_none_changed(r, 2);
}

static void too_many_at_once_are_refused(void **state)
{
    struct rig *r = *state;
    struct buf args;

    buf_init(&args, 1 << 20);
    (void)buf_add_str(&args, "{\"ids\":[1"); /* asked below */
    for (unsigned i = 2; i <= LIMIT_LIST_ROWS + 1; i++)
        (void)buf_add_f(&args, ",%u", i);
    (void)buf_add_str(&args, "]}");
    assert_int_equal(buf_error(&args), 0);
    take(r, homeless("m1"));
    rig_register_second(r);
    ctl_sad(r, "quarantine.replay", buf_str(&args), EXIT_USAGE, "at most");
    ctl_sad(r, "quarantine.drop", buf_str(&args), EXIT_USAGE, "at most");
    assert_none_changed(r, 1);
    buf_fini(&args);
}

static void dropping_is_all_or_none_too(void **state)
{
    struct rig *r = *state;
    struct reply reply;

    take(r, homeless("m1"));
    take(r, homeless("m2"));
    take(r, homeless("m3"));
    ctl_sad(r, "quarantine.drop", "{\"ids\":[1,99]}", EXIT_FAILED, "99");
    ctl_sad(r, "quarantine.drop", "{\"ids\":[1,1]}", EXIT_USAGE, "twice");
    assert_none_changed(r, 3);
    reply = ctl_ask(r, "quarantine.drop", "{\"ids\":[1,3]}");
    assert_int_equal(json_array_len(json_get(json_root(reply.doc), "dropped")), 2);
    json_free(reply.doc);
    rig_assert_counts(r, 0, 1, 0);
    ctl_sad(r, "quarantine.show", "{\"id\":1}", EXIT_FAILED, "no such");
    ctl_fine(r, "quarantine.show", "{\"id\":2}");
}

static void whatever_fails_nothing_is_half_replayed(void **state)
{
    struct rig *r = *state;
    struct reply reply;
    uint64_t n = 0;

    take(r, homeless("m1"));
    rig_register_second(r);
    for (n = 1; n < 100; n++) {
        ctl_ingress_holds_registry(r);
        ctl_call(r, "quarantine.replay", "{\"ids\":[1]}");
        db_fail_at(n);
        if (ctl_wait(r, 20000, 0, &reply)) {
            db_fail_at(0);
            json_free(reply.doc);
            break;
        }
        db_fail_at(0);
        assert_int_equal(r->core.turn->exit_code, EXIT_TEMPORARY);
        rig_restart(r);
        rig_assert_counts(r, 0, 1, 0);
        assert_queue_is_true(r, 0);
    }
    assert_true(n > 5 && n < 100);
    assert_int_equal(reply.code, EXIT_FINE);
    rig_assert_counts(r, 0, 0, 0);
    assert_queue_is_true(r, 1);
}

/* --- a body --------------------------------------------------------------------------------- */

static struct event body_event(const char *raw)
{
    struct event e = {.kind = EVENT_QUARANTINE,
                      .taken_ms = clock_unix_ms(),
                      .scope = VIEW_LIT("ch_acc"),
                      .raw = view_of(raw),
                      .reason = VIEW_LIT("unknown kind of webhook")};

    memset(e.trace.bytes, 2, sizeof(e.trace.bytes));
    return e;
}

static void a_body_is_handed_to_ingress_and_stays_until_it_comes_back(void **state)
{
    struct rig *r = *state;
    const struct parcel *p = NULL;
    struct reply reply;
    struct replay got;
    struct event again = rig_manager_text("amo-1");

    take(r, body_event("{\"what\":1}"));
    ctl_ingress_holds_registry(r);
    ctl_call(r, "quarantine.replay", "{\"ids\":[1]}");
    for (int64_t until = clock_mono_ms() + 5000;
         list_is_empty(&r->core.turn->parcels) && clock_mono_ms() < until;)
        control_readable(&r->core);
    p = LIST_ENTRY(r->core.turn->parcels.next, struct parcel, link);
    assert_int_equal(p->envelope.kind, MSG_REPLAY);
    assert_int_equal(p->route_len, r->ingress->route_len);
    assert_memory_equal(p->route, r->ingress->route, p->route_len);
    assert_int_equal(replay_decode(buf_view(&p->body), &got), 0);
    assert_int_equal(got.number, 1);
    assert_true(view_is(got.scope, "ch_acc"));
    assert_true(view_is(got.raw, "{\"what\":1}"));
    assert_true(ctl_wait(r, 20000, 0, &reply));
    ctl_text(&reply, json_array_at(json_get(json_root(reply.doc), "replayed"), 0), "result",
             "handed to ingress");
    json_free(reply.doc);
    rig_assert_counts(r, 0, 1, 0);
    again.replay = 1; /* ingress understands it now */
    take(r, again);
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
}

static void a_body_that_is_still_not_understood_takes_its_own_place(void **state)
{
    struct rig *r = *state;
    struct event again = body_event("{\"what\":1}");

    take(r, again);
    again.replay = 1;
    take(r, again);
    rig_assert_counts(r, 0, 1, 0);
    ctl_sad(r, "quarantine.show", "{\"id\":1}", EXIT_FAILED, "no such");
    ctl_fine(r, "quarantine.show", "{\"id\":2}");
    take(r, again); /* it came twice: the first entry is gone, so nothing is done */
    assert_int_equal(r->core.turn->exit_code, 0);
    rig_assert_counts(r, 0, 1, 0);
    again.replay = UINT64_MAX; /* nobody's number, and the same body as before */
    take(r, again);
    rig_assert_counts(r, 0, 1, 0);
}

static void one_that_fails_in_its_new_life_is_not_lost(void **state)
{
    struct rig *r = *state;
    struct event again = rig_edit("", "mended");

    take(r, body_event("{}"));
    again.replay = 1;
    again.message_id = VIEW_LIT(""); /* poison */
    take(r, again);
    rig_assert_counts(r, 0, 2, 0); /* undone, and kept as what it is now */
}

static void without_an_ingress_no_body_and_nothing_beside_it_is_tried(void **state)
{
    struct rig *r = *state;

    take(r, homeless("m1"));
    take(r, body_event("{}"));
    rig_register_second(r);
    r->ingress->heard_mono_ms -= 60000;
    ctl_sad(r, "quarantine.replay", "{\"ids\":[1,2]}", EXIT_UNREACHABLE, "no ingress");
    assert_none_changed(r, 2);
}

/* --- version 1 ------------------------------------------------------------------------------ */

static size_t connects(struct rig *r)
{
    struct command all[4];
    size_t n = 0;

    call_connect_at_start(&r->core, clock_mono_ms());
    n = rig_calls(r, clock_mono_ms(), all, 4);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(all[i].kind, COMMAND_AMO_CONNECT);
    return n;
}

static void webhooks_of_version_one_connect_the_account_once_in_ten_minutes(void **state)
{
    struct rig *r = *state;
    struct event e = body_event("{\"conversation_id\":\"x\"}");
    struct dest *d = NULL;

    e.reason = VIEW_LIT("v1 webhook: connect the account with v2");
    for (int i = 0; i < 3; i++) {
        e.trace.bytes[0]++; /* each is taken once */
        take(r, e);
    }
    rig_assert_counts(r, 0, 1, 0); /* the same body is kept once */
    assert_int_equal(connects(r), 1);
    d = queue_dest(r->core.queue, DEST_SCOPE, VIEW_LIT("ch_acc"));
    d->reconnected_unix_ms -= 599000;
    e.trace.bytes[0]++;
    take(r, e);
    assert_int_equal(connects(r), 0);
    d->reconnected_unix_ms -= 2000;
    e.trace.bytes[0]++;
    take(r, e);
    assert_int_equal(connects(r), 1);
}

static void other_bodies_and_other_accounts_connect_nothing(void **state)
{
    struct rig *r = *state;
    struct event e = body_event("{}");

    take(r, e);
    e.reason = VIEW_LIT("v1 webhook: connect the account with v2");
    e.scope = VIEW_LIT("ch_nobody");
    take(r, e);
    e.reason = VIEW_NONE;
    take(r, e);
    assert_int_equal(connects(r), 0);
    /* one body: the account in the path is whatever its sender likes */
    rig_assert_counts(r, 0, 1, 0);
}

/* A copied spool sends it once more, when its account is back. */
static void what_was_tried_in_vain_stands_there_all_the_same(void **state)
{
    struct rig *r = *state;
    struct event m = rig_manager_text("amo-1");

    m.scope = VIEW_LIT("ch_two");
    m.taken_ms -= 60000;
    take(r, m);
    rig_assert_counts(r, 0, 1, 0);
    assert_result(r, "{\"ids\":[1]}", "quarantined again");
    rig_register_second(r);
    take(r, m);
    rig_assert_counts(r, 0, 1, 0);
    assert_queue_is_true(r, 0);
    assert_result(r, "{\"ids\":[2]}", "applied"); /* a person says when */
    assert_queue_is_true(r, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_event_is_tried_again_when_the_cause_is_mended),
        CASE(one_that_still_cannot_cross_says_so),
        CASE(a_webhook_older_than_our_memory_stays),
        CASE(what_was_tried_in_vain_stands_there_all_the_same),
        CASE(one_that_must_wait_says_so),
        CASE(what_waits_for_it_is_applied_with_it),
        CASE(several_are_tried_in_the_order_they_are_named),
        CASE(a_repeat_of_what_went_otherwise_makes_no_second_message),
        CASE(of_several_all_are_tried_or_none),
        CASE(what_is_no_event_stops_the_others_as_well),
        CASE(too_many_at_once_are_refused),
        CASE(dropping_is_all_or_none_too),
        CASE(whatever_fails_nothing_is_half_replayed),
        CASE(a_body_is_handed_to_ingress_and_stays_until_it_comes_back),
        CASE(a_body_that_is_still_not_understood_takes_its_own_place),
        CASE(one_that_fails_in_its_new_life_is_not_lost),
        CASE(without_an_ingress_no_body_and_nothing_beside_it_is_tried),
        CASE(webhooks_of_version_one_connect_the_account_once_in_ten_minutes),
        CASE(other_bodies_and_other_accounts_connect_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
