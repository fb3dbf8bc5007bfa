#include "egress/amojo.h"

#include <fcntl.h>
#include <unistd.h>

#include "egress/target_testing.h"
#include "proto/sign.h"

static void read_fixture(const char *name, struct buf *ret)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): tests have one thread */
    const char *root = getenv("AMO_SOURCE_DIR");
    char path[512];
    ssize_t n = 0;
    int fd = -1;

    assert_non_null(root);
    (void)snprintf(path, sizeof(path), "%s/tests/fixtures/requests/%s.json", root, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    while ((n = read(fd, buf_reserve(ret, 65536), 65536)) > 0)
        buf_grow(ret, (size_t)n);
    assert_int_equal(n, 0);
    assert_int_equal(close(fd), 0);
}

/* The fixture's method, address, body and signature, to the byte. */
static void expect_fixture(const struct command *c, const char *name)
{
    struct registry *r = make_registry("https://amojo.amocrm.ru");
    struct json *doc = NULL;
    struct http_request q;
    struct buf text;
    struct buf url;

    buf_init(&text, 1 << 20);
    buf_init(&url, 4096);
    read_fixture(name, &text);
    assert_int_equal(json_parse(buf_view(&text), &doc), 0);
    http_request_init(&q);
    assert_int_equal(build(c, r, &q), 0);

    assert_int_equal(buf_add_str(&url, "https://"), 0);
    assert_int_equal(buf_add_view(&url, text_at(doc, "host")), 0);
    assert_int_equal(buf_add_view(&url, text_at(doc, "path")), 0);
    if (text_at(doc, "query").len) {
        assert_int_equal(buf_add_char(&url, '?'), 0);
        assert_int_equal(buf_add_view(&url, text_at(doc, "query")), 0);
    }
    assert_string_equal(buf_str(&q.url), buf_str(&url));
    assert_true(view_is(text_at(doc, "method"), q.method));
    assert_int_equal(q.body.len, text_at(doc, "body_raw").len);
    if (q.body.len)
        assert_memory_equal(buf_str(&q.body), text_at(doc, "body_raw").ptr, q.body.len);
    assert_true(has_header(&q, "Date", text_at(doc, "headers.Date")));
    assert_true(has_header(&q, "Content-Type", VIEW_LIT("application/json")));
    assert_true(has_header(&q, "Content-MD5", text_at(doc, "headers.Content-MD5")));
    assert_true(has_header(&q, "X-Signature", text_at(doc, "headers.X-Signature")));
    assert_int_equal(q.policy, HTTP_POLICY_AMOJO);

    http_request_fini(&q);
    json_free(doc);
    buf_fini(&text);
    buf_fini(&url);
    registry_free(r);
}

static void a_clients_message_is_built_as_recorded(void **state)
{
    (void)state;
    expect_fixture(&client_message, "message-from-contact-text");
}

static void an_answer_to_write_first_links_both_sides(void **state)
{
    const struct command c = {
        .kind = COMMAND_AMO_MESSAGE,
        .key = VIEW_LIT("mb-msg-2"),
        .scope = VIEW_LIT(SCOPE),
        .source = VIEW_LIT("mobilon-line-1"),
        .conversation_id = VIEW_LIT("mb-chat-2001"),
        .conversation_ref_id = VIEW_LIT("790828af-8198-47dc-bb6d-7b77bc553278"),
        .sender_id = VIEW_LIT("mb-user-2001"),
        .sender_ref_id = VIEW_LIT("33ab2254-1636-4340-a3dd-be2ce8a083d3"),
        .sender_name = VIEW_LIT("70001112233"),
        .sender_phone = VIEW_LIT("+70001112233"),
        .content.text = VIEW_LIT("Да, слушаю"),
        .sent_ms = INT64_C(1767225720250),
    };

    (void)state;
    expect_fixture(&c, "message-from-contact-linked-write-first");
}

static void a_reply_names_the_quoted_message(void **state)
{
    struct command c = client_message;

    (void)state;
    c.key = VIEW_LIT("mb-msg-15");
    c.content.text = VIEW_LIT("Согласен");
    c.sent_ms = INT64_C(1767226500250);
    c.content.reply_id = VIEW_LIT("e8dddc74-3fc4-4694-a2ba-aaa23709df45");
    expect_fixture(&c, "message-from-contact-reply-by-id");
}

