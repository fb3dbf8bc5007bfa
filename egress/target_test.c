#include "egress/target.h"

#include "egress/target_testing.h"

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

static void what_need_teach_nothing_is_readable_whatever_it_says(void **state)
{
    static const uint64_t kinds[] = {
        COMMAND_AMO_STATUS,       COMMAND_AMO_REACTION,   COMMAND_AMO_TYPING,
        COMMAND_AMO_DISCONNECT,   COMMAND_AMO_EDIT,       COMMAND_SERVICE_MESSAGE,
        COMMAND_SERVICE_REACTION, COMMAND_SERVICE_TYPING, COMMAND_SERVICE_FAILED,
        COMMAND_SERVICE_TEST,     COMMAND_AMO_REACH,      COMMAND_AMO_HOOK,
    };
    static const char *const bodies[] = {"", "OK", "{}", "[]", "{\"new_message\":null}"};

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(kinds); i++) {
        for (size_t j = 0; j < AMO_COUNT(bodies); j++) {
            struct target_reading r;

            read_as(kinds[i], j ? 200 : 204, bodies[j], &r);
            assert_true(r.readable && view_empty(r.amo_message_id));
            target_reading_fini(&r);
        }
    }
}

static void a_page_is_no_answer_to_anything(void **state)
{
    static const uint64_t kinds[] = {
        COMMAND_AMO_MESSAGE,      COMMAND_AMO_OUTGOING,   COMMAND_AMO_EDIT,
        COMMAND_AMO_STATUS,       COMMAND_AMO_REACTION,   COMMAND_AMO_DISCONNECT,
        COMMAND_AMO_CONNECT,      COMMAND_AMO_HISTORY,    COMMAND_AMO_CREATE_CHAT,
        COMMAND_SERVICE_MESSAGE,  COMMAND_SERVICE_TYPING, COMMAND_SERVICE_FAILED,
        COMMAND_SERVICE_REACTION, COMMAND_SERVICE_TEST,
    };
    static const char *const bodies[] = {"<html></html>", " \r\n\t<!DOCTYPE html>",
                                         "\xef\xbb\xbf<?xml version=\"1.0\"?>"};
    struct target_reading r;

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(kinds); i++) {
        for (size_t j = 0; j < AMO_COUNT(bodies); j++) {
            read_as(kinds[i], 200, bodies[j], &r);
            assert_false(r.readable || r.complete || r.found);
            target_reading_fini(&r);
        }
    }
}

static void what_is_neither_json_nor_a_word_consents_to_nothing(void **state)
{
    static const uint64_t kinds[] = {COMMAND_AMO_EDIT, COMMAND_AMO_STATUS, COMMAND_AMO_REACTION,
                                     COMMAND_AMO_TYPING, COMMAND_AMO_DISCONNECT};
    static const char *const bodies[] = {"We will be back soon",
                                         "{\"new_message\":{\"msgid\":\"4",
                                         "\x1f\x8b\x08",
                                         "{\"status\":\"error\"}",
                                         "{\"error_code\":400,\"error_type\":\"BAD_REQUEST\"}",
                                         "{\"errors\":[1]}",
                                         "{\"error\":{\"code\":\"no\"}}"};
    struct target_reading r;

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(kinds); i++) {
        for (size_t j = 0; j < AMO_COUNT(bodies); j++) {
            read_as(kinds[i], 200, bodies[j], &r);
            assert_false(r.readable);
            target_reading_fini(&r);
        }
    }
}

static void a_sentence_that_is_called_html_is_a_page_and_what_an_api_says_is_none(void **state)
{
    static const struct {
        const char *body;
        bool html, page;
    } rows[] = {
        {"We will be back soon", true,  true },
        {"We will be back soon", false, false},
        {"OK\n",                 true,  false},
        {"Accepted!",            true,  false},
        {" {\"id\": \"7\"}",     true,  false},
        {"[]",                   true,  false},
        {"\"taken over\"",       true,  false},
        {"",                     true,  false},
        {"<p>",                  false, true },
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(rows); i++) {
        struct http_answer a = answered(200, rows[i].body);
        struct command c = client_message;
        struct target_reading r;

        a.html = rows[i].html;
        c.kind = COMMAND_SERVICE_MESSAGE;
        assert_int_equal(target_is_page(&a), rows[i].page);
        target_ops(TARGET_WEBHOOK)->read(&c, &a, &r);
        assert_int_equal(r.readable, !rows[i].page);
        target_reading_fini(&r);
    }
}

