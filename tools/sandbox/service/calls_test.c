/* Calls of the services to the bridge: repeated until they are accepted, in their order. */
#include "tools/sandbox/service/calls.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/service/reports.h"
#include "tools/sandbox/service/store.h"
#include "tools/sandbox/testing/json.h"
#include "tools/sandbox/testing/rig.h"

static struct service_connector *connector(struct rig *r)
{
    return names_get(&r->sandbox.service->connectors, "wa");
}

static const struct call_entry *call(struct rig *r, uint64_t number)
{
    return outbox_get(&r->sandbox.calls, number);
}

static const char *state_of(struct rig *r, uint64_t number)
{
    return jread_str(call(r, number)->out.shown.o, "state");
}

static uint64_t send_message(struct rig *r, const char *id, const char *conversation)
{
    uint64_t number = 0;

    assert_int_equal(calls_send(&r->sandbox,
                                &(struct call_send){.kind = CALL_MESSAGE,
                                                    .connector = connector(r),
                                                    .method = "POST",
                                                    .path = "/messages",
                                                    .conversation = conversation,
                                                    .id = id,
                                                    .key = id,
                                                    .body = VIEW_LIT("{\"n\":1}")},
                                &number),
                     0);
    return number;
}

static void a_call_carries_token_and_key(void **state)
{
    struct rig *r = *state;
    uint64_t number = send_message(r, "m1", "79");
    char want[80];
    struct json_object *o = NULL;

    rig_await_idle(r);
    assert_string_equal(r->seen.method, "POST");
    assert_string_equal(r->seen.path, "/v1/connectors/wa/messages");
    assert_string_equal(r->seen.key, "m1");
    (void)snprintf(want, sizeof(want), "Bearer %s", connector(r)->token);
    assert_string_equal(r->seen.bearer, want);
    assert_string_equal(r->seen.signature, "");
    o = journal_entry_json(call(r, number));
    testing_assert_at(o, "state", "'accepted'");
    testing_assert_at(o, "status", "200");
    testing_assert_at(o, "attempts", "1");
    testing_assert_at(o, "kind", "'message'");
    testing_assert_at(o, "answer", "{}");
    testing_assert_at(o, "body", "'{\\'n\\':1}'");
    json_object_put(o);
}

static void a_connector_may_sign_instead_or_as_well(void **state)
{
    struct rig *r = *state;

    connector(r)->auth = AUTH_SIGNATURE;
    (void)send_message(r, "m1", "79");
    rig_await_idle(r);
    assert_string_equal(r->seen.bearer, "");
    assert_int_equal(strncmp(r->seen.signature, "v1,", 3), 0);
    assert_int_equal(strncmp(r->seen.webhook_id, "sb-", 3), 0);
    connector(r)->auth = AUTH_BOTH;
    (void)send_message(r, "m2", "79");
    rig_await_idle(r);
    assert_string_not_equal(r->seen.bearer, "");
    assert_string_not_equal(r->seen.signature, "");
}

static void a_call_is_repeated_until_it_is_accepted(void **state)
{
    struct rig *r = *state;
    uint64_t number = 0;

    r->sandbox.settings.client_backoff_ms = 1;
    r->bridge_status = 503;
    number = send_message(r, "m1", "79");
    rig_await_calls(r, 3);
    assert_string_not_equal(state_of(r, number), "accepted");
    r->bridge_status = 202;
    rig_await_idle(r);
    assert_string_equal(state_of(r, number), "accepted");
    assert_int_equal(rig_count(r, "client.accepted"), 1);
    assert_true(rig_count(r, "client.retries") >= 3);
    assert_int_equal(call(r, number)->attempts, rig_count(r, "client.retries") + 1);
}

static void a_refusal_is_final(void **state)
{
    struct rig *r = *state;
    uint64_t number = 0;

    r->bridge_status = 400;
    number = send_message(r, "m1", "79");
    rig_await_idle(r);
    assert_int_equal(r->seen.n, 1);
    assert_string_equal(state_of(r, number), "failed");
    assert_int_equal(rig_count(r, "client.failed"), 1);
}