static void every_delivery_status_is_built_as_recorded(void **state)
{
    static const char *const errors[] = {"delivery-error-901", "delivery-error-902",
                                         "delivery-error-903", "delivery-error-904",
                                         "delivery-error-905"};
    struct command c = {
        .kind = COMMAND_AMO_STATUS,
        .scope = VIEW_LIT(SCOPE),
        .message_id = VIEW_LIT(AMO_ID),
        .status_code = 1,
        .error_code = 905, /* not sent unless the status is -1 */
        .error_text = VIEW_LIT("nothing"),
    };

    (void)state;
    expect_fixture(&c, "delivery-delivered");
    c.status_code = 2;
    expect_fixture(&c, "delivery-read");
    c.status_code = -1;
    for (int i = 0; i < 5; i++) {
        struct json *doc = NULL;
        struct buf text;

        buf_init(&text, 1 << 20);
        read_fixture(errors[i], &text);
        assert_int_equal(json_parse(buf_view(&text), &doc), 0);
        c.error_code = 901 + i;
        c.error_text = text_at(doc, "body.error");
        expect_fixture(&c, errors[i]);
        json_free(doc);
        buf_fini(&text);
    }
}

static void connecting_an_account_is_built_as_recorded(void **state)
{
    const struct command c = {
        .kind = COMMAND_AMO_CONNECT,
        .scope = VIEW_LIT(SCOPE),
        .account = VIEW_LIT(ACCOUNT),
        .title = VIEW_LIT("Мессенджер"),
    };
    struct command from_channel = c;

    (void)state;
    expect_fixture(&c, "connect");
    from_channel.scope = VIEW_LIT(CHANNEL);
    expect_fixture(&from_channel, "connect");
}

static void creating_a_chat_is_built_as_recorded(void **state)
{
    struct command c = client_message;
    const struct command minimal = {
        .kind = COMMAND_AMO_CREATE_CHAT,
        .scope = VIEW_LIT(SCOPE),
        .conversation_id = VIEW_LIT("mb-chat-1002"),
        .sender_id = VIEW_LIT("mb-user-1002"),
        .sender_name = VIEW_LIT("Без профиля"),
    };
    const struct command by_ref = {
        .kind = COMMAND_AMO_CREATE_CHAT,
        .scope = VIEW_LIT(SCOPE),
        .conversation_id = VIEW_LIT("mb-chat-1003"),
        .sender_ref_id = VIEW_LIT("5fc8f953-dc8c-47ab-956f-ee93b90e74c2"),
    };

    (void)state;
    c.kind = COMMAND_AMO_CREATE_CHAT;
    expect_fixture(&c, "create-chat");
    expect_fixture(&minimal, "create-chat-minimal");
    expect_fixture(&by_ref, "create-chat-by-ref-id");
}

static void the_history_is_asked_for_as_recorded(void **state)
{
    const struct command c = {
        .kind = COMMAND_AMO_HISTORY,
        .scope = VIEW_LIT(SCOPE),
        .chat_id = VIEW_LIT(CHAT),
        .key = VIEW_LIT("mb-msg-1"),
    };

    (void)state;
    expect_fixture(&c, "history");
}

/* --- what is left out ---------------------------------------------------------------------- */

static void build_amojo(const struct command *c, struct http_request *q)
{
    struct registry *r = make_registry("http://127.0.0.1:9800/base/");

    http_request_init(q);
    assert_int_equal(build(c, r, q), 0);
    registry_free(r);
}

static void a_source_amojo_would_refuse_is_left_out(void **state)
{
    static const char *const refused[] = {"", "линия", "tab\there",
                                          "0123456789012345678901234567890123456"};
    struct command c = client_message;
    struct http_request q;

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(refused); i++) {
        c.source = view_of(refused[i]);
        build_amojo(&c, &q);
        assert_null(view_find(buf_view(&q.body), "\"source\""));
        http_request_fini(&q);
    }
    c.source = VIEW_LIT("012345678901234567890123456789012345");
    build_amojo(&c, &q);
    assert_non_null(view_find(buf_view(&q.body), "\"source\""));
    http_request_fini(&q);
}

