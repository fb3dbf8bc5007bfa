#include "egress/target.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/testing.h"
#include "proto/limits.h"
#include "proto/sign.h"

#define CHANNEL "0b024cf5-011a-41f4-b10c-62b7e5052de5"
#define ACCOUNT "831f0943-4783-43d0-835e-d2d8d2553844"
#define SCOPE   CHANNEL "_" ACCOUNT
#define SECRET  "63e499d7595e7c8b55945cd77957bba45cd50f23"
#define CHAT    "1597678a-12fc-4ee9-a318-564882fc1bfd"
#define AMO_ID  "df78f72d-1dd6-41aa-ae4d-7c602d4cacfc"
/* a view in a static initialiser */
#define LIT(s)                                                                                 \
    {                                                                                          \
        (s), sizeof(s) - 1                                                                     \
    }
/* 2026-01-01T00:00:00Z, when the fixtures were signed */
#define NOW_MS INT64_C(1767225600000)

static struct registry *make_registry(const char *url)
{
    struct registry *r = NULL;
    struct reg_channel *channel = NULL;
    struct reg_connector *connector = NULL;

    assert_int_equal(registry_new(&r), 0);
    channel = registry_add_channel(r);
    channel->id = mem_strdup(CHANNEL);
    channel->url = mem_strdup(url);
    assert_int_equal(secret_init(&channel->secrets[0], view_of(SECRET)), 0);
    connector = registry_add_connector(r);
    connector->name = mem_strdup("demo");
    connector->url = mem_strdup("https://service.example/hook?x=1");
    for (int i = 0; i < 2; i++) {
        char key[32];

        memset(key, 'a' + i, sizeof(key));
        assert_int_equal(secret_init(&connector->secrets[i], view_make(key, sizeof(key))), 0);
    }
    return r;
}

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

static struct view text_at(struct json *doc, const char *path)
{
    struct view v = VIEW_NONE;

    assert_int_equal(json_text(doc, json_path(json_root(doc), path), &v), 0);
    return v.ptr ? v : VIEW_LIT("");
}

static bool has_header(const struct http_request *q, const char *name, struct view value)
{
    struct buf line;
    bool found = false;

    buf_init(&line, 1024);
    assert_int_equal(buf_add_f(&line, "%s: ", name), 0);
    assert_int_equal(buf_add_view(&line, value), 0);
    assert_int_equal(buf_add_char(&line, '\n'), 0);
    found = view_find(buf_view(&q->headers), buf_str(&line)) != NULL;
    buf_fini(&line);
    return found;
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
    assert_int_equal(target_amojo.build(c, r, NOW_MS, &q), 0);

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

static const struct command client_message = {
    .kind = COMMAND_AMO_MESSAGE,
    .key = LIT("mb-msg-1"),
    .scope = LIT(SCOPE),
    .source = LIT("mobilon-line-1"),
    .conversation_id = LIT("mb-chat-1001"),
    .sender_id = LIT("mb-user-1001"),
    .sender_name = LIT("Клиент Тестовый"),
    .sender_avatar = LIT("https://example.com/avatar/1001.png"),
    .sender_phone = LIT("+70001234567"),
    .sender_email = LIT("client@example.com"),
    .sender_link = LIT("https://example.com/u/1001"),
    .type = LIT("text"),
    .text = LIT("Здравствуйте! 👋"),
    .sent_ms = INT64_C(1767225660250),
};

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
        .text = VIEW_LIT("Да, слушаю"),
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
    c.text = VIEW_LIT("Согласен");
    c.sent_ms = INT64_C(1767226500250);
    c.reply_id = VIEW_LIT("e8dddc74-3fc4-4694-a2ba-aaa23709df45");
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
    assert_int_equal(target_amojo.build(c, r, NOW_MS, q), 0);
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
    assert_int_equal(target_amojo.build(&c, r, NOW_MS, &q), TARGET_E_UNREGISTERED);
    http_request_reset(&q);
    c.scope = VIEW_LIT(SCOPE);
    c.kind = COMMAND_AMO_STATUS;
    c.message_id = VIEW_NONE;
    assert_int_equal(target_amojo.build(&c, r, NOW_MS, &q), TARGET_E_IMPOSSIBLE);
    http_request_reset(&q);
    c.message_id = VIEW_LIT("..");
    assert_int_equal(target_amojo.build(&c, r, NOW_MS, &q), TARGET_E_IMPOSSIBLE);
    http_request_reset(&q);
    secret_fini(&r->channels[0].secrets[0]);
    assert_int_equal(target_amojo.build(&c, r, NOW_MS, &q), TARGET_E_UNREGISTERED);
    http_request_reset(&q);
    mem_free(r->channels[0].url);
    r->channels[0].url = mem_strdup("ftp://amojo.example");
    assert_int_equal(secret_init(&r->channels[0].secrets[0], VIEW_LIT(SECRET)), 0);
    assert_int_equal(target_amojo.build(&c, r, NOW_MS, &q), TARGET_E_UNREGISTERED);
    http_request_fini(&q);
    registry_free(r);
}

