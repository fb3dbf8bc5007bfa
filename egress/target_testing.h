#pragma once

/* For the tests of targets only: a registry to build with, commands to build from. */

#include <stdio.h>
#include <string.h>

#include "base/testing.h"
#include "egress/target.h"

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

static inline struct registry *make_registry(const char *url)
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

/* As an attempt does it. */
static inline int build(const struct command *c, const struct registry *r,
                        struct http_request *q)
{
    const struct target_context x = {.registry = r, .now_ms = NOW_MS};

    return target_ops(target_of_kind(c->kind))->build(c, &x, q);
}

static inline struct view text_at(struct json *doc, const char *path)
{
    struct view v = VIEW_NONE;

    assert_int_equal(json_text(doc, json_path(json_root(doc), path), &v), 0);
    return v.ptr ? v : VIEW_LIT("");
}

static inline bool has_header(const struct http_request *q, const char *name, struct view value)
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
    .content.type = LIT("text"),
    .content.text = LIT("Здравствуйте! 👋"),
    .sent_ms = INT64_C(1767225660250),
};

static const struct command manager_message = {
    .kind = COMMAND_SERVICE_MESSAGE,
    .key = LIT("b0c1d2e3"),
    .connector = LIT("demo"),
    .source = LIT("wa1"),
    .conversation = LIT("79005550101"),
    .receiver_id = LIT("79005550101"),
    .receiver_phone = LIT("79005550101"),
    .author = LIT("5b1f6c1e-0000-4000-8000-000000000017"),
    .content.type = LIT("text"),
    .content.text = LIT("Заказ готов"),
    .content.reply_id = LIT("wa1-3EB0A9F1"),
    .sent_ms = INT64_C(1767225720000),
};