static void a_client_without_a_name_is_called_by_phone_or_id(void **state)
{
    struct command c = {.kind = COMMAND_AMO_MESSAGE,
                        .key = VIEW_LIT("k"),
                        .scope = VIEW_LIT(SCOPE),
                        .conversation_id = VIEW_LIT("c"),
                        .sender_id = VIEW_LIT("u-1")};
    struct http_request q;

    (void)state;
    build_amojo(&c, &q);
    assert_non_null(view_find(buf_view(&q.body), "\"name\":\"u-1\""));
    assert_non_null(view_find(buf_view(&q.body), "\"text\":\"\""));
    assert_null(view_find(buf_view(&q.body), "profile"));
    http_request_fini(&q);
    c.sender_phone = VIEW_LIT("7900");
    build_amojo(&c, &q);
    assert_non_null(view_find(buf_view(&q.body), "\"name\":\"7900\""));
    http_request_fini(&q);
}

static void the_path_is_signed_with_what_the_address_already_has(void **state)
{
    const struct command c = {
        .kind = COMMAND_AMO_HISTORY, .scope = VIEW_LIT(SCOPE), .chat_id = VIEW_LIT("a b/c")};
    struct amojo_signature s;
    struct http_request q;

    (void)state;
    build_amojo(&c, &q);
    assert_string_equal(buf_str(&q.url), "http://127.0.0.1:9800/base/v2/origin/custom/" SCOPE
                                         "/chats/a%20b%2Fc/history?limit=50&offset=0");
    assert_int_equal(
        amojo_sign(VIEW_LIT(SECRET), "GET", VIEW_LIT(""), "application/json", NOW_MS,
                   VIEW_LIT("/base/v2/origin/custom/" SCOPE "/chats/a%20b%2Fc/history"), &s),
        0);
    assert_true(has_header(&q, "X-Signature", view_of(s.signature)));
    http_request_fini(&q);
}

static void an_error_text_is_cut_at_a_character(void **state)
{
    static char text[600];
    struct command c = {.kind = COMMAND_AMO_STATUS,
                        .scope = VIEW_LIT(SCOPE),
                        .message_id = VIEW_LIT(AMO_ID),
                        .status_code = -1,
                        .error_code = 905};
    struct http_request q;
    struct json *doc = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(text); i += 2)
        text[i] = (char)0xd1, text[i + 1] = (char)0x8e; /* ю */
    c.error_text = view_make(text, sizeof(text));
    build_amojo(&c, &q);
    assert_int_equal(json_parse(buf_view(&q.body), &doc), 0);
    assert_int_equal(text_at(doc, "error").len, 254);
    json_free(doc);
    http_request_fini(&q);
}

static void what_cannot_be_built_says_why(void **state)
{
    struct registry *r = make_registry("https://amojo.amocrm.ru");
    struct command c = client_message;
    struct http_request q;

    (void)state;
    http_request_init(&q);
    c.scope = VIEW_LIT("ffffffff-0000-0000-0000-000000000000_" ACCOUNT);
    assert_int_equal(build(&c, r, &q), TARGET_E_UNREGISTERED);
    http_request_reset(&q);
    c.scope = VIEW_LIT(SCOPE);
    c.kind = COMMAND_AMO_STATUS;
    c.message_id = VIEW_NONE;
    assert_int_equal(build(&c, r, &q), TARGET_E_IMPOSSIBLE);
    http_request_reset(&q);
    c.message_id = VIEW_LIT("..");
    assert_int_equal(build(&c, r, &q), TARGET_E_IMPOSSIBLE);
    http_request_reset(&q);
    secret_fini(&r->channels[0].secrets[0]);
    assert_int_equal(build(&c, r, &q), TARGET_E_UNREGISTERED);
    http_request_reset(&q);
    mem_free(r->channels[0].url);
    r->channels[0].url = mem_strdup("ftp://amojo.example");
    assert_int_equal(secret_init(&r->channels[0].secrets[0], VIEW_LIT(SECRET)), 0);
    assert_int_equal(build(&c, r, &q), TARGET_E_UNREGISTERED);
    http_request_fini(&q);
    registry_free(r);
}