/* --- webhook ------------------------------------------------------------------------------- */

static const struct command manager_message = {
    .kind = COMMAND_SERVICE_MESSAGE,
    .key = LIT("b0c1d2e3"),
    .connector = LIT("demo"),
    .source = LIT("wa1"),
    .conversation = LIT("79005550101"),
    .receiver_id = LIT("79005550101"),
    .receiver_phone = LIT("79005550101"),
    .author = LIT("5b1f6c1e-0000-4000-8000-000000000017"),
    .type = LIT("text"),
    .text = LIT("Заказ готов"),
    .reply_id = LIT("wa1-3EB0A9F1"),
    .sent_ms = INT64_C(1767225720000),
};

static void a_managers_message_is_built_as_the_connectors_page_shows(void **state)
{
    struct registry *r = make_registry("https://amojo.amocrm.ru");
    struct http_request q;
    char signature[128];

    (void)state;
    http_request_init(&q);
    assert_int_equal(target_webhook.build(&manager_message, r, NOW_MS, &q), 0);
    assert_string_equal(
        buf_str(&q.body),
        "{\"type\":\"message.created\",\"timestamp\":\"2026-01-01T00:02:00.000Z\","
        "\"data\":{\"id\":\"b0c1d2e3\",\"source\":\"wa1\",\"direction\":\"out\",\"write_"
        "first\":false,"
        "\"conversation\":{\"id\":\"79005550101\"},"
        "\"receiver\":{\"id\":\"79005550101\",\"phone\":\"79005550101\"},"
        "\"author\":{\"amo_user\":\"5b1f6c1e-0000-4000-8000-000000000017\"},"
        "\"type\":\"text\",\"text\":\"Заказ готов\",\"reply_to\":{\"id\":\"wa1-3EB0A9F1\"},"
        "\"buttons\":[],\"template\":null}}");
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
    assert_int_equal(target_webhook.build(&manager_message, r, NOW_MS, &q),
                     TARGET_E_UNREGISTERED);
    http_request_reset(&q);
    r->connectors[0].allow_private = true;
    assert_int_equal(target_webhook.build(&manager_message, r, NOW_MS, &q), 0);
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
        assert_int_equal(target_webhook.build(&c, r, NOW_MS, &q), TARGET_E_IMPOSSIBLE);
    }
    http_request_fini(&q);
    registry_free(r);
}

/* --- answers ------------------------------------------------------------------------------- */

static struct http_answer answered(unsigned status, const char *body)
{
    return (struct http_answer){
        .end = HTTP_ANSWERED,
        .status = status,
        .body = view_of(body),
        .status_line = VIEW_LIT("HTTP/1.1 200 OK"),
    };
}

static void read_as(uint64_t kind, unsigned status, const char *body,
                    struct target_reading *ret)
{
    struct command c = client_message;
    struct http_answer a = answered(status, body);

    c.kind = kind;
    target_ops(target_of_kind(kind))->read(&c, &a, ret);
}

static void amos_ids_are_told_from_our_own(void **state)
{
    struct target_reading r;

    (void)state;
    read_as(COMMAND_AMO_MESSAGE, 200,
            "{\"new_message\":{\"conversation_id\":\"" CHAT "\",\"sender_id\":\"" ACCOUNT
            "\",\"msgid\":\"m\",\"ref_id\":\"mb-msg-1\"}}",
            &r);
    assert_true(r.readable);
    assert_true(view_is(r.amo_message_id, "m"));
    assert_true(view_is(r.amo_chat_id, CHAT));
    assert_true(view_is(r.amo_sender_id, ACCOUNT));
    target_reading_fini(&r);
    read_as(COMMAND_AMO_MESSAGE, 200,
            "{\"new_message\":{\"conversation_id\":\"mb-chat-1001\",\"sender_id\":\"x\","
            "\"msgid\":\"m\",\"receiver_id\":null}}",
            &r);
    assert_true(r.readable);
    assert_true(view_empty(r.amo_chat_id) && view_empty(r.amo_sender_id));
    target_reading_fini(&r);
}

static void an_answer_that_teaches_no_id_is_not_readable(void **state)
{
    static const char *const bodies[] = {
        "",
        "OK",
        "[]",
        "{}",
        "{\"new_message\":null}",
        "{\"new_message\":{\"msgid\":\"\"}}",
        "{\"new_message\":{\"msgid\":\"mb-msg-1\"}}", /* ours, not amo's */
        "{\"new_message\":{\"msgid\":{}}}",
        "{\"new_message\":{\"ref_id\":\"mb-msg-1\"}}"};
    struct target_reading r;

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(bodies); i++) {
        read_as(COMMAND_AMO_MESSAGE, 200, bodies[i], &r);
        assert_false(r.readable);
        target_reading_fini(&r);
        read_as(COMMAND_AMO_CREATE_CHAT, 200, bodies[i], &r);
        assert_false(r.readable);
        target_reading_fini(&r);
        read_as(COMMAND_AMO_CONNECT, 200, bodies[i], &r);
        assert_false(r.readable);
        target_reading_fini(&r);
        read_as(COMMAND_AMO_HISTORY, 200, bodies[i], &r);
        assert_false(r.readable || r.complete || r.found);
        target_reading_fini(&r);
        read_as(COMMAND_AMO_STATUS, 200, bodies[i], &r);
        assert_true(r.readable);
        target_reading_fini(&r);
        read_as(COMMAND_SERVICE_MESSAGE, 200, bodies[i], &r);
        assert_true(r.readable);
        target_reading_fini(&r);
    }
}

