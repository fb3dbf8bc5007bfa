/* What was given up is tried again: never twice at a client without a word, and what the card says. */

#include <stdio.h>

#include "base/clock.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/deliver/dispatch.h"
#include "core/queue/queue.h"
#include "core/store/db.h"
#include "core/store/private.h"
#include "core/testing/amoctl.h"

#define HOUR_MS 3600000LL

static const struct result cut = {.outcome = OUTCOME_UNKNOWN, .cause = CAUSE_CUT};
static const struct result refused = {.outcome = OUTCOME_DEAD, .cause = CAUSE_REFUSED};

/* A manager's message whose first attempt ended in @first; its number. Given up by an operator. */
static int64_t letter(struct rig *r, struct result first)
{
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    int64_t id = c->id;

    rig_result(r, r->worker, c, first);
    rig_commit(r);
    if (queue_find(r->core.queue, id))
        ctl_fine(r, "queue.drop", "{\"connector\":\"svc\"}");
    assert_null(queue_find(r->core.queue, id));
    return id;
}

static void hours_pass(struct rig *r, int64_t hours)
{
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(db_run(r->core.store->db,
                            "/* test */ UPDATE attempts SET began_ms=began_ms-?", "i",
                            hours * HOUR_MS),
                     0);
    rig_commit(r);
}

static struct reply retry(struct rig *r, int64_t id, const char *more)
{
    char args[64];
    struct reply reply;

    (void)snprintf(args, sizeof(args), "{\"ids\":[%lld]%s}", (long long)id, more);
    reply = ctl_ask(r, "dead.retry", args);
    if (reply.code != EXIT_FINE)
        print_message("%s\n", reply.error);
    assert_int_equal(reply.code, EXIT_FINE);
    return reply;
}

static bool says(const struct reply *reply, const char *key)
{
    const struct json_node *one = json_array_at(json_get(json_root(reply->doc), "retried"), 0);

    return json_get(one, key) != NULL;
}

static void what_the_service_may_have_forgotten_is_not_sent_again_unasked(void **state)
{
    struct rig *r = *state;
    int64_t id = letter(r, cut);
    char args[64];
    struct reply reply;

    hours_pass(r, 25);
    (void)snprintf(args, sizeof(args), "{\"ids\":[%lld]}", (long long)id);
    ctl_sad(r, "dead.retry", args, EXIT_FAILED, "may be at the client");
    rig_assert_counts(r, 1, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 0);
    reply = retry(r, id, ",\"may_double\":true");
    assert_true(says(&reply, "warning"));
    json_free(reply.doc);
    rig_turn(r); /* the operator wanted it: it is sent */
    assert_int_equal(rig_command(r, COMMAND_SERVICE_MESSAGE)->state, COMMAND_IN_FLIGHT);
}

static void what_a_lost_worker_had_may_be_there_too(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    char args[64];

    dispatch_lost(&r->core, r->worker);
    r->worker->n_in_flight = 0;
    r->worker->bytes_in_flight = 0;
    (void)snprintf(args, sizeof(args), "{\"ids\":[%lld]}", (long long)c->id);
    rig_commit(r);
    ctl_fine(r, "queue.drop", "{\"connector\":\"svc\"}");
    hours_pass(r, 25);
    ctl_sad(r, "dead.retry", args, EXIT_FAILED, "may be at the client");
}

static void within_the_day_it_goes_and_lives_no_longer_than_that(void **state)
{
    struct rig *r = *state;
    int64_t id = letter(r, cut);
    struct reply reply;
    int64_t age = 0;

    hours_pass(r, 23);
    reply = retry(r, id, "");
    json_free(reply.doc);
    age = clock_unix_ms() - rig_command(r, COMMAND_SERVICE_MESSAGE)->taken_ms;
    assert_true(age >= 23 * HOUR_MS && age < 24 * HOUR_MS);
}

static void what_was_refused_or_never_arrived_may_go_at_any_time(void **state)
{
    struct rig *r = *state;
    int64_t id = letter(r, refused);
    struct reply reply;

    hours_pass(r, 25);
    reply = retry(r, id, "");
    json_free(reply.doc);
    rig_turn(r);
    rig_result(r, r->worker, rig_command(r, COMMAND_SERVICE_MESSAGE),
               (struct result){.outcome = OUTCOME_HOLD, .cause = CAUSE_CONNECT});
    rig_commit(r);
    id = rig_command(r, COMMAND_SERVICE_MESSAGE)->id;
    ctl_fine(r, "queue.drop", "{\"connector\":\"svc\"}");
    hours_pass(r, 25);
    reply = retry(r, id, "");
    json_free(reply.doc);
}

