/* amoctl connector test: one call, and what came of it in words. */

#include <string.h>

#include "base/clock.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/deliver/calls.h"
#include "core/deliver/deliver.h"
#include "core/testing/amoctl.h"
#include "proto/limits.h"

#define TEST_SVC "{\"name\":\"svc\"}"

/* Asks, and gives the call as it leaves. */
static struct command begun(struct rig *r)
{
    struct command c;

    ctl_ingress_holds_registry(r);
    ctl_begin(r, "connector.test", TEST_SVC);
    assert_int_equal(rig_calls(r, clock_mono_ms(), &c, 1), 1);
    return c;
}

static struct reply ended(struct rig *r, const struct command *c, struct result result)
{
    struct reply reply = {0};

    result.id = c->id;
    result.attempt = c->attempt;
    rig_result_raw(r, r->worker, &result);
    assert_true(ctl_wait(r, 20000, 0, &reply));
    assert_int_equal(r->core.turn->exit_code, 0);
    assert_true(list_is_empty(&r->core.deliver->calls));
    assert_true(list_is_empty(&r->core.control->waits));
    assert_int_equal(r->worker->n_in_flight, 0);
    return reply;
}

static void a_service_that_answers_is_shown_with_its_answer(void **state)
{
    struct rig *r = *state;
    struct command c = begun(r);
    struct reply reply;

    assert_int_equal(c.kind, COMMAND_SERVICE_TEST);
    assert_true(view_is(c.connector, "svc"));
    assert_true(view_starts(c.key, "test-"));
    reply = ended(r, &c,
                  (struct result){.outcome = OUTCOME_DONE,
                                  .status = 204,
                                  .took_ms = 17,
                                  .evidence = VIEW_LIT("fine")});
    assert_int_equal(reply.code, EXIT_FINE);
    ctl_text(&reply, json_root(reply.doc), "connector", "svc");
    ctl_text(&reply, json_root(reply.doc), "outcome", "done");
    ctl_text(&reply, json_root(reply.doc), "answer", "fine");
    assert_int_equal(ctl_int(json_root(reply.doc), "status"), 204);
    assert_int_equal(ctl_int(json_root(reply.doc), "ms"), 17);
    json_free(reply.doc);
    assert_int_equal(rig_stored_commands(r), 0);
}

static void a_refusal_is_told_in_the_services_words(void **state)
{
    struct rig *r = *state;
    struct command c = begun(r);
    struct reply reply = ended(r, &c,
                               (struct result){.outcome = OUTCOME_DEAD,
                                               .cause = CAUSE_REFUSED,
                                               .status = 422,
                                               .stage = VIEW_LIT("answered"),
                                               .evidence = VIEW_LIT("bad signature")});

    assert_int_equal(reply.code, EXIT_FAILED);
    assert_non_null(strstr(reply.error, "422"));
    assert_non_null(strstr(reply.error, "bad signature"));
    ctl_text(&reply, json_root(reply.doc), "stage", "answered");
    ctl_text(&reply, json_root(reply.doc), "cause", "refused");
    json_free(reply.doc);
    rig_assert_counts(r, 0, 0, 0); /* no dead letter */
}

static void a_test_that_fails_holds_nobody(void **state)
{
    struct rig *r = *state;
    struct command c = begun(r);
    struct reply reply =
        ended(r, &c, (struct result){.outcome = OUTCOME_HOLD, .cause = CAUSE_GONE});

    assert_int_equal(reply.code, EXIT_FAILED);
    json_free(reply.doc);
    assert_false(dest_is_held(queue_dest(r->core.queue, DEST_CONNECTOR, VIEW_LIT("svc"))));
}

static void a_held_connector_can_be_tested(void **state)
{
    struct rig *r = *state;
    struct command c;

    dest_hold(r->core.queue, queue_dest(r->core.queue, DEST_CONNECTOR, VIEW_LIT("svc")),
              HOLD_GONE, 0, 0, clock_mono_ms());
    c = begun(r);
    assert_int_equal(c.kind, COMMAND_SERVICE_TEST);
    json_free(ended(r, &c, (struct result){.outcome = OUTCOME_DONE}).doc);
}