static void the_history_says_found_only_for_our_own_key(void **state)
{
    struct target_reading r;

    (void)state;
    read_as(COMMAND_AMO_HISTORY, 200,
            "{\"messages\":[{},{\"message\":{\"id\":\"mb-msg-1\"}},"
            "{\"message\":{\"id\":\"a1\",\"client_id\":\"mb-msg-1\"}}]}",
            &r);
    assert_true(r.found && r.complete && r.readable);
    assert_true(view_is(r.amo_message_id, "a1"));
    target_reading_fini(&r);
    read_as(COMMAND_AMO_HISTORY, 200, "{\"messages\":[]}", &r);
    assert_true(!r.found && r.complete);
    target_reading_fini(&r);
    read_as(COMMAND_AMO_HISTORY, 204, "", &r);
    assert_true(!r.found && r.complete && r.readable);
    target_reading_fini(&r);
    read_as(COMMAND_AMO_HISTORY, 403, "{\"messages\":[]}", &r);
    assert_false(r.complete);
    target_reading_fini(&r);
}

static void a_cut_body_teaches_nothing(void **state)
{
    struct http_answer a = answered(200, "{\"messages\":[]}");
    struct command c = client_message;
    struct target_reading r;

    (void)state;
    a.truncated = true;
    c.kind = COMMAND_AMO_HISTORY;
    target_amojo.read(&c, &a, &r);
    assert_false(r.complete || r.readable);
    target_reading_fini(&r);
}

static void a_service_may_teach_its_ids_and_say_why_it_refuses(void **state)
{
    struct target_reading r;

    (void)state;
    read_as(COMMAND_SERVICE_MESSAGE, 202, "{\"conversation\":{\"id\":\"c9\"},\"id\":17}", &r);
    assert_true(r.readable);
    assert_true(view_is(r.service_conversation, "c9"));
    assert_true(view_is(r.service_message_id, "17"));
    target_reading_fini(&r);
    read_as(COMMAND_SERVICE_MESSAGE, 422,
            "{\"conversation\":{\"id\":\"c9\"},\"error\":{\"code\":\"x\",\"message\":\"нет\"}}",
            &r);
    assert_true(view_is(r.words, "нет"));
    assert_true(view_empty(r.service_conversation));
    target_reading_fini(&r);
}

/* --- memory -------------------------------------------------------------------------------- */

static int build_each(void *arg)
{
    const struct registry *r = arg;
    struct command c = client_message;
    struct http_request q;
    int rc = 0;

    http_request_init(&q);
    rc = target_webhook.build(&manager_message, r, NOW_MS, &q);
    for (uint64_t kind = COMMAND_AMO_MESSAGE; kind <= COMMAND_AMO_HISTORY && rc == 0; kind++) {
        http_request_fini(&q);
        http_request_init(&q);
        c.kind = kind;
        c.message_id = c.chat_id = VIEW_LIT(AMO_ID);
        rc = target_amojo.build(&c, r, NOW_MS, &q);
    }
    http_request_fini(&q);
    return rc;
}

static void builders_fail_whole_when_memory_does(void **state)
{
    struct registry *r = make_registry("https://amojo.amocrm.ru");

    (void)state;
    testing_fail_each_allocation(build_each, r);
    registry_free(r);
}

static void without_memory_an_answer_is_not_readable_rather_than_misread(void **state)
{
    struct target_reading r;

    (void)state;
    mem_fail_at(1);
    read_as(COMMAND_AMO_MESSAGE, 200, "{\"new_message\":{\"msgid\":\"m\"}}", &r);
    mem_fail_at(0);
    assert_false(r.readable);
    target_reading_fini(&r);
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
        cmocka_unit_test(a_managers_message_is_built_as_the_connectors_page_shows),
        cmocka_unit_test(plain_http_needs_a_connector_that_may_go_to_private_networks),
        cmocka_unit_test(a_key_that_would_break_a_header_is_impossible),
        cmocka_unit_test(amos_ids_are_told_from_our_own),
        cmocka_unit_test(an_answer_that_teaches_no_id_is_not_readable),
        cmocka_unit_test(the_history_says_found_only_for_our_own_key),
        cmocka_unit_test(a_cut_body_teaches_nothing),
        cmocka_unit_test(a_service_may_teach_its_ids_and_say_why_it_refuses),
        cmocka_unit_test(builders_fail_whole_when_memory_does),
        cmocka_unit_test(without_memory_an_answer_is_not_readable_rather_than_misread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
