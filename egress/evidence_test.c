#include "egress/evidence.h"

#include "base/testing.h"
#include "proto/limits.h"

static void expect(const struct http_answer *a, struct view secret, const char *wanted)
{
    struct buf out;

    buf_init(&out, 65536);
    assert_int_equal(evidence_add(&out, a, &secret, 1, NULL), 0);
    assert_string_equal(buf_str(&out), wanted);
    buf_fini(&out);
}

static void an_answer_shows_as_status_line_and_body(void **state)
{
    struct http_answer a = {.end = HTTP_ANSWERED,
                            .status = 400,
                            .status_line = VIEW_LIT("HTTP/1.1 400 Bad Request"),
                            .body = VIEW_LIT("{\"error\":\n\"плохо\"}")};

    (void)state;
    expect(&a, VIEW_NONE, "HTTP/1.1 400 Bad Request: {\"error\": \"плохо\"}");
    a.body = VIEW_LIT("");
    expect(&a, VIEW_NONE, "HTTP/1.1 400 Bad Request");
}

static void no_answer_shows_as_its_reason(void **state)
{
    struct http_answer a = {.end = HTTP_NOT_SENT, .words = "Could not resolve host: x"};

    (void)state;
    expect(&a, VIEW_NONE, "Could not resolve host: x");
}

static void control_characters_and_broken_bytes_do_not_get_through(void **state)
{
    struct http_answer a = {.end = HTTP_ANSWERED,
                            .status_line = VIEW_LIT("HTTP/1.1 500 X"),
                            .body = VIEW_LIT("a\x1b[31m\x7f\xc2\x9b\xff\xe2\x82z\0b")};

    (void)state;
    expect(&a, VIEW_NONE, "HTTP/1.1 500 X: a [31m  ???z b");
}

static void a_secret_that_is_echoed_is_masked_each_time(void **state)
{
    struct http_answer a = {.end = HTTP_ANSWERED,
                            .status_line = VIEW_LIT("HTTP/1.1 403 X"),
                            .body = VIEW_LIT("abc123 and abc123abc123!")};

    (void)state;
    expect(&a, VIEW_LIT("abc123"), "HTTP/1.1 403 X: ****** and ************!");
    expect(&a, VIEW_LIT(""), "HTTP/1.1 403 X: abc123 and abc123abc123!");
}

static void evidence_ends_at_its_limit_and_at_a_character(void **state)
{
    static char body[10000];
    struct http_answer a = {.end = HTTP_ANSWERED, .status_line = VIEW_LIT("H")};
    struct buf out;

    (void)state;
    for (size_t i = 0; i + 1 < sizeof(body); i += 2)
        body[i] = (char)0xd0, body[i + 1] = (char)0xb6; /* ж */
    a.body = view_make(body, sizeof(body));
    buf_init(&out, 65536);
    assert_int_equal(evidence_add(&out, &a, NULL, 0, NULL), 0);
    assert_true(out.len <= LIMIT_EVIDENCE_BYTES && out.len > LIMIT_EVIDENCE_BYTES - 4);
    assert_true(json_utf8_valid(buf_view(&out)));
    buf_fini(&out);
}

static void words_are_one_line_of_so_many_bytes(void **state)
{
    static char text[2000];
    struct buf out;

    (void)state;
    buf_init(&out, 65536);
    assert_int_equal(evidence_add_words(&out, view_of("нет\nтакого"), 255, NULL), 0);
    assert_string_equal(buf_str(&out), "нет такого");
    buf_reset(&out);
    for (size_t i = 0; i + 1 < sizeof(text); i += 2)
        text[i] = (char)0xd1, text[i + 1] = (char)0x8b; /* ы */
    assert_int_equal(evidence_add_words(&out, view_make(text, sizeof(text)), 255, NULL), 0);
    assert_int_equal(out.len, 254);
    assert_true(json_utf8_valid(buf_view(&out)));
    buf_fini(&out);
}

static int add_all(void *arg)
{
    struct http_answer a = {.end = HTTP_ANSWERED,
                            .status_line = VIEW_LIT("HTTP/1.1 500 X"),
                            .body = VIEW_LIT("body")};
    struct buf out;
    int rc = 0;

    (void)arg;
    buf_init(&out, 65536);
    rc = evidence_add(&out, &a, NULL, 0, NULL);
    buf_fini(&out);
    if (rc)
        return rc;
    rc = evidence_add_words(&out, view_of("words"), 255, NULL);
    buf_fini(&out);
    return rc;
}

static void without_memory_there_is_no_evidence_and_no_leak(void **state)
{
    (void)state;
    testing_fail_each_allocation(add_all, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_shows_as_status_line_and_body),
        cmocka_unit_test(no_answer_shows_as_its_reason),
        cmocka_unit_test(control_characters_and_broken_bytes_do_not_get_through),
        cmocka_unit_test(a_secret_that_is_echoed_is_masked_each_time),
        cmocka_unit_test(evidence_ends_at_its_limit_and_at_a_character),
        cmocka_unit_test(words_are_one_line_of_so_many_bytes),
        cmocka_unit_test(without_memory_there_is_no_evidence_and_no_leak),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