static void a_pause_does_not_stop_the_day_of_the_services_memory(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");

    rig_result(r, r->worker, c, cut);
    hours_pass(r, 25);
    c->taken_ms -= 25 * HOUR_MS;
    c->paused_ms += 25 * HOUR_MS;
    dispatch_due(&r->core, c->due.mono_ms);
    rig_turn(r);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 0);
    rig_assert_dead(r, "unclear");
}

static void after_a_retry_the_card_waits_for_the_services_report(void **state)
{
    struct rig *r = *state;
    struct event e = rig_status("s-1", "delivered");
    int64_t id = letter(r, refused);
    struct reply reply = retry(r, id, "");
    struct message m;

    assert_true(says(&reply, "card")); /* -1 was told; nothing but a report takes it back */
    json_free(reply.doc);
    rig_turn(r);
    rig_result(r, r->worker, rig_command(r, COMMAND_SERVICE_MESSAGE),
               (struct result){.outcome = OUTCOME_DONE, .service_message_id = VIEW_LIT("s-1")});
    rig_commit(r);
    m = rig_message(r, "aamo-1");
    assert_int_equal(m.state, MESSAGE_DELIVERED_TO_SERVICE);
    assert_int_equal(m.reported_status, -1); /* taken over is not delivered */
    message_fini(&m);
    rig_take(r, &e);
    m = rig_message(r, "aamo-1");
    assert_int_equal(m.reported_status, 1);
    message_fini(&m);
}

#define LONG 600 /* commands: more than are read at once, and than one piece gives up */

/* In as many pieces as it takes, with other turns between; and once only, whoever asks meanwhile. */
static void a_long_queue_is_dropped_to_the_last(void **state)
{
    struct rig *r = *state;
    struct reply reply;
    int64_t dead = 0;
    int64_t unused = 0;

    ctl_fine(r, "account.pause", "{\"scope_id\":\"ch_acc\"}");
    for (int i = 0; i < LONG; i++) {
        char id[20];
        struct event e;

        (void)snprintf(id, sizeof(id), "m%d", i);
        e = rig_client_text(id);
        rig_take(r, &e);
    }
    reply = ctl_ask(r, "queue.drop", "{\"scope_id\":\"ch_acc\",\"dry_run\":true}");
    assert_int_equal(reply.code, EXIT_FINE);
    assert_int_equal(ctl_int(json_root(reply.doc), "dropped"), LONG);
    json_free(reply.doc);
    assert_int_equal(queue_count(r->core.queue), LONG);
    reply = ctl_ask(r, "queue.drop", "{\"scope_id\":\"ch_acc\"}");
    assert_int_equal(reply.code, EXIT_FINE);
    assert_int_equal(ctl_int(json_root(reply.doc), "dropped"), LONG);
    assert_int_equal(ctl_int(json_root(reply.doc), "left"), 0);
    json_free(reply.doc);
    assert_null(r->core.control->dropping);
    assert_int_equal(store_counts(r->core.store, &dead, &unused, &unused), 0);
    assert_int_equal(dead, LONG);
    for (size_t iter = 0; r->core.queue;) {
        const struct core_command *c = table_next(r->core.queue->commands, &iter);

        if (!c)
            break;
        assert_int_not_equal(c->kind, COMMAND_AMO_MESSAGE);
    }
}

/* Whoever asked does not wait any more, and core may end before it is done. */
static void a_drop_goes_on_alone_and_ends_with_core(void **state)
{
    struct rig *r = *state;

    ctl_fine(r, "account.pause", "{\"scope_id\":\"ch_acc\"}");
    for (int i = 0; i < LONG; i++) {
        char id[20];
        struct event e;

        (void)snprintf(id, sizeof(id), "m%d", i);
        e = rig_client_text(id);
        rig_take(r, &e);
    }
    ctl_call(r, "queue.drop", "{\"scope_id\":\"ch_acc\"}");
    control_readable(&r->core);
    control_forget_waits(&r->core);
    for (int i = 0; i < LONG && r->core.control->dropping; i++) {
        ctl_tick(r, clock_mono_ms());
        rig_commit(r);
    }
    assert_null(r->core.control->dropping);
    assert_int_equal(r->core.turn->exit_code, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_the_service_may_have_forgotten_is_not_sent_again_unasked),
        CASE(what_a_lost_worker_had_may_be_there_too),
        CASE(within_the_day_it_goes_and_lives_no_longer_than_that),
        CASE(what_was_refused_or_never_arrived_may_go_at_any_time),
        CASE(a_pause_does_not_stop_the_day_of_the_services_memory),
        CASE(after_a_retry_the_card_waits_for_the_services_report),
        CASE(a_long_queue_is_dropped_to_the_last),
        CASE(a_drop_goes_on_alone_and_ends_with_core),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
