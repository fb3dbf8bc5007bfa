#include "ingress/service_normalize.h"

#include <string.h>

#include "base/json.h"
#include "base/testing.h"
#include "proto/limits.h"

#define BASE                                                                                   \
    "\"id\":\"wa1-3EB0A9F1\",\"source\":\"wa1\",\"conversation\":{\"id\":\"7900\"},"           \
    "\"sender\":{\"id\":\"7900\"},\"type\":\"text\",\"text\":\"hello\""

static void a_full_message_is_read_whole(void **state)
{
    static const char body[] =
        "{\"id\":\"wa1-3EB0A9F1\",\"source\":\"wa1\",\"sent_at\":\"2026-01-01T00:01:01.250Z\","
        "\"direction\":\"in\",\"conversation\":{\"id\":\"79005550101\"},\"sender\":{\"id\":"
        "\"79005550101\",\"name\":\"N\",\"phone\":\"P\",\"email\":\"E\",\"avatar\":\"A\","
        "\"profile_link\":\"L\"},\"type\":\"text\",\"text\":\"T\",\"media\":null,"
        "\"reply_to\":{\"id\":\"wa1-0\"},\"location\":null,\"contact\":null,\"silent\":true,"
        "\"unknown\":[1]}";
    struct service_fault fault = {0};
    struct json *doc = NULL;
    struct event e;

    (void)state;
    assert_int_equal(service_message(VIEW_LIT(body), &doc, &e, &fault), 0);
    assert_int_equal(e.kind, EVENT_SERVICE_MESSAGE);
    assert_true(view_is(e.message_id, "wa1-3EB0A9F1"));
    assert_true(view_is(e.source, "wa1"));
    assert_int_equal(e.sent_ms, 1767225661250);
    assert_true(view_is(e.conversation, "79005550101"));
    assert_true(view_is(e.sender_id, "79005550101"));
    assert_true(view_is(e.sender_name, "N"));
    assert_true(view_is(e.sender_phone, "P"));
    assert_true(view_is(e.sender_email, "E"));
    assert_true(view_is(e.sender_avatar, "A"));
    assert_true(view_is(e.sender_link, "L"));
    assert_true(view_is(e.type, "text"));
    assert_true(view_is(e.text, "T"));
    assert_true(view_is(e.reply_id, "wa1-0"));
    assert_true(e.silent);
    json_free(doc);
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *body;
        int status;
        const char *code;
        const char *field; /* NULL none */
    } cases[] = {
        {"",                                                400, "not_json",    NULL             },
        {"{",                                               400, "not_json",    NULL             },
        {"[]",                                              400, "not_json",    NULL             },
        {"5",                                               400, "not_json",    NULL             },
        {"null",                                            400, "not_json",    NULL             },
        {"{\"id\":\"\xff\"}",                               400, "not_json",    NULL             },
        {"{}",                                              422, "required",    "id"             },
        {"{" BASE ",\"id\":5}",                             422, "invalid",     "id"             },
        {"{" BASE ",\"id\":\"a b\"}",                       422, "invalid",     "id"             },
        {"{" BASE ",\"id\":\"a/b\"}",                       422, "invalid",     "id"             },
        {"{" BASE ",\"id\":null}",                          422, "required",    "id"             },
        {"{" BASE ",\"source\":\"\"}",                      422, "required",    "source"         },
        {"{" BASE ",\"conversation\":\"7900\"}",            422, "invalid",     "conversation"   },
        {"{" BASE ",\"conversation\":{}}",                  422, "required",    "conversation.id"},
        {"{" BASE ",\"sender\":null}",                      422, "required",    "sender.id"      },
        {"{" BASE ",\"sender\":{\"id\":\"1\",\"name\":1}}", 422, "invalid",     "sender.name"    },
        {"{" BASE ",\"type\":\"sticker\"}",                 422, "unsupported", "type"           },
        {"{" BASE ",\"type\":null}",                        422, "required",    "type"           },
        {"{" BASE ",\"text\":null}",                        422, "required",    "text"           },
        {"{" BASE ",\"text\":7}",                           422, "invalid",     "text"           },
        {"{" BASE ",\"direction\":\"out\"}",                422, "unsupported", "direction"      },
        {"{" BASE ",\"media\":{}}",                         422, "unsupported", "media"          },
        {"{" BASE ",\"location\":{}}",                      422, "unsupported", "location"       },
        {"{" BASE ",\"contact\":{}}",                       422, "unsupported", "contact"        },
        {"{" BASE ",\"sent_at\":\"now\"}",                  422, "invalid",     "sent_at"        },
        {"{" BASE ",\"sent_at\":1767225661}",               422, "invalid",     "sent_at"        },
        {"{" BASE ",\"silent\":\"true\"}",                  422, "invalid",     "silent"         },
        {"{" BASE ",\"reply_to\":{\"id\":[]}}",             422, "invalid",     "reply_to.id"    },
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        struct service_fault fault = {0};
        struct json *doc = NULL;
        struct event e;

        assert_int_equal(service_message(view_of(cases[i].body), &doc, &e, &fault),
                         SERVICE_E_FAULT);
        if (fault.status != cases[i].status || strcmp(fault.code, cases[i].code) != 0 ||
            !fault.field != !cases[i].field ||
            (fault.field && strcmp(fault.field, cases[i].field) != 0))
            fail_msg("%s: %d %s %s", cases[i].body, fault.status, fault.code,
                     fault.field ? fault.field : "-");
        assert_null(doc);
    }
}

