/* Who may call amojo, and where. */
#include "tools/sandbox/amojo/api.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tools/sandbox/kit/http_date.h"
#include "tools/sandbox/testing/rig.h"

static const char connect_body[] = "{'account_id':'acc','hook_api_version':'v2'}";

static void an_unknown_address_is_not_found(void **state)
{
    struct rig *r = *state;

    rig_send(r, "GET /", "", "");
    assert_int_equal(r->status, 404);
    rig_expect(r, "error_type", "'NOT_FOUND'");
    rig_amojo(r, 404, "GET ch_acc", NULL);
    rig_amojo(r, 404, "POST ch_acc/elsewhere", "{}");
    rig_amojo(r, 404, "POST ch_acc/a/b/delivery_status", "{}");
    rig_amojo(r, 404, "GET ch_acc/chats//history", NULL);
    rig_amojo(r, 404, "POST ch_acc/connect", connect_body); /* wants the channel alone */
    assert_int_equal(rig_count(r, "amojo.refused"), 6);
}

static void an_unknown_channel_is_not_found(void **state)
{
    struct rig *r = *state;

    rig_amojo(r, 404, "POST other/connect", connect_body);
    rig_expect(r, "error_description", "'unknown channel'");
    rig_amojo(r, 404, "POST other_acc", "{}");
}

static void a_call_with_another_secret_is_forbidden(void **state)
{
    struct rig *r = *state;

    rig_ask(r, 200, "POST /channels", "{'id':'ch','secret':'changed'}");
    rig_amojo(r, 403, "POST ch/connect", connect_body);
    rig_expect(r, "",
               "{'error_code':403,'error_type':'FORBIDDEN',"
               "'error_description':'wrong X-Signature'}");
    assert_int_equal(rig_count(r, "amojo.forbidden"), 1);
    rig_ask(r, 200, "GET /journal?verified=false", NULL);
    rig_expect(r, "items.0.reason", "'wrong X-Signature'");
    rig_expect(r, "items.0.status", "403");
}

static void a_call_without_headers_is_forbidden(void **state)
{
    struct rig *r = *state;

    rig_send(r, "POST /v2/origin/custom/ch/connect", "", "{}");
    assert_int_equal(r->status, 403);
    rig_expect(r, "error_description", "'a header is missing'");
}

static void a_call_with_an_old_date_is_forbidden(void **state)
{
    struct rig *r = *state;
    char headers[256];
    char date[HTTP_DATE_LEN + 1];

    http_date_format(1000000000, date);
    (void)snprintf(headers, sizeof(headers),
                   "Date: %s\r\nContent-Type: application/json\r\n"
                   "Content-MD5: 99914b932bd37a50b983c5e7c90ae93b\r\nX-Signature: x\r\n",
                   date);
    rig_send(r, "POST /v2/origin/custom/ch/connect", headers, "{}");
    assert_int_equal(r->status, 403);
    rig_expect(r, "error_description", "'Date too far off'");
}

static void only_a_connected_account_has_chats(void **state)
{
    struct rig *r = *state;

    rig_amojo(r, 404, "POST ch_stranger/typing", "{}");
    rig_expect(r, "error_description", "'scope is not connected'");
    rig_amojo(r, 200, "DELETE ch/disconnect", "{'account_id':'acc'}");
    rig_amojo(r, 404, "POST ch_acc/typing", "{}");
}

static void the_journal_names_what_a_call_is_about(void **state)
{
    struct rig *r = *state;

    rig_message(r, 400, "new_message", "'msgid':'m1'");
    rig_message(r, 400, "edit_message", "'id':'amo-1'");
    rig_amojo(r, 400, "POST ch_acc/chats", "{'conversation_id':'c1'}");
    rig_amojo(r, 404, "POST ch_acc/m7/delivery_status",
              "{'status_code':1,'msgid':'m7','delivery_status':1}");
    rig_ask(r, 200, "GET /journal?side=amojo", NULL);
    rig_expect(r, "items.0.kind", "'new_message'");
    rig_expect(r, "items.0.key", "'m1'");
    rig_expect(r, "items.1.kind", "'edit_message'");
    rig_expect(r, "items.1.key", "'amo-1'");
    rig_expect(r, "items.2.key", "'c1'");
    rig_expect(r, "items.3.kind", "'delivery_status'");
    rig_expect(r, "items.3.key", "'m7'");
    rig_expect(r, "items.3.scope_id", "'ch_acc'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(an_unknown_address_is_not_found),
        RIG_TEST(an_unknown_channel_is_not_found),
        RIG_TEST(a_call_with_another_secret_is_forbidden),
        RIG_TEST(a_call_without_headers_is_forbidden),
        RIG_TEST(a_call_with_an_old_date_is_forbidden),
        RIG_TEST(only_a_connected_account_has_chats),
        RIG_TEST(the_journal_names_what_a_call_is_about),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