static void an_answer_about_another_message_is_none(void **state)
{
    struct target_reading r;

    (void)state;
    read_as(COMMAND_AMO_MESSAGE, 200,
            "{\"new_message\":{\"msgid\":\"" AMO_ID "\",\"ref_id\":\"mb-msg-2\"}}", &r);
    assert_false(r.readable);
    target_reading_fini(&r);
}

static void an_answer_about_the_edit_of_another_message_is_none(void **state)
{
    struct http_answer a =
        answered(200, "{\"new_message\":{\"msgid\":\"" AMO_ID "\",\"ref_id\":\"mb-msg-2\"}}");
    struct command c = client_message;
    struct target_reading r;

    (void)state;
    c.kind = COMMAND_AMO_EDIT;
    c.message_client_id = VIEW_LIT("mb-msg-1");
    target_amojo.read(&c, &a, &r);
    assert_false(r.readable || r.amo_message_id.len);
    target_reading_fini(&r);
    c.message_id = VIEW_LIT(AMO_ID); /* the same message under a name that it had before */
    target_amojo.read(&c, &a, &r);
    assert_true(r.readable);
    target_reading_fini(&r);
}

static void a_message_of_our_side_teaches_who_the_client_is_to_amo(void **state)
{
    struct target_reading r;

    (void)state;
    read_as(COMMAND_AMO_OUTGOING, 200,
            "{\"new_message\":{\"msgid\":\"m\",\"receiver_id\":\"" CHAT "\"}}", &r);
    assert_true(r.readable && view_is(r.amo_receiver_id, CHAT));
    target_reading_fini(&r);
    read_as(COMMAND_AMO_MESSAGE, 200,
            "{\"new_message\":{\"msgid\":\"m\",\"receiver_id\":\"our-own\"}}", &r);
    assert_true(r.readable && view_empty(r.amo_receiver_id));
    target_reading_fini(&r);
}

static void an_edit_teaches_amos_id_when_it_says_one(void **state)
{
    struct target_reading r;

    (void)state;
    read_as(COMMAND_AMO_EDIT, 200,
            "{\"new_message\":{\"msgid\":\"" AMO_ID "\",\"ref_id\":\"mb-msg-1\"}}", &r);
    assert_true(r.readable && view_is(r.amo_message_id, AMO_ID));
    target_reading_fini(&r);
}

static void without_a_key_the_history_names_the_newest_of_amos_own(void **state)
{
    struct command c = {.kind = COMMAND_AMO_HISTORY};
    const struct http_answer a = {
        .end = HTTP_ANSWERED,
        .status = 200,
        .body = VIEW_LIT("{\"messages\":[{\"message\":{\"id\":\"a-1\",\"client_id\":\"ours\"}},"
                         "{\"message\":{\"id\":\"a-2\"}},{\"message\":{\"id\":\"a-3\"}}]}"),
    };
    struct target_reading r;

    (void)state;
    target_amojo.read(&c, &a, &r);
    assert_true(r.found && r.complete && view_is(r.amo_message_id, "a-2"));
    target_reading_fini(&r);
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
    assert_true(view_is(r.words, "нет") && view_is(r.code, "x"));
    assert_true(view_empty(r.service_conversation));
    target_reading_fini(&r);
}

/* --- memory -------------------------------------------------------------------------------- */

static void each_kind_of_command_has_its_side(void **state)
{
    (void)state;
    for (uint64_t kind = COMMAND_AMO_MESSAGE; kind <= COMMAND_AMO_HOOK; kind++) {
        bool service = strncmp(command_kind_name(kind), "service.", 8) == 0;

        assert_int_equal(target_of_kind(kind), service ? TARGET_WEBHOOK : TARGET_AMOJO);
    }
}