static void nobody_who_answers_ends_it_in_time(void **state)
{
    struct rig *r = *state;
    struct command c = begun(r);
    struct reply reply;

    for (int64_t at = clock_mono_ms() + 19900, end = at + 300; at < end; at += 10) {
        ctl_tick(r, at);
        call_tick(&r->core, at);
    }
    assert_true(ctl_wait(r, 20000, 0, &reply));
    assert_int_equal(reply.code, EXIT_UNREACHABLE);
    assert_non_null(strstr(reply.error, "every worker is busy"));
    rig_result_raw(r, r->worker,
                   &(struct result){.id = c.id,
                                    .attempt = c.attempt,
                                    .outcome = OUTCOME_DONE}); /* too late: nobody listens */
    assert_int_equal(r->core.turn->exit_code, 0);
    assert_int_equal(r->worker->n_in_flight, 0);
}

/* Core stood still so long that both times are over: the question ends before the call. */
static void a_long_stop_of_core_ends_it_once(void **state)
{
    struct rig *r = *state;
    struct reply reply;

    (void)begun(r);
    ctl_tick(r, clock_mono_ms() + 60000);
    assert_true(list_is_empty(&r->core.deliver->calls));
    call_tick(&r->core, clock_mono_ms() + 60000);
    assert_true(ctl_wait(r, 20000, 0, &reply));
    assert_int_equal(reply.code, EXIT_UNREACHABLE);
    assert_true(list_is_empty(&r->core.control->waits));
}

static void wrong_calls_are_answered_in_words(void **state)
{
    ctl_sad(*state, "connector.test", "{}", EXIT_USAGE, "name is missing");
    ctl_sad(*state, "connector.test", "{\"name\":\"none\"}", EXIT_FAILED, "no such connector");
}

/* Evidence of the worst kind: every byte grows when it is written as JSON. */
static void any_answer_can_be_shown(void **state)
{
    struct rig *r = *state;
    struct command c = begun(r);
    char text[LIMIT_EVIDENCE_BYTES];
    struct reply reply;

    memset(text, '\1', sizeof(text));
    reply = ended(
        r, &c,
        (struct result){.outcome = OUTCOME_DONE, .evidence = view_make(text, sizeof(text))});
    assert_int_equal(reply.code, EXIT_FINE);
    assert_non_null(reply.doc);
    json_free(reply.doc);
}

static void half_a_letter_is_not_shown(void **state)
{
    struct rig *r = *state;
    struct command c = begun(r);
    char text[600];
    struct reply reply;

    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = "\xe2\x82\xac"[i % 3]; /* 512 is in the middle of one */
    reply = ended(r, &c,
                  (struct result){.outcome = OUTCOME_DEAD,
                                  .cause = CAUSE_REFUSED,
                                  .evidence = view_make(text, sizeof(text))});
    assert_true(json_utf8_valid(view_of(reply.error)));
    json_free(reply.doc);
}

/* A thousand people type, and nobody makes calls: the operator is told, core goes on. */
static void ignored(struct core *c, void *arg, const struct result *result)
{
    (void)c;
    (void)arg;
    (void)result;
}

static void when_too_many_calls_wait_it_is_refused(void **state)
{
    struct rig *r = *state;
    struct command body = {.kind = COMMAND_SERVICE_TYPING, .connector = VIEW_LIT("svc")};
    struct dest *d = queue_dest(r->core.queue, DEST_CONNECTOR, VIEW_LIT("svc"));

    for (int i = 0; i < 1000; i++)
        assert_int_equal(call_once(&r->core, d, &body, clock_mono_ms() + 5000, NULL, NULL), 0);
    assert_int_equal(call_once(&r->core, d, &body, clock_mono_ms() + 5000, NULL, NULL), -EBUSY);
    for (int i = 0; i < 16; i++) /* somebody waits for these: they have room of their own */
        assert_int_equal(call_once(&r->core, d, &body, clock_mono_ms() + 5000, ignored, NULL),
                         0);
    ctl_sad(r, "connector.test", TEST_SVC, EXIT_FAILED, "too many");
    assert_true(list_is_empty(&r->core.control->waits));
}

static void a_restart_of_core_leaves_nobody_waiting(void **state)
{
    struct rig *r = *state;

    (void)begun(r);
    rig_restart(r);
    assert_true(list_is_empty(&r->core.deliver->calls));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_service_that_answers_is_shown_with_its_answer),
        CASE(a_refusal_is_told_in_the_services_words),
        CASE(a_test_that_fails_holds_nobody),
        CASE(a_held_connector_can_be_tested),
        CASE(nobody_who_answers_ends_it_in_time),
        CASE(a_long_stop_of_core_ends_it_once),
        CASE(wrong_calls_are_answered_in_words),
        CASE(any_answer_can_be_shown),
        CASE(half_a_letter_is_not_shown),
        CASE(when_too_many_calls_wait_it_is_refused),
        CASE(a_restart_of_core_leaves_nobody_waiting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
