#include "core/questions/why.h"

#include <string.h>

#include "base/clock.h"

#include "core/queue/queue.h"
#include "core/store/quarantine.h"
#include "core/testing/amoctl.h"
#include "proto/command.h"
#include "proto/event.h"
#include "proto/limits.h"

/* What why_command says of the only command of @kind. */
static void says(struct rig *r, enum command_kind kind, const char *want)
{
    struct core_command *cmd = rig_command(r, kind);
    struct buf words;

    assert_non_null(cmd);
    buf_init(&words, WHY_MAX);
    assert_int_equal(why_command(&r->core, cmd, &words), 0);
    if (!strstr(buf_str(&words), want))
        fail_msg("\"%s\" is not in: %s", want, buf_str(&words));
    buf_fini(&words);
}

static void message_says(struct rig *r, const char *key, const char *want)
{
    struct message m = rig_message(r, key);
    struct buf words;

    buf_init(&words, WHY_MAX);
    assert_int_equal(why_message(&r->core, &m, &words), 0);
    if (!strstr(buf_str(&words), want))
        fail_msg("\"%s\" is not in: %s", want, buf_str(&words));
    message_fini(&m);
    buf_fini(&words);
}

static void one_at_a_worker_is_being_tried(void **state)
{
    struct rig *r = *state;

    (void)rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    says(r, COMMAND_AMO_MESSAGE, "worker ");
    says(r, COMMAND_AMO_MESSAGE, " is calling since ");
}

static void an_answer_is_quoted_and_cut(void **state)
{
    struct rig *r = *state;
    struct core_command *cmd = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    char answer[LIMIT_EVIDENCE_BYTES];
    struct buf words;

    memset(answer, 'x', sizeof(answer));
    (void)snprintf(answer, sizeof(answer), "HTTP/1.1 500 Oh");
    answer[15] = 'x';
    rig_result(r, r->worker, cmd,
               (struct result){.outcome = OUTCOME_RETRY,
                               .cause = CAUSE_SERVER,
                               .status = 500,
                               .evidence = view_make(answer, sizeof(answer))});
    rig_commit(r);
    says(r, COMMAND_AMO_MESSAGE, "next attempt in ");
    says(r, COMMAND_AMO_MESSAGE, ", last answer 500 Oh");
    buf_init(&words, WHY_MAX);
    assert_int_equal(why_command(&r->core, rig_command(r, COMMAND_AMO_MESSAGE), &words), 0);
    assert_true(words.len < 250);
    buf_fini(&words);
}

static void an_attempt_without_an_answer_says_what_it_failed_of(void **state)
{
    struct rig *r = *state;
    struct core_command *cmd = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");

    rig_result(r, r->worker, cmd,
               (struct result){.outcome = OUTCOME_RETRY, .cause = CAUSE_TIMEOUT});
    rig_commit(r);
    says(r, COMMAND_AMO_MESSAGE, ", last attempt: timeout");
}

/* The service has answered the manager's amo-9 that it is gone. */
static void hold_gone(struct rig *r)
{
    rig_client_message_done(r, "m0", "amo-0");
    rig_result(r, r->worker, rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-9"),
               (struct result){.outcome = OUTCOME_HOLD, .cause = CAUSE_GONE, .status = 410});
    rig_commit(r);
}

static void one_that_is_gone_names_the_verb_that_resumes_it(void **state)
{
    struct rig *r = *state;

    hold_gone(r);
    says(r, COMMAND_SERVICE_MESSAGE, "tried again after amoctl connector resume svc");
}

static void two_causes_are_both_named(void **state)
{
    struct rig *r = *state;

    hold_gone(r);
    ctl_fine(r, "account.pause", "{\"scope_id\":\"ch_acc\"}");
    says(r, COMMAND_SERVICE_MESSAGE, "account paused by ");
    says(r, COMMAND_SERVICE_MESSAGE, "; and service svc is held since ");
    r->worker->ended = true;
    says(r, COMMAND_SERVICE_MESSAGE, "; and no worker is connected; and service svc is held");
}

/* The number has moved; what the client wrote since waits for what is under way at the old account. */
static void one_that_waits_for_what_its_account_leaves_says_so(void **state)
{
    struct rig *r = *state;
    struct event status = rig_status("s-1", "delivered");
    struct event e = rig_client_text("m1");

    rig_register_account(r, "ch_two");
    rig_register_source(r, "line1", "ch_acc");
    rig_client_message_done(r, "m0", "amo-0");
    rig_manager_message_done(r, "amo-1", "s-1");
    rig_take(r, &status);
    rig_take(r, &e);
    rig_turn(r);
    assert_int_equal(rig_command(r, COMMAND_AMO_STATUS)->state, COMMAND_IN_FLIGHT);
    e = rig_client_text("m2");
    rig_register_source(r, "line1", "ch_two");
    rig_take(r, &e);
    rig_turn(r);
    message_says(r, "msvc-m2", "its conversation has moved, and command ");
    message_says(r, "msvc-m2", " is still under way to where it was before: worker ");
}

static struct core_command *one_in_flight(struct rig *r)
{
    struct core_command *c = NULL;
    size_t iter = 0;

    while ((c = table_next(r->core.queue->commands, &iter)) && c->state != COMMAND_IN_FLIGHT)
        ;
    assert_non_null(c);
    return c;
}

static void destination_says(struct rig *r, const char *connector, const char *want)
{
    const struct dest *d = queue_dest(r->core.queue, DEST_CONNECTOR, view_of(connector));
    struct buf words;

    buf_init(&words, WHY_MAX);
    assert_int_equal(why_destination(&r->core, d, &words), 0);
    if (!strstr(buf_str(&words), want))
        fail_msg("\"%s\" is not in: %s", want, buf_str(&words));
    buf_fini(&words);
}

