#include "egress/target.h"

#include "egress/target_testing.h"
#include "proto/limits.h"
#include "proto/sign.h"

static void a_managers_message_is_built_as_the_connectors_page_shows(void **state)
{
    struct registry *r = make_registry("https://amojo.amocrm.ru");
    struct http_request q;
    char signature[128];

    (void)state;
    http_request_init(&q);
    assert_int_equal(build(&manager_message, r, &q), 0);
    assert_string_equal(
        buf_str(&q.body),
        "{\"type\":\"message.created\",\"timestamp\":\"2026-01-01T00:02:00.000Z\","
        "\"data\":{\"id\":\"b0c1d2e3\",\"source\":\"wa1\",\"direction\":\"out\",\"write_"
        "first\":false,"
        "\"conversation\":{\"id\":\"79005550101\"},"
        "\"receiver\":{\"id\":\"79005550101\",\"phone\":\"79005550101\"},"
        "\"author\":{\"amo_user\":\"5b1f6c1e-0000-4000-8000-000000000017\"},"
        "\"type\":\"text\",\"text\":\"Заказ готов\","
        "\"media\":null,\"location\":null,\"contact\":null,"
        "\"reply_to\":{\"id\":\"wa1-3EB0A9F1\"},\"forwarded\":null,"
        "\"buttons\":[],\"list\":null,\"template\":null,\"post\":null}}");
    assert_string_equal(buf_str(&q.url), "https://service.example/hook?x=1");
    assert_string_equal(q.method, "POST");
    assert_int_equal(q.policy, HTTP_POLICY_PUBLIC);
    assert_true(has_header(&q, "webhook-id", VIEW_LIT("b0c1d2e3")));
    assert_true(has_header(&q, "webhook-timestamp", VIEW_LIT("1767225600")));
    assert_int_equal(webhook_sign(r->connectors[0].secrets, 2, VIEW_LIT("b0c1d2e3"),
                                  NOW_MS / 1000, buf_view(&q.body), signature,
                                  sizeof(signature)),
                     0);
    assert_true(has_header(&q, "webhook-signature", view_of(signature)));
    assert_non_null(strchr(signature, ' ')); /* both secrets sign while one is rotated out */
    http_request_fini(&q);
    registry_free(r);
}

static void plain_http_needs_a_connector_that_may_go_to_private_networks(void **state)
{
    struct registry *r = make_registry("https://amojo.amocrm.ru");
    struct http_request q;

    (void)state;
    http_request_init(&q);
    mem_free(r->connectors[0].url);
    r->connectors[0].url = mem_strdup("http://10.0.0.7/hook");
    assert_int_equal(build(&manager_message, r, &q), TARGET_E_UNREGISTERED);
    http_request_reset(&q);
    r->connectors[0].allow_private = true;
    assert_int_equal(build(&manager_message, r, &q), 0);
    assert_int_equal(q.policy, HTTP_POLICY_PRIVATE);
    http_request_fini(&q);
    registry_free(r);
}

static void a_key_that_would_break_a_header_is_impossible(void **state)
{
    static const char *const keys[] = {"", "a\r\nX-Evil: 1", "a b", "ключ"};
    struct registry *r = make_registry("https://amojo.amocrm.ru");
    struct command c = manager_message;
    struct http_request q;

    (void)state;
    http_request_init(&q);
    for (size_t i = 0; i < AMO_COUNT(keys); i++) {
        c.key = view_of(keys[i]);
        http_request_reset(&q);
        assert_int_equal(build(&c, r, &q), TARGET_E_IMPOSSIBLE);
    }
    http_request_fini(&q);
    registry_free(r);
}

static void what_is_only_shown_is_no_reason_to_refuse(void **state)
{
    static char name[3000];
    struct registry *r = make_registry("https://amojo.amocrm.ru");
    struct command c = manager_message;
    struct json *doc = NULL;
    struct http_request q;
    const struct json_node *data = NULL;
    struct view v = VIEW_NONE;

    (void)state;
    memset(name, 'x', sizeof(name));
    c.receiver_name = view_make(name, sizeof(name));
    c.content.media = VIEW_LIT("https://f/a");
    c.content.media_name = view_make(name, sizeof(name));
    c.content.media_group = view_make(name, sizeof(name));
    c.content.thumbnail = VIEW_LIT("data:image/png;base64,AA");
    c.content.buttons = VIEW_LIT("{}");
    c.content.list = VIEW_LIT("[");
    http_request_init(&q);
    assert_int_equal(build(&c, r, &q), 0);
    assert_int_equal(json_parse(buf_view(&q.body), &doc), 0);
    data = json_get(json_root(doc), "data");
    assert_true(json_strict_text(json_path(data, "receiver.name"), &v) && v.len == LIMIT_NAME);
    assert_true(json_strict_text(json_path(data, "media.name"), &v) && v.len == LIMIT_NAME);
    assert_null(json_path(data, "media.group"));
    assert_null(json_path(data, "media.thumbnail"));
    assert_null(json_get(data, "list"));
    assert_true(json_is_array(json_get(data, "buttons")));
    assert_true(json_strict_text(json_get(data, "text"), &v) && view_equal(v, c.content.text));
    json_free(doc);
    http_request_fini(&q);
    registry_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_managers_message_is_built_as_the_connectors_page_shows),
        cmocka_unit_test(plain_http_needs_a_connector_that_may_go_to_private_networks),
        cmocka_unit_test(a_key_that_would_break_a_header_is_impossible),
        cmocka_unit_test(what_is_only_shown_is_no_reason_to_refuse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