static void a_look_at_a_host_is_an_unsigned_get(void **state)
{
    struct registry *r = make_registry("https://amojo.amocrm.ru");
    struct command c = {.kind = COMMAND_AMO_REACH, .scope = VIEW_LIT(CHANNEL)};
    struct http_request q;

    (void)state;
    http_request_init(&q);
    assert_int_equal(build(&c, r, &q), 0);
    assert_string_equal(buf_str(&q.url), "https://amojo.amocrm.ru");
    assert_string_equal(q.method, "GET");
    assert_true(q.fresh && q.headers.len == 0 && q.body.len == 0);
    http_request_reset(&q);
    assert_false(q.fresh);
    c.scope = VIEW_LIT("unknown");
    assert_int_equal(build(&c, r, &q), TARGET_E_UNREGISTERED);
    c.url = VIEW_LIT("https://door.example/healthz");
    assert_int_equal(build(&c, r, &q), 0);
    assert_string_equal(buf_str(&q.url), "https://door.example/healthz");
    http_request_fini(&q);
    registry_free(r);
}

static void a_test_webhook_is_signed_as_amojo_signs_its_own(void **state)
{
    struct registry *r = make_registry("https://amojo.amocrm.ru");
    struct command c = {.kind = COMMAND_AMO_HOOK,
                        .scope = VIEW_LIT(CHANNEL "_doctor"),
                        .key = VIEW_LIT("nonce-1"),
                        .url = VIEW_LIT("https://door.example/messages/" CHANNEL "_doctor")};
    struct json *doc = NULL;
    struct http_request q;

    (void)state;
    http_request_init(&q);
    assert_int_equal(build(&c, r, &q), 0);
    assert_string_equal(q.method, "POST");
    assert_string_equal(buf_str(&q.url), "https://door.example/messages/" CHANNEL "_doctor");
    assert_true(q.fresh);
    assert_true(amojo_webhook_verify(r->channels[0].secrets, 1, buf_view(&q.body),
                                     view_of(q.signature)));
    assert_true(has_header(&q, "X-Signature", view_of(q.signature)));
    assert_int_equal(json_parse(buf_view(&q.body), &doc), 0);
    assert_true(view_is(text_at(doc, "door_test.nonce"), "nonce-1"));
    json_free(doc);
    http_request_reset(&q);
    c.url = VIEW_LIT("gopher://door.example");
    assert_int_equal(build(&c, r, &q), TARGET_E_IMPOSSIBLE);
    http_request_fini(&q);
    registry_free(r);
}

static void a_status_can_be_spelled_for_once(void **state)
{
    static const struct {
        const char *spelling;
        bool old, new;
    } rows[] = {
        {"old", true,  false},
        {"new", false, true },
        {"",    true,  true },
        {"x",   true,  true }
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(rows); i++) {
        struct command c = {.kind = COMMAND_AMO_STATUS,
                            .scope = VIEW_LIT(SCOPE),
                            .message_id = VIEW_LIT(AMO_ID),
                            .status_code = 1,
                            .spelling = view_of(rows[i].spelling)};
        struct http_request q;

        build_amojo(&c, &q);
        assert_int_equal(view_find(buf_view(&q.body), "delivery_status") != NULL, rows[i].old);
        assert_int_equal(view_find(buf_view(&q.body), "status_code") != NULL, rows[i].new);
        http_request_fini(&q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clients_message_is_built_as_recorded),
        cmocka_unit_test(an_answer_to_write_first_links_both_sides),
        cmocka_unit_test(a_reply_names_the_quoted_message),
        cmocka_unit_test(every_delivery_status_is_built_as_recorded),
        cmocka_unit_test(connecting_an_account_is_built_as_recorded),
        cmocka_unit_test(creating_a_chat_is_built_as_recorded),
        cmocka_unit_test(the_history_is_asked_for_as_recorded),
        cmocka_unit_test(a_source_amojo_would_refuse_is_left_out),
        cmocka_unit_test(a_client_without_a_name_is_called_by_phone_or_id),
        cmocka_unit_test(the_path_is_signed_with_what_the_address_already_has),
        cmocka_unit_test(an_error_text_is_cut_at_a_character),
        cmocka_unit_test(what_cannot_be_built_says_why),
        cmocka_unit_test(a_look_at_a_host_is_an_unsigned_get),
        cmocka_unit_test(a_test_webhook_is_signed_as_amojo_signs_its_own),
        cmocka_unit_test(a_status_can_be_spelled_for_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