static void take_managers(struct rig *r, const char *id, const char *scope, const char *source)
{
    struct event e = rig_manager_text(id);

    e.scope = view_of(scope);
    e.source = view_of(source);
    e.chat_id = view_of(id);
    e.receiver_phone = id[0] == 'a' ? VIEW_LIT("79990000017") : VIEW_LIT("79990000018");
    memset(e.trace.bytes, id[0], sizeof(e.trace.bytes));
    rig_take(r, &e);
}

/* The service of two accounts answers 500 to one of them; the other one is paused. */
static void a_service_that_fails_is_not_said_to_be_paused(void **state)
{
    struct rig *r = *state;

    rig_register_account(r, "ch_b");
    rig_register_source(r, "79990000001", "ch_acc");
    rig_register_source(r, "79990000002", "ch_b");
    ctl_fine(r, "account.pause", "{\"scope_id\":\"ch_acc\"}");
    take_managers(r, "a-1", "ch_acc", "79990000001");
    rig_turn(r);
    destination_says(r, "svc", "what waits is of account ");
    destination_says(r, "svc", ": account paused by ");
    take_managers(r, "b-1", "ch_b", "79990000002");
    rig_turn(r);
    rig_result(r, r->worker, one_in_flight(r),
               (struct result){.outcome = OUTCOME_RETRY, .cause = CAUSE_SERVER, .status = 500});
    rig_commit(r);
    destination_says(r, "svc", "last answer 500");
}

static void a_probe_that_cannot_go_is_not_announced(void **state)
{
    struct rig *r = *state;
    struct dest *d = NULL;

    rig_client_message_done(r, "m0", "amo-0");
    rig_result(r, r->worker, rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-9"),
               (struct result){.outcome = OUTCOME_HOLD,
                               .cause = CAUSE_THROTTLED,
                               .status = 429,
                               .retry_after_ms = 10000});
    rig_commit(r);
    destination_says(r, "svc", "; next probe in ");
    ctl_fine(r, "account.pause", "{\"scope_id\":\"ch_acc\"}");
    d = queue_dest(r->core.queue, DEST_CONNECTOR, VIEW_LIT("svc"));
    d->hold_until_ms = clock_mono_ms() - 60000; /* a minute ago: none has gone */
    rig_turn(r);
    destination_says(r, "svc", "; no probe before an account that waits for it is resumed");
}

static void an_unclear_outcome_is_said_to_be_asked_about(void **state)
{
    struct rig *r = *state;
    struct core_command *cmd = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");

    rig_result(r, r->worker, cmd,
               (struct result){.outcome = OUTCOME_DONE, .status = 200}); /* without amo's id */
    rig_commit(r);
    says(r, COMMAND_AMO_MESSAGE, "its outcome is unclear");
}

static void what_arrived_says_where_it_is(void **state)
{
    struct rig *r = *state;

    rig_client_message_done(r, "m1", "amo-1");
    message_says(r, "aamo-1", "amo has it since ");
    rig_manager_message_done(r, "amo-2", "svc-2");
    message_says(r, "aamo-2", "service svc has it and has reported nothing yet");
}

static void the_words_of_what_waits_name_it_and_its_end(void **state)
{
    static const struct {
        const char *key;
        int64_t until_ms;
        const char *want;
    } cases[] = {
        {"ssvc/x",  1700000000000,
         "waits for message what, which is not known yet, until 2023-11-14T22:13:20Z"         },
        {"bch_acc", INT64_MAX,     "set aside: its account has its share of the queue"        },
        {"e17",     0,             "waits until it is known whether it is a message of ours"  },
        {"o17",     0,             "waits until it is known whether it is a message of ours"  },
        {"nsvc/t",  0,             "waits for the end of what is tried in conversation thread"},
    };
    struct event e = rig_status("what", "read");
    struct buf packed;

    (void)state;
    e.conversation = VIEW_LIT("thread");
    buf_init(&packed, 4096);
    assert_int_equal(event_encode(&e, &packed), 0);
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        const struct waiting_row row = {.key = view_of(cases[i].key),
                                        .event = buf_view(&packed),
                                        .until_ms = cases[i].until_ms};
        struct buf words;

        buf_init(&words, WHY_MAX);
        why_waiting(&row, &words);
        if (!strstr(buf_str(&words), cases[i].want))
            fail_msg("\"%s\" is not in: %s", cases[i].want, buf_str(&words));
        buf_fini(&words);
    }
    buf_fini(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_at_a_worker_is_being_tried, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(an_answer_is_quoted_and_cut, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(an_attempt_without_an_answer_says_what_it_failed_of,
                                        rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(an_unclear_outcome_is_said_to_be_asked_about, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(one_that_is_gone_names_the_verb_that_resumes_it,
                                        ctl_setup, ctl_teardown),
        cmocka_unit_test_setup_teardown(a_service_that_fails_is_not_said_to_be_paused,
                                        ctl_setup, ctl_teardown),
        cmocka_unit_test_setup_teardown(a_probe_that_cannot_go_is_not_announced, ctl_setup,
                                        ctl_teardown),
        cmocka_unit_test_setup_teardown(two_causes_are_both_named, ctl_setup, ctl_teardown),
        cmocka_unit_test_setup_teardown(one_that_waits_for_what_its_account_leaves_says_so,
                                        ctl_setup, ctl_teardown),
        cmocka_unit_test_setup_teardown(what_arrived_says_where_it_is, rig_setup, rig_teardown),
        cmocka_unit_test(the_words_of_what_waits_name_it_and_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