static void ids_have_their_letters_and_length(void **state)
{
    static char long_id[LIMIT_SERVICE_ID + 1];

    (void)state;
    memset(long_id, 'a', sizeof(long_id));
    assert_true(service_id_valid(VIEW_LIT("AZaz09._:-")));
    assert_true(service_id_valid(view_make(long_id, LIMIT_SERVICE_ID)));
    assert_false(service_id_valid(view_make(long_id, LIMIT_SERVICE_ID + 1)));
    assert_false(service_id_valid(VIEW_LIT("")));
    assert_false(service_id_valid(VIEW_LIT("\xd0\x96")));
    assert_false(service_id_valid(VIEW_LIT("a\0b")));
}

static void statuses_are_read_one_by_one(void **state)
{
    static const char body[] =
        "{\"statuses\":[{\"id\":\"a\",\"status\":\"read\",\"at\":\"2026-01-01T00:00:00Z\","
        "\"conversation\":{\"id\":\"c\"}},{\"id\":\"b\",\"status\":\"failed\",\"error\":{"
        "\"code\":"
        "\"not_on_channel\",\"text\":\"t\"}},{\"id\":\"c\",\"status\":\"lost\"},5,{\"status\":"
        "\"sent\"}]}";
    struct service_fault fault = {0};
    struct json *doc = NULL;
    struct event e;
    size_t n = 0;

    (void)state;
    assert_int_equal(service_statuses(VIEW_LIT(body), &doc, &n, &fault), 0);
    assert_int_equal(n, 5);
    assert_int_equal(service_status(doc, 0, &e, &fault), 0);
    assert_int_equal(e.kind, EVENT_SERVICE_STATUS);
    assert_true(view_is(e.message_id, "a"));
    assert_true(view_is(e.status, "read"));
    assert_true(view_is(e.conversation, "c"));
    assert_int_equal(e.sent_ms, 1767225600000);
    assert_int_equal(service_status(doc, 1, &e, &fault), 0);
    assert_true(view_is(e.error_code, "not_on_channel"));
    assert_true(view_is(e.error_text, "t"));
    assert_int_equal(service_status(doc, 2, &e, &fault), SERVICE_E_FAULT);
    assert_string_equal(fault.field, "status");
    assert_true(view_is(e.message_id, "c"));
    assert_int_equal(service_status(doc, 3, &e, &fault), SERVICE_E_FAULT);
    assert_null(e.message_id.ptr);
    assert_int_equal(service_status(doc, 4, &e, &fault), SERVICE_E_FAULT);
    assert_string_equal(fault.field, "id");
    json_free(doc);
}

static void lists_have_a_length(void **state)
{
    static const char *const bad[] = {"{}", "{\"statuses\":{}}", "{\"statuses\":[]}"};
    struct service_fault fault = {0};
    struct json *doc = NULL;
    struct buf many;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(bad); i++) {
        assert_int_equal(service_statuses(view_of(bad[i]), &doc, &n, &fault), SERVICE_E_FAULT);
        assert_string_equal(fault.code, "required");
    }
    buf_init(&many, 4096);
    (void)buf_add_str(&many, "{\"statuses\":[0");
    for (size_t i = 1; i <= LIMIT_STATUSES; i++)
        (void)buf_add_str(&many, ",0");
    (void)buf_add_str(&many, "]}");
    assert_int_equal(service_statuses(buf_view(&many), &doc, &n, &fault), SERVICE_E_FAULT);
    assert_string_equal(fault.code, "too_long");
    buf_fini(&many);
}

static int read_both(void *arg)
{
    struct service_fault fault = {0};
    struct json *doc = NULL;
    struct event e;
    size_t n = 0;
    int rc = service_message(view_of(arg), &doc, &e, &fault);

    if (rc)
        return rc;
    json_free(doc);
    doc = NULL;
    rc = service_statuses(VIEW_LIT("{\"statuses\":[{\"id\":\"a\",\"status\":\"read\"}]}"), &doc,
                          &n, &fault);
    rc = rc ? rc : service_status(doc, 0, &e, &fault);
    json_free(doc);
    return rc;
}

static void without_memory_nothing_breaks(void **state)
{
    char body[] = "{" BASE ",\"sender\":{\"id\":\"a\\u0000\"}}";

    (void)state;
    testing_fail_each_allocation(read_both, body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_message_is_read_whole),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(ids_have_their_letters_and_length),
        cmocka_unit_test(statuses_are_read_one_by_one),
        cmocka_unit_test(lists_have_a_length),
        cmocka_unit_test(without_memory_nothing_breaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
