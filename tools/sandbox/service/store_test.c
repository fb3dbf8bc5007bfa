/* What the services know. */
#include "tools/sandbox/service/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/testing.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/testing/json.h"

static const char created[] =
    "{\"type\":\"message.created\",\"data\":{\"id\":\"mid\",\"type\":\"text\","
    "\"text\":\"hello\"}}";

static int furnish(struct service_store *st, struct json_object **ret_message,
                   struct json_object **ret_event)
{
    struct service_connector *k = NULL;
    struct blob *body = blob_new(created, strlen(created));
    int rc = body ? service_connector_add(st, "wa", &k) : -ENOMEM;

    if (rc == 0)
        *ret_message = jread_parse(VIEW_LIT("{\"seq\":1,\"id\":\"mid\"}"));
    if (rc == 0)
        rc = journal_add(&st->messages, *ret_message);
    if (rc == 0)
        rc = names_put(&k->messages, "mid", *ret_message);
    if (rc == 0)
        rc = service_webhook_add(k, "mid.1", *ret_message, body);
    if (rc == 0)
        *ret_event = jread_parse(VIEW_LIT("{\"seq\":1,\"type\":\"typing.started\"}"));
    if (rc == 0)
        rc = journal_add(&st->events, *ret_event);
    if (rc == 0)
        rc = service_webhook_add(k, "ev.1", *ret_event, NULL);
    blob_drop(body);
    return rc;
}

static void a_connector_is_made_with_secrets_of_its_own(void **state)
{
    struct service_store st = {0};
    struct service_connector *k = NULL;
    struct json_object *o = NULL;

    (void)state;
    assert_int_equal(service_connector_add(&st, "wa", &k), 0);
    assert_int_equal(strlen(k->token), 64);
    assert_int_equal(strncmp(k->secret, "whsec_", 6), 0);
    o = service_connector_json(k);
    testing_assert_at(o, "name", "'wa'");
    testing_assert_at(o, "auth", "'bearer'");
    testing_assert_at(o, "report", "'none'");
    testing_assert_at(o, "report_error", "{'code':'not_on_channel','text':'no such number'}");
    testing_assert_at(o, "report_id", "'mid'");
    testing_assert_at(o, "answer_ids", "true");
    testing_assert_at(o, "secret_old", "null");
    json_object_put(o);
    service_clear(&st, true);
}

static void clearing_goes_as_far_as_it_is_told(void **state)
{
    struct service_store st = {0};
    struct json_object *m = NULL;
    struct json_object *e = NULL;
    const struct service_connector *k = NULL;
    const struct service_webhook *w = NULL;

    (void)state;
    assert_int_equal(furnish(&st, &m, &e), 0);
    k = names_get(&st.connectors, "wa");
    service_clear_logs(&st);
    assert_int_equal(st.first_listed, 1);
    w = names_get(&k->webhooks, "ev.1");
    assert_int_equal(st.events.entries.n, 0);
    assert_ptr_equal(w->entry, e); /* gone, but a repeat is still one */
    assert_non_null(names_get(&k->messages, "mid"));
    service_clear(&st, false);
    assert_null(names_get(&k->webhooks, "ev.1"));
    assert_null(names_get(&k->messages, "mid"));
    assert_int_equal(st.messages.entries.n, 0);
    assert_ptr_equal(names_get(&st.connectors, "wa"), k);
    service_clear(&st, true);
    assert_null(names_get(&st.connectors, "wa"));
}

static int furnish_and_clear(void *arg)
{
    struct service_store st = {0};
    struct json_object *m = NULL;
    struct json_object *e = NULL;
    int rc = furnish(&st, &m, &e);

    (void)arg;
    service_clear(&st, true);
    return rc;
}

static void without_memory_what_there_is_can_be_cleared(void **state)
{
    (void)state;
    testing_fail_each_allocation(furnish_and_clear, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connector_is_made_with_secrets_of_its_own),
        cmocka_unit_test(clearing_goes_as_far_as_it_is_told),
        cmocka_unit_test(without_memory_what_there_is_can_be_cleared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