static void only_what_json_calls_a_number_is_one(void **state)
{
    static const char *const numbers[] = {
        "0",   "-0",   "55",     "55.755864",       "-37.617698000",
        "1e5", "1E+5", "0.1e-7", "9007199254740993"};
    static const char *const others[] = {"",    "-",   "+1",    "01",  "1.",  ".5",
                                         "1e",  "1e+", "1 ",    " 1",  "0x1", "1,5",
                                         "NaN", "inf", "1.5.2", "--1", "1-1", "1}"};

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(numbers); i++)
        assert_true(target_is_number(view_of(numbers[i])));
    for (size_t i = 0; i < AMO_COUNT(others); i++)
        assert_false(target_is_number(view_of(others[i])));
    assert_false(target_is_number(VIEW_NONE));
    assert_false(target_is_number(view_make("1\0", 2)));
}

static void a_spelling_nobody_knows_is_both(void **state)
{
    (void)state;
    assert_int_equal(status_spelling_of("old"), STATUS_SPELLING_OLD);
    assert_int_equal(status_spelling_of("new"), STATUS_SPELLING_NEW);
    assert_int_equal(status_spelling_of("both"), STATUS_SPELLING_BOTH);
    assert_int_equal(status_spelling_of(""), STATUS_SPELLING_BOTH);
}

static int build_each(void *arg)
{
    const struct registry *r = arg;
    struct command c = client_message;
    struct http_request q;
    int rc = 0;

    c.connector = VIEW_LIT("demo");
    c.message_id = c.chat_id = VIEW_LIT(AMO_ID);
    c.url = VIEW_LIT("https://door.example/messages/x");
    c.content.shared_post = VIEW_LIT("{\"url\":\"https://e.example/1\"}");
    c.content.post = VIEW_LIT("{\"id\":\"post-1\"}");
    c.content.buttons = VIEW_LIT("[{\"text\":\"a\",\"row\":0}]");
    c.content.list = c.content.template = VIEW_LIT("{\"id\":1}");
    for (c.kind = COMMAND_AMO_MESSAGE; c.kind <= COMMAND_AMO_HOOK && rc == 0; c.kind++) {
        http_request_init(&q);
        rc = build(&c, r, &q);
        http_request_fini(&q);
    }
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
        cmocka_unit_test(amos_ids_are_told_from_our_own),
        cmocka_unit_test(an_answer_that_teaches_no_id_is_not_readable),
        cmocka_unit_test(what_need_teach_nothing_is_readable_whatever_it_says),
        cmocka_unit_test(a_page_is_no_answer_to_anything),
        cmocka_unit_test(what_is_neither_json_nor_a_word_consents_to_nothing),
        cmocka_unit_test(a_sentence_that_is_called_html_is_a_page_and_what_an_api_says_is_none),
        cmocka_unit_test(an_answer_about_another_message_is_none),
        cmocka_unit_test(an_answer_about_the_edit_of_another_message_is_none),
        cmocka_unit_test(a_message_of_our_side_teaches_who_the_client_is_to_amo),
        cmocka_unit_test(an_edit_teaches_amos_id_when_it_says_one),
        cmocka_unit_test(the_history_says_found_only_for_our_own_key),
        cmocka_unit_test(without_a_key_the_history_names_the_newest_of_amos_own),
        cmocka_unit_test(a_cut_body_teaches_nothing),
        cmocka_unit_test(a_service_may_teach_its_ids_and_say_why_it_refuses),
        cmocka_unit_test(each_kind_of_command_has_its_side),
        cmocka_unit_test(only_what_json_calls_a_number_is_one),
        cmocka_unit_test(a_spelling_nobody_knows_is_both),
        cmocka_unit_test(builders_fail_whole_when_memory_does),
        cmocka_unit_test(without_memory_an_answer_is_not_readable_rather_than_misread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