static void a_service_may_give_up(void **state)
{
    struct rig *r = *state;

    r->sandbox.settings.client_backoff_ms = 1;
    r->sandbox.settings.client_give_up = 2;
    r->bridge_status = 429;
    (void)send_message(r, "m1", "79");
    rig_await_idle(r);
    assert_int_equal(r->seen.n, 2);
    assert_int_equal(rig_count(r, "client.failed"), 1);
}

static void a_duplicate_is_counted(void **state)
{
    struct rig *r = *state;

    r->bridge_body = "{\"status\":\"duplicate\"}";
    (void)send_message(r, "m1", "79");
    rig_await_idle(r);
    assert_int_equal(rig_count(r, "client.duplicates"), 1);
    assert_int_equal(rig_count(r, "client.accepted"), 1);
}

static void messages_of_a_conversation_wait_for_each_other_and_reports_do_not(void **state)
{
    struct rig *r = *state;
    struct report st = {.id = "mid", .status = "read", .conversation = "79"};
    uint64_t first = 0;
    uint64_t second = 0;
    uint64_t report = 0;

    r->bridge_is_slow = true;
    first = send_message(r, "m1", "79");
    second = send_message(r, "m2", "79");
    assert_int_equal(reports_send(&r->sandbox, connector(r), &st, &report), 0);
    rig_await_calls(r, 2);
    assert_string_equal(state_of(r, first), "sent");
    assert_string_equal(state_of(r, second), "queued");
    assert_string_equal(state_of(r, report), "sent");
    rig_await_idle(r);
    assert_int_equal(rig_count(r, "client.accepted"), 2);
    assert_int_equal(rig_count(r, "status.accepted"), 1);
}

static void each_attempt_reads_the_address_again(void **state)
{
    struct rig *r = *state;
    char *url = connector(r)->bridge_url;

    connector(r)->bridge_url = NULL; /* the bridge is away */
    (void)send_message(r, "m1", "79");
    for (int i = 0; i < 20; i++)
        rig_turn(r);
    assert_int_equal(r->seen.n, 0);
    connector(r)->bridge_url = url;
    rig_await_idle(r);
    assert_int_equal(r->seen.n, 1);
}

static void what_became_of_a_message_is_reported_as_the_connector_says(void **state)
{
    struct rig *r = *state;
    struct json_object *m = testing_json("{'id':'mid','service_id':'svc','conversation':'79'}");

    reports_message(&r->sandbox, connector(r), m);
    assert_int_equal(rig_count(r, "status.queued"), 0);
    connector(r)->report = REPORT_FAILED;
    reports_message(&r->sandbox, connector(r), m);
    rig_await_idle(r);
    rig_expect_seen(r, "statuses.0",
                    "{'id':'mid','status':'failed','error':{'code':'not_on_channel',"
                    "'text':'no such number'},'conversation':{'id':'79'}}");
    connector(r)->report = REPORT_READ;
    connector(r)->report_service_id = true;
    reports_message(&r->sandbox, connector(r), m);
    rig_await_idle(r);
    assert_int_equal(rig_count(r, "status.accepted"), 3); /* delivered, then read */
    rig_expect_seen(r, "statuses.0.status", "'read'");
    rig_expect_seen(r, "statuses.0.id", "'svc'");
    json_object_put(m);
}

static void a_full_log_takes_no_call(void **state)
{
    struct rig *r = *state;
    uint64_t number = 0;

    r->sandbox.settings.max_log = 0;
    assert_int_equal(calls_send(&r->sandbox,
                                &(struct call_send){.kind = CALL_OTHER,
                                                    .connector = connector(r),
                                                    .method = "GET",
                                                    .path = "/x"},
                                &number),
                     -ENOSPC);
    assert_int_equal(rig_count(r, "call.queued"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_call_carries_token_and_key),
        RIG_TEST(a_connector_may_sign_instead_or_as_well),
        RIG_TEST(a_call_is_repeated_until_it_is_accepted),
        RIG_TEST(a_refusal_is_final),
        RIG_TEST(a_service_may_give_up),
        RIG_TEST(a_duplicate_is_counted),
        RIG_TEST(messages_of_a_conversation_wait_for_each_other_and_reports_do_not),
        RIG_TEST(each_attempt_reads_the_address_again),
        RIG_TEST(what_became_of_a_message_is_reported_as_the_connector_says),
        RIG_TEST(a_full_log_takes_no_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
